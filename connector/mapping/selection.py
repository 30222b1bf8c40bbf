"""Runs the SELECT so that a row which DuckDB cannot read costs that row, and not the batch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from connector.mapping.engine import Engine, Unreadable

Indexes = npt.NDArray[np.int64]


def select(engine: Engine, statement: str, rows: pa.Table) -> tuple[pa.Table, Indexes]:
    """Run a statement that gives one row for each row.

    DuckDB does not look whether text is UTF-8, and fails on some values while it reads Arrow: on a map with a
    key twice, or on times in seconds that overflow. Where that happens the batch is halved until the rows are found.

    Returns:
        The result, and the indexes of the rows that it is for, ascending.
    """
    kept = np.setdiff1d(np.arange(rows.num_rows), lost) if (lost := list(_not_utf8(rows))) else None
    readable = rows if kept is None else _only(rows, kept)
    try:
        return engine.run(statement, readable), np.arange(rows.num_rows) if kept is None else kept
    except Unreadable:
        results = [engine.run(statement, rows.slice(0, 0))]
        good: list[int] = []
        for place, result in _halves(engine, statement, readable, 0):
            results.append(result)
            good += range(place, place + result.num_rows)
        found = np.array(good, dtype=np.int64)
        return pa.concat_tables(results), found if kept is None else kept[found]


def _halves(engine: Engine, statement: str, rows: pa.Table, place: int) -> Iterator[tuple[int, pa.Table]]:
    """Yield (first row, result) of the parts of `rows` that can be read; `place` is the index of their first row."""
    try:
        yield place, engine.run(statement, rows)
    except Unreadable:
        if rows.num_rows == 1:
            return
        middle = rows.num_rows // 2
        yield from _halves(engine, statement, rows.slice(0, middle), place)
        yield from _halves(engine, statement, rows.slice(middle), place + middle)


def _not_utf8(rows: pa.Table) -> Iterator[int]:
    """Yield the rows with text that is not UTF-8, some more than once."""
    for column in rows.columns:
        if _holds_text(column.type):
            yield from _broken(column, 0)


def _broken(column: pa.ChunkedArray, place: int) -> Iterator[int]:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        if len(column) == 1:
            yield place
            return
        middle = len(column) // 2
        yield from _broken(_part(column, 0, middle), place)
        yield from _broken(_part(column, middle, len(column)), place + middle)


def _part(column: pa.ChunkedArray, first: int, last: int) -> pa.ChunkedArray:
    # A slice of structs still has all their members; views cannot be taken, but their slices are their own.
    try:
        return column.take(pa.array(range(first, last)))
    except pa.ArrowNotImplementedError:
        return column.slice(first, last - first)


def _holds_text(kind: pa.DataType) -> bool:
    if isinstance(kind, pa.BaseExtensionType):
        return _holds_text(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return _holds_text(kind.value_type)
    if pa.types.is_nested(kind):
        return any(_holds_text(kind.field(n).type) for n in range(kind.num_fields))
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _only(rows: pa.Table, kept: Indexes) -> pa.Table:
    # Slices, as Arrow cannot take rows out of string views.
    ends = np.flatnonzero(np.diff(kept) != 1) + 1
    parts = [part for part in np.split(kept, ends) if len(part)]
    return pa.concat_tables([rows.slice(int(part[0]), len(part)) for part in parts] or [rows.slice(0, 0)])
