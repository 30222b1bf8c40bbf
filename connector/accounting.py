"""What became of each row: the numbers of a run, counted from the facts and not by subtraction."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from connector.load.packing import refuse
from connector.model import Counts, MappedBatch, Outcome, Reject


@dataclass(frozen=True, slots=True)
class Settled:
    """What a finished request adds to its run.

    Attributes:
        counts: in rows, items and requests.
        rejects: of its rows, in read order, with the index of the row in the request.
    """

    counts: Counts
    rejects: tuple[tuple[int, Reject], ...]


class BatchAccounts:
    """Settles the requests of one batch, each once."""

    def __init__(self, batch: MappedBatch) -> None:
        self.batch = batch
        self._rejected = sorted(batch.rejected)

    def settle(self, outcome: Outcome) -> Settled:
        """Count the rows of a request whose outcome is known and without error."""
        request, batch = outcome.request, self.batch
        low, high = request.rows_first, request.rows_last
        mapped = self._rejected[bisect_left(self._rejected, low) : bisect_left(self._rejected, high)]
        refused = {refusal.entry: refusal for refusal in outcome.refusals}
        rejects = [(row - low, batch.rejected[row]) for row in mapped]
        places = (batch.row[list(refused)] - low).tolist() if refused else []
        rejects += zip(places, refuse(batch, [*refused.values()]), strict=True)
        sent = request.last - request.first
        counts = Counts(
            read=high - low,
            delivered=sent - len(refused) + _between(batch.recovered, low, high),
            rejected=len(rejects),
            unchanged=_between(batch.unchanged, low, high),
            filtered=_between(batch.filtered, low, high),
            items=request.items - self._items(refused),
            requests=outcome.attempts if sent else 0,
            resent=outcome.resent,
        )
        return Settled(counts, tuple(sorted(rejects, key=lambda pair: pair[0])))

    def _items(self, entries: Iterable[int]) -> int:
        counts = self.batch.items
        return sum(1 if counts is None else int(counts[entry]) for entry in entries)


def _between(rows: np.ndarray, low: int, high: int) -> int:
    """Count the ascending `rows` in [low, high)."""
    if not len(rows):
        return 0
    first, last = np.searchsorted(rows, (low, high))
    return int(last - first)
