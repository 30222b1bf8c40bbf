"""eventIds: the same row gets the same id in every run, from every driver, on every release of DuckDB.

An id is the MD5 of a canonical JSON array that begins with the number of the scheme. Numbers are written
without trailing zeros, so 1, 1.0 and a numeric ``1.00`` are one key, while the text ``"1"`` is another; times
are written in UTC. A change of anything here is a new scheme: every row would be sent again under another id.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from connector.mapping.engine import quote
from connector.mapping.json_sql import JsonWriter
from connector.mapping.typed import Typed

SCHEME = 1


def canonical(value: Typed, timezone: str) -> str:
    """Return SQL of the canonical JSON text of a value; never null."""
    writer = JsonWriter(timezone, nulls=True, lossless=True)
    form, sql = value.form, value.sql
    if form in ("integer", "decimal", "number", "float"):
        text = _number(value, writer)
    elif form == "blob":
        text = f"""'"' || lower(hex({sql})) || '"'"""
    elif form == "uuid" or value.mark == "uuid":
        text = f"""'"' || lower({sql}::VARCHAR) || '"'"""
    elif value.type.id in ("timestamp_ns", "timestamptz_ns"):
        text = _nanoseconds(value, writer)
    elif form == "json":
        text = f"to_json({sql}::VARCHAR)::VARCHAR"
    else:
        text = writer.json(value)
    return f"coalesce({text}, 'null')"


def _number(value: Typed, writer: JsonWriter) -> str:
    text = writer.text(value)
    if value.form == "integer":
        return text
    if value.form == "decimal":
        return f"rtrim(rtrim({text}, '0'), '.')" if value.digits[1] else text
    # Exponents stay as they are; -0 is 0; what is no number is its text.
    plain = f"CASE WHEN contains({text}, '.') AND NOT contains(lower({text}), 'e') THEN rtrim(rtrim({text}, '0'), '.') ELSE {text} END"
    zero = f"CASE WHEN {plain} = '-0' THEN '0' ELSE {plain} END"
    return f"coalesce({zero}, to_json({value.sql}::VARCHAR)::VARCHAR)"


def _nanoseconds(value: Typed, writer: JsonWriter) -> str:
    # Nine digits where the last three say something: two rows may differ by nanoseconds only.
    last = f"(epoch_ns({value.sql}) % 1000 + 1000) % 1000"
    digits = f"""rtrim({writer.text(value)}, 'Z') || lpad(({last})::VARCHAR, 3, '0') || 'Z'"""
    return f"""CASE WHEN {last} <> 0 THEN '"' || {digits} || '"' ELSE {writer.json(value)} END"""


def digest(parts: Sequence[str]) -> str:
    """Return SQL of the MD5 of the array of `parts`, each SQL of canonical JSON text."""
    listed = ", ',', ".join(parts)
    return f"md5(concat('[', {listed}, ']'))" if parts else f"md5({quote('[]')})"


def key_of(parts: Sequence[str]) -> str:
    """Return SQL of the canonical array of a key's parts."""
    return f"concat('[', {', '.join(_commas(parts))}, ']')"


def _commas(parts: Sequence[str]) -> list[str]:
    return [text for n, part in enumerate(parts) for text in ((part,) if n == 0 else ("','", part))]


def event_id(head: Sequence[object], name: str, tail: Sequence[str]) -> str:
    """Return SQL of an eventId: ``md5([scheme, head…, name, tail…])``.

    Args:
        head: constants: the sync's id and the mapping's kind.
        name: SQL of the event's name as canonical JSON.
        tail: SQL of canonical JSON: the key, and what else tells items of the kind apart.
    """
    constants = json.dumps([SCHEME, *head], ensure_ascii=False, separators=(",", ":"))[1:-1]
    return digest([quote(constants), name, *tail])
