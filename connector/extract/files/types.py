"""Arrow types of Parquet files: plain ones, wider ones, and one schema for many files.

Three forms of a type: the file's own; *plain* (no views, dictionaries, extensions or half floats), in which files
are unified; *emitted*, which is plain without decimals beyond 38 digits: those leave as text,
within nested types as JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.types as pat

KIND = b"connector"  # field metadata naming what Arrow has no type for: number, json, uuid
_UNITS = ("s", "ms", "us", "ns")
_DIGITS = {8: 3, 16: 5, 32: 10, 64: 20}


@dataclass(frozen=True, slots=True)
class Conflict:
    """A column whose types in two files have no common wider type."""

    column: str
    types: tuple[str, str]
    files: tuple[str, str]


def kind(field: pa.Field) -> bytes | None:
    """Return what the field holds beyond its Arrow type, such as b"json"."""
    return (field.metadata or {}).get(KIND)


def marked(name: str, data_type: pa.DataType, what: bytes | None = None) -> pa.Field:
    """Return a nullable field, marked with the kind of its content."""
    return pa.field(name, data_type, metadata={KIND: what} if what else None)


def map_type(data_type: pa.DataType, change: Callable[[pa.Field], pa.Field]) -> pa.DataType:
    """Return a nested type with `change` applied to its children; lists of every make become `list`."""
    if pat.is_struct(data_type):
        return pa.struct([change(data_type.field(i)) for i in range(data_type.num_fields)])
    if pat.is_map(data_type):
        return pa.map_(
            change(data_type.key_field).with_nullable(nullable=False), change(data_type.item_field)
        )
    if is_list(data_type):
        return pa.list_(change(data_type.value_field).with_name("item"))
    return data_type


def is_list(data_type: pa.DataType) -> bool:
    """Whether it is a list of any make."""
    return any(
        test(data_type)
        for test in (
            pat.is_list,
            pat.is_large_list,
            pat.is_fixed_size_list,
            pat.is_list_view,
            pat.is_large_list_view,
        )
    )


def plain(field: pa.Field) -> pa.Field:
    """Return the field in the form in which files are unified; always nullable."""
    name, given = field.name, field.type
    if isinstance(given, pa.UuidType):
        return marked(name, pa.string(), b"uuid")
    if isinstance(given, pa.JsonType):
        return marked(name, pa.string(), b"json")
    if isinstance(given, pa.Bool8Type):
        return marked(name, pa.bool_())
    if isinstance(given, pa.BaseExtensionType):
        return plain(pa.field(name, given.storage_type))
    if pat.is_dictionary(given):
        return plain(pa.field(name, given.value_type))
    return marked(name, _plain_scalar(map_type(given, plain)))


def _plain_scalar(given: pa.DataType) -> pa.DataType:
    if pat.is_string_view(given) or pat.is_large_string(given):
        return pa.string()
    if pat.is_binary_view(given) or pat.is_large_binary(given):
        return pa.binary()
    if pat.is_float16(given):
        return pa.float32()
    if pat.is_date64(given):
        return pa.date32()
    if pat.is_decimal(given) and given.precision <= 38:
        return pa.decimal128(given.precision, given.scale)
    return given


def emitted(field: pa.Field) -> pa.Field:
    """Return the field as batches carry it."""
    if pat.is_decimal256(field.type):
        return marked(field.name, pa.string(), b"number")
    return marked(field.name, map_type(field.type, _emitted_within), kind(field))


def _emitted_within(field: pa.Field) -> pa.Field:
    # No mark reaches into a nested type; JSON is what a number can be spliced from with all its digits.
    spliced = pat.is_decimal256(field.type) or kind(field) == b"json"
    return field.with_type(pa.json_() if spliced else map_type(field.type, _emitted_within))


def widen(one: pa.Field, other: pa.Field) -> pa.Field | None:
    """Return the plain field that holds both without losing a digit, or None."""
    if one.type == other.type and kind(one) == kind(other):
        return one
    if pat.is_null(one.type):
        return other
    if pat.is_null(other.type):
        return one
    if {kind(one), kind(other)} == {b"uuid", None} and one.type == other.type:
        return marked(one.name, one.type)  # the text of a uuid beside other text
    if kind(one) != kind(other):
        return None
    wider = _wider_nested(one.type, other.type) or _wider_number(one.type, other.type)
    wider = wider or _wider_time(one.type, other.type) or _wider_bytes(one.type, other.type)
    return None if wider is None else marked(one.name, wider, kind(one))


def _wider_nested(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    if is_list(one) and is_list(other):
        item = widen(one.value_field, other.value_field)
        return item and pa.list_(item)
    if pat.is_map(one) and pat.is_map(other):
        key, item = widen(one.key_field, other.key_field), widen(one.item_field, other.item_field)
        return key and item and pa.map_(key.with_nullable(nullable=False), item)
    if pat.is_struct(one) and pat.is_struct(other):
        members = {field.name: field for field in one}
        for field in other:
            wider = widen(members[field.name], field) if field.name in members else field
            if wider is None:
                return None
            members[field.name] = wider
        return pa.struct(list(members.values()))
    return None


def _wider_number(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    floats, integers = (
        pat.is_floating(one) + pat.is_floating(other),
        pat.is_integer(one) + pat.is_integer(other),
    )
    if floats == 2:
        return pa.float64()
    if floats == 1 and integers == 1:
        return _float_for(*((one, other) if pat.is_integer(one) else (other, one)))
    if integers == 2:
        return _wider_integer(one, other)
    if floats == 0 and all(pat.is_integer(t) or pat.is_decimal(t) for t in (one, other)):
        scales = [t.scale if pat.is_decimal(t) else 0 for t in (one, other)]
        whole = [t.precision - t.scale if pat.is_decimal(t) else _DIGITS[t.bit_width] for t in (one, other)]
        precision = max(whole) + max(scales)
        if precision <= 38:
            return pa.decimal128(precision, max(scales))
        return pa.decimal256(precision, max(scales)) if precision <= 76 else None
    return None


def _float_for(integer: pa.DataType, floating: pa.DataType) -> pa.DataType | None:
    """A float holds integers exactly up to 24 bits, a double up to 53."""
    if integer.bit_width <= 16:
        return floating
    return pa.float64() if integer.bit_width == 32 else None


def _wider_integer(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    if pat.is_signed_integer(one) == pat.is_signed_integer(other):
        return max(one, other, key=lambda t: t.bit_width)
    signed, unsigned = (one, other) if pat.is_signed_integer(one) else (other, one)
    bits = max(signed.bit_width, unsigned.bit_width * 2)
    return {16: pa.int16(), 32: pa.int32(), 64: pa.int64()}.get(bits, pa.decimal128(20, 0))


def _wider_time(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    if pat.is_timestamp(one) and pat.is_timestamp(other):
        if (one.tz is None) != (other.tz is None):
            return None
        return pa.timestamp(_finer(one, other), one.tz if one.tz == other.tz else "UTC")
    if pat.is_duration(one) and pat.is_duration(other):
        return pa.duration(_finer(one, other))
    if pat.is_time(one) and pat.is_time(other):
        unit = _finer(one, other)
        return pa.time32(unit) if unit in ("s", "ms") else pa.time64(unit)
    for day, stamp in ((one, other), (other, one)):
        if pat.is_date32(day) and pat.is_timestamp(stamp) and stamp.tz is None:
            return stamp
    return None


def _finer(one: pa.DataType, other: pa.DataType) -> str:
    return _UNITS[max(_UNITS.index(one.unit), _UNITS.index(other.unit))]


def _wider_bytes(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    both = all(pat.is_binary(t) or pat.is_fixed_size_binary(t) for t in (one, other))
    return pa.binary() if both else None


def unify(
    schemas: Iterable[tuple[str, pa.Schema]], declared: Mapping[str, pa.Field], earlier: pa.Schema | None
) -> tuple[pa.Schema, list[Conflict]]:
    """Unify files by column name into one plain schema, in the order in which columns were first seen.

    Args:
        schemas: a file's name and its own schema, in path order.
        declared: columns whose type the configuration gives: it holds, whatever the files have.
        earlier: what earlier runs had: its columns stay on offer, unless files of this run contradict them.
    """
    fields: dict[str, tuple[pa.Field, str]] = {}
    conflicts: dict[str, Conflict] = {}
    for file, schema in schemas:
        for given in schema:
            field = declared.get(given.name) or plain(given)
            known, first = fields.get(given.name, (field, file))
            wider = widen(known, field)
            if wider is None:
                types = (str(known.type), str(field.type))
                conflicts.setdefault(given.name, Conflict(given.name, types, (first, file)))
            else:
                fields[given.name] = (wider, first if wider == known else file)
    found = {name: field for name, (field, _) in fields.items()}
    return pa.schema(list(_over_earlier(found, declared, earlier).values())), list(conflicts.values())


def _over_earlier(
    found: Mapping[str, pa.Field], declared: Mapping[str, pa.Field], earlier: pa.Schema | None
) -> dict[str, pa.Field]:
    merged: dict[str, pa.Field] = {field.name: declared.get(field.name, field) for field in earlier or ()}
    for name, field in found.items():
        known = merged.get(name)
        merged[name] = (widen(known, field) if known is not None else None) or field
    return merged
