"""Rejected rows as they were kept with their rejects, mapped with today's mapping."""

from __future__ import annotations

import datetime as dt
from collections import Counter, deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from connector import wiring
from connector.config.models import Sync
from connector.errors import ConnectorError
from connector.extract import Extractor
from connector.mapping.mapper import Mapper
from connector.mapping.stored import StoredRows
from connector.model import EMPTY_WATERMARK, Commit, Counts, MappedBatch, Reject, SourceBatch, Watermark
from connector.pipeline import Lane
from connector.reading import Conclusion, Moving, Opened
from connector.replay import Seen, finished, overwriting
from connector.state.lease import Lease
from connector.state.rejects import RejectFilter, StoredReject
from connector.state.store import StateStore

_ROWS, _BYTES = 1_000, 8_000_000  # of one batch


class FromRejects:
    """The rows of open rejects; of each row only its newest reject, so that no older version goes over a newer one.

    A row is known by its key, and where the source has none by its eventId.

    Args:
        wanted: whose rows are sent again.
    """

    advances = False
    whole = False

    def __init__(self, wanted: RejectFilter) -> None:
        self._wanted = wanted
        self._newest: dict[str, tuple[dt.datetime, int, str, str]] = {}
        self._open: Counter[str] = Counter()
        self._ids: deque[list[str]] = deque()
        self._rowless = self._unreadable = 0
        self._seen: Seen

    def open(self, sync: Sync) -> Extractor:
        """Open the source, for the names and the types of its columns."""
        try:
            return wiring.open_extractor(sync)
        except ConnectorError as error:
            needs = (
                "kept rows need the source for the types of its columns; without it they can only be exported"
                " (connector rejects export)"
            )
            error.hint = "; ".join(filter(None, (error.hint, needs)))
            raise

    def notes(self, opened: Opened, changed: Collection[str]) -> Iterator[str]:
        """Yield what this is, and what may go wrong where a row tells only a part of what is known of somebody."""
        del changed
        yield "a replay: rows of rejects, as they were kept"
        yield from overwriting(opened.sync)

    def moving(self, opened: Opened) -> Moving:
        """Choose the newest reject of each row that is meant, and read them back."""
        store, sync = opened.store, opened.sync
        meant = {_row_of(one) for one in store.iterate_rejects(self._wanted)}
        for one in store.iterate_rejects(sync.id):
            if (row := _row_of(one)) in meant:
                self._open[row] += 1
                self._newest[row] = max(self._newest.get(row, _place(one)), _place(one))
        keyed = bool(sync.source.key)
        self._seen = Seen(opened.mapper, opened.synced)
        return Moving(
            self._read(opened),
            self._seen if keyed else _ByEventId(opened.mapper, self._seen, self._ids),
            open_rejects=store.open_reject_keys(sync.id) if keyed else list(self._newest),
            lane=(lambda lane: lane) if keyed else (lambda lane: _ClosingByEventId(lane, store, sync.id)),
        )

    def _read(self, opened: Opened) -> Iterator[SourceBatch]:
        schema = opened.extractor.schema()
        columns = pa.schema([schema.field(name) for name in opened.mapper.columns])
        stored = StoredRows(columns, opened.sync.source.timezone)
        held: list[tuple[pa.RecordBatch, Reject]] = []
        size = 0
        for one in opened.store.iterate_rejects(opened.sync.id):
            # What this very run rejects under another reason is none of those that were chosen.
            if _row_of(one) not in self._newest or _place(one)[2:] != self._newest[_row_of(one)][2:]:
                continue
            row = self._row(stored, one.reject.row)
            if row is None:
                continue
            held.append((row, one.reject))
            size += row.nbytes
            if len(held) >= _ROWS or size >= _BYTES:
                yield self._batch(opened.sync, held)
                held, size = [], 0
        if held:
            yield self._batch(opened.sync, held)

    def _row(self, stored: StoredRows, text: str | None) -> pa.RecordBatch | None:
        if text is None:
            self._rowless += 1
            return None
        row = stored.row(text)
        self._unreadable += row is None
        return row

    def _batch(self, sync: Sync, held: Sequence[tuple[pa.RecordBatch, Reject]]) -> SourceBatch:
        self._ids.append([reject.event_id for _, reject in held])
        version = pa.array([reject.version for _, reject in held], pa.string())
        rows = pa.concat_batches([row for row, _ in held])
        return SourceBatch(rows, _nowhere, version, EMPTY_WATERMARK, sync.source.key)

    def conclude(self, opened: Opened, lease: Lease, counts: Counts) -> Conclusion:
        """Close what was settled otherwise than by delivery, and say which rows could not be sent."""
        if not finished(self._seen, counts):
            return Conclusion()
        rows, _ = self._seen.among(list(self._newest))
        kind = "keys" if opened.sync.source.key else "event_ids"
        opened.store.settle_rejects(lease, opened.run_id, **{kind: rows})
        older = sum(self._open[row] - 1 for row in rows)
        notes = {
            f"{self._rowless} rejects were kept without their row (rejects.keep_rows): replay them without --stored": self._rowless,
            f"{self._unreadable} kept rows lack a column that is mapped today, or hold what its type does not: replay"
            " them without --stored": self._unreadable,
        }
        return Conclusion(
            Counts(read=older, superseded=older), tuple(note for note, count in notes.items() if count)
        )


class _ByEventId:
    """Knows rows without a key by the eventIds of their rejects."""

    def __init__(self, mapper: Mapper, seen: Seen, ids: deque[list[str]]) -> None:
        self._mapper = mapper
        self._seen = seen
        self._ids = ids

    def map(self, batch: SourceBatch) -> MappedBatch:
        """Map a batch; batches come in the order in which they were made."""
        mapped, ids = self._mapper.map(batch), self._ids.popleft()
        describe = mapped.describe

        def described(rows: Sequence[int]) -> list[Reject]:
            found = describe(rows) if describe else []
            return [replace(row, key=ids[place]) for row, place in zip(found, rows, strict=True)]

        known = replace(mapped, key=self._mapper.key_hashes(ids), describe=described)
        self._seen.note(known)
        return known


@dataclass(frozen=True, slots=True)
class _ClosingByEventId:
    """A lane of a sync without a key: what was delivered is closed by the eventId of its reject."""

    lane: Lane
    store: StateStore
    sync: str

    def commit(self, commit: Commit) -> None:
        """Commit, then close."""
        rejects = tuple(replace(reject, key="") for reject in commit.rejects)
        self.lane.commit(replace(commit, closed=(), rejects=rejects))
        if commit.closed:
            self.store.close_rejects(self.sync, commit.closed)

    def renew(self) -> None:
        """Keep the lease."""
        self.lane.renew()


def _row_of(one: StoredReject) -> str:
    return one.reject.key or one.reject.event_id


def _place(one: StoredReject) -> tuple[dt.datetime, int, str, str]:
    """Return what orders the rejects of a row, the newest last, and tells one from all others."""
    return one.last_seen, one.attempts, one.reject.event_id, one.reject.reason


def _nowhere(_: int) -> Watermark:
    return EMPTY_WATERMARK
