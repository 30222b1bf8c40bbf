"""The columns that a mapping sees, the stages of its SELECT, and the mistakes found so far."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import pyarrow as pa

from connector.errors import ConfigError
from connector.mapping.arrow import MARK, registrable
from connector.mapping.engine import ROWS, Engine, Refused
from connector.mapping.expressions import (
    Expression,
    Mistake,
    compile_expression,
    redacted,
    unknown_column,
)
from connector.mapping.spec import MappingSpec
from connector.mapping.typed import MARKS, Mark, Typed, unwritable


class Scope:
    """Resolves names and types while a mapping is compiled.

    Attributes:
        names: source column -> its name in the registered batch.
        used: source columns that something reads.
        guards: name -> ``TRY(struct_pack(v := …))`` of an expression of the user; null where it failed.
        derived: name -> expression over columns and guards that is used more than once.
        firm: registered columns that the SELECT relies on to hold no null.
        mistakes: what is wrong, in the order found.
    """

    def __init__(self, spec: MappingSpec, schema: pa.Schema, engine: Engine) -> None:
        self.spec = spec
        self.engine = engine
        self.schema = schema
        self.names = {name: f"c{n}" for n, name in enumerate(schema.names)}
        self.used: set[str] = set()
        self.guards: dict[str, str] = {}
        self.derived: dict[str, str] = {}
        self.firm: set[str] = set()
        self.mistakes: list[ConfigError] = []
        self._typed: dict[str, Typed] = {}

    @contextmanager
    def at(self, path: str) -> Iterator[None]:
        """Note a mistake within the block under `path` and go on."""
        try:
            yield
        except Mistake as mistake:
            self.mistakes.append(
                ConfigError(mistake.message, hint=mistake.hint, file=self.spec.file, path=path)
            )

    @contextmanager
    def quietly(self) -> Iterator[None]:
        """Leave a mistake within the block to whoever meets it again."""
        with suppress(Mistake):
            yield

    def column(self, name: str) -> Typed:
        """Return a column of the source.

        Raises:
            Mistake: there is none of this name, or JSON has no form for its type.
        """
        if name not in self.names:
            raise unknown_column(name, self.schema.names)
        self.used.add(name)
        if name not in self._typed:
            try:
                kind = self.engine.types([self._raw(name)], self._sample([name]))[0]
            except Refused as refused:
                raise Mistake(f"column {name!r}: {refused}", "cast it in the source") from None
            found = Typed(self.names[name], kind, self._mark(name))
            self._writable(found, f"column {name!r}")
            self._typed[name] = found
        return self._typed[name]

    def look_ahead(self) -> None:
        """Find the types of all columns at once, which is far faster than one by one; mistakes are `column`'s."""
        listed = self.schema.names
        with suppress(Mistake, Refused):
            kinds = self.engine.types([self._raw(name) for name in listed], self._sample(listed))
            for name, kind in zip(listed, kinds, strict=True):
                found = Typed(self.names[name], kind, self._mark(name))
                if unwritable(found) is None:
                    self._typed[name] = found

    def _raw(self, name: str) -> str:
        cast = self.casts(name)
        return f"TRY_CAST({self.names[name]} AS {cast})" if cast else self.names[name]

    def casts(self, name: str) -> str | None:
        """Return the declared type of a column that the source hands over as text, or None."""
        field = self.schema.field(name)
        text = pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
        declared = self.spec.declared.get(name)
        return declared if declared and text and not self._mark(name) else None

    def _mark(self, name: str) -> Mark:
        field = self.schema.field(name)
        said = (field.metadata or {}).get(MARK, b"").decode()
        if pa.types.is_decimal256(field.type) or _odd_decimal(field.type):
            return "number"
        return next((mark for mark in MARKS if mark == said), "")

    def expression(self, text: str) -> tuple[Typed, str]:
        """Compile a user's expression.

        Returns:
            Its value, and the condition that it failed on a row.

        Raises:
            Mistake: it is refused, or its types do not fit.
        """
        found = compile_expression(text, self.names, self.engine)
        for name in found.columns:
            self.column(name)
        try:
            sample = self._sample(found.columns)
            if any(self.casts(name) for name in found.columns):
                sample = self.engine.run(
                    f"SELECT {', '.join(self.stage_columns(set(found.columns)))} FROM {ROWS}", sample
                )
            kind = self.engine.types([found.sql], sample)[0]
        except Refused as refused:
            message = redacted(str(refused), found, self.names)
            raise Mistake(f"the expression does not fit: {message}", self._cast_hint(found)) from None
        guard = self._guard(found.sql)
        value = Typed(f"{guard}.v", kind)
        self._writable(value, "the expression")
        return value, f"{guard} IS NULL"

    def _sample(self, columns: Sequence[str]) -> pa.Table:
        """Return a table of some columns, without rows."""
        schema = pa.schema([self.schema.field(name) for name in columns])
        try:
            # Arrow makes no empty arrays of extension types within lists.
            return registrable(pa.Table.from_batches([], schema), [self.names[name] for name in columns])
        except pa.ArrowException:
            raise Mistake(f"a column of {', '.join(columns)} has a type that DuckDB does not read") from None

    def stage_columns(self, only: set[str] | None = None) -> list[str]:
        """Return the select list of the innermost stage: every column, cast where its type is declared."""
        listed = []
        for name, sql in self.names.items():
            if only is None or name in only:
                cast = self.casts(name)
                listed.append(f"TRY_CAST({sql} AS {cast}) AS {sql}, {sql} AS raw_{sql}" if cast else sql)
        return listed

    def _guard(self, sql: str) -> str:
        wrapped = f"TRY(struct_pack(v := {sql}))"
        for name, known in self.guards.items():
            if known == wrapped:
                return name
        name = f"g{len(self.guards)}"
        self.guards[name] = wrapped
        return name

    def _cast_hint(self, found: Expression) -> str:
        for name in found.columns:
            if self.column(name).mark == "number":
                return f"{name} is a number of unbounded digits and arrives as text: cast it, as in {name}::DECIMAL(38, 9)"
        return "check the types of its columns, and cast where they differ"

    def _writable(self, value: Typed, what: str) -> None:
        if (kind := unwritable(value)) is not None:
            raise Mistake(
                f"{what} has the type {kind}, which has no JSON form", "cast it in an {sql: …} expression"
            )

    def derive(self, name: str, sql: str) -> str:
        """Compute `sql` once, under `name`, and return the name."""
        self.derived[name] = sql
        return name


def _odd_decimal(kind: pa.DataType) -> bool:
    return bool(pa.types.is_decimal(kind) and not 0 <= kind.scale <= kind.precision)
