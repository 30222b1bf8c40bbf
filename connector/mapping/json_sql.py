r"""SQL that writes a value of any DuckDB type as JSON text, or as plain text.

Every function returns an SQL expression that is null where the value is null and that no row can make fail.
``to_json`` alone would not do: it writes NaN, timestamps with a space, blobs with ``\x``, and widens float32.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from connector.mapping.engine import quote
from connector.mapping.typed import NESTED, SMALL_INTEGERS, Typed, is_json, is_number, within_years

_ISO = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True, slots=True)
class JsonWriter:
    """Writes JSON.

    Args:
        timezone: the zone that naive timestamps and dates are read in.
        nulls: whether members of structs and maps that are null are written.
        lossless: whether what JSON cannot hold (NaN, infinities, text marked JSON that is none) is written as
            text instead of null, for people to see.
    """

    timezone: str = "UTC"
    nulls: bool = False
    lossless: bool = False

    def json(self, value: Typed, depth: int = 0) -> str:
        """Return JSON text."""
        form, sql = value.form, value.sql
        if form in NESTED:
            write = {"list": self._list, "struct": self._struct, "map": self._map}[form]
            return write(value, depth)
        if form == "text":
            return f"to_json({sql}{'' if value.type.id == 'varchar' else '::VARCHAR'})::VARCHAR"
        text = self.text(value)
        if form not in ("null", "boolean", "integer", "decimal", "float", "number", "json"):
            text = f"""'"' || {text} || '"'"""
        if not self.lossless or form not in ("float", "number", "json", "date", "timestamp", "timestamptz"):
            return text
        test = is_json(sql) if form == "json" else f"{text} IS NOT NULL"
        return f"CASE WHEN {test} THEN {text} ELSE to_json({_outside(value)})::VARCHAR END"

    def text(self, value: Typed) -> str:
        """Return plain text: digits, ISO 8601, base64, JSON for nested values."""
        form, sql = value.form, value.sql
        if form in NESTED:
            return self.json(value)
        if form in ("timestamp", "timestamptz"):
            return f"strftime({self.utc(value)}, {quote(_ISO)})"
        if form == "date":
            return f"CASE WHEN {within_years(value)} THEN {sql}::VARCHAR END"
        if form == "decimal":
            return _decimal_text(value)
        if (write := _TEXTS.get(form)) is not None:
            return write(sql)
        return sql if str(value.type) == "VARCHAR" else f"{sql}::VARCHAR"

    def utc(self, value: Typed) -> str:
        """Return a timestamp or date as a TIMESTAMP in UTC; infinities and what ISO 8601 cannot write are null."""
        sql, name = value.sql, str(value.type.id)
        zoned = value.form == "timestamptz"
        if name in ("timestamp_ns", "timestamptz_ns"):
            # A cast would round up, into the next second or day.
            sql = f"make_timestamp((epoch_ns({sql}) - (epoch_ns({sql}) % 1000 + 1000) % 1000) // 1000)"
        elif zoned:
            sql = f"make_timestamp(epoch_us({sql}))"
        elif name != "timestamp":
            sql = f"TRY_CAST({sql} AS TIMESTAMP)"
        if not zoned and self.timezone != "UTC":
            sql = f"make_timestamp(epoch_us(timezone({quote(self.timezone)}, {sql})))"
        # No function beyond this condition meets a value that it could fail on.
        return f"CASE WHEN {within_years(value)} THEN {sql} END"

    def _list(self, value: Typed, depth: int) -> str:
        name = f"e{depth}"
        child = value.child("child", name)
        # list_transform takes no arrays of a fixed size.
        sql = value.sql if value.type.id == "list" else f"({value.sql})::{child.type}[]"
        if child.type.id in SMALL_INTEGERS:
            return f"to_json({sql})::VARCHAR"
        items = f"list_transform({sql}, lambda {name}: coalesce({self.json(child, depth + 1)}, 'null'))"
        return _joined("[", items, "]")

    def _struct(self, value: Typed, depth: int) -> str:
        if value.type.id == "tuple":
            fields = ", ".join(f"coalesce({self.json(child, depth)}, 'null')" for _, child in value.members())
            written = f"concat('[', concat_ws(',', {fields}), ']')"
        else:
            named = [(quote(member_name(name)), self.json(child, depth)) for name, child in value.members()]
            pairs = ", ".join(f"{label} || {self._kept(text)}" for label, text in named)
            written = f"concat('{{', concat_ws(',', {pairs}), '}}')" if pairs else "'{}'"
        return f"CASE WHEN {value.sql} IS NOT NULL THEN {written} END"

    def _map(self, value: Typed, depth: int) -> str:
        name = f"e{depth}"
        key = value.child("key", f"{name}.key")
        member = self.json(value.child("value", f"{name}.value"), depth + 1)
        pair = f"to_json({self.text(key)})::VARCHAR || ':' || {self._kept(member)}"
        return _joined("{", f"list_transform(map_entries({value.sql}), lambda {name}: {pair})", "}")

    def _kept(self, text: str) -> str:
        return f"coalesce({text}, 'null')" if self.nulls else f"({text})"


def member_name(name: str) -> str:
    """Return the JSON of a member's name, with its colon."""
    return json.dumps(name, ensure_ascii=False) + ":"


