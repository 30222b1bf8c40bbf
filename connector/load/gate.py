"""Where senders wait for their turn: so many at a time as tuning allows, and one at a time while nothing is answered."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import TIMEOUT_MAX, Condition

from connector.errors import Stopped
from connector.load.breaker import Breaker
from connector.load.tuning import Sample, Tuning


class GaveUp(Exception):
    """The deadline passes before the next turn."""


@dataclass(eq=False, slots=True)
class Turn:
    """The right to make one attempt.

    Attributes:
        probe: whether nobody else may send meanwhile.
        change: the count of changes to the tuning when it was given.
    """

    probe: bool = False
    change: int = 0


class Gate:
    """Shared by all senders of a run.

    Args:
        tuning: how many may be in flight.
        breaker: whether anything is answered.

    Attributes:
        share: of these, how many are for this run: others may send, too.
    """

    def __init__(self, tuning: Tuning, breaker: Breaker) -> None:
        self.tuning = tuning
        self.breaker = breaker
        self.share = 1.0
        self._flying = 0
        self._line: deque[Turn] = deque()
        self._changed = Condition()
        self._over: type[Exception] | None = None

    def stop(self) -> None:
        """Send everybody home: the run is being stopped. Safe in a signal handler."""
        self._close(Stopped)

    def enter(self, deadline: float, *, first: bool = False) -> Turn:
        """Wait for a turn.

        Args:
            deadline: monotonic seconds after which probing is of no use.
            first: stand before all others, as a request does that is being looked into.

        Raises:
            Stopped: the run is being stopped.
            GaveUp: nothing is answered before the deadline; nobody gets a turn from then on.
        """
        turn = Turn()
        with self._changed:
            if self._over is None and not self._line and self._free():
                return self._grant(turn)
            with self._standing(turn, first=first):
                while self._over is None:
                    wait = self._wait_of(turn)
                    if wait == 0:
                        return self._grant(turn)
                    # Waiting for a place while others are answered is no failure.
                    left = deadline - time.monotonic() if self.breaker.open else TIMEOUT_MAX
                    if (wait or 0) >= left:
                        self._close(GaveUp)
                    else:
                        self._changed.wait(min(TIMEOUT_MAX, left if wait is None else wait))
        raise self._over

    def leave(
        self, turn: Turn, sample: Sample | None, *, failed: bool = False, wait: float | None = None
    ) -> None:
        """Give the turn back with what it showed.

        Args:
            turn: what `enter` returned.
            sample: for the tuning, None when no attempt was made.
            failed: whether there was no definite answer.
            wait: seconds that the server asks to wait.
        """
        now = time.monotonic()
        with self._changed:
            self._flying -= 1
            if sample is not None:
                self.tuning.answered(sample, now)
                if failed:
                    self.breaker.failed(now, probe=turn.probe, wait=wait)
                else:
                    self.breaker.answered(now)
            if self._line:
                self._changed.notify_all()

    def _close(self, why: type[Exception]) -> None:
        with self._changed:
            self._over = self._over or why
            self._changed.notify_all()

    @contextmanager
    def _standing(self, turn: Turn, *, first: bool) -> Iterator[None]:
        if first:
            self._line.appendleft(turn)
        else:
            self._line.append(turn)
        try:
            yield
        finally:
            self._line.remove(turn)
            self._changed.notify_all()

    def _free(self) -> bool:
        return not self.breaker.open and self._flying < max(1, int(self.tuning.in_flight * self.share))

    def _wait_of(self, turn: Turn) -> float | None:
        """Return seconds until this turn may come, or None when it hangs on what others do."""
        if self._line[0] is not turn:  # who came first goes first
            return None
        if self.breaker.open:
            return None if self._flying else max(0.0, self.breaker.due - time.monotonic())
        return 0.0 if self._free() else None

    def _grant(self, turn: Turn) -> Turn:
        self._flying += 1
        turn.probe, turn.change = self.breaker.open, self.tuning.change
        self.tuning.sent(full=self._flying >= self.tuning.in_flight)
        return turn
