"""A piece of a file, whatever its own schema, in the schema of the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.types as pat

from connector.errors import DataError
from connector.extract.files.batches import emit
from connector.extract.files.manifest import Todo
from connector.extract.files.sql import Sql
from connector.extract.files.types import map_type, plain


@dataclass(frozen=True, slots=True)
class Conformer:
    """Brings rows of one file into the plain schema of the run.

    Attributes:
        todo: the file.
        schema: the columns wanted, plain.
        declared: column -> DuckDB type name, where the configuration gives one.
        partitions: (column, text of a folder) -> typed value.
        sql: casts what Arrow cannot.
    """

    todo: Todo
    schema: pa.Schema
    declared: Mapping[str, str]
    partitions: Mapping[tuple[str, str | None], pa.Scalar]
    sql: Sql

    @property
    def physical(self) -> list[str]:
        """The wanted columns that the file itself holds; its first one when it holds none, to count rows by."""
        own = self.todo.footer.schema.names
        folders = self.partitions
        return [n for n in self.schema.names if n in own and (n, None) not in folders] or own[:1]

    def __call__(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Return the rows with all columns of the run, a missing one as null.

        Raises:
            DataError: a value does not fit the column's type; the message names file and column.
        """
        folders = self.todo.file.partitions
        columns = []
        for field in self.schema:
            if (field.name, None) in self.partitions:
                scalar = self.partitions[field.name, folders.get(field.name)]
                columns.append(pa.repeat(scalar, rows.num_rows))
            elif (at := rows.schema.get_field_index(field.name)) >= 0:
                columns.append(self._column(rows.column(at), field))
            else:
                columns.append(pa.nulls(rows.num_rows, field.type))
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def _column(self, values: pa.Array, field: pa.Field) -> pa.Array:
        where = f"column {field.name!r} of {self.todo.file.path}"
        try:
            if field.name not in self.declared:
                return self._fit(values, field.type)
            own = plain(pa.field(field.name, values.type))
            batch = emit(pa.record_batch([self._fit(values, own.type)], schema=pa.schema([own])))
            return self.sql.cast(batch.column(0), self.declared[field.name], where).cast(field.type)
        except pa.ArrowException as error:  # its text quotes the value
            raise DataError(
                f"{where} holds a value that does not fit {field.type}",
                hint=f"declare another type for {field.name!r} under source.columns, such as varchar",
            ) from error

    def _fit(self, values: pa.Array, target: pa.DataType) -> pa.Array:
        if values.type == target:
            return values
        if _has_uuid(values.type):
            return self.sql.cast(values, self.sql.type_name(target), self.todo.file.path).cast(target)
        if isinstance(values.type, pa.BaseExtensionType):
            values = values.storage
        without_views = _without_list_views(pa.field("", values.type)).type
        if without_views != values.type:  # casting list views straight to lists fails in Arrow
            values = values.cast(without_views)
        return values.cast(target)


def _has_uuid(data_type: pa.DataType) -> bool:
    children = (data_type.field(i).type for i in range(data_type.num_fields))
    return isinstance(data_type, pa.UuidType) or any(map(_has_uuid, children))


def _without_list_views(field: pa.Field) -> pa.Field:
    data_type = field.type
    if pat.is_list_view(data_type) or pat.is_large_list_view(data_type):
        return field.with_type(pa.large_list(_without_list_views(data_type.value_field)))
    if pat.is_struct(data_type) or pat.is_map(data_type) or pat.is_list(data_type):
        return field.with_type(map_type(data_type, _without_list_views))
    return field
