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


# How soon to look again for those who have no share; seconds.
_NOTHING = 0.1


class Pacing:
    """Shared by all senders of one destination.

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
        self._next = 0.0
        self._held_until = 0.0
        self._share = 1.0
        self._used = 0.0

    @property
    def capped(self) -> bool:
        """Whether there is a cap at all."""
        return bool(self._item_seconds or self._request_seconds)

    def give(self, share: float) -> None:
        """Let senders have a share of the caps from now on, 0 to 1."""
        with self._lock:
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
        while True:
            with self._lock:
                now = time.monotonic()
                cost = max(items * self._item_seconds, self._request_seconds)
                if self._held_until > now:
                    pause, granted = self._held_until - now, False
                elif cost and not self._share:
                    pause, granted = _NOTHING, False
                else:
                    start = max(now, self._next)
                    self._next = start + (cost and cost / self._share)
                    self._used += cost
                    pause, granted = start - now, True
            if pause > 0:
                self.pause(pause)
            if granted:
                return

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
