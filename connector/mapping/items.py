"""One mapping, compiled to the parts of the SELECT that make its item."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from connector.config import models
from connector.config.models import Constant
from connector.mapping.contract import (
    Fault,
    check_event,
    check_identity,
    copies_profile,
    incomplete,
    rules,
)
from connector.mapping.engine import quote
from connector.mapping.expressions import Mistake
from connector.mapping.json_sql import JsonWriter, member_name
from connector.mapping.objects import Objects, Piece, is_null, rest_columns
from connector.mapping.scope import Scope
from connector.mapping.values import Scalar, Values, Warned, Written, dumps

# The order of an item's fields, after its eventId.
_BEFORE_TIME = ("profileId", "userId")
_AFTER_TIME = ("accountId", "sessionId", "pageId", "anotherUserId", "anotherAccountId", "productId")
_OBJECTS = (
    ("data", "data"),
    ("userAttributes", "user_attributes"),
    ("accountAttributes", "account_attributes"),
)
_ENTITIES = {
    "event": ("profileId", "userId", "accountId"),
    "identify": ("profileId", "userId"),
    "group": ("accountId",),
    "product": ("productId",),
}


@dataclass(frozen=True, slots=True)
class Item:
    """A compiled mapping.

    Attributes:
        mapping: what it was compiled from.
        event: the constant name of its event, or None.
        name: SQL of the name as plain text.
        own_id: SQL of an eventId mapped by hand, or an empty text.
        body: the pieces of the item after its eventId, beginning with a comma or empty, without the closing brace.
        takes: SQL of whether a row becomes an item; empty when each does.
        unclear: the condition that this cannot be told.
        faults: conditions of a reject, the first that is true decides.
        warned: conditions that are counted.
        entity: SQL of what the item is about, or an empty text where order is not promised.
    """

    mapping: models.Mapping
    event: str | None
    name: str
    own_id: str
    body: tuple[Piece, ...]
    takes: str
    unclear: str
    faults: tuple[Fault, ...]
    warned: tuple[Warned, ...]
    entity: str


class ItemCompiler:
    """Compiles one mapping; mistakes are noted in the scope.

    Args:
        scope: names, types and stages.
        index: the mapping's place among its siblings.
        lean: see `Objects`.
    """

    def __init__(self, scope: Scope, index: int, *, lean: bool) -> None:
        self.scope = scope
        self.index = index
        self.mapping = scope.spec.mappings[index]
        self.path = scope.spec.path(index)
        self.values = Values(scope, JsonWriter(scope.spec.timezone, nulls=self.mapping.nulls == "send"))
        self.objects = Objects(self.values, nulls=self.mapping.nulls == "send", lean=lean)
        self.objects.rest = rest_columns(self.mapping, scope)
        self.found = self.objects.found

    def compile(self) -> Item:
        """Return the compiled mapping."""
        takes, unclear = self._when()
        event, name = self._event()
        with self.scope.at(self.path):
            check_identity(self.mapping)
        written = self._identifiers()
        identifiers = {field: value.sql for field, value in written.items()}
        timestamp = self._timestamp()
        body = (*self._body(written, timestamp), *self._nested())
        failed = [
            Fault(condition, "expression_error", f"{path} cannot be computed from this row")
            for path, condition in self.found.faults
        ]
        entity = self._entity(identifiers)
        own_id = identifiers.pop("eventId", "")
        broken = rules(self.mapping, identifiers, timestamp, "" if event is not None else name)
        warned = (*self.found.warned, *self._incomplete(event, name))
        return Item(
            self.mapping, event, name, own_id, body, takes, unclear, (*failed, *broken), warned, entity
        )

    def _when(self) -> tuple[str, str]:
        if self.mapping.when is None:
            return "", ""
        with self.scope.at(f"{self.path}.when"):
            value, fault = self.scope.expression(self.mapping.when)
            if value.form not in ("boolean", "null"):
                raise Mistake(f"when is {value.type}, not BOOLEAN", "compare, as in `status = 'paid'`")
            return f"coalesce({value.sql}, false)", fault
        return "", ""

    def _event(self) -> tuple[str | None, str]:
        path = f"{self.path}.event"
        with self.scope.at(path):
            event = check_event(self.mapping)
            if event is not None:
                return event, quote(event)
            form = self.mapping.event
            assert form is not None and not isinstance(form, str)  # noqa: S101, PT018 - check_event saw a value
            written = self.found.note(path, self.values.identifier(_scalar(form)))
            return None, self.scope.derive(f"n{self.index}", written.sql)
        return None, "''"

    def _identifiers(self) -> dict[str, Written]:
        found: dict[str, Written] = {}
        for field, form in self.mapping.fields.items():
            path = f"{self.path}.{field}"
            if is_null(form):
                continue
            with self.scope.at(path):
                written = self.found.note(path, self.values.identifier(_scalar(form)))
                name = self.scope.derive(f"i{self.index}_{field}", written.sql)
                found[field] = Written(name, safe=written.safe)
        if copies_profile(self.mapping) and "userId" in found:
            found["profileId"] = found["userId"]
        return found

    def _timestamp(self) -> str:
        if self.mapping.timestamp is None:
            return ""
        path = f"{self.path}.timestamp"
        with self.scope.at(path):
            written = self.found.note(path, self.values.timestamp(_scalar(self.mapping.timestamp)))
            return self.scope.derive(f"t{self.index}", written.sql)
        return "NULL"

    def _body(self, written: dict[str, Written], timestamp: str) -> Iterator[Piece]:
        for field in _BEFORE_TIME:
            yield from self._identifier(field, written.get(field))
        if timestamp:
            # Null only in rows that are rejected.
            yield Piece(',"timestamp":')
            yield Piece(f"{timestamp}::VARCHAR", sql=True)
        for field in _AFTER_TIME:
            yield from self._identifier(field, written.get(field))

    def _identifier(self, field: str, written: Written | None) -> Iterator[Piece]:
        if written is None:
            return
        text = f"""'"' || {written.sql} || '"'""" if written.safe else f"to_json({written.sql})::VARCHAR"
        label = quote("," + member_name(field))
        yield Piece(f"CASE WHEN {written.sql} IS NOT NULL THEN {label} END", sql=True)
        yield Piece(text, sql=True)

    def _nested(self) -> Iterator[Piece]:
        for field, attribute in _OBJECTS:
            value = getattr(self.mapping, attribute)
            if value is not None:
                yield Piece("," + member_name(field))
                yield from self.objects.pieces(value, f"{self.path}.{field}")

    def _entity(self, identifiers: dict[str, str]) -> str:
        if self.mapping.kind == "event" and not self.mapping.ordered:
            return ""
        held = [identifiers[field] for field in _ENTITIES[self.mapping.kind] if field in identifiers]
        held = list(dict.fromkeys(held))
        return f"coalesce({', '.join(held)})" if len(held) > 1 else (held or ["NULL::VARCHAR"])[0]

    def _incomplete(self, event: str | None, name: str) -> Iterator[Warned]:
        data = self.mapping.data
        if self.mapping.kind != "event":
            return
        for code, special, needed in incomplete(event):
            absent: list[str] = []
            for member in needed:
                form = data.members.get(member) if data else None
                if form is None and data and data.rest and member in self.objects.rest:
                    form = models.Column(column=member)
                if form is None:
                    absent.append("true")
                elif isinstance(form, (models.Column, models.Sql, models.Template, Constant)):
                    # A mistake in it is noted where the member is written.
                    with self.scope.quietly():
                        sql = self.values.json(form).sql
                        absent.append(f"coalesce({sql}, 'null') = 'null'")
            lacks = f"({' OR '.join(absent)})"
            condition = lacks if event is not None else f"({name} = {quote(special)} AND {lacks})"
            if absent:
                yield code, condition


def _scalar(form: models.Value) -> Scalar:
    if isinstance(form, (models.Object, models.ListOf)):
        raise Mistake("an object or a list cannot stand here", "use a column, {sql}, {value} or {template}")
    return form


def named(item: Item) -> str:
    """Return SQL of the beginning of a whole entry: ``{"name":…,"payload":[``."""
    if item.event is not None:
        return quote(f'{{"name":{dumps(item.event)},"payload":[')
    return f"""'{{"name":' || to_json({item.name})::VARCHAR || ',"payload":['"""
