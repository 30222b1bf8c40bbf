"""How databases without a reader of their own write values, cut results off, tell the time and begin a session."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connector.errors import ConfigError
from connector.extract.databases.alchemy_types import bytes_literal
from connector.extract.databases.reader import Raw, Traits

# Which dialects answer `(a, b) > (c, d)` from an index.
_TUPLES = {"postgresql", "cockroachdb", "sqlite", "duckdb"}
# Those that know no index that gives an order: a page would read the table once more.
_WITHOUT_INDEXES = {"redshift", "databricks", "trino", "presto", "athena", "awsathena", "clickhouse", "hive"}
# Those that cut a result off in the words of the standard. SQL Server does so only behind an order.
_FETCH, _FETCH_FIRST = "offset 0 rows fetch next {n} rows only", "fetch first {n} rows only"
_LIMITS = {"mssql": _FETCH, "oracle": _FETCH_FIRST, "db2": _FETCH_FIRST, "ibm_db_sa": _FETCH_FIRST}
# Those that have no sign for what a division leaves.
_EVERY = dict.fromkeys(("oracle", "db2", "ibm_db_sa"), "mod({number}, {size}) = 0")
# Dialects in which a backslash in a text begins an escape.
_BACKSLASH = {"databricks", "hive", "spark", "impala", "clickhouse", "starrocks", "doris"}
_POSTGRES = {"postgresql", "cockroachdb", "redshift"}

# Statements at the beginning of a session, so that times are in UTC and texts are read in one form.
SESSIONS: Mapping[str, tuple[str, ...]] = {
    "postgresql": ("set timezone to 'UTC'", "set session characteristics as transaction read only"),
    "cockroachdb": ("set timezone to 'UTC'", "set session characteristics as transaction read only"),
    "redshift": ("set timezone to 'UTC'",),
    "oracle": (
        "alter session set time_zone = '+00:00'",
        "alter session set nls_date_format = 'YYYY-MM-DD HH24:MI:SS'",
        "alter session set nls_timestamp_format = 'YYYY-MM-DD HH24:MI:SS.FF9'",
        "alter session set nls_timestamp_tz_format = 'YYYY-MM-DD HH24:MI:SS.FF9 TZH:TZM'",
        "alter session set nls_numeric_characters = '.,'",
    ),
}
# What asks for the server's time in UTC.
CLOCKS: Mapping[str, str] = {
    "postgresql": "select clock_timestamp()",
    "cockroachdb": "select clock_timestamp()",
    "redshift": "select getdate()",
    "mssql": "select sysutcdatetime()",
    "oracle": "select sys_extract_utc(systimestamp) from dual",
}
# Drivers that stand for a dialect where its URL names none.
DRIVERS: Mapping[str, str] = {"mssql": "mssql+pymssql"}
# dialect -> (its name, the extra that brings its driver).
EXTRAS: Mapping[str, tuple[str, str]] = {
    "redshift": ("Amazon Redshift", "redshift"),
    "mssql": ("SQL Server", "mssql"),
    "oracle": ("Oracle", "oracle"),
}


def traits_of(dialect: str) -> Traits:
    """What sets a dialect apart."""
    return Traits(
        tuples=dialect in _TUPLES,
        paged=dialect not in _WITHOUT_INDEXES,
        limit=_LIMITS.get(dialect, "limit {n}"),
        top="top ({n})" if dialect == "mssql" else "",
        every=_EVERY.get(dialect, "{number} % {size} = 0"),
    )


def literal(dialect: str, raw: Raw) -> str | None:
    """Write a raw value; None where SQLAlchemy knows better how.

    Raises:
        ConfigError: it is no number.
        ValueError: it is no time, or these are no bytes.
    """
    native, text = raw
    if native == "number":
        return _number(text)
    if native == "binary":
        return bytes_literal(dialect, text)
    if native == "boolean":
        return _boolean(dialect, text)
    if native == "text":
        return _text(dialect, text)
    family = "postgresql" if dialect in _POSTGRES else dialect
    write = _TIMES.get(family, {}).get(native)
    return write(_plain(text)) if write else None


def _number(text: str) -> str:
    if not text or not set(text) <= set("0123456789+-.eE"):
        raise ConfigError("A number holds other signs than digits.", hint="correct it", path="source.start")
    return text


def _boolean(dialect: str, text: str) -> str:
    true = text.lower() in {"1", "true"}
    if dialect in {"mssql", "oracle"}:
        return "1" if true else "0"
    return "true" if true else "false"


def _text(dialect: str, text: str) -> str:
    if dialect in _BACKSLASH:
        text = text.replace("\\", "\\\\")
    quoted = "'" + text.replace("'", "''") + "'"
    if dialect == "mssql" and not text.isascii():
        return f"N{quoted}"  # else it is put into the code page of the database first
    if dialect == "redshift" and "\\" in text:
        # Whether a backslash is one is a setting of the server.
        parts = ["'" + part.replace("'", "''") + "'" for part in text.split("\\")]
        return "(" + " || chr(92) || ".join(parts) + ")"
    return quoted


def _plain(text: str) -> str:
    """A time in the one form that all of them read: a blank before the clock, no zone, as all are in UTC."""
    plain = text.strip().replace("T", " ").removesuffix("Z").removesuffix("z").removesuffix("+00:00")
    if not plain or not set(plain) <= set("0123456789-:. +"):
        raise ValueError("no time")
    return plain


def _iso(text: str) -> str:
    return text.replace(" ", "T", 1)


_Write = Callable[[str], str]
_TIMES: Mapping[str, Mapping[str, _Write]] = {
    "postgresql": {
        "timestamp": lambda text: f"timestamp '{text}'",
        "timestamptz": lambda text: f"cast('{text}+00:00' as timestamp with time zone)",
        "date": lambda text: f"date '{text[:10]}'",
    },
    # The language of the session decides how other forms than these are read; datetime counts in 300ths of a second.
    "mssql": {
        "timestamp": lambda text: f"cast('{_iso(text)}' as datetime2(7))",
        "datetime": lambda text: f"cast('{_iso(text)[:23]}' as datetime)",
        "timestamptz": lambda text: f"cast('{_iso(text)}+00:00' as datetimeoffset(7))",
        "date": lambda text: f"cast('{text[:10]}' as date)",
    },
    "oracle": {
        "timestamp": lambda text: f"timestamp '{_with_clock(text)}'",
        "datetime": lambda text: f"to_date('{_with_clock(text)[:19]}', 'YYYY-MM-DD HH24:MI:SS')",
        "timestamptz": lambda text: f"timestamp '{_with_clock(text)} +00:00'",
    },
}


def _with_clock(text: str) -> str:
    return text if ":" in text else f"{text[:10]} 00:00:00"


def output(dialect: str, native: str, sql: str) -> str:
    """What is selected so that no digit of a time is lost in the driver: Python's times end with the microsecond."""
    return _OUTPUTS.get(dialect, {}).get(native, "{}").format(sql)


_FORM = "'YYYY-MM-DD HH24:MI:SS.FF9'"
_OUTPUTS: Mapping[str, Mapping[str, str]] = {
    "mssql": {
        "timestamp": "convert(varchar(27), {}, 126)",
        "datetime": "convert(varchar(27), {}, 126)",
        "timestamptz": "convert(varchar(27), cast(switchoffset({}, '+00:00') as datetime2(7)), 126)",
    },
    "oracle": {
        "timestamp": f"to_char({{}}, {_FORM})",
        "datetime": "to_char({}, 'YYYY-MM-DD HH24:MI:SS')",
        "timestamptz": f"to_char(sys_extract_utc({{}}), {_FORM})",
    },
    "redshift": {"json": "json_serialize({})", "place": "st_asgeojson({})"},
}
