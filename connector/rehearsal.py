"""What a sync would do, without doing it: nothing is sent and no state is touched."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa

from connector import wiring
from connector.config.models import Sync
from connector.cutting import Cutting, Fixed
from connector.feed import limited
from connector.load.packing import leave_out
from connector.load.track import Bodies
from connector.model import EMPTY_WATERMARK, MappedBatch, Recovery, SourceBatch, Watermark
from connector.opening import Compared, Decided, Opening
from connector.reading import Moving, Opened, Reading
from connector.state.synced import Synced


@dataclass(frozen=True, slots=True)
class Preview:
    """A source row beside what becomes of it: its items, or the code and words of its reject, or neither."""

    row: dict[str, Any]
    items: tuple[dict[str, Any], ...]
    reject: str = ""
    message: str = ""


@dataclass(slots=True)
class Rehearsal:
    """Everything that a run has open, but its destination.

    Attributes:
        opened: what is open; the state only to be read.
        compared: the run beside the one before.
        recovery: what runs have left unfinished.
        moving: what is moved.
        reading, mapping: seconds that took so far.
    """

    opened: Opened
    compared: Compared
    recovery: Recovery
    moving: Moving
    reading: float = 0.0
    mapping: float = 0.0

    def batches(self) -> Iterator[MappedBatch]:
        """Yield what would be packed, in order."""
        while (batch := self._read()) is not None:
            since = time.perf_counter()
            mapped = leave_out(self.moving.mapper.map(batch), self.recovery)
            self.mapping += time.perf_counter() - since
            yield mapped
        for rest in self.moving.rest():
            yield leave_out(rest, self.recovery)

    def _read(self) -> SourceBatch | None:
        since = time.perf_counter()
        batch = next(self.moving.batches, None)
        self.reading += time.perf_counter() - since
        return batch


@contextmanager
def rehearsing(sync: Sync, state: str, reading: Reading, decided: Decided) -> Iterator[Rehearsal]:
    """Open what a run would open, and hold it against the last one as a run does.

    Raises:
        ConnectorError: as a run that cannot start.
    """
    with wiring.located(sync), ExitStack() as stack:
        store = stack.enter_context(wiring.open_store(state, read_only=True))

        def synced(watermark: Watermark) -> Synced | None:
            source = sync.source
            return store.foresee_synced(sync.id, source.tracked, keyed=source.keyed, new=not watermark)

        opening = Opening(sync, store, reading.open, decided)
        opened = opening.open(stack, synced)
        compared = opening.compare(opened)
        yield Rehearsal(opened, compared, store.left(sync.id), reading.moving(opened))


def requests(sync: Sync, state: str, reading: Reading, decided: Decided) -> Iterator[bytes]:
    """Yield the exact bodies that a run would send, in order (at the ceilings of size, nothing learned).

    Raises:
        ConnectorError: as a run that cannot start, or fails while it reads.
    """
    with rehearsing(sync, state, reading, decided) as rehearsal:
        yield from bodies(sync, rehearsal.batches())


def _sample(sync: Sync, limit: int) -> Iterator[MappedBatch]:
    """Yield the first rows of the source, mapped, whatever the state says."""
    with ExitStack() as stack:
        with wiring.located(sync):
            extractor = wiring.open_extractor(sync)
            stack.callback(extractor.close)
            extractor.estimate(EMPTY_WATERMARK)
            mapper = wiring.open_mapper(sync, extractor)
            stack.callback(mapper.close)
        for batch in limited(extractor.read(mapper.columns, EMPTY_WATERMARK), limit):
            yield mapper.map(batch)


def bodies(sync: Sync, batches: Iterator[MappedBatch]) -> Iterator[bytes]:
    """Yield the exact bodies that batches would be sent in, in order, at the ceilings of size."""
    cutting = Cutting(Fixed(sync.destination.max_items, sync.destination.max_bytes), lambda: None)
    for batch in batches:
        cutting.add(batch)
        while (request := cutting.peek()) is not None:
            cutting.take()
            if request.last > request.first:
                yield Bodies(batch).body(request.first, request.last)


def preview(sync: Sync, limit: int) -> list[Preview]:
    """Return the first `limit` rows of the source beside what becomes of them."""
    return [shown for batch in _sample(sync, limit) for shown in beside(batch)]


def beside(batch: MappedBatch) -> list[Preview]:
    """Return each row of `batch` beside what becomes of it."""
    entries = {int(row): index for index, row in enumerate(batch.row)}
    shown: list[Preview] = []
    for index, row in enumerate(_shown(batch.source.rows)):
        if index in entries:
            shown.append(Preview(row, items_of(batch, entries[index])))
        elif index in batch.rejected:
            reject = batch.rejected[index]
            shown.append(Preview(row, (), reject.reason, reject.message))
        else:
            shown.append(Preview(row, (), "", "filtered: no mapping takes it, or the transform dropped it"))
    return shown


def items_of(batch: MappedBatch, entry: int) -> tuple[dict[str, Any], ...]:
    """Return the items of an entry, each with the name of its event."""
    body = json.loads(Bodies(batch).body(entry, entry + 1), parse_float=Decimal)
    return tuple({"name": part["name"], **item} for part in body["track"] for item in part["payload"])


def _shown(rows: pa.RecordBatch) -> list[dict[str, Any]]:
    """Return rows as Python values, times as text: Python's know no nanoseconds and end with the year 9999."""
    columns = [column.cast(_with_text(column.type)) for column in rows.columns]
    shown: list[dict[str, Any]] = pa.RecordBatch.from_arrays(columns, names=rows.schema.names).to_pylist()
    return shown


def _with_text(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_temporal(kind) and not pa.types.is_interval(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_with_text(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_with_text(field.type)) for field in kind])
    return kind
