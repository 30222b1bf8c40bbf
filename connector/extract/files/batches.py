"""From pieces of files to a SourceBatch: filtered, with key, version and the way back to a place in a file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connector.extract.files.keys import KeyCheck
from connector.extract.files.manifest import Raw, Todo, pack_cursor, raw, unpack_cursor
from connector.extract.files.rows import Piece
from connector.extract.files.sql import Expression, Sql
from connector.extract.files.types import emitted
from connector.model import SourceBatch, Watermark

# The key of rows that have none of their own: md5 of (path, digest of the file), a slash, the row's number in it.
ROW_KEY = "__row"

Index = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Shape:
    """What the batches of a run look like.

    Attributes:
        schema: of the batches, with the key's columns.
        key: names of the key's columns.
        where: the filter as a boolean expression without nulls, or None.
        cursor: the cursor's column or expression, or None.
        cursor_type: the type of its values.
        start: rows with a cursor below it are never read, or None.
        number: of the pass, or None when new files are what is read.
    """

    schema: pa.Schema
    key: tuple[str, ...]
    where: Expression | None
    cursor: str | Expression | None
    cursor_type: pa.DataType | None
    start: pa.Scalar | None
    number: int | None


class Assembler:
    """Makes the batches of one run, in order."""

    def __init__(self, shape: Shape, sql: Sql) -> None:
        self._shape = shape
        self._sql = sql
        self._highest: dict[str, Raw | None] = {}  # of the file that is being read
        self._keys = KeyCheck(shape.key)
        self.null_cursors = 0

    def batch(self, pieces: Sequence[Piece]) -> SourceBatch:
        """Return one batch of all rows of `pieces` that are to be read.

        Raises:
            DataError: a key part is null, or an expression fails on a row.
        """
        rows = pa.concat_batches([piece.rows for piece in pieces])
        bounds = np.cumsum([0, *(piece.rows.num_rows for piece in pieces)], dtype=np.int64)
        given = emit(rows)
        cursor = self._cursor(rows, given, pieces)
        kept = self._kept(given, cursor, pieces, bounds)
        if kept is not None:
            given = given.take(pa.array(kept))
            cursor = None if cursor is None else cursor.take(pa.array(kept))
        places = self._places(pieces, bounds, kept, cursor)
        return SourceBatch(
            rows=self._rows(given, places),
            position=places.position,
            version=self._version(places, cursor),
            end=places.end(),
            key=self._shape.key,
        )

    def _cursor(
        self, rows: pa.RecordBatch, given: pa.RecordBatch, pieces: Sequence[Piece]
    ) -> pa.Array | None:
        cursor = self._shape.cursor
        if cursor is None:
            return None
        if isinstance(cursor, str):
            return rows.column(cursor)
        return self._sql.evaluate(cursor, given, _files(pieces)).cast(self._shape.cursor_type)

    def _kept(
        self, given: pa.RecordBatch, cursor: pa.Array | None, pieces: Sequence[Piece], bounds: Index
    ) -> Index | None:
        """Return the indexes of the rows to read, or None for all."""
        masks = []
        if self._shape.where is not None:
            masks.append(_flags(self._sql.evaluate(self._shape.where, given, _files(pieces))))
        if cursor is not None:
            if cursor.null_count:
                known = _flags(cursor.is_valid())
                wanted = masks[0] if masks else np.ones(len(cursor), dtype=bool)
                self.null_cursors += int(np.count_nonzero(wanted & ~known))
                masks.append(known)
            if self._shape.start is not None:
                masks.append(_flags(pc.greater_equal(cursor, self._shape.start)))
            masks += self._within_bounds(cursor, pieces, bounds)
        if not masks:
            return None
        mask = np.logical_and.reduce(masks)
        return None if mask.all() else np.flatnonzero(mask)

    def _within_bounds(
        self, cursor: pa.Array, pieces: Sequence[Piece], bounds: Index
    ) -> list[npt.NDArray[np.bool_]]:
        if all(piece.todo.floor is None and piece.todo.ceiling is None for piece in pieces):
            return []
        mask = np.ones(len(cursor), dtype=bool)
        for piece, first, last in zip(pieces, bounds[:-1], bounds[1:], strict=True):
            values = cursor.slice(first, last - first)
            if (floor := unpack_cursor(piece.todo.floor, cursor.type)) is not None:
                mask[first:last] &= _flags(pc.greater(values, floor))
            if (ceiling := unpack_cursor(piece.todo.ceiling, cursor.type)) is not None:
                mask[first:last] &= _flags(pc.less_equal(values, ceiling))
        return [mask]

    def _places(
        self, pieces: Sequence[Piece], bounds: Index, kept: Index | None, cursor: pa.Array | None
    ) -> Places:
        ends = bounds[1:] if kept is None else np.searchsorted(kept, bounds[1:])
        before: list[Raw | None] = []
        for i, piece in enumerate(pieces):
            path = piece.todo.file.path
            if path not in self._highest:
                self._highest = {path: None if cursor is None else _stored(piece.todo, cursor.type)}
            before.append(self._highest[path])
            if cursor is not None:
                first = int(ends[i - 1]) if i else 0
                self._highest[path] = _higher(before[-1], cursor.slice(first, int(ends[i]) - first))
        slots = tuple((piece.todo, piece.first) for piece in pieces)
        return Places(slots, bounds, kept, ends, cursor, tuple(before), self._shape.number)

    def _rows(self, given: pa.RecordBatch, places: Places) -> pa.RecordBatch:
        columns = []
        for name in self._shape.schema.names:
            implicit = name == ROW_KEY and self._shape.key == (ROW_KEY,)
            columns.append(places.row_keys() if implicit else given.column(name))
        rows = pa.RecordBatch.from_arrays(columns, schema=self._shape.schema)
        if self._shape.key != (ROW_KEY,):
            self._keys.check(rows, places.cursor, *places.paths())
        return rows

    def _version(self, places: Places, cursor: pa.Array | None) -> pa.Array | str:
        if self._shape.number is not None:
            return str(self._shape.number)
        if cursor is None:
            return places.digests()
        if isinstance(cursor, pa.TimestampArray):
            cursor = cursor.cast(pa.int64()).cast(pa.timestamp(cursor.type.unit))  # without the zone's name
        return cursor.cast(pa.string())


@dataclass(frozen=True, slots=True)
class Places:
    """Where the rows of a batch are in their files.

    Attributes:
        pieces: for each piece its file and the number of its first row there.
        bounds: where pieces begin and end among all rows looked at.
        kept: for each row of the batch its index among all rows looked at, or None when they are the same.
        ends: where pieces end among the rows of the batch.
        cursor: of the rows of the batch, or None.
        before: for each piece the highest cursor of its file's earlier rows.
        number: of the pass, or None.
    """

    pieces: tuple[tuple[Todo, int], ...]
    bounds: Index
    kept: Index | None
    ends: Index
    cursor: pa.Array | None
    before: tuple[Raw | None, ...]
    number: int | None

    def position(self, n: int) -> Watermark:
        """Return the parts of the files touched by the first `n` rows of the batch."""
        last = int(np.searchsorted(self.ends, n))
        seen = n if self.kept is None else int(self.kept[n - 1]) + 1
        parts = self._whole(last)
        todo, first = self.pieces[last]
        parts[todo.file.path] = self._part(last, first + seen - int(self.bounds[last]), n)
        return Watermark(parts)

    def end(self) -> Watermark:
        """Return the parts of all files of the batch, with the rows that were left out behind its last one."""
        return Watermark(self._whole(len(self.pieces)))

    def _whole(self, count: int) -> dict[str, Any]:
        parts = {}
        for i, (todo, first) in enumerate(self.pieces[:count]):
            if i + 1 == count or self.pieces[i + 1][0] is not todo:
                rows = first + int(self.bounds[i + 1] - self.bounds[i])
                parts[todo.file.path] = self._part(i, rows, int(self.ends[i]))
        return parts

    def _part(self, piece: int, rows: int, n: int) -> dict[str, Any]:
        """The part of the piece's file once the first `n` rows of the batch are finished."""
        cursor = None
        if self.cursor is not None:
            first = int(self.ends[piece - 1]) if piece else 0
            highest = _higher(self.before[piece], self.cursor.slice(first, n - first))
            cursor = pack_cursor(highest, self.cursor.type)
        return self.pieces[piece][0].part(rows, cursor, self.number)

    def row_keys(self) -> pa.Array:
        """Return the implicit key of each row."""
        counts = np.diff(self.ends, prepend=0)
        firsts = np.array([first for _, first in self.pieces], dtype=np.int64) - self.bounds[:-1]
        seen = np.arange(self.bounds[-1], dtype=np.int64) if self.kept is None else self.kept
        numbers = pa.array(seen + np.repeat(firsts, counts)).cast(pa.string())
        return pc.binary_join_element_wise(
            self._repeat([_file_key(todo) for todo, _ in self.pieces]), numbers, "/"
        )

    def paths(self) -> tuple[list[str], Index]:
        """Return the paths of the files, and for each row the index of its file among them."""
        numbers: dict[str, int] = {}
        of_piece = [numbers.setdefault(todo.file.path, len(numbers)) for todo, _ in self.pieces]
        return list(numbers), np.repeat(np.array(of_piece, np.int64), np.diff(self.ends, prepend=0))

    def digests(self) -> pa.Array | str:
        """Return the digest of each row's file."""
        digests = [todo.footer.digest for todo, _ in self.pieces]
        return digests[0] if len(set(digests)) == 1 else self._repeat(digests)

    def _repeat(self, texts: list[str]) -> pa.Array:
        counts = np.diff(self.ends, prepend=0)
        return pa.array(texts, pa.string()).take(pa.array(np.repeat(np.arange(len(texts)), counts)))


