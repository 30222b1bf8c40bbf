"""What the drivers of warehouses have in common: ADBC, so rows arrive as Arrow without a Python object a value.

A warehouse has no index that a page could start from: everything is asked for by one statement, which the warehouse
sorts and keeps the result of, so that a slow destination holds nothing open in it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy.engine import URL

from connector.errors import ConfigError, ConnectorError, DataError, SourceError, Stopped
from connector.extract.databases.ordered import arrow_text
from connector.extract.databases.reader import Chunk, Column, Raw, Reader, Statement, Traits
from connector.extract.databases.typed import decimals, misfit, recast

_TIME = re.compile(r"[\d\-:. +]+")
_OFFSET = re.compile(r"(:\d\d(?:\.\d+)?) ?([+-]\d\d)(?::?(\d\d))?$")
# Digits of a second's fraction beyond microseconds, with something in them or with nothing.
_FINER, _NOTHING_FINER = r"\.\d{6}\d*[1-9]", r"(\.\d{6})0+$"
_MICROSECONDS = r"(\.\d{6})\d+$"


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
                    if self._stopped:
                        raise Stopped("Reading was stopped.")
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

    def as_text(self, native: str, sql: str) -> str:
        """The SQL that writes a value of a type as raw values are kept."""
        raise NotImplementedError

    def statement_options(self) -> Mapping[str, str] | None:
        """Options of each statement."""
        return None

    def translate(self, error: Exception) -> ConnectorError:
        """Turn one error of the driver into ours."""
        raise NotImplementedError

    def cancel(self) -> None:
        """Ask the driver to end the running statement."""
        self._stopped = True
        running = self._running
        if running is not None:
            with suppress(Exception):  # what is being ended may be gone already
                running.adbc_cancel()

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


# ── values ──────────────────────────────────────────────────────────────────────────────────────────────


def time_text(text: str) -> str:
    """Return a time as SQL has it, with its zone as ``+00:00`` if it names one; nothing but digits and signs is in it.

    Raises:
        ConfigError: it is no time.
    """
    plain = text.strip().replace("T", " ").replace("t", " ")
    plain = plain[:-1] + "+00:00" if plain[-1:] in {"Z", "z"} else plain
    if not _TIME.fullmatch(plain):
        raise ConfigError(
            f"{text!r} is no time.", hint="write it as 2026-01-31T06:00:00Z", path="source.start"
        )
    return _OFFSET.sub(lambda match: f"{match[1]}{match[2]}:{match[3] or '00'}", plain)


def zoned(text: str) -> bool:
    """Whether a time, as `time_text` writes it, names its zone."""
    return bool(_OFFSET.search(text))


def digits(text: str) -> str:
    """Return a number as it is written.

    Raises:
        ConfigError: it holds other signs.
    """
    if not text or not set(text) <= set("0123456789+-.eE"):
        raise ConfigError("A number holds other signs than digits.", hint="correct it", path="source.start")
    return text


def hexadecimal(text: str) -> str:
    """Return hexadecimal digits as they are written.

    Raises:
        ConfigError: there are others among them.
    """
    try:
        return bytes.fromhex(text).hex()
    except ValueError:
        raise ConfigError(
            "Bytes are written in hexadecimal digits.", hint="correct it", path="source.start"
        ) from None


def fitting(batch: pa.RecordBatch, statement: Statement) -> int:
    """How many rows of a driver's batch are a chunk."""
    fits = statement.limits.bytes * batch.num_rows // max(batch.nbytes, 1)
    return max(1, min(statement.limits.rows, fits))


def chunk_of(batch: pa.RecordBatch, statement: Statement) -> Chunk:
    """Make what the driver hands over what the columns declare."""
    warnings: Counter[str] = Counter()
    found = [storage(array) for array in batch.columns]
    arrays = [
        finish(array, column, warnings)
        for array, column in zip(found[: statement.shown], statement.columns, strict=False)
    ]
    for place in statement.ordering[1:]:  # a key must leave as it is
        if place < statement.shown and _cuts(found[place], statement.columns[place]):
            raise misfit(statement.columns[place])
    rows = pa.RecordBatch.from_arrays(arrays, schema=statement.schema)
    raw = tuple(_raw(found[place], statement.columns[place]) for place in statement.ordering)
    return Chunk(rows, raw, warnings)


def storage(array: pa.Array) -> pa.Array:
    """The values as they are stored: without extensions, dictionaries and views."""
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def finish(array: pa.Array, column: Column, warnings: Counter[str]) -> pa.Array:
    """Return an array of the column's type; what it cannot hold exactly is counted or refused."""
    kind = column.type
    if array.type.equals(kind):
        return array
    if pa.types.is_null(kind):  # of a cursor expression only the raw values matter
        return pa.nulls(len(array))
    try:
        if pa.types.is_timestamp(kind) and pa.types.is_string(array.type):
            return timestamps(array, column, warnings)
        if pa.types.is_decimal(kind) and pa.types.is_string(array.type):
            return decimals(array, kind, warnings)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise misfit(column) from None
    return recast(array, column)


def timestamps(text: pa.Array, column: Column, warnings: Counter[str]) -> pa.Array:
    """Read times with up to nine digits of a second's fraction, in UTC where the type has a zone."""
    kind = column.type
    if kind.unit != "ns":
        if count := _finer(text):
            warnings["below_microsecond"] += count
        text = pc.replace_substring_regex(text, pattern=_MICROSECONDS, replacement=r"\1")
    naive = text.cast(pa.timestamp(kind.unit))
    return naive if kind.tz is None else naive.cast(pa.int64()).cast(kind)


def _finer(text: pa.Array) -> int:
    return int(pc.sum(pc.match_substring_regex(text, _FINER)).as_py() or 0)


def _cuts(array: pa.Array, column: Column) -> bool:
    coarse = pa.types.is_timestamp(column.type) and column.type.unit != "ns"
    return bool(coarse and pa.types.is_string(array.type) and _finer(array))


def _raw(array: pa.Array, column: Column) -> pa.Array:
    if pa.types.is_timestamp(column.type) and pa.types.is_string(array.type):
        # Versions are compared as microseconds where they are no finer.
        return pc.replace_substring_regex(array, pattern=_NOTHING_FINER, replacement=r"\1")
    return array


def one_of(table: Mapping[str, Callable[[str], str]], raw: Raw) -> str:
    """Write a raw value by the entry of its type.

    Raises:
        DataError: the type cannot be written; columns of it are no cursor and no key.
    """
    native, text = raw
    write = table.get(native)
    if write is None:
        raise DataError(f"A value of type {native} cannot be compared.", hint="choose another cursor or key")
    return write(text)


def utc(text: str) -> dt.datetime:
    """Read a warehouse's clock."""
    return dt.datetime.fromisoformat(text[:26]).replace(tzinfo=dt.UTC)
