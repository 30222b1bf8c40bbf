"""Reading what is new: rows above the watermark and below the horizon, ordered by cursor and key."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from connector.extract.backfilling import Beside
from connector.extract.databases.again import since, unmoving
from connector.extract.databases.boundary import Boundary
from connector.extract.databases.future import Future, remembered
from connector.extract.databases.horizon import Horizon
from connector.extract.databases.lookback import bound
from connector.extract.databases.ordered import Scan, mixed, null_key, versions
from connector.extract.databases.reader import Chunk, Column, Raw
from connector.model import EMPTY_WATERMARK, SourceBatch, Watermark

_COUNTED = 100_000
# Where the first run started, for as long as the watermark lives: from a value on, or above one.
_START = ("from", "above")


@dataclass(frozen=True, slots=True)
class Incremental:
    """One run's read.

    Attributes:
        scan: what is read.
        horizon: how far.
        start: where a first run starts: ``beginning``, ``now`` or a value.
        key: the key columns.
        lookback: how far below the watermark rows are read again.
        note: takes sentences for the person who runs it.
        within: conditions that a backfill makes for what it leaves to this read.
        held: whether rows may be on their way in an older version.
    """

    scan: Scan
    horizon: Horizon
    start: str
    key: tuple[Column, ...]
    lookback: dt.timedelta
    note: Callable[[str], None]
    within: tuple[str, ...] = ()
    held: bool = False

    def beside(self, backfill: Beside | None, settled: Raw | None) -> Incremental:
        """Return the read of what a backfill leaves: above the seam, and below what is on its way (invariant 10).

        Args:
            backfill: as asked about after the horizon was known.
            settled: where there is no horizon, the value below which nothing could come any more before it was asked
                about.
        """
        if backfill is None:
            return self
        keyset = self.scan.keyset
        within = (
            keyset.after([_raw(value) for value in backfill.seam["at"]]),
            *(keyset.compare("<", _raw(value)) for value in backfill.holding),
            *([keyset.compare("<", settled)] if settled is not None else []),
        )
        return replace(self, within=within, held=backfill.ordered)

    def batches(
        self, part: Mapping[str, Any] | None, future: Mapping[str, Any] | None = None
    ) -> Iterator[SourceBatch]:
        """Yield what is to be read again, then everything from the watermark's part on, then what lies in the future.

        Args:
            part: how far runs have come.
            future: the rows of the future that runs have delivered.

        Raises:
            ConfigError: the watermark is no time that `lookback` could be subtracted from.
            DataError: a key is null or not unique.
        """
        extremes = self._extremes()
        yield from self._bounded(extremes).bounded_batches(part, future, extremes)

    def bounded(self) -> Incremental:
        """Return the read with a horizon that is written as the source writes its stamps."""
        return self._bounded(self._extremes())

    def _bounded(self, extremes: Sequence[Raw | None]) -> Incremental:
        return replace(self, horizon=self.horizon.in_form_of(extremes[-1] if extremes else None))

    def bounded_batches(
        self,
        part: Mapping[str, Any] | None,
        future: Mapping[str, Any] | None,
        extremes: Sequence[Raw | None],
    ) -> Iterator[SourceBatch]:
        """Yield `batches`, with a horizon that is known."""
        if part is None and self.start != "beginning":
            part = self._first()
            # Where the first run starts must not move, also if it finds nothing.
            yield self.scan.empty(Watermark({"rows": part}))
        part = part or {}
        self._refuse_mixed(part, extremes)
        self._count(part)
        if self.horizon.held:
            return
        found = False
        for batch in self._keyed(part, future) if self.scan.key else self._unkeyed(part):
            found |= batch.end != EMPTY_WATERMARK
            yield batch
        if not found:
            self._warn_of_gone(part)

    def _unkeyed(self, part: Mapping[str, Any]) -> Iterator[SourceBatch]:
        self._count_future()
        yield from Boundary(self.scan, part, self._constant).batches(self._conditions())

    def _keyed(self, part: Mapping[str, Any], future: Mapping[str, Any] | None) -> Iterator[SourceBatch]:
        self._warn_of_frozen(part)
        yield from self._again(part)
        ahead = remembered(self.scan, future)
        start = {name: part[name] for name in _START if name in part}
        after = self._after(part)
        since_start = [] if after else since(self.scan.keyset, start)
        for chunk in self.scan.chunks([*self._conditions(), *since_start], after):
            yield self._batch(chunk, start, ahead.unsent(chunk))
        if self.held:
            return  # an earlier version of what lies in the future may be on its way
        readable = [*self._readable(self.scan.keyset.order[0]), *since_start]
        yield from Future(ahead, self.horizon, self.note).batches(readable, after)

    def _again(self, part: Mapping[str, Any]) -> Iterator[SourceBatch]:
        """Rows up to the watermark, from so far below it: some may have been committed since, or have changed."""
        conditions = self.below(part)
        for chunk in self.scan.chunks(conditions) if conditions else ():
            yield unmoving(self.scan, chunk, versions(chunk.raw[0]))

    def below(self, part: Mapping[str, Any]) -> list[str]:
        """Conditions for the rows up to the watermark that are read again; empty where none is."""
        after, cursor = self._after(part), self.scan.keyset.order[0]
        if not (self.lookback and after):
            return []
        low = bound(after[0], self.lookback, cursor)
        return [
            *self._readable(cursor),
            *since(self.scan.keyset, part),
            self.scan.keyset.compare(">=", low),
            self.scan.keyset.compare("<=", after[0]),  # ends the range of an index
            self.scan.keyset.through(after),
            *self.within,
        ]

    def conditions(self, part: Mapping[str, Any]) -> list[str]:
        """What a read from `part` asks for, as conditions: to estimate it."""
        after = self._after(part)
        return [*self._conditions(), self.scan.keyset.after(after)] if after else self._conditions()

    def _first(self) -> dict[str, Any]:
        reader, keyset = self.scan.reader, self.scan.keyset
        cursor = keyset.order[0]
        if self.start != "now":
            return {
                "from": list(reader.configured(cursor, self.start, keyset.extreme("min", cursor))),
                **self._constant,
            }
        if self.horizon.raw is not None:
            return {"from": list(self.horizon.raw), **self._constant}
        upto = [keyset.compare("<=", self.horizon.upto)] if self.horizon.upto is not None else []
        greatest = reader.greatest(cursor, keyset.extreme("max", cursor, upto))
        return {"cursor": list(greatest), "above": list(greatest)} if greatest else {}

    @property
    def _constant(self) -> dict[str, Any]:
        kept = self.horizon.kept and self.horizon.raw is not None
        return {"horizon": list(self.horizon.raw or ())} if kept else {}

    def _after(self, part: Mapping[str, Any]) -> tuple[Raw, ...]:
        if not part.get("cursor"):
            return ()
        raws = (_raw(part["cursor"]), *map(_raw, part.get("key", ())))
        return raws[: len(self.scan.keyset.order)]

    def _conditions(self) -> list[str]:
        cursor, keyset = self.scan.keyset.order[0], self.scan.keyset
        conditions = [*self._readable(cursor), *self.within]
        if self.horizon.raw is not None:
            conditions.append(keyset.compare("<", self.horizon.raw))
        elif self.horizon.upto is not None:
            conditions.append(keyset.compare("<=", self.horizon.upto))
        return conditions

    def _readable(self, cursor: Column) -> list[str]:
        known = [f"{cursor.sql} is not null"] if cursor.nullable else []
        return [*known, cursor.finite] if cursor.finite else known

    def _extremes(self) -> Sequence[Raw | None]:
        """Where types are ordered one after the other, the least and the greatest value have all there are."""
        reader, keyset = self.scan.reader, self.scan.keyset
        if not reader.traits.mixed:
            return ()
        cursor = keyset.order[0]
        return [reader.greatest(cursor, keyset.extreme(which, cursor)) for which in ("min", "max")]

    def _refuse_mixed(self, part: Mapping[str, Any], extremes: Sequence[Raw | None]) -> None:
        if not extremes:
            return
        kinds = {raw[0] for raw in (*extremes, part.get("cursor"), part.get("from")) if raw}
        if len(kinds) > 1:
            raise mixed(self.scan.keyset.order[0].name, kinds)

    def _count(self, part: Mapping[str, Any]) -> None:
        cursor, keyset = self.scan.keyset.order[0], self.scan.keyset
        self._count_unread(cursor)
        for column in self.key:
            if not column.nullable or column.name == cursor.name:
                continue
            after = self._after(part)
            above = [keyset.compare(">=", after[0])] if after else []
            if count := keyset.count([f"{column.sql} is null", *above, *self._conditions()], _COUNTED):
                raise null_key(column.name, count)

    def _count_unread(self, cursor: Column) -> None:
        keyset = self.scan.keyset
        unfit = [f"{cursor.sql} is null"] if cursor.nullable else []
        unfit += [cursor.infinite] if cursor.infinite else []
        if unfit and (count := keyset.count([" or ".join(unfit)], _COUNTED)):
            self.note(
                f"{_counted(count)} rows were not read: their cursor {cursor.name!r} is null or infinite."
            )

    def _warn_of_frozen(self, part: Mapping[str, Any]) -> None:
        """A watermark that a row of the future has moved, before such rows were kept from it."""
        reader, beyond = self.scan.reader, self.horizon.beyond
        if self.horizon.raw is not None or beyond is None or not part.get("cursor"):
            return
        if self.scan.keyset.count([f"{reader.literal(_raw(part['cursor']))} > {reader.literal(beyond)}"], 0):
            self.note(
                "The watermark itself lies in the future, so rows stamped before it are not read. Set it back to where"
                " reading should go on (connector state set)."
            )

    def _warn_of_gone(self, part: Mapping[str, Any]) -> None:
        """Where nothing is new, the row that the watermark was made of should still be there."""
        raw = part.get("at") or part.get("cursor")
        if raw and not self.scan.keyset.count([self.scan.keyset.compare(">=", _raw(raw))], 0):
            self.note(
                "No row has a cursor as high as the watermark's: rows were deleted, or the source was restored from a"
                " backup. Rows that it gets now are read only if they lie above the watermark."
            )

    def _count_future(self) -> None:
        """Without a key nothing would tell which of them were delivered."""
        keyset = self.scan.keyset
        cursor = keyset.order[0]
        if self.horizon.beyond is not None:
            above = [keyset.compare(">", self.horizon.beyond), *([cursor.finite] if cursor.finite else [])]
            if count := keyset.count(above, _COUNTED):
                self.note(
                    f"{_counted(count)} rows were not read yet: their cursor {cursor.name!r} lies in the future by more"
                    " than source.future. With source.key they would be delivered at once."
                )

    def _batch(self, chunk: Chunk, start: Mapping[str, Any], places: list[int] | None) -> SourceBatch:
        """The rows at `places`, or all; the place after the last one is that after the chunk."""

        def place(n: int) -> Watermark:
            cursor, *rest = self.scan.raws(chunk, n - 1)
            found = {"cursor": list(cursor), "key": [list(raw) for raw in rest]}
            return Watermark({"rows": {**found, **start, **self._constant}})

        rows, version = chunk.rows, versions(chunk.raw[0])
        if places is not None:
            taken = pa.array(places, pa.int64())
            rows, version = rows.take(taken), version.take(taken)
        return SourceBatch(
            rows=rows,
            position=place if places is None else lambda n: place(places[n - 1] + 1),
            version=version,
            end=place(chunk.rows.num_rows),
            key=self.scan.key,
            warnings=chunk.warnings,
        )


def _raw(value: Any) -> Raw:
    kind, text = value
    return str(kind), str(text)


def _counted(count: int) -> str:
    return f"More than {_COUNTED}" if count > _COUNTED else str(count)
