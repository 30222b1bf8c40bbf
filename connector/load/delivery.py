"""A bounded number of requests in flight: sender threads between `submit` and the outcomes."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from connector.load.attempts import Attempts
from connector.load.sending import Sending
from connector.load.track import Bodies
from connector.model import Outcome, Refusal, Request

# What a sender still does when the run is over is cut off already, so it ends in no time; seconds.
_PATIENCE = 5.0


class Delivery:
    """Sender threads; each delivers one request at a time and reports one outcome for it.

    Args:
        attempts: sends one body until there is a definite answer, and knows how many may be on their way.
        report: called with each outcome, from a sender's thread.
    """

    def __init__(self, attempts: Attempts, report: Callable[[Outcome], None]) -> None:
        self._attempts = attempts
        self._report = report
        self._jobs: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def submit(self, request: Request) -> None:
        """Have `request` delivered; its intent is durable. Threads start as more requests may be on their way."""
        if len(self._threads) < self._attempts.tuning.in_flight:
            thread = threading.Thread(target=self._work, name=f"sender-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._jobs.put(request)

    def close(self) -> None:
        """Let the senders end after what they are doing, and wait for them a while."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join(_PATIENCE)

    def _work(self) -> None:
        bodies: Bodies | None = None
        while (request := self._jobs.get()) is not None:
            if bodies is None or bodies.batch is not request.batch:
                bodies = Bodies(request.batch)
            self._report(self._deliver(request, bodies))

    def _deliver(self, request: Request, bodies: Bodies) -> Outcome:
        tally = self._attempts.begin()
        error: Exception | None = None
        refusals: tuple[Refusal, ...] = ()
        try:
            refusals = Sending(self._attempts, bodies, tally).send(request.first, request.last)
        except Exception as caught:  # noqa: BLE001 - a sender must answer, or the run would wait for ever
            error = caught
        finally:
            self._attempts.end()
        accepted = tuple(tally.accepted) if error else ()
        return Outcome(request, refusals, tally.attempts, tally.resent, error, accepted, tally.doubtful)