def _outside(value: Typed) -> str:
    """Return text of a value that JSON cannot hold; of a timestamp the units since 1970, as some have no other form."""
    if value.form not in ("timestamp", "timestamptz"):
        return f"{value.sql}::VARCHAR"
    nanoseconds = str(value.type.id) in ("timestamp_ns", "timestamptz_ns")
    micros = value.sql if value.form == "timestamptz" else f"TRY_CAST({value.sql} AS TIMESTAMP)"
    units = f"epoch_ns({value.sql})" if nanoseconds else f"epoch_us({micros})"
    return f"CASE WHEN {value.sql} IS NOT NULL THEN coalesce({units}::VARCHAR, 'infinity') END"


def _joined(opening: str, items: str, closing: str) -> str:
    # array_to_string leaves nulls out, and is null of a list of nulls only.
    text = f"'{opening}' || coalesce(array_to_string({items}, ','), '') || '{closing}'"
    return f"CASE WHEN {items} IS NOT NULL THEN {text} END"


def _one_line(sql: str) -> str:
    # A line end within valid JSON is white space: an item must not span lines.
    lines = f"replace(replace({sql}, chr(10), ' '), chr(13), ' ')"
    return (
        f"CASE WHEN contains({sql}, chr(10)) OR contains({sql}, chr(13)) THEN {lines} ELSE {sql}::VARCHAR END"
    )


def _decimal_text(value: Typed) -> str:
    text = f"{value.sql}::VARCHAR"
    precision, scale = value.digits
    # Without digits before the point DuckDB writes .50 and -.50.
    return text if precision > scale else f"replace(replace('#' || {text}, '#-', '-0'), '#.', '0.')"


def _time_text(sql: str) -> str:
    text = f"{sql}::VARCHAR"
    return f"rpad(CASE WHEN strlen({text}) = 8 THEN {text} || '.' ELSE {text} END, 15, '0')"


def _interval_text(sql: str) -> str:
    """Write ISO 8601; parts keep their own signs, as an interval has them."""

    def part(name: str, letter: str) -> str:
        return f"CASE WHEN date_part('{name}', {sql}) <> 0 THEN date_part('{name}', {sql}) || '{letter}' END"

    seconds = f"(date_part('microsecond', {sql})::DECIMAL(18, 0) * 0.000001)::VARCHAR"
    micros = (
        f"CASE WHEN date_part('microsecond', {sql}) <> 0 THEN rtrim(rtrim({seconds}, '0'), '.') || 'S' END"
    )
    days = f"concat({part('year', 'Y')}, {part('month', 'M')}, {part('day', 'D')})"
    clock = f"concat({part('hour', 'H')}, {part('minute', 'M')}, {micros})"
    times = f"CASE WHEN {clock} <> '' THEN 'T' || {clock} WHEN {days} = '' THEN 'T0S' END"
    return f"CASE WHEN {sql} IS NOT NULL THEN concat('P', {days}, {times}) END"


_TEXTS: dict[str, Callable[[str], str]] = {
    "float": lambda sql: f"CASE WHEN isfinite({sql}) THEN {sql}::VARCHAR END",
    "number": lambda sql: f"CASE WHEN {is_number(sql)} THEN {sql} END",
    "json": _one_line,
    "time": _time_text,
    "interval": _interval_text,
    "blob": lambda sql: f"to_base64({sql})",
}
