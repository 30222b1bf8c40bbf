"""Snowflake's types: what arrives as what, how it is asked for, and how its values are written."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from connector.extract.databases.adbc_values import digits, hexadecimal, time_text, zoned
from connector.extract.databases.reader import Column

# How times are asked for: with all their digits.
FORM = "'YYYY-MM-DD HH24:MI:SS.FF9'"
TIMES = {"timestamp_ntz", "timestamp_ltz", "timestamp_tz"}
_FLOAT = "a floating-point number"
# Types that Arrow has none for: how they are asked for as text, what that means, why they order nothing.
_AS_TEXT = {
    **dict.fromkeys(("variant", "object", "array", "map"), ("to_json({})", "json", "JSON")),
    "geography": ("to_json(st_asgeojson({}))", "json", "a geography"),
    "geometry": ("to_json(st_asgeojson({}))", "json", "a geometry"),
    "decfloat": ("({})::varchar", "number", _FLOAT),
}


def column_of(field: pa.Field, sql: str) -> Column:
    """Describe a column: its Arrow type, and how to ask for it so that it arrives in that type."""
    native = (field.metadata or {}).get(b"SNOWFLAKE_TYPE", b"").decode().lower() or "text"
    plain = Column(field.name, field.type, native, sql, sql, field.nullable)
    if native == "fixed":
        return replace(plain, type=_number(field.type))
    if native in TIMES:
        kind = pa.timestamp("us", None if native == "timestamp_ntz" else "UTC")
        return replace(plain, type=kind, output=time_output(native, sql))
    if native == "real":
        return replace(plain, unfit=_FLOAT)
    if native in LITERALS:
        return plain
    output, meaning, unfit = _AS_TEXT.get(native, ("({})::varchar", "", f"of type {native}"))
    return replace(plain, type=pa.string(), output=output.format(sql), meaning=meaning, unfit=unfit)


def _number(kind: pa.DataType) -> pa.DataType:
    small = pa.types.is_decimal(kind) and kind.scale == 0 and kind.precision <= 18
    return pa.int64() if small else kind


def time_output(native: str, sql: str) -> str:
    """The SQL that gives a time as text, with all its digits and in UTC where it has a zone."""
    shown = sql if native == "timestamp_ntz" else f"convert_timezone('UTC', {sql})"
    return f"to_varchar({shown}, {FORM})"


def _text(text: str) -> str:
    # A backslash begins an escape in Snowflake.
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _zoned(text: str, native: str) -> str:
    found = time_text(text)
    found = found if zoned(found) else f"{found}+00:00"
    return f"'{found[:-6]} {found[-6:]}'::{native}(9)"


LITERALS = {
    "fixed": digits,
    "text": _text,
    "boolean": lambda text: f"{_text(text)}::boolean",
    "date": lambda text: f"'{time_text(text)[:10]}'::date",
    "time": lambda text: f"'{time_text(text)}'::time(9)",
    "timestamp_ntz": lambda text: f"'{time_text(text)}'::timestamp_ntz(9)",
    "timestamp_ltz": lambda text: _zoned(text, "timestamp_ltz"),
    "timestamp_tz": lambda text: _zoned(text, "timestamp_tz"),
    "binary": lambda text: f"to_binary('{hexadecimal(text)}', 'HEX')",
}
