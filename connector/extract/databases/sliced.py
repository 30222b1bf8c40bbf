"""A database filled slice by slice: where it meets the live lane, how it is cut, and the rows of one slice."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa

from connector.errors import SourceError
from connector.extract.backfilling import Asked, Cut, Hold, Sizes, unsliceable
from connector.extract.databases.connected import Connected
from connector.extract.databases.horizon import Horizon, stamp
from connector.extract.databases.ordered import Scan, mixed, versions
from connector.extract.databases.paging import paging
from connector.extract.databases.reader import Chunk, Column, Raw
from connector.extract.databases.slicing import Slicing
from connector.extract.databases.times import written
from connector.model import SourceBatch, Watermark

# The part of a slice's watermark.
_PLACE = "slice"


class Backfilled(Connected):
    """A database's part in a backfill.

    The seam: ``{"at": [[type, text], …], "low": raw or null, "high": raw or null, "by": "cursor" or "key"}``: rows up to
    the place `at`, of these the ones from `low` on and below `high` in the first column that slices are ranges of.
    A slice: ``{"after": [raw, …] or null, "upto": [raw, …] or null}``. Its watermark: ``{"slice": {"at": [raw, …]}}``.
    """

    def cut(self, watermark: Watermark, asked: Asked, sizes: Sizes) -> Cut:
        """Cut by the source's own order, into slices of as many rows each."""
        shape = self._known
        if self._source.mode != "incremental" or shape.cursor is None:
            raise unsliceable(
                f"mode {self._source.mode} reads everything in each run",
                "give it a cursor (mode: incremental)",
                "source.mode",
            )
        if not shape.key:
            raise unsliceable("slices are cut at the key, and it has none", "set source.key", "source.key")
        self._refuse_mixed(shape.cursor)
        horizon = self._horizon(None)
        if horizon.held:
            raise SourceError(
                "prepared transactions wait to be committed: nothing says up to where rows are settled",
                hint="commit or roll them back (pg_prepared_xacts), and try again",
            )
        reading = self._incremental(self._scan(()), horizon).bounded()
        slicing = Slicing(self._slices(asked.by, ()), reading, self._reader)
        return slicing.cut(self._part(watermark), asked, sizes)

    def read_slice(
        self,
        columns: tuple[str, ...],
        place: tuple[Mapping[str, Any], Mapping[str, Any]],
        watermark: Watermark,
        hold: Hold,
    ) -> Iterator[SourceBatch]:
        """Yield the rows of one slice, page by page where an index gives their order."""
        seam, bounds = place

        def look() -> None:
            hold(list(self._settled() or raws(seam["at"])[0]))

        scan = replace(self._slices(seam["by"], columns), before=look)
        reading = self._incremental(self._scan(()), Horizon(None))
        conditions = Slicing(scan, reading, self._reader).conditions(seam, bounds)
        after = raws((watermark.get(_PLACE) or {}).get("at") or bounds.get("after") or ())
        self._reading = self._guarded(self._stoppable(self._rows(scan, conditions, after)))
        return self._reading

    def _rows(self, scan: Scan, conditions: list[str], after: tuple[Raw, ...]) -> Iterator[SourceBatch]:
        cursor = self._known.cursor
        place = [*scan.keyset.order, *scan.extra].index(cursor) if cursor else 0
        for chunk in scan.chunks(conditions, after):
            yield _batch(scan, chunk, versions(chunk.raw[place]))

    def _slices(self, by: str, columns: tuple[str, ...]) -> Scan:
        """The scan in the order of which slices are ranges, with the cursor's values beside where they are not part of it."""
        scan, shape = self._scan(columns), self._known
        if by == "cursor" or shape.cursor is None:
            return scan
        paged, _ = paging(self._reader, self._relation, shape, shape.key)
        extra = () if shape.cursor in shape.key else (shape.cursor,)
        keyset = replace(scan.keyset, order=shape.key)
        return replace(scan, keyset=keyset, paged=paged, extra=extra)

    def _settled(self) -> Raw | None:
        """Return a cursor value below which every row that will ever be there can be seen now; None if none is known."""
        cursor = self._known.cursor
        assert cursor is not None  # noqa: S101 - asked by `cut`
        horizon = self._horizon(None)
        if horizon.raw is not None or horizon.held:
            return horizon.raw
        # Nothing is settled by a clock: what is stored tells, but for stamps that lie in the future.
        keyset = self._scan(()).keyset
        finite = [cursor.finite] if cursor.finite else []
        greatest = self._reader.greatest(cursor, keyset.extreme("max", cursor, finite))
        now = self._now(cursor, greatest)
        if greatest is None or now is None:
            return greatest
        return self._reader.greatest(
            cursor, keyset.extreme("max", cursor, [*finite, keyset.compare("<=", now)])
        )

    def _now(self, cursor: Column, greatest: Raw | None) -> Raw | None:
        """Return the clock's time as the source writes its stamps; None for a cursor that is no time."""
        clock: dt.datetime = self._reader.clock()
        if not self._reader.traits.mixed:
            return stamp(clock, cursor, self._source.timezone) if cursor.is_time else None
        if greatest is None or greatest[0] in {"integer", "blob"} or (found := written(greatest[1])) is None:
            return None
        return greatest[0], found.at(clock, self._source.timezone)

    def _refuse_mixed(self, cursor: Column) -> None:
        if self._reader.traits.mixed:
            keyset = self._scan(()).keyset
            ends = [self._reader.greatest(cursor, keyset.extreme(which, cursor)) for which in ("min", "max")]
            if len(kinds := {raw[0] for raw in ends if raw}) > 1:
                raise mixed(cursor.name, kinds)


def raws(values: Any) -> tuple[Raw, ...]:
    """Return values of the source as JSON has kept them."""
    return tuple((str(kind), str(text)) for kind, text in values)


def _batch(scan: Scan, chunk: Chunk, version: pa.Array) -> SourceBatch:
    def position(n: int) -> Watermark:
        return Watermark({_PLACE: {"at": [list(raw) for raw in scan.raws(chunk, n - 1)]}})

    return SourceBatch(
        rows=chunk.rows,
        position=position,
        version=version,
        end=position(chunk.rows.num_rows),
        key=scan.key,
        warnings=chunk.warnings,
    )
