"""What becomes known of rows as their requests are finished: the prints that a commit adds to synced."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from connector.accounting import Settled
from connector.model import MappedBatch, Outcome, Request
from connector.synced import DOUBT, LEFT, NO_KEYS, OVER, REFUSED, SAME, Prints, Segment


class Noting:
    """Gathers prints, in read order."""

    def __init__(self) -> None:
        self._prints: list[Prints] = []
        self._keys: list[pa.Array] = []

    def settle(self, outcome: Outcome, settled: Settled) -> None:
        """Take what became of a finished request; requests come in the order they were read.

        What was delivered keeps the mark of its print; what the mapping rejects, or has not changed, has its mark.
        """
        request = outcome.request
        batch = request.batch
        if batch.prints is None:
            return
        if request.last - request.first == request.rows_last - request.rows_first and not outcome.refusals:
            self._note(batch, slice(request.rows_first, request.rows_last))
            return
        rows = np.concatenate([batch.row[request.first : request.last], _within(batch.recovered, request)])
        rejected = np.array([request.rows_first + row for row, _ in settled.rejects], np.int64)
        others = [_within(rows, request) for rows in (batch.unchanged, batch.filtered)]
        touched = [rows[batch.prints["mark"][rows] != SAME] for rows in others]
        rows = np.unique(np.concatenate([rows, rejected, *touched]))
        if not len(rows):
            return
        prints = self._note(batch, rows)
        if outcome.refusals:
            refused = np.isin(rows, batch.row[[refusal.entry for refusal in outcome.refusals]])
            prints["mark"][refused] = REFUSED | (prints["mark"][refused] & np.uint8(LEFT))

    def _note(self, batch: MappedBatch, rows: npt.NDArray[np.int64] | slice) -> Prints:
        assert batch.prints is not None  # noqa: S101 - asked by the caller
        prints = batch.prints[rows].copy()
        prints["mark"] &= np.uint8(OVER - 1)
        self._prints.append(prints)
        if batch.keys is not None:
            self._keys.append(batch.keys[rows] if isinstance(rows, slice) else batch.keys.take(rows))
        return prints

    def taken(self) -> Segment:
        """Return what was gathered since the last call."""
        prints, keys = self._prints, self._keys
        self._prints, self._keys = [], []
        if not prints:
            return Segment()
        joined = np.concatenate(prints) if len(prints) > 1 else prints[0]
        return Segment(joined, pa.concat_arrays(keys) if keys else NO_KEYS)


def doubt(request: Request) -> Segment:
    """Return what a request that is about to be sent puts in doubt: what is known of its rows does not count any more.

    Outside passes, nothing need be said of a row of which nothing is known. A pass must know whether anything is in
    doubt, and what Track may have should it vanish.
    """
    batch = request.batch
    if batch.prints is None:
        return Segment()
    rows = batch.row[request.first : request.last]
    if not isinstance(batch.source.version, str):
        rows = rows[(batch.prints["mark"][rows] & np.uint8(OVER)) > 0]
    prints = batch.prints[rows]
    prints["mark"] = DOUBT
    return Segment(prints, NO_KEYS if batch.keys is None else batch.keys.take(rows))


def _within(rows: npt.NDArray[np.int64], request: Request) -> npt.NDArray[np.int64]:
    """Return those of the ascending `rows` that are finished with a request."""
    low, high = np.searchsorted(rows, (request.rows_first, request.rows_last))
    return rows[low:high]
