"""The loop, and the invariants it keeps.

1. The watermark passes a row only when the row was acknowledged, or its reject is durable, or it was unchanged,
   filtered or superseded; in read order, in the same transaction as the rejects and the accounting.
2. Watermarks only grow within a run; order is the source's, values are kept raw: never as text of another form,
   never as float.
3. Nothing is sent without a durable intent; what is in doubt after a crash is at most `concurrency` requests,
   re-sent with the same eventIds, and counted.
4. ``read = delivered + rejected + unchanged + filtered + superseded + unfinished`` at each commit; `unfinished` is 0
   at exit 0. A mismatch is a bug and the run says so.
5. Secrets and personal data never reach a log, an error message, a metric, or a URL in a log.
6. One holder of a lane at a time, on however many hosts: a lease with a fencing token; who lost it cannot commit.
7. Memory does not grow with rows.
8. A stop signal ends a run after the requests in flight, within `shutdown_timeout`, and interrupts every wait.
9. A wrong credential, a dead or wrong server, a full disk: rejects nothing, loses nothing.
10. For identify, group and product, the items of one entity are never in flight together and never sent older after
    newer.

One turn of the loop: take what the senders and the feed report, cut new requests, then one transaction with
everything learned since the last turn (outcomes, watermark, rejects, accounting) and the intents of the new
requests, and only then let these go. So the transactions group themselves: the longer one takes, the more the
next holds.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

from connector.accounting import BatchAccounts, Settled
from connector.ceilings import Ceilings
from connector.config.models import Rejects
from connector.cutting import Cutting
from connector.errors import Bug, Stopped
from connector.feed import End, Feed
from connector.load.attempts import Attempts
from connector.load.delivery import Delivery
from connector.load.packing import acknowledged, leave_out
from connector.model import (
    EMPTY_WATERMARK,
    Commit,
    Counts,
    Intent,
    MappedBatch,
    Outcome,
    Recovery,
    Request,
    Watermark,
    merge,
)
from connector.noting import Noting, doubt
from connector.open_rejects import OpenRejects
from connector.progress import Progress
from connector.stopping import StopSignal
from connector.window import Window


class Lane(Protocol):
    """The held lane of a sync: where a run commits."""

    def commit(self, commit: Commit) -> None:
        """Make everything in `commit` durable, or raise StateError and nothing of it."""

    def renew(self) -> None:
        """Keep the lease."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the loop is told: ceilings on requests and rejects; in seconds how long a stop waits, and how soon to renew."""

    concurrency: int
    window: int
    hold_doubtful: bool
    rejects: Rejects
    shutdown_timeout: float
    heartbeat: float


