"""Parquet files: by new files, by cursor, or all of them in passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from connector.extract import Range
from connector.extract.backfilling import Beside
from connector.extract.files.batches import Assembler, without_rows
from connector.extract.files.checks import resolve
from connector.extract.files.manifest import WHOLE, last_pass, news, passed, restarted, unsent
from connector.extract.files.rows import Piece
from connector.extract.files.sliced import FilledFiles
from connector.extract.sought import no_key, sought, unplaced
from connector.model import SourceBatch, Watermark

# Keys that are looked for in one scan of all files.
_KEYS = 50_000


class ParquetExtractor(FilledFiles):
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

    restarted = staticmethod(restarted)

    def read(
        self,
        columns: tuple[str, ...],
        watermark: Watermark,
        beside: Callable[[], Beside | None] = lambda: None,
    ) -> Iterator[SourceBatch]:
        """Yield the rows that are new since `watermark`; see `Extractor.read`.

        The first batch may have no rows: it makes durable what holds for the whole run, such as the number of a pass
        before its first row is sent. The last batch of a pass has none either.
        """
        left = beside()
        if left is not None and left.waits:
            return
        todo = self._prepare(watermark)
        resolved = resolve(self._source, self._fixed(), self._sql)
        shape = self._shape(columns, resolved, todo.number)
        found = news(todo, watermark, self._own())
        if self._source.start == "now" and not watermark and todo.number is None:
            found |= unsent(self._read_through(todo.todos, shape))
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
