"""One setting that moves below its ceiling: up on trial, back when that was no good, down when it must."""

from __future__ import annotations

import math

# A ceiling found is tried again after so many seconds, at first and at most.
_FIRST, _LONGEST = 1.0, 5.0
# How far a trial goes: while nothing was ever refused, and later on.
_BOLD, _CAREFUL = 2.0, 1.25
_CUT = 0.7


class Dial:
    """A whole number from 1 to a ceiling.

    Args:
        ceiling: as configured.
        start: where to begin, at most the ceiling.
        coarse: the share of the value below which two values are not worth telling apart.
        scouts: whether, once something was refused, a single request goes ahead to see whether it passes.

    Attributes:
        value: what holds now.
        good: the highest value that has proven itself.
    """

    def __init__(self, ceiling: int, start: int, *, coarse: float = 0.0, scouts: bool = False) -> None:
        self._ceiling = ceiling
        self._coarse = coarse
        self._scouts = scouts
        self._scout: int | None = None
        self.value = self.good = max(1, min(start, ceiling))
        self._bad: int | None = None
        self._growth = _BOLD
        self._wait = _FIRST
        self._due = 0.0

    def turn_up(self, now: float) -> bool:
        """Go to a higher value on trial; say whether there is one and it is time.

        A scout is no trial yet: the trial begins with `arrived`.
        """
        if self.good >= self._ceiling or now < self._due:
            return False
        target = math.ceil(self.good * self._growth) if self._bad is None else self._between(self._bad)
        target = min(self._ceiling, max(target, self.good + 1))
        if self._scouts and self._growth == _CAREFUL:
            self._scout = target
            return False
        self.value = target
        return True

    def next(self) -> int:
        """Return the value for the next request: that of the scout, if one is to go."""
        scout, self._scout = self._scout, None
        return scout or self.value

    def arrived(self, value: int) -> bool:
        """Something of `value` has passed; say whether that begins a trial."""
        if not self._scouts or value <= self.value or value > self._ceiling:
            return False
        self.value = value
        return True

    def _between(self, bad: int) -> int:
        return bad if self._bracketed(bad) else (self.good + bad) // 2

    def _bracketed(self, bad: int) -> bool:
        return bad - self.good <= max(1, int(self._coarse * self.good))

    def passed(self, now: float) -> None:
        """The trial was worth it."""
        self.good = self.value
        if self._bad is not None and self.good >= self._bad:
            self._bad = None
        self._wait, self._due = _FIRST, now

    def failed(self, now: float) -> None:
        """The trial met a limit of the destination."""
        self._bad, self._growth = self.value, _CAREFUL
        self.value = self.good
        self._due = now
        if self._bracketed(self._bad):
            self._later(now)

    def useless(self, now: float) -> None:
        """The trial brought nothing."""
        self.value, self._growth = self.good, _CAREFUL
        self._later(now)

    def cut(self, now: float) -> None:
        """What was good is too much now."""
        self._bad, self._growth = self.value, _CAREFUL
        self.value = self.good = max(1, int(self.value * _CUT))
        self._wait = _FIRST
        self._later(now)

    def refused(self, size: int, now: float) -> None:
        """A request of `size` was too large."""
        if size <= self.good:
            self.good = max(1, size // 2)
        self._bad = size if self._bad is None or self._bad <= self.good else min(self._bad, size)
        self._growth, self.value = _CAREFUL, self.good
        self._due = now
        if self._bracketed(self._bad):
            self._later(now)

    def turn_down(self, factor: float, now: float) -> None:
        """Go to a lower value on trial."""
        self.value = max(1, int(self.good * factor))
        self._later(now)

    def settle(self) -> None:
        """Stay where a trial downwards has led."""
        self.good = self.value

    def back(self) -> None:
        """Return from a trial downwards."""
        self.value = self.good

    def _later(self, now: float) -> None:
        self._due = now + self._wait
        self._wait = min(2 * self._wait, _LONGEST)
