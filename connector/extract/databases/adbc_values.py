"""Values between a warehouse and Arrow: as its driver hands them over, and as SQL."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from connector.errors import ConfigError, DataError, SourceError
from connector.extract.databases.finer import cut_off, holds_all, shortened
from connector.extract.databases.reader import Chunk, Column, Raw, Statement
from connector.extract.databases.typed import decimals, misfit, recast

_TIME = re.compile(r"[\d\-:. +]+")
_OFFSET = re.compile(r"(:\d\d(?:\.\d+)?) ?([+-]\d\d)(?::?(\d\d))?$")


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
    rows: int = max(1, min(statement.limits.rows, fits))
    return rows


def chunk_of(batch: pa.RecordBatch, statement: Statement) -> Chunk:
    """Make what the driver hands over what the columns declare."""
    warnings: Counter[str] = Counter()
    found = [storage(array) for array in batch.columns]
    arrays = [
        finish(array, column, warnings)
        for array, column in zip(found[: statement.shown], statement.columns, strict=False)
    ]
    for place in statement.ordering[1:]:  # a key must leave as it is
        if place < statement.shown and not holds_all(statement.columns[place].type, found[place]):
            raise misfit(statement.columns[place])
    rows = pa.RecordBatch.from_arrays(arrays, schema=statement.schema)
    raw = tuple(_raw(found[place], statement.columns[place]) for place in statement.ordering)
    return Chunk(rows, raw, warnings)


def whole(found: int, told: int) -> None:
    """Refuse a result of which rows are missing.

    Args:
        found: rows that came.
        told: rows that there are; negative where nobody says.

    Raises:
        SourceError: they are fewer.
    """
    if found < told:
        raise SourceError(f"The driver ended a result after {found} of {told} rows.", hint="run again")


def in_order(chunk: Chunk, statement: Statement, last: pa.Scalar | None) -> pa.Scalar | None:
    """Refuse rows that are out of order, by the first ordering column where all agree on the order of its values.

    Args:
        chunk: the rows.
        statement: what gave them.
        last: that column's last value before them.

    Returns:
        Its last value in them.

    Raises:
        SourceError: a later row has a lesser value.
    """
    if not (statement.ordering and len(chunk.raw[0])):
        return last
    values = chunk.raw[0]
    plain = pa.types.is_integer(values.type) or pa.types.is_decimal(values.type)
    if not (plain or pa.types.is_timestamp(values.type) or pa.types.is_date(values.type)):
        return last
    known = values if last is None else pa.concat_arrays([pa.array([last], values.type), values])
    if pc.any(pc.less(known.slice(1), known.slice(0, len(known) - 1))).as_py():
        raise SourceError("The rows do not come in the order that was asked for.", hint="run again")
    return values[-1]


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
            return timestamps(array, column)
        if pa.types.is_decimal(kind) and pa.types.is_string(array.type):
            return decimals(array, kind, warnings)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise misfit(column) from None
    return recast(array, column)


def timestamps(text: pa.Array, column: Column) -> pa.Array:
    """Read times with up to nine digits of a second's fraction, in UTC where the type has a zone."""
    kind = column.type
    if kind.unit != "ns":
        text = cut_off(text)
    naive = text.cast(pa.timestamp(kind.unit))
    return naive if kind.tz is None else naive.cast(pa.int64()).cast(kind)


def _raw(array: pa.Array, column: Column) -> pa.Array:
    if pa.types.is_timestamp(column.type) and pa.types.is_string(array.type):
        return shortened(array)
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
