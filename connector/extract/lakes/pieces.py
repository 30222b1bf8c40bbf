"""Data files of a lake table opened one after the other, and their rows in the schema of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

import pyarrow as pa

from connector.config.models import LakeSettings
from connector.errors import SourceError
from connector.extract import Limits
from connector.extract.files.conform import Conformer
from connector.extract.files.footers import Footer
from connector.extract.files.listing import Dataset, File
from connector.extract.files.opening import Moved, Opened, Unfinished, damaged, look_again, named, open_file
from connector.extract.files.rows import Piece, RowReader
from connector.extract.files.sql import Sql
from connector.extract.files.stores import access_error
from connector.extract.lakes.progress import Place, Reading
from connector.extract.lakes.table import DataFile, Projection, Table, file_gone


@dataclass(frozen=True, slots=True)
class Pieces:
    """Reads data files of a table.

    Attributes:
        table: where they are.
        schema: the columns wanted, plain.
        source: declares types.
        sql: casts what Arrow cannot.
        limits: bounds of a piece.
        stopped: asked between pieces; raises to stop.
    """

    table: Table
    schema: pa.Schema
    source: LakeSettings
    sql: Sql
    limits: Limits
    stopped: Callable[[], None]

    def read(self, files: Iterable[tuple[DataFile, int, int | None, Place]]) -> Iterator[Piece]:
        """Yield the rows of files from a row on, up to a row (None for all), in order.

        Of a file without rows to read comes one piece without rows.

        Raises:
            GuardTripped: a file is gone.
            SourceError: it is damaged, or changed.
            DataError: a value does not fit the column's type.
        """
        for index, (file, start, stop, place) in enumerate(files):
            self.stopped()
            dataset = Dataset(self.table.filesystem, self.table.name, ())
            with closing(self._open(dataset, file)) as opened:
                try:
                    found = opened.parquet().schema_arrow
                    projection = self.table.projection(found)
                    footer = Footer(opened.digest, opened.metadata.num_rows, projection.schema())
                    todo = Reading(opened.file, footer, start, stop=stop, place=place, index=index)
                    yield from self._rows(opened, todo, file, projection)
                except Moved:
                    raise _changed(dataset, opened.file) from None
                except (OSError, pa.ArrowException) as error:
                    raise damaged(dataset, opened.file) from error

    def _open(self, dataset: Dataset, file: DataFile) -> Opened:
        listed = File(file.path, file.full, file.size or 0, 0, {})
        gone = file_gone(self.table.name, file.path, self.table.word, file.version)
        try:
            now = look_again(dataset, listed)
        except OSError as error:
            raise access_error(named(dataset, listed), error) from error
        if now is None:
            raise gone
        if file.size is not None and now.size != file.size:
            raise _changed(dataset, listed)
        try:
            return open_file(dataset, now)
        except Moved:
            raise gone from None
        except Unfinished:
            raise damaged(dataset, now) from None

    def _rows(self, opened: Opened, todo: Reading, file: DataFile, projection: Projection) -> Iterator[Piece]:
        if todo.start >= todo.end:
            yield Piece(todo, todo.start, pa.RecordBatch.from_pylist([], schema=self.schema))
            return
        conformer = Conformer(todo, self.schema, self.source.columns, {}, self.sql)

        def conform(rows: pa.RecordBatch) -> pa.RecordBatch:
            return conformer(_with_constants(projection(rows), file))

        wanted = [name for name in self.schema.names if name not in file.constants]
        names = projection.names(wanted) or opened.parquet().schema_arrow.names[:1]
        reader = RowReader(opened.parquet(), names, conform, self.limits)
        for first, rows in reader.read(todo.start):
            self.stopped()
            opened.check(last=first + rows.num_rows >= todo.end)
            yield Piece(todo, first, rows.slice(0, todo.end - first))
            if first + rows.num_rows >= todo.end:
                return


def _with_constants(rows: pa.RecordBatch, file: DataFile) -> pa.RecordBatch:
    """Return rows with the columns that a file has one value of; they hold, whatever the file itself has."""
    names = [name for name in rows.schema.names if name not in file.constants]
    columns = [rows.column(name) for name in names]
    columns += [pa.repeat(scalar, rows.num_rows) for scalar in file.constants.values()]
    names += file.constants
    return pa.RecordBatch.from_arrays(columns, names)


def _changed(dataset: Dataset, file: File) -> SourceError:
    return SourceError(
        f"{named(dataset, file)} is not as the table's log has it: a data file never changes",
        hint="something else has written over it: restore the file, or rewrite the table",
    )
