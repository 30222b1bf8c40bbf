"""Backfills, as a part of the state store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from connector.errors import ConfigError, LeaseHeld
from connector.model import Counts, Recovery, RunReport, Watermark
from connector.state import backfills, commits, runs, syncs, watermarks
from connector.state.backfills import Backfill, LedgerSlice, State, Tally
from connector.state.lease import Lease, acquire, fenced, locked_row, lost, refuse_if_held
from connector.state.runs import LIVE
from connector.state.schema import backfills as table
from connector.state.schema import leases, moment, now, slices
from connector.state.synced_store import SyncedStore


@dataclass(frozen=True, slots=True)
class Claim:
    """A slice whose lane is held, and by which lease."""

    part: LedgerSlice
    lease: Lease


class BackfillStore(SyncedStore):
    """Backfills of all syncs: each its seam and its ledger of slices."""

    def begin_backfill(
        self,
        backfill: Backfill,
        parts: Sequence[tuple[Mapping[str, Any], int]],
        *,
        lease: Lease | None = None,
        watermark: Watermark | None = None,
        fingerprint: Mapping[str, Any] | None = None,
    ) -> None:
        """Write seam, ledger, and where the live lane goes on from, in one transaction.

        Args:
            backfill: what is begun.
            parts: bounds of slices and about how many rows they have, in the order of work.
            lease: of the live lane, where it must not move meanwhile.
            watermark: changed parts of the live lane's, with `lease`.
            fingerprint: the sync's from now on, where it had none.

        Raises:
            ConfigError: another one of the sync is not done.
            LeaseLost: another process holds the live lane; nothing was written.
        """

        def work(connection: sa.Connection) -> None:
            known = backfills.found(connection, table.c.sync == backfill.sync, table.c.ended.is_(None))
            if known is not None and known.id == backfill.id:
                return  # it was committed, and the answer was lost
            if known is not None:
                raise ConfigError(
                    f"another backfill of {backfill.sync} was begun meanwhile", hint="look at its --status"
                )
            syncs.enter(connection, backfill.sync, fingerprint)
            backfills.insert(connection, backfill, parts)
            if watermark:
                watermarks.put(connection, backfill.sync, LIVE, watermark)

        if lease is None:
            self._database.write(work)
        else:
            fenced(lease, work)

    def backfill(self, sync_id: str, *, unfinished: bool = True) -> Backfill | None:
        """Return the newest backfill of a sync, if that is not done or any may be meant."""
        conditions = (table.c.sync == sync_id, *([table.c.ended.is_(None)] if unfinished else []))
        return self._database.read(lambda connection: backfills.found(connection, *conditions))

    def backfill_of(self, backfill_id: str) -> Backfill | None:
        """Return a backfill by its id."""
        return self._database.read(
            lambda connection: backfills.found(connection, table.c.backfill == backfill_id)
        )

    def merge_synced(self, lease: Lease, without: Collection[tuple[int, int]] = ()) -> None:
        """Merge as `SyncedStore`; for its own sake not while slices of a backfill read what there is."""
        if without or self.backfill(lease.sync) is None:
            super().merge_synced(lease, without)

    def beside(self, sync_id: str) -> tuple[Backfill, Sequence[Any]] | None:
        """Return the backfill of a sync that is not done, and what its running slices hold."""

        def work(connection: sa.Connection) -> tuple[Backfill, Sequence[Any]] | None:
            found = backfills.found(connection, table.c.sync == sync_id, table.c.ended.is_(None))
            return None if found is None else (found, backfills.holding(connection, found.id))

        return self._database.read(work)

    # ── slices ────────────────────────────────────────────────────────────────────────────────────────────

    def claim(self, backfill: Backfill, ttl: dt.timedelta) -> Claim | None:
        """Take the lane of the next slice: one whose worker is lost, else one that is planned; None where none is left."""
        after, refused = 0, set[int]()
        while True:
            places = [place for place in self._candidates(backfill, after) if place not in refused]
            if not places:
                return None
            for place in places:
                try:
                    lease = acquire(self._database, (backfill.sync, backfills.lane(backfill.id, place)), ttl)
                except LeaseHeld:  # somebody was faster
                    refused.add(place)
                    after = max(after, place)
                    continue
                part = self._slice(backfill, place)
                if part is not None and part.state in ("planned", "running"):
                    return Claim(part, lease)
                lease.release()

    def _candidates(self, backfill: Backfill, after: int) -> list[int]:
        return self._database.read(
            lambda connection: backfills.candidates(connection, self._database, backfill, after)
        )

    def _slice(self, backfill: Backfill, place: int) -> LedgerSlice | None:
        return self._database.read(lambda connection: backfills.load(connection, backfill.id, place))

    def start_slice(
        self,
        lease: Lease,
        backfill: Backfill,
        part: LedgerSlice,
        run: tuple[str, dt.datetime],
        recovery: Recovery,
    ) -> bool:
        """Enter the run of a slice, and what a lost worker had done of it; False where somebody has settled it since.

        Raises:
            LeaseLost: another process holds the lane.
        """
        run_id, started = run
        mine = False

        def work(connection: sa.Connection) -> None:
            nonlocal mine
            known = backfills.load(connection, backfill.id, part.place)
            mine = known is not None and known.state in ("planned", "running")
            if known is None or not mine:
                return
            counts, worked = known.counts, known.worked
            if known.state == "running" and (died := runs.bury(connection, known.run)) is not None:
                counts, worked = _settled(counts, died), worked + _took(died)
            runs.enter(connection, lease, run_id, started, Counts(in_doubt=recovery.in_doubt_items))
            values = {"counts": runs.counts_to_json(counts), "worked": worked, "run": run_id, "error": ""}
            backfills.update(
                connection,
                backfill.id,
                part.place,
                state="running",
                attempts=known.attempts + 1,
                started=now(),
                holding=None,
                **values,
            )
            commits.settle_doubt(connection, lease)

        fenced(lease, work)
        return mine

    def hold(self, lease: Lease, backfill: Backfill, place: int, values: Sequence[Any]) -> None:
        """Let the live lane read only below each of `values` from now on.

        Raises:
            LeaseLost: another process holds the slice.
        """
        bind = {**lease.bind(), "b_backfill": backfill.id, "b_place": place}
        if not self._database.write(lambda connection: backfills.hold(connection, bind, values)):
            raise lost(lease)

    def finish_slice(
        self, lease: Lease, backfill: Backfill, place: int, report: RunReport, state: State
    ) -> None:
        """Write how the run of a slice ended, and what the slice is from now on.

        Raises:
            LeaseLost: another process holds the lane.
        """

        def work(connection: sa.Connection) -> None:
            runs.finish(connection, report)
            known = backfills.load(connection, backfill.id, place)
            if known is None:
                return
            backfills.update(
                connection,
                backfill.id,
                place,
                state=state,
                counts=runs.counts_to_json(_settled(known.counts, report)),
                worked=known.worked + _took(report),
                holding=None,
                error=report.error if state == "failed" else "",
            )
            if state == "done":
                commits.forget_recovered(connection, lease)

        fenced(lease, work)

    # ── what people do ────────────────────────────────────────────────────────────────────────────────────

    def pause_backfill(self, backfill: Backfill, paused: bool) -> None:
        """Let no slice be worked on, or let them be again."""
        change = sa.update(table).where(table.c.backfill == backfill.id).values(paused=int(paused))
        self._database.write(lambda connection: connection.execute(change))

    def retry_slices(self, backfill: Backfill) -> int:
        """Plan failed slices again; return how many."""
        failed = (slices.c.backfill == backfill.id, slices.c.state == "failed")
        change = sa.update(slices).where(*failed).values(state="planned", error="")
        return self._database.write(lambda connection: connection.execute(change).rowcount)

    def end_backfill(self, backfill: Backfill) -> bool:
        """Note that a backfill is done, if every slice is; what its lanes have kept is of no use then."""

        def work(connection: sa.Connection) -> bool:
            left = backfills.tally(connection, backfill.id).slices
            if set(left) - {"done"}:
                return False
            change = sa.update(table).where(table.c.backfill == backfill.id, table.c.ended.is_(None))
            connection.execute(change.values(ended=now()))
            backfills.clear(connection, backfill)
            return True

        return self._database.write(work)

    def abandon_backfill(self, backfill: Backfill) -> None:
        """Forget a backfill and its ledger; what it has delivered stays delivered.

        Raises:
            LeaseHeld: somebody works on it.
        """

        def work(connection: sa.Connection) -> None:
            known = connection.execute(sa.select(leases.c.lane).where(leases.c.sync == backfill.sync))
            prefix = backfills.lane(backfill.id)
            for lane in sorted(name for name in known.scalars() if name.startswith(prefix)):
                refuse_if_held(connection, locked_row(connection, (backfill.sync, lane)), self._database)
            backfills.clear(connection, backfill)
            backfills.drop(connection, table.c.backfill == backfill.id)

        self._database.write(work)

    def tally(self, backfill: Backfill) -> Tally:
        """Return how far a backfill is."""
        return self._database.read(lambda connection: backfills.tally(connection, backfill.id))

    def slices(self, backfill: Backfill) -> list[LedgerSlice]:
        """Return all slices of a backfill, in the order of work."""
        return self._database.read(lambda connection: backfills.listed(connection, backfill.id))

    def is_driven(self, backfill: Backfill) -> bool:
        """Tell whether somebody drives a backfill: its workers stop when that ends."""
        return self._database.read(lambda connection: backfills.driven(connection, self._database, backfill))

    def refuse_backfilling(self, sync_id: str) -> None:
        """Refuse what must not happen while slices of a sync are worked on.

        Raises:
            LeaseHeld: some are.
        """

        def work(connection: sa.Connection) -> list[int]:
            found = backfills.found(connection, table.c.sync == sync_id, table.c.ended.is_(None))
            return backfills.busy(connection, self._database, found) if found else []

        if busy := self._database.read(work):
            raise LeaseHeld(
                f"a backfill of sync {sync_id} is at work on {len(busy)} of its slices",
                hint="wait until it is done, or let it rest meanwhile (connector backfill --pause)",
            )


def _settled(before: Counts, report: RunReport) -> Counts:
    """Add what a run has finished: what it read and did not finish is read again."""
    counts = report.counts
    return before + replace(counts, read=counts.read - counts.unfinished, unfinished=0)


def _took(report: RunReport) -> int:
    ended = report.ended or moment(now())
    return max(0, (ended - report.started) // dt.timedelta(microseconds=1))
