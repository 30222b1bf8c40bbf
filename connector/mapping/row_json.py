"""The SELECT that shows a source row: its key and the whole row as JSON, for rejects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from connector.mapping.engine import ROWS, Engine
from connector.mapping.json_sql import JsonWriter, member_name
from connector.mapping.objects import Piece, concatenated
from connector.mapping.scope import Scope
from connector.mapping.spec import MappingSpec


def row_statement(spec: MappingSpec, columns: Sequence[str], engine: Engine) -> str:
    """Return a SELECT of ``key`` (a JSON array, empty without a key) and ``row`` (a JSON object), both text.

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
    key = [Piece("[")]
    for n, name in enumerate(spec.key):
        key += [Piece("," if n else ""), Piece(shown.get(name, "'null'"), sql=True)]
    key = [*key, Piece("]")] if spec.key else []
    return f"SELECT {concatenated(key)} AS key, {concatenated([*row, Piece('}')])} AS row FROM {ROWS}"
