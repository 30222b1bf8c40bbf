"""SQLite's declared types, and the many ways in which it may store one value of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from connector.errors import DataError
from connector.extract.databases.ordered import mixed
from connector.extract.databases.reader import Column

_STORAGE = {int: "integer", str: "text", bytes: "blob", float: "real"}
_INTEGER = re.compile(r"-?[1-9]\d{0,17}|0")
_DECIMAL = re.compile(r"\((\d+)(?:,(\d+))?\)")
# Declared names and what they hold, in the order in which they are looked for.
_DECLARED: tuple[tuple[str, pa.DataType, str], ...] = (
    ("BOOL", pa.bool_(), ""),
    ("TIMESTAMPTZ", pa.timestamp("us", "UTC"), ""),
    ("WITHTIMEZONE", pa.timestamp("us", "UTC"), ""),
    ("DATETIME", pa.timestamp("us"), ""),
    ("TIMESTAMP", pa.timestamp("us"), ""),
    ("DATE", pa.date32(), ""),
    ("TIME", pa.time64("us"), ""),
    ("INTERVAL", pa.string(), ""),
    ("INT", pa.int64(), ""),
    ("UUID", pa.string(), "uuid"),
    ("GUID", pa.string(), "uuid"),
    ("UNIQUEIDENTIFIER", pa.string(), "uuid"),
    ("JSON", pa.string(), "json"),
    ("CHAR", pa.string(), ""),
    ("CLOB", pa.string(), ""),
    ("TEXT", pa.string(), ""),
    ("STRING", pa.string(), ""),
    ("BLOB", pa.binary(), ""),
    ("BINARY", pa.binary(), ""),
    ("REAL", pa.float64(), ""),
    ("FLOA", pa.float64(), ""),
    ("DOUB", pa.float64(), ""),
)


def sqlite_type(declared: str) -> tuple[pa.DataType, str] | None:
    """The Arrow type and meaning of a declared type, None where it declares none."""
    name = "".join(declared.upper().split())
    if name.startswith(("DEC", "NUM", "MONEY")):
        digits = _DECIMAL.search(name)
        precision, scale = (int(digits[1]), int(digits[2] or 0)) if digits else (0, 0)
        if 0 < precision <= 38 and scale <= precision:
            return pa.decimal128(precision, scale), ""
        return pa.string(), "number"
    return next(((kind, meaning) for part, kind, meaning in _DECLARED if part in name), None)


def holds(column: Column, texts: Sequence[str]) -> str:
    """The condition that `column` holds one of `texts`, in whichever form SQLite may store it; true of others too."""
    sql, kind = column.sql, column.type
    if pa.types.is_temporal(kind):
        # Text of some form, perhaps with a zone: a day is more than zones are apart.
        days = (
            f"julianday({sql}) between julianday('{text}') - 1 and julianday('{text}') + 1" for text in texts
        )
        return " or ".join(days)
    if pa.types.is_decimal(kind) or column.meaning == "number":
        return f"cast({sql} as real) in ({', '.join(f'cast({quoted(text)} as real)' for text in texts)})"
    if pa.types.is_binary(kind):
        blobs = ", ".join(f"x'{text}'" for text in texts)
        return f"{sql} in ({blobs})"
    literals = [quoted(text) for text in texts]
    # Without an affinity, as of an expression, a number is not equal to its text.
    literals += [text for text in texts if _INTEGER.fullmatch(text)]
    found = f"lower({sql})" if column.meaning == "uuid" else sql
    return f"{found} in ({', '.join(literals)})"


def quoted(text: str) -> str:
    """Write text as a literal."""
    if "\0" in text:
        return f"cast(x'{text.encode().hex()}' as text)"
    return "'" + text.replace("'", "''") + "'"


def raw_array(values: Sequence[Any], column: Column) -> pa.Array:
    """Stored values, as one array of their storage class."""
    found = set(map(type, values)) - {type(None)}
    if len(found) > 1:
        raise mixed(column.name, (_STORAGE[kind] for kind in found))
    if found == {float}:
        raise DataError(
            f"Column {column.name!r} stores floating-point numbers, which cannot be cursor or key.",
            hint="use an integer, text or timestamp column",
        )
    return pa.array(
        values, {int: pa.int64(), str: pa.string(), bytes: pa.binary()}.get(next(iter(found), str))
    )
