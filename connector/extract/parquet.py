"""Parquet files: by new files, by cursor, or all of them in passes."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pyarrow as pa

from connector.config.models import ParquetSource
from connector.errors import Bug, ConfigError, ConfigErrors, Stopped
from connector.extract import Limits, Range, Standing
from connector.extract.files.batches import ROW_KEY, Assembler, Shape, without_rows
from connector.extract.files.checks import Resolved, declared_fields, resolve, unified
from connector.extract.files.footers import Footer, Footers
from connector.extract.files.left import Left
from connector.extract.files.listing import Dataset, File, list_dataset
from connector.extract.files.manifest import (
    WHOLE,
    Plan,
    Todo,
    changed,
    emptied,
    last_pass,
    news,
    pass_number,
    passed,
    plan,
    restarted,
    unpack_schema,
    unsent,
)
from connector.extract.files.pieces import Pieces
from connector.extract.files.rows import Piece, gather
from connector.extract.files.sql import Expression, Sql, nearest
from connector.extract.files.types import emitted
from connector.extract.sought import no_key, sought, standing_by_reading, unplaced
from connector.extract.unranged import Unranged
from connector.model import EMPTY_WATERMARK, SourceBatch, Watermark

# Keys that are looked for in one scan of all files.
_KEYS = 50_000


class ParquetExtractor(Unranged):
    """Reads a Parquet dataset in path order, and within a file in file order.

    Call `estimate` before `schema` where there is a watermark: it tells which files are new, and only their footers
    are read then. Without that, `schema` looks into all files.

    Watermark: one part per file, named by its path under the root: ``{"digest", "size", "mtime", "rows", "total"}``
    (`rows` of `total` are finished) and, with a cursor, ``"cursor": [type, text]``, the highest of the finished rows,
    ``"floor"`` while a rewritten file is read above it, in passes ``"pass"``; ``"unsent"`` where ``start: now`` left its
    rows unread, ``"above"`` up to which cursor. ``/schema`` keeps the columns that earlier runs had, ``/pass`` the pass:
    ``{"pass": n, "done": bool}``.

    Rows of a source without a key get the column ``__row``, behind all others, as their key. It is not in `schema`.

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

    restarted = staticmethod(restarted)

    def cancel(self) -> None:
        """Stop reading before the next piece of a file."""
        self._cancelled.set()
        self._sql.interrupt()

    def close(self) -> None:
        """Let go of everything."""
        self._sql.close()

    def read(self, columns: tuple[str, ...], watermark: Watermark) -> Iterator[SourceBatch]:
        """Yield the rows that are new since `watermark`; see `Extractor.read`.

        The first batch may have no rows: it makes durable what holds for the whole run, such as the number of a pass
        before its first row is sent. The last batch of a pass has none either.
        """
        todo = self._prepare(watermark)
        resolved = resolve(self._source, self._fixed(), self._sql)
        shape = self._shape(columns, resolved, todo.number)
        own = pa.schema([f for f in self._fixed() if f.name not in self._dataset.partition_names])
        found = news(todo, watermark, own)
        if self._source.start == "now" and not watermark and todo.number is None:
            found |= self._finished_unread(
                todo, replace(shape, schema=shape.schema.empty_table().select([]).schema, key=())
            )
            todo = replace(todo, todos=())
        if found:
            yield without_rows(shape, Watermark(found))
        assembler = Assembler(shape, self._sql)
        for pieces in self._pieces(shape, todo.todos):
            self._check_cancelled()
            batch = assembler.batch(pieces)
            self._null_cursors = assembler.null_cursors
            del pieces[:]
            yield batch
        if todo.number is not None:
            if self._source.mode == "diff":
                self._footers.demand_all()
            yield without_rows(shape, Watermark({WHOLE: {"pass": todo.number, "done": True}}))

    def read_keys(
        self, columns: tuple[str, ...], keys: Sequence[str], watermark: Watermark | None
    ) -> Iterator[SourceBatch]:
        """Yield the rows with one of `keys` among those that runs have read; see `Extractor.read_keys`.

        All files that were read are scanned for each group of keys.
        """
        if not self._source.key:
            raise no_key()
        return self._again(columns, keys, watermark)

    def standing(self, key: str, watermark: Watermark) -> Standing:
        """Say whether runs have read the row, or the next one does; by reading."""
        return standing_by_reading(self.read_keys, key, watermark)

    def read_ahead(self, columns: tuple[str, ...], watermark: Watermark) -> Iterator[SourceBatch]:
        """Yield the rows that the next run reads."""
        yield from map(unplaced, self.read(columns, watermark))

    def read_passed(
        self, columns: tuple[str, ...], watermark: Watermark, ranges: Sequence[Range] | None = None
    ) -> Iterator[SourceBatch]:
        """Yield the rows that runs have read of the files; see `Extractor.read_passed`."""
        del ranges  # nobody has any
        assembler, read = self._passed(columns, watermark)
        for pieces in read:
            self._check_cancelled()
            yield unplaced(assembler.batch(pieces))

    def _again(
        self, columns: tuple[str, ...], keys: Sequence[str], watermark: Watermark | None
    ) -> Iterator[SourceBatch]:
        fields = [self.schema().field(name) for name in self._source.key]
        for wanted in sought(keys, fields, self._source.timezone, _KEYS):
            assembler, read = self._passed(columns, watermark)
            for pieces in read:
                self._check_cancelled()
                yield from wanted.of(assembler.batch(pieces))

    def _passed(
        self, columns: tuple[str, ...], watermark: Watermark | None
    ) -> tuple[Assembler, Iterator[list[Piece]]]:
        """Return what makes batches, and the pieces of all files that runs have read, or of all files."""
        if watermark is not None:
            self._prepare(watermark)
        number = None if self._source.mode == "incremental" else last_pass(watermark)
        shape = self._shape(columns, resolve(self._source, self._fixed(), self._sql), number)
        files = [file for file in self._dataset.files if watermark is None or file.path in watermark]
        todos = tuple(passed(self._footers.read(files), watermark, number))
        return Assembler(shape, self._sql), self._pieces(shape, todos)

    def _finished_unread(self, todo: Plan, shape: Shape) -> dict[str, object]:
        """With ``start: now`` the files of the first run count as read; with a cursor, up to their highest."""
        if shape.cursor is None:
            return unsent({t.file.path: t.part(t.footer.rows, None, None) for t in todo.todos})
        parts: dict[str, object] = {}
        assembler = Assembler(shape, self._sql)
        for pieces in self._pieces(shape, todo.todos):
            parts |= assembler.batch(pieces).end
        return unsent(parts)

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
