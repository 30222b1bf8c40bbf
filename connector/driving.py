"""Drives a backfill: keeps its workers busy until no slice is left, whatever becomes of them."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

from connector.errors import ConnectorError, SourceError, Stopped, worst_exit_code
from connector.executors import Workplace
from connector.model import Counts
from connector.mover import LEASE
from connector.slices import SliceOrder, SliceReport, run_slice
from connector.state.backfills import Backfill, Tally, lane
from connector.state.store import StateStore
from connector.stopping import StopSignal

# How often progress is looked at; seconds.
_LOOK = 1.0
# As seldom as this, in the time that one look takes.
_SELDOM = 100
# So many failed slices end a backfill: it is not they that fail.
_FAILURES = 3
# So often workers may be lost without a slice having been finished.
_LOST = 20
# What makes each further slice fail in the same way: a mistake, a wrong credential, a guard.
_FATAL = (1, 2, 5)


@dataclass(slots=True)
class Driven:
    """How the driving of a backfill went.

    Attributes:
        tally: of its slices at the end.
        counts: of all slices, whenever they were worked on.
        moved: rows that were read meanwhile, as far as workers have told.
        exit_code: of the command.
        error: what ended it.
        failed: place -> why.
        notes: what a person should know.
        seconds: how long it took.
        ended: whether every slice is done.
    """

    tally: Tally
    counts: Counts = field(default_factory=Counts)
    moved: int = 0
    exit_code: int = 0
    error: str = ""
    failed: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who is told how it goes."""

    tally: Callable[[Tally], None] = lambda _: None
    note: Callable[[str], None] = lambda _: None


class Driver:
    """Drives one backfill.

    Args:
        store: its ledger.
        backfill: which.
        order: what each worker is told.
        at: where they work.
    """

    def __init__(self, store: StateStore, backfill: Backfill, order: SliceOrder, at: Workplace) -> None:
        self._store = store
        self._backfill = backfill
        self._order = order
        self._at = at
        self._driven = Driven(store.tally(backfill))
        self._codes: list[int] = []
        self._lost = 0
        self._over = False
        self._exhausted = False
        self._told = 0.0

    def drive(self, stop: StopSignal, watcher: Watcher) -> Driven:
        """Work until no slice is left, too many have failed, or it is stopped.

        Raises:
            LeaseHeld: somebody else drives it.
            StateError: the ledger cannot be read or written.
        """
        began = time.monotonic()
        backfill = self._backfill
        with ExitStack() as stack:
            driving = stack.enter_context(
                self._store.acquire(backfill.sync, lane(backfill.id), ttl=dt.timedelta(seconds=LEASE))
            )
            with driving.kept():
                self._store.pause_backfill(backfill, paused=False)
                self._work(stop, watcher, driving.release)
        self._driven.ended = self._store.end_backfill(backfill)
        self._driven.tally = self._store.tally(backfill)
        self._driven.counts = sum((part.counts for part in self._store.slices(backfill)), Counts())
        self._driven.seconds = time.monotonic() - began
        if not self._driven.ended:
            self._codes.append(self._why(stop))
        self._driven.exit_code = worst_exit_code(self._codes)
        return self._driven

    def _why(self, stop: StopSignal) -> int:
        """Return the exit code of a backfill that is not done, and say why it is not where nothing has."""
        if not self._driven.error:
            now = self._store.backfill_of(self._backfill.id)
            paused = stop.requested or (now is not None and now.paused)
            left = self._driven.tally.slices.get("failed", 0)
            self._driven.error = "stopped" if paused or not left else f"{left} slices have failed"
        return Stopped.exit_code

    def _work(self, stop: StopSignal, watcher: Watcher, release: Callable[[], None]) -> None:
        pool = self._opened(stop)
        waiting: set[Future[SliceReport]] = set()
        stop.wakes(lambda: setattr(self, "_over", True))
        released = False
        try:
            while waiting or self._left():
                if not (self._over or self._exhausted):
                    waiting |= {
                        pool.submit(run_slice, self._order) for _ in range(self._at.workers - len(waiting))
                    }
                elif not waiting:  # what is left is held by somebody who is lost: his lease must run out
                    stop.event.wait(_LOOK)
                    self._exhausted = False
                    continue
                if stop.requested and not released:
                    release()  # the workers see that nobody drives them, and stop
                    released = True
                done, waiting = wait(waiting, timeout=_LOOK, return_when=FIRST_COMPLETED)
                lost = [future for future in done if not self._taken(future, watcher)]
                if lost:
                    pool.shutdown(wait=False, cancel_futures=True)
                    waiting = set()
                if lost and not self._over:
                    pool = self._opened(stop)
                self._tell(watcher)
        except BaseException:
            with suppress(ConnectorError):
                release()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _tell(self, watcher: Watcher) -> None:
        """Tell how far it is, but not so often that the looking costs."""
        now = time.monotonic()
        if now >= self._told:
            watcher.tally(self._store.tally(self._backfill))
            self._told = now + max(_LOOK, _SELDOM * (time.monotonic() - now))

    def _left(self) -> bool:
        """Whether slices are left to work on, and this driver should."""
        if self._over:
            return False
        left = self._store.tally(self._backfill).slices
        return bool(left.get("planned") or left.get("running"))

    def _taken(self, future: Future[SliceReport], watcher: Watcher) -> bool:
        """Take what a worker reports; False where it was lost."""
        try:
            report = future.result()
        except BrokenExecutor:
            self._lost += 1
            self._exhausted = False  # somebody must take up what it had
            if self._lost > _LOST:
                self._end(
                    SourceError("workers are lost again and again", hint="look at the memory of this machine")
                )
            return False
        if report.done:
            self._lost = 0
        driven = self._driven
        driven.moved += report.counts.read
        for note in report.notes:
            if note not in driven.notes:
                driven.notes.append(note)
                watcher.note(note)
        for place, why in report.failed.items():
            driven.failed[place] = why
            watcher.note(f"slice {place} has failed: {why}")
        if report.exit_code:
            self._codes.append(report.exit_code)
            driven.error = driven.error or report.error
        failing = len(driven.failed) >= _FAILURES or report.exit_code in _FATAL or bool(report.error)
        self._over |= report.stopped or failing
        self._exhausted |= report.exhausted
        return True

    def _end(self, error: ConnectorError) -> None:
        self._over = True
        self._codes.append(error.exit_code)
        self._driven.error = self._driven.error or str(error)

    def _opened(self, stop: StopSignal) -> Executor:
        """Open an executor, the first one or in place of one whose workers are lost: others take up their slices."""
        with stop.interrupting():  # a cluster may be waited for
            return self._at.open()
