"""Sources whose rows have no versions in an order that the source itself could count and sum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connector.errors import ConfigError
from connector.extract import Standing
from connector.model import SourceBatch, Watermark


class Unranged:
    """What such a source answers when it is asked for ranges, and where a row stands."""

    def read_keys(
        self, columns: tuple[str, ...], keys: Sequence[str], watermark: Watermark | None
    ) -> Iterator[SourceBatch]:
        """See `Extractor.read_keys`."""
        raise NotImplementedError

    def standing(self, key: str, watermark: Watermark) -> Standing:
        """Say whether runs have read the row, or the next one does; by reading."""
        for at, found in ((watermark, Standing.PASSED), (None, Standing.AHEAD)):
            if any(batch.rows.num_rows for batch in self.read_keys((), [key], at)):
                return found
        return Standing.ABSENT

    def version(self, text: str) -> int:
        """Refuse."""
        del text
        raise ConfigError("the rows of this source have no ranges", hint="leave --from and --to out")

    def totals(self, watermark: Watermark, bounds: Sequence[int]) -> None:
        """Nothing: a few columns of all rows are read instead."""
