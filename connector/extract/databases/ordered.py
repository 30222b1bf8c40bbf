"""Rows in the source's order, from a place on: pages where an index gives the order, else one statement.

Every chunk is looked at before it leaves: a key part must not be null, and no two rows may have the same place.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connector.errors import DataError
from connector.extract import Limits
from connector.extract.databases.keyset import Keyset
from connector.extract.databases.reader import CURSOR, Chunk, Column, Raw, Reader, Statement
from connector.extract.databases.twins import twins
from connector.model import SourceBatch, Watermark

# Rows of the first page: nothing is known yet of how wide they are.
_FIRST_PAGE = 2_000
# Places of one statement about which the source is asked whether they are one to it.
_DOUBTS = 50


@dataclass(frozen=True, slots=True)
class Scan:
    """Everything that is fixed for a run.

    Attributes:
        reader: the connection.
        keyset: writes the statements; its `order` is what rows are ordered by.
        columns: what is selected; what is needed for the order but was not asked for stands at the end.
        visible: the names of the columns that leave.
        key: the names of the key columns.
        limits: of one batch.
        paged: whether to read in pages.
        extra: those of `columns` whose values stand behind the ordering ones in a chunk's `raw`.
        offered: all columns that could be shown.
        before: called before each statement that reads rows.
    """

    reader: Reader
    keyset: Keyset
    columns: tuple[Column, ...]
    visible: tuple[str, ...]
    key: tuple[str, ...]
    limits: Limits
    paged: bool
    extra: tuple[Column, ...] = ()
    offered: tuple[Column, ...] = ()
    before: Callable[[], None] = lambda: None

    @property
    def ordering(self) -> tuple[int, ...]:
        """The places of the ordering columns in what is selected, then those of the extra ones."""
        return tuple(self.columns.index(column) for column in (*self.keyset.order, *self.extra))

    def raws(self, chunk: Chunk, row: int) -> tuple[Raw, ...]:
        """The place of a row."""
        pairs = zip(self.keyset.order, chunk.raw, strict=False)  # what is extra is no part of the place
        return tuple(self.reader.raw(column, array, row) for column, array in pairs)

    def showing(self, names: Sequence[str]) -> Scan | None:
        """The scan with these columns behind those that it shows; None where one of them is not there."""
        offered = {column.name: column for column in self.offered}
        more = [name for name in names if name not in self.visible]
        if not offered.keys() >= set(more):
            return None
        place = len(self.visible)
        shown = (*self.columns[:place], *(offered[name] for name in more))
        hidden = tuple(column for column in self.columns[place:] if column not in shown)
        return replace(self, columns=(*shown, *hidden), visible=(*self.visible, *more))

    def chunks(self, conditions: Sequence[str], after: Sequence[Raw] = ()) -> Iterator[Chunk]:
        """Yield all rows that meet `conditions` and stand after the place `after`."""
        if self.paged:
            yield from self._pages(conditions, after)
        else:
            yield from self._checked(self._statement(self._from(conditions, after), None))

    def _pages(self, conditions: Sequence[str], after: Sequence[Raw]) -> Iterator[Chunk]:
        size = min(_FIRST_PAGE, self.limits.rows)
        while True:
            # One row more than the page tells whether the key is unique across its end.
            chunks = self._checked(self._statement(self._from(conditions, after), size + 1))
            rows = nbytes = 0
            chunk = None
            for chunk in _buffered(chunks, self.limits.bytes):
                rows += chunk.rows.num_rows
                nbytes += chunk.rows.nbytes
                surplus = max(rows - size, 0)
                kept = cut(chunk, 0, chunk.rows.num_rows - surplus)
                if kept.rows.num_rows:
                    after = self.raws(kept, kept.rows.num_rows - 1)
                    yield kept
            if rows <= size:
                return
            fitting = self.limits.bytes * rows // max(nbytes, 1)
            # A page is about a batch: larger ones gain nothing, and their statement is open for longer.
            size = max(1, min(fitting, self.limits.rows))

    def _from(self, conditions: Sequence[str], after: Sequence[Raw]) -> list[str]:
        return [*conditions, self.keyset.after(after)] if after else list(conditions)

    def _statement(self, conditions: Sequence[str], limit: int | None) -> Generator[Chunk]:
        self.before()
        sql = self.keyset.rows(self.columns, conditions, limit)
        return self.reader.stream(Statement(sql, self.columns, len(self.visible), self.ordering, self.limits))

    def _checked(self, chunks: Generator[Chunk]) -> Iterator[Chunk]:
        last: Chunk | None = None
        doubtful: list[tuple[Raw, ...]] = []
        with closing(chunks):  # whatever happens, the statement ends here and now
            for chunk in chunks:
                if not chunk.rows.num_rows:
                    continue
                for column, array in zip(self.keyset.order, chunk.raw, strict=False):
                    if array.null_count:
                        raise null_key(column.name, array.null_count)
                if self.key:  # two rows at one place are a mistake
                    doubtful += self._doubtful(chunk, last, _DOUBTS - len(doubtful))
                    last = cut(chunk, chunk.rows.num_rows - 1, chunk.rows.num_rows)
                yield chunk
        # Asked when the connection is free again. A page is read whole before its first row leaves.
        if doubtful and self.keyset.repeats(doubtful):
            raise self._not_unique()

    def _doubtful(self, chunk: Chunk, last: Chunk | None, most: int) -> list[tuple[Raw, ...]]:
        """Up to `most` places that the next row may have too, for all that can be told without the source.

        Raises:
            DataError: two rows certainly have the same place.
        """
        raw = chunk.raw
        offset = 0
        # SQLite may store another kind of value from here on, which is equal to none before.
        if last is not None and all(b.type == a.type for b, a in zip(last.raw, raw, strict=True)):
            pairs = zip(last.raw, raw, strict=True)
            raw = tuple(pa.concat_arrays([before, array]) for before, array in pairs)
            offset = 1
        if _repeats(raw):
            raise self._not_unique()
        # Of two rows with one place either names it: the first may have left already, the next is here.
        return [self.raws(chunk, int(place) + 1 - offset) for place in twins(raw)[: max(most, 0)]]

    def _not_unique(self) -> DataError:
        names = ", ".join(column.name for column in self.keyset.order if column.name != CURSOR)
        return DataError(
            f"Two rows have the same ({names}): the key is not unique.",
            hint="add the columns to source.key that tell such rows apart",
        )

    @property
    def fields(self) -> list[pa.Field]:
        """What leaves: the columns asked for and the key's."""
        return [column.field for column in self.columns[: len(self.visible)]]

    def empty(self, end: Watermark) -> SourceBatch:
        """A batch without rows, to make a place durable."""
        schema = pa.schema(self.fields)
        rows = pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema)

        def position(_: int) -> Watermark:
            raise DataError("A batch without rows has no place in it.")

        return SourceBatch(rows=rows, position=position, version="", end=end, key=self.key)


