"""Where counts and sums differ: the source counts a few ranges of its cursor, then parts of those that are not alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from connector.extract import Extractor, Range, base_of
from connector.model import Watermark
from connector.state.known import Versions

# Parts of a range that differs, and ranges of one look at most.
_PARTS, _RANGES = 64, 2_000
# Rows of a range whose keys are read rather than counted again.
_ROWS = 1_500
# Halves of a whole number: the sums of each are exact, whatever the versions.
_HALF = 32


@dataclass(slots=True)
class Narrowed:
    """What came of it.

    Attributes:
        ranges: how many ranges the source has counted.
        differing: those that differ, not worth being divided any more, ascending.
    """

    ranges: int
    differing: list[Range]

    @property
    def joined(self) -> list[Range]:
        """The ranges that differ, with neighbours as one."""
        found: list[Range] = []
        for part in self.differing:
            if found and found[-1][1] is not None and found[-1][1] == part[0]:
                found[-1] = (found[-1][0], part[1])
            else:
                found.append(part)
        return found


def narrow(extractor: Extractor, watermark: Watermark, versions: Versions, within: Range) -> Narrowed | None:
    """Compare what the source counts with what is known; None where it cannot count cheaply and exactly.

    Args:
        extractor: of the source.
        watermark: how far runs have come.
        versions: of the rows that are known, ascending.
        within: what is compared.
    """
    found = Narrowed(0, [])
    looking = list(_divided(versions, within, _PARTS, first=True))
    while looking:
        totals = extractor.totals(watermark, looking)
        if totals is None:
            return None
        found.ranges += len(looking)
        differing = [
            part
            for part, theirs in zip(looking, totals, strict=True)
            if tuple(theirs) != _total(versions, part)
        ]
        parts = max(2, min(_PARTS, _RANGES // max(len(differing), 1)))
        looking = []
        for part in differing:
            smaller = list(_divided(versions, part, parts))
            if len(smaller) > 1:
                looking += smaller
            else:
                found.differing.append(part)
    # Those that were divided longer come later than their neighbours.
    found.differing.sort(key=lambda part: (part[0] is not None, part[0] or 0))
    return found


def _divided(versions: Versions, whole: Range, parts: int, *, first: bool = False) -> Iterator[Range]:
    """Yield parts of a range with about as many rows each; only itself where that is not worth it."""
    mine = versions[slice(*_places(versions, whole))]
    bounds: list[int] = []
    if len(mine) > _ROWS or (first and len(mine)):
        count = min(parts, -(-len(mine) // _ROWS))
        places = np.linspace(0, len(mine) - 1, count + 1).astype(int)[1:]
        # What lies above all that is known is a part of its own, once.
        inner = np.unique(mine[places if first else places[:-1]]).tolist()
        bounds = [bound for bound in inner if whole[0] is None or bound > whole[0]]
    edges = [whole[0], *bounds, whole[1]]
    yield from pairwise(edges)


def _total(versions: Versions, part: Range) -> tuple[int, int]:
    """Return count and sum, as `Extractor.totals` has them."""
    mine = versions[slice(*_places(versions, part))]
    high = int((mine >> _HALF).sum())
    low = int((mine & ((1 << _HALF) - 1)).sum())
    return len(mine), (high << _HALF) + low - len(mine) * base_of(part)


def _places(versions: Versions, part: Range) -> Sequence[int]:
    low, high = part
    return (
        0 if low is None else int(np.searchsorted(versions, low)),
        len(versions) if high is None else int(np.searchsorted(versions, high)),
    )
