"""Keys that are looked for: canonical texts, as eventIds have them, become values of the source's key columns.

What a source is asked for may be more than what is wanted, such as a time within a second: `Sought.among` has the
last word, by the values themselves.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connector.errors import ConfigError
from connector.extract import Standing
from connector.model import EMPTY_WATERMARK, SourceBatch, Watermark


class _Digits(str):
    """A number's own digits, which no float has held."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Sought:
    """Some keys.

    Attributes:
        names: of the key's columns.
        values: for each column its value in each key.
    """

    names: tuple[str, ...]
    values: tuple[pa.Array, ...]

    def __len__(self) -> int:
        return len(self.values[0])

    def among(self, rows: pa.RecordBatch) -> npt.NDArray[np.int64]:
        """Return the indexes of the rows whose key is one of these, ascending."""
        given = [_comparable(rows.column(name), rows.schema.field(name)) for name in self.names]
        names = [f"k{n}" for n in range(len(given))]
        place = pa.array(np.arange(rows.num_rows))
        left = pa.table([*given, place], [*names, "place"])
        found = left.join(pa.table(list(self.values), names), names, join_type="left semi", use_threads=False)
        return np.sort(found["place"].to_numpy())

    def of(self, batch: SourceBatch) -> Iterator[SourceBatch]:
        """Yield the rows of a batch that are wanted, if there are any; it moves no watermark."""
        kept = self.among(batch.rows)
        if not len(kept):
            return
        places = pa.array(kept)
        version = batch.version if isinstance(batch.version, str) else batch.version.take(places)
        rows = batch.rows if len(kept) == batch.rows.num_rows else batch.rows.take(places)
        yield SourceBatch(rows, _nowhere, version, EMPTY_WATERMARK, batch.key, batch.warnings)


def sought(keys: Sequence[str], fields: Sequence[pa.Field], timezone: str, size: int) -> Iterator[Sought]:
    """Yield the keys in groups; those that the columns cannot hold are left out.

    Args:
        keys: canonical JSON arrays, one value for each of `fields`.
        fields: the key's columns, as batches have them.
        timezone: of timestamps that name no zone.
        size: of a group.
    """
    for first in range(0, len(keys), size):
        parts = [found for key in dict.fromkeys(keys[first : first + size]) if (found := _parts(key))]
        rows = [found for found in parts if len(found) == len(fields)]
        columns = [
            _values([row[n] for row in rows], field, timezone) for n, field in enumerate(fields) if rows
        ]
        if not columns:
            continue
        table = pa.table(columns, [f"k{n}" for n in range(len(fields))]).drop_null().combine_chunks()
        if table.num_rows:
            values = tuple(pa.concat_arrays(column.chunks) for column in table.columns)
            yield Sought(tuple(field.name for field in fields), values)


ReadKeys = Callable[[tuple[str, ...], Sequence[str], Watermark | None], Iterator[SourceBatch]]


def standing_by_reading(read_keys: ReadKeys, key: str, watermark: Watermark) -> Standing:
    """Return where the row with `key` stands: among those that runs have read, or before them, or nowhere."""
    for at, found in ((watermark, Standing.PASSED), (None, Standing.AHEAD)):
        if any(batch.rows.num_rows for batch in read_keys((), [key], at)):
            return found
    return Standing.ABSENT


def unplaced(batch: SourceBatch) -> SourceBatch:
    """Return a batch that moves no watermark."""
    return replace(batch, position=_nowhere, end=EMPTY_WATERMARK)


def no_key() -> ConfigError:
    """The error for a source whose rows nothing tells apart."""
    return ConfigError(
        "rows without a key cannot be read again: nothing tells which ones they were",
        hint="set source.key; rejects can be replayed from the rows that were kept with them (--stored)",
        path="source.key",
    )


def _nowhere(_: int) -> Watermark:
    return EMPTY_WATERMARK


