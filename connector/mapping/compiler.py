"""The mappings of a sync, compiled to one SELECT over the registered columns c0 … cN of a batch.

The SELECT is a stack of projections, so that nothing is computed twice::

    columns → canonical key → guards (TRY around each expression of the user) → identifiers, timestamp, event name
            → eventIds of events, bodies of other items → eventIds of those → text → hash of the text
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
from duckdb.sqltypes import VARCHAR

from connector.errors import ConfigErrors
from connector.mapping.contract import Fault
from connector.mapping.engine import ROWS, Engine, quote
from connector.mapping.event_id import canonical, digest, event_id, key_of
from connector.mapping.expressions import unknown_column
from connector.mapping.forgotten import is_forgotten
from connector.mapping.items import Item, ItemCompiler, named
from connector.mapping.json_sql import JsonWriter
from connector.mapping.objects import Piece, concatenated
from connector.mapping.prints import known_by
from connector.mapping.scope import Scope
from connector.mapping.spec import MappingSpec
from connector.mapping.typed import Typed
from connector.mapping.values import dumps

_ONE = "0::UBIGINT"
_KEY = "row_key"
VERSION = "version"  # the registered column of the version of each row


@dataclass(frozen=True, slots=True)
class Plan:
    """A compiled SELECT. One row comes out for each that goes in, in the same order.

    Its columns: ``text`` (ends in a comma), ``event_id``, ``digest``, with a key ``key`` (its hash), and where they
    can differ ``fault`` (index into `faults`, or null), ``items``, ``entity``, ``forgotten`` (whether the row must not
    be sent), and a boolean ``warn_<code>`` for each of `warnings`. Of tracked rows also ``whole`` (their key, where it is one
    whole number) or ``known`` (its MD5, in hexadecimal digits) or both, ``item`` (the MD5 of their items; not where a row
    is one event for ever), and ``row_key`` where keys are kept.

    Attributes:
        statement: the SELECT.
        columns: source column -> its name in the registered batch; only the columns that are read.
        firm: registered columns that must not hold a null for the statement to be right.
        versioned: whether the batch needs the column `VERSION`.
        event: the name of all entries' event, or None when entries are whole ``{"name": …}`` objects.
        faults: what ``fault`` means.
        warnings: codes of warnings.
        items: what the mappings were compiled to.
        one_entity: whether all rows count as one entity, as a row can make items of several.
    """

    statement: str
    columns: Mapping[str, str]
    firm: frozenset[str]
    versioned: bool
    event: str | None
    faults: tuple[Fault, ...]
    warnings: tuple[str, ...]
    items: tuple[Item, ...]
    one_entity: bool


def compile_plan(spec: MappingSpec, schema: pa.Schema, engine: Engine, *, lean: bool) -> Plan:
    """Compile the mappings of `spec` against the columns of `schema`.

    Args:
        spec: the mappings.
        schema: the columns that they see: the source's, or those that a transform returns.
        engine: parses, and tells types.
        lean: whether the statement may rely on columns without nulls, which `Plan.firm` names.

    Raises:
        ConfigErrors: every mistake found.
    """
    scope = Scope(spec, schema, engine)
    items = tuple(ItemCompiler(scope, index, lean=lean).compile() for index in range(len(spec.mappings)))
    key = _key(scope)
    if scope.mistakes:
        raise ConfigErrors(scope.mistakes)
    return _Assembly(scope, items, key).plan()


def _key(scope: Scope) -> str:
    """Return SQL of the canonical key; without one, a digest of everything that is read."""
    names = scope.spec.key
    if not names:
        if not scope.used:
            scope.used.update(scope.schema.names)
        names = tuple(name for name in scope.schema.names if name in scope.used)
    parts: list[str] = []
    for name in names:
        with scope.at("source.key" if scope.spec.key else "source"):
            if name not in scope.names:
                raise unknown_column(name, scope.schema.names)
            parts.append(canonical(scope.column(name), scope.spec.timezone))
    return key_of(parts) if scope.spec.key else f"""'["' || {digest(parts)} || '"]'"""


class _Assembly:
    """Puts compiled mappings together."""

    def __init__(self, scope: Scope, items: Sequence[Item], key: str) -> None:
        self.scope = scope
        self.items = items
        # With a key of the source its text is made once, for eventIds and for its hash.
        self.keyed = {_KEY: key} if scope.spec.key else {}
        self.key = _KEY if self.keyed else key
        self.writer = JsonWriter(scope.spec.timezone)
        self.single = len(items) == 1
        self.event = items[0].event if self.single else None
        self.tracked = scope.spec.tracked and bool(self.keyed)
        self.once = (
            self.tracked and self.event is not None and not _versioned(items[0]) and not items[0].own_id
        )
        self.versioned = any(_versioned(item) for item in items)

    def plan(self) -> Plan:
        """Return the plan."""
        faults = tuple(self._faults())
        warned = self._warned()
        inner = [*self.scope.stage_columns(self.scope.used), *([VERSION] if self.versioned else [])]
        statement = f"SELECT {', '.join(inner) or '*'} FROM {ROWS}"
        for stage in (
            self.keyed,
            self.scope.guards,
            self.scope.derived,
            dict(self._early()),
            self._hashed(),
            dict(self._late()),
        ):
            if stage:
                statement = f"SELECT *, {_aliased(stage)} FROM ({statement})"
        statement = f"SELECT {_aliased(self._outputs(faults, warned))} FROM ({statement})"
        return Plan(
            f"SELECT *, hash(text) AS digest FROM ({statement})",
            {name: sql for name, sql in self.scope.names.items() if name in self.scope.used},
            frozenset(self.scope.firm),
            self.versioned,
            self.event,
            faults,
            tuple(warned),
            tuple(self.items),
            self._entity() == _ONE,
        )

    def _early(self) -> Iterator[tuple[str, str]]:
        """Yield the eventIds of events, and the bodies of items whose eventId hangs on the body."""
        for n, item in enumerate(self.items):
            if item.mapping.kind == "event":
                tail = [self.key, *([self._version()] if _versioned(item) else [])]
                yield f"id{n}", self._id(n, item, tail)
            if item.mapping.kind != "event" or (self.tracked and not self.once):
                yield f"body{n}", concatenated(item.body)

    def _hashed(self) -> dict[str, str]:
        if not self.tracked or self.once:
            return {}
        return {f"hash{n}": f"md5(body{n})" for n in range(len(self.items))}

    def _late(self) -> Iterator[tuple[str, str]]:
        for n, item in enumerate(self.items):
            if item.mapping.kind != "event":
                hashed = f"hash{n}" if self.tracked else f"md5(body{n})"
                content = f"""'"' || {hashed} || '"'"""
                yield f"id{n}", self._id(n, item, [self.key, content, self._version()])

    def _id(self, n: int, item: Item, tail: Sequence[str]) -> str:
        name = f"to_json({item.name})::VARCHAR" if item.event is None else quote(dumps(item.event))
        twins = sum(_may_coincide(item, other) for other in self.items[:n])
        if twins:
            name = f"concat('[', {name}, ',{twins + 1}]')"
        head = (self.scope.spec.sync_id, item.mapping.kind)
        made = event_id(head, f"coalesce({name}, 'null')", tail)
        return f"coalesce({item.own_id}, {made})" if item.own_id else made

    def _version(self) -> str:
        return f"coalesce({self.writer.json(Typed(VERSION, VARCHAR))}, 'null')"

    def _entry(self, n: int, item: Item) -> list[Piece]:
        made = item.mapping.kind != "event" or (self.tracked and not self.once)
        body = [Piece(f"body{n}", sql=True)] if made else list(item.body)
        # An id of ours is hex and needs no escaping.
        own = [Piece(f"to_json(id{n})::VARCHAR", sql=True)]
        event_id = own if item.own_id else [Piece('"'), Piece(f"id{n}", sql=True), Piece('"')]
        bare = [Piece('{"eventId":'), *event_id, *body, Piece("}")]
        if self.event is not None:
            return bare
        return [Piece(named(item), sql=True), *bare, Piece("]}")]

    def _outputs(self, faults: Sequence[Fault], warned: Mapping[str, str]) -> dict[str, str]:
        entries = [(item, [*self._entry(n, item), Piece(",")]) for n, item in enumerate(self.items)]
        if self.single:
            columns = {"text": concatenated(entries[0][1]), "event_id": "id0"}
        else:
            taken = [_when(item, concatenated(pieces)) for item, pieces in entries]
            ids = [_when(item, f"id{n}") for n, item in enumerate(self.items)]
            columns = {"text": f"concat({', '.join(taken)})", "event_id": f"coalesce({', '.join(ids)}, id0)"}
        if self.keyed:
            columns["key"] = f"hash({_KEY})"
        if self.tracked:
            columns |= known_by(_KEY, [self.scope.column(name) for name in self.scope.spec.key])
            columns |= {} if self.once else {"item": self._content()}
            columns |= {_KEY: _KEY} if self.scope.spec.keyed else {}
        if any(item.takes for item in self.items) or not self.single:
            columns["items"] = " + ".join(f"({item.takes or 'true'})::BIGINT" for item in self.items)
        if faults:
            cases = " ".join(f"WHEN {fault.condition} THEN {n}" for n, fault in enumerate(faults))
            columns["fault"] = f"CASE {cases} END"
        if entity := self._entity():
            columns["entity"] = entity
        if forgotten := " OR ".join(self._forgotten()):
            columns["forgotten"] = f"({forgotten})"
        return columns | {f"warn_{code}": condition for code, condition in warned.items()}

    def _content(self) -> str:
        """Return SQL of the MD5 of all items of a row; of one with a constant name, of the item alone."""
        if self.event is not None:
            return "hash0"
        parts = [
            _when(item, f"concat('{n}', {item.name}, '|', hash{n})") for n, item in enumerate(self.items)
        ]
        return f"md5(concat({', '.join(parts)}))"

    def _forgotten(self) -> Iterator[str]:
        """Yield conditions that a row is about a key or a user that must not be sent any more."""
        spec = self.scope.spec
        if self.keyed and (found := is_forgotten(spec.sync_id, spec.forgotten, "key", _KEY)):
            yield found
        for n, item in enumerate(self.items):
            for name in {f"i{n}_userId", f"i{n}_profileId"} & self.scope.derived.keys():
                if found := is_forgotten(spec.sync_id, spec.forgotten, "user", name):
                    yield _and(item, found)

    def _faults(self) -> Iterator[Fault]:
        for n, item in enumerate(self.items):
            path = self.scope.spec.path(n)
            if item.unclear:
                message = f"{path}.when cannot be computed from this row"
                yield Fault(item.unclear, "expression_error", message)
            for fault in item.faults:
                yield Fault(_and(item, fault.condition), fault.reason, fault.message)

    def _warned(self) -> dict[str, str]:
        found: dict[str, list[str]] = {}
        for item in self.items:
            for code, condition in item.warned:
                found.setdefault(code, []).append(_and(item, condition))
        return {code: f"coalesce({' OR '.join(conditions)}, false)" for code, conditions in found.items()}

    def _entity(self) -> str:
        """Return SQL of the hash of what a row's items are about.

        A row may hold items of two entities, and one hash cannot stand for both: then all rows are one entity,
        which keeps order at the cost of speed.
        """
        ordered = [item for item in self.items if item.entity]
        about = {
            (item.mapping.kind in ("group", "product") and item.mapping.kind, item.entity) for item in ordered
        }
        kinds = {(kind, self._plain(entity)) for kind, entity in about}
        if not ordered:
            return ""
        if len(kinds) > 1:
            return _ONE
        return f"hash({ordered[0].entity})"

    def _plain(self, entity: str) -> str:
        for name, sql in sorted(self.scope.derived.items(), key=lambda pair: -len(pair[0])):
            entity = entity.replace(name, sql)
        return entity


def _versioned(item: Item) -> bool:
    return item.mapping.kind != "event" or item.mapping.events == "per_version"


def _may_coincide(item: Item, other: Item) -> bool:
    """Tell whether two mappings can give one row the same eventId, but for their place."""
    if item.mapping.kind != other.mapping.kind:
        return False
    return item.event is None or other.event is None or item.event == other.event


def _when(item: Item, sql: str) -> str:
    return f"CASE WHEN {item.takes} THEN {sql} END" if item.takes else sql


def _and(item: Item, condition: str) -> str:
    return f"({item.takes} AND ({condition}))" if item.takes else f"({condition})"


def _aliased(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
