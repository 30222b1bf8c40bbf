"""A lake table filled slice by slice: data files of one version, or of several, which never change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from connector.extract.backfilling import Asked, Cut, Hold, Sizes, Slice, passed, refuse_files, unsliceable
from connector.extract.files.batches import Shape
from connector.extract.lakes.progress import TABLE, Files, Place, known, placed
from connector.extract.lakes.table import NOTHING, DataFile, Table
from connector.model import SourceBatch, Watermark


class FilledLake:
    """A lake table's part in a backfill.

    The seam: ``{"version"}``, up to which the table is filled; the live lane reads what later ones add. A slice:
    ``{"after", "files": [[version, path], …]}``, its files being among those that versions (after, seam] have added, or
    with `after` null among all of the seam's. Its watermark is a run's, ``/table``.
    """

    _table: Table
    _source: Any
    _shape: Callable[[tuple[str, ...], int | None], Shape]
    _batches: Callable[[Shape, Files], Iterator[SourceBatch]]

    def cut(self, watermark: Watermark, asked: Asked, sizes: Sizes) -> Cut:
        """Cut at data files."""
        refuse_files(self._source.mode, asked)
        place = known(self._table, watermark)
        after, version, moved = self._range(place, asked)
        files = _among(self._table, after, version)
        if not files:
            raise unsliceable("no file is in that range", "look at --from and --to: they are versions")
        again = place is not None and asked.ranged
        notes = (
            ("runs have passed these rows already: they are sent again, under the same eventIds",)
            if again
            else ()
        )
        slices = [_slice(after, part) for part in _gathered(files, sizes)]
        return Cut({"version": version}, slices, moved, notes)

    def _range(self, place: Place | None, asked: Asked) -> tuple[int | None, int, Watermark | None]:
        """Return the versions (after, version] to fill, and where the live lane goes on from, where that changes."""
        table = self._table
        version = table.version if asked.high is None else table.start(asked.high)
        after = None if asked.low is None else table.start(asked.low)
        if place is None:
            if version == NOTHING:
                raise unsliceable("no version is below --to", "leave it out")
            live = Place(table.id(version), version, done=version, start=after)
            return after, version, Watermark({TABLE: live.stored()})
        if place.done is None:
            raise unsliceable("its first run has not read the table yet", "let it end: connector run")
        if asked.ranged:
            return after, min(version, place.done, key=table.order), None
        if place.start is None or place.start == NOTHING:
            raise passed()
        return None, place.start, Watermark({TABLE: replace(place, start=None).stored()})

    def read_slice(
        self,
        columns: tuple[str, ...],
        place: tuple[Mapping[str, Any], Mapping[str, Any]],
        watermark: Watermark,
        hold: Hold,
    ) -> Iterator[SourceBatch]:
        """Yield the rows of a slice's files."""
        del hold  # what is new is in other files, and where that matters the live lane waits
        seam, bounds = place
        at = Place.within(watermark)
        wanted = {(int(version), str(path)) for version, path in bounds["files"]}
        files = [
            file
            for file in _among(self._table, bounds["after"], seam["version"])
            if (file.version, file.path) in wanted
        ]
        for batch in self._batches(self._shape(columns, None), list(_left(self._table, files, at))):
            yield placed(batch)


def _among(table: Table, after: int | None, version: int) -> list[DataFile]:
    return table.files(version) if after is None else table.added(after, version)


def _left(
    table: Table, files: Sequence[DataFile], at: Place | None
) -> Iterator[tuple[DataFile, int, int | None, Place]]:
    """Yield the files of a slice from its watermark on: each with its first row to read, and its place."""
    done = at is not None
    for file in files:
        here = Place(table.id(file.version), file.version, version=file.version, path=file.path)
        if done and at is not None and (file.version, file.path) == (at.version, at.path):
            done = False
            yield file, at.rows, None, here
        elif not done:
            yield file, 0, None, here


def _gathered(files: Sequence[DataFile], sizes: Sizes) -> Iterator[list[DataFile]]:
    """Yield files as slices of about as many rows; where the table does not tell, each counts as one."""
    rows = [1 if file.rows is None else file.rows for file in files]
    size = sizes.of(sum(rows))
    held: list[DataFile] = []
    count = 0
    for file, more in zip(files, rows, strict=True):
        # Whichever comes nearer to the size: with the file or without it.
        if held and count + more - size > size - count:
            yield held
            held, count = [], 0
        held.append(file)
        count += more
    if held:
        yield held


def _slice(after: int | None, files: Sequence[DataFile]) -> Slice:
    bounds = {"after": after, "files": [[file.version, file.path] for file in files]}
    return Slice(bounds, sum(file.rows or 0 for file in files))
