"""Arrow columns as DuckDB takes them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import pyarrow as pa
import pyarrow.compute as pc

_READ_AS_THEY_ARE = ("arrow.uuid", "arrow.json", "arrow.bool8")
MARK = b"connector"  # field metadata: what a text column means


def registrable(rows: pa.Table | pa.RecordBatch, names: Sequence[str]) -> pa.Table:
    """Return `rows` under other names, in types that DuckDB reads without loss.

    Decimals beyond 38 digits become their text and half floats floats. A table without columns gets one, as
    DuckDB needs it to know the number of rows.
    """
    if not rows.num_columns:
        return pa.table({"c0": pa.nulls(rows.num_rows)})
    return pa.Table.from_arrays([_readable(column) for column in rows.columns], names=list(names))


def from_their_start(rows: pa.Table) -> pa.Table:
    """Return rows whose structs begin where their memory does: DuckDB refuses slices of structs within structs."""
    for place, column in enumerate(rows.columns):
        if pa.types.is_nested(column.type) and any(chunk.offset for chunk in column.chunks):
            with suppress(pa.ArrowNotImplementedError):  # views cannot be taken
                whole = pa.chunked_array(
                    [chunk.take(pa.array(range(len(chunk)))) for chunk in column.chunks], column.type
                )
                rows = rows.set_column(place, rows.schema.field(place), whole)
    return rows


def _readable(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType) and kind.extension_name not in _READ_AS_THEY_ARE:
        column = column.cast(kind.storage_type) if isinstance(column, pa.ChunkedArray) else column.storage
        kind = column.type
    wanted = _type(kind, top=True)
    return column if wanted.equals(kind) else pc.cast(column, wanted)


def _type(kind: pa.DataType, *, top: bool = False) -> pa.DataType:
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_decimal(kind) and (kind.bit_width > 128 or not 0 <= kind.scale <= kind.precision):
        return pa.string() if top else pa.decimal128(38, max(0, min(kind.scale, 38)))
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_type(kind.value_type)))
    if pa.types.is_large_list(kind):
        return pa.large_list(kind.value_field.with_type(_type(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_type(field.type)) for field in kind])
    return kind
