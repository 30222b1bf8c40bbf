"""Source rows as people see them: the key and the whole row as JSON, for rejects."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from connector.mapping.arrow import registrable
from connector.mapping.engine import ROWS, Engine, Unreadable
from connector.mapping.event_id import key_of
from connector.mapping.json_sql import JsonWriter, member_name
from connector.mapping.keys import canonical_parts
from connector.mapping.objects import Piece, concatenated
from connector.mapping.scope import Scope
from connector.mapping.spec import MappingSpec
from connector.model import Reject


class Shown:
    """Describes rows of the source.

    Args:
        spec: the source, its key, and whether rejects hold their row.
        columns: the columns that are read.
        engine: runs the statement.
    """

    def __init__(self, spec: MappingSpec, columns: Sequence[str], engine: Engine) -> None:
        self._spec = spec
        self._columns = list(columns)
        self._engine = engine
        self._statement = _statement(spec, columns, engine)

    def rejects(
        self, rows: pa.RecordBatch, index: npt.NDArray[np.int64], event_id: Sequence[str]
    ) -> list[Reject]:
        """Return rejects without reason and message for the rows at `index`, whose eventIds are given."""
        if not len(index):
            return []
        if not self._columns:
            return [Reject("", "", found, row="{}" if self._spec.keep_rows else None) for found in event_id]
        read = rows.select(self._columns)
        # Slices, as Arrow cannot take rows out of string views.
        shown = pa.Table.from_batches([read.slice(place, 1) for place in index.tolist()])
        try:
            found = self._engine.run(
                self._statement, registrable(shown, [f"c{n}" for n in range(len(self._columns))])
            )
        except Unreadable:
            return [
                replace(self.unreadable(rows, place), reason="", message="", event_id=name)
                for place, name in zip(index.tolist(), event_id, strict=True)
            ]
        keys, held = found["key"].to_pylist(), found["row"].to_pylist()
        return [
            Reject("", "", name, keys[n], held[n] if self._spec.keep_rows else None)
            for n, name in enumerate(event_id)
        ]

    def unreadable(self, rows: pa.RecordBatch, place: int) -> Reject:
        """Return the reject of a row that DuckDB cannot read: without an eventId, with what can be shown of its key."""
        parts: list[object] = []
        for name in self._spec.key:
            try:
                part = rows[name][place].as_py()
            except (UnicodeDecodeError, ValueError, OverflowError):
                part = None
            parts.append(part)
        key = json.dumps(parts, default=str, ensure_ascii=False) if parts else ""
        message = "the row holds a value that cannot be read, such as text that is not UTF-8 or a map with a key twice"
        return Reject("expression_error", message, "", key)


def _statement(spec: MappingSpec, columns: Sequence[str], engine: Engine) -> str:
    """Return a SELECT of ``key`` (canonical, empty without a key) and ``row`` (a JSON object), both text.

    Values keep all their digits; NaN and infinities are shown as text.

    Args:
        spec: the source and its key.
        columns: the columns that are read, registered as c0 … cN in this order.
        engine: tells types.
    """
    schema = pa.schema([spec.schema.field(name) for name in columns])
    scope = Scope(replace(spec, declared={}), schema, engine)
    writer = JsonWriter(spec.timezone, nulls=True, lossless=True)
    shown: dict[str, str] = {}
    for name in columns:
        # A column that has no JSON form is read for a transform only.
        with scope.quietly():
            shown[name] = f"coalesce({writer.json(scope.column(name))}, 'null')"
    row = [Piece("{")]
    for n, (name, sql) in enumerate(shown.items()):
        row += [Piece(("," if n else "") + member_name(name)), Piece(sql, sql=True)]
    keys, casts = canonical_parts(spec, schema, engine)
    key = key_of(keys) if keys else "''"
    rows = f"(SELECT *, {', '.join(casts)} FROM {ROWS})" if casts else ROWS
    return f"SELECT {key} AS key, {concatenated([*row, Piece('}')])} AS row FROM {rows}"
