"""Rows read again by their key, of those that a run has already passed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.extract.databases.boundary import Boundary
from connector.extract.databases.future import remembered, taken
from connector.extract.databases.keyset import Keyset
from connector.extract.databases.ordered import Scan, versions
from connector.extract.databases.reader import Chunk, Column, Raw
from connector.extract.sought import Sought, sought, texts
from connector.model import EMPTY_WATERMARK, SourceBatch

# Keys in one statement.
_KEYS = 500


@dataclass(frozen=True, slots=True)
class Again:
    """One read by keys.

    Attributes:
        scan: what is read, in one statement a group of keys.
        key: the key columns, with the types in which rows leave.
        part: how far reading has come; None for rows wherever they stand.
        timezone: of timestamps that name no zone.
        future: the rows that were delivered ahead of their time; runs have passed those, too.
    """

    scan: Scan
    key: tuple[Column, ...]
    part: Mapping[str, Any] | None
    timezone: str
    future: Mapping[str, Any] | None = None

    def batches(self, keys: Sequence[str]) -> Iterator[SourceBatch]:
        """Yield the rows with one of `keys` that runs have passed."""
        for group in sought(keys, [column.field for column in self.key], self.timezone, _KEYS):
            if condition := self._condition(group):
                for chunk in self._known([condition]):
                    yield from group.of(self._batch(chunk))

    def passed(self, conditions: Sequence[str]) -> Iterator[SourceBatch]:
        """Yield all rows that runs have passed and that meet `conditions`."""
        chunks = self._known(conditions) if self.scan.key else self._sent(conditions)
        yield from map(self._batch, chunks)

    def _known(self, conditions: Sequence[str]) -> Iterator[Chunk]:
        """What stands at or below the watermark, then what was delivered ahead of its time and is as it was."""
        passed = self.condition()
        if passed is not None:
            yield from self.scan.chunks([*passed, *conditions])
        yield from self.early(conditions)

    def early(self, conditions: Sequence[str] = ()) -> Iterator[Chunk]:
        """Yield the rows above the watermark that were delivered ahead of their time, and are as they were."""
        early = remembered(self.scan, self.future)
        for stamped in early.conditions():
            for chunk in self.scan.chunks([*self._ahead(), stamped, *conditions]):
                if places := early.places(chunk):
                    yield taken(chunk, places)

    def _sent(self, conditions: Sequence[str]) -> Iterator[Chunk]:
        """Without a key a pass has no place within: it has passed all rows at its end, and before that none."""
        part = self.part or {}
        if part and "pass" not in part:
            yield from Boundary(self.scan, part, {}).sent([*conditions, *since(self.scan.keyset, part)])
        elif part.get("done"):
            yield from self.scan.chunks(conditions)

    def early_versions(self) -> Iterator[int]:
        """Yield the versions of these rows as numbers.

        Raises:
            ValueError: the cursor is neither a whole number nor a time.
        """
        kind = self.scan.keyset.order[0].type
        for chunk in self.early():
            found = versions(chunk.raw[0])
            if pa.types.is_timestamp(kind) and pa.types.is_string(chunk.raw[0].type):
                found = pc.utf8_rtrim(found, "Z").cast(pa.timestamp(kind.unit))
            yield from found.cast(pa.int64()).to_pylist()

    def ahead(self) -> Iterator[SourceBatch]:
        """Yield all rows that no run has passed, and that can be read some day."""
        early = remembered(self.scan, self.future)
        for chunk in self.scan.chunks(self._ahead()):
            known = set(early.places(chunk))
            places = [place for place in range(chunk.rows.num_rows) if place not in known] if known else []
            if places or not known:
                yield self._batch(taken(chunk, places) if known else chunk)

    def _ahead(self) -> list[str]:
        """Conditions for the rows that do not stand at or below the watermark."""
        cursor = self.scan.keyset.order[0]
        ahead = [f"{cursor.sql} is not null", *([cursor.finite] if cursor.finite else [])]
        bounds = since(self.scan.keyset, self.part or {})
        if (passed := self.condition()) is not None:
            rest = [each for each in passed if each not in bounds]
            ahead.append(f"not ({' and '.join(f'({each})' for each in rest)})")
        return [*ahead, *bounds]

    def condition(self) -> list[str] | None:
        """Conditions for rows that were read before, None where none was."""
        cursor = self.scan.keyset.order[0]
        if self.part is None:
            return [f"{cursor.sql} is not null", *([cursor.finite] if cursor.finite else [])]
        raws = tuple(
            _raw(value) for value in (self.part.get("cursor"), *(self.part.get("key") or ())) if value
        )
        raws = raws[: len(self.scan.keyset.order)]
        if "pass" in self.part:
            # What was added behind the end of a pass will be met by the next one, under its number.
            return [self.scan.keyset.through(raws)] if raws else None
        if not self.part.get("cursor"):
            return None
        finite = [cursor.finite] if cursor.finite else []
        return [self.scan.keyset.through(raws), *finite, *since(self.scan.keyset, self.part)]

    def reached(self) -> list[str]:
        """Conditions for rows up to where runs have come; without a key with all rows of the last value."""
        cursor, part = self.scan.keyset.order[0], self.part or {}
        at = part.get("at")
        if not at:
            return self.condition() or ["1 = 0"]
        finite = [cursor.finite] if cursor.finite else []
        return [self.scan.keyset.compare("<=", _raw(at)), *finite, *since(self.scan.keyset, part)]

    def conditions(self, keys: Sequence[str]) -> list[str]:
        """Conditions for the rows with one of a few keys, wherever they stand; empty where no row can have one."""
        groups = sought(keys, [column.field for column in self.key], self.timezone, _KEYS)
        return [condition for group in groups if (condition := self._condition(group))]

    def _condition(self, group: Sought) -> str:
        columns = [list(texts(values)) for values in group.values]
        allowed = [
            set(self.scan.reader.possible(column, found))
            for column, found in zip(self.key, columns, strict=True)
        ]
        keys = [
            key
            for key in zip(*columns, strict=True)
            if all(part in known for part, known in zip(key, allowed, strict=True))
        ]
        if len(self.key) == 1:
            return self.scan.reader.holds(self.key[0], [part for (part,) in keys]) if keys else ""
        return " or ".join(f"({self._one(key)})" for key in keys)

    def _one(self, key: Sequence[str]) -> str:
        parts = (self.scan.reader.holds(column, [part]) for column, part in zip(self.key, key, strict=True))
        return " and ".join(f"({part})" for part in parts)

    def _batch(self, chunk: Chunk) -> SourceBatch:
        number = (self.part or {}).get("pass")
        return unmoving(self.scan, chunk, versions(chunk.raw[0]) if number is None else str(number))


def unmoving(scan: Scan, chunk: Chunk, version: pa.Array | str) -> SourceBatch:
    """A batch of rows that runs have passed: it moves no watermark."""
    return SourceBatch(
        rows=chunk.rows,
        position=lambda _: EMPTY_WATERMARK,
        version=version,
        end=EMPTY_WATERMARK,
        key=scan.key,
        warnings=chunk.warnings,
    )


def since(keyset: Keyset, part: Mapping[str, Any]) -> list[str]:
    """Conditions for rows from where the first run started: what lies below was never meant."""
    bounds = ((">=", part.get("from")), (">", part.get("above")))
    return [keyset.compare(operator, _raw(value)) for operator, value in bounds if value]


def _raw(value: Any) -> Raw:
    kind, text = value
    return str(kind), str(text)
