"""Ranges that differ are found by counting, however the rows lie, and all others are left alone."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from connector.extract import Range, base_of
from connector.model import EMPTY_WATERMARK
from connector.narrowing import Narrowed, narrow


class Counting:
    """A source that can count, and nothing else."""

    def __init__(self, versions: Sequence[int]) -> None:
        self.versions = versions
        self.looks = 0

    def totals(self, watermark: object, ranges: Sequence[Range]) -> list[tuple[int, int]]:
        del watermark
        self.looks += 1
        return [
            (len(mine), sum(mine) - len(mine) * base_of(part))
            for part in ranges
            for mine in [self.inside(part)]
        ]

    def inside(self, part: Range) -> list[int]:
        low, high = part
        return [one for one in self.versions if (low is None or one >= low) and (high is None or one < high)]


def found(there: Sequence[int], known: Sequence[int], within: Range = (None, None)) -> Narrowed:
    narrowed = narrow(Counting(there), EMPTY_WATERMARK, np.sort(np.array(known, np.int64)), within)
    assert narrowed is not None
    return narrowed


ROWS = range(0, 100_000, 5)


@pytest.mark.parametrize(
    "known",
    [[], [7], [5] * 5_000, ROWS, [*[5] * 5_000, *range(4_000)], [-(1 << 63), (1 << 63) - 1, 0]],
    ids=["none", "one", "one value", "many", "mostly one value", "far apart"],
)
def test_what_is_alike_is_looked_at_once(known: Sequence[int]) -> None:
    for within in ((None, None), (3, 4_000), (None, 7), (5, None)):
        narrowed = found(known, known, within)
        assert (narrowed.differing, narrowed.ranges <= 65) == ([], True)


def test_only_the_neighbourhood_of_what_differs_is_left() -> None:
    there = sorted({*ROWS, 50_001} - {10, 77_000})
    narrowed = found(there, ROWS)
    assert len(narrowed.differing) == 3
    for (low, high), place in zip(narrowed.differing, (10, 50_001, 77_000), strict=True):
        assert (low or 0) <= place < high
        assert len([one for one in ROWS if (low or 0) <= one < high]) <= 1_500
    assert narrowed.ranges < 30


def test_all_that_differs_lies_in_ranges_that_were_asked_for() -> None:
    chance = random.Random(7)
    for size in (0, 10, 3_000, 20_000):
        known = [chance.randrange(-50, size + 50) for _ in range(size)]
        there = [one for one in known if chance.random() > 0.001] + [
            chance.randrange(size + 60) for _ in range(5)
        ]
        for within in ((None, None), (10, size)):
            low, high = within
            parts = found(there, known, within).joined
            assert parts == sorted(parts, key=lambda part: (part[0] is not None, part[0] or 0))
            assert all(a[1] is not None and b[0] is not None and a[1] < b[0] for a, b in pairwise(parts))
            for one in set(known) ^ set(there):
                if (low is None or one >= low) and (high is None or one < high):
                    assert any((a is None or one >= a) and (b is None or one < b) for a, b in parts), one


def test_a_source_that_cannot_count() -> None:
    class Silent:
        def totals(self, *_: object) -> None:
            return None

    assert narrow(Silent(), EMPTY_WATERMARK, np.arange(5), (None, None)) is None
