"""Interleaved rounds (A B C A B C …), their medians, and the lines of the table."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Figures = dict[str, list[float]]
TIMES = "\N{MULTIPLICATION SIGN}"


def interleaved(contenders: Mapping[str, Callable[[], float]], rounds: int) -> Figures:
    """Run every contender once a round: what slows the machine down for a while slows all of them."""
    figures: Figures = {name: [] for name in contenders}
    for number in range(rounds):
        for name, run in contenders.items():
            figures[name].append(run())
            print(
                f"  round {number + 1}/{rounds}  {name}: {figures[name][-1]:,.2f}",
                file=sys.stderr,
                flush=True,
            )
    return figures


def ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """The median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table; without a target it only informs.

    Attributes:
        part: the benchmark.
        what: what was measured.
        measured: the figure as text.
        target: what it must be, as text, or nothing.
        met: whether it is, or None without a target.
    """

    part: str
    what: str
    measured: str
    target: str = ""
    met: bool | None = None

    @property
    def verdict(self) -> str:
        """The last column."""
        return "" if self.met is None else "yes" if self.met else "NO"


@dataclass(frozen=True, slots=True)
class Table:
    """Makes the lines of one part."""

    part: str

    def rate(self, what: str, values: Sequence[float]) -> Line:
        """Rows a second, for information."""
        return Line(self.part, what, f"{statistics.median(values):,.0f} rows/s")

    def times(self, what: str, value: float, least: float | None = None) -> Line:
        """A ratio that must be at least `least`."""
        target = "" if least is None else f"≥ {least} {TIMES}"
        return Line(
            self.part, what, f"{value:.2f} {TIMES}", target, None if least is None else value >= least
        )

    def at_most(self, what: str, value: float, most: float, unit: str) -> Line:
        """A figure that must be at most `most`."""
        digits = ".0f" if unit == "MB" else ".2f"
        return Line(self.part, what, f"{value:{digits}} {unit}", f"≤ {most} {unit}", value <= most)