def _parts(key: str) -> list[Any]:
    try:
        found = json.loads(key, parse_int=_Digits, parse_float=_Digits)
    except ValueError:
        return []
    return found if isinstance(found, list) else []


def _values(parts: Sequence[Any], field: pa.Field, timezone: str) -> pa.Array:
    """Return the values in the type of a column; null where it cannot hold one."""
    made: list[pa.Array] = []
    for part in parts:
        try:
            value = _array(part, field, timezone)
        except (pa.ArrowException, ValueError, OverflowError, NotImplementedError):
            value = None
        made.append(pa.nulls(1, field.type) if value is None else value)
    return _comparable(pa.concat_arrays(made), field)


def _array(part: Any, field: pa.Field, timezone: str) -> pa.Array | None:
    """Return one value, or None where JSON has another form for values of the column."""
    kind = field.type
    if pa.types.is_boolean(kind):
        return pa.array([part], kind) if isinstance(part, bool) else None
    if not isinstance(part, str):
        return None
    if isinstance(part, _Digits) != _is_number(field):
        return None
    text = str(part)
    if pa.types.is_string(kind):
        return pa.array([text], kind)
    for fits, read in _READERS:
        if fits(kind):
            return read(text, kind, timezone)
    return pa.array([text], pa.string()).cast(kind)


def _is_number(field: pa.Field) -> bool:
    kind = field.type
    numeric = pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_floating(kind)
    return bool(numeric or _meaning(field) == "number")


def _meaning(field: pa.Field) -> str:
    return str((field.metadata or {}).get(b"connector", b"").decode())


def _bytes(text: str, kind: pa.DataType, _: str) -> pa.Array:
    return pa.array([bytes.fromhex(text)], kind)


def _time(text: str, kind: pa.DataType, _: str) -> pa.Array:
    return pa.array([f"1970-01-01 {text}"], pa.string()).cast(pa.timestamp("us")).cast(kind)


def _timestamp(text: str, kind: pa.DataType, timezone: str) -> pa.Array:
    datetime.fromisoformat(text)  # Arrow would also take a mere date
    instant = pa.array([text], pa.string()).cast(pa.timestamp("ns" if _nanoseconds(text) else "us", "UTC"))
    if kind.tz is None:
        return pc.local_timestamp(instant.cast(pa.timestamp(instant.type.unit, timezone))).cast(kind)
    return instant.cast(kind)


def _nanoseconds(text: str) -> bool:
    return len(text.partition(".")[2]) > len("123456Z")


_Reading = tuple[Callable[[pa.DataType], bool], Callable[[str, pa.DataType, str], pa.Array]]
_READERS: tuple[_Reading, ...] = (
    (pa.types.is_binary, _bytes),
    (pa.types.is_fixed_size_binary, _bytes),
    (pa.types.is_time, _time),
    (pa.types.is_timestamp, _timestamp),
)


def _comparable(values: pa.Array, field: pa.Field) -> pa.Array:
    """Return values so that equal keys are equal: numbers as text without trailing zeros, UUIDs in small letters."""
    meaning = _meaning(field)
    if meaning == "uuid":
        return pc.utf8_lower(values)
    if meaning != "number" or not pa.types.is_string(values.type):
        return values
    short = pc.replace_substring_regex(values, r"^([^eE]*\.[^eE]*?)0+$", r"\1")
    return pc.replace_substring_regex(short, r"\.$", "")


def texts(values: pa.Array) -> Iterable[str]:
    """Return the text of each value: all digits of a number, ISO 8601 for times, hexadecimal digits for bytes."""
    if pa.types.is_binary(values.type) or pa.types.is_fixed_size_binary(values.type):
        return (value.hex() for value in values.to_pylist())
    if pa.types.is_boolean(values.type):
        return (str(int(value)) for value in values.to_pylist())
    found: list[str] = values.cast(pa.string()).to_pylist()
    return found
