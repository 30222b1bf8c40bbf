"""The state store: what survives a run, in SQLite or PostgreSQL, one transaction at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

from connector.model import Commit, Counts, Holder, Recovery, RunReport, Watermark
from connector.state import commits, copying, destinations, forgotten, paces, rejects, runs, syncs, watermarks
from connector.state.backfill_store import BackfillStore
from connector.state.database import Database
from connector.state.lease import Lease, acquire, fenced
from connector.state.rejects import RejectFilter
from connector.state.runs import LIVE
from connector.state.syncs import SyncState


class StateStore(BackfillStore):
    """Watermarks, intents, runs, rejects and leases of all syncs.

    May be used by several threads, which wait for each other. Every method raises StateError where the store
    cannot be read or written; no message holds a watermark, a key, a row or a password.
    """

    @classmethod
    def open(cls, url: str, *, read_only: bool = False) -> Self:
        """Open a store, creating or migrating it as need be.

        Args:
            url: of SQLite or PostgreSQL, as SQLAlchemy writes it; a relative path is relative to the working folder.
            read_only: create and migrate nothing; where there is no store, an empty one is read.

        Raises:
            StateError: it cannot be opened, or is no state store.
            StateVersionError: a newer version of the connector wrote it.
            CredentialsError: PostgreSQL refuses user or password.
            ConfigError: the URL is no such URL, or the driver is not installed.
        """
        return cls(Database(url, read_only=read_only))

    @property
    def where(self) -> str:
        """The store as messages name it, without its password."""
        return self._database.where

    def close(self) -> None:
        """Close it. Leases still held end by expiry, or as soon as this process is gone."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ── a run on its lane ─────────────────────────────────────────────────────────────────────────────────

    def acquire(
        self, sync_id: str, lane: str = LIVE, *, ttl: dt.timedelta, holder: Holder | None = None
    ) -> Lease:
        """Take the lease of a lane: free, run out, or of a process of this host that is provably gone.

        Raises:
            LeaseHeld: someone else holds it; says who and since when.
        """
        return acquire(self._database, (sync_id, lane), ttl, holder)

    def recover(self, lease: Lease) -> Recovery:
        """Return what earlier holders left unfinished on the lane. Reads only: `start_run` counts it."""
        return self._database.read(lambda connection: commits.recovery(connection, lease.bind()))

    def left(self, sync_id: str, lane: str = LIVE) -> Recovery:
        """Return what was left unfinished on a lane that nobody need hold; of a run that goes on, all of it."""
        nobody = {"b_sync": sync_id, "b_lane": lane, "b_token": -1}
        return self._database.read(lambda connection: commits.recovery(connection, nobody))

    def start_run(
        self,
        lease: Lease,
        run_id: str,
        *,
        started: dt.datetime | None = None,
        fingerprint: Mapping[str, Any] | None = None,
        recovery: Recovery | None = None,
    ) -> None:
        """Enter a run.

        Args:
            lease: of the lane it runs on.
            run_id: unique among all runs.
            started: when, aware; now by default.
            fingerprint: the sync's from now on: source, cursor, key, mapping, transform, destination, as JSON.
            recovery: what `recover` returned: its items in doubt become this run's, and are not counted again.

        Raises:
            LeaseLost: another process holds the lane.
        """
        counts = Counts(in_doubt=recovery.in_doubt_items if recovery else 0)

        def work(connection: sa.Connection) -> None:
            syncs.enter(connection, lease.sync, fingerprint)
            runs.start(connection, lease, run_id, started or dt.datetime.now(dt.UTC), counts)
            if recovery:
                commits.settle_doubt(connection, lease)

        fenced(lease, work)

    def commit(self, lease: Lease, run_id: str, commit: Commit, *, replay: bool = False) -> None:
        """Make everything in `commit` durable together, and renew the lease.

        What a `replay` of rejects leaves behind when it dies is kept apart from what runs leave.

        Durable against the death of the process; an SQLite file may lose the last commits to a power loss.

        Raises:
            LeaseLost: another process holds the lane; nothing was written.
            StateError: the store cannot be written; nothing was written.
        """
        fenced(lease, lambda connection: commits.write(connection, lease, run_id, commit, replay=replay))

    def settle_rejects(
        self, lease: Lease, run_id: str, *, keys: Sequence[str] = (), event_ids: Sequence[str] = ()
    ) -> None:
        """Close the open rejects of rows that a run has dealt with, but those that it has rejected again.

        Args:
            lease: of the lane it runs on.
            run_id: the run.
            keys: canonical keys of the rows.
            event_ids: their eventIds, for rows without a key.

        Raises:
            LeaseLost: another process holds the lane; nothing was written.
        """
        fenced(
            lease,
            lambda connection: rejects.close_older(connection, lease.sync, run_id, keys, event_ids),
        )

    def finish_run(
        self, lease: Lease, report: RunReport, *, clear_recovered: bool, moved: runs.Moved | None = None
    ) -> None:
        """Write how a run ended.

        Args:
            lease: of the lane it ran on.
            report: the whole report; `ended` is now where it is None.
            clear_recovered: whether the watermark has passed all that earlier holders left, so that it may go.
            moved: how far runs had come before and after it, as its source tells it.

        Raises:
            LeaseLost: another process holds the lane.
        """

        def work(connection: sa.Connection) -> None:
            runs.finish(connection, report, moved)
            if clear_recovered:
                commits.forget_recovered(connection, lease)

        fenced(lease, work)

    def watermark(self, sync_id: str, lane: str = LIVE) -> Watermark:
        """Return all parts of a lane's watermark, exactly as committed; empty where there is none."""
        return self._database.read(lambda connection: watermarks.load(connection, sync_id, lane))

    def fingerprint(self, sync_id: str) -> dict[str, Any] | None:
        """Return the fingerprint last stored, None for a sync without one."""
        return self._database.read(lambda connection: syncs.fingerprint(connection, sync_id))

    # ── what is known across runs ─────────────────────────────────────────────────────────────────────────

    def learned(self, destination: str) -> dict[str, Any]:
        """Return what delivery has learned about a destination; empty where nothing is known."""
        return self._database.read(lambda connection: destinations.load(connection, destination))

    def learn(self, destination: str, values: Mapping[str, Any]) -> None:
        """Replace what is known of a destination by JSON values. Needs no lease: the last to write is right."""
        self._database.write(lambda connection: destinations.put(connection, destination, values))

    def take_pace(
        self,
        place: tuple[str, str],
        claim: tuple[bool, float],
        seconds: float,
        decide: Callable[[Sequence[paces.Sender]], float],
    ) -> tuple[float, list[paces.Sender]]:
        """Let a sender hold a share of a destination's pace for some seconds; see `paces.take`."""
        return self._database.write(lambda connection: paces.take(connection, place, claim, seconds, decide))

    def drop_pace(self, place: tuple[str, str]) -> None:
        """Give a share back."""
        self._database.write(lambda connection: paces.drop(connection, place))

    def forgotten(self, sync_id: str) -> tuple[tuple[str, str], ...]:
        """Return (kind, digest) of everything of a sync that must not be sent again, in their order."""
        return self._database.read(lambda connection: forgotten.load(connection, sync_id))

    def forget(
        self, lease: Lease, digests: Iterable[tuple[str, str]], purge: Iterable[RejectFilter] = ()
    ) -> int:
        """Remember what must not be sent again, and delete rejects in the same transaction.

        Args:
            lease: of a lane of the sync.
            digests: pairs of a kind (``key`` or ``user``) and a hex SHA-256.
            purge: the rejects to delete.

        Returns:
            How many rejects were deleted.

        Raises:
            LeaseLost: another process holds the lane; nothing was written.
        """
        wanted, meant, deleted = set(digests), tuple(purge), 0

        def work(connection: sa.Connection) -> None:
            nonlocal deleted
            forgotten.put(connection, lease.sync, wanted)
            deleted = sum(rejects.delete(connection, each) for each in meant)

        fenced(lease, work)
        return deleted

    def scrub(self) -> list[str]:
        """Wipe what was deleted from the file, so that no copy of it is left; on PostgreSQL its vacuum does that.

        Returns:
            The backups that migrations left beside the file: they hold what they held.
        """
        return self._database.scrub()

    # ── between runs ──────────────────────────────────────────────────────────────────────────────────────

    def syncs(self) -> list[SyncState]:
        """Return every sync that has state, in the order of their ids."""
        return self._database.read(lambda connection: syncs.listed(connection, self._database))

    def set_watermark(self, sync_id: str, watermark: Watermark, lane: str = LIVE) -> None:
        """Replace a lane's watermark, all its parts.

        What an interrupted run delivered beyond the old one is forgotten, so it is sent again from the new one.

        Raises:
            LeaseHeld: a run holds the sync.
        """

        def work(connection: sa.Connection) -> None:
            syncs.seize(connection, self._database, sync_id, lane)
            syncs.enter(connection, sync_id)
            watermarks.replace(connection, sync_id, lane, watermark)
            commits.forget_acknowledged(connection, sync_id, lane)

        self._database.write(work)

    def reset(self, sync_id: str) -> None:
        """Forget watermarks, intents, synced and fingerprint of a sync; runs, rejects and `forgotten` stay.

        Raises:
            LeaseHeld: a run holds the sync.
        """

        def work(connection: sa.Connection) -> None:
            syncs.seize(connection, self._database, sync_id)
            syncs.reset(connection, sync_id)

        self._database.write(work)

    def rename(self, old_id: str, new_id: str) -> None:
        """Give a sync's state, runs and rejects another id.

        Raises:
            LeaseHeld: a run holds one of the two.
            ConfigError: there is nothing under the old id, or something under the new one.
        """

        def work(connection: sa.Connection) -> None:
            for sync in sorted({old_id, new_id}):
                syncs.seize(connection, self._database, sync)
            syncs.rename(connection, old_id, new_id)

        self._database.write(work)

    def copy_to(self, target: StateStore) -> dict[str, int]:
        """Copy everything into a store that holds nothing yet, in one transaction there.

        Returns:
            The number of rows by the name of their table.

        Raises:
            LeaseHeld: a run holds a sync of this store.
            ConfigError: the target holds something.
        """
        return copying.copy(self._database, target._database)