def without_rows(shape: Shape, end: Watermark) -> SourceBatch:
    """Return a batch that only moves the watermark."""
    rows = pa.RecordBatch.from_arrays([pa.nulls(0, f.type) for f in shape.schema], schema=shape.schema)
    return SourceBatch(rows, lambda _: end, "" if shape.number is None else str(shape.number), end, shape.key)


def emit(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Return plain rows as batches carry them: decimals beyond 38 digits as text."""
    schema = pa.schema([emitted(field) for field in rows.schema])
    return pa.RecordBatch.from_arrays(
        [_emit(c, f) for c, f in zip(rows.columns, schema, strict=True)], schema=schema
    )


def _emit(values: pa.Array, field: pa.Field) -> pa.Array:
    if values.type == field.type:
        return values
    texts = values.cast(field.type)
    if pa.types.is_string(field.type) and pc.any(pc.match_substring(texts, "E")).as_py():
        # Arrow writes small fractions with an exponent; a number has one text, with all its digits.
        return pa.array([None if v is None else f"{v:f}" for v in values.to_pylist()], pa.string())
    return texts


def _file_key(todo: Todo) -> str:
    return hashlib.md5(f"{todo.file.path}\0{todo.footer.digest}".encode(), usedforsecurity=False).hexdigest()


def _stored(todo: Todo, data_type: pa.DataType) -> Raw | None:
    scalar = unpack_cursor(todo.cursor, data_type)
    return None if scalar is None else raw(scalar)


def _higher(before: Raw | None, values: pa.Array) -> Raw | None:
    highest = raw(pc.max(values))
    if highest is None or before is None:
        return before if highest is None else highest
    return max(highest, before)


def _flags(values: pa.Array) -> npt.NDArray[np.bool_]:
    """A boolean array as numpy's, null as False."""
    if values.null_count:
        values = values.fill_null(False)
    flags: npt.NDArray[np.bool_] = values.to_numpy(zero_copy_only=False)
    return flags


def _files(pieces: Sequence[Piece]) -> str:
    paths = dict.fromkeys(piece.todo.file.path for piece in pieces)
    first, *others = paths
    return f"{first} (or {len(others)} files read with it)" if others else first