def null_key(name: str, count: int) -> DataError:
    """The error for rows that cannot be told apart because a part of their key is missing."""
    return DataError(
        f"Column {name!r} is part of the key, and has no value in {count} rows.",
        hint="choose key columns that are never null, or leave such rows out with source.where",
    )


def mixed(name: str, kinds: Iterable[str]) -> DataError:
    """The error for a column whose values are not of one type, and so have no one order."""
    return DataError(
        f"Column {name!r} stores {' and '.join(sorted(kinds))}: SQLite orders those apart, so it cannot be cursor or key.",
        hint="store one kind of value, or use cursor: {sql: …} that makes one of it",
    )


def cut(chunk: Chunk, first: int, last: int) -> Chunk:
    """Rows [first, last) of a chunk."""
    if first == 0 and last == chunk.rows.num_rows:
        return chunk
    length = last - first
    raw = tuple(array.slice(first, length) for array in chunk.raw)
    return Chunk(chunk.rows.slice(first, length), raw, chunk.warnings)


def changes(arrays: Sequence[pa.Array]) -> npt.NDArray[np.bool_]:
    """For each row but the first, whether it differs from the row before in any of the arrays."""
    differs = np.zeros(max(len(arrays[0]) - 1, 0), dtype=bool)
    for array in arrays:
        differs |= pc.not_equal(array.slice(1), array.slice(0, len(array) - 1)).to_numpy(zero_copy_only=False)
    return differs


def _repeats(arrays: Sequence[pa.Array]) -> bool:
    return not changes(arrays).all()


def _buffered(chunks: Iterable[Chunk], nbytes: int) -> Iterator[Chunk]:
    """Read ahead, so that the statement of a page is over before its first row waits for a slow destination."""
    held: deque[Chunk] = deque()
    size = 0
    for chunk in chunks:
        held.append(chunk)
        size += chunk.rows.nbytes
        while size > nbytes:
            size -= held[0].rows.nbytes
            yield held.popleft()
    while held:
        yield held.popleft()


def versions(array: pa.Array) -> pa.Array:
    """The cursor's values as text: times as the number of their units since 1970, bytes as hexadecimal digits."""
    if pa.types.is_timestamp(array.type):
        return array.cast(pa.int64()).cast(pa.string())
    if pa.types.is_binary(array.type):
        return pa.array([value.hex() for value in array.to_pylist()], pa.string())
    return array.cast(pa.string())


def arrow_text(array: pa.Array, row: int) -> str:
    """The text of one value: all digits of a number, ISO 8601 for times, hexadecimal digits for bytes."""
    if pa.types.is_binary(array.type) or pa.types.is_fixed_size_binary(array.type):
        value: bytes = array[row].as_py()
        return value.hex()
    text: str = array.slice(row, 1).cast(pa.string())[0].as_py()
    return text
