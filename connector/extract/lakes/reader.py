"""A lake table as a source: by its versions, or all of one version in passes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa

from connector.config.models import LakeSettings
from connector.errors import ConfigError, Stopped
from connector.extract import Limits, Range
from connector.extract.backfilling import Beside
from connector.extract.files.batches import ROW_KEY, Assembler, Shape, without_rows
from connector.extract.files.checks import Resolved, declared_fields, resolve
from connector.extract.files.manifest import WHOLE, last_pass
from connector.extract.files.rows import gather
from connector.extract.files.sql import Expression, Sql, nearest
from connector.extract.files.types import emitted, plain
from connector.extract.lakes.pieces import Pieces
from connector.extract.lakes.progress import TABLE, Files, Place, Plan, known, passed, placed, plan
from connector.extract.lakes.sliced import FilledLake
from connector.extract.lakes.table import DataFile, Table
from connector.extract.sought import no_key, sought, unplaced
from connector.extract.unranged import Unranged
from connector.model import SourceBatch, Watermark

# Keys that are looked for in one scan of all files.
_KEYS = 50_000


class LakeExtractor(FilledLake, Unranged):
    """Reads the data files of a table, version after version.

    Watermark: the part ``/table``: ``{"id", "version"}``, the last version that is finished (null while the first one
    is read whole), ``"start"`` with a start other than the beginning, and while a version is read
    ``"at": {"version", "path", "rows"}``: the file in it and its finished rows. In passes also ``"pass"``, and
    ``/pass`` is ``{"pass": n, "done": bool, "version"}``.

    Args:
        source: the configuration.
        opening: returns the table, opened.
        limits: bounds of a batch.
    """

    def __init__(
        self, source: LakeSettings, opening: Callable[[Sql], Table], limits: Limits | None = None
    ) -> None:
        self._source = source
        # A start is a version here, never a value of the cursor.
        self._settings = source.model_copy(update={"start": "beginning"})
        self._opening = opening
        self._limits = limits or Limits()
        self._cancelled = threading.Event()
        self._sql = Sql()
        self._table: Table
        self._plain: pa.Schema
        self._resolved: Resolved
        self._plan: tuple[Watermark, Plan] | None = None
        self._null_cursors = 0

    def open(self) -> None:
        """Open the table and hold the configuration against its columns.

        Raises:
            ConfigErrors: names, types or expressions that are wrong, all at once.
            ConfigError: there is no such table, or it cannot be read exactly.
            SourceError: it cannot be reached.
            CredentialsError: the store refuses the credentials.
        """
        self._table = self._opening(self._sql)
        declared = declared_fields(self._settings, (), self._sql)
        fields = [declared.get(field.name) or plain(field) for field in self._table.schema()]
        self._plain = pa.schema(fields)
        self._resolved = resolve(self._settings, self._plain, self._sql)

    def schema(self) -> pa.Schema:
        """Columns on offer: those of the version that the run looks at."""
        return pa.schema([emitted(field) for field in self._plain])

    def identity(self) -> str:
        """The table's address, without credentials."""
        return self._table.name

    def notes(self) -> tuple[str, ...]:
        """What was left out, and why."""
        lost = self._null_cursors
        return (f"{lost} rows without a cursor were not read",) if lost else ()

    def estimate(self, watermark: Watermark) -> int | None:
        """Return the number of rows in the files to read, where the table tells it."""
        counts = [None if f.rows is None else f.rows - start for f, start in self._prepare(watermark).files]
        return None if None in counts else sum(count for count in counts if count)

    @staticmethod
    def restarted(watermark: Watermark, *, anew: bool = False) -> Watermark:
        """Return the watermark of an unfinished pass without what it has read; any other as it is."""
        if watermark.get(WHOLE, {"done": True})["done"]:
            return watermark
        # Begun again, it reads the version that is current then.
        return Watermark({WHOLE: {"pass": watermark[WHOLE]["pass"], "done": anew}})

    def cancel(self) -> None:
        """Stop reading before the next piece of a file."""
        self._cancelled.set()
        self._sql.interrupt()

    def close(self) -> None:
        """Let go of everything."""
        self._sql.close()

    def read(
        self,
        columns: tuple[str, ...],
        watermark: Watermark,
        beside: Callable[[], Beside | None] = lambda: None,
    ) -> Iterator[SourceBatch]:
        """Yield the rows that are new since `watermark`; see `Extractor.read`.

        The first batch may have no rows: it makes durable which version is read, before its first row is sent. Nor
        has the last one.
        """
        left = beside()
        if left is not None and left.waits:
            return
        todo = self._prepare(watermark)
        shape = self._shape(columns, todo.number)
        begin, end = todo.begin.stored(), todo.end.stored()
        whole = {} if todo.number is None else {"pass": todo.number, "version": todo.begin.version}
        if todo.fresh:
            first = {WHOLE: whole | {"done": False}} if whole else {}
            yield without_rows(shape, Watermark({TABLE: begin, **first}))
        files = ((file, start, None, place) for file, start, place in todo.placed())
        for batch in self._batches(shape, files):
            yield placed(batch)
        if whole:
            yield without_rows(shape, Watermark({WHOLE: whole | {"done": True}}))
        elif end != watermark.get(TABLE):
            yield without_rows(shape, Watermark({TABLE: end}))

    def read_keys(
        self, columns: tuple[str, ...], keys: Sequence[str], watermark: Watermark | None
    ) -> Iterator[SourceBatch]:
        """Yield the rows with one of `keys` among those that runs have read; see `Extractor.read_keys`.

        All files of the version are scanned for each group of keys.
        """
        if not self._source.key:
            raise no_key()
        return self._again(columns, keys, watermark)

    def read_passed(
        self, columns: tuple[str, ...], watermark: Watermark, ranges: Sequence[Range] | None = None
    ) -> Iterator[SourceBatch]:
        """Yield the rows that runs have read, as they stood in the version read last; see `Extractor.read_passed`."""
        del ranges  # nobody has any
        yield from map(unplaced, self._passed(columns, watermark))

    def _again(
        self, columns: tuple[str, ...], keys: Sequence[str], watermark: Watermark | None
    ) -> Iterator[SourceBatch]:
        fields = [self.schema().field(name) for name in self._source.key]
        for wanted in sought(keys, fields, self._source.timezone, _KEYS):
            for batch in self._passed(columns, watermark):
                yield from wanted.of(batch)

    def _passed(self, columns: tuple[str, ...], watermark: Watermark | None) -> Iterator[SourceBatch]:
        """Yield the rows of all files that runs have read, or of all files."""
        table = self._table
        number = None if self._source.mode == "incremental" else last_pass(watermark)
        place = None if watermark is None else known(table, watermark)
        if watermark is None:
            found: list[tuple[DataFile, int | None]] = [(file, None) for file in table.files(table.version)]
        elif place is None:
            found = []
        elif watermark.get(WHOLE, {"done": False})["done"]:
            found = [(file, None) for file in table.files(watermark[WHOLE]["version"])]
        else:
            found = passed(table, place)
        files = ((file, 0, stop, Place("", 0)) for file, stop in found)
        return self._batches(self._shape(columns, number), files)

    def _batches(self, shape: Shape, files: Files) -> Iterator[SourceBatch]:
        pieces = Pieces(
            self._table, self._wanted(shape), self._source, self._sql, self._limits, self._check_cancelled
        )
        assembler = Assembler(shape, self._sql)
        for each in gather(pieces.read(files), self._limits):
            self._check_cancelled()
            batch = assembler.batch(each)
            self._null_cursors = assembler.null_cursors
            del each[:]
            yield batch

    def _wanted(self, shape: Shape) -> pa.Schema:
        """The plain columns that a batch, its filter and its cursor need; at least one."""
        names = [name for name in shape.schema.names if name != ROW_KEY or shape.key != (ROW_KEY,)]
        for user in (shape.where, shape.cursor):
            names += user.columns if isinstance(user, Expression) else [user] if user else []
        return pa.schema([self._plain.field(name) for name in dict.fromkeys(names)] or [self._plain.field(0)])

    def _shape(self, columns: tuple[str, ...], number: int | None) -> Shape:
        key = self._source.key or (ROW_KEY,)
        offered = {field.name: field for field in self.schema()}
        if not self._source.key:
            offered[ROW_KEY] = pa.field(ROW_KEY, pa.string())
        for name in columns:
            if name not in offered:
                raise ConfigError(f"no column {name!r} in {self._table.name}", hint=nearest(name, offered))
        schema = pa.schema([offered[name] for name in dict.fromkeys((*columns, *key))])
        found = self._resolved
        return Shape(schema, key, found.where, found.cursor, found.cursor_type, None, number)

    def _prepare(self, watermark: Watermark) -> Plan:
        if self._plan is None or self._plan[0] != watermark:
            start = str(self._source.start) if self._source.mode == "incremental" else None
            self._plan = watermark, plan(self._table, watermark, start)
        return self._plan[1]

    def _check_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise Stopped("reading was stopped")
