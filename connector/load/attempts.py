"""Sends one body until there is a definite answer: retries, backoff, and when to give up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from connector.config.models import TrackDestination
from connector.errors import DestinationError
from connector.load.pacing import Pacing, backoff, jitter
from connector.load.track import Answer, Parts, Track, Verdict

# Refused by the same 5xx this often, while others are accepted: the fault is in the request.
SAME_5XX = 5
# A run none of whose requests was accepted and that has this many items refused is wrongly configured.
REFUSED_THROUGHOUT = 100
# Successes at a size learned from a 413 after which it may grow, and by how much.
_PATIENCE = 50
_GROWTH = 1.25


class Limits:
    """Ceilings on a request, and the smaller size that a 413 taught; it widens again after a run of successes."""

    def __init__(self, max_items: int, max_bytes: int) -> None:
        self._ceiling = max_items
        self.max_items = max_items
        self.max_bytes = max_bytes
        self._successes = 0
        self._lock = threading.Lock()

    def too_large(self, items: int) -> None:
        """A request of `items` was answered 413."""
        with self._lock:
            self.max_items = max(1, min(self.max_items, items // 2))
            self._successes = 0

    def passed(self) -> None:
        """A request was accepted."""
        if self.max_items == self._ceiling:
            return
        with self._lock:
            self._successes += 1
            if self._successes >= _PATIENCE:
                self.max_items = min(self._ceiling, max(self.max_items + 1, int(self.max_items * _GROWTH)))
                self._successes = 0


@dataclass(slots=True)
class Tally:
    """What delivering one request cost so far, over all its parts.

    Attributes:
        accepted_before: requests the run had seen accepted when this one began.
        attempts, resent: as in Outcome.
        doubtful: whether the last attempt has no definite answer.
        accepted: entries [first, last) of the parts that were acknowledged.
        since: monotonic time of its start, or of its last part that was accepted.
    """

    accepted_before: int
    attempts: int = 0
    resent: int = 0
    doubtful: bool = False
    accepted: list[tuple[int, int]] = field(default_factory=list)
    since: float = field(default_factory=time.monotonic)


class Attempts:
    """Shared by all senders of a run.

    Args:
        track: one attempt at the destination.
        settings: retry, and what to do with doubt and 5xx.
        pacing: when attempts may go.
        may_send: says whether the lane is still held; asked before each attempt.

    Attributes:
        accepted: requests accepted so far.
        refused: items refused so far.
        in_flight: requests that senders are at work on.
        trouble: why the last attempt has to be repeated; empty when all is well.
    """

    def __init__(
        self, track: Track, settings: TrackDestination, pacing: Pacing, may_send: Callable[[], bool]
    ) -> None:
        self._track = track
        self._settings = settings
        self._pacing = pacing
        self._may_send = may_send
        self._lock = threading.Lock()
        self.limits = Limits(settings.max_items, settings.max_bytes)
        self.accepted = 0
        self.refused = 0
        self.in_flight = 0
        self.trouble = ""

    def begin(self) -> Tally:
        """A sender starts on a request."""
        with self._lock:
            self.in_flight += 1
            return Tally(self.accepted)

    def end(self) -> None:
        """A sender is done with a request."""
        with self._lock:
            self.in_flight -= 1

    def post(
        self, body: Parts, items: int, tally: Tally, *, patient: bool = True, lone: bool = False
    ) -> Answer:
        """Send `body` until there is a definite answer.

        Args:
            body: the request's body.
            items: how many items it holds.
            tally: counts the attempts.
            patient: retry a 5xx; without patience it counts as a refusal (used while isolating one).
            lone: nothing can be isolated in it any more: a 5xx refuses it only while others are accepted.

        Returns:
            an answer to acknowledge, split or isolate; an ISOLATE with a 5xx status is a request that the server
            cannot digest; a RETRY is in doubt under ``on_doubt: hold``.

        Raises:
            DestinationError, CredentialsError: the answer stops the run, or `retry.max_elapsed` passed.
            Stopped: the run is being stopped.
        """
        same, last, attempt = 0, 0, 0
        while True:
            answer = self._once(body, items, tally)
            if answer.verdict is not Verdict.RETRY or (answer.doubtful and self._settings.on_doubt == "hold"):
                return answer
            attempt += 1
            same = same + 1 if answer.status == last else 1
            last = answer.status
            if last >= 500 and (not patient or (same >= SAME_5XX and self._to_blame(tally, lone=lone))):
                return self._undigested(answer)
            tally.resent += items if answer.doubtful else 0
            self._wait(attempt, tally, answer)

    def refuse(self, status: int) -> None:
        """An item earned a refusal alone; a run with nothing else to show is wrongly configured.

        Raises:
            DestinationError: nothing was accepted and the hundredth item was refused.
        """
        with self._lock:
            self.refused += 1
        if not self.accepted and self.refused >= REFUSED_THROUGHOUT:
            raise DestinationError(
                f"the destination refused each of the first {REFUSED_THROUGHOUT} items ({status}) and accepted none",
                hint="the mapping or the destination's settings are wrong: see `connector preview`; nothing was rejected",
            )

    def _once(self, body: Parts, items: int, tally: Tally) -> Answer:
        self._pacing.wait(items)
        if not self._may_send():
            raise DestinationError(
                "the lease on this sync ran out before a request could be sent",
                hint="the machine slept or hung; nothing is lost: run again",
            )
        tally.attempts += 1
        tally.doubtful = True  # until there is an answer
        answer = self._track.post(body)
        tally.doubtful = answer.doubtful
        if answer.stop is not None:
            raise answer.stop
        if answer.verdict is Verdict.ACKNOWLEDGE:
            with self._lock:
                self.accepted += 1
            tally.since = time.monotonic()
            self.limits.passed()
        self.trouble = _reason(answer) if answer.verdict is Verdict.RETRY else ""
        return answer

    def _to_blame(self, tally: Tally, *, lone: bool) -> bool:
        """Whether the fault may lie in this request: others pass, or there is no other to compare its parts with."""
        return self.accepted > tally.accepted_before or (self.in_flight == 1 and not lone)

    def _undigested(self, answer: Answer) -> Answer:
        if self._settings.on_5xx == "stop":
            raise DestinationError(
                f"the destination keeps answering {answer.status} to one request while it accepts others",
                hint="set destination.on_5xx: isolate to find and reject the item that causes it",
            )
        return replace(answer, verdict=Verdict.ISOLATE)

    def _wait(self, attempt: int, tally: Tally, answer: Answer) -> None:
        retry = self._settings.retry
        pause = backoff(attempt, retry.wait_initial.total_seconds(), retry.wait_max.total_seconds(), jitter())
        if answer.retry_after is not None:
            pause = answer.retry_after
            self._pacing.hold(pause)
        limit = retry.max_elapsed.total_seconds()
        if time.monotonic() - tally.since + pause > limit:
            raise DestinationError(
                f"the destination did not take a request within {limit:g} s (last: {_reason(answer)})",
                hint="nothing is lost: run again when it is back; destination.retry.max_elapsed sets the patience",
            )
        self._pacing.pause(pause)


def _reason(answer: Answer) -> str:
    return f"status {answer.status}" if answer.status else answer.message
