"""What people look up in a store: the runs of each sync and its rejects."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator

import sqlalchemy as sa

from connector.model import RunReport
from connector.state import rejects, runs
from connector.state.database import Database
from connector.state.rejects import RejectFilter, RejectGroup, StoredReject
from connector.state.runs import Move


class History:
    """Runs and rejects. Where a method takes a filter, a sync's id stands for all its open rejects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def runs(self, sync_id: str, limit: int = 20) -> list[RunReport]:
        """Return the runs of a sync, the newest first. One that goes on has no `ended`; one that died has no exit code."""
        return self._database.read(lambda connection: runs.latest(connection, sync_id, limit))

    def moves(self, sync_id: str, lane: str) -> list[Move]:
        """Return what the runs of a lane have read, and from where to where, the oldest first."""
        return self._database.read(lambda connection: runs.moves(connection, sync_id, lane))

    def last_runs(self) -> dict[str, RunReport]:
        """Return the newest run of every sync, by its id."""
        return self._database.read(runs.last_of_each)

    def list_rejects(self, wanted: RejectFilter | str, limit: int = 100) -> list[StoredReject]:
        """Return rejects, the newest first."""
        meant = _filter(wanted)
        return self._database.read(lambda connection: rejects.listed(connection, meant, limit))

    def iterate_rejects(self, wanted: RejectFilter | str, page: int = 1000) -> Iterator[StoredReject]:
        """Yield rejects in the order of eventId and reason, at most `page` of them in memory.

        What is rejected, closed or deleted meanwhile may or may not be seen; every other one is, once.
        """
        return rejects.iterate(self._database, _filter(wanted), page)

    def count_rejects(self, wanted: RejectFilter | str) -> int:
        """Return how many rejects there are."""
        meant = _filter(wanted)
        return self._database.read(lambda connection: rejects.count(connection, meant))

    def reject_groups(self, wanted: RejectFilter | str) -> list[RejectGroup]:
        """Return rejects counted by reason, the largest group first."""
        meant = _filter(wanted)
        return self._database.read(lambda connection: rejects.groups(connection, meant))

    def get_reject(self, event_id: str, sync_id: str | None = None) -> list[StoredReject]:
        """Return the rejects under an eventId (one for each reason and sync), closed ones too, the newest first."""
        return self._database.read(lambda connection: rejects.by_event(connection, event_id, sync_id))

    def open_reject_keys(self, sync_id: str) -> list[str]:
        """Return the canonical keys of a sync's open rejects, each once. Costs next to nothing where none is open."""
        return self._database.read(lambda connection: rejects.open_keys(connection, sync_id))

    def close_rejects(self, sync_id: str, event_ids: Iterable[str]) -> None:
        """Mark rejects as settled; one that comes by again is open again."""
        wanted = tuple(event_ids)
        self._database.write(lambda connection: rejects.close(connection, sync_id, wanted))

    def delete_rejects(self, wanted: RejectFilter | str) -> int:
        """Delete rejects in one transaction, also while a run goes on. Returns how many."""
        meant = _filter(wanted)
        return self._database.write(lambda connection: rejects.delete(connection, meant))

    def prune(self, sync_id: str, retention: dt.timedelta) -> None:
        """Delete the rejects of a sync last seen, and its runs ended, longer ago than `retention`.

        Of the live lane stay the newest run and the newest that ended well.
        """

        def work(connection: sa.Connection) -> None:
            rejects.prune(connection, sync_id, retention)
            runs.prune(connection, sync_id, retention)

        self._database.write(work)


def _filter(wanted: RejectFilter | str) -> RejectFilter:
    return RejectFilter(wanted) if isinstance(wanted, str) else wanted
