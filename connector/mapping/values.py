"""The forms a value can have in the YAML, each as SQL."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import Any

from duckdb.sqltypes import BOOLEAN, DOUBLE, HUGEINT, VARCHAR, DuckDBPyType

from connector.config.models import Column, Constant, Sql, Template
from connector.mapping.casts import cast
from connector.mapping.engine import quote
from connector.mapping.expressions import Mistake
from connector.mapping.json_sql import JsonWriter
from connector.mapping.kinds import TEXT, Kinds, kinds_after
from connector.mapping.scope import Scope
from connector.mapping.typed import Typed, anywhere, infinite_value, invalid, not_a_number

Scalar = Column | Sql | Constant | Template
Warned = tuple[str, str]  # warning code, condition

# Every character that str.strip() removes: an identifier of only these is none.
_BLANKS = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())

# Types whose values have one text. A float is none: 1e21 and 1000000000000000000000 are the same number.
_IDENTIFIERS = frozenset(
    {"null", "text", "uuid", "integer", "decimal", "number", "boolean", "date", "timestamp", "timestamptz"}
)


@dataclass(frozen=True, slots=True)
class Value:
    """A scalar of the mapping before it is written.

    Attributes:
        typed: its SQL.
        faults: conditions under which a row's value cannot be computed.
        warned: conditions that are counted.
        default: what stands for null; None is no default.
        hashed: whether its text is replaced by its SHA-256.
        column: the registered column that it plainly is, or an empty text.
    """

    typed: Typed
    faults: tuple[str, ...] = ()
    warned: tuple[Warned, ...] = ()
    default: Any = None
    hashed: bool = False
    column: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """A value as text: SQL that is null where the value is null.

    Attributes:
        sql: the text.
        firm: the registered column without whose nulls the text is never null; empty when there is no such.
        never_null: whether it is never null.
        constant: the text where it is the same for every row.
        safe: whether the text needs no escaping within JSON.
        kinds: of the value and of what is nested in it; empty for one that is the same for every row.
    """

    sql: str
    firm: str = ""
    never_null: bool = False
    constant: str | None = None
    faults: tuple[str, ...] = field(default=())
    warned: tuple[Warned, ...] = field(default=())
    safe: bool = False
    kinds: Kinds = ()


class Values:
    """Compiles scalars against a scope."""

    def __init__(self, scope: Scope, writer: JsonWriter) -> None:
        self.scope = scope
        self.writer = writer

    def scalar(self, value: Scalar) -> Value:
        """Return a value with its cast applied.

        Raises:
            Mistake: a name or type is wrong.
        """
        found = self._checked(self._plain(value))
        if value.type is not None:
            typed, fault = cast(found.typed, value.type, self.writer)
            faults = (*found.faults, *fault)
            found = self._checked(replace(found, typed=typed, faults=faults, column=""))
        return replace(found, default=value.default, hashed=value.hash is not None)

    def _checked(self, value: Value) -> Value:
        """Add the conditions under which the text of a value is not what its type promises."""
        odd = [("not_a_number", not_a_number), ("infinite_value", infinite_value)]
        warned = [(code, condition) for code, test in odd if (condition := anywhere(value.typed, test))]
        broken = anywhere(value.typed, invalid)
        return replace(
            value,
            faults=(*value.faults, *([broken] if broken else [])),
            warned=(*value.warned, *warned),
        )

    def _plain(self, value: Scalar) -> Value:
        if isinstance(value, Column):
            typed = self.scope.column(value.column)
            if self.scope.casts(value.column):
                return Value(typed, faults=(f"({typed.sql} IS NULL AND raw_{typed.sql} IS NOT NULL)",))
            return Value(typed, column=typed.sql)
        if isinstance(value, Sql):
            typed, fault = self.scope.expression(value.sql)
            return Value(typed, faults=(fault,))
        if isinstance(value, Template):
            return Value(self._template(value.template))
        return Value(literal(value.value))

    def _template(self, template: str) -> Typed:
        parts: list[str] = []
        for text, name in template_parts(template):
            if text:
                parts.append(quote(text))
            if name is not None:
                parts.append(self.unblank(self.scope.column(name)))
        return Typed(f"({' || '.join(parts)})" if parts else "''", VARCHAR)

    def unblank(self, typed: Typed) -> str:
        """Return the text of a value, null where it is blank."""
        text = self.writer.text(typed)
        if typed.form not in ("text", "json", "struct", "list", "map", "blob"):
            return text
        # Most texts begin with a visible ASCII character: the comparison decides without looking further.
        return f"CASE WHEN ({text} >= '!' AND {text} < chr(127)) OR trim({text}, {quote(_BLANKS)}) <> '' THEN {text} END"

    def json(self, value: Scalar) -> Written:
        """Return a value as JSON text."""
        if isinstance(value, Constant) and value.type is None and value.hash is None:
            text = dumps(value.value if value.value is not None or value.default is None else value.default)
            return Written(quote(text), never_null=True, constant=text)
        found = self.scalar(value)
        if found.hashed:
            sql = f"""'"' || {self._hash(found, self.writer.text(found.typed))} || '"'"""
        else:
            sql = self.writer.json(found.typed)
            if found.default is not None:
                sql = f"coalesce({sql}, {quote(dumps(found.default))})"
        never_null = found.default is not None
        firm = found.column if not never_null and _stays(found) else ""
        kinds = TEXT if found.hashed else kinds_after(value.type, found.typed)
        return Written(sql, firm, never_null, None, found.faults, found.warned, kinds=kinds)

    def identifier(self, value: Scalar) -> Written:
        """Return a value as the plain text of an identifier, null where it is blank.

        Raises:
            Mistake: its type has no one text, as a float.
        """
        found = self.scalar(value)
        if not found.hashed and found.typed.form not in (_IDENTIFIERS):
            kind = found.typed.type
            raise Mistake(
                f"a value of the type {kind} is no identifier",
                "use text or an integer, or add `type: string`",
            )
        text = self.unblank(found.typed)
        if found.hashed:
            text = self._hash(found, text)
        elif found.default is not None:
            text = f"coalesce({text}, {quote(_text(found.default))})"
        safe = found.hashed or (found.default is None and found.typed.form in ("uuid", "integer", "decimal"))
        return Written(text, faults=found.faults, warned=found.warned, safe=safe, kinds=TEXT)

    def _hash(self, found: Value, text: str) -> str:
        if found.default is not None:
            text = f"coalesce({text}, {quote(_text(found.default))})"
        return f"sha256({text})"

    def timestamp(self, value: Scalar) -> Written:
        """Return a value as epoch milliseconds (BIGINT).

        Raises:
            Mistake: it is no time: text needs ``type: timestamp``.
        """
        found = self.scalar(value)
        sql = self._milliseconds(found.typed)
        if found.default is not None:
            default = literal(found.default)
            if default.form == "text":
                default = cast(default, "timestamp", self.writer)[0]
            sql = f"coalesce({sql}, {self._milliseconds(default)})"
        return Written(sql, faults=found.faults, kinds=kinds_after(value.type, found.typed))

    def _milliseconds(self, typed: Typed) -> str:
        form = typed.form
        if form in ("timestamp", "timestamptz", "date"):
            return f"epoch_ms({self.writer.utc(typed)})"
        if form == "integer" or (form == "decimal" and typed.digits[1] == 0):
            return typed.sql if str(typed.type) == "BIGINT" else f"TRY_CAST({typed.sql} AS BIGINT)"
        if form == "null":
            return "NULL::BIGINT"
        if form == "text":
            raise Mistake("the timestamp is text", "add `type: timestamp`")
        raise Mistake(
            f"a value of the type {typed.type} is no timestamp",
            'use a timestamp, a date or integer milliseconds, such as {sql: "(seconds * 1000)::BIGINT"}',
        )


def literal(value: Any) -> Typed:
    """Return a JSON constant as SQL."""
    if value is None:
        return Typed("NULL", DuckDBPyType("NULL"))
    if isinstance(value, bool):
        return Typed(str(value).lower(), BOOLEAN)
    if isinstance(value, int):
        return Typed(f"{quote(str(value))}::HUGEINT", HUGEINT)
    if isinstance(value, float):
        return Typed(f"{quote(repr(value))}::DOUBLE", DOUBLE)
    if isinstance(value, str):
        return Typed(quote(value), VARCHAR)
    return Typed(quote(dumps(value)), VARCHAR, "json")


def template_parts(template: str) -> list[tuple[str, str | None]]:
    """Split a template into (text, column after it); the last text has no column."""
    parts: list[tuple[str, str | None]] = []
    text, at = "", 0
    while at < len(template):
        char = template[at]
        if char in "{}" and template[at : at + 2] == char * 2:
            text, at = text + char, at + 2
        elif char == "{" and (end := template.find("}", at)) > 0:
            parts.append((text, template[at + 1 : end]))
            text, at = "", end + 1
        else:
            text, at = text + char, at + 1
    return [*parts, (text, None)]


def dumps(value: Any) -> str:
    """Return a constant as JSON text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def sha256(text: str) -> str:
    """Return the lower-case hex digest that ``hash: sha256`` gives."""
    return hashlib.sha256(text.encode()).hexdigest()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else dumps(value)


def _stays(found: Value) -> bool:
    """Tell whether a column's JSON is null only where the column is: not so for NaN and infinities."""
    return found.typed.form in (
        "boolean",
        "integer",
        "decimal",
        "text",
        "uuid",
        "blob",
        "list",
        "struct",
        "map",
        "time",
    )
