"""SQLAlchemy's types and the values of its drivers, for databases that have no reader of their own."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
from sqlalchemy.sql import sqltypes


def text_of(value: Any) -> str | None:
    """Return a value as raw values are kept: times in UTC, bytes in hexadecimal digits."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dt.datetime):
        utc = value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value
        return utc.isoformat(sep=" ", timespec="microseconds")
    return bytes(value).hex() if isinstance(value, bytes | bytearray | memoryview) else str(value)


# How bytes are written where it is not as in the standard.
_BYTES = {
    "mssql": "0x{}",
    "oracle": "hextoraw('{}')",
    "postgresql": "'\\x{}'::bytea",
    "cockroachdb": "'\\x{}'::bytea",
    "redshift": "from_hex('{}')",
    "bigquery": "from_hex('{}')",
    "db2": "bx'{}'",
    "ibm_db_sa": "bx'{}'",
}


def bytes_literal(dialect: str, digits: str) -> str:
    """Write bytes, given as hexadecimal digits, as SQL.

    Raises:
        ValueError: `digits` are none.
    """
    return _BYTES.get(dialect, "x'{}'").format(bytes.fromhex(digits).hex())


# Types that SQLAlchemy names and does not sort into its own, by the names that it visits them by.
_NAMED: dict[str, tuple[pa.DataType, str, str]] = {
    "DATETIME2": (pa.timestamp("us"), "timestamp", ""),
    "DATETIMEOFFSET": (pa.timestamp("us", "UTC"), "timestamptz", ""),
    "MONEY": (pa.decimal128(19, 4), "number", ""),
    "SMALLMONEY": (pa.decimal128(10, 4), "number", ""),
    "SUPER": (pa.string(), "json", "json"),
    "GEOMETRY": (pa.string(), "place", "json"),
    "GEOGRAPHY": (pa.string(), "place", "json"),
}
# Types whose values the server itself does not compare.
_UNFIT = {"CLOB", "NCLOB", "LONG", "XML", "NTEXT", "SQL_VARIANT", "HLLSKETCH"}


def unfit(found: sqltypes.TypeEngine[Any], kind: pa.DataType, meaning: str) -> str:
    """Return why a column can be neither cursor nor key, nothing when it can."""
    if pa.types.is_floating(kind):
        return "a floating-point number"
    name = found.__visit_name__
    return f"of type {name}" if name in _UNFIT else "JSON" if meaning == "json" else ""


def arrow_type(found: sqltypes.TypeEngine[Any], dialect: str = "") -> tuple[pa.DataType, str, str]:
    """Return the Arrow type, the kind of literal and the meaning."""
    return _NAMED.get(found.__visit_name__) or _own(found, dialect) or _sorted(found)


def _own(found: sqltypes.TypeEngine[Any], dialect: str) -> tuple[pa.DataType, str, str] | None:
    """What a dialect means by a type that others have too."""
    name = found.__visit_name__
    if (
        dialect == "oracle"
        and isinstance(found, sqltypes.Integer)
        and not isinstance(found, sqltypes.Numeric)
    ):
        return pa.decimal128(38, 0), "number", ""  # INTEGER is NUMBER(38) there
    if (dialect, name) in {("oracle", "DATE"), ("mssql", "DATETIME"), ("mssql", "SMALLDATETIME")}:
        return pa.timestamp("us"), "datetime", ""
    if dialect == "oracle" and getattr(found, "local_timezone", False):
        return pa.timestamp("us", "UTC"), "timestamptz", ""
    return None


def _sorted(found: sqltypes.TypeEngine[Any]) -> tuple[pa.DataType, str, str]:
    if isinstance(found, sqltypes.Numeric) and not isinstance(found, sqltypes.Float):
        precision, scale = found.precision or 0, found.scale or 0
        fits = 0 < precision <= 38 and scale <= precision
        return (pa.decimal128(precision, scale), "number", "") if fits else (pa.string(), "number", "number")
    if isinstance(found, sqltypes.DateTime):
        zoned = bool(found.timezone)
        return pa.timestamp("us", "UTC" if zoned else None), "timestamptz" if zoned else "timestamp", ""
    table: tuple[tuple[Any, pa.DataType, str, str], ...] = (
        (sqltypes.Boolean, pa.bool_(), "boolean", ""),
        (sqltypes.Integer, pa.int64(), "number", ""),
        (sqltypes.Float, pa.float64(), "number", ""),
        (sqltypes.Date, pa.date32(), "date", ""),
        (sqltypes.Time, pa.time64("us"), "text", ""),
        (sqltypes.LargeBinary, pa.binary(), "binary", ""),
        (sqltypes._Binary, pa.binary(), "binary", ""),  # noqa: SLF001 - what BINARY and VARBINARY share
        (sqltypes.JSON, pa.string(), "text", "json"),
        (sqltypes.Uuid, pa.string(), "text", "uuid"),
        (sqltypes.NullType, pa.null(), "text", ""),
    )
    match = next((rest for kind, *rest in table if isinstance(found, kind)), None)
    return (match[0], match[1], match[2]) if match else (pa.string(), "text", "")
