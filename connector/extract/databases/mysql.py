"""MySQL and MariaDB, through PyMySQL: values come as the server's text and become Arrow a column at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pyarrow as pa
from sqlalchemy.engine import URL

from connector.errors import ConfigError, ConnectorError, SourceError
from connector.extract.databases.mysql_errors import translate
from connector.extract.databases.mysql_types import chunk_of, column_of
from connector.extract.databases.reader import CURSOR, Auto, Chunk, Column, Raw, Reader, Statement, Traits
from connector.extract.databases.relation import Relation
from connector.extract.databases.steps import bounded

_SESSION = (
    "set time_zone = '+00:00'",
    "set session transaction read only",
    "set session transaction isolation level read committed",
)
_INDEXES = """
select group_concat(column_name order by seq_in_index separator 0x01), min(collation = 'A' and sub_part is null)
from information_schema.statistics where table_schema = {schema} and table_name = {table} and index_type = 'BTREE'
group by index_name"""
_PRIMARY = """
select column_name from information_schema.statistics
where table_schema = {schema} and table_name = {table} and index_name = 'PRIMARY' order by seq_in_index"""
_JSON_CHECKS = """
select check_clause from information_schema.check_constraints
where constraint_schema = {schema} and table_name = {table} and check_clause like 'json_valid(%'"""
_TABLES = """
select case when table_schema = database() then table_name else concat(table_schema, '.', table_name) end
from information_schema.tables
where table_schema not in ('information_schema', 'mysql', 'performance_schema', 'sys')"""
_WRITERS = """
select trx_mysql_thread_id, timestampdiff(second, trx_started, now()) from information_schema.innodb_trx
where trx_mysql_thread_id <> connection_id() and timestampdiff(second, trx_started, now()) > {seconds}
order by 2 desc limit 1"""


class MysqlReader(Reader):
    """One connection, read only, in UTC, whose results stream."""

    # The server takes the tuple form and then reads the whole index.
    traits = Traits(tuples=False)
    undeclared: Sequence[str] = ()

    def __init__(self, url: URL, timezone: str) -> None:
        self._url = url
        self._timezone = timezone
        self._connection: Any = None
        self._thread = 0

    def connect(self) -> None:
        """Connect.

        Raises:
            ConfigError: the driver is not installed, or there is no such database.
            CredentialsError: the server refuses the user or the password.
            SourceError: the server cannot be reached.
        """
        with self._translated():
            self._connection = self._new()
            self._thread = self._connection.thread_id()
            for statement in _SESSION:
                self.fetch(statement)

    def _new(self) -> Any:
        try:
            import pymysql
        except ImportError:
            raise ConfigError(
                "The driver for MySQL is not installed.",
                hint="pip install 'intempt-connector[mysql]'",
                path="source.url",
            ) from None
        dialect = self._url.set(drivername="mysql+pymysql").get_dialect()()
        options = dialect.create_connect_args(self._url)[1]
        # Without converters values stay as the server writes them: nothing is rounded on the way.
        return pymysql.connect(
            **{"charset": "utf8mb4", "connect_timeout": 10, **options}, conv={}, autocommit=True
        )

    def describe(self, relation: Relation, cursor_sql: str | None) -> tuple[Column, ...]:
        """Columns with the types that the server gives its result."""
        extra = f", ({cursor_sql}) as {CURSOR}" if cursor_sql else ""
        source = self._source(relation)
        with self._translated():
            cursor = self._connected.cursor()
            cursor.execute(
                f"select {source if relation.parts else 'connector_query'}.*{extra} from {source} limit 0"
            )
            fields = cursor._result.fields  # noqa: SLF001 - flags and lengths stand nowhere else
            cursor.close()
        json = self._json_columns(relation)
        return tuple(
            column_of(
                field,
                f"({cursor_sql})" if field.name == CURSOR else self.quote(field.name),
                json=field.name in json,
            )
            for field in fields
        )

    def _json_columns(self, relation: Relation) -> set[str]:
        """MariaDB's JSON is text with a check."""
        if not relation.parts:
            return set()
        try:
            checks = self.fetch(self._of_table(_JSON_CHECKS, relation))
        except ConnectorError:  # MySQL has true JSON, and this table has other columns there
            return set()
        return {str(check).partition("`")[2].partition("`")[0] for (check,) in checks}

    def _of_table(self, sql: str, relation: Relation) -> str:
        schema = self.literal(("char", relation.parts[-2])) if len(relation.parts) > 1 else "database()"
        return sql.format(schema=schema, table=self.literal(("char", relation.parts[-1])))

    def _source(self, relation: Relation) -> str:
        if relation.parts:
            return ".".join(map(self.quote, relation.parts))
        return f"({relation.query}\n) connector_query"

    def indexes(self, relation: Relation) -> list[tuple[str, ...]]:
        """Indexes over whole columns; each ends in the primary key, as InnoDB stores it."""
        primary = tuple(name for (name,) in self.fetch(self._of_table(_PRIMARY, relation)))
        found = self.fetch(self._of_table(_INDEXES, relation))
        indexes = [tuple(names.split("\x01")) for names, usable in found if usable in {"1", b"1"}]
        return [(*index, *(name for name in primary if name not in index)) for index in indexes]

    def tables(self) -> list[str]:
        """Tables and views that this user can see."""
        return [name for (name,) in self.fetch(_TABLES)]

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement with a small result; values are text."""
        with self._translated():
            cursor = self._connected.cursor()
            cursor.execute(sql)
            rows: list[tuple[Any, ...]] = list(cursor.fetchall())
            cursor.close()
            return rows

    def stream(self, statement: Statement) -> Generator[Chunk]:
        """Run a statement; rows arrive while the server still sends them."""
        from pymysql.cursors import SSCursor

        with self._translated():
            cursor = self._connected.cursor(SSCursor)
            done = False
            try:
                cursor.execute(statement.sql)
                for rows in bounded(cursor, statement):
                    yield chunk_of(rows, statement, self._timezone)
                done = True
                cursor.close()
            finally:
                if not done:
                    self._abandon()

    def _abandon(self) -> None:
        """Drop the connection: to close a cursor the driver would first read the rest of its result."""
        connection = self._connected
        if connection._result is not None:  # noqa: SLF001 - the driver has no other way
            connection._result.unbuffered_active = False  # noqa: SLF001 - see above
        connection._force_close()  # noqa: SLF001 - see above

    def raw(self, column: Column, array: pa.Array, row: int) -> Raw:
        """The type's name and the server's text; bytes as hexadecimal digits."""
        value = array[row].as_py()
        return column.native, value.hex() if isinstance(value, bytes) else value

    def greatest(self, column: Column, statement: str) -> Raw | None:
        """The value that a statement finds."""
        ((value,),) = self.fetch(statement)
        if value is None:
            return None
        return column.native, value.hex() if isinstance(value, bytes) else value

    def total(self, column: Column, base: str, *, near: bool) -> str | None:
        """Sum whole numbers, and times as microseconds."""
        if pa.types.is_timestamp(column.type):
            return f"sum(timestampdiff(microsecond, {base}, {column.sql}))"
        if pa.types.is_integer(column.type):  # what is unsigned cannot lie below the base
            return f"sum(cast({column.sql} as decimal(20)) - {base})"
        return super().total(column, base, near=near)

    def literal(self, raw: Raw) -> str:
        """Write a value in its own type; text in hexadecimal, which needs no escapes whatever the SQL mode."""
        native, text = raw
        if native in {"datetime", "timestamp"}:
            return "timestamp'" + text.replace("T", " ").removesuffix("Z").replace("'", "") + "'"
        if native in {"date", "time"}:
            return f"{native}'" + text.replace("'", "") + "'"
        if native == "binary":
            return f"x'{text}'"
        if native == "number":
            return _digits(text)
        return f"_utf8mb4 x'{text.encode().hex()}'"

    def quote(self, name: str) -> str:
        """Quote a name."""
        return "`" + name.replace("`", "``") + "`"

    def clock(self) -> dt.datetime:
        """The server's clock."""
        ((now,),) = self.fetch("select utc_timestamp(6)")
        return dt.datetime.fromisoformat(now).replace(tzinfo=dt.UTC)

    def auto(self) -> Auto | None:
        """The server does not tell for certain."""
        return None

    def advice(self, settle: dt.timedelta) -> Sequence[str]:
        """Name the transaction that has been open for longest, if it is longer than `settle`."""
        try:
            found = self.fetch(_WRITERS.format(seconds=int(settle.total_seconds())))
        except ConnectorError:
            return (
                "Transactions that are open for long cannot be seen: this user lacks the privilege PROCESS.",
            )
        return [
            f"Connection {thread} has had a transaction open for {age} s, longer than settle: rows that it commits can be skipped."
            for thread, age in found
        ]

    def estimate(self, relation: Relation, sql: str) -> int | None:
        """What the planner thinks."""
        del relation
        rows = self.fetch(f"explain {sql}")
        with suppress(ValueError, TypeError):
            return int(rows[0][8] if len(rows[0]) < 12 else rows[0][9])
        return None

    def cancel(self) -> None:
        """Kill the running statement through a connection of its own."""
        with suppress(Exception):  # what is being ended may be gone already
            other = self._new()
            other.cursor().execute(f"kill query {self._thread}")
            other.close()

    def close(self) -> None:
        """Disconnect."""
        if self._connection is not None:
            with suppress(Exception):  # what is being ended may be broken already
                self._connection.close()

    @property
    def _connected(self) -> Any:
        if self._connection is None:
            raise SourceError("The source is not open.")
        return self._connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except ConnectorError:
            raise
        except Exception as error:
            translated = translate(error, self._url)
            if translated is None:
                raise
            raise translated from None


def _digits(text: str) -> str:
    if not set(text) <= set("0123456789+-.eE"):
        raise ConfigError("A number holds other signs than digits.", hint="correct it", path="source.start")
    return text
