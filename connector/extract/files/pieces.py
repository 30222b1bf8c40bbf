"""Files opened one after the other, and their rows in the schema of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
from pyarrow import fs as pafs

from connector.config.models import ParquetSource
from connector.errors import SourceError
from connector.extract import Limits
from connector.extract.files.checks import partition_scalars
from connector.extract.files.conform import Conformer
from connector.extract.files.footers import Unfinished, damaged, open_file, parquet_file
from connector.extract.files.listing import Dataset
from connector.extract.files.manifest import Todo
from connector.extract.files.rows import Piece, RowReader
from connector.extract.files.sql import Sql


@dataclass(frozen=True, slots=True)
class Pieces:
    """Reads files of a dataset.

    Attributes:
        dataset: where they are.
        schema: the columns wanted, plain.
        source: declares types.
        declared: the fields of the columns whose types are declared, and of the folders' columns.
        sql: casts what Arrow cannot.
        limits: bounds of a piece.
        stopped: asked between pieces; raises to stop.
    """

    dataset: Dataset
    schema: pa.Schema
    source: ParquetSource
    declared: Mapping[str, pa.Field]
    sql: Sql
    limits: Limits
    stopped: Callable[[], None]

    def read(self, todos: Sequence[Todo]) -> Iterator[Piece]:
        """Yield the rows of `todos`, in order; of a file without rows to read, one piece without rows.

        Raises:
            SourceError: a file changed meanwhile, or is damaged.
            DataError: a value does not fit the column's type.
        """
        values: dict[str, set[str | None]] = {
            name: {todo.file.partitions.get(name) for todo in todos} for name in self.dataset.partition_names
        }
        types = {**self.source.partitions, **self.source.columns}
        partitions = partition_scalars(self.declared, values, types, self.sql)
        for todo in todos:
            self.stopped()
            yield from self._of(todo, Conformer(todo, self.schema, self.source.columns, partitions, self.sql))

    def _of(self, todo: Todo, conform: Conformer) -> Iterator[Piece]:
        if todo.start >= todo.end:
            yield Piece(todo, todo.start, pa.RecordBatch.from_pylist([], schema=conform.schema))
            return
        try:
            handle, metadata, digest = open_file(self.dataset, todo.file)
        except Unfinished:
            digest = ""
        if digest != todo.footer.digest:
            message = f"{todo.file.path} changed while the run was reading"
            raise SourceError(
                message, hint="write files under another name and rename them when done; then run again"
            )
        local = isinstance(self.dataset.filesystem, pafs.LocalFileSystem)
        with handle:
            try:
                file = parquet_file(handle, metadata, local=local)
                reader = RowReader(file, conform.physical, conform, self.limits)
                for first, rows in reader.read(todo.start):
                    self.stopped()
                    if first >= todo.end:
                        return
                    yield Piece(todo, first, rows.slice(0, todo.end - first))
            except (OSError, pa.ArrowException) as error:
                raise damaged(self.dataset, todo.file) from error
