"""Reading what is new: rows above the watermark and below the horizon, ordered by cursor and key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from connector.errors import DataError
from connector.extract.databases.boundary import Boundary
from connector.extract.databases.horizon import Horizon
from connector.extract.databases.ordered import Scan, mixed, null_key, versions
from connector.extract.databases.reader import Chunk, Column, Raw
from connector.model import SourceBatch, Watermark

_COUNTED = 100_000


@dataclass(frozen=True, slots=True)
class Incremental:
    """One run's read.

    Attributes:
        scan: what is read.
        horizon: how far.
        start: where a first run starts: ``beginning``, ``now`` or a value.
        key: the key columns.
        note: takes sentences for the person who runs it.
    """

    scan: Scan
    horizon: Horizon
    start: str
    key: tuple[Column, ...]
    note: Callable[[str], None]

    def batches(self, part: Mapping[str, Any] | None) -> Iterator[SourceBatch]:
        """Yield everything from the watermark's part on.

        Raises:
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
        conditions, after = self._conditions(), self._after(part)
        if "from" in part:
            conditions.append(self.scan.keyset.compare(">=", _raw(part["from"])))
        for chunk in self.scan.chunks(conditions, after):
            yield self._batch(chunk)

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
        return {"cursor": list(greatest)} if greatest else {}

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
        conditions = [f"{cursor.sql} is not null"] if cursor.nullable else []
        if cursor.finite:
            conditions.append(cursor.finite)
        if self.horizon.raw is not None:
            conditions.append(keyset.compare("<", self.horizon.raw))
        return conditions

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

    def _batch(self, chunk: Chunk) -> SourceBatch:
        def position(n: int) -> Watermark:
            cursor, *rest = self.scan.raws(chunk, n - 1)
            return Watermark(
                {"rows": {"cursor": list(cursor), "key": [list(raw) for raw in rest], **self._constant}}
            )

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
