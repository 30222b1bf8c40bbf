"""What the drivers of warehouses have in common: ADBC, so rows arrive as Arrow without a Python object a value.

A warehouse has no index that a page could start from: everything is asked for by one statement, which the warehouse
sorts and keeps the result of, so that a slow destination holds nothing open in it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pyarrow as pa
from sqlalchemy.engine import URL

from connector.errors import ConfigError, ConnectorError, SourceError, Stopped
from connector.extract.databases.adbc_values import chunk_of, fitting
from connector.extract.databases.ordered import arrow_text
from connector.extract.databases.reader import Chunk, Column, Raw, Reader, Statement, Traits


class AdbcReader(Reader):
    """One connection through an ADBC driver."""

    traits = Traits(tuples=False, paged=False)
    undeclared: Sequence[str] = ()

    def __init__(self, url: URL) -> None:
        self._url = url
        self._connection: Any = None
        self._running: Any = None
        self._stopped = False

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement with a small result."""
        with self._cursor() as cursor:
            cursor.execute(sql)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows

    def stream(self, statement: Statement) -> Generator[Chunk]:
        """Run a statement; rows arrive while the driver still loads the rest of the result."""
        with self._cursor() as cursor:
            cursor.execute(statement.sql)
            for batch in cursor.fetch_record_batch():
                rows = fitting(batch, statement)
                for first in range(0, batch.num_rows, rows):
                    self._stop_if_asked()
                    yield chunk_of(batch.slice(first, rows), statement)

    def indexes(self, relation: Any) -> list[tuple[str, ...]]:
        """None: warehouses have no such thing."""
        del relation
        return []

    def raw(self, column: Column, array: pa.Array, row: int) -> Raw:
        """The type's own name and the value's text."""
        return column.native, arrow_text(array, row)

    def greatest(self, column: Column, statement: str) -> Raw | None:
        """The value that a statement finds."""
        (((text,),)) = self.fetch(f"select {self.as_text(column.native, f'({statement})')}")
        return None if text is None else (column.native, text)

    @abstractmethod
    def as_text(self, native: str, sql: str) -> str:
        """The SQL that writes a value of a type as raw values are kept."""

    def statement_options(self) -> Mapping[str, str] | None:
        """Options of each statement."""
        return None

    @abstractmethod
    def translate(self, error: Exception) -> ConnectorError:
        """Turn one error of the driver into ours."""

    def cancel(self) -> None:
        """Ask the driver to end the running statement."""
        self._stopped = True
        running = self._running
        if running is not None:
            with suppress(Exception):  # what is being ended may be gone already
                running.adbc_cancel()

    def _stop_if_asked(self) -> None:
        if self._stopped:
            raise Stopped("Reading was stopped.")

    def close(self) -> None:
        """Disconnect."""
        if self._connection is not None:
            with suppress(Exception):  # what is being ended may be broken already
                self._connection.close()

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        if self._connection is None:
            raise SourceError("The source is not open.")
        with self._translated():
            cursor = self._connection.cursor(adbc_stmt_kwargs=self.statement_options())
            self._running = cursor
            try:
                yield cursor
            finally:
                self._running = None
                cursor.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        import adbc_driver_manager as adbc

        try:
            yield
        except (adbc.Error, pa.ArrowException, OSError) as error:
            raise (Stopped("Reading was stopped.") if self._stopped else self.translate(error)) from None


def missing_driver(name: str, extra: str) -> ConfigError:
    """The error for a driver that is an extra and not there."""
    return ConfigError(
        f"The driver for {name} is not installed.",
        hint=f"pip install 'intempt-connector[{extra}]'",
        path="source.url",
    )


def options_of(url: URL, known: Sequence[str]) -> dict[str, str]:
    """The options behind the question mark of a URL.

    Raises:
        ConfigError: one is not among `known`, or stands twice. A value is never named: it may be a secret.
    """
    found: dict[str, str] = {}
    for name, value in url.query.items():
        if name not in known:
            message = f"source.url holds an option {name!r} that is not known."
            raise ConfigError(message, hint=f"known are {', '.join(known)}", path="source.url")
        if not isinstance(value, str):
            raise ConfigError(
                f"source.url holds {name!r} more than once.", hint="give it once", path="source.url"
            )
        found[name] = value
    return found
