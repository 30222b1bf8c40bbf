"""The seam between what every database needs and what each one does in its own way.

A `Reader` knows one dialect: how to describe columns, run a statement into Arrow, quote names and write a raw
value as a literal. Paging, positions, the horizon and all checks stand above it, once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import pyarrow as pa

from connector.errors import ConfigError, ConnectorError
from connector.extract import Limits
from connector.extract.databases.relation import Relation

# A value of the source in its own type: (name of the type, text). JSON keeps it as a list of two.
Raw = tuple[str, str]

# Names that statements give to what they select; no column of a source may be called so.
CURSOR = "connector_cursor"
PEERS = "connector_peers"
OUTPUT = "connector_{}"

# Bits of the lower half of a sum that comes in two.
HALF = 32


@dataclass(frozen=True, slots=True)
class Column:
    """One column on offer.

    Attributes:
        name: as the source has it.
        type: its Arrow type for the whole run; null where the source tells none.
        native: the source's own name of the type, as its literals need it.
        sql: the expression to compare and to order by.
        output: the expression to select; differs where the source must convert it.
        nullable: whether it may hold nulls.
        meaning: what Arrow has no type for: ``number``, ``json``, ``uuid``, ``interval`` or nothing.
        finite: a predicate that rules out values no watermark can hold, such as infinities; empty when there are none.
        infinite: the predicate that finds them, from an index where there is one.
        unfit: why it can be neither cursor nor key, empty when it can.
        precision: digits of a second's fraction, for times.
    """

    name: str
    type: pa.DataType
    native: str
    sql: str
    output: str
    nullable: bool = True
    meaning: str = ""
    finite: str = ""
    infinite: str = ""
    unfit: str = ""
    precision: int = 6

    @property
    def field(self) -> pa.Field:
        """The column as a field of an Arrow schema."""
        metadata = {b"connector": self.meaning.encode()} if self.meaning else None
        return pa.field(self.name, self.type, metadata=metadata)

    @property
    def is_time(self) -> bool:
        """Whether a horizon can be named in its type."""
        return bool(pa.types.is_timestamp(self.type) or pa.types.is_date(self.type))


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a statement: `rows` of the columns that are shown, `raw` the values of the ordering columns."""

    rows: pa.RecordBatch
    raw: tuple[pa.Array, ...]
    warnings: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement and what comes out of it.

    Attributes:
        sql: selects `columns`, in their order.
        columns: what is selected.
        shown: how many of them, from the first on, a chunk's rows have; the others are only ordered by.
        ordering: the places in `columns` whose raw values matter.
        limits: of one chunk.
    """

    sql: str
    columns: tuple[Column, ...]
    shown: int
    ordering: tuple[int, ...]
    limits: Limits

    @property
    def schema(self) -> pa.Schema:
        """The schema of a chunk's rows."""
        return pa.schema([column.field for column in self.columns[: self.shown]])


@dataclass(frozen=True, slots=True)
class Traits:
    """What sets dialects apart.

    Attributes:
        settle: how long rows may be late when the configuration does not say.
        tuples: whether ``(a, b) > (c, d)`` is understood and answered from an index.
        mixed: whether a column can hold values of several types, each ordered among its own.
        paged: whether one statement a page is cheaper than one statement, given an index.
        limit: how a statement is cut off after ``{n}`` rows.
        top: the same behind ``select``, where `limit` needs an order; else empty.
        every: the condition that a whole ``{number}`` is a multiple of ``{size}``.
    """

    settle: Literal["auto"] | dt.timedelta = dt.timedelta(seconds=60)
    tuples: bool = False
    mixed: bool = False
    paged: bool = True
    limit: str = "limit {n}"
    top: str = ""
    every: str = "{number} % {size} = 0"


@dataclass(frozen=True, slots=True)
class Auto:
    """What a source knows about late rows.

    Attributes:
        horizon: nothing stamped before this instant can still be committed.
        obstacle: why that is not certain, empty when it is.
        prepared: number of prepared transactions, which may hold any earlier stamp.
        holder: the process id and age in seconds of a transaction that has been open for long, if there is one.
    """

    horizon: dt.datetime
    obstacle: str = ""
    prepared: int = 0
    holder: tuple[int, float] | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """What changes when a server is restored from a backup.

    Attributes:
        timeline: the branch of its history, empty where that cannot be known.
        transactions: how many it has begun.
    """

    timeline: str
    transactions: int