class Pipeline:
    """Moves mapped batches through delivery into committed state.

    Args:
        settings: ceilings.
        attempts: sends bodies.
        lane: where to commit.
        recovery: what an interrupted run left.
        open_rejects: the rows that earlier runs rejected.
        stop: asks the loop to end.
    """

    def __init__(
        self,
        settings: Settings,
        attempts: Attempts,
        lane: Lane,
        recovery: Recovery,
        open_rejects: OpenRejects,
        stop: StopSignal,
    ) -> None:
        self.progress = Progress(Counts(in_doubt=recovery.in_doubt_items))
        self._settings = settings
        self._attempts = attempts
        self._lane = lane
        self._recovery = recovery
        self._open_rejects = open_rejects
        self._stop = stop
        self._noting = Noting()
        self._inbox: queue.SimpleQueue[Outcome | MappedBatch | End | None] = queue.SimpleQueue()
        self._delivery = Delivery(attempts, self._inbox.put)
        self._window = Window(lambda: attempts.tuning.in_flight, max(settings.window, settings.concurrency))
        self._finished = self.progress.counts
        self._accounts: BatchAccounts | None = None
        self._ceilings = Ceilings(settings.rejects)
        self._end: End | None = None
        self._failure: BaseException | None = None

    def run(
        self, start_feed: Callable[[Callable[[MappedBatch | End], None]], Feed], abort: Callable[[], None]
    ) -> Counts:
        """Move everything the feed brings, and return the accounting.

        Args:
            start_feed: starts the feed that delivers to the given function.
            abort: cuts off the requests in flight: a stop has waited long enough, or the state has failed.

        Raises:
            ConnectorError: why the run ended early; everything acknowledged is committed.
        """
        feed = start_feed(self._inbox.put)
        cutting = Cutting(self._attempts.tuning, feed.used)
        self._stop.wakes(lambda: self._inbox.put(None))
        # The loop may be waiting when the time is over, so somebody else has to look at the clock.
        cut_off = threading.Timer(self._settings.shutdown_timeout, abort)
        try:
            while not self._is_over(cutting):
                self._listen(cutting)
                if self._stop.requested and not cut_off.ident:
                    self._fail(Stopped())
                    feed.cancel()
                    cut_off.start()
                fresh = self._take_requests(cutting)
                self._commit(fresh, cutting)
                for request in fresh:
                    if request.last > request.first:
                        self._delivery.submit(request)
        finally:
            cut_off.cancel()
            if self._window.in_flight:  # the state failed: what becomes of these cannot be recorded any more
                abort()
            self._delivery.close()
            feed.cancel()
            feed.join(self._settings.shutdown_timeout)
        failure = self._failure or (self._end.error if self._end else None)
        if failure is not None:
            raise failure
        self._ceilings.check_nothing_delivered(self.progress.counts)
        return self.progress.counts

    # ── what is reported ──────────────────────────────────────────────────────────────────────────────

    def _is_over(self, cutting: Cutting) -> bool:
        if self._failure is not None:
            return self._window.in_flight == 0
        return self._end is not None and cutting.peek() is None and not len(self._window)

    def _listen(self, cutting: Cutting) -> None:
        """Take all that is reported; block for it unless a request can be cut at once."""
        if self._can_take(cutting) is None and not self._can_conclude(cutting):
            try:
                self._hear(self._inbox.get(timeout=self._settings.heartbeat), cutting)
            except queue.Empty:
                self._lane.renew()
        with suppress(queue.Empty):
            while True:
                self._hear(self._inbox.get_nowait(), cutting)

    def _hear(self, message: Outcome | MappedBatch | End | None, cutting: Cutting) -> None:
        if isinstance(message, Outcome):
            self._window.settle(message)
            if message.error is not None:
                # It is never settled, but what it cost was spent.
                spent = Counts(requests=message.attempts, resent=message.resent)
                self._finished += spent
                self.progress.counts += spent
                self._fail(message.error)
        elif isinstance(message, MappedBatch):
            self.progress.warnings.update(message.warnings)
            self.progress.warnings.update(message.source.warnings)
            cutting.add(leave_out(message, self._recovery))
        elif isinstance(message, End):
            self._end = message
        self.progress.trouble = self._attempts.trouble

    def _fail(self, error: BaseException) -> None:
        """Take no further request; those in flight may still end well. The first reason counts."""
        if self._failure is None:
            self._failure = error

    # ── what is sent ──────────────────────────────────────────────────────────────────────────────────

    def _can_take(self, cutting: Cutting) -> Request | None:
        room = self._failure is None and self._window.has_room(unbounded=not self._attempts.accepted)
        request = cutting.peek() if room else None
        return None if request is None or self._window.waits_for_entities(request) else request

    def _take_requests(self, cutting: Cutting) -> list[Request]:
        fresh: list[Request] = []
        while (request := self._can_take(cutting)) is not None:
            cutting.take()
            self._window.add(request)
            fresh.append(request)
        return fresh

    # ── what is committed ─────────────────────────────────────────────────────────────────────────────

    def _can_conclude(self, cutting: Cutting) -> bool:
        """Whether something finished may be committed now.

        A run with refusals and no acceptance may be wrongly configured: it concludes nothing before its end.
        """
        if not self._window.has_finished():
            return False
        if self._attempts.accepted or not self._attempts.refused:
            return True
        at_end = self._end is not None and cutting.peek() is None and self._window.in_flight == 0
        return at_end and self._failure is None

    def _commit(self, fresh: Sequence[Request], cutting: Cutting) -> None:
        """Make one turn of the loop durable (invariants 1, 3 and 4)."""
        done = self._window.finished() if self._can_conclude(cutting) else []
        gaps = self._window.past_gap()
        sent = [request for request in fresh if request.last > request.first]
        if not (done or gaps or sent):
            return
        settled = [self._settle(outcome) for outcome in done]
        self._finished = sum((part.counts for part in settled), self._finished)
        waiting = self._window.rows
        counts = replace(self._finished, read=self._finished.read + waiting, unfinished=waiting)
        if not counts.balanced:
            raise Bug(
                f"the accounting does not add up: {counts}", hint="please report this; nothing was committed"
            )
        commit = Commit(
            intents=tuple(self._intent(request) for request in sent),
            acknowledged={outcome.request.seq: acknowledged(outcome) for outcome in gaps},
            through=done[-1].request.seq if done else None,
            watermark=_watermark(done),
            rejects=tuple(reject for part in settled for _, reject in part.rejects),
            closed=self._open_rejects.closed(),
            synced=self._noting.taken(),
            counts=counts,
        )
        self._lane.commit(commit)
        self.progress.counts = counts
        self.progress.in_flight = self._window.in_flight
        self.progress.rejects.update(reject.reason for reject in commit.rejects)
        if (error := self._ceilings.passed(settled, self._finished)) is not None:
            self._fail(error)

    def _intent(self, request: Request) -> Intent:
        digests = (
            request.batch.digest[request.first : request.last].tobytes()
            if self._settings.hold_doubtful
            else b""
        )
        rows = request.rows_last - request.rows_first
        return Intent(request.seq, rows, request.items, digests, doubt(request))

    def _settle(self, outcome: Outcome) -> Settled:
        if self._accounts is None or self._accounts.batch is not outcome.request.batch:
            self._accounts = BatchAccounts(outcome.request.batch)
        settled = self._accounts.settle(outcome)
        self._open_rejects.settle(outcome.request, settled)
        self._noting.settle(outcome, settled)
        return settled


def _watermark(done: Sequence[Outcome]) -> Watermark:
    """Return what the watermark becomes: the end of each batch's last finished request, laid over each other."""
    total = EMPTY_WATERMARK
    for outcome, following in pairwise((*done, None)):
        if outcome is not None and (
            following is None or following.request.batch is not outcome.request.batch
        ):
            total = merge(total, outcome.request.end)
    return total
