"""Rows as the drivers of SQLAlchemy's dialects hand them over, into Arrow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from connector.extract.databases.alchemy_types import text_of
from connector.extract.databases.finer import cut_off, holds_all, shortened
from connector.extract.databases.reader import Chunk, Column, Statement
from connector.extract.databases.typed import misfit, typed


def chunk_of(rows: list[tuple[Any, ...]], statement: Statement, timezone: str) -> Chunk:
    """Turn rows into Arrow."""
    warnings: Counter[str] = Counter()
    pairs = zip(statement.columns, zip(*rows, strict=True), strict=True)
    values = [_whole(column, found) for column, found in pairs]
    for place in statement.ordering[1:]:  # a key must leave as it is
        column, found = statement.columns[place], values[place]
        if place < statement.shown and isinstance(found, pa.Array) and not holds_all(column.type, found):
            raise misfit(column)
    arrays = []
    for column, found in zip(statement.columns[: statement.shown], values, strict=False):
        array, counted = typed(_microseconds(column, found), column, timezone)
        arrays.append(array)
        warnings += counted
    raw = tuple(_raw(values[place]) for place in statement.ordering)
    return Chunk(pa.RecordBatch.from_arrays(arrays, schema=statement.schema), raw, warnings)


def _whole(column: Column, values: Sequence[Any]) -> Sequence[Any]:
    """The values; times that were asked for as text as an array of that."""
    if column.output == column.sql or not pa.types.is_timestamp(column.type):
        return values
    found: Sequence[Any] = pa.array(values, pa.string())
    return found


def _microseconds(column: Column, values: Sequence[Any]) -> Sequence[Any]:
    """The values, of times no more than their type has digits for."""
    if not isinstance(values, pa.Array):
        return values
    text: Any = values
    if column.type.unit != "ns":
        text = cut_off(text)
    return list(text.to_pylist())


def _raw(values: Sequence[Any]) -> pa.Array:
    if isinstance(values, pa.Array):
        return shortened(values)
    return pa.array([text_of(value) for value in values], pa.string())
