"""PostgreSQL's types, as they are asked for and as they arrive through ADBC."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from connector.extract.databases.reader import Chunk, Column, Statement
from connector.extract.databases.typed import decimals, recast

# What ADBC makes of an infinite value: it moves the epoch from 2000 to 1970, and the extremes wrap around.
_INFINITE = {
    "timestamp": pa.array([-9222425352054775809, -9222425352054775808], pa.int64()),
    "date": pa.array([-2147472692, -2147472691], pa.int32()),
}
# Predicates that an index can answer: none of these values, any of them.
_ENDLESS = "{0} > '-infinity' and {0} < 'infinity'", "{0} in ('-infinity', 'infinity')"
_BOUNDS = {
    "timestamp": _ENDLESS,
    "timestamptz": _ENDLESS,
    "date": _ENDLESS,
    "decimal": ("{0} < 'NaN'", "{0} = 'NaN'"),
    # NaN is above Infinity.
    "numeric": ("{0} > '-Infinity' and {0} < 'Infinity'", "{0} in ('-Infinity', 'Infinity', 'NaN')"),
}
# Types that arrive as they are. All others are asked for as text.
_DIRECT = {
    "bool", "int2", "int4", "int8", "float4", "float8", "text", "varchar", "bpchar", "name",
    "bytea", "date", "timestamp", "timestamptz", "time", "json", "jsonb", "numeric",
}  # fmt: skip
# Arrays of these arrive as arrays: what JSON of the server's would show otherwise, or not show, than the element alone.
_LISTED = {"_float4", "_float8", "_bytea", "_date", "_timestamp", "_timestamptz", "_time"}
# NaN and infinities within an array that arrives as JSON, and in an interval's text.
_STRANGE = {"numeric[]": r'"(NaN|-?Infinity)"', "interval[]": '"-?infinity"', "interval": "^-?infinity$"}
_MEANINGS = {"json": "json", "jsonb": "json", "uuid": "uuid", "interval": "interval", "money": "number"}
_UNFIT = {
    "float4": "a floating-point number",
    "float8": "a floating-point number",
    "json": "JSON",
    "jsonb": "JSON",
    "interval": "an interval",
    "money": "of type money",
}
# These names mean a length of one where none is given.
_LITERAL_TYPES = {"character": "bpchar", "bit": "varbit", "bit varying": "varbit"}


@dataclass(frozen=True, slots=True)
class Described:
    """A column as the server describes the result of a statement.

    Attributes:
        name: its name.
        type: the type's name, of a domain that of what it stands on.
        modifier: precision and scale, as the server packs them; -1 for none.
        arrow: what the driver makes of it.
        infinities: whether the server's numbers can be infinite.
    """

    name: str
    type: str
    modifier: int
    arrow: pa.DataType
    infinities: bool


def column_of(found: Described, native: str, sql: str, *, nullable: bool) -> Column:
    """Describe a column: its Arrow type, and how to ask for it so that it arrives in that type."""
    kind, meaning = _type(found)
    bounded = pa.types.is_decimal(kind) or (found.type == "numeric" and not found.infinities)
    finite, infinite = _BOUNDS.get("decimal" if bounded else found.type, ("", ""))
    precision = found.modifier if found.type.startswith("time") and 0 <= found.modifier <= 6 else 6
    return Column(
        name=found.name,
        type=kind,
        native=_LITERAL_TYPES.get(native, native),
        sql=sql,
        output=_output(found, sql),
        nullable=nullable,
        meaning=meaning,
        finite=finite.format(sql),
        infinite=infinite.format(sql),
        unfit="an array" if pa.types.is_list(found.arrow) else _UNFIT.get(found.type, ""),
        precision=precision,
    )


def _type(found: Described) -> tuple[pa.DataType, str]:
    if found.type == "numeric":
        precision, scale = ((found.modifier - 4) >> 16) & 0xFFFF, (found.modifier - 4) & 0x7FF
        if found.modifier >= 4 and precision <= 38 and scale <= precision:
            return pa.decimal128(precision, scale), ""
        return pa.string(), "number"
    if pa.types.is_list(found.arrow):
        return (found.arrow, "") if found.type in _LISTED else (pa.string(), "json")
    if found.type == "oid":
        return pa.int64(), ""
    meaning = _MEANINGS.get(found.type, "")
    if found.type not in _DIRECT or meaning == "json":
        return pa.string(), meaning
    return found.arrow, meaning


def _output(found: Described, sql: str) -> str:
    if found.type in _LISTED:
        # Arrow would flatten several dimensions: the server refuses those (22000). The slice counts from 1.
        return f"case when array_ndims({sql}) > 1 then array_append({sql}, null) else ({sql})[:] end"
    if pa.types.is_list(found.arrow):
        # As JSON: several dimensions and lower bounds other than 1 get lost on the way through Arrow.
        return f"to_jsonb({sql})::text"
    if found.type == "oid":
        return f"({sql})::int8"
    if found.type == "inet":
        return f"to_jsonb({sql}) #>> '{{}}'"  # a cast to text would add the mask /32
    if found.type == "money":
        return f"({sql})::numeric::text"
    return sql if found.type in _DIRECT else f"({sql})::text"


def chunk_of(batch: pa.RecordBatch, statement: Statement) -> Chunk:
    """Make what the driver hands over what the columns declare."""
    warnings: Counter[str] = Counter()
    arrays = [
        _finish(array, column, warnings)
        for array, column in zip(batch.columns, statement.columns, strict=True)
    ]
    rows = pa.RecordBatch.from_arrays(arrays[: statement.shown], schema=statement.schema)
    return Chunk(rows, tuple(arrays[place] for place in statement.ordering), warnings)


def _finish(array: pa.Array, column: Column, warnings: Counter[str]) -> pa.Array:
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if strange := _STRANGE.get(column.native):
        return _without_strange(array, strange, warnings)
    if array.type == column.type:
        return _without_infinities(array, warnings)
    if pa.types.is_decimal(column.type) and pa.types.is_string(array.type):
        return decimals(array, column.type, warnings)
    return recast(array, column)


def _without_strange(array: pa.Array, pattern: str, warnings: Counter[str]) -> pa.Array:
    count = pc.sum(pc.count_substring_regex(array, pattern)).as_py()
    if not count:
        return array
    warnings["infinite_value"] += count
    if pattern.startswith('"'):
        return pc.replace_substring_regex(array, pattern, "null")
    return pc.if_else(pc.match_substring_regex(array, pattern), None, array)


def _without_infinities(array: pa.Array, warnings: Counter[str]) -> pa.Array:
    if pa.types.is_timestamp(array.type):
        number, values = array.cast(pa.int64()), _INFINITE["timestamp"]
    elif pa.types.is_date32(array.type):
        number, values = array.cast(pa.int32()), _INFINITE["date"]
    else:
        return array
    least = pc.min(number).as_py()
    if least is None or least > values[1].as_py():
        return array
    infinite = pc.is_in(number, value_set=values)
    warnings["infinite_value"] += pc.sum(infinite).as_py()
    return pc.if_else(infinite, None, array)