class Reader(Protocol):
    """One connection to one database; what most of them have in common is written here and inherited.

    Everything but `cancel` is called from one thread. What the driver raises leaves as a ConnectorError.
    """

    traits: Traits
    undeclared: Sequence[str]  # columns whose type the source does not tell, known after `describe`

    def connect(self) -> None:
        """Open the connection, for reading only, with UTC as its time zone."""

    def describe(self, relation: Relation, cursor_sql: str | None) -> tuple[Column, ...]:
        """Columns of `relation`, and one named `CURSOR` for the expression `cursor_sql`."""

    def indexes(self, relation: Relation) -> list[tuple[str, ...]]:
        """For each index that can order all rows, the names of the columns it orders by."""

    def tables(self) -> list[str]:
        """Names of tables and views, to find the one that was meant."""

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement with a small result."""

    def stream(self, statement: Statement) -> Generator[Chunk]:
        """Run a statement; chunks stay within its limits."""

    def raw(self, column: Column, array: pa.Array, row: int) -> Raw:
        """The raw value at `row` of one of a chunk's ordering arrays."""

    def configured(self, column: Column, text: str, least: str) -> Raw:
        """The raw value that a person wrote as `text`; `least` finds the column's least value, to see how it is stored.

        Raises:
            ConfigError: it cannot be a value of that column.
        """
        del least
        raw = (column.native, text)
        try:
            self.fetch(f"select {self.literal(raw)} is null")
        except ConnectorError:
            message = f"{text!r} is no value of type {column.native}."
            raise ConfigError(message, hint="correct it", path="source.start") from None
        return raw

    def greatest(self, column: Column, statement: str) -> Raw | None:
        """The raw value that `statement`, which gives one value of `column`, finds."""

    def literal(self, raw: Raw) -> str:
        """Write a raw value as SQL of its own type."""

    def possible(self, column: Column, texts: Sequence[str]) -> list[str]:
        """Those of `texts` that can be values of `column`: the source is asked, half by half where it refuses some."""
        if not texts:
            return []
        try:
            literals = [self.literal((column.native, text)) for text in texts]
            self.fetch("select " + ", ".join(f"{literal} is null" for literal in literals))
        except ConnectorError:
            self.fetch("select 1")  # not if it refuses everything
            middle = len(texts) // 2
            return [
                *(self.possible(column, texts[:middle]) if middle else ()),
                *(self.possible(column, texts[middle:]) if middle else ()),
            ]
        return list(texts)

    def holds(self, column: Column, texts: Sequence[str]) -> str:
        """The condition that `column` holds one of `texts`; it may be true of other values too."""
        return f"{column.sql} in ({', '.join(self.literal((column.native, text)) for text in texts)})"

    def total(self, column: Column, base: str, *, near: bool) -> str | None:
        """SQL of the exact sum of how far `column` lies above the literal `base`, in the units of versions.

        None where the source cannot tell: that it can of whole numbers is true everywhere. Where a sum could be too large
        for the source it may be a text of two, of the distances' bits above the lowest `HALF` and of these.

        Args:
            column: a whole number or a time.
            base: a literal of its type.
            near: whether the values are not far from it, 2 to the power of 50 at most.
        """
        del near
        return f"sum({column.sql} - {base})" if pa.types.is_integer(column.type) else None

    def quote(self, name: str) -> str:
        """Write a name as an SQL identifier."""
        return '"' + name.replace('"', '""') + '"'

    def named(self, parts: tuple[str, ...]) -> str:
        """Write the name of a table."""
        return ".".join(map(self.quote, parts))

    def clock(self) -> dt.datetime:
        """The server's time, in UTC; this machine's where the source is a file or tells none."""
        return dt.datetime.now(dt.UTC)

    def auto(self) -> Auto | None:
        """What is known about transactions that are open, None where a source cannot tell."""
        return None

    def origin(self) -> Origin | None:
        """What tells a restored server, None where a source has nothing of the kind."""
        return None

    def advice(self, settle: dt.timedelta) -> Sequence[str]:
        """Sentences about transactions that have been open for longer than `settle`, where that can be seen."""
        del settle
        return ()

    def estimate(self, relation: Relation, sql: str) -> int | None:
        """About how many rows of `relation` the statement `sql` gives, None when that is not cheap to know."""
        del relation, sql
        return None

    def cancel(self) -> None:
        """Interrupt a running statement, from any thread; harmless when none runs."""

    def close(self) -> None:
        """Disconnect; never raises."""
