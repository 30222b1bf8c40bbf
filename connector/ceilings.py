"""When rejects stop a run: then it is no longer a few bad rows, but the mapping or the source."""

from __future__ import annotations

from collections.abc import Sequence

from connector.accounting import Settled
from connector.config.models import Rejects
from connector.errors import TooManyRejects
from connector.model import Counts


class Ceilings:
    """The ceilings of ``rejects:``, held against what is finished."""

    def __init__(self, limits: Rejects) -> None:
        self._limits = limits
        self._streak = Streak()

    def passed(self, settled: Sequence[Settled], counts: Counts) -> TooManyRejects | None:
        """Return the error of a run that has passed a ceiling, None while it has not.

        Args:
            settled: what has just been finished, in read order.
            counts: what is finished by now, with it.
        """
        limits = self._limits
        longest = max(
            (self._streak.longest(part.counts.read, [row for row, _ in part.rejects]) for part in settled),
            default=0,
        )
        hint = "see `connector rejects list`; mend the mapping or raise the ceiling, then run again"
        if longest > limits.max_consecutive:
            return TooManyRejects(
                f"{longest} rows in a row were rejected (rejects.max_consecutive)", hint=hint
            )
        if counts.read >= limits.after and counts.rejected > limits.max * counts.read:
            share = counts.rejected / counts.read
            return TooManyRejects(f"{share:.1%} of {counts.read} rows were rejected (rejects.max)", hint=hint)
        return None

    def check_nothing_delivered(self, counts: Counts) -> None:
        """Refuse a run that was too short for the ceilings, but had all it read rejected.

        Raises:
            TooManyRejects: that is so.
        """
        if counts.rejected and not (counts.delivered or counts.unchanged or counts.filtered):
            raise TooManyRejects(
                f"all {counts.rejected} rows were rejected",
                hint="see `connector rejects list` for the reasons",
            )


class Streak:
    """The longest run of consecutive rejected rows, over requests in read order."""

    def __init__(self) -> None:
        self._current = 0

    def longest(self, rows: int, rejected: list[int]) -> int:
        """Take the next `rows` rows, of which those at the indexes `rejected` (ascending) were rejected.

        Returns:
            the longest run of consecutive rejects that ends in or passes through these rows.
        """
        longest, previous = 0, -1
        for row in rejected:
            self._current = self._current + 1 if row == previous + 1 else 1
            longest, previous = max(longest, self._current), row
        if rows and previous != rows - 1:
            self._current = 0
        return longest
