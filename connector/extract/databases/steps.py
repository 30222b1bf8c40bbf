"""Rows of a Python driver in steps that fit the memory, whatever their width."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from connector.extract.databases.reader import Statement

# Few rows while nothing is known of their size, never so many that suddenly wide ones would fill the memory.
_FIRST, _LARGEST = 8, 256


def bounded(cursor: Any, statement: Statement) -> Iterator[list[tuple[Any, ...]]]:
    """Yield rows of a DB-API cursor in lists that stay within the limits of `statement`."""
    wide = [
        place
        for place, column in enumerate(statement.columns)
        if pa.types.is_string(column.type) or pa.types.is_binary(column.type)
    ]
    limits = statement.limits
    step = _FIRST
    held: list[tuple[Any, ...]] = []
    size = 0
    while rows := cursor.fetchmany(min(step, limits.rows - len(held))):
        held += rows
        grown = sum(len(row[place]) for row in rows for place in wide if isinstance(row[place], str | bytes))
        grown += 16 * len(rows) * len(statement.columns)
        size += grown
        step = max(1, min(_LARGEST, 2 * step, limits.bytes * len(rows) // (4 * grown)))
        if len(held) >= limits.rows or size >= limits.bytes:
            yield held
            held, size = [], 0
    if held:
        yield held
