"""A backfill from its plan to its ledger: where it meets the live lane, how it is cut, and what it may not be."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal

from connector import wiring
from connector.config.models import Column, Sync
from connector.errors import ConfigError
from connector.extract.backfilling import Asked, Cut, Sizes, unsliceable
from connector.model import EMPTY_WATERMARK
from connector.mover import LEASE
from connector.opening import Decided, Opening
from connector.state.backfills import Backfill
from connector.state.runs import LIVE
from connector.state.schema import now
from connector.state.store import StateStore

Order = Literal["newest", "oldest"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person wants filled, and how.

    Attributes:
        asked: the range.
        order: which slices come first.
        sizes: of slices.
    """

    asked: Asked
    order: Order
    sizes: Sizes

    @property
    def json(self) -> dict[str, Any]:
        """As the ledger keeps it."""
        return {"from": self.asked.low, "to": self.asked.high, "by": self.asked.by, "order": self.order}


@dataclass(frozen=True, slots=True)
class Planned:
    """A backfill as it would begin.

    Attributes:
        cut: seam and slices.
        prints: the fingerprint of the sync as it was planned.
        waits: whether the live lane must wait until it is done.
        seconds: how long the plan took.
        notes: what a person should know before it starts.
        rate: rows a second of the last run that read enough to tell; None where none did.
    """

    cut: Cut
    prints: Mapping[str, Any]
    waits: bool
    seconds: float
    notes: tuple[str, ...]
    rate: float | None


# So many rows tell how fast a run is.
_ENOUGH = 5_000


def orders(sync: Sync) -> bool:
    """Tell whether it matters what arrives first: of anything but events, unless these are ordered, too."""
    return any(mapping.kind != "event" or mapping.ordered for mapping in sync.mapping)


def held(sync: Sync) -> bool:
    """Tell whether the live lane must not read what slices may have in hand in an older version.

    What is known of a row must not become that of an older version, either.
    """
    return orders(sync) or sync.source.tracked


def shared(sync: Sync) -> bool:
    """Tell whether items of one entity may come of several rows, where their order is promised (invariant 10)."""
    ordered = [mapping for mapping in sync.mapping if mapping.kind != "event" or mapping.ordered]
    if not ordered:
        return False
    source = sync.source
    if source.type != "database" or source.transform or len(ordered) > 1 or len(source.key) != 1:
        return True
    fields = ordered[0].fields
    # Of several identifiers the first that a row has is what its item is about; a key is never null.
    first = next((fields[name] for name in _IDENTITIES[ordered[0].kind] if name in fields), None)
    plain = isinstance(first, Column) and first.default is None and not first.hash
    return not (plain and isinstance(first, Column) and first.column == source.key[0])


# What an item of a kind is about, as `connector/mapping/items.py` has it.
_IDENTITIES = {
    "event": ("profileId", "userId", "accountId"),
    "identify": ("profileId", "userId"),
    "group": ("accountId",),
    "product": ("productId",),
}


def refuse(sync: Sync, wanted: Wanted) -> None:
    """Refuse what no backfill can keep the promises for.

    Raises:
        ConfigError: an event without a timestamp, or an order that cannot be kept.
    """
    for number, mapping in enumerate(sync.mapping):
        if mapping.kind == "event" and mapping.timestamp is None:
            place = f"mapping.{number}.timestamp" if len(sync.mapping) > 1 else "mapping.timestamp"
            raise unsliceable(
                "its events have no timestamp, so Track would date them to the day they arrive",
                "map timestamp to the column that says when it happened",
                place,
            )
    if shared(sync) and (wanted.order != "oldest" or wanted.sizes.workers > 1 or wanted.asked.by != "cursor"):
        raise unsliceable(
            "several rows may tell of one entity, so slices must come one after the other, the oldest first",
            "add --order oldest --workers 1; the live lane waits meanwhile",
        )


def plan(sync: Sync, store: StateStore, wanted: Wanted) -> Planned:
    """Look at the source and cut it; nothing is written.

    Raises:
        ConfigError: no backfill can be made of it.
        ConnectorError: source or state cannot be read.
    """
    refuse(sync, wanted)
    began, source = time.monotonic(), sync.source
    store.foresee_synced(sync.id, source.tracked, keyed=source.keyed, new=not store.watermark(sync.id))
    with ExitStack() as stack, wiring.located(sync):
        opening = Opening(sync, store, wiring.open_extractor, Decided())
        opened = opening.open(stack, lambda _: None)
        prints = opening.compare(opened).prints
        cut = opened.extractor.cut(opened.watermark, wanted.asked, wanted.sizes)
    waits = shared(sync)
    return Planned(
        cut, prints, waits, time.monotonic() - began, tuple(_notes(cut, waits)), _rate(store, sync)
    )


def _rate(store: StateStore, sync: Sync) -> float | None:
    for run in store.runs(sync.id):
        if run.ended is not None and run.counts.read >= _ENOUGH:
            return run.counts.read / max((run.ended - run.started).total_seconds(), 0.001)
    return None


def _notes(cut: Cut, waits: bool) -> Iterator[str]:
    yield from cut.notes
    if waits:
        yield "several rows may tell of one entity: the live lane reads nothing until the backfill is done"


def begin(sync: Sync, store: StateStore, wanted: Wanted) -> tuple[Backfill, Planned]:
    """Plan a backfill and write its ledger; where the live lane must not move meanwhile, it is held.

    Raises:
        ConfigError: as `plan`; or another one is not done.
        LeaseHeld: the sync runs, and must not.
    """
    with ExitStack() as stack:
        lease = None
        new = store.watermark(sync.id) == EMPTY_WATERMARK
        if held(sync) or _moves(store, sync):
            lease = stack.enter_context(store.acquire(sync.id, LIVE, ttl=dt.timedelta(seconds=LEASE)))
            stack.enter_context(lease.kept())
        planned = plan(sync, store, wanted)
        backfill = Backfill(
            uuid.uuid4().hex[:12],
            sync.id,
            planned.cut.seam,
            {**wanted.json, "waits": planned.waits, "ordered": held(sync)},
            now(),
            paused=False,
            ended=None,
        )
        parts = [(part.bounds, part.rows) for part in planned.cut.slices]
        if wanted.order == "newest":
            parts.reverse()
        if lease is not None and sync.source.tracked and new:
            store.begin_synced(lease, keyed=sync.source.keyed)
        prints = planned.prints if new else None
        store.begin_backfill(
            backfill, parts, lease=lease, watermark=planned.cut.watermark, fingerprint=prints
        )
    return backfill, planned


def _moves(store: StateStore, sync: Sync) -> bool:
    """Tell whether the live lane's watermark may be written: of a new sync, of files, and where a first run began late."""
    watermark = store.watermark(sync.id)
    part = watermark.get("rows") or {}
    files = sync.source.type != "database"
    return files or watermark == EMPTY_WATERMARK or "from" in part or "above" in part


def unfinished(store: StateStore, sync: Sync) -> Backfill:
    """Return the backfill of a sync that is not done.

    Raises:
        ConfigError: there is none.
    """
    found = store.backfill(sync.id)
    if found is None:
        raise ConfigError(
            f"no backfill of {sync.sync} is unfinished", hint=f"connector backfill {sync.sync} begins one"
        )
    return found
