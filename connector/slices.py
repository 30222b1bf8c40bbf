"""Slices of a backfill, worked on wherever `run_slice` is called: it opens everything, and the ledger says what is next."""

from __future__ import annotations

import datetime as dt
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from connector import wiring
from connector.arenas import few_arenas
from connector.config.models import Sync
from connector.config.reader import load_sync
from connector.errors import ConnectorError, LeaseLost, StateError, Stopped
from connector.feed import Maps
from connector.holding import Holding
from connector.model import Counts, RunReport, SourceBatch
from connector.mover import LEASE, HeldLane, Mover, bugs_named
from connector.opening import Decided, Opening
from connector.progress import Progress
from connector.reading import Moving, Opened
from connector.state.backfill_store import Claim
from connector.state.backfills import Backfill, State
from connector.state.lease import Lease
from connector.state.store import StateStore
from connector.state.synced import Synced
from connector.stopping import StopSignal
from connector.unchanged import Unchanged, once

# How often a worker looks whether the backfill is paused or its driver is gone; seconds.
_LOOK = 0.5


@dataclass(frozen=True, slots=True)
class SliceOrder:
    """What a worker is told: plain data, good on any machine that reaches source, state and destination.

    Attributes:
        sync: its YAML file, or the sync as it was loaded.
        environment: of connector.yaml, where `sync` is a file.
        state: the state store's URL.
        backfill: its id.
        patience: for so many seconds one slice after the other is taken, as it costs something to open everything.
    """

    sync: Path | Sync
    environment: str | None
    state: str
    backfill: str
    patience: float = 20.0


@dataclass(slots=True)
class SliceReport:
    """What a worker did: plain data.

    Attributes:
        done: the places of the slices that it has finished.
        failed: place -> why it failed.
        counts: of all of them.
        exit_code: 0, or that of what ended it.
        error: what ended it before it had a slice, or with one.
        exhausted: whether no slice was left to take.
        stopped: whether it was told to end: the backfill is paused, or nobody drives it.
        notes: what a person should know.
    """

    done: list[int] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    exit_code: int = 0
    error: str = ""
    exhausted: bool = False
    stopped: bool = False
    notes: list[str] = field(default_factory=list)


def run_slice(order: SliceOrder) -> SliceReport:
    """Take slices from the ledger and move their rows; what goes wrong is in the report.

    Holds no state: a worker that is lost loses its lease, and another goes on from the slice's watermark.
    """
    few_arenas()
    report = SliceReport()
    stop = StopSignal()
    try:
        with bugs_named(), ExitStack() as stack:
            sync = order.sync
            if isinstance(sync, Path):
                sync = load_sync(sync, environment=order.environment)
            store = stack.enter_context(wiring.open_store(order.state))
            backfill = store.backfill_of(order.backfill)
            if backfill is None or backfill.ended is not None:
                report.exhausted = True
                return report
            if backfill.paused:
                stop.request()
            stack.enter_context(_watched(store, backfill, stop))
            with wiring.located(sync):
                _Worker(sync, store, backfill, stop, report).work(stack, time.monotonic() + order.patience)
    except ConnectorError as error:
        report.exit_code, report.error = error.exit_code, str(error)
    report.stopped = stop.requested
    return report


