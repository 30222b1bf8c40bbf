"""``connector reconcile``: what the source holds against what Track is known to have, row for row, by key and cursor.

First the source counts and sums ranges of its cursor, which is cheap where an index leads to them; only where a range
differs are its keys read. Content is compared in mode diff only, which reads everything in any case. Nothing is sent.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from connector import wiring
from connector.config.models import Sync
from connector.errors import ConfigError, StateError
from connector.extract import Extractor, Range
from connector.mapping.mapper import Mapper
from connector.model import SourceBatch, Watermark
from connector.narrowing import narrow
from connector.runner import LEASE, LIVE
from connector.state.known import known_versions
from connector.state.store import StateStore
from connector.state.synced import Synced
from connector.synced import FILTERED, GONE, Prints, Segment
from connector.unchanged import Unchanged, once


@dataclass(slots=True)
class Findings:
    """What was found.

    Attributes:
        known: rows that are known to have been read.
        ranges: how many were compared, 0 where all keys were read.
        differing: how many of them differ.
        read: rows whose keys were read.
        missing: rows below the watermark that no run has read.
        outdated: rows of which an older version was read.
        gone: rows that were read and are not in the source any more.
        waiting: rows that have changed since: the next run reads them.
        keys: canonical keys of the missing and the outdated.
        lost: prints of those that are gone.
    """

    known: int = 0
    ranges: int = 0
    differing: int = 0
    read: int = 0
    missing: int = 0
    outdated: int = 0
    gone: int = 0
    waiting: int = 0
    keys: list[str] = field(default_factory=list)
    lost: list[Prints] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """What is counted, by name."""
        return {name: value for name in self.__slots__ if isinstance(value := getattr(self, name), int)}

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield what was found in words, with its number."""
        yield "known to have been read", f"{self.known:,}"
        if self.ranges:
            yield "ranges of the cursor counted by the source", f"{self.ranges:,}"
            yield "ranges that differ: their keys were read", f"{self.differing:,}"
        yield "rows whose keys were read", f"{self.read:,}"
        yield "missing: below the watermark, and never read", f"{self.missing:,}"
        yield "outdated: an older version was read", f"{self.outdated:,}"
        yield "gone from the source since they were read", f"{self.gone:,}"
        yield "changed since: the next run reads them", f"{self.waiting:,}"

    @property
    def clean(self) -> bool:
        """Whether everything that was read is what the source holds."""
        return not (self.missing or self.outdated or self.gone)


def reconcile(sync: Sync, state: str, *, exact: bool, between: tuple[str | None, str | None]) -> Findings:
    """Compare a sync's source with what Track is known to have.

    Args:
        sync: keeps what was sent.
        state: URL of the state store; it is only read.
        exact: whether to read all keys, without counting first.
        between: the least and the greatest cursor, [from, to), as text; None is open.

    Raises:
        ConfigError: what was sent is not kept, or the cursor has no such ranges.
        StateError: nothing was sent yet, or what was sent is not known.
    """
    if not sync.source.tracked:
        raise ConfigError(
            f"{sync.sync} does not keep what was sent",
            hint=f"set source.track_keys: true, then: connector state rebuild {sync.sync} --assume sent",
            path="source.track_keys",
        )
    with ExitStack() as stack:
        store = stack.enter_context(wiring.open_store(state, read_only=True))
        synced, watermark = _synced(sync, store), store.watermark(sync.id)
        with wiring.located(sync):
            extractor = wiring.open_extractor(sync)
            stack.callback(extractor.close)
            extractor.estimate(watermark)
            if sync.source.mode == "diff":
                return _contents(sync, extractor, synced, stack)
        low, high = (None if text is None else extractor.version(text) for text in between)
        versions = known_versions(synced)
        found = Findings(known=len(versions))
        narrowed = None if exact else narrow(extractor, watermark, versions, (low, high))
        del versions
        ranges: list[Range] | None = None if between == (None, None) else [(low, high)]
        if narrowed is not None:
            found.ranges, found.differing = narrowed.ranges, len(narrowed.differing)
            ranges = narrowed.joined
        if ranges is None or ranges:
            with wiring.located(sync):
                mapper = wiring.open_keys(sync, extractor)
                stack.callback(mapper.close)
            reread = Reread(extractor, mapper, watermark, synced)
            _compare(reread, ranges, found, bounded=between != (None, None))
        return found


def _synced(sync: Sync, store: StateStore) -> Synced:
    synced = store.synced(sync.id)
    if synced is None:
        raise StateError(
            f"nothing is known of what was sent of {sync.sync} in {store.where}",
            hint=f"run it once, or: connector state rebuild {sync.sync} --assume sent",
        )
    return synced


