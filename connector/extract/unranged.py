"""Sources whose rows have no versions in an order that the source itself could count and sum: what they tell, they read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connector.errors import ConfigError
from connector.extract import Between, Range, Standing
from connector.extract.sought import standing_by_reading, unplaced
from connector.model import SourceBatch, Watermark


class Unranged(ABC):
    """What such a source answers when it is asked for ranges, and where a row stands."""

    @abstractmethod
    def read(self, columns: tuple[str, ...], watermark: Watermark) -> Iterator[SourceBatch]:
        """As `Extractor.read`."""

    @abstractmethod
    def read_keys(
        self, columns: tuple[str, ...], keys: Sequence[str], watermark: Watermark | None
    ) -> Iterator[SourceBatch]:
        """As `Extractor.read_keys`."""

    def standing(self, key: str, watermark: Watermark) -> Standing:
        """Say whether runs have read the row, or the next one does; by reading."""
        return standing_by_reading(self.read_keys, key, watermark)

    def read_ahead(self, columns: tuple[str, ...], watermark: Watermark) -> Iterator[SourceBatch]:
        """Yield the rows that the next run reads."""
        yield from map(unplaced, self.read(columns, watermark))

    def version(self, text: str) -> int:
        """Refuse."""
        del text
        raise ConfigError("the rows of this source have no ranges", hint="leave --from and --to out")

    def totals(self, watermark: Watermark, ranges: Sequence[Range]) -> None:
        """Nothing: a few columns of all rows are read instead."""
        del watermark, ranges

    def reached(self, watermark: Watermark) -> None:
        """Nothing: rows are not passed in one order."""
        del watermark

    def between(self, watermark: Watermark, places: Sequence[Mapping[str, Any]]) -> list[Between]:
        """Nothing."""
        del watermark, places
        return []