@contextmanager
def _watched(store: StateStore, backfill: Backfill, stop: StopSignal) -> Iterator[None]:
    """While inside, stop when the backfill is paused or forgotten, or nobody drives it any more."""
    done = threading.Event()

    def look() -> None:
        while not done.wait(_LOOK):
            with suppress(ConnectorError):
                now = store.backfill_of(backfill.id)
                if now is None or now.paused or not store.is_driven(backfill):
                    stop.request()
                    done.wait()  # as long as this thread lives, a slice is being worked on

    thread = threading.Thread(target=look, name="overseer", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


class _Worker:
    def __init__(
        self, sync: Sync, store: StateStore, backfill: Backfill, stop: StopSignal, report: SliceReport
    ) -> None:
        self._sync = sync
        self._store = store
        self._backfill = backfill
        self._stop = stop
        self._report = report
        self._opened: Opened

    def work(self, stack: ExitStack, until: float) -> None:
        if self._stop.requested:
            return
        opening = Opening(self._sync, self._store, wiring.open_extractor, Decided())
        self._opened = opening.open(stack, lambda _: self._known())
        opening.compare(self._opened)
        while not self._stop.requested:
            claim = self._store.claim(self._backfill, dt.timedelta(seconds=LEASE))
            if claim is None:
                self._report.exhausted = True
                return
            with claim.lease:
                self._one(claim)
            if self._report.failed or time.monotonic() > until:
                return

    def _known(self) -> Synced | None:
        """Return what Track has: what other slices send meanwhile is of other rows, and what the live lane sends newer."""
        source = self._sync.source
        return self._store.foresee_synced(self._sync.id, source.tracked, keyed=source.keyed, new=False)

    def _one(self, claim: Claim) -> None:
        lease, place = claim.lease, claim.part.place
        if self._sync.source.tracked:
            self._store.adopt_synced(lease)
        run_id, started = uuid.uuid4().hex, dt.datetime.now(dt.UTC)
        recovery = self._store.recover(lease)
        if not self._store.start_slice(lease, self._backfill, claim.part, (run_id, started), recovery):
            return
        notes = self._report.notes

        def note(text: str) -> None:
            if text not in notes:
                notes.append(text)

        mover = Mover(self._sync, self._stop, lambda _: None, note)
        error: ConnectorError | None = None
        try:
            with bugs_named(), self._stop.meanwhile():
                moving, interrupt = self._moving(claim)
                held = HeldLane(self._store, lease, run_id)
                mover.move(self._opened, held, moving, recovery, interrupt)()
        except (LeaseLost, StateError):
            raise  # nothing can be written: whoever takes the slice up goes on from its watermark
        except ConnectorError as raised:
            error = raised
        ended = _ended(self._sync, lease, (run_id, started), mover.progress, error)
        state: State = "done" if error is None else "planned" if isinstance(error, Stopped) else "failed"
        self._store.finish_slice(lease, self._backfill, place, ended, state)
        self._report.counts += ended.counts
        if error is None:
            self._report.done.append(place)
        elif state == "failed":
            self._report.failed[place] = str(error)
            self._report.exit_code = error.exit_code

    def _moving(self, claim: Claim) -> tuple[Moving, Callable[[], None]]:
        opened, store, backfill = self._opened, self._store, self._backfill
        place = claim.part.place
        holding = Holding(lambda values: store.hold(claim.lease, backfill, place, values))
        watermark = store.watermark(self._sync.id, claim.lease.lane)
        batches = opened.extractor.read_slice(
            opened.mapper.columns,
            (backfill.seam, claim.part.bounds),
            watermark,
            holding.look if backfill.asked.get("ordered") else lambda _: None,
        )
        read = threading.Event()

        def reading() -> Iterator[SourceBatch]:
            yield from holding.reading(batches)
            read.set()

        def interrupt() -> None:
            if not read.is_set():  # the source is used again for the next slice
                opened.extractor.cancel()

        mapper: Maps = opened.mapper
        if opened.synced is not None:
            mapper = Unchanged(opened.mapper, opened.synced, once(self._sync))
        rejects = store.open_reject_keys(self._sync.id)
        return Moving(reading(), mapper, open_rejects=rejects, lane=holding.lane), interrupt


def _ended(
    sync: Sync,
    lease: Lease,
    run: tuple[str, dt.datetime],
    progress: Progress,
    error: ConnectorError | None,
) -> RunReport:
    return RunReport(
        run_id=run[0],
        sync=sync.id,
        lane=lease.lane,
        started=run[1],
        ended=dt.datetime.now(dt.UTC),
        exit_code=0 if error is None else error.exit_code,
        counts=progress.counts,
        rejects=dict(progress.rejects),
        warnings=dict(progress.warnings),
        error="" if error is None else str(error),
    )
