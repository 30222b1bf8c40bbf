"""When the next attempt may go: backoff, pauses that the server asks for, and rate caps."""

from __future__ import annotations

import random
import threading
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from connector.errors import Stopped


def backoff(attempt: int, initial: float, maximum: float, fraction: float) -> float:
    """Return seconds to wait before attempt `attempt` + 1: exponential with full jitter.

    Args:
        attempt: attempts made so far, from 1.
        initial: the first wait's upper bound, in seconds.
        maximum: no wait is longer, in seconds.
        fraction: the jitter, 0 to 1.
    """
    return fraction * min(maximum, initial * 2.0 ** min(attempt - 1, 62))


def retry_after(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header (seconds or an HTTP date) asks for; None without a valid one."""
    if not value:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - now).total_seconds())


# How soon to look again whether a share has changed; seconds.
_LOOK = 0.2


class Pacing:
    """Shared by all senders of one destination.

    Caps are kept in a time of their own, which passes as fast as the share says: requests stand in it one after the
    other, and a share that changes changes how soon those are reached that wait already.

    Args:
        stop: ends every wait.
        items_per_second, requests_per_second: exact caps, or None.
    """

    def __init__(
        self,
        stop: threading.Event,
        items_per_second: float | None = None,
        requests_per_second: float | None = None,
    ) -> None:
        self._stop = stop
        self._item_seconds = 1 / items_per_second if items_per_second else 0.0
        self._request_seconds = 1 / requests_per_second if requests_per_second else 0.0
        self._lock = threading.Lock()
        self._share = 1.0
        self._passed, self._since = 0.0, time.monotonic()
        self._next = 0.0
        self._held_until = 0.0
        self._used = 0.0

    @property
    def capped(self) -> bool:
        """Whether there is a cap at all."""
        return bool(self._item_seconds or self._request_seconds)

    def give(self, share: float) -> None:
        """Let senders have a share of the caps from now on, 0 to 1."""
        with self._lock:
            self._passed, self._since = self._time(), time.monotonic()
            self._share = share

    def used(self) -> float:
        """Return for how many seconds of the whole caps requests were let go since the last call."""
        with self._lock:
            used, self._used = self._used, 0.0
            return used

    def wait(self, items: int) -> None:
        """Block until a request of `items` may go.

        Raises:
            Stopped: the run is being stopped.
        """
        cost = max(items * self._item_seconds, self._request_seconds)
        place: float | None = None
        while True:
            with self._lock:
                held, now = self._held_until - time.monotonic(), self._time()
                if held <= 0 and place is None:
                    place = max(now, self._next)
                    self._next = place + cost
                left = 0.0 if place is None else place - now
                if held <= 0 and left <= 0 and (self._share or not cost):
                    self._used += cost
                    return
                share = self._share
            ahead = min(left / share, _LOOK) if share and left > 0 else _LOOK
            self.pause(held if held > 0 else ahead)

    def _time(self) -> float:
        return self._passed + (time.monotonic() - self._since) * self._share

    def pause(self, seconds: float) -> None:
        """Wait, or raise Stopped as soon as the run is being stopped."""
        if self._stop.wait(seconds):
            raise Stopped

    def hold(self, seconds: float) -> None:
        """Let nobody send for `seconds`: the server asked for it."""
        with self._lock:
            self._held_until = max(self._held_until, time.monotonic() + seconds)


def jitter() -> float:
    """Return a fraction from 0 to 1 for `backoff`."""
    return random.random()  # noqa: S311 - spreads retries, guards nothing
