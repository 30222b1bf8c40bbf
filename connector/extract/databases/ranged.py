"""What a database says about ranges of its cursor: what is in them, and how far runs have come."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from connector.config.models import DatabaseSource
from connector.errors import ConfigError
from connector.extract import Between, Range
from connector.extract.databases.again import Again
from connector.extract.databases.future import PART as FUTURE
from connector.extract.databases.ranges import Ranges
from connector.model import EMPTY_WATERMARK, Watermark


class Ranged(ABC):
    """The part of an extractor that counts."""

    _source: DatabaseSource
    _paged: bool

    @abstractmethod
    def _again(self, columns: tuple[str, ...], watermark: Watermark) -> Again: ...

    @abstractmethod
    def _part(self, watermark: Watermark) -> Mapping[str, Any] | None: ...

    def version(self, text: str) -> int:
        """Return the cursor written as `text` as a number: whole ones as they are, times in their units since 1970."""
        if self._source.mode != "incremental":
            raise ConfigError("Without a cursor there are no ranges of it.", hint="leave --from and --to out")
        return Ranges(self._again((), EMPTY_WATERMARK).scan.keyset, ()).version(text)

    def totals(self, watermark: Watermark, ranges: Sequence[Range]) -> Sequence[tuple[int, int]] | None:
        """Count and sum ranges, where an index leads to each of them."""
        again = self._again((), watermark)
        conditions = again.condition()
        if conditions is None or not self._paged or self._source.mode != "incremental":
            return None
        return Ranges(again.scan.keyset, conditions).totals(ranges, again.early_versions())

    def reached(self, watermark: Watermark) -> Mapping[str, Any] | None:
        """Return the cursor of the last row that runs have come to, without its key, and how many they were ahead of."""
        if self._source.mode != "incremental":
            return None
        part = self._part(watermark) or {}
        at = part.get("at")
        place = {"cursor": at or part.get("cursor"), "early": len(watermark.get(FUTURE) or ())}
        return {**place, "sent": sum(part["sent"].values())} if at else place

    def between(self, watermark: Watermark, places: Sequence[Mapping[str, Any]]) -> list[Between]:
        """Count in one statement for some of the places, each of them from an index where there is one."""
        again = self._again((), watermark)
        return Ranges(again.scan.keyset, again.reached()).between(places, apart=self._paged)
