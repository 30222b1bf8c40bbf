"""Rejects that end by themselves: a row that is delivered later has no open reject any more."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from connector.accounting import Settled
from connector.model import Request

Hashes = npt.NDArray[np.uint64]

# New rejects are gathered up to so many before they are laid into the large array.
_FEW = 4096


class OpenRejects:
    """The rows of a sync that have open rejects, by the hash of their key (see `MappedBatch.key`).

    Args:
        known: hashes of the keys of rejects that earlier runs left open.
    """

    def __init__(self, known: Hashes) -> None:
        self._known = np.unique(known)
        self._fresh = known[:0]
        self._closed: dict[str, None] = {}

    def settle(self, request: Request, settled: Settled) -> None:
        """Take what became of a finished request; requests come in the order they were read."""
        keys, low = request.batch.key, request.rows_first
        if keys is None:
            return
        refused = [low + row for row, _ in settled.rejects]
        if len(self._known) or len(self._fresh):
            self._close(request, refused)
        for _, reject in settled.rejects:
            self._closed.pop(reject.key, None)
        if refused:
            self._add(keys[refused])

    def closed(self) -> tuple[str, ...]:
        """Return the canonical keys whose rejects end with the requests taken since the last call."""
        closed, self._closed = tuple(self._closed), {}
        return closed

    def _close(self, request: Request, refused: list[int]) -> None:
        batch = request.batch
        low, high = np.searchsorted(batch.recovered, (request.rows_first, request.rows_last))
        rows = np.concatenate([batch.row[request.first : request.last], batch.recovered[low:high]])
        assert batch.key is not None  # noqa: S101 - asked by the caller
        rows = rows[self._open(batch.key[rows])]
        if not len(rows) or batch.describe is None:
            return
        rows = np.setdiff1d(rows, refused)
        self._closed.update((row.key, None) for row in batch.describe(rows.tolist()))

    def _add(self, keys: Hashes) -> None:
        self._fresh = np.union1d(self._fresh, keys)
        if len(self._fresh) > _FEW:
            self._known, self._fresh = np.union1d(self._known, self._fresh), self._fresh[:0]

    def _open(self, keys: Hashes) -> npt.NDArray[np.bool_]:
        """Say which of `keys` have an open reject. Two keys of one hash cost a look at the store, nothing else."""
        return _among(keys, self._known) | _among(keys, self._fresh)


def _among(keys: Hashes, known: Hashes) -> npt.NDArray[np.bool_]:
    """Say which of `keys` stand in the sorted `known`: its cost is that of the keys, however many are known."""
    if not len(known):
        return np.zeros(len(keys), np.bool_)
    found: npt.NDArray[np.bool_] = known[np.minimum(np.searchsorted(known, keys), len(known) - 1)] == keys
    return found
