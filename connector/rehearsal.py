"""What a sync would do, without doing it: nothing is sent and no state is touched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa

from connector import wiring
from connector.config.models import Sync
from connector.cutting import Cutting, Fixed
from connector.feed import limited
from connector.load.track import Bodies
from connector.model import EMPTY_WATERMARK, MappedBatch, Watermark
from connector.reading import Opened, Reading


@dataclass(frozen=True, slots=True)
class Preview:
    """A source row beside what becomes of it: its items, or the code and words of its reject, or neither."""

    row: dict[str, Any]
    items: tuple[dict[str, Any], ...]
    reject: str = ""
    message: str = ""


def mapped_batches(sync: Sync, state: str | None, limit: int | None) -> Iterator[MappedBatch]:
    """Yield what a run would send, from the stored watermark on, or from the start with `state` None."""
    watermark, forgotten = (EMPTY_WATERMARK, ()) if state is None else _stored(sync, state)
    with ExitStack() as stack:
        with wiring.located(sync):
            extractor = wiring.open_extractor(sync)
            stack.callback(extractor.close)
            extractor.estimate(watermark)
            mapper = wiring.open_mapper(sync, extractor, forgotten)
            stack.callback(mapper.close)
        for batch in limited(extractor.read(mapper.columns, watermark), limit):
            yield mapper.map(batch)


def replayed_batches(sync: Sync, state: str, reading: Reading) -> Iterator[MappedBatch]:
    """Yield what a replay would send."""
    with ExitStack() as stack:
        with wiring.located(sync):
            store = stack.enter_context(wiring.open_store(state, read_only=True))
            watermark = store.watermark(sync.id)
            extractor = reading.open(sync)
            stack.callback(extractor.close)
            about = extractor.estimate(watermark)
            mapper = wiring.open_mapper(sync, extractor, store.forgotten(sync.id))
            stack.callback(mapper.close)
        moving = reading.moving(Opened(sync, "", store, extractor, mapper, watermark, about))
        for batch in moving.batches:
            yield moving.mapper.map(batch)


def _stored(sync: Sync, state: str) -> tuple[Watermark, tuple[tuple[str, str], ...]]:
    with wiring.open_store(state, read_only=True) as store:
        return store.watermark(sync.id), store.forgotten(sync.id)


def bodies(sync: Sync, batches: Iterator[MappedBatch]) -> Iterator[bytes]:
    """Yield the exact bodies that batches would be sent in, in order (at the ceilings of size, nothing learned)."""
    cutting = Cutting(Fixed(sync.destination.max_items, sync.destination.max_bytes), lambda: None)
    for batch in batches:
        cutting.add(batch)
        while (request := cutting.peek()) is not None:
            cutting.take()
            if request.last > request.first:
                yield Bodies(batch).body(request.first, request.last)


def preview(sync: Sync, limit: int) -> list[Preview]:
    """Return the first `limit` rows of the source beside what becomes of them."""
    return [shown for batch in mapped_batches(sync, None, limit) for shown in beside(batch)]


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
