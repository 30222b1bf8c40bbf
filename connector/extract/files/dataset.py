"""What every way of reading a Parquet dataset shares: its files, their columns, and what a run has to do about each."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pyarrow as pa

from connector.config.models import ParquetSource
from connector.errors import Bug, ConfigError, ConfigErrors, Stopped
from connector.extract import Limits
from connector.extract.files.batches import ROW_KEY, Assembler, Shape
from connector.extract.files.checks import Resolved, declared_fields, resolve, unified
from connector.extract.files.footers import Footer, Footers
from connector.extract.files.left import Left
from connector.extract.files.listing import Dataset, File, list_dataset
from connector.extract.files.manifest import Plan, Todo, changed, emptied, pass_number, plan, unpack_schema
from connector.extract.files.pieces import Pieces
from connector.extract.files.rows import Piece, gather
from connector.extract.files.sql import Expression, Sql, nearest
from connector.extract.files.types import emitted
from connector.extract.unranged import Unranged
from connector.model import EMPTY_WATERMARK, Watermark


class OpenFiles(Unranged):
    """A dataset that is read.

    Args:
        source: the configuration.
        limits: bounds of a batch.
    """

    def __init__(self, source: ParquetSource, limits: Limits | None = None) -> None:
        self._source = source
        self._limits = limits or Limits()
        self._cancelled = threading.Event()
        self._left = Left(whole=source.mode != "incremental")
        self._sql = Sql()
        self._dataset: Dataset
        self._footers: Footers
        self._declared: dict[str, pa.Field] = {}
        self._watermark = EMPTY_WATERMARK
        self._plan: Plan | None = None
        self._found: list[tuple[File, Footer]] = []
        self._plain: pa.Schema | None = None
        self._null_cursors = 0

    def open(self) -> None:
        """List the files and hold the configuration against the last one; against all of them if it does not fit.

        Raises:
            ConfigErrors: names, types or expressions that are wrong, all at once.
            ConfigError: the path does not exist.
            SourceError: the files cannot be listed, or none is complete yet.
            CredentialsError: the store refuses the credentials.
        """
        self._dataset = list_dataset(self._source.path, self._source.storage)
        stable_for = self._source.stable_for.total_seconds()
        self._footers = Footers(self._dataset, stable_for, self._left, self._check_cancelled)
        if not self._dataset.files:
            return  # whether that is a mistake is known with the watermark
        self._declared = declared_fields(self._source, self._dataset.partition_names, self._sql)
        try:
            resolve(self._source, self._unify([self._footers.last()], None), self._sql)
        except ConfigErrors:
            everything = self._footers.read(self._dataset.files)
            resolve(self._source, self._unify(everything, None), self._sql)

    def schema(self) -> pa.Schema:
        """Columns on offer, fixed for the run when first asked for."""
        return pa.schema([emitted(field) for field in self._fixed()])

    def identity(self) -> str:
        """The path or URI, without credentials."""
        return self._dataset.name

    def notes(self) -> tuple[str, ...]:
        """What was left out, and why."""
        shadowed = {name for _, f in self._found for name in f.schema.names} & {
            *self._dataset.partition_names
        }
        notes = {
            f"{self._footers.unfinished} files without a footer are still being written: left for a later run "
            "(stable_for)": self._footers.unfinished,
            f"{self._dataset.skipped} files are not named like Parquet files and were left out": self._dataset.skipped,
            f"the folders' values are used for {', '.join(sorted(shadowed))}, not the files'": shadowed,
            f"{self._null_cursors} rows without a cursor were not read": self._null_cursors,
            self._left.note: self._left.note,
            f"{self._dataset.name} matches no file any more": not self._dataset.files,
        }
        return tuple(note for note, holds in notes.items() if holds)

    def estimate(self, watermark: Watermark) -> int | None:
        """Return the number of rows in files to read, before `where` and the cursor leave any out."""
        return sum(todo.footer.rows - todo.start for todo in self._prepare(watermark).todos)

    def cancel(self) -> None:
        """Stop reading before the next piece of a file."""
        self._cancelled.set()
        self._sql.interrupt()

    def close(self) -> None:
        """Let go of everything."""
        self._sql.close()

    def _own(self) -> pa.Schema:
        """The plain columns of the files, without those of folders."""
        return pa.schema([f for f in self._fixed() if f.name not in self._dataset.partition_names])

    def _read_through(self, todos: Sequence[Todo], shape: Shape) -> dict[str, object]:
        """Return the parts of files that count as read; with a cursor it is read, to know up to where."""
        if shape.cursor is None:
            return {t.file.path: t.part(t.footer.rows, None, None) for t in todos}
        shape = replace(shape, schema=pa.schema([]), key=())
        parts: dict[str, object] = {}
        assembler = Assembler(shape, self._sql)
        for pieces in self._pieces(shape, todos):
            parts |= assembler.batch(pieces).end
        return parts

    def _pieces(self, shape: Shape, todos: Sequence[Todo]) -> Iterator[list[Piece]]:
        pieces = Pieces(
            self._dataset,
            self._wanted(shape),
            self._source,
            self._declared,
            self._sql,
            self._limits,
            self._left,
            self._check_cancelled,
        )
        return gather(pieces.read(todos), self._limits)

    def _wanted(self, shape: Shape) -> pa.Schema:
        """The plain columns that a batch, its filter and its cursor need; at least one."""
        names = [name for name in shape.schema.names if name != ROW_KEY or shape.key != (ROW_KEY,)]
        for user in (shape.where, shape.cursor):
            names += user.columns if isinstance(user, Expression) else [user] if user else []
        plain = self._fixed()
        return pa.schema([plain.field(name) for name in dict.fromkeys(names)] or [plain.field(0)])

    def _shape(self, columns: tuple[str, ...], resolved: Resolved, number: int | None) -> Shape:
        key = self._source.key or (ROW_KEY,)
        offered = {field.name: field for field in self.schema()}
        if not self._source.key:
            offered[ROW_KEY] = pa.field(ROW_KEY, pa.string())
        unknown = [name for name in columns if name not in offered]
        if unknown:
            raise ConfigError(
                f"no column {unknown[0]!r} in {self._dataset.name}", hint=nearest(unknown[0], offered)
            )
        schema = pa.schema([offered[name] for name in dict.fromkeys((*columns, *key))])
        return Shape(
            schema, key, resolved.where, resolved.cursor, resolved.cursor_type, resolved.start, number
        )

    def _prepare(self, watermark: Watermark) -> Plan:
        """Decide what to read from `watermark` on; looks only into files that are not settled by it."""
        if self._plan is not None and (watermark is self._watermark or watermark == self._watermark):
            return self._plan
        if not self._dataset.files:
            self._dataset = emptied(self._dataset, watermark, whole=self._source.mode != "incremental")
            self._declared = declared_fields(self._source, self._dataset.partition_names, self._sql)
        number, begins = (None, False) if self._source.mode == "incremental" else pass_number(watermark)
        self._found = self._footers.read(
            changed(self._dataset.files, EMPTY_WATERMARK if begins else watermark, number)
        )
        self._plan = plan(self._found, watermark, number, begins=begins)
        self._watermark = watermark
        if self._plain is not None and self._unify(self._found, self._plain) != self._plain:
            raise Bug(
                "the columns were fixed before it was known which files are new: call estimate before schema"
            )
        return self._plan

    def _fixed(self) -> pa.Schema:
        if self._plain is None:
            self._prepare(self._watermark)
            earlier = unpack_schema(self._watermark)
            found = self._found if self._found or earlier is not None else [self._footers.last()]
            self._plain = self._unify(found, earlier)
        return self._plain

    def _unify(self, found: Sequence[tuple[File, Footer]], earlier: pa.Schema | None) -> pa.Schema:
        """One plain schema of the files, then of earlier runs, with the folders' columns behind."""
        return unified(found, self._dataset, self._declared, earlier)

    def _check_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise Stopped("reading was stopped")
