"""Sends one body until there is a definite answer: retries, backoff, and when to give up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from connector.config.models import TrackDestination
from connector.errors import DestinationError
from connector.load.gate import Gate, GaveUp, Turn
from connector.load.pacing import Pacing, backoff, jitter
from connector.load.track import Answer, Parts, Track, Verdict
from connector.load.tuning import Sample

# Refused by the same 5xx this often, while others are accepted: the fault is in the request.
SAME_5XX = 5
# A run none of whose requests was accepted and that has this many items refused is wrongly configured.
REFUSED_THROUGHOUT = 100


@dataclass(slots=True)
class Tally:
    """What delivering one request cost so far, over all its parts.

    Attributes:
        accepted_before: requests the run had seen accepted when this one began.
        attempts, resent: as in Outcome.
        doubtful: whether an attempt has no definite answer; a later definite one does not undo what it may have done.
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
        gate: how many may go at a time.
        may_send: says whether the lane is still held; asked before each attempt.

    Attributes:
        pacing: when attempts may go.
        tuning: how many requests may be in flight now, and how large.
        accepted: requests accepted so far.
        refused: items refused so far.
        in_flight: requests that senders are at work on.
        trouble: why the last attempt has to be repeated; empty when all is well.
    """

    def __init__(
        self,
        track: Track,
        settings: TrackDestination,
        pacing: Pacing,
        gate: Gate,
        may_send: Callable[[], bool],
    ) -> None:
        self._track = track
        self.settings = settings
        self.pacing = pacing
        self._gate = gate
        self._may_send = may_send
        self._lock = threading.Lock()
        self._patience = settings.retry.max_elapsed.total_seconds()
        self.tuning = gate.tuning
        self.accepted = 0
        self.refused = 0
        self.in_flight = 0
        self.trouble = ""

    def stop(self) -> None:
        """End every wait; safe in a signal handler."""
        self._gate.stop()

    def share(self, of_pace: float, of_turns: float) -> None:
        """Let senders have a part of the pace, and of the requests in flight, from now on; 0 to 1 each."""
        self.pacing.give(of_pace)
        self._gate.share = of_turns

    def notes(self) -> tuple[str, ...]:
        """Return sentences that a person should know of the run."""
        away = self._gate.breaker.away
        if not away:
            return ()
        return (
            f"the destination was away for {away:.1f} s: the run paused and probed with one request at a time",
        )

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
            looked_into = not patient or 0 < same < SAME_5XX
            answer = self._once(body, items, tally, first=looked_into)
            if answer.verdict is not Verdict.RETRY or (answer.doubtful and self.settings.on_doubt == "hold"):
                return answer
            attempt += 1
            same = (same + 1 if answer.status == last else 1) if answer.status >= 500 else 0
            last = answer.status
            undigested = last >= 500 and (
                not patient or (same >= SAME_5XX and self._to_blame(tally, last, lone=lone))
            )
            # Isolating sends again, too, unless an entry has been judged alone.
            if answer.doubtful and not (undigested and lone and patient):
                tally.resent += items
            if undigested:
                return self._undigested(answer)
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

    def _once(self, body: Parts, items: int, tally: Tally, *, first: bool) -> Answer:
        turn, sample, answer = self._enter(tally, first=first), None, None
        try:
            self.pacing.wait(items)
            if not self._may_send():
                raise DestinationError(
                    "the lease on this sync ran out before a request could be sent",
                    hint="the machine slept or hung; nothing is lost: run again",
                )
            tally.attempts += 1
            doubted, tally.doubtful = tally.doubtful, True  # until there is an answer
            began = time.monotonic()
            answer = self._track.post(body)
            took = time.monotonic() - began
            sample = Sample(items, sum(map(len, body)), took, answer.sign, turn.change)
        finally:
            failed, wait = (answer.failed, answer.retry_after) if answer else (False, None)
            self._gate.leave(turn, sample, failed=failed, wait=wait)
        tally.doubtful = doubted or answer.doubtful
        self._note(answer, tally)
        if answer.stop is not None:
            raise answer.stop
        return answer

    def _enter(self, tally: Tally, *, first: bool) -> Turn:
        try:
            return self._gate.enter(tally.since + self._patience, first=first)
        except GaveUp:
            raise self._given_up() from None

    def _note(self, answer: Answer, tally: Tally) -> None:
        self.trouble = ""
        if answer.verdict is Verdict.RETRY:
            self.trouble = _reason(answer)
            if self._gate.breaker.open:
                self.trouble += "; paused, probing with one request"
        elif answer.verdict is Verdict.ACKNOWLEDGE:
            tally.since = time.monotonic()
            with self._lock:
                self.accepted += 1

    def _to_blame(self, tally: Tally, status: int, *, lone: bool) -> bool:
        """Whether the fault may lie in this request.

        It may where others pass, or where there is no other to compare its parts with: it is the only one, or
        none at all is answered. Its parts then show: an entry is refused only beside others that pass.
        """
        if self.accepted > tally.accepted_before:
            return True
        return not lone and (self.in_flight == 1 or (self._gate.breaker.open and status == 500))

    def _undigested(self, answer: Answer) -> Answer:
        if self.settings.on_5xx == "stop":
            raise DestinationError(
                f"the destination keeps answering {answer.status} to one request while it accepts others",
                hint="set destination.on_5xx: isolate to find and reject the item that causes it",
            )
        return replace(answer, verdict=Verdict.ISOLATE)

    def _wait(self, attempt: int, tally: Tally, answer: Answer) -> None:
        retry = self.settings.retry
        pause = backoff(attempt, retry.wait_initial.total_seconds(), retry.wait_max.total_seconds(), jitter())
        if answer.retry_after is not None:
            pause = answer.retry_after
            self.pacing.hold(pause)
        elif self._gate.breaker.open:
            return  # the gate says who may probe, and when
        if time.monotonic() - tally.since + pause > self._patience:
            raise self._given_up()
        self.pacing.pause(pause)

    def _given_up(self) -> DestinationError:
        last = self.trouble.partition(";")[0]
        return DestinationError(
            f"the destination did not take a request within {self._patience:g} s (last: {last})",
            hint="nothing is lost: run again when it is back; destination.retry.max_elapsed sets the patience",
        )


def _reason(answer: Answer) -> str:
    return f"status {answer.status}" if answer.status else answer.message
