"""``type:`` of a value: conversions that lose nothing, and what to do with a value that does not convert."""

from __future__ import annotations

from collections.abc import Callable

from duckdb.sqltypes import BOOLEAN, DATE, HUGEINT, TIMESTAMP_TZ, VARCHAR

from connector.config.models import ScalarType
from connector.mapping.engine import quote
from connector.mapping.expressions import Mistake
from connector.mapping.json_sql import JsonWriter
from connector.mapping.typed import Typed, is_number

_INTEGER = r"[+-]?[0-9]+(\.0*)?"
_LOOSE_NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
# A time that says its zone: an offset or a name after the clock.
_ZONED = r".*:[0-9.]+\s*(Z|z|[+-][0-9:]+|[A-Za-z][A-Za-z0-9_/+-]*)\s*"
_SAME = {
    "integer": {"integer"},
    "number": {"integer", "decimal", "float", "number"},
    "boolean": {"boolean"},
    "timestamp": {"timestamp", "timestamptz"},
    "date": {"date"},
    "json": {"json"},
    "string": set[str](),
}


def cast(value: Typed, to: ScalarType, writer: JsonWriter) -> tuple[Typed, tuple[str, ...]]:
    """Convert a value.

    Returns:
        The converted value, and the conditions under which a value that is not null did not convert.

    Raises:
        Mistake: there is no such conversion for its type.
    """
    form = value.form
    if form in _SAME[to] or form == "null":
        return value, ()
    converted = _CASTS[to](value, writer)
    if converted is None:
        raise Mistake(
            f"a value of the type {value.type} cannot become {to}", "convert it in an {sql: …} expression"
        )
    if to in ("string", "json"):
        return converted, ()
    return converted, (f"({value.sql} IS NOT NULL AND {converted.sql} IS NULL)",)


def _string(value: Typed, writer: JsonWriter) -> Typed:
    return Typed(f"({writer.text(value)})", VARCHAR)


def _integer(value: Typed, _: JsonWriter) -> Typed | None:
    sql = value.sql
    if value.form in ("text", "number"):
        text = f"trim({sql}::VARCHAR)"
        digits = f"TRY_CAST(split_part({text}, '.', 1) AS HUGEINT)"
        return Typed(f"(CASE WHEN regexp_full_match({text}, {quote(_INTEGER)}) THEN {digits} END)", HUGEINT)
    if value.form in ("decimal", "float"):
        return Typed(f"(CASE WHEN {sql} = trunc({sql}) THEN TRY_CAST({sql} AS HUGEINT) END)", HUGEINT)
    return Typed(f"({sql}::HUGEINT)", HUGEINT) if value.form == "boolean" else None


def _number(value: Typed, _: JsonWriter) -> Typed | None:
    if value.form == "boolean":
        return Typed(f"({value.sql}::HUGEINT)", HUGEINT)
    if value.form != "text":
        return None
    text = f"trim({value.sql}::VARCHAR)"
    # Text that is a JSON number already keeps its digits; `+5` and `.5` are spelled anew.
    loose = f"WHEN regexp_full_match({text}, {quote(_LOOSE_NUMBER)}) THEN TRY_CAST({text} AS DOUBLE)::VARCHAR"
    return Typed(f"(CASE WHEN {is_number(text)} THEN {text} {loose} END)", VARCHAR, "number")


def _boolean(value: Typed, _: JsonWriter) -> Typed | None:
    if value.form == "text":
        return Typed(f"TRY_CAST(trim({value.sql}::VARCHAR) AS BOOLEAN)", BOOLEAN)
    if value.form == "integer":
        return Typed(f"(CASE {value.sql} WHEN 0 THEN false WHEN 1 THEN true END)", BOOLEAN)
    return None


def _timestamp(value: Typed, writer: JsonWriter) -> Typed | None:
    sql = value.sql
    if value.form == "date":
        return Typed(f"timezone('UTC', {writer.utc(value)})", TIMESTAMP_TZ)
    if value.form == "integer":
        # The multiplication of make_timestamp_ms overflows where no timestamp could be.
        return Typed(f"TRY(timezone('UTC', make_timestamp_ms(TRY_CAST({sql} AS BIGINT))))", TIMESTAMP_TZ)
    if value.form != "text":
        return None
    zoned = f"TRY_CAST({sql} AS TIMESTAMPTZ)"
    if writer.timezone == "UTC":
        return Typed(zoned, TIMESTAMP_TZ)
    naive = f"TRY(timezone({quote(writer.timezone)}, TRY_CAST({sql} AS TIMESTAMP)))"
    return Typed(
        f"(CASE WHEN regexp_full_match({sql}, {quote(_ZONED)}) THEN {zoned} ELSE {naive} END)", TIMESTAMP_TZ
    )


def _date(value: Typed, writer: JsonWriter) -> Typed | None:
    sql = value.sql
    if value.form == "timestamptz":
        sql = f"TRY(timezone({quote(writer.timezone)}, TRY_CAST({sql} AS TIMESTAMPTZ)))"
    elif value.form not in ("text", "timestamp"):
        return None
    return Typed(f"TRY_CAST({sql} AS DATE)", DATE)


def _json(value: Typed, writer: JsonWriter) -> Typed:
    text = f"{value.sql}::VARCHAR" if value.form == "text" else f"({writer.json(value)})"
    return Typed(text, VARCHAR, "json")


_CASTS: dict[str, Callable[[Typed, JsonWriter], Typed | None]] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "timestamp": _timestamp,
    "date": _date,
    "json": _json,
}
