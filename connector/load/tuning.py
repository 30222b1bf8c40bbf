"""How many requests may be in flight and how large they may be: found out by watching the destination.

Settings are ceilings; below them three dials move. A dial is turned up for a while and stays there when that brings
more items a second, which is told by Little's law (items in flight / seconds to the answer): counting arrivals
would take longest where answers come in bursts. What meets 429, 503 or a timeout is turned down at once, and what
is answered 413 is bracketed. Arithmetic only: callers bring the time, as monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from connector.load.dial import Dial

# Where a run begins that knows nothing of its destination.
_IN_FLIGHT, _ITEMS = 8, 500
# A measurement takes so many answers for each request in flight, so many at least, and so long at least (seconds).
_ROUNDS, _FEWEST, _SHORTEST = 2, 8, 0.1
# More in flight must bring this share of what it would bring without queueing; a larger request must only not be slower.
_WORTH, _NO_WORSE = 0.4, 0.9
# Latency that rises so much, twice in a row, and to so many seconds, is a queue somewhere: try with less.
_RISEN, _LONG = 1.5, 0.05
_EASE, _SAME = 0.85, 0.95


class Sign(Enum):
    """What an attempt says about the load that the destination bears."""

    ACCEPTED = "accepted"
    OVERLOADED = "overloaded"  # 429, 503, a timeout
    TOO_LARGE = "too large"  # 413
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Sample:
    """One attempt: what was sent, when it left (by the count of changes until then), and what it says."""

    items: int
    bytes: int
    seconds: float
    sign: Sign
    change: int


@dataclass(slots=True)
class _Measurement:
    """Answers since the last change."""

    since: float
    answers: int = 0
    items: int = 0
    seconds: float = 0.0
    full: int = 0  # of the attempts, those that found all places but theirs taken

    @property
    def latency(self) -> float:
        return self.seconds / max(self.answers, 1)

    def complete(self, in_flight: int, now: float) -> bool:
        enough = self.answers >= max(_FEWEST, _ROUNDS * in_flight)
        return enough and now - self.since >= max(_SHORTEST, 2 * self.latency)

    def rate(self, in_flight: int) -> float:
        return in_flight * self.items / max(self.seconds, 1e-9)


class Tuning:
    """The dials of one destination: requests in flight, items a request, bytes a request.

    Args:
        in_flight, max_items, max_bytes: ceilings.
        learned: what `learned` returned after an earlier run.
    """

    def __init__(
        self, in_flight: int, max_items: int, max_bytes: int, learned: Mapping[str, int] | None = None
    ) -> None:
        known = learned or {}
        self._width = Dial(in_flight, known.get("in_flight", _IN_FLIGHT))
        self._items = Dial(max_items, known.get("max_items", _ITEMS), coarse=0.04, scouts=True)
        self._bytes = Dial(max_bytes, known.get("max_bytes", max_bytes), coarse=0.04, scouts=True)
        self._dials = [self._items, self._bytes, self._width]
        self.change = 0
        self._turned: Dial | None = None
        self._eased = False
        self._reference = 0.0
        self._pace = known.get("items_per_second", 0)
        self._calm = 0.0  # latency when all was well
        self._risen = 0
        self._passed_items = 0
        self._measured = _Measurement(0.0)

    @property
    def in_flight(self) -> int:
        """Requests that may be in flight."""
        return self._width.value

    def next_size(self) -> tuple[int, int]:
        """Return how many items and bytes the next request may hold."""
        return self._items.next(), self._bytes.next()

    def learned(self) -> dict[str, int]:
        """Return what is worth remembering for the next run; of the pace, what was measured last."""
        pace = round(self._reference) or self._pace
        return {
            **({"items_per_second": pace} if pace else {}),
            "in_flight": self._width.good,
            "max_items": self._items.good,
            "max_bytes": self._bytes.good,
        }

    def sent(self, *, full: bool) -> None:
        """An attempt goes out; `full` when it takes the last place."""
        self._measured.full += full

    def answered(self, sample: Sample, now: float) -> None:
        """Take what an attempt shows."""
        if sample.sign is Sign.TOO_LARGE:
            self._too_large(sample, now)
        elif sample.sign is Sign.OVERLOADED:
            # What left before the last change says nothing about the load since.
            if sample.change == self.change:
                self._overloaded(now)
        elif sample.sign is Sign.ACCEPTED:
            self._passed_items = max(self._passed_items, sample.items)
            if self._turned is None and (dial := self._scouted(sample)) is not None:
                self._restart(now, dial)
            elif sample.change == self.change:
                self._measure(sample, now)

    def _too_large(self, sample: Sample, now: float) -> None:
        """Blame the items, unless as many have passed: then the bytes."""
        by_bytes = sample.items <= max(1, min(self._passed_items, self._items.good))
        dial, size = (self._bytes, sample.bytes) if by_bytes else (self._items, sample.items)
        if not by_bytes:
            self._passed_items = min(self._passed_items, sample.items - 1)
        dial.refused(size, now)
        self._restart(now, None if self._turned is dial else self._turned)

    def _overloaded(self, now: float) -> None:
        if self._turned is self._width and not self._eased:
            self._width.failed(now)
        else:
            if self._turned is not None:
                self._turned.back()
            self._width.cut(now)
        self._restart(now)

    def _measure(self, sample: Sample, now: float) -> None:
        measured = self._measured
        measured.answers += 1
        measured.items += sample.items
        measured.seconds += sample.seconds
        if measured.complete(self.in_flight, now):
            self._judge(measured, now)

    def _judge(self, measured: _Measurement, now: float) -> None:
        rate = measured.rate(self.in_flight)
        dial = self._turned
        if dial is None:
            self._watch(measured, now)
            self._reference = rate
        elif self._eased:
            if rate >= _SAME * self._reference:
                dial.settle()
            else:
                dial.back()
            self._calm, self._eased = measured.latency, False
        elif rate >= self._reference * self._needed(dial):
            dial.passed(now)
            self._reference, self._calm = rate, measured.latency
        else:
            dial.useless(now)
        if not self._eased:
            self._turned = self._turn_up(measured, now)
        self._restart(now, self._turned)

    def _needed(self, dial: Dial) -> float:
        """Return how much of the former rate the dial must bring to stay where it is."""
        return 1 + _WORTH * (dial.value / dial.good - 1) if dial is self._width else _NO_WORSE

    def _watch(self, measured: _Measurement, now: float) -> None:
        """Try with less in flight when answers have begun to take longer."""
        if not self._calm:
            self._calm = measured.latency
        risen = measured.latency > max(_RISEN * self._calm, _LONG)
        self._risen = self._risen + 1 if risen else 0
        if self._risen >= 2 and self._width.value > 1:
            self._risen, self._eased = 0, True
            self._turned = self._width
            self._width.turn_down(_EASE, now)

    def _turn_up(self, measured: _Measurement, now: float) -> Dial | None:
        """Turn up the dial that was not turned for longest; more in flight is of no use where the source cannot fill it."""
        full = 2 * measured.full >= measured.answers
        for dial in self._dials:
            if (full or dial is not self._width) and dial.turn_up(now):
                self._dials = [each for each in self._dials if each is not dial] + [dial]
                return dial
        return None

    def _scouted(self, sample: Sample) -> Dial | None:
        """Return the dial whose scout has come through, which begins its trial."""
        if self._items.arrived(sample.items):
            return self._items
        return self._bytes if self._bytes.arrived(sample.bytes) else None

    def _restart(self, now: float, turned: Dial | None = None) -> None:
        """Measure anew: something has changed."""
        self._turned = turned
        self._eased = self._eased and turned is self._width
        self.change += 1
        self._measured = _Measurement(now)
