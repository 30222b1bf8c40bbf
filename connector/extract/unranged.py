"""Sources whose rows have no versions in an order that the source itself could count and sum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.errors import ConfigError
from connector.extract import Between, Range
from connector.model import Watermark


class Unranged:
    """What such a source answers when it is asked for ranges."""

    def version(self, text: str) -> int:
        """Refuse."""
        del text
        raise ConfigError("the rows of this source have no ranges", hint="leave --from and --to out")

    def totals(self, watermark: Watermark, ranges: Sequence[Range]) -> None:
        """Nothing: a few columns of all rows are read instead."""

    def reached(self, watermark: Watermark) -> None:
        """Nothing: rows are not passed in one order."""

    def between(self, watermark: Watermark, places: Sequence[Mapping[str, Any]]) -> list[Between]:
        """Nothing."""
        del watermark, places
        return []
