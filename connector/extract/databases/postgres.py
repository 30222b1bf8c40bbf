"""PostgreSQL, through ADBC: rows arrive as Arrow, in binary, without a Python object a value."""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pyarrow as pa
from sqlalchemy.engine import URL

from connector.errors import ConfigError, CredentialsError, SourceError
from connector.extract.databases.ordered import arrow_text
from connector.extract.databases.postgres_catalog import (
    AUTO,
    ESTIMATE,
    INDEXES,
    SESSION,
    TABLES,
    TIMELINE,
    TRANSACTIONS,
    conninfo,
    obstacle,
    plan_rows,
)
from connector.extract.databases.postgres_errors import translated
from connector.extract.databases.postgres_types import Described, chunk_of, column_of
from connector.extract.databases.reader import (
    CURSOR,
    Auto,
    Chunk,
    Column,
    Origin,
    Raw,
    Reader,
    Statement,
    Traits,
)
from connector.extract.databases.relation import Relation


class PostgresReader(Reader):
    """One connection, read only, in UTC; statements commit at once, so none is held open between pages."""

    traits = Traits(settle="auto", tuples=True)
    undeclared: Sequence[str] = ()

    def __init__(self, url: URL) -> None:
        self._url = url
        self._connection: Any = None
        self._running: Any = None
        self._infinities = True

    def connect(self) -> None:
        """Connect.

        Raises:
            ConfigError: the driver is not installed, or the database does not exist.
            CredentialsError: the server refuses the user or the password.
            SourceError: the server cannot be reached.
        """
        try:
            from adbc_driver_postgresql import dbapi
        except ImportError:
            raise ConfigError(
                "The driver for PostgreSQL is not installed.",
                hint="pip install 'intempt-connector[postgres]'",
                path="source.url",
            ) from None
        with self._translated():
            self._connection = dbapi.connect(conninfo(self._url), autocommit=True)
        *_, self._infinities = self.fetch(SESSION)[0]

    def describe(self, relation: Relation, cursor_sql: str | None) -> tuple[Column, ...]:
        """Columns with the types of the catalog; a query's as the server plans it."""
        source = self._source(relation)
        extra = f", ({cursor_sql}) as {CURSOR}" if cursor_sql else ""
        with self._cursor() as cursor:
            cursor.execute(f"select *{extra} from {source} limit 0")
            schema = cursor.fetch_record_batch().schema
        found = [
            Described(
                field.name,
                field.metadata[b"POSTGRESQL:type"].decode(),
                int(field.metadata.get(b"POSTGRESQL:typmod", b"-1")),
                field.type,
                self._infinities,
            )
            for field in schema
        ]
        names = ", ".join(f"pg_typeof(q.{self.quote(column.name)})::text" for column in found)
        inner = f"select *{extra} from {source}"
        types = (
            self.fetch(f"select {names} from (select 1) one left join ({inner}) q on false")[0]
            if found
            else ()
        )
        required = self._required(relation)
        return tuple(
            column_of(
                column,
                native,
                f"({cursor_sql})" if column.name == CURSOR else self.quote(column.name),
                nullable=column.name not in required,
            )
            for column, native in zip(found, types, strict=True)
        )

    def _source(self, relation: Relation) -> str:
        if relation.parts:
            return ".".join(map(self.quote, relation.parts))
        return f"({relation.query}\n) connector_query"

    def _required(self, relation: Relation) -> set[str]:
        if not relation.parts:
            return set()
        table = self.literal(("regclass", self._source(relation)))
        sql = f"select attname::text from pg_attribute where attrelid = {table} and attnotnull and attnum > 0"
        return {name for (name,) in self.fetch(sql)}

    def indexes(self, relation: Relation) -> list[tuple[str, ...]]:
        """Valid B-tree indexes over all rows and whole columns, in one direction."""
        table = self.literal(("regclass", self._source(relation)))
        return [tuple(names.split("\x01")) for (names,) in self.fetch(INDEXES.format(table=table))]

    def tables(self) -> list[str]:
        """Tables and views that this user can see."""
        return [name for (name,) in self.fetch(TABLES)]

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement with a small result."""
        with self._cursor({"adbc.postgresql.use_copy": "false"}) as cursor:
            cursor.execute(sql)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows

    def stream(self, statement: Statement) -> Generator[Chunk]:
        """Run a statement; rows arrive while the server still sends them."""
        with self._cursor({"adbc.postgresql.batch_size_hint_bytes": str(statement.limits.bytes)}) as cursor:
            cursor.execute(statement.sql)
            for batch in cursor.fetch_record_batch():
                for first in range(0, batch.num_rows, statement.limits.rows):
                    yield chunk_of(batch.slice(first, statement.limits.rows), statement)

    @contextmanager
    def _cursor(self, options: Mapping[str, str] | None = None) -> Iterator[Any]:
        if self._connection is None:
            raise SourceError("The source is not open.")
        with self._translated():
            cursor = self._connection.cursor(adbc_stmt_kwargs=options)
            self._running = cursor
            try:
                yield cursor
            finally:
                self._running = None
                cursor.close()

    def raw(self, column: Column, array: pa.Array, row: int) -> Raw:
        """The type's own name and the value's text."""
        return column.native, arrow_text(array, row)

    def greatest(self, column: Column, statement: str) -> Raw | None:
        """The value that a statement finds."""
        ((text,),) = self.fetch(f"select ({statement})::text")
        return None if text is None else (column.native, text)

    def literal(self, raw: Raw) -> str:
        """Write a value as text with its type; bytes are kept as hexadecimal digits."""
        native, text = raw
        prefix = "\\x" if native == "bytea" else ""
        return "'" + prefix + text.replace("'", "''") + f"'::{native}"

    def total(self, column: Column, base: str, *, near: bool) -> str | None:
        """Sum whole numbers, and times as microseconds; a float has them exactly where they are near."""
        if pa.types.is_timestamp(column.type) and near:
            return f"sum(cast(date_part('epoch', {column.sql} - {base}) * 1000000 as bigint))"
        if pa.types.is_timestamp(column.type):
            return f"sum(extract(epoch from {column.sql} - {base})) * 1000000"
        if pa.types.is_integer(column.type):
            return f"sum(cast({column.sql} as {'bigint' if near else 'numeric'}) - {base})"
        return super().total(column, base, near=near)

    def quote(self, name: str) -> str:
        """Quote a name."""
        return '"' + name.replace('"', '""') + '"'

    def clock(self) -> dt.datetime:
        """The server's clock."""
        ((now,),) = self.fetch("select clock_timestamp()")
        return _utc(now)

    def auto(self) -> Auto | None:
        """The start of the oldest open transaction, and what keeps us from being sure of it."""
        ((horizon, pid, age, prepared, *doubts),) = self.fetch(AUTO)
        holder = (int(pid), float(age)) if pid is not None else None
        return Auto(_utc(horizon), obstacle(*doubts), int(prepared), holder)

    def origin(self) -> Origin | None:
        """Timeline and counter of transactions; None on a standby, and where the server does not tell."""
        transactions = self._told(TRANSACTIONS)
        return Origin(self._told(TIMELINE), int(transactions)) if transactions else None

    def _told(self, sql: str) -> str:
        try:
            ((text,),) = self.fetch(sql)
        except (
            ConfigError,
            CredentialsError,
            SourceError,
        ):  # a service that only speaks the language of PostgreSQL
            return ""
        return text or ""

    def advice(self, settle: dt.timedelta) -> Sequence[str]:
        """Nothing to say: `auto` sees more."""
        del settle
        return ()

    def estimate(self, relation: Relation, sql: str) -> int | None:
        """What the planner thinks."""
        del relation
        ((plan,),) = self.fetch(f"{ESTIMATE} {sql}")
        return plan_rows(plan)

    def cancel(self) -> None:
        """Ask the server to cancel the running statement."""
        running = self._running
        if running is not None:
            with suppress(Exception):  # what is being ended may be broken already
                running.adbc_cancel()

    def close(self) -> None:
        """Disconnect."""
        if self._connection is not None:
            with suppress(Exception):  # what is being ended may be broken already
                self._connection.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        with translated(self._url):
            yield


def _utc(value: dt.datetime) -> dt.datetime:
    return value.astimezone(dt.UTC)
