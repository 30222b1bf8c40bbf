"""The watermark of a lake table, and what a run from it reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from connector.errors import GuardTripped
from connector.extract.files.manifest import WHOLE, Todo, pass_number
from connector.extract.lakes.table import DataFile, Table, another_table
from connector.model import SourceBatch, Watermark

# The part of the watermark that tells how far runs have come.
TABLE = "/table"


@dataclass(frozen=True, slots=True)
class Place:
    """How far runs have come.

    Attributes:
        table, of: the table's id, and the version that had it.
        done: the last version that is finished, None while the first one is read whole.
        start: where the first run started: what this version held is never read; None for the beginning.
        version: the version that is being read, or None.
        path, rows: the file in it that was read last, and how many of its rows are finished.
        number: of the pass, or None.
    """

    table: str
    of: int
    done: int | None = None
    start: int | None = None
    version: int | None = None
    path: str = ""
    rows: int = 0
    number: int | None = None

    def stored(self) -> dict[str, Any]:
        """The part of the watermark."""
        part: dict[str, Any] = {"id": self.table, "of": self.of, "version": self.done}
        if self.start is not None:
            part["start"] = self.start
        if self.version is not None:
            part["at"] = {"version": self.version, "path": self.path, "rows": self.rows}
        if self.number is not None:
            part["pass"] = self.number
        return part

    @staticmethod
    def within(watermark: Watermark) -> Place | None:
        """Read the part of the watermark, if there is one."""
        part = watermark.get(TABLE)
        if part is None:
            return None
        at = part.get("at", {"version": None, "path": "", "rows": 0})
        return Place(
            part["id"],
            part["of"],
            part["version"],
            part.get("start"),
            at["version"],
            at["path"],
            at["rows"],
            part.get("pass"),
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run reads.

    Attributes:
        files: with the first row to read of each, in order.
        begin: where it begins, for what it makes durable before the first row.
        end: how far runs have come behind it.
        number: of the pass, or None.
        fresh: whether `begin` is not durable yet.
    """

    files: Sequence[tuple[DataFile, int]]
    begin: Place
    end: Place
    number: int | None
    fresh: bool

    def placed(self) -> Iterator[tuple[DataFile, int, Place]]:
        """Yield each file, its first row to read, and how far runs have come with none of its rows."""
        begin = self.begin
        done, version = begin.done, begin.version
        for file, start in self.files:
            if file.version != version:
                # Nothing is left of the version before, nor of those between, which have no files to read.
                done, version = done if version is None else version, file.version
            yield (
                file,
                start,
                Place(begin.table, begin.of, done, begin.start, version, file.path, 0, self.number),
            )


@dataclass(frozen=True, slots=True)
class Reading(Todo):
    """A data file to read, which knows where in the table it stands.

    Attributes:
        place: how far runs have come with none of its rows.
        index: of the file among those that are read.
    """

    place: Place = field(default_factory=lambda: Place("", 0))
    index: int = 0

    def part(self, rows: int, cursor: list[str] | None, number: int | None) -> dict[str, Any]:
        """The place in the table once `rows` rows of the file are finished."""
        del cursor, number
        at = self.place
        return {
            "index": self.index,
            "place": replace(at, rows=rows),
        }


# Data files with the first row to read of each, the one not to read any more (None for all), and their places.
Files = Iterable[tuple[DataFile, int, int | None, Place]]


def placed(batch: SourceBatch) -> SourceBatch:
    """Return a batch of several files' rows whose watermark is the table's."""
    position = batch.position
    return replace(batch, position=lambda n: _furthest(position(n)), end=_furthest(batch.end))


def _furthest(parts: Watermark) -> Watermark:
    """Return the watermark of several files' parts: that of the last file."""
    last = max(parts.values(), key=lambda part: part["index"])
    return Watermark({TABLE: last["place"].stored()})


