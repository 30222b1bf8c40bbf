"""A destination and its senders in simulated time: what a tuned run would do, exactly and at once."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from connector.load.tuning import Sample, Sign, Tuning

# Answers a request that arrives: (requests in flight with it, items, now) -> (status, seconds until the answer).
Server = Callable[[int, int, float], tuple[int, float]]


@dataclass
class Trace:
    """What happened: (time, items accepted, status, in flight allowed, size allowed) for each answer."""

    answers: list[tuple[float, int, int, int, int]] = field(default_factory=list)

    def rate(self, first: float, last: float) -> float:
        """Items accepted a second between two times."""
        return sum(a[1] for a in self.answers if first <= a[0] < last) / (last - first)

    def share(self, status: int, first: float, last: float) -> float:
        """The share of answers with a status between two times."""
        seen = [a[2] for a in self.answers if first <= a[0] < last]
        return seen.count(status) / max(len(seen), 1)


def simulate(tuning: Tuning, server: Server, seconds: float, *, pause: float = 0.0, seed: int = 1) -> Trace:
    """Send as much as `tuning` allows for so many seconds; a refused request comes again after a backoff.

    Args:
        tuning: is told all that it is told in a run.
        server: the destination.
        seconds: simulated time.
        pause: between an answer and the next request, at most.
        seed: of backoff and pauses.
    """
    dice, trace = random.Random(seed), Trace()
    events: list[tuple[float, int, str, tuple]] = []
    now, number, flying, waiting = 0.0, 0, 0, 0

    def at(time: float, what: str, *more: object) -> None:
        nonlocal number
        number += 1
        heapq.heappush(events, (time, number, what, more))

    at(0.0, "fill")
    while events and now < seconds:
        now, _, what, more = heapq.heappop(events)
        if what == "answer":
            status, items, took, change = more
            flying -= 1
            sign = {200: Sign.ACCEPTED, 429: Sign.OVERLOADED, 413: Sign.TOO_LARGE}.get(status, Sign.NOTHING)
            tuning.answered(Sample(items, items * 290, took, sign, change), now)
            trace.answers.append((now, items * (status == 200), status, tuning.in_flight, items))
            if status == 429:
                waiting += 1
                at(now + dice.random() * 0.2, "again")
        elif what == "again":
            waiting -= 1
        while flying + waiting < tuning.in_flight:
            flying += 1
            tuning.sent(full=flying + waiting >= tuning.in_flight)
            items, _ = tuning.next_size()
            status, took = server(flying, items, now)
            at(now + took + dice.random() * pause, "answer", status, items, took, tuning.change)
    return trace
