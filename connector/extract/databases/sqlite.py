"""SQLite, through Python's own module: types come from declarations, raw values keep their storage class."""

from __future__ import annotations

import datetime as dt
import re
import sqlite3
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote as quote_url

import pyarrow as pa
from sqlalchemy.engine import URL

from connector.errors import ConfigError, DataError, SourceError, Stopped
from connector.extract.databases.ordered import arrow_text
from connector.extract.databases.reader import CURSOR, HALF, Chunk, Column, Raw, Reader, Statement, Traits
from connector.extract.databases.relation import Relation
from connector.extract.databases.sqlite_rows import holds, quoted, raw_array, sqlite_type
from connector.extract.databases.steps import bounded
from connector.extract.databases.typed import typed
from connector.extract.quotations import without_values


class SqliteReader(Reader):
    """One file, opened for reading; a file that is not there is never made."""

    traits = Traits(settle=dt.timedelta(0), tuples=sqlite3.sqlite_version_info >= (3, 15), mixed=True)

    def __init__(self, url: URL, timezone: str) -> None:
        self._path = url.database or ""
        self._timezone = timezone
        self._connection: sqlite3.Connection | None = None
        self.undeclared: Sequence[str] = ()

    def connect(self) -> None:
        """Open the file.

        Raises:
            ConfigError: it is not there, or is no database.
            SourceError: it cannot be read.
        """
        if self._path in {"", ":memory:"}:
            raise ConfigError(
                "The URL names no SQLite file.", hint="write sqlite:///folder/file.db", path="source.url"
            )
        path = Path(self._path)
        if not path.is_file():
            raise ConfigError(
                f"There is no SQLite file {self._path}.", hint="check source.url", path="source.url"
            )
        with self._translated():
            self._connection = sqlite3.connect(
                f"file:{quote_url(str(path.absolute()))}?mode=ro",
                uri=True,
                timeout=30,
                isolation_level=None,
                check_same_thread=False,
            )
            self._connection.execute("select count(*) from sqlite_master").fetchone()

    def describe(self, relation: Relation, cursor_sql: str | None) -> tuple[Column, ...]:
        """Columns with their declared types; those without are listed in `undeclared`."""
        if relation.parts:
            info = self.fetch(f"pragma {self._schema(relation)}table_xinfo({self.quote(relation.parts[-1])})")
        else:
            # A view passes on the declared types of the columns that it takes from tables.
            self.fetch(f"create temp view connector_view as {relation.query}")
            info = self.fetch("pragma temp.table_xinfo(connector_view)")
            self.fetch("drop view temp.connector_view")
        self.undeclared = [name for _, name, declared, *_ in info if sqlite_type(declared) is None]
        columns = [
            self._column(name, declared, bool(pk), bool(notnull))
            for _, name, declared, notnull, _, pk, _ in info
        ]
        if cursor_sql and columns:
            columns.append(Column(CURSOR, pa.null(), "", f"({cursor_sql})", f"({cursor_sql})"))
        return tuple(columns)

    def _column(self, name: str, declared: str, pk: bool, notnull: bool) -> Column:
        kind, meaning = sqlite_type(declared) or (pa.null(), "")
        unfit = "a floating-point number" if pa.types.is_floating(kind) else ""
        # Only of an INTEGER PRIMARY KEY does SQLite keep nulls out; for others it takes them.
        nullable = not (notnull or (pk and declared.upper() == "INTEGER"))
        quoted = self.quote(name)
        return Column(name, kind, declared, quoted, quoted, nullable, meaning, unfit=unfit)

    def indexes(self, relation: Relation) -> list[tuple[str, ...]]:
        """Indexes over whole columns, ascending; the row id that ends each one is named by its column."""
        schema, table = self._schema(relation), self.quote(relation.parts[-1])
        info = self.fetch(f"pragma {schema}table_info({table})")
        keys = [name for _, name, declared, _, _, pk in info if pk and declared.upper() == "INTEGER"]
        single = sum(1 for *_, pk in info if pk) == 1
        rowid = keys[0] if keys and single else None
        found: list[tuple[str, ...]] = [(rowid,)] if rowid else []
        for _, name, _, _, partial in self.fetch(f"pragma {schema}index_list({table})"):
            parts = self.fetch(f"pragma {schema}index_xinfo({self.quote(name)})")
            usable = not partial and not any(descending for _, _, _, descending, *_ in parts)
            columns = [column if cid >= 0 else rowid if cid == -1 else None for _, cid, column, *_ in parts]
            if usable and (ordered := columns[: columns.index(None)] if None in columns else columns):
                found.append(tuple(column for column in ordered if column))
        return found

    def _schema(self, relation: Relation) -> str:
        return f"{self.quote(relation.parts[0])}." if len(relation.parts) > 1 else ""

    def tables(self) -> list[str]:
        """Tables and views of the file."""
        return [
            name for (name,) in self.fetch("select name from sqlite_master where type in ('table', 'view')")
        ]

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement with a small result."""
        with self._translated():
            return self._connected.execute(sql).fetchall()

    def stream(self, statement: Statement) -> Generator[Chunk]:
        """Run a statement, fetching in steps small enough for the widest rows."""
        with self._translated():
            cursor = self._connected.execute(statement.sql)
            try:
                for rows in bounded(cursor, statement):
                    yield self._chunk(rows, statement)
            finally:
                cursor.close()

    def _chunk(self, rows: list[tuple[Any, ...]], statement: Statement) -> Chunk:
        values = list(zip(*rows, strict=True))
        raw = tuple(raw_array(values[place], statement.columns[place]) for place in statement.ordering)
        warnings: Counter[str] = Counter()
        arrays = []
        for column, found in zip(statement.columns[: statement.shown], values, strict=False):
            array, counted = typed(found, column, self._timezone)
            arrays.append(array)
            warnings += counted
        return Chunk(pa.RecordBatch.from_arrays(arrays, schema=statement.schema), raw, warnings)

    def raw(self, column: Column, array: pa.Array, row: int) -> Raw:
        """The storage class and the stored value."""
        del column
        if pa.types.is_integer(array.type):
            return "integer", str(array[row].as_py())
        if pa.types.is_binary(array.type):
            return "blob", arrow_text(array, row)
        return "text", array[row].as_py()

    def configured(self, column: Column, text: str, least: str) -> Raw:
        """A number where the column stores numbers, else text."""
        stored = self.greatest(column, least)
        if stored is None or stored[0] == "text":
            return "text", text
        if stored[0] == "integer" and text.lstrip("+-").isdigit():
            return "integer", text
        raise ConfigError(
            f"{text!r} cannot be compared with {column.name!r}, which stores {stored[0]}.",
            hint="write source.start as the column stores it",
            path="source.start",
        )

    def greatest(self, column: Column, statement: str) -> Raw | None:
        """The stored value that a statement finds."""
        value = self.fetch(statement)[0][0]
        return None if value is None else self.raw(column, raw_array([value], column), 0)

    def literal(self, raw: Raw) -> str:
        """Write a stored value as SQL of its storage class."""
        storage, text = raw
        if storage == "integer":
            return str(int(text))
        if storage == "blob":
            return f"x'{text}'"
        return quoted(text)

    def total(self, column: Column, base: str, *, near: bool) -> str | None:
        """Sum whole numbers, in two halves: one sum could be too large."""
        del near
        if not pa.types.is_integer(column.type):
            return None
        halves = (f">> {HALF}", f"& {(1 << HALF) - 1}")
        return " || ' ' || ".join(
            f"(sum({column.sql} {half}) - count(*) * ({base} {half}))" for half in halves
        )

    def possible(self, column: Column, texts: Sequence[str]) -> list[str]:
        """All: any column may hold any value."""
        del column
        return list(texts)

    def holds(self, column: Column, texts: Sequence[str]) -> str:
        """Look for every form in which a value may be stored."""
        return holds(column, texts)

    def estimate(self, relation: Relation, sql: str) -> int | None:
        """The highest row id of a table, where there is one."""
        if not relation.parts or " where " in sql:
            return None
        try:
            table = ".".join(map(self.quote, relation.parts))
            return int(self.fetch(f"select coalesce(max(rowid), 0) from {table}")[0][0])
        except (SourceError, ConfigError, TypeError, ValueError):
            return None

    def cancel(self) -> None:
        """Interrupt the running statement."""
        if self._connection is not None:
            self._connection.interrupt()

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()

    @property
    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            raise SourceError("The SQLite file is not open.")
        return self._connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _translate(error, self._path) from None


def _translate(error: sqlite3.Error, path: str) -> Exception:
    name = getattr(error, "sqlite_errorname", "") or ""
    text = str(error)
    if name == "SQLITE_INTERRUPT":
        return Stopped("Reading was stopped.")
    if name == "SQLITE_NOTADB":
        return ConfigError(f"{path} is no SQLite database.", hint="check source.url", path="source.url")
    if column := re.match(r"Could not decode to UTF-8 column '([^']*)'", text):
        return DataError(
            f"Column {column[1]!r} holds text that is not UTF-8.", hint="select it as a blob: cast(… as blob)"
        )
    if name == "SQLITE_ERROR":
        return ConfigError(
            f"SQLite refuses the statement: {without_values(text)}.",
            hint="check source.query, where and cursor",
        )
    if name in {"SQLITE_BUSY", "SQLITE_LOCKED"}:
        return SourceError(f"{path} is locked by another process.", hint="try again, or let it use WAL mode")
    return SourceError(
        f"Reading {path} failed: {without_values(text)} ({name}).", hint="check the file and its permissions"
    )
