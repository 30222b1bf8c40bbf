"""Rows of Parquet files in bounded pieces, and many small pieces to a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from connector.extract import Limits
from connector.extract.files.manifest import Todo

# Rows decoded at once. Small, so that a row group of large values is never decoded whole; more is not faster.
_ROWS = 8_192
# Files in one batch: each commit carries the parts of the files finished since the batch began.
_FILES = 256
Conform = Callable[[pa.RecordBatch], pa.RecordBatch]


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive rows [first, first + rows.num_rows) of one file, in the run's plain schema."""

    todo: Todo
    first: int
    rows: pa.RecordBatch


class RowReader:
    """Reads one file from a row on, in pieces that hold to the limits.

    Args:
        file: made by `parquet_file`.
        columns: names of its columns to read, at least one.
        conform: brings a piece into the run's schema; sizes are measured after it.
        limits: bounds of a piece.
    """

    def __init__(
        self, file: pq.ParquetFile, columns: Sequence[str], conform: Conform, limits: Limits
    ) -> None:
        self._file = file
        self._metadata = file.metadata
        self._columns = list(columns)
        self._conform = conform
        self._limits = limits
        self._leaves = self._leaf_indices()

    def read(self, start: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yield (first row, rows) from row `start` on; row groups before it are skipped unread."""
        first = 0
        for group in range(self._metadata.num_row_groups):
            count = self._metadata.row_group(group).num_rows
            if first + count > start:
                for at, rows in self._group(group, max(start - first, 0), count):
                    yield first + at, rows
            first += count

    def _group(self, group: int, at: int, count: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        size, probe = self._sizes(group)
        # Dictionaries hide how large rows are: a few are decoded first where that could matter.
        probing = probe < min(size, count - at)
        while at < count:
            step = probe if probing else size
            for given in self._from(group, at, step):
                rows = self._conform(given)
                for half in _halves(rows, self._limits.bytes):
                    yield at, half
                    at += half.num_rows
                if probing or rows.nbytes > 2 * self._limits.bytes:
                    fitting = self._limits.bytes * rows.num_rows // max(rows.nbytes, 1)
                    smaller = max(1, min(size, fitting))
                    if smaller != step:
                        size, probing = smaller, False
                        break
                    probing = False

    def _from(self, group: int, skip: int, step: int) -> Iterator[pa.RecordBatch]:
        batches = self._file.iter_batches(
            batch_size=step, row_groups=[group], columns=self._columns, use_threads=False
        )
        for rows in batches:
            if skip >= rows.num_rows:
                skip -= rows.num_rows
            else:
                yield rows.slice(skip) if skip else rows
                skip = 0

    def _sizes(self, group: int) -> tuple[int, int]:
        """Return how many rows to decode at once by their encoded size, and how many are safe whatever they hold."""
        metadata = self._metadata.row_group(group)
        chunks = [metadata.column(leaf) for leaf in self._leaves]
        encoded = sum(chunk.total_uncompressed_size for chunk in chunks) // max(metadata.num_rows, 1)
        hidden = max(
            (
                c.total_uncompressed_size
                for c in chunks
                if c.has_dictionary_page and c.physical_type == "BYTE_ARRAY"
            ),
            default=1,
        )
        per_row = max(encoded, 8 * len(chunks), 1)
        most = min(_ROWS, self._limits.rows)
        return max(1, min(most, self._limits.bytes // per_row)), max(1, self._limits.bytes // max(hidden, 1))

    def _leaf_indices(self) -> list[int]:
        paths = [self._metadata.schema.column(i).path for i in range(self._metadata.num_columns)]
        wanted = set(self._columns)
        prefixes = tuple(f"{name}." for name in wanted)
        return [i for i, path in enumerate(paths) if path in wanted or path.startswith(prefixes)]


def _halves(rows: pa.RecordBatch, limit: int) -> Iterator[pa.RecordBatch]:
    """Split rows until each part has at most `limit` bytes or one row."""
    if rows.num_rows <= 1 or rows.nbytes <= limit:
        yield rows
        return
    middle = rows.num_rows // 2
    yield from _halves(rows.slice(0, middle), limit)
    yield from _halves(rows.slice(middle), limit)


def gather(pieces: Iterator[Piece], limits: Limits) -> Iterator[list[Piece]]:
    """Collect pieces, perhaps of many small files, into lists that hold to the limits."""
    held: list[Piece] = []
    rows = size = 0
    for piece in pieces:
        more = piece.rows.nbytes
        full = rows + piece.rows.num_rows > limits.rows or size + more > limits.bytes or len(held) >= _FILES
        if held and full:
            yield held
            held, rows, size = [], 0, 0
        held.append(piece)
        rows += piece.rows.num_rows
        size += more
    if held:
        yield held
