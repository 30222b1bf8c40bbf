"""Values as drivers hand them over, into the Arrow type a column has for the whole run: whole columns at a time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.errors import DataError
from connector.extract.databases.reader import Column

# A zone at the end of a timestamp; the colon before it keeps the day of a date from looking like one.
_ZONED = r":.*(Z|z|[+-]\d\d(:?\d\d)?)$"
_ZERO_DATE = r"^(0000-|\d{4}-00|\d{4}-\d\d-00)"


def typed(values: Sequence[Any], column: Column, timezone: str) -> tuple[pa.Array, Counter[str]]:
    """Turn values into an array of the column's type; counts what had to become null.

    Args:
        values: None, int, float, str, bytes, or whatever Python object the driver makes of a type.
        column: gives the type.
        timezone: of timestamps that name no zone.

    Raises:
        DataError: a value does not fit the type.
    """
    warnings: Counter[str] = Counter()
    try:
        return _convert(values, column, timezone, warnings), warnings
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError, UnicodeError):
        raise misfit(column) from None


def recast(array: pa.Array, column: Column) -> pa.Array:
    """Cast to the type that the configuration declares.

    Raises:
        DataError: a value does not fit the type.
    """
    try:
        return array.cast(column.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise misfit(column) from None


def misfit(column: Column) -> DataError:
    """The error for a value that its column's type cannot hold; never names the value."""
    return DataError(
        f"Column {column.name!r} holds values that do not fit its type {column.native or column.type}.",
        hint=f"declare what it holds, for example source.columns: {{{column.name}: text}}",
    )


def _convert(values: Sequence[Any], column: Column, timezone: str, warnings: Counter[str]) -> pa.Array:
    kind = column.type
    found = set(map(type, values)) - {type(None)}
    if pa.types.is_null(kind):  # of a cursor expression only the raw values matter
        return pa.nulls(len(values))
    if pa.types.is_boolean(kind):
        values = _booleans(values)
    if pa.types.is_decimal(kind) or column.meaning == "number":
        return _numbers(values, kind, warnings)
    if pa.types.is_string(kind):
        return _strings(values, found)
    if pa.types.is_temporal(kind) and found & {int, float, str}:
        if found != {str}:
            raise pa.ArrowInvalid("a number is no time: its unit is not known")
        return _temporal(pa.array(values, pa.string()), kind, timezone, warnings)
    if pa.types.is_integer(kind) and found & {str, float, bytes}:
        return _integers(values, found, kind)
    if pa.types.is_floating(kind) and int in found:
        values = [float(value) if isinstance(value, int) else value for value in values]
    return pa.array(values, kind)


def _integers(values: Sequence[Any], found: set[type], kind: pa.DataType) -> pa.Array:
    # Arrow would cut 1.5 to 1 without a word.
    if found != {str}:
        raise pa.ArrowInvalid("no integer")
    return pa.array(values, pa.string()).cast(kind)


def _booleans(values: Sequence[Any]) -> list[bool | None]:
    if not set(values) <= {None, 0, 1}:
        raise pa.ArrowInvalid("neither 0 nor 1")
    return [None if value is None else bool(value) for value in values]


def _strings(values: Sequence[Any], found: set[type]) -> pa.Array:
    if bytes in found:
        raise pa.ArrowInvalid("bytes are no text")
    if found <= {str}:
        return pa.array(values, pa.string())
    if found & {dict, list}:  # a driver that reads JSON by itself
        return pa.array([None if value is None else json.dumps(value) for value in values], pa.string())
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def _numbers(values: Sequence[Any], kind: pa.DataType, warnings: Counter[str]) -> pa.Array:
    # str() of a float has the fewest digits that read back as the same float.
    text = pa.array([None if value is None else str(value) for value in values], pa.string())
    return text if pa.types.is_string(kind) else decimals(text, kind, warnings)


def decimals(text: pa.Array, kind: pa.DataType, warnings: Counter[str]) -> pa.Array:
    """Read numbers; NaN and infinities become null and are counted."""
    try:
        return text.cast(kind)
    except pa.ArrowInvalid:
        strange = pc.match_substring_regex(text, r"(?i)nan|inf")
        count = pc.sum(strange).as_py()
        if not count:
            raise
        warnings["infinite_value"] += count
        return pc.if_else(strange, None, text).cast(kind)


def _temporal(text: pa.Array, kind: pa.DataType, timezone: str, warnings: Counter[str]) -> pa.Array:
    if pa.types.is_time(kind):
        return pc.binary_join_element_wise("1970-01-01", text, " ").cast(pa.timestamp("us")).cast(kind)
    if pa.types.is_date(kind):
        try:
            return text.cast(kind)
        except pa.ArrowInvalid:
            return _timestamps(text, pa.timestamp("us"), timezone, warnings).cast(kind)
    return _timestamps(text, kind, timezone, warnings)


def _timestamps(text: pa.Array, kind: pa.DataType, timezone: str, warnings: Counter[str]) -> pa.Array:
    naive_kind = pa.timestamp(kind.unit)
    try:
        naive = text.cast(naive_kind)
    except pa.ArrowInvalid:
        text = without_zero_dates(text, warnings)
        zoned = pc.match_substring_regex(text, _ZONED)
        naive = pc.if_else(zoned, None, text).cast(naive_kind)
        instants = pc.if_else(zoned, text, None).cast(pa.timestamp(kind.unit, "UTC"))
        if kind.tz is None:
            local = pc.local_timestamp(instants.cast(pa.timestamp(kind.unit, timezone)))
            return pc.coalesce(naive, local)
        return pc.coalesce(_in_zone(naive, timezone, kind), instants)
    return naive if kind.tz is None else _in_zone(naive, timezone, kind)


def _in_zone(naive: pa.Array, timezone: str, kind: pa.DataType) -> pa.Array:
    # An hour that the clock shows twice is read as the first, one that it skips as the end of the gap.
    return pc.assume_timezone(naive, timezone, ambiguous="earliest", nonexistent="latest").cast(kind)


def without_zero_dates(text: pa.Array, warnings: Counter[str]) -> pa.Array:
    """Dates such as ``0000-00-00`` become null and are counted."""
    zero = pc.match_substring_regex(text, _ZERO_DATE)
    if count := pc.sum(zero).as_py():
        warnings["zero_date"] += count
        return pc.if_else(zero, None, text)
    return text