def note_gone(sync: Sync, state: str, lost: Sequence[Prints]) -> None:
    """Note rows as gone from the source, so that they are not found missing again. Track keeps what it has of them.

    Raises:
        LeaseHeld: the sync runs.
    """
    with ExitStack() as stack:
        store = stack.enter_context(wiring.open_store(state))
        lease = stack.enter_context(store.acquire(sync.id, LIVE, ttl=dt.timedelta(seconds=LEASE)))
        for part in lost:
            gone = part.copy()
            gone["mark"] = GONE
            if len(gone):
                store.note_synced(lease, Segment(gone))


def _there(prints: Prints) -> npt.NDArray[np.bool_]:
    there: npt.NDArray[np.bool_] = prints["mark"] != GONE
    return there


# ── where ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Reread:
    """What reads keys again and looks them up."""

    extractor: Extractor
    mapper: Mapper
    watermark: Watermark
    synced: Synced

    def looked_up(
        self, batches: Iterator[SourceBatch]
    ) -> Iterator[tuple[Prints, npt.NDArray[np.bool_], Prints, pa.Array]]:
        """Yield the prints of rows, which of them are known, as what, and their canonical keys."""
        for batch in batches:
            mapped = self.mapper.map(batch)
            assert mapped.prints is not None and mapped.keys is not None  # noqa: S101, PT018 - open_keys asks for them
            yield mapped.prints, *self.synced.look(mapped.prints), mapped.keys


def _compare(reread: Reread, ranges: Sequence[Range] | None, found: Findings, *, bounded: bool) -> None:
    """Read the keys of ranges, or all, and say of each row whether it is known as it is."""
    passed = reread.extractor.read_passed(reread.mapper.columns, reread.watermark, ranges)
    for prints, there, known, keys in reread.looked_up(passed):
        found.read += len(prints)
        missing = ~there | (known["mark"] == GONE)
        outdated = ~missing & (known["version"] != prints["version"])
        found.missing += int(missing.sum())
        found.outdated += int(outdated.sum())
        found.keys += keys.filter(pa.array(missing | outdated)).to_pylist()
    if not any(map(len, _unseen(reread.synced, ranges))):
        return
    # What is not where it was may stand above the watermark by now, or, where not all ranges are compared, in another.
    extractor = reread.extractor
    for _, there, known, _ in reread.looked_up(extractor.read_ahead(reread.mapper.columns, reread.watermark)):
        found.waiting += int((there & _counts(known, ranges)).sum())
    if bounded and any(map(len, _unseen(reread.synced, ranges))):
        for _ in reread.looked_up(extractor.read_passed(reread.mapper.columns, reread.watermark)):
            pass
    found.lost = list(_unseen(reread.synced, ranges))
    found.gone = sum(map(len, found.lost))


def _counts(prints: Prints, ranges: Sequence[Range] | None) -> npt.NDArray[np.bool_]:
    """Say which prints are of rows that were read in one of `ranges`, and of which an item was made."""
    inside: npt.NDArray[np.bool_] = _there(prints) & (prints["mark"] != FILTERED)
    if ranges is None:
        return inside
    within = np.zeros(len(prints), np.bool_)
    for low, high in ranges:
        above = prints["version"] >= (_LEAST if low is None else low)
        within |= above & (prints["version"] < (_MOST if high is None else high))
    inside &= within
    return inside


def _unseen(synced: Synced, ranges: Sequence[Range] | None) -> Iterator[Prints]:
    for part in synced.unread():
        yield part[_counts(part, ranges)]


_LEAST, _MOST = -(1 << 63), (1 << 63) - 1


def _contents(sync: Sync, extractor: Extractor, synced: Synced, stack: ExitStack) -> Findings:
    """Compare items, as a pass of mode diff does."""
    mapper = wiring.open_mapper(sync, extractor)
    stack.callback(mapper.close)
    unchanged = Unchanged(mapper, synced, once(sync))
    found = Findings(known=sum(int(_there(part).sum()) for part in synced.all()))
    for batch in extractor.read(mapper.columns, extractor.restarted(Watermark({}))):
        mapped = unchanged.map(batch)
        found.read += batch.rows.num_rows
        there, _ = synced.look(mapped.prints) if mapped.prints is not None else (np.zeros(0, np.bool_), None)
        found.missing += int((~there[mapped.row]).sum())
        found.outdated += int(there[mapped.row].sum())
    found.gone, _ = synced.count_unseen()
    return found
