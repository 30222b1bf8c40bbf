"""MySQL's types: what the server says of a result's columns, and its text as Arrow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.extract.databases.reader import Chunk, Column, Statement
from connector.extract.databases.typed import misfit, typed

# Numbers of the protocol.
_DECIMAL, _BIT, _JSON, _ENUM, _SET = {0, 246}, 16, 245, 247, 248
_INTEGERS = {1: (pa.int8(), pa.uint8()), 2: (pa.int16(), pa.uint16()), 9: (pa.int32(), pa.uint32()),
             3: (pa.int32(), pa.uint32()), 8: (pa.int64(), pa.uint64())}  # fmt: skip
_SIMPLE = {
    4: ("number", pa.float32(), ""),
    5: ("number", pa.float64(), ""),
    7: ("timestamp", pa.timestamp("us", "UTC"), ""),
    10: ("date", pa.date32(), ""),
    11: ("time", pa.string(), ""),  # up to 838 hours, also negative: no time of day holds that
    12: ("datetime", pa.timestamp("us"), ""),
    13: ("number", pa.int16(), ""),  # a year
    14: ("date", pa.date32(), ""),
    _JSON: ("char", pa.string(), "json"),
}
# The server writes a float with six digits, a double with all; a time with as many as its column has.
_OUTPUTS = {4: "({} + 0e0)", 11: "cast({} as time(6))"}
_NOT_NULL, _UNSIGNED, _ENUM_FLAG, _SET_FLAG = 1, 32, 256, 2048
_BINARY_CHARSET = 63
_GEOMETRY = 255
# Below stand zero dates only.
_LOWEST = {
    "datetime": "timestamp'1000-01-01 00:00:00'",
    "timestamp": "timestamp'1970-01-01 00:00:00'",
    "date": "date'1000-01-01'",
}


def column_of(field: Any, sql: str, *, json: bool) -> Column:
    """Describe a column from what the protocol says of it."""
    code, flags = field.type_code, field.flags
    native, kind, meaning = _kind(field)
    if json:
        meaning = "json"
    unfit = "a floating-point number" if code in {4, 5} else ""
    if flags & (_ENUM_FLAG | _SET_FLAG) or code in {_ENUM, _SET}:
        unfit = "an enum, which is ordered by number and compared as text"
    elif meaning == "json" or code in {_JSON, _GEOMETRY}:
        unfit = "JSON" if code != _GEOMETRY else "a geometry"
    low = _LOWEST.get(native)
    precision = min(field.scale, 6) if native in {"datetime", "timestamp"} else 6
    nullable = not flags & _NOT_NULL
    output = _OUTPUTS.get(code, "{}").replace("{}", sql)
    return Column(
        name=field.name,
        type=kind,
        native=native,
        sql=sql,
        output=output,
        nullable=nullable,
        meaning=meaning,
        finite=f"{sql} >= {low}" if low else "",
        infinite=f"{sql} < {low}" if low else "",
        unfit=unfit,
        precision=precision,
    )


def _kind(field: Any) -> tuple[str, pa.DataType, str]:
    code = field.type_code
    binary = field.charsetnr == _BINARY_CHARSET or code == _GEOMETRY
    found = _SIMPLE.get(code) or _number(field)
    return found or (("binary", pa.binary(), "") if binary else ("char", pa.string(), ""))


def _number(field: Any) -> tuple[str, pa.DataType, str] | None:
    code, unsigned = field.type_code, bool(field.flags & _UNSIGNED)
    if code in _INTEGERS:
        return "number", pa.bool_() if code == 1 and field.length == 1 else _INTEGERS[code][unsigned], ""
    if code == _BIT:
        return "number", pa.bool_() if field.length == 1 else pa.uint64(), ""
    if code in _DECIMAL:
        precision = field.length - (field.scale > 0) - (not unsigned)
        fits = 0 < precision <= 38 and field.scale <= precision
        return (
            ("number", pa.decimal128(precision, field.scale), "")
            if fits
            else ("number", pa.string(), "number")
        )
    return None


def chunk_of(rows: Sequence[tuple[Any, ...]], statement: Statement, timezone: str) -> Chunk:
    """Turn rows of text into Arrow."""
    warnings: Counter[str] = Counter()
    values = list(zip(*rows, strict=True))
    found = [_values(column, part) for column, part in zip(statement.columns, values, strict=True)]
    arrays = []
    for column, part in zip(statement.columns[: statement.shown], found, strict=False):
        array, counted = _array(part, column, timezone)
        arrays.append(array)
        warnings += counted
    raw = tuple(_raw(found[place]) for place in statement.ordering)
    return Chunk(pa.RecordBatch.from_arrays(arrays, schema=statement.schema), raw, warnings)


def _values(column: Column, values: Sequence[Any]) -> Sequence[Any]:
    if column.native == "number" and any(isinstance(value, bytes) for value in values):  # bits
        return [None if value is None else str(int.from_bytes(value, "big")) for value in values]
    return values


def _raw(values: Sequence[Any]) -> pa.Array:
    binary = any(isinstance(value, bytes) for value in values)
    return pa.array(values, pa.binary() if binary else pa.string())


def _array(values: Sequence[Any], column: Column, timezone: str) -> tuple[pa.Array, Counter[str]]:
    warnings: Counter[str] = Counter()
    try:
        if pa.types.is_boolean(column.type):
            # Whatever is not zero is true to the server.
            return pc.not_equal(pa.array(values, pa.string()).cast(pa.int64()), 0), warnings
        if pa.types.is_floating(column.type):
            return pa.array(values, pa.string()).cast(column.type), warnings
    except pa.ArrowInvalid:
        raise misfit(column) from None
    return typed(values, column, "UTC" if column.native == "timestamp" else timezone)