def plan(table: Table, watermark: Watermark, start: str | None) -> Plan:
    """Decide what a run from `watermark` reads; `start` is where a first one starts, None in passes.

    Raises:
        GuardTripped: the table cannot tell what is new, or is another one.
        ConfigError: it cannot be read exactly, or the start is no version.
    """
    place = known(table, watermark)
    if start is None:
        return _pass(table, watermark, place)
    if place is None:
        place = _here(table)
        if start != "beginning":
            after = table.version if start == "now" else table.start(start)
            place = replace(place, done=after, start=after)
        return _incremental(table, place, fresh=True)
    return _incremental(table, place, fresh=False)


def known(table: Table, watermark: Watermark) -> Place | None:
    """Return how far runs have come with this table.

    Raises:
        GuardTripped: the state knows another table.
    """
    place = Place.within(watermark)
    if place is not None and table.id(place.of) != place.table:
        raise another_table(table.name)
    return place


def passed(table: Table, place: Place) -> list[tuple[DataFile, int | None]]:
    """Return the files whose rows runs have passed, and up to which row (None for all)."""
    if place.number is not None or place.done is None:
        return [] if place.version is None else list(_up_to(table, table.files(place.version), place))
    if place.start is None:
        found: list[tuple[DataFile, int | None]] = [(file, None) for file in table.files(place.done)]
    else:
        found = [(file, None) for file in table.added(place.start, place.done)]
    if place.version is not None:
        found += _up_to(table, table.added(place.done, place.version), place)
    return found


def _incremental(table: Table, place: Place, *, fresh: bool) -> Plan:
    if place.done is None:
        version = table.version if place.version is None else place.version
        place = replace(place, version=version)
        rest = table.added(version, table.version) if table.version != version else []
        files = [*_beyond(table, table.files(version), place), *((file, 0) for file in rest)]
    else:
        last = place.done if place.version is None else place.version
        if table.order(last) > table.order(table.version):
            raise _behind(table, last)
        files = list(_beyond(table, table.added(place.done, table.version), place))
    return Plan(files, place, replace(_here(table), done=table.version, start=place.start), None, fresh)


def _here(table: Table) -> Place:
    """The place of a table that no run has read."""
    return Place(table.id(table.version), table.version)


def _pass(table: Table, watermark: Watermark, place: Place | None) -> Plan:
    number, begins = pass_number(watermark)
    version = table.version if begins else watermark[WHOLE].get("version", table.version)
    if begins or place is None or place.number != number:
        place = replace(_here(table), version=version, number=number)
    files = list(_beyond(table, table.files(version), place))
    return Plan(files, place, place, number, begins)


def _beyond(table: Table, files: Sequence[DataFile], place: Place) -> Iterator[tuple[DataFile, int]]:
    """Yield the files that are not finished, with the first row to read."""
    for file, order in _ordered(table, files, place):
        if order > 0:
            yield file, 0
        elif order == 0 and (file.rows is None or place.rows < file.rows):
            yield file, place.rows


def _up_to(table: Table, files: Sequence[DataFile], place: Place) -> Iterator[tuple[DataFile, int | None]]:
    for file, order in _ordered(table, files, place):
        if order < 0:
            yield file, None
        elif order == 0 and place.rows:
            yield file, place.rows


def _ordered(table: Table, files: Sequence[DataFile], place: Place) -> Iterator[tuple[DataFile, int]]:
    """Yield each file and whether it stands before (-1), at (0) or behind (1) the place."""
    if place.version is None:
        yield from ((file, 1) for file in files)
        return
    at = table.order(place.version), place.path
    for file in files:
        here = table.order(file.version), file.path
        yield file, (here > at) - (here < at)


def _behind(table: Table, version: int) -> GuardTripped:
    return GuardTripped(
        f"{table.name} stands at {table.word} {table.version}, and runs have read up to {table.word} {version}",
        hint="an older version is read by mode: full; after a restore from a backup begin anew: connector state reset",
    )
