"""Reading what is new: rows above the watermark and below the horizon, ordered by cursor and key."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from connector.errors import DataError
from connector.extract.databases.again import since, unmoving
from connector.extract.databases.boundary import Boundary
from connector.extract.databases.horizon import Horizon
from connector.extract.databases.lookback import bound
from connector.extract.databases.ordered import Scan, mixed, null_key, versions
from connector.extract.databases.reader import Chunk, Column, Raw
from connector.model import SourceBatch, Watermark

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
    """

    scan: Scan
    horizon: Horizon
    start: str
    key: tuple[Column, ...]
    lookback: dt.timedelta
    note: Callable[[str], None]

    def batches(self, part: Mapping[str, Any] | None) -> Iterator[SourceBatch]:
        """Yield what is to be read again, then everything from the watermark's part on.

        Raises:
            ConfigError: the watermark is no time that `lookback` could be subtracted from.
            DataError: a key is null or not unique.
        """
        if part is None and self.start != "beginning":
            part = self._first()
            # Where the first run starts must not move, also if it finds nothing.
            yield self._empty(part)
        part = part or {}
        self._refuse_mixed(part)
        self._count(part)
        if self.horizon.held:
            return
        if not self.scan.key:
            yield from Boundary(self.scan, part, self._constant).batches(self._conditions())
            return
        yield from self._again(part)
        start = {name: part[name] for name in _START if name in part}
        conditions, after = self._conditions(), self._after(part)
        if not after:
            conditions += since(self.scan.keyset, start)
        for chunk in self.scan.chunks(conditions, after):
            yield self._batch(chunk, start)

    def _again(self, part: Mapping[str, Any]) -> Iterator[SourceBatch]:
        """Rows up to the watermark, from so far below it: some may have been committed since, or have changed."""
        after, cursor = self._after(part), self.scan.keyset.order[0]
        if not (self.lookback and after):
            return
        low = bound(after[0], self.lookback, cursor)
        conditions = [
            *self._readable(cursor),
            *since(self.scan.keyset, part),
            self.scan.keyset.compare(">=", low),
            self.scan.keyset.compare("<=", after[0]),  # ends the range of an index
            self.scan.keyset.through(after),
        ]
        for chunk in self.scan.chunks(conditions):
            yield unmoving(self.scan, chunk, versions(chunk.raw[0]))

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
        greatest = reader.greatest(cursor, keyset.extreme("max", cursor))
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
        conditions = self._readable(cursor)
        if self.horizon.raw is not None:
            conditions.append(keyset.compare("<", self.horizon.raw))
        return conditions

    def _readable(self, cursor: Column) -> list[str]:
        known = [f"{cursor.sql} is not null"] if cursor.nullable else []
        return [*known, cursor.finite] if cursor.finite else known

    def _refuse_mixed(self, part: Mapping[str, Any]) -> None:
        """Where types are ordered one after the other, the least and the greatest value have all there are."""
        reader, keyset = self.scan.reader, self.scan.keyset
        if not reader.traits.mixed:
            return
        cursor = keyset.order[0]
        found = [reader.greatest(cursor, keyset.extreme(which, cursor)) for which in ("min", "max")]
        kinds = {raw[0] for raw in (*found, part.get("cursor"), part.get("from")) if raw}
        if len(kinds) > 1:
            raise mixed(cursor.name, kinds)

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
        if self.horizon.beyond is not None:
            above = [keyset.compare(">", self.horizon.beyond), *([cursor.finite] if cursor.finite else [])]
            if count := keyset.count(above, _COUNTED):
                self.note(
                    f"{_counted(count)} rows were not read yet: their cursor {cursor.name!r} lies in the future by more"
                    " than source.future."
                )

    def _batch(self, chunk: Chunk, start: Mapping[str, Any]) -> SourceBatch:
        def position(n: int) -> Watermark:
            cursor, *rest = self.scan.raws(chunk, n - 1)
            place = {"cursor": list(cursor), "key": [list(raw) for raw in rest]}
            return Watermark({"rows": {**place, **start, **self._constant}})

        return SourceBatch(
            rows=chunk.rows,
            position=position,
            version=versions(chunk.raw[0]),
            end=position(chunk.rows.num_rows),
            key=self.scan.key,
            warnings=chunk.warnings,
        )

    def _empty(self, part: dict[str, Any]) -> SourceBatch:
        end = Watermark({"rows": part})
        return empty_batch(self.scan.fields, end, self.scan.key)


def empty_batch(fields: list[Any], end: Watermark, key: tuple[str, ...]) -> SourceBatch:
    """A batch without rows, to make a place durable."""
    schema = pa.schema(fields)
    rows = pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema)

    def position(_: int) -> Watermark:
        raise DataError("A batch without rows has no place in it.")

    return SourceBatch(rows=rows, position=position, version="", end=end, key=key)


def _raw(value: Any) -> Raw:
    kind, text = value
    return str(kind), str(text)


def _counted(count: int) -> str:
    return f"More than {_COUNTED}" if count > _COUNTED else str(count)
