"""BigQuery's types: what arrives as what, how it is asked for, and how its values are written."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from connector.extract.databases.adbc_values import digits, hexadecimal, time_text, zoned
from connector.extract.databases.reader import Column

# What a text needs an escape for; other signs stand for themselves. The driver looks between parentheses for what orders
# a statement, and would take those of a text for its own.
_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\0": "\\000", "(": "\\x28", ")": "\\x29"}
# What BigQuery calls a column whose Arrow type says less.
_EXTENSION = b"ARROW:extension:name"
_PLACES = b"google:sqlType:geography"
_JSON = b"google:sqlType:json"


def column_of(field: pa.Field, sql: str) -> Column:
    """Describe a column: its Arrow type, and how to ask for it so that it arrives in that type."""
    extension = (field.metadata or {}).get(_EXTENSION, b"")
    kind = field.type.storage_type if isinstance(field.type, pa.BaseExtensionType) else field.type
    plain = Column(field.name, kind, _native(kind), sql, sql, field.nullable)
    output, meaning, unfit = _as_text(kind, extension, plain.native)
    if output:
        return replace(plain, type=pa.string(), output=output.format(sql), meaning=meaning, unfit=unfit)
    return replace(plain, unfit="a floating-point number" if pa.types.is_floating(kind) else "")


def _as_text(kind: pa.DataType, extension: bytes, native: str) -> tuple[str, str, str]:
    """How what Arrow has no type for is asked for as text, what that means, and why it orders nothing."""
    if extension == _PLACES:
        return "st_asgeojson({})", "json", "a geography"
    if extension == _JSON:
        return "to_json_string({})", "json", "JSON"
    if pa.types.is_nested(kind):
        return "to_json_string({})", "json", "an array" if pa.types.is_list(kind) else "a struct"
    if native == "bignumeric":  # up to 76 digits
        return "cast({} as string)", "number", ""
    return ("", "", "") if native else ("cast({} as string)", "", "an interval")


def _native(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "timestamp" if kind.tz else "datetime"
    if pa.types.is_decimal(kind):
        return "numeric" if kind.precision <= 38 else "bignumeric"
    table = (
        (pa.types.is_integer, "int64"),
        (pa.types.is_boolean, "bool"),
        (pa.types.is_date, "date"),
        (pa.types.is_time, "time"),
        (pa.types.is_binary, "bytes"),
        (pa.types.is_large_binary, "bytes"),
        (pa.types.is_string, "string"),
        (pa.types.is_large_string, "string"),
        (pa.types.is_floating, "float64"),
    )
    return next((name for fits, name in table if fits(kind)), "")


def _text(text: str) -> str:
    return "'" + "".join(_ESCAPES.get(sign, sign) for sign in text) + "'"


def _timestamp(text: str) -> str:
    found = time_text(text)
    return f"timestamp '{found if zoned(found) else found + '+00:00'}'"


LITERALS = {
    "int64": digits,
    "numeric": lambda text: f"numeric '{digits(text)}'",
    "bignumeric": lambda text: f"bignumeric '{digits(text)}'",
    "string": _text,
    "bool": lambda text: "true" if text.lower() in {"1", "true"} else "false",
    "bytes": lambda text: f"from_hex('{hexadecimal(text)}')",
    "date": lambda text: f"date '{time_text(text)[:10]}'",
    "time": lambda text: f"time '{time_text(text)}'",
    "datetime": lambda text: f"datetime '{time_text(text)}'",
    "timestamp": _timestamp,
}
