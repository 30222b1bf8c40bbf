"""Files opened one after the other, and their rows in the schema of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import pyarrow as pa

from connector.config.models import ParquetSource
from connector.errors import DataError
from connector.extract import Limits
from connector.extract.files.checks import partition_scalars
from connector.extract.files.conform import Conformer
from connector.extract.files.left import Left
from connector.extract.files.listing import Dataset
from connector.extract.files.manifest import Todo
from connector.extract.files.opening import Moved, Opened, Unfinished, damaged, open_file
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
        left: takes the files that change or vanish meanwhile.
        stopped: asked between pieces; raises to stop.
    """

    dataset: Dataset
    schema: pa.Schema
    source: ParquetSource
    declared: Mapping[str, pa.Field]
    sql: Sql
    limits: Limits
    left: Left
    stopped: Callable[[], None]

    def read(self, todos: Sequence[Todo]) -> Iterator[Piece]:
        """Yield the rows of `todos`, in order; of a file without rows to read, one piece without rows.

        A file that changes before its last piece is yielded is never yielded to its end, so that it is not finished
        and the next run begins it again.

        Raises:
            SourceError: a file is damaged, or changed and may not be left.
            DataError: a value does not fit the column's type.
        """
        values: dict[str, set[str | None]] = {
            name: {todo.file.partitions.get(name) for todo in todos} for name in self.dataset.partition_names
        }
        types = {**self.source.partitions, **self.source.columns}
        partitions = partition_scalars(self.declared, values, types, self.sql)
        for todo in todos:
            self.stopped()
            conform = Conformer(todo, self.schema, self.source.columns, partitions, self.sql)
            if todo.start >= todo.end:
                yield Piece(todo, todo.start, pa.RecordBatch.from_pylist([], schema=self.schema))
                continue
            try:
                yield from self._of(todo, conform)
            except Moved:
                self.left.leave(todo.file)

    def _of(self, todo: Todo, conform: Conformer) -> Iterator[Piece]:
        try:
            opened = open_file(self.dataset, todo.file)
        except Unfinished:
            raise Moved from None  # it had a footer
        with closing(opened):
            if opened.digest != todo.footer.digest:
                raise Moved
            try:
                yield from self._rows(opened, todo, conform)
            except (DataError, OSError, pa.ArrowException) as error:
                opened.check(last=True)  # else it is no wonder
                if isinstance(error, DataError):
                    raise
                raise damaged(self.dataset, todo.file) from error

    def _rows(self, opened: Opened, todo: Todo, conform: Conformer) -> Iterator[Piece]:
        reader = RowReader(opened.parquet(), conform.physical, conform, self.limits)
        for first, rows in reader.read(todo.start):
            self.stopped()
            opened.check(last=first + rows.num_rows >= todo.end)
            yield Piece(todo, first, rows.slice(0, todo.end - first))
            if first + rows.num_rows >= todo.end:
                return
