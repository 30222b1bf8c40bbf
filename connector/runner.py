"""One execution of a sync, from opening its source to its report."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from connector import wiring
from connector.config.models import Sync
from connector.errors import ConnectorError, LeaseHeld, StateError, Stopped, TooManyRejects
from connector.model import Recovery, RunReport, Watermark
from connector.mover import LEASE, HeldLane, Mover, bugs_named
from connector.opening import Decided, Opening
from connector.reading import Moving, News, Opened, Reading
from connector.state import location
from connector.state.lease import Lease
from connector.state.runs import LIVE
from connector.state.store import StateStore
from connector.state.synced import Synced
from connector.stopping import StopSignal
from connector.watching import Options, Watch

# How often a run that waits for a lane looks whether it is free; seconds.
_LOOK_AGAIN = 0.5


def run_sync(
    sync: Sync, options: Options, stop: StopSignal, watch: Watch, reading: Reading | None = None
) -> RunReport:
    """Run a sync once and return its report; every failure is in the report, with its exit code.

    The report is stored with the state whenever the state could be opened.

    Args:
        sync: what to run.
        options: of the command line.
        stop: asks it to end.
        watch: is told how it goes.
        reading: what is moved, if not what is new in the source.
    """
    run = _Run(sync, options, stop, watch, reading or News(options.limit, options.accept))
    try:
        run.execute()
    except ConnectorError as error:
        watch.failed(error)
        return run.failed(error)
    return run.report(0)


class _Run:
    def __init__(
        self, sync: Sync, options: Options, stop: StopSignal, watch: Watch, reading: Reading
    ) -> None:
        self._sync = sync
        self._reading = reading
        self._options = options
        self._stop = stop
        self._watch = watch
        self._id = uuid.uuid4().hex
        self._started = dt.datetime.now(dt.UTC)
        self._mover = Mover(sync, stop, watch.started, self._note)
        self._entered = False
        self._notes: list[str] = []
        self._opening: Opening
        self._reached: Callable[[Watermark], Mapping[str, Any] | None] = lambda _: None
        self._since: Mapping[str, Any] | None = None

    def report(self, exit_code: int | None, error: str = "") -> RunReport:
        """Return the report as of now; an exit code of None means that the run goes on."""
        return RunReport(
            run_id=self._id,
            sync=self._sync.id,
            lane=LIVE,
            started=self._started,
            ended=None if exit_code is None else dt.datetime.now(dt.UTC),
            exit_code=exit_code,
            counts=self._mover.progress.counts,
            rejects=dict(self._mover.progress.rejects),
            warnings=dict(self._mover.progress.warnings),
            notes=tuple(self._notes),
            error=error,
        )

    def failed(self, error: ConnectorError) -> RunReport:
        """Return the report of a run that ended with `error`."""
        return self.report(error.exit_code, str(error))

    def execute(self) -> None:
        """Open everything, move the rows, and close everything; how it ends is written into the store."""
        with ExitStack() as stack:
            with self._stop.interrupting():
                store = stack.enter_context(wiring.open_store(self._options.state))
                lease = stack.enter_context(self._acquire(store))
            try:
                with bugs_named():
                    with wiring.located(self._sync), self._stop.interrupting(), lease.kept():
                        opened = self._open(store, lease, stack)
                        recovery = store.recover(lease)
                        self._start(opened, lease, recovery)
                        moving = self._reading.moving(opened)
                    self._move(opened, lease, moving, recovery)
            except StateError:
                raise
            except ConnectorError as error:
                self._finish(store, lease, self.failed(error))
                raise
            self._finish(store, lease, self.report(0))

    def _acquire(self, store: StateStore) -> Lease:
        """Take the lane, at once or, if the options say so, when its holder has given it back."""
        while True:
            try:
                return store.acquire(self._sync.id, LIVE, ttl=dt.timedelta(seconds=LEASE))
            except LeaseHeld as held:
                if not self._options.wait:
                    raise
                self._note(f"waits: {held.message}")
            if self._stop.event.wait(_LOOK_AGAIN):
                raise Stopped

    def _open(self, store: StateStore, lease: Lease, stack: ExitStack) -> Opened:
        decided = Decided(self._options.accept, self._options.adopt)
        self._opening = Opening(self._sync, store, self._reading.open, decided)

        def synced(watermark: Watermark) -> Synced | None:
            source = self._sync.source
            return store.keep_synced(lease, source.tracked, keyed=source.keyed, new=not watermark)

        return self._opening.open(stack, synced, self._id)

    def _start(self, opened: Opened, lease: Lease, recovery: Recovery) -> None:
        if risk := location.risk(self._options.state):
            self._note(risk)
        if not self._reading.advances:
            opened.store.refuse_backfilling(self._sync.id)
        compared = self._opening.compare(opened)
        for note in compared.notes(self._reading, opened):
            self._note(note)
        if recovery.in_doubt_requests:
            fate = (
                "held as rejects"
                if self._sync.destination.on_doubt == "hold"
                else "sent again with the same eventIds"
            )
            self._note(
                f"an earlier run ended before {recovery.in_doubt_requests} of its requests were answered: "
                f"their {recovery.in_doubt_items} items are in doubt, and are {fate}"
            )
        # What the next run is compared with is how the rows below the watermark were read and mapped.
        known = compared.prints if self._reading.advances else None
        opened.store.start_run(lease, self._id, started=self._started, fingerprint=known, recovery=recovery)
        self._entered = True
        if self._reading.advances:
            self._reached = opened.extractor.reached
            self._since = self._reached(opened.watermark)

    def _move(self, opened: Opened, lease: Lease, moving: Moving, recovery: Recovery) -> None:
        held = HeldLane(opened.store, lease, self._id, not self._reading.advances)
        try:
            learn = self._mover.move(opened, held, moving, recovery, opened.extractor.cancel)
        except TooManyRejects:
            self._conclude(opened, lease)
            raise
        self._conclude(opened, lease)
        learn()

    def _conclude(self, opened: Opened, lease: Lease) -> None:
        if self._stop.requested:
            return
        with self._stop.interrupting(), lease.kept():
            found = self._reading.conclude(opened, lease, self._mover.progress.counts)
        self._mover.progress.counts += found.counts
        for note in found.notes:
            self._note(note)

    def _finish(self, store: StateStore, lease: Lease, report: RunReport) -> None:
        """Write the report, also of a run that could not open its source: `status` must not show an older one."""
        if not self._entered:
            store.start_run(lease, self._id, started=self._started)
        # Only a run that read to the end has passed all that earlier ones left; exit 4 may have stopped it early.
        whole = report.exit_code == 0 and self._reading.whole
        until = self._reached(store.watermark(self._sync.id))
        moved = (self._since, until) if self._since and until else None
        store.finish_run(lease, report, clear_recovered=whole, moved=moved)
        store.prune(self._sync.id, self._sync.rejects.retention)

    def _note(self, text: str) -> None:
        if text not in self._notes:
            self._notes.append(text)
            self._watch.note(text)
