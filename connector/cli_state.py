"""The commands over what survives between runs: ``connector state …``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from connector.cli_options import Configs, Env, Json, State, Target, confirmed, exit_codes, load, state_of
from connector.errors import ConfigError


class Assumed(StrEnum):
    """What a person says was sent."""

    SENT = "sent"
    UNSENT = "unsent"


state_app = typer.Typer(help="Look at and change what survives between runs.", no_args_is_help=True)


@state_app.command("show")
def state_show(
    target: Target, configs: Configs = None, state: State = None, env: Env = None, json: Json = False
) -> None:
    """Show how far a sync has come: its watermark."""
    from connector import statekeeping

    with exit_codes():
        sync = load(target, configs, env)
        statekeeping.show(sync, state_of(sync, state), json=json)


@state_app.command("set")
def state_set(
    target: Target,
    watermark: Annotated[
        str, typer.Argument(help="The watermark as JSON, as `state show --json` prints it.")
    ],
    configs: Configs = None,
    state: State = None,
    env: Env = None,
) -> None:
    """Set a sync's watermark by hand."""
    from connector import statekeeping

    with exit_codes():
        sync = load(target, configs, env)
        statekeeping.place(sync, state_of(sync, state), watermark)


@state_app.command("reset")
def state_reset(
    target: Target,
    configs: Configs = None,
    state: State = None,
    env: Env = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Forget a sync's watermark: its next run starts from the beginning and sends everything again."""
    from connector import statekeeping

    with exit_codes():
        sync = load(target, configs, env)
        if not (yes or confirmed(f"The next run of {sync.sync} sends everything again. Reset?")):
            raise ConfigError(f"{sync.sync} was not reset: nobody said yes", hint="answer y, or add --yes")
        statekeeping.reset(sync, state_of(sync, state))


@state_app.command("rename")
def state_rename(
    target: Target,
    old: Annotated[str, typer.Argument(help="The id that the state was kept under.")],
    configs: Configs = None,
    state: State = None,
    env: Env = None,
) -> None:
    """Give the state kept under another id to this sync."""
    from connector import statekeeping

    with exit_codes():
        sync = load(target, configs, env)
        statekeeping.rename(sync, state_of(sync, state), old)


@state_app.command("rebuild")
def state_rebuild(
    target: Target,
    assume: Annotated[
        Assumed,
        typer.Option(
            "--assume",
            help="sent: all rows up to the watermark, as the mapping makes them now, count as sent; unsent: none does.",
        ),
    ],
    configs: Configs = None,
    state: State = None,
    env: Env = None,
) -> None:
    """Note anew what Track has of a sync (synced), when that was lost or not kept. Sends nothing."""
    from connector import rebuilding

    with exit_codes():
        sync = load(target, configs, env)
        rebuilding.rebuild(sync, state_of(sync, state), sent=assume is Assumed.SENT)


@state_app.command("copy")
def state_copy(
    to: Annotated[
        str, typer.Option("--to", help="The URL or path of a store that holds nothing yet; it is created.")
    ],
    configs: Configs = None,
    state: State = None,
    env: Env = None,
    json: Json = False,
) -> None:
    """Copy the state of all syncs into another store, such as from a file into PostgreSQL."""
    from connector import statekeeping
    from connector.config.syncs import state_url, store_url

    with exit_codes():
        folder = configs or Path("configs")
        source = state_url(folder / "connector.yaml", state, environment=env)
        statekeeping.copy(source, store_url(to, folder, "--to"), json=json)
