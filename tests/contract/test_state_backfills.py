"""The ledger of a backfill: one transaction with the seam, one holder a slice, and what a lost worker leaves."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from connector.errors import ConfigError, LeaseHeld, LeaseLost
from connector.model import Commit, Counts, Intent, RunReport, Watermark
from connector.state.backfill_store import Claim
from connector.state.backfills import Backfill, lane
from connector.state.schema import now
from connector.state.store import StateStore

TTL = dt.timedelta(seconds=60)
PLACE = Watermark({"rows": {"cursor": ["bigint", "7"], "key": []}})


@pytest.fixture
def store(state_url: str) -> Iterator[StateStore]:
    with StateStore.open(state_url) as opened:
        yield opened


def begun(store: StateStore, slices: int = 3, sync: str = "orders") -> Backfill:
    backfill = Backfill(
        uuid.uuid4().hex,
        sync,
        {"at": [["bigint", "7"]]},
        {"order": "newest"},
        now(),
        paused=False,
        ended=None,
    )
    store.begin_backfill(backfill, [({"upto": n}, 10) for n in range(slices)])
    return backfill


def started(store: StateStore, backfill: Backfill) -> tuple[Claim, str]:
    claim = store.claim(backfill, TTL)
    assert claim is not None
    run = uuid.uuid4().hex
    recovery = store.recover(claim.lease)
    assert store.start_slice(claim.lease, backfill, claim.part, (run, dt.datetime.now(dt.UTC)), recovery)
    return claim, run


def finished(store: StateStore, backfill: Backfill, claim: Claim, run: str, read: int = 10) -> None:
    at = dt.datetime.now(dt.UTC)
    counts = Counts(read=read, delivered=read)
    report = RunReport(run, backfill.sync, claim.lease.lane, at, at, 0, counts)
    store.finish_slice(claim.lease, backfill, claim.part.place, report, "done")
    claim.lease.release()


def beside(store: StateStore) -> tuple[object, object]:
    """The seam and what is held."""
    found = store.beside("orders")
    assert found is not None
    return found[0].seam, found[1]


def lose(store: StateStore, claim: Claim) -> None:
    """Let the holder of a slice be long gone."""
    with store._database.engine.begin() as connection:
        connection.execute(
            sa.text("update connector_leases set expires = 1 where lane = :lane"), {"lane": claim.lease.lane}
        )


def test_seam_ledger_and_live_watermark_are_one_transaction(store: StateStore) -> None:
    """Whoever has lost the live lane writes none of them."""
    backfill = Backfill("b1", "orders", {"at": []}, {}, 1, paused=False, ended=None)
    stale = store.acquire("orders", ttl=TTL)
    stale.release()
    with pytest.raises(LeaseLost):
        store.begin_backfill(backfill, [({}, 1)], lease=stale, watermark=PLACE)
    assert store.backfill("orders") is None
    assert store.beside("orders") is None
    with store.acquire("orders", ttl=TTL) as lease:
        store.begin_backfill(backfill, [({}, 1)], lease=lease, watermark=PLACE, fingerprint={"key": "id"})
    assert (store.watermark("orders"), store.fingerprint("orders")) == (PLACE, {"key": "id"})
    assert beside(store) == ({"at": []}, [])
    with pytest.raises(ConfigError, match="another backfill"):
        begun(store)


def test_slices_are_claimed_in_order_each_by_one(store: StateStore) -> None:
    backfill = begun(store)
    claims = [started(store, backfill) for _ in range(3)]
    assert [claim.part.place for claim, _ in claims] == [1, 2, 3]
    assert store.claim(backfill, TTL) is None
    tally = store.tally(backfill)
    assert (tally.slices, tally.all_rows, tally.total) == ({"running": 3}, 30, 3)
    for claim, run in claims:
        assert not store.end_backfill(backfill)
        finished(store, backfill, claim, run)
    assert store.end_backfill(backfill)
    assert store.beside("orders") is None
    last = store.backfill("orders", unfinished=False)
    assert last is not None
    assert last.ended


def test_two_who_look_at_once_take_two_slices(state_url: str) -> None:
    with StateStore.open(state_url) as one, StateStore.open(state_url) as other:
        backfill = begun(one, 2)
        places = sorted(store.claim(backfill, TTL).part.place for store in (one, other))  # type: ignore[union-attr]
    assert places == [1, 2]


def test_a_lost_slice_is_taken_up_first_from_its_watermark(store: StateStore) -> None:
    """With what its worker left in doubt, and with what it had done in the counts; it can write nothing any more."""
    backfill = begun(store)
    lost, run = started(store, backfill)
    store.hold(lost.lease, backfill, 1, [["bigint", "9"]])
    done = Commit(
        intents=(Intent(1, 4, 4),),
        through=0,
        watermark=Watermark({"slice": 1}),
        counts=Counts(read=4, delivered=4),
    )
    store.commit(lost.lease, run, done)
    lose(store, lost)
    assert beside(store) == (backfill.seam, [["bigint", "9"]])
    claim = store.claim(backfill, TTL)
    assert claim is not None
    assert claim.part.place == 1
    assert store.watermark("orders", lane(backfill.id, 1)) == {"slice": 1}
    recovery = store.recover(claim.lease)
    assert (recovery.in_doubt_requests, recovery.in_doubt_items) == (1, 4)
    again = uuid.uuid4().hex
    assert store.start_slice(claim.lease, backfill, claim.part, (again, dt.datetime.now(dt.UTC)), recovery)
    assert beside(store) == (backfill.seam, [])
    for stale in (
        lambda: store.hold(lost.lease, backfill, 1, []),
        lambda: store.commit(lost.lease, run, Commit(counts=Counts())),
        lambda: finished(store, backfill, lost, run),
    ):
        with pytest.raises(LeaseLost):
            stale()
    finished(store, backfill, claim, again, read=6)
    [first, *_] = store.slices(backfill)
    assert (first.state, first.attempts, first.counts.read, first.counts.delivered) == ("done", 2, 10, 10)


def test_what_is_held_is_of_running_slices_alone(store: StateStore) -> None:
    backfill = begun(store)
    one, first = started(store, backfill)
    other, second = started(store, backfill)
    store.hold(one.lease, backfill, one.part.place, [["bigint", "5"], ["bigint", "6"]])
    store.hold(other.lease, backfill, other.part.place, [["bigint", "6"]])
    assert beside(store)[1] == [["bigint", "5"], ["bigint", "6"]]
    finished(store, backfill, one, first)
    assert beside(store)[1] == [["bigint", "6"]]
    finished(store, backfill, other, second)
    assert beside(store)[1] == []


def test_runs_of_slices_are_no_runs_of_the_sync(store: StateStore) -> None:
    """Status, the last run and what is kept of old ones are of the live lane."""
    with store.acquire("orders", ttl=TTL) as lease:
        store.start_run(lease, "live-run")
        at = dt.datetime.now(dt.UTC)
        store.finish_run(
            lease, RunReport("live-run", "orders", "live", at, at, 0, Counts()), clear_recovered=True
        )
    backfill = begun(store)
    claim, run = started(store, backfill)
    finished(store, backfill, claim, run)
    assert [report.run_id for report in store.runs("orders")] == ["live-run"]
    assert {name: report.run_id for name, report in store.last_runs().items()} == {"orders": "live-run"}
    store.prune("orders", dt.timedelta(seconds=-60))
    with store._database.engine.begin() as connection:
        kept = connection.execute(sa.text("select run_id from connector_runs")).scalars().all()
    assert list(kept) == ["live-run"]


def test_nothing_of_the_lanes_stays_when_it_is_done(store: StateStore) -> None:
    backfill = begun(store, 1)
    claim, run = started(store, backfill)
    store.commit(claim.lease, run, Commit(watermark=Watermark({"slice": 1}), counts=Counts()))
    finished(store, backfill, claim, run)
    assert store.end_backfill(backfill)
    with store._database.engine.begin() as connection:
        for table in ("leases", "watermarks", "intents"):
            left = connection.execute(sa.text(f"select count(*) from connector_{table}")).scalar_one()
            assert left == 0, table


def test_it_goes_with_its_sync(store: StateStore) -> None:
    backfill = begun(store)
    claim, _ = started(store, backfill)
    for change in (
        lambda: store.reset("orders"),
        lambda: store.rename("orders", "sales"),
        lambda: store.abandon_backfill(backfill),
    ):
        with pytest.raises(LeaseHeld):
            change()
    with pytest.raises(LeaseHeld, match="at work on 1 of its slices"):
        store.refuse_backfilling("orders")
    claim.lease.release()
    store.refuse_backfilling("orders")
    store.rename("orders", "sales")
    assert store.backfill("orders") is None
    moved = store.backfill("sales")
    assert moved is not None
    assert moved.id == backfill.id
    store.reset("sales")
    assert store.backfill("sales", unfinished=False) is None
    another = begun(store)
    store.abandon_backfill(another)
    assert store.backfill("orders", unfinished=False) is None


def test_failed_slices_are_planned_again_when_asked(store: StateStore) -> None:
    backfill = begun(store, 2)
    claim, run = started(store, backfill)
    at = dt.datetime.now(dt.UTC)
    report = RunReport(
        run, "orders", claim.lease.lane, at, at, 4, Counts(read=1, rejected=1), error="too many"
    )
    store.finish_slice(claim.lease, backfill, 1, report, "failed")
    claim.lease.release()
    assert [part.error for part in store.slices(backfill)] == ["too many", ""]
    assert started(store, backfill)[0].part.place == 2
    assert store.retry_slices(backfill) == 1
    assert started(store, backfill)[0].part.place == 1
