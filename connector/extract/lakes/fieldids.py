"""Columns found by their ids: names may have changed since a file was written, within structs too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.types as pat

from connector.extract.lakes.table import unreadable

_ID = b"PARQUET:field_id"


class ByFieldId:
    """Where the columns of a table stand in one of its files; see `connector.extract.lakes.table.Projection`.

    Args:
        file: the file's own schema.
        table: the table's, with ids.
        mapping: the table's names for files without ids, or None.
        name: the table's name.

    Raises:
        ConfigError: the file has no ids, and no names stand in for them.
    """

    def __init__(self, file: pa.Schema, table: pa.Schema, mapping: Iterable[Any] | None, name: str) -> None:
        self._name = name
        own = list(file)
        if own and not any(_id(field) is not None for field in own):
            if mapping is None:
                what = "a data file has no field ids, and the table no name mapping for such files"
                raise unreadable(name, what, "set the property schema.name-mapping.default")
            own = [_mapped(field, mapping) for field in own]
        self._given = {_id(field): field for field in own}
        self._wanted = {field.name: field for field in table}

    def names(self, wanted: Sequence[str]) -> list[str]:
        """Return the names that the wanted columns have in the file."""
        given = (self._given.get(_id(self._wanted[name])) for name in wanted)
        return [field.name for field in given if field is not None]

    def schema(self) -> pa.Schema:
        """The columns of the table that the file holds."""
        return pa.schema([target for _, target in self._pairs()])

    def __call__(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Return rows of the file under the table's names, at every depth."""
        columns, names = [], []
        for given, target in self._pairs():
            at = rows.schema.get_field_index(given.name)
            if at >= 0:
                columns.append(self._fit(rows.column(at), given, target))
                names.append(target.name)
        if not columns:  # only to count rows
            return rows.rename_columns([f"\0{n}" for n in range(rows.num_columns)])
        return pa.RecordBatch.from_arrays(columns, names)

    def _pairs(self) -> Iterator[tuple[pa.Field, pa.Field]]:
        for target in self._wanted.values():
            given = self._given.get(_id(target))
            if given is not None:
                yield given, target

    def _fit(self, values: pa.Array, given: pa.Field, target: pa.Field) -> pa.Array:
        """Return values with the members that the table has now; the types of the file stay."""
        if _same(given.type, target.type):
            return values
        if pat.is_struct(target.type) and pat.is_struct(given.type):
            return self._struct(values, given.type, target.type)
        if pat.is_list(values.type) or pat.is_large_list(values.type):
            whole = values.take(pa.array(range(len(values)))) if values.offset else values
            items = self._fit(whole.values, given.type.value_field, target.type.value_field)
            return type(whole).from_arrays(whole.offsets, items, mask=whole.is_null())
        what = f"members of the maps in column {target.name!r} have changed their names"
        raise unreadable(self._name, what, "rewrite the older files")

    def _struct(self, values: pa.Array, given: pa.DataType, target: pa.DataType) -> pa.Array:
        own = {_id(field): n for n, field in enumerate(given)}
        children = values.flatten()
        made, fields = [], []
        for member in target:
            at = own.get(_id(member))
            if at is None:
                made.append(pa.nulls(len(values), member.type))
            else:
                made.append(self._fit(children[at], given.field(at), member))
            fields.append(pa.field(member.name, made[-1].type))
        return pa.StructArray.from_arrays(made, fields=fields, mask=values.is_null())


def _same(given: pa.DataType, target: pa.DataType) -> bool:
    """Whether two types have the same members under the same names, in the same order."""
    if given.num_fields != target.num_fields:
        return False
    for one, other in zip(_children(given), _children(target), strict=True):
        named = one.name == other.name or not pat.is_struct(given)
        if not named or _id(one) != _id(other) or not _same(one.type, other.type):
            return False
    return True


def _children(data_type: pa.DataType) -> list[pa.Field]:
    return [data_type.field(n) for n in range(data_type.num_fields)]


def _id(field: pa.Field) -> int | None:
    found = (field.metadata or {}).get(_ID)
    return None if found is None else int(found)


def _mapped(field: pa.Field, mapping: Iterable[Any]) -> pa.Field:
    """Return a field of a file with the ids that a name mapping gives; without one where it knows no such name."""
    found = next((each for each in mapping if field.name in each.names), None)
    if found is None:
        return field
    kind = field.type
    if pat.is_struct(kind):
        kind = pa.struct([_mapped(child, found.fields) for child in _children(kind)])
    elif pat.is_list(kind):
        kind = pa.list_(_mapped(kind.value_field.with_name("element"), found.fields))
    metadata = None if found.field_id is None else {_ID: str(found.field_id).encode()}
    return pa.field(field.name, kind, metadata=metadata)
