"""Canonical keys of rows as the source has them, also of those that were not mapped, such as a transform drops."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from connector.mapping.arrow import registrable
from connector.mapping.engine import ROWS, Engine
from connector.mapping.event_id import canonical, key_of
from connector.mapping.prints import hashed
from connector.mapping.scope import Scope
from connector.mapping.selection import Indexes, select
from connector.mapping.spec import MappingSpec


class Keys:
    """Tells the keys of rows, and what their hashes are made of, a batch at a time.

    Args:
        spec: the source and its key.
        engine: runs the statement.
    """

    def __init__(self, spec: MappingSpec, engine: Engine) -> None:
        self._engine = engine
        self._columns = list(spec.key)
        parts, casts = canonical_parts(
            spec, pa.schema([spec.schema.field(name) for name in spec.key]), engine
        )
        keys = f"SELECT {key_of(parts)} AS row_key FROM (SELECT {', '.join(casts)} FROM {ROWS})"
        made = ", ".join(f"{sql} AS {name}" for name, sql in hashed("row_key").items())
        self._statement = f"SELECT row_key, {made} FROM ({keys})"

    def of(self, rows: pa.RecordBatch) -> tuple[pa.Table, Indexes]:
        """Return ``row_key``, ``known`` and ``whole`` (see `Plan`) of rows, and the indexes of those that can be read."""
        named = registrable(rows.select(self._columns), [f"c{n}" for n in range(len(self._columns))])
        return select(self._engine, self._statement, named)


def canonical_parts(spec: MappingSpec, schema: pa.Schema, engine: Engine) -> tuple[list[str], list[str]]:
    """Return SQL of the canonical parts of the key, as eventIds have them, and the columns that it needs beside c0 …."""
    scope = Scope(spec, schema, engine)
    parts, casts = [], []
    for n, name in enumerate(spec.key):
        if name not in schema.names:
            continue
        column, declared = scope.column(name), scope.casts(name)
        casts.append(f"TRY_CAST({column.sql} AS {declared}) AS k{n}" if declared else f"{column.sql} AS k{n}")
        parts.append(canonical(replace(column, sql=f"k{n}"), spec.timezone))
    return parts, casts
