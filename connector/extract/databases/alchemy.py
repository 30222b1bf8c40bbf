"""Every other database that SQLAlchemy has a dialect for, by the standard of its drivers."""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.sql import sqltypes

from connector.errors import ConfigError, ConnectorError, SourceError, Stopped
from connector.extract.databases.adbc import missing_driver
from connector.extract.databases.alchemy_rows import chunk_of
from connector.extract.databases.alchemy_sql import (
    CLOCKS,
    DRIVERS,
    EXTRAS,
    SESSIONS,
    literal,
    output,
    traits_of,
)
from connector.extract.databases.alchemy_types import arrow_type, text_of, unfit
from connector.extract.databases.reader import CURSOR, Chunk, Column, Raw, Reader, Statement
from connector.extract.databases.relation import Relation
from connector.extract.databases.steps import bounded
from connector.extract.naming import nearest

# SQLAlchemy logs statements, with the keys that a page starts after, and rows (invariant 5): this engine's logger
# stays still whatever the level of the others is.
_NAME = "connector.source"
logging.getLogger(f"sqlalchemy.engine.Engine.{_NAME}").setLevel(logging.WARNING)


class AlchemyReader(Reader):
    """One connection of an SQLAlchemy engine."""

    def __init__(self, url: URL, timezone: str) -> None:
        self._dialect = url.get_backend_name()
        self.traits = traits_of(self._dialect)
        self.undeclared: Sequence[str] = ()
        self._url = url.set(drivername=DRIVERS.get(url.drivername, url.drivername))
        self._timezone = timezone
        self._engine: sa.Engine | None = None
        self._connection: sa.Connection | None = None
        self._stopped = False

    def connect(self) -> None:
        """Connect.

        Raises:
            ConfigError: the dialect is unknown, or its driver is not installed.
            SourceError: the server cannot be reached, or refuses.
        """
        try:
            self._engine = sa.create_engine(
                self._url, poolclass=sa.NullPool, logging_name=_NAME, hide_parameters=True
            )
        except sa.exc.NoSuchModuleError:
            if self._dialect in EXTRAS:
                raise missing_driver(*EXTRAS[self._dialect]) from None
            known = [
                "postgresql",
                "mysql",
                "mariadb",
                "sqlite",
                "duckdb",
                "mssql",
                "oracle",
                "snowflake",
                "bigquery",
            ]
            name = self._url.drivername
            hint = f"{nearest(name, known)}; other dialects need their own package"
            raise ConfigError(
                f"There is no database dialect {name!r}.", hint=hint, path="source.url"
            ) from None
        except ImportError as error:
            if self._dialect in EXTRAS:
                raise missing_driver(*EXTRAS[self._dialect]) from None
            raise ConfigError(
                f"The driver {error.name!r} for {self._url.drivername} is not installed.",
                hint=f"pip install {error.name}",
                path="source.url",
            ) from None
        with self._translated():
            self._connection = self._engine.connect().execution_options(no_parameters=True)
            for statement in SESSIONS.get(self._dialect, ()):
                self._connection.exec_driver_sql(statement)
            self._connection.commit()  # what a transaction sets ends with it

    def describe(self, relation: Relation, cursor_sql: str | None) -> tuple[Column, ...]:
        """Columns of a table with the types of its catalog; a query's are all `undeclared`."""
        columns = self._of_table(relation) if relation.parts else self._of_query(relation)
        self.undeclared = [column.name for column in columns if pa.types.is_null(column.type)]
        if cursor_sql:
            columns.append(Column(CURSOR, pa.null(), "text", f"({cursor_sql})", f"({cursor_sql})"))
        return tuple(columns)

    def _of_table(self, relation: Relation) -> list[Column]:
        schema = ".".join(relation.parts[:-1]) or None
        with self._translated():
            try:
                found = sa.inspect(self._connected).get_columns(relation.parts[-1], schema=schema)
            except sa.exc.NoSuchTableError:
                message = f"There is no table {relation.name!r}."
                raise ConfigError(
                    message, hint=nearest(relation.name, self.tables()), path="source.table"
                ) from None
        return [self._column(item["name"], item["type"], bool(item["nullable"])) for item in found]

    def _of_query(self, relation: Relation) -> list[Column]:
        with self._translated():
            inner = f"select * from ({relation.query}\n) connector_query where 1 = 0"
            names = list(self._connected.exec_driver_sql(inner).keys())
        return [self._column(name, sqltypes.NullType(), nullable=True) for name in names]

    def _column(self, name: str, found: sqltypes.TypeEngine[Any], nullable: bool) -> Column:
        kind, native, meaning = arrow_type(found, self._dialect)
        quoted = self.quote(name)
        selected = output(self._dialect, native, quoted)
        return Column(
            name, kind, native, quoted, selected, nullable, meaning, unfit=unfit(found, kind, meaning)
        )

    def indexes(self, relation: Relation) -> list[tuple[str, ...]]:
        """Indexes and the primary key."""
        schema = ".".join(relation.parts[:-1]) or None
        with self._translated():
            inspector = sa.inspect(self._connected)
            table = relation.parts[-1]
            primary: Any = inspector.get_pk_constraint(table, schema=schema)["constrained_columns"]
            found = [index["column_names"] for index in inspector.get_indexes(table, schema=schema)]
        return [
            tuple(str(name) for name in names) for names in (primary, *found) if names and None not in names
        ]

    def tables(self) -> list[str]:
        """Tables and views of the default schema."""
        with self._translated():
            inspector = sa.inspect(self._connected)
            return [*inspector.get_table_names(), *inspector.get_view_names()]

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement with a small result."""
        with self._translated():
            try:
                return [tuple(row) for row in self._connected.exec_driver_sql(sql)]
            finally:
                self._connected.rollback()  # no statement leaves a transaction open

    def stream(self, statement: Statement) -> Generator[Chunk]:
        """Run a statement, from a server-side cursor where the driver has one."""
        with self._translated():
            options = {"stream_results": True}
            result = self._connected.exec_driver_sql(statement.sql, execution_options=options)
            try:
                for rows in bounded(result, statement):
                    if self._stopped:
                        raise Stopped("Reading was stopped.")
                    yield chunk_of(rows, statement, self._timezone)
            finally:
                with suppress(sa.exc.SQLAlchemyError):  # the connection may be gone
                    result.close()
                    self._connected.rollback()

    def raw(self, column: Column, array: pa.Array, row: int) -> Raw:
        """The kind of literal and the value's text."""
        return column.native, array[row].as_py()

    def configured(self, column: Column, text: str, least: str) -> Raw:
        """What a person wrote."""
        del least
        try:
            self.literal((column.native, text))
        except ValueError:
            message = f"{text!r} is no value of {column.name!r}."
            raise ConfigError(message, hint="correct it", path="source.start") from None
        return column.native, text

    def greatest(self, column: Column, statement: str) -> Raw | None:
        """The value that a statement finds."""
        found = f"({statement})"
        if (whole := output(self._dialect, column.native, found)) != found:
            statement = f"select {whole}{' from dual' if self._dialect == 'oracle' else ''}"
        ((value,),) = self.fetch(statement)
        text = text_of(value)
        return None if text is None else (column.native, text)

    def total(self, column: Column, base: str, *, near: bool) -> str | None:
        """Sum whole numbers in more digits than they have."""
        known = super().total(column, base, near=near)
        return f"sum(cast({column.sql} as decimal(38, 0)) - {base})" if known else None

    def literal(self, raw: Raw) -> str:
        """Write a value in the dialect's own form."""
        if (written := literal(self._dialect, raw)) is not None:
            return written
        native, text = raw
        kinds: dict[str, tuple[sqltypes.TypeEngine[Any], Any]] = {
            "timestamp": (sa.DateTime(), dt.datetime.fromisoformat),
            "timestamptz": (sa.DateTime(timezone=True), dt.datetime.fromisoformat),
            "date": (sa.Date(), dt.date.fromisoformat),
        }
        kind, parse = kinds.get(native, (sa.String(), str))
        value = parse(text.removesuffix("Z") if native in {"timestamp", "timestamptz"} else text)
        dialect = self._engine.dialect if self._engine else None
        compiled = sa.literal(value, kind).compile(dialect=dialect, compile_kwargs={"literal_binds": True})
        return self._single(str(compiled))

    def possible(self, column: Column, texts: Sequence[str]) -> list[str]:
        """Those that a literal can be written of."""
        return [text for text in texts if self._writable(column, text)]

    def _writable(self, column: Column, text: str) -> bool:
        try:
            self.literal((column.native, text))
            if column.meaning == "uuid":
                uuid.UUID(text)
        except (ConfigError, ValueError):
            return False
        return True

    def quote(self, name: str) -> str:
        """Quote a name, as the database has it: some dialects show names in capitals in small letters."""
        dialect = self._engine.dialect if self._engine else self._url.get_dialect()()
        if dialect.requires_name_normalize:
            name = str(dialect.denormalize_name(name))
        return self._single(str(dialect.identifier_preparer.quote_identifier(name)))

    def _single(self, sql: str) -> str:
        """SQL as it is sent without parameters: dialects whose driver looks for those would double each per cent sign."""
        dialect = self._engine.dialect if self._engine else self._url.get_dialect()()
        doubles = getattr(dialect.identifier_preparer, "_double_percents", False)
        return sql.replace("%%", "%") if doubles else sql

    def clock(self) -> dt.datetime:
        """The server's clock, where it is known how to ask for it."""
        if self._dialect not in CLOCKS:
            return super().clock()
        ((now,),) = self.fetch(CLOCKS[self._dialect])
        text = text_of(now) or ""
        return dt.datetime.fromisoformat(text[:26]).replace(tzinfo=dt.UTC)

    def advice(self, settle: dt.timedelta) -> Sequence[str]:
        """Whose clock it is."""
        del settle
        if self._dialect in CLOCKS:
            return ()
        return ("The time is taken from this machine's clock, not from the server's.",)

    def cancel(self) -> None:
        """Interrupt the running statement where the driver can, else after the rows that are on their way."""
        self._stopped = True
        if self._connection is not None:
            with suppress(Exception):  # what is being ended may be gone already
                driver: Any = self._connection.connection.driver_connection
                interrupt = getattr(driver, "cancel", None) or driver.interrupt
                interrupt()

    def close(self) -> None:
        """Disconnect."""
        with suppress(Exception):  # what is being ended may be broken already
            if self._connection is not None:
                self._connection.close()

    @property
    def _connected(self) -> sa.Connection:
        if self._connection is None:
            raise SourceError("The source is not open.")
        return self._connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.SQLAlchemyError as error:
            raise self._translate(error) from None

    def _translate(self, error: sa.exc.SQLAlchemyError) -> ConnectorError:
        if self._stopped:
            return Stopped("Reading was stopped.")
        where = f"{self._url.drivername} at {self._url.host}"
        kind = type(error).__name__
        if isinstance(error, sa.exc.ProgrammingError):
            hint = "check the names in source.table, query, where and cursor"
            return ConfigError(f"{where} refuses the statement ({kind}).", hint=hint)
        return SourceError(
            f"{where} cannot be read ({kind}).", hint="check source.url and that the server runs"
        )
