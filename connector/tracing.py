"""``connector trace``: where one row is. In the source, before the watermark or behind it, in Track, among the rejects."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from connector import wiring
from connector.config.models import Sync
from connector.errors import ConfigError
from connector.extract import Extractor, Standing
from connector.extract.sought import sought
from connector.keys import canonical_key
from connector.mapping.forgotten import digests
from connector.mapping.mapper import Mapper
from connector.model import MappedBatch, Watermark
from connector.rehearsal import Preview, beside
from connector.state.rejects import RejectFilter, StoredReject
from connector.state.store import StateStore
from connector.synced import LEFT, PRINT, Prints, key_hash
from connector.synced import outcome as became
from connector.unchanged import once


@dataclass(frozen=True, slots=True)
class Noted:
    """What synced has of a row.

    Attributes:
        mark: what became of the row, see `connector/synced.py`.
        left: whether Track has, or may have, an item of an earlier version of it.
        same_item: whether the row becomes today what it became then; None where nothing can be compared.
        same_version: whether its cursor is still what it was then; None likewise.
    """

    mark: int
    left: bool = False
    same_item: bool | None = None
    same_version: bool | None = None


@dataclass(slots=True)
class Trace:
    """All that is known of a row.

    Attributes:
        sync, mode: the sync, and how it reads.
        key: canonical.
        standing: where the row stands in the source.
        rows: how many rows of this key the source has; the last one counts.
        waiting: how many of these no run has read.
        cursor: its value, None where the cursor is no column or the row is not there.
        watermark: how far runs have come, where that can be told in few words.
        today: the row beside what the mapping makes of it now; None where it is not there.
        forgotten: whether the row, or its user, must not be sent any more.
        once: whether a row is told of once, whatever becomes of it.
        kept: whether it is kept what became of rows (synced).
        noted: what synced has of it.
        rejects: its rejects, open and closed, the newest first.
    """

    sync: str
    mode: str
    key: str
    standing: Standing = Standing.ABSENT
    rows: int = 0
    waiting: int = 0
    cursor: Any = None
    watermark: Any = None
    today: Preview | None = None
    forgotten: bool = False
    once: bool = False
    kept: bool = False
    noted: Noted | None = None
    rejects: list[StoredReject] = field(default_factory=list)

    @property
    def found(self) -> bool:
        """Whether anything at all is known of it."""
        return self.standing is not Standing.ABSENT or bool(self.noted or self.rejects or self.forgotten)


def trace(sync: Sync, state: str, text: str) -> Trace:
    """Look a row up wherever it may be. Nothing is written.

    Args:
        sync: reads it.
        state: URL of the state store.
        text: its key, as people write it.

    Raises:
        ConfigError: the sync has no key, or no row of it can have this one.
        SourceError, StateError: something cannot be read.
    """
    if not sync.source.key:
        raise ConfigError(
            f"{sync.sync} has no source.key: nothing tells its rows apart",
            hint="set source.key, or look for the row among the rejects: connector rejects list",
            path="source.key",
        )
    found = Trace(sync.sync, sync.source.mode, canonical_key(text), once=once(sync), kept=sync.source.tracked)
    with wiring.located(sync), ExitStack() as stack:
        store = stack.enter_context(wiring.open_store(state, read_only=True))
        watermark, forgotten = store.watermark(sync.id), store.forgotten(sync.id)
        extractor = wiring.open_extractor(sync)
        stack.callback(extractor.close)
        extractor.estimate(watermark)
        mapper = wiring.open_mapper(sync, extractor, forgotten)
        stack.callback(mapper.close)
        _refuse(sync, extractor, found.key)
        found.watermark = next(iter(watermark.values())) if len(watermark) == 1 else None
        mapped = _read(found, extractor, mapper, watermark)
        if mapped is not None:
            _show(found, sync, mapped)
        _look_up(found, store, sync, mapped)
        digest = digests(sync.id, "key", [found.key])[0]
        found.forgotten = found.forgotten or ("key", digest) in forgotten
    return found


def _refuse(sync: Sync, extractor: Extractor, key: str) -> None:
    """Refuse a key that no row can have.

    Raises:
        ConfigError: it has other parts, or one of them cannot be a value of its column.
    """
    schema = extractor.schema()
    fields = [schema.field(name) for name in sync.source.key]
    columns = ", ".join(f"{each.name} ({each.type})" for each in fields)
    if len(json.loads(key)) != len(fields):
        raise ConfigError(
            f"the key of {sync.sync} has {len(fields)} {'part' if len(fields) == 1 else 'parts'}: {columns}",
            hint="write a composite key as a JSON array, such as '[7,\"a\"]'",
        )
    if not list(sought([key], fields, sync.source.timezone, 1)):
        raise ConfigError(
            f"no row of {sync.sync} can have this key: {columns}",
            hint="17 is a number, '\"17\"' a text; times are written as in ISO 8601, in UTC",
        )


def _read(found: Trace, extractor: Extractor, mapper: Mapper, watermark: Watermark) -> MappedBatch | None:
    """Find the row, and map the last one of it that counts."""
    found.standing = extractor.standing(found.key, watermark)
    passed = found.standing in (Standing.PASSED, Standing.AGAIN)
    columns = tuple(extractor.schema().names)
    last = None
    for batch in extractor.read_keys(columns, [found.key], watermark if passed else None):
        found.rows += batch.rows.num_rows
        last = batch if batch.rows.num_rows else last
    if passed:
        everywhere = extractor.read_keys((), [found.key], None)
        found.waiting = max(sum(batch.rows.num_rows for batch in everywhere) - found.rows, 0)
    return None if last is None else mapper.map(last)


def _show(found: Trace, sync: Sync, mapped: MappedBatch) -> None:
    found.today = beside(mapped)[-1]
    found.forgotten = "forgotten" in mapped.warnings
    if isinstance(sync.source.cursor, str):
        found.cursor = found.today.row.get(sync.source.cursor)
    if mapped.describe is not None:  # as the state has it, which may be otherwise than people write it
        found.key = mapped.describe([mapped.source.rows.num_rows - 1])[0].key or found.key


def _look_up(found: Trace, store: StateStore, sync: Sync, mapped: MappedBatch | None) -> None:
    found.rejects = sorted(
        store.iterate_rejects(RejectFilter(sync.id, key=found.key, closed=True)),
        key=lambda one: one.last_seen,
        reverse=True,
    )
    synced = store.synced(sync.id) if found.kept else None
    if synced is None:
        return
    wanted = np.zeros(1, PRINT)
    wanted["high"], wanted["low"] = key_hash(found.key)
    there, known = synced.look(wanted)
    if there[0]:
        found.noted = _noted(known, mapped)


def _noted(known: Prints, mapped: MappedBatch | None) -> Noted:
    mark, left = int(became(known["mark"])[0]), bool(known["mark"][0] & LEFT)
    if mapped is None or mapped.prints is None:
        return Noted(mark, left)
    row = mapped.source.rows.num_rows - 1
    compared = bool(np.isin(row, mapped.row)) or row in mapped.rejected
    item = bool(known["item"][0] == mapped.prints["item"][row]) if compared else None
    # A pass gives all rows its own number: of these nothing follows.
    numbered = isinstance(mapped.source.version, str)
    return Noted(
        mark, left, item, None if numbered else bool(known["version"][0] == mapped.prints["version"][row])
    )


def open_reasons(rejects: Sequence[StoredReject]) -> str:
    """Return the reasons of the rejects that are open, each once."""
    return ", ".join(dict.fromkeys(one.reject.reason for one in rejects if one.closed is None))


def outcome(found: Trace) -> str:
    """Return what the mapping makes of the row today: ``item``, ``rejected``, ``filtered``, ``forgotten`` or nothing."""
    today = found.today
    if today is None:
        return ""
    if found.forgotten:
        return "forgotten"
    return "item" if today.items else "rejected" if today.reject else "filtered"


def noted_json(noted: Noted | None, names: Mapping[int, str]) -> dict[str, Any] | None:
    """Return what synced has as JSON values."""
    if noted is None:
        return None
    return {
        "known_as": names[noted.mark],
        "earlier_version": noted.left,
        "same_item": noted.same_item,
        "same_version": noted.same_version,
    }
