"""Ranges of the cursor, counted and summed by the source: to compare what it holds with what is known, without reading it."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pyarrow as pa

from connector.errors import ConfigError, SourceError
from connector.extract import Between, Range, base_of
from connector.extract.databases.keyset import Keyset
from connector.extract.databases.reader import HALF, Column, Raw

_ZONED = re.compile(r":.*(Z|[+-]\d\d(:?\d\d)?)$")
# Ranges in one statement: the source may count several at a time.
_AT_ONCE = 64
# Versions that are less than this apart are near: 35 years in microseconds.
_NEAR = 1 << 50
# (number of rows, sum of how far their versions lie above the range's base).
Total = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Ranges:
    """The ranges of a cursor whose values are whole numbers or times.

    Attributes:
        keyset: writes the statements; ordered by the cursor.
        conditions: what holds for all rows that count.
    """

    keyset: Keyset
    conditions: Sequence[str]

    @property
    def cursor(self) -> Column:
        """The cursor."""
        return self.keyset.order[0]

    def totals(self, ranges: Sequence[Range], beside: Iterable[int] = ()) -> list[Total] | None:
        """Return count and sum of each range. None where the source cannot do that exactly.

        Args:
            ranges: what is counted.
            beside: versions of rows that count, too.
        """
        if self._total((None, None)) is None:
            return None
        found: list[Total] = []
        for first in range(0, len(ranges), _AT_ONCE):
            group = ranges[first : first + _AT_ONCE]
            together = " union all ".join(self._statement(place, part) for place, part in enumerate(group))
            try:
                rows = self.keyset.reader.fetch(together)
            except (ConfigError, SourceError):  # it sums in another way; reading says what else is wrong
                return None
            by_place = sorted(rows, key=lambda row: int(row[0]))
            found += [(int(count), _whole(total)) for _, count, total in by_place]
        try:
            more = sorted(beside)
        except ValueError:
            return None
        return [_added(total, part, more) for total, part in zip(found, ranges, strict=True)]

    def _statement(self, place: int, part: Range) -> str:
        inside = self._one(*part) if part != (None, None) else ""
        conditions = [*([inside] if inside else []), *self.conditions]
        return self.keyset.summed(f"{place}, count(*), {self._total(part)}", conditions)

    def _total(self, part: Range) -> str | None:
        low, high = part
        near = low is not None and high is not None and high - low < _NEAR
        return self.keyset.reader.total(self.cursor, self.literal(base_of(part)), near=near)

    def between(self, places: Sequence[Mapping[str, Any]], *, apart: bool) -> list[Between]:
        """Count what lies between each place and the next, and at that one.

        Args:
            places: each with a ``cursor``, or None for the beginning.
            apart: whether an index leads to each; else all are counted in one go through the rows.
        """
        counted: list[str] = []
        for low, high in pairwise(place["cursor"] for place in places):
            above = [self.keyset.compare(">", (low[0], low[1]))] if low else []
            below, at = (
                self.keyset.compare(sign, (high[0], high[1])) if high else "1 = 0" for sign in ("<", "=")
            )
            counted += [" and ".join([*above, below]), at]
        found: list[int] = []
        for first in range(0, len(counted), _AT_ONCE):
            found += self._counted(counted[first : first + _AT_ONCE], apart=apart)
        return [Between(inside, at) for inside, at in zip(found[::2], found[1::2], strict=True)]

    def _counted(self, wanted: Sequence[str], *, apart: bool) -> list[int]:
        if not apart:
            cases = (f"coalesce(sum(case when {each} then 1 else 0 end), 0)" for each in wanted)
            [counts] = self.keyset.reader.fetch(self.keyset.summed(", ".join(cases), self.conditions))
            return [int(count) for count in counts]
        statements = (
            self.keyset.summed(f"{place}, count(*)", [each, *self.conditions])
            for place, each in enumerate(wanted)
        )
        rows = self.keyset.reader.fetch(" union all ".join(statements))
        return [int(count) for _, count in sorted((int(place), count) for place, count in rows)]

    def within(self, ranges: Sequence[tuple[int | None, int | None]]) -> str:
        """Return the condition that the cursor lies in one of `ranges`, [low, high); None is open."""
        return " or ".join(f"({self._one(low, high)})" for low, high in ranges)

    def _one(self, low: int | None, high: int | None) -> str:
        sql = self.cursor.sql
        above = [f"{sql} >= {self.literal(low)}"] if low is not None else []
        below = [f"{sql} < {self.literal(high)}"] if high is not None else []
        return " and ".join([*above, *below]) or "1 = 1"

    def version(self, text: str) -> int:
        """Return the version that a cursor written as `text` has.

        Raises:
            ConfigError: the cursor is neither a whole number nor a time, or `text` is none of it.
        """
        kind = self.cursor.type
        try:
            if pa.types.is_integer(kind):
                return int(text)
            # Where times are texts of some form no literal can be written for them.
            if pa.types.is_timestamp(kind) and not self.keyset.reader.traits.mixed:
                zone = f"{text}Z" if kind.tz and not _ZONED.search(text) else text
                instant = pa.array([zone], pa.string()).cast(pa.timestamp(kind.unit, kind.tz))
                return int(instant.cast(pa.int64())[0].as_py())
        except (ValueError, pa.ArrowInvalid):
            pass
        raise ConfigError(
            f"{text!r} is no value of the cursor {self.cursor.name!r} that ranges can be made of",
            hint="write a whole number, or a time such as 2026-01-31T06:00:00, as the cursor has them",
        )

    def literal(self, version: int) -> str:
        """Write a version as a value of the cursor."""
        return self.keyset.reader.literal(_raw(self.cursor, version))


def _added(total: Total, part: Range, versions: Sequence[int]) -> Total:
    low, high = part
    first = 0 if low is None else bisect_left(versions, low)
    mine = versions[first : len(versions) if high is None else bisect_left(versions, high)]
    return total[0] + len(mine), total[1] + sum(mine) - len(mine) * base_of(part)


def _whole(total: Any) -> int:
    """Return a sum, which may come in two halves."""
    high, _, low = str(total or 0).rpartition(" ")
    return (int(high or 0) << HALF) + int(Decimal(low))


def _raw(cursor: Column, version: int) -> Raw:
    kind = cursor.type
    if not pa.types.is_timestamp(kind):
        return cursor.native, str(version)
    text = pa.array([version], pa.int64()).cast(pa.timestamp(kind.unit)).cast(pa.string())[0].as_py()
    return cursor.native, text + ("Z" if kind.tz else "")
