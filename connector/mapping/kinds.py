"""The kind that a value has in an item, and the types of columns in words: what is told when a source changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import pyarrow as pa

from connector.config.models import ScalarType
from connector.mapping.arrow import MARK
from connector.mapping.engine import ROWS, Engine, Unreadable
from connector.mapping.expressions import Mistake
from connector.mapping.scope import Scope
from connector.mapping.spec import MappingSpec
from connector.mapping.typed import Typed

Kinds = tuple[tuple[str, str], ...]  # (place within the value, kind)

UNKNOWN = ""
TEXT: Kinds = (("", "string"),)
# Times of different kinds are apart, though JSON writes all of them as strings: they mean other moments.
_KINDS = {
    "integer": "number",
    "decimal": "number",
    "float": "number",
    "number": "number",
    "boolean": "boolean",
    "text": "string",
    "uuid": "string",
    "blob": "base64",
    "json": "JSON",
    "list": "array",
    "struct": "object",
    "map": "object",
    "date": "date",
    "time": "time of day",
    "timestamp": "time without a zone",
    "timestamptz": "time with a zone",
    "interval": "duration",
}
# What a value is after its `type:` hangs on the mapping alone.
_CAST: dict[ScalarType, str] = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "timestamp": "time",
    "date": "date",
    "json": "JSON",
}
# Types that DuckDB calls otherwise than people do, or does not know: text that holds something else.
_MARKED = {"json": "json", "number": "numeric", "uuid": "uuid"}
_MARKS = {name: mark for mark, name in _MARKED.items()}
_NULL = "unknown"


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A column of a source: its type in DuckDB's words, and the kind that it has in an item (or UNKNOWN)."""

    type: str
    kind: str


def kinds_of(typed: Typed, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield the kinds of a value and of everything nested in it, each with its place, such as ``.city`` or ``[]``."""
    yield place, _KINDS.get(typed.form, UNKNOWN)
    if typed.form == "list":
        yield from kinds_of(typed.child("child", ""), f"{place}[]")
    elif typed.form == "map":
        yield from kinds_of(typed.child("value", ""), f"{place}.*")
    elif typed.form == "struct":
        for name, member in typed.members():
            yield from kinds_of(member, f"{place}.{name}")


def kinds_after(cast: ScalarType | None, typed: Typed) -> Kinds:
    """Return the kinds of a value with its ``type:``, if it has one."""
    return tuple(kinds_of(typed)) if cast is None else (("", _CAST[cast]),)


def described(spec: MappingSpec, engine: Engine) -> dict[str, ColumnType]:
    """Return the columns of the source of `spec`, in their order."""
    scope = Scope(spec, spec.schema, engine)
    scope.look_ahead()
    found: dict[str, ColumnType] = {}
    for field in spec.schema:
        found[field.name] = ColumnType(str(field.type), UNKNOWN)
        with suppress(Mistake):  # no mapping can read it
            typed = scope.column(field.name)
            found[field.name] = ColumnType(_in_words(typed), _KINDS.get(typed.form, UNKNOWN))
    return found


def _in_words(typed: Typed) -> str:
    if typed.mark:
        return _MARKED[typed.mark]
    if typed.form == "null":
        return _NULL
    if typed.form in ("text", "json"):
        return typed.form
    words = str(typed.type)
    # Types that are nested hold names, whose case counts.
    return words if typed.form in ("list", "struct", "map") else words.lower()


def schema_of(types: Mapping[str, str], engine: Engine) -> pa.Schema:
    """Return columns of types as `described` has them; those whose type nobody knows any more are left out."""
    try:
        return _schema_of(types, engine)
    except Unreadable:
        fields: list[pa.Field] = []
        for name, words in types.items():
            with suppress(Unreadable):
                fields += _schema_of({name: words}, engine)
        return pa.schema(fields)


def _schema_of(types: Mapping[str, str], engine: Engine) -> pa.Schema:
    plain = ["VARCHAR" if words in _MARKS else words for words in types.values()]
    columns = [
        "NULL" if words == _NULL else f"CAST(NULL AS {words}) AS c{n}" for n, words in enumerate(plain)
    ]
    rows = pa.table({"c0": pa.nulls(0)})
    made = engine.run(f"SELECT {', '.join(columns) or '1'} FROM {ROWS}", rows).schema
    fields = zip(types.items(), made, strict=False)
    return pa.schema(
        [
            pa.field(name, field.type, metadata={MARK: _MARKS[words].encode()} if words in _MARKS else None)
            for (name, words), field in fields
        ]
    )
