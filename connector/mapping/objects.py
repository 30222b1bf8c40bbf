"""Objects and lists of the mapping, flattened into the pieces of one ``concat``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from connector.config.models import Column, Constant, ListOf, Mapping, Object, Sql, Template
from connector.config.models import Value as Form
from connector.mapping.engine import quote
from connector.mapping.expressions import compile_expression
from connector.mapping.json_sql import member_name
from connector.mapping.scope import Scope
from connector.mapping.values import Values, Warned, Written, template_parts

# Columns that begin so are ours: no name in YAML or SQL can hold this character.
HIDDEN = "\0"


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text: a literal, or SQL whose null counts as an empty text."""

    text: str
    sql: bool = False


@dataclass(slots=True)
class Found:
    """What the values of an item can do besides being written: (path, condition) and (code, condition).

    Attributes:
        kinds: path, and place within the value -> kind.
    """

    faults: list[tuple[str, str]] = field(default_factory=list)
    warned: list[Warned] = field(default_factory=list)
    kinds: dict[str, str] = field(default_factory=dict)

    def note(self, path: str, written: Written) -> Written:
        """Collect from a value and return it."""
        self.faults.extend((path, condition) for condition in written.faults)
        self.warned.extend(written.warned)
        self.kinds.update((path + place, kind) for place, kind in written.kinds)
        return written


@dataclass(frozen=True, slots=True)
class Member:
    """A member's pieces, and the condition that it is there (empty: always)."""

    label: str
    pieces: tuple[Piece, ...]
    present: str
    firm: str = ""


class Objects:
    """Compiles nested values.

    Args:
        values: compiles scalars.
        nulls: whether null members are sent.
        lean: whether the SELECT may rely on some columns holding no null (`Scope.firm` says which).
    """

    def __init__(self, values: Values, *, nulls: bool, lean: bool) -> None:
        self.values = values
        self.scope: Scope = values.scope
        self.nulls = nulls
        self.lean = lean
        self.found = Found()
        self.rest: tuple[str, ...] = ()

    def pieces(self, value: Object, path: str) -> list[Piece]:
        """Return an object's pieces; mistakes are noted in the scope."""
        members: list[Member] = []
        for name, form in self._forms(value, path):
            with self.scope.at(f"{path}.{name}"):
                members.append(self._member(name, form, f"{path}.{name}"))
        return [Piece("{"), *self._separated(members), Piece("}")]

    def _forms(self, value: Object, path: str) -> Iterator[tuple[str, Form]]:
        for name, form in value.members.items():
            if self.nulls or not is_null(form):
                yield name, form
        if value.rest:
            left_out = value.without | value.members.keys()
            for name in sorted(value.without - set(self.scope.schema.names)):
                with self.scope.at(f"{path}.{name}"):
                    self.scope.column(name)
            yield from ((name, Column(column=name)) for name in self.rest if name not in left_out)

    def _member(self, name: str, form: Form, path: str) -> Member:
        label = member_name(name)
        if isinstance(form, Object):
            return Member(label, tuple(self.pieces(form, path)), "")
        if isinstance(form, ListOf):
            return Member(label, tuple(self._list(form, path)), "")
        written = self.found.note(path, self.values.json(form))
        if written.constant is not None:
            return Member(label, (Piece(written.constant),), "")
        if written.never_null:
            return Member(label, (Piece(written.sql, sql=True),), "")
        if self.nulls:
            return Member(label, (Piece(f"coalesce({written.sql}, 'null')", sql=True),), "")
        present = f"{written.firm or written.sql} IS NOT NULL"
        return Member(label, (Piece(written.sql, sql=True),), present, written.firm)

    def _list(self, form: ListOf, path: str) -> list[Piece]:
        pieces = [Piece("[")]
        for n, element in enumerate(form.elements):
            with self.scope.at(f"{path}[{n}]"):
                member = self._member("", element, f"{path}[{n}]")
                if n:
                    pieces.append(Piece(","))
                if member.present:
                    pieces.append(Piece(f"coalesce({member.pieces[0].text}, 'null')", sql=True))
                else:
                    pieces.extend(member.pieces)
        return [*pieces, Piece("]")]

    def _separated(self, members: Sequence[Member]) -> Iterator[Piece]:
        """Set commas: they hang on a member that is always there; without one, ``concat_ws`` sets them."""
        anchor = next((n for n, member in enumerate(members) if not member.present), None)
        if anchor is None and self.lean:
            anchor = next((n for n, member in enumerate(members) if member.firm), None)
            if anchor is not None:
                self.scope.firm.add(members[anchor].firm)
        if anchor is None:
            if members:
                listed = ", ".join(f"{quote(m.label)} || {m.pieces[0].text}" for m in members)
                yield Piece(f"concat_ws(',', {listed})", sql=True)
            return
        for n, member in enumerate(members):
            before, after = ("", ",") if n < anchor else (",", "")
            if n == anchor or not member.present:
                yield Piece((before if n != anchor else "") + member.label)
                yield from member.pieces
                yield Piece(after if n != anchor else "")
            elif n < anchor:
                yield Piece(f"({quote(member.label)} || {member.pieces[0].text} || ',')", sql=True)
            else:
                yield Piece(f"CASE WHEN {member.present} THEN {quote(',' + member.label)} END", sql=True)
                yield from member.pieces


def is_null(form: Form) -> bool:
    """Tell whether a form is null whatever the row."""
    return isinstance(form, Constant) and form.value is None and form.default is None


def concatenated(pieces: Sequence[Piece]) -> str:
    """Return the SQL of a text made of pieces; never null."""
    arguments: list[str] = []
    literal = ""
    for piece in pieces:
        if not piece.sql:
            literal += piece.text
            continue
        if literal:
            arguments.append(quote(literal))
        literal = ""
        arguments.append(piece.text)
    if literal:
        arguments.append(quote(literal))
    return f"concat({', '.join(arguments)})" if arguments else "''"


def forms(mapping: Mapping) -> Iterator[Form]:
    """Yield every value of a mapping, also the nested ones."""
    top = [*mapping.fields.values(), mapping.timestamp, mapping.data]
    top += [mapping.user_attributes, mapping.account_attributes]
    if not isinstance(mapping.event, str):
        top.append(mapping.event)
    for form in top:
        if form is not None:
            yield from _nested(form)


def _nested(form: Form) -> Iterator[Form]:
    yield form
    children = (
        form.members.values()
        if isinstance(form, Object)
        else form.elements
        if isinstance(form, ListOf)
        else ()
    )
    for child in children:
        yield from _nested(child)


def rest_columns(mapping: Mapping, scope: Scope) -> tuple[str, ...]:
    """Return the columns that ``"*": true`` takes: those that no value of the mapping uses."""
    taken: set[str] = set()
    if not any(isinstance(form, Object) and form.rest for form in forms(mapping)):
        return ()
    for form in forms(mapping):
        if isinstance(form, Column):
            taken.add(form.column)
        elif isinstance(form, Template):
            taken.update(name for _, name in template_parts(form.template) if name is not None)
        elif isinstance(form, Sql):
            # A mistake in it is reported where it stands.
            with scope.quietly():
                taken.update(compile_expression(form.sql, scope.names, scope.engine).columns)
    return tuple(name for name in scope.schema.names if name not in taken and not name.startswith(HIDDEN))
