"""Rows as rejects keep them become rows of the source again: the way back from `connector/mapping/rejects.py`.

Python looks at each value here. These are rows that were rejected, and they are few.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_DURATION = re.compile(r"P(?:(-?\d+)D)?(?:T(?:(-?\d+)H)?(?:(-?\d+)M)?(?:(-?[\d.]+)S)?)?")
# Numbers stay the text that they are.
_decoder = json.JSONDecoder(parse_int=str, parse_float=str)

# What may go wrong with a value: the row is then one that cannot be read back.
UNREADABLE = (pa.ArrowException, ValueError, TypeError, ArithmeticError, LookupError, NotImplementedError)


class StoredRows:
    """Reads rows of one source back.

    Args:
        schema: the columns that are wanted, with the types and meanings that the source gives them.
        timezone: the zone that naive timestamps were read in.
    """

    def __init__(self, schema: pa.Schema, timezone: str) -> None:
        self._schema = schema
        self._zone = ZoneInfo(timezone)

    def row(self, text: str) -> pa.RecordBatch | None:
        """Return one row, or None where it lacks a column, or holds what its column's type does not.

        All digits of numbers are kept, and JSON stays as it is, sign by sign.

        Args:
            text: a JSON object, as rejects hold it.
        """
        try:
            members = _members(text)
            arrays = [self._column(members[field.name], field) for field in self._schema]
            return pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        except UNREADABLE:
            return None

    def _column(self, raw: str, field: pa.Field) -> pa.Array:
        if (field.metadata or {}).get(b"connector") == b"json" and raw != "null":
            return pa.array([raw], field.type)
        value, _ = _decoder.raw_decode(raw)
        return pa.array([self._value(value, field.type)], field.type)

    def _value(self, value: Any, kind: pa.DataType) -> Any:
        if value is None:
            return None
        for fits, read in _NESTED:
            if fits(kind):
                return read(self, value, kind)
        if pa.types.is_timestamp(kind):
            return self._timestamp(value, kind)
        for fits, simple in _SIMPLE:
            if fits(kind):
                return simple(value, kind)
        raise NotImplementedError

    def _timestamp(self, value: str, kind: pa.DataType) -> int:
        instant = dt.datetime.fromisoformat(value)
        if kind.tz is None:
            instant = instant.astimezone(self._zone).replace(tzinfo=dt.UTC)
        return (instant - _EPOCH) // dt.timedelta(microseconds=1) * _UNITS[kind.unit] // _UNITS["us"]

    def _list(self, value: Sequence[Any], kind: pa.DataType) -> list[Any]:
        return [self._value(element, kind.value_type) for element in value]

    def _struct(self, value: Mapping[str, Any], kind: pa.DataType) -> dict[str, Any]:
        return {field.name: self._value(value[field.name], field.type) for field in kind}

    def _map(self, value: Mapping[str, Any], kind: pa.DataType) -> list[tuple[Any, Any]]:
        # Keys were written as text, whatever they are.
        return [
            (
                self._value(key == "true" if pa.types.is_boolean(kind.key_type) else key, kind.key_type),
                self._value(member, kind.item_type),
            )
            for key, member in value.items()
        ]


def _members(text: str) -> dict[str, str]:
    """Return the raw text of each member of a JSON object without white space between them."""
    found: dict[str, str] = {}
    place = 1
    while text[place] != "}":
        name, colon = _decoder.raw_decode(text, place)
        _, end = _decoder.raw_decode(text, colon + 1)
        found[name] = text[colon + 1 : end]
        place = end + (text[end] == ",")
    return found


def _text(value: Any, _: pa.DataType) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _boolean(value: bool, _: pa.DataType) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _date(value: str, _: pa.DataType) -> dt.date:
    return dt.date.fromisoformat(value)


def _time(value: str, kind: pa.DataType) -> int:
    time = dt.time.fromisoformat(value)
    seconds = (time.hour * 60 + time.minute) * 60 + time.second
    return (seconds * 1_000_000 + time.microsecond) * _UNITS[kind.unit] // _UNITS["us"]


def _duration(value: str, kind: pa.DataType) -> int:
    found = _DURATION.fullmatch(value)
    if found is None:
        raise ValueError
    days, hours, minutes, seconds = (Decimal(part or 0) for part in found.groups())
    return int((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * _UNITS[kind.unit])


_Test = Callable[[pa.DataType], bool]
_NESTED: tuple[tuple[_Test, Callable[[StoredRows, Any, pa.DataType], Any]], ...] = (
    (pa.types.is_struct, StoredRows._struct),  # noqa: SLF001 - its own
    (pa.types.is_map, StoredRows._map),  # noqa: SLF001 - its own
    (pa.types.is_list, StoredRows._list),  # noqa: SLF001 - its own
    (pa.types.is_large_list, StoredRows._list),  # noqa: SLF001 - its own
    (pa.types.is_fixed_size_list, StoredRows._list),  # noqa: SLF001 - its own
)
_SIMPLE: tuple[tuple[_Test, Callable[[Any, pa.DataType], Any]], ...] = (
    (pa.types.is_boolean, _boolean),
    (pa.types.is_integer, lambda value, _: int(value)),
    (pa.types.is_decimal, lambda value, _: Decimal(value)),
    (pa.types.is_floating, lambda value, _: float(value)),
    (pa.types.is_string, _text),
    (pa.types.is_large_string, _text),
    (pa.types.is_string_view, _text),
    (pa.types.is_binary, lambda value, _: base64.b64decode(value, validate=True)),
    (pa.types.is_large_binary, lambda value, _: base64.b64decode(value, validate=True)),
    (pa.types.is_fixed_size_binary, lambda value, _: base64.b64decode(value, validate=True)),
    (pa.types.is_date32, _date),
    (pa.types.is_time, _time),
    (pa.types.is_duration, _duration),
)
