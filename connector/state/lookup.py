"""Prints in columns, in the order of their keys' hashes, where any of them is found in a step or two.

Hashes are spread evenly, so the leading bits of one say almost where it stands: a table of where each group of leading
bits begins stands in for a binary search, whose twenty steps each miss the processor's cache.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from connector.synced import PRINT, Prints, latest

Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]
Columns = dict[str, npt.NDArray[Any]]

_NAMES = ("high", "low", "item", "version", "mark")
_AT_ONCE = 1_000_000


class Lookup:
    """Prints, each key once, and which of them were seen.

    Args:
        columns: the prints' fields, in the order of their keys' hashes.

    Attributes:
        seen: which were found so far.
    """

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._count = len(columns["high"])
        self._shift, self._starts = _beginnings(columns["high"])
        self.seen: Flags = np.zeros(self._count, np.bool_)

    @classmethod
    def ordered(cls, count: int, parts: Iterable[Prints], *, held: bool) -> Lookup:
        """Make it of `count` prints that come in order; not `held` in memory, they lie in unnamed files (invariant 7)."""
        return cls(_columns(count, parts, held=held))

    @classmethod
    def unordered(cls, count: int, parts: Iterable[Prints]) -> Lookup:
        """Make it of `count` prints in the order in which they became known; the last of each key is in it."""
        columns = _columns(count, parts, held=True)
        last = latest(columns["high"], columns["low"])
        return cls({name: column[last] for name, column in columns.items()})

    def __len__(self) -> int:
        return self._count

    def find(self, wanted: Prints, *, seen: bool = True) -> tuple[Flags, Places]:
        """Return which keys are there, and where; what is found counts as seen unless told.

        Args:
            wanted: prints whose `high` and `low` count.
            seen: whether it does.
        """
        if not self._count:
            return np.zeros(len(wanted), np.bool_), np.zeros(len(wanted), np.int64)
        high, low = (np.ascontiguousarray(wanted[name]) for name in ("high", "low"))
        highs, lows = self._columns["high"], self._columns["low"]
        places = self._starts[(high >> self._shift).astype(np.int64)].astype(np.int64)
        behind = np.flatnonzero(highs[places] < high)
        while len(behind := behind[places[behind] < self._count - 1]):
            places[behind] += 1
            behind = behind[highs[places[behind]] < high[behind]]
        found: Flags = (highs[places] == high) & (lows[places] == low)
        self._step_over_twins(found, places, (high, low))
        if seen:
            self.seen[places[found]] = True
        return found, places

    def _step_over_twins(self, found: Flags, places: Places, keys: tuple[Any, Any]) -> None:
        """Look behind keys that share the first half of their hash with the one wanted; of a billion keys one does."""
        high, low = keys
        highs, lows = self._columns["high"], self._columns["low"]
        for n in np.flatnonzero(~found & (highs[places] == high)):
            place = places[n]
            while place < self._count and highs[place] == high[n]:
                if lows[place] == low[n]:
                    found[n], places[n] = True, place
                    break
                place += 1

    def fill(self, prints: Prints, rows: Flags, places: Places) -> None:
        """Put what is known into the `rows` of `prints`, whose keys are those at `places` already."""
        for name in ("item", "version", "mark"):
            prints[name][rows] = self._columns[name][places]

    def prints(self, chosen: slice | Places | Flags) -> Prints:
        """Return some of the prints."""
        columns = {name: column[chosen] for name, column in self._columns.items()}
        prints = np.empty(len(columns["high"]), PRINT)
        for name, column in columns.items():
            prints[name] = column
        return prints

    @property
    def marks(self) -> npt.NDArray[np.uint8]:
        """The marks of all prints."""
        return self._columns["mark"]


def _columns(count: int, parts: Iterable[Prints], *, held: bool) -> Columns:
    columns = {name: _column(PRINT[name], count, held=held) for name in _NAMES}
    place = 0
    for part in parts:
        for name, column in columns.items():
            column[place : place + len(part)] = part[name]
        place += len(part)
    return columns


def _column(kind: np.dtype[Any], count: int, *, held: bool) -> npt.NDArray[Any]:
    if held or not count:
        return np.empty(count, kind)
    with tempfile.TemporaryFile(prefix="connector-") as file:
        return np.memmap(file, kind, "w+", shape=(count,))


def _beginnings(high: npt.NDArray[np.uint64]) -> tuple[np.uint64, npt.NDArray[np.int32]]:
    """Return how far hashes are shifted, and for each value that they have then where its first one stands."""
    bits = max(1, len(high).bit_length() - 2)
    shift = np.uint64(64 - bits)
    ends = np.zeros(1 << bits, np.int64)
    for first in range(0, len(high), _AT_ONCE):
        groups = (high[first : first + _AT_ONCE] >> shift).astype(np.int64)
        ends += np.bincount(groups, minlength=len(ends))
    np.cumsum(ends, out=ends)
    starts = np.minimum(np.concatenate([[0], ends[:-1]]), max(0, len(high) - 1))
    return shift, starts.astype(np.int32)
