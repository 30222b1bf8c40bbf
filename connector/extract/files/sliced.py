"""A Parquet dataset filled slice by slice: files, and parts of large ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from connector.extract.backfilling import Asked, Cut, Hold, Sizes, Slice, refuse_files, unsliceable
from connector.extract.backfilling import passed as done
from connector.extract.files.batches import Assembler
from connector.extract.files.checks import resolve
from connector.extract.files.dataset import OpenFiles
from connector.extract.files.footers import Footer
from connector.extract.files.listing import File
from connector.extract.files.manifest import Todo, news, passed, unsent
from connector.model import SourceBatch, Watermark


class FilledFiles(OpenFiles):
    """A dataset's part in a backfill.

    The seam: ``{"by": "files"}``; it lies between the files that the live watermark knows and all others. A slice:
    ``{"files": [{"path", "digest", "start", "stop", "floor", "ceiling", "above", "last"}, …]}``, `last` being the cursor
    above which the live lane reads the file should it be written again. Its watermark has the parts of these files
    that a run's has.
    """

    def cut(self, watermark: Watermark, asked: Asked, sizes: Sizes) -> Cut:
        """Cut at files, and at the row groups of large ones."""
        refuse_files(self._source.mode, asked)
        todo = self._prepare(watermark)
        if not watermark:
            todos, moved = [each for each in todo.todos if _within(asked, each)], self._first(asked)
        elif asked.ranged:
            read = self._footers.read([file for file in self._dataset.files if file.path in watermark])
            todos, moved = [each for each in passed(read, watermark, None) if _within(asked, each)], None
        else:
            todos, moved = self._unread(watermark)
        notes = ("runs have passed these rows already: they are sent again, under the same eventIds",)
        pieces = [(each, *span) for each in todos for span in _spans(each, sizes.of(_rows(todos)))]
        if not pieces:
            raise unsliceable(
                "there is no row in that range", "look at --from and --to: they are paths of files"
            )
        known = moved if moved is not None else watermark
        slices = [_slice(part, known) for part in _gathered(pieces, sizes.of(_rows(todos)))]
        return Cut({"by": "files"}, slices, moved, notes if watermark and asked.ranged else ())

    def read_slice(
        self,
        columns: tuple[str, ...],
        place: tuple[Mapping[str, Any], Mapping[str, Any]],
        watermark: Watermark,
        hold: Hold,
    ) -> Iterator[SourceBatch]:
        """Yield the rows of a slice; a file that is gone or was written again is left to the live lane."""
        del hold  # what is new is in other files, and where that matters the live lane waits
        _, bounds = place
        wanted = {each["path"]: each for each in bounds["files"]}
        found = self._footers.read([file for file in self._dataset.files if file.path in wanted])
        shape = self._shape(columns, resolve(self._source, self._fixed(), self._sql), None)
        shape = replace(
            shape, start=None
        )  # where a first run starts says nothing about what a person wants filled
        todos = [
            todo
            for file, footer in found
            if (todo := _todo(file, footer, wanted[file.path], watermark.get(file.path) or {})) is not None
        ]
        for path in wanted.keys() - {todo.file.path for todo in todos}:
            self._left.leave_path(path)
        assembler = Assembler(shape, self._sql)
        for pieces in self._pieces(shape, todos):
            self._check_cancelled()
            batch = assembler.batch(pieces)
            self._null_cursors = assembler.null_cursors
            del pieces[:]
            yield batch

    def _unread(self, watermark: Watermark) -> tuple[list[Todo], Watermark]:
        """The files that `start: now` has left unread, and their parts of the live watermark once they count as read."""
        parts = {
            path: part for path, part in watermark.items() if isinstance(part, dict) and part.get("unsent")
        }
        found = self._footers.read([file for file in self._dataset.files if file.path in parts])
        todos = [Todo(file, footer) for file, footer in found if footer.digest == parts[file.path]["digest"]]
        if not todos:
            raise done()
        read = {path: {**part, "unsent": False} for path, part in parts.items()}
        return todos, Watermark(read)

    def _first(self, asked: Asked) -> Watermark:
        """The live watermark of a new sync: it has read every file below the end; what lies below the beginning is left out."""
        todo = self._prepare(Watermark({}))
        shape = self._shape((), resolve(self._source, self._fixed(), self._sql), None)
        ours = [each for each in todo.todos if _within(asked, each)]
        before = [each for each in todo.todos if asked.low is not None and each.file.path < asked.low]
        parts: dict[str, object] = {**news(todo, Watermark({}), self._own())}
        parts |= self._read_through(ours, replace(shape, start=None))
        return Watermark({**parts, **unsent(self._read_through(before, shape))})


def _within(asked: Asked, todo: Todo) -> bool:
    path = todo.file.path
    return (asked.low is None or path >= asked.low) and (asked.high is None or path < asked.high)


def _rows(todos: Sequence[Todo]) -> int:
    return sum(todo.end - todo.start for todo in todos)


def _spans(todo: Todo, size: int) -> Iterator[tuple[int, int]]:
    """Yield the rows of a file in parts of at most `size`: whole row groups where these are no larger."""
    first = 0
    start = todo.start
    for rows in todo.footer.groups or (todo.footer.rows,):
        last = min(first + rows, todo.end)
        while last - start > size:  # a large group is read more than once, from its beginning
            parts = -(-(last - start) // size)
            step = -(-(last - start) // parts)
            yield start, start + step
            start += step
        if last > start:
            yield start, last
            start = last
        first += rows


def _gathered(pieces: Sequence[tuple[Todo, int, int]], size: int) -> Iterator[list[tuple[Todo, int, int]]]:
    """Yield pieces as slices of about `size` rows."""
    held: list[tuple[Todo, int, int]] = []
    rows = 0
    for todo, start, stop in pieces:
        # Whichever comes nearer to the size: with the piece or without it.
        if held and rows + (stop - start) - size > size - rows:
            yield held
            held, rows = [], 0
        follows = held and held[-1][0] is todo and held[-1][2] == start
        held.append((todo, held.pop()[1] if follows else start, stop))
        rows += stop - start
        if rows >= size:
            yield held
            held, rows = [], 0
    if held:
        yield held


def _slice(pieces: Sequence[tuple[Todo, int, int]], known: Watermark) -> Slice:
    files = []
    for todo, start, stop in pieces:
        last = (known.get(todo.file.path) or {}).get("cursor")
        optional = {"floor": todo.floor, "ceiling": todo.ceiling, "above": todo.above, "last": last}
        given = {name: value for name, value in optional.items() if value is not None}
        place = {"path": todo.file.path, "digest": todo.footer.digest, "start": start, "stop": stop}
        files.append({**place, **given})
    return Slice({"files": files}, sum(stop - start for _, start, stop in pieces))


def _todo(file: File, footer: Footer, wanted: Mapping[str, Any], part: Mapping[str, Any]) -> Todo | None:
    """Return what is to be read of a file; None where it was written again and all of that is the live lane's."""
    same = footer.digest == wanted["digest"]
    begun = int(part["rows"]) if part.get("digest") == footer.digest else 0
    if not same and (wanted["start"] or "last" not in wanted):
        return None
    return Todo(
        file,
        footer,
        start=max(int(wanted["start"]), begun),
        floor=wanted.get("floor"),
        cursor=part.get("cursor") if begun else None,
        stop=int(wanted["stop"]) if same else None,
        ceiling=wanted.get("ceiling") if same else wanted["last"],
        above=wanted.get("above"),
    )
