"""Whether the destination is there: open after failures in a row, closed by the first answer. Arithmetic only."""

from __future__ import annotations

from connector.load.pacing import backoff, jitter

# So many attempts in a row without an answer worth the name open it.
TRIP = 5


class Breaker:
    """Counts failures of all senders together; while open, one attempt at a time may probe.

    Args:
        wait_initial, wait_max: bounds of the waits between probes, in seconds.

    Attributes:
        open: whether only probes may go.
        due: when the next probe may go, monotonic seconds.
        away: seconds that it was open, in all, up to the last answer.
    """

    def __init__(self, wait_initial: float, wait_max: float) -> None:
        self._initial = wait_initial
        self._longest = wait_max
        self._failures = 0
        self._probes = 0
        self._since = 0.0
        self.open = False
        self.due = 0.0
        self.away = 0.0

    def failed(self, now: float, *, probe: bool, wait: float | None = None) -> None:
        """An attempt failed; the server may have asked to `wait` so many seconds."""
        self._failures += 1
        trips = not self.open and self._failures >= TRIP
        if not (probe or trips):  # what was in flight when it opened says nothing new
            return
        self._since = self._since if self.open else now
        self.open = True
        self._probes = self._probes + 1 if probe else 1
        pause = backoff(self._probes, self._initial, self._longest, jitter())
        self.due = now + (pause if wait is None else wait)

    def answered(self, now: float) -> None:
        """The destination gave a definite answer."""
        self.away += now - self._since if self.open else 0.0
        self._failures, self.open = 0, False
