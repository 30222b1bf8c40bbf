"""What people do with state between runs: the commands of ``connector state``."""

from __future__ import annotations

import json as jsonlib

from connector import console, wiring
from connector.config.models import Sync
from connector.errors import ConfigError
from connector.model import Watermark


def show(sync: Sync, state: str, *, json: bool) -> None:
    """Print the watermark of a sync."""
    with wiring.open_store(state, read_only=True) as store:
        watermark, where = dict(store.watermark(sync.id)), store.where
    if json:
        console.raw(jsonlib.dumps(watermark, ensure_ascii=False))
        return
    if not watermark:
        console.say(f"{sync.sync}: no state in {where}: the next run starts from the beginning")
        return
    rows = [(name or "rows", jsonlib.dumps(value, ensure_ascii=False)) for name, value in watermark.items()]
    console.table(f"{sync.sync}: watermark", ("part", "value"), rows)


def place(sync: Sync, state: str, text: str) -> None:
    """Set the watermark of a sync from JSON."""
    try:
        value = jsonlib.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ConfigError(
            "the watermark is not a JSON object",
            hint=f"see its form: connector state show {sync.sync} --json",
        )
    with wiring.open_store(state) as store:
        store.set_watermark(sync.id, Watermark(value))
    console.say(f"{sync.sync}: watermark set")


def reset(sync: Sync, state: str) -> None:
    """Forget the watermark of a sync."""
    with wiring.open_store(state) as store:
        store.reset(sync.id)
    console.say(f"{sync.sync}: reset; the next run starts from the beginning")


def rename(sync: Sync, state: str, old: str) -> None:
    """Give the state of `old` to this sync."""
    with wiring.open_store(state) as store:
        store.rename(old, sync.id)
    console.say(f"{sync.sync}: took over the state of {old}")


def copy(source: str, target: str, *, json: bool) -> None:
    """Copy a whole store into an empty one.

    Raises:
        ConfigError: there is nothing to copy, or the target holds something.
    """
    with wiring.open_store(source, read_only=True) as store:  # creates and migrates nothing
        if not store.syncs():
            raise ConfigError(
                f"there is no state in {store.where}", hint="name it by --state, or its folder by --configs"
            )
    with wiring.open_store(source) as store, wiring.open_store(target) as other:
        copied, where = store.copy_to(other), other.where
    if json:
        console.raw(jsonlib.dumps(copied))
        return
    console.table(f"copied into {where}", ("table", "rows"), copied.items())
    console.say("From now on name the new store by --state or CONNECTOR_STATE; the old one is as it was.")
