"""Moves the rows of one lane through the pipeline: the same for a run and for a slice of a backfill."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from connector import wiring
from connector.config.models import Sync
from connector.errors import Bug, ConnectorError
from connector.feed import Feed
from connector.model import Commit, Recovery
from connector.open_rejects import OpenRejects
from connector.pipeline import Pipeline, Settings
from connector.progress import Progress
from connector.reading import Moving, Opened
from connector.sharing import shared
from connector.state.lease import Lease
from connector.state.runs import LIVE
from connector.state.store import StateStore
from connector.stopping import StopSignal

# Without a sign of life for this long, another host may take the lane over; seconds.
LEASE = float(os.environ.get("CONNECTOR_LEASE") or 60)


@dataclass(frozen=True, slots=True)
class HeldLane:
    """Where the pipeline commits: the store, under a lease."""

    store: StateStore
    lease: Lease
    run_id: str
    replay: bool = False

    def commit(self, commit: Commit) -> None:
        """Make everything in `commit` durable."""
        self.store.commit(self.lease, self.run_id, commit, replay=self.replay)

    def renew(self) -> None:
        """Keep the lease."""
        self.lease.renew()


class Mover:
    """One move.

    Args:
        sync: what is moved, and where to.
        stop: asks it to end.
        started: told what it knows, as soon as it does.
        note: takes sentences for the person who watches.

    Attributes:
        progress: how far it is.
    """

    def __init__(
        self,
        sync: Sync,
        stop: StopSignal,
        started: Callable[[Progress], None],
        note: Callable[[str], None],
    ) -> None:
        self.progress = Progress()
        self._sync = sync
        self._stop = stop
        self._started = started
        self._note = note

    def move(
        self,
        opened: Opened,
        held: HeldLane,
        moving: Moving,
        recovery: Recovery,
        interrupt: Callable[[], None],
    ) -> Callable[[], None]:
        """Move everything, commit it, and return what notes for later moves what was learned of the destination.

        Args:
            opened: source and mapping.
            held: the lane.
            moving: what goes in.
            recovery: what an earlier holder of the lane has left.
            interrupt: ends what blocks the reading of `moving`.

        Raises:
            ConnectorError: why it ended early; everything acknowledged is committed.
        """
        sync, store = self._sync, opened.store
        transport, halt = wiring.open_transport(sync), threading.Event()
        self._stop.wakes(halt.set)
        destination = wiring.destination_print(sync)
        learned = store.learned(destination)
        attempts = wiring.open_attempts(sync, transport, halt, lambda: not held.lease.expired, learned)
        self._stop.wakes(attempts.stop)
        known = OpenRejects(opened.mapper.key_hashes([*moving.open_rejects]))
        pipeline = Pipeline(_settings(sync), attempts, moving.lane(held), recovery, known, self._stop)
        self._follow(pipeline.progress)

        def start_feed(deliver: Callable[..., None]) -> Feed:
            feed = Feed(moving.batches, interrupt, moving.mapper, deliver, moving.rest)
            feed.start()
            return feed

        def abort() -> None:
            halt.set()
            attempts.stop()
            transport.close()

        def learn() -> None:
            if attempts.accepted and (now := attempts.tuning.learned()) != learned:
                store.learn(destination, now)

        try:
            with shared(store, (destination, held.run_id), attempts, live=held.lease.lane == LIVE):
                pipeline.run(start_feed, abort)
        finally:
            abort()
            self._tell((*opened.extractor.notes(), *attempts.notes()))
        return learn

    def _tell(self, notes: Iterable[str]) -> None:
        for note in notes:
            self._note(note)

    def _follow(self, progress: Progress) -> None:
        self.progress = progress
        self._started(progress)


def _settings(sync: Sync) -> Settings:
    return Settings(
        concurrency=sync.destination.concurrency,
        window=sync.destination.window,
        hold_doubtful=sync.destination.on_doubt == "hold",
        rejects=sync.rejects,
        shutdown_timeout=sync.shutdown_timeout.total_seconds(),
        heartbeat=min(2.0, LEASE / 4),
    )


@contextmanager
def bugs_named() -> Iterator[None]:
    """Turn what nobody foresaw into a Bug, by its class alone: its words may hold values of rows."""
    try:
        yield
    except ConnectorError:
        raise
    except Exception as error:
        raise Bug(
            f"a mistake of the program ({type(error).__name__}); nothing acknowledged is lost",
            hint="please report it, with what `connector --debug run` prints (it may hold values of rows)",
        ) from error
