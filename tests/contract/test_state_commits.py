"""What a run commits, and what the next run finds of it: the same on every kind of store."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.errors import Bug
from connector.model import Commit, Counts, Intent, Recovery, Reject, RunReport, Watermark
from connector.state.lease import Lease
from connector.state.store import StateStore

TTL = dt.timedelta(seconds=60)
START = dt.datetime(2026, 3, 1, 6, 0, 0, 123456, tzinfo=dt.UTC)


@pytest.fixture
def store(state_url: str) -> Iterator[StateStore]:
    with StateStore.open(state_url) as opened:
        yield opened


def digests(*values: int) -> bytes:
    return np.array(values, np.uint64).tobytes()


def started(store: StateStore, run_id: str = "run-1", sync: str = "orders") -> Lease:
    lease = store.acquire(sync, ttl=TTL)
    store.start_run(lease, run_id, started=START, recovery=store.recover(lease))
    return lease


def crash(store: StateStore, lease: Lease) -> None:
    """End a run as a killed process does: nothing more is written, and the lease is taken by the next."""
    with store._database.engine.begin() as connection:
        connection.execute(
            sa.text("update connector_leases set expires = 0 where sync = :sync"), {"sync": lease.sync}
        )


def report(run_id: str = "run-1", **changes: object) -> RunReport:
    values = {
        "lane": "live",
        "started": START,
        "ended": START,
        "exit_code": 0,
        "counts": Counts(read=3, delivered=3),
    }
    return RunReport(**{"run_id": run_id, "sync": "orders", **values, **changes})


def left(recovery: Recovery) -> tuple[int, int, list[int], list[int]]:
    return (
        recovery.in_doubt_items,
        recovery.in_doubt_requests,
        recovery.acknowledged.tolist(),
        recovery.held.tolist(),
    )


NOTHING = (0, 0, [], [])

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.dictionaries(st.text(), VALUES, max_size=4))
def test_a_watermark_comes_back_exactly(store, parts):
    """Every JSON value and every part name, whatever characters it has, round-trips."""
    store.set_watermark("orders", Watermark(parts))
    assert store.watermark("orders") == parts


@pytest.mark.parametrize(
    "value", [1841710181319290881, -(2**200), "2024-01-01 00:00:00.000000", "\ud800\0", 0.1, 1.0]
)
def test_a_watermark_keeps_its_type(store, value):
    """Big integers, text with NUL and half a character, and floats keep type and digits."""
    store.set_watermark("orders", Watermark({"part": value}))
    found = store.watermark("orders")["part"]
    assert (type(found), found) == (type(value), value)


def test_a_commit_replaces_only_its_parts(store):
    lease = started(store)
    store.commit(lease, "run-1", Commit(watermark=Watermark({"a": 1, "b": 1})))
    store.commit(lease, "run-1", Commit(watermark=Watermark({"b": 2, "c": 2})))
    assert store.watermark("orders") == {"a": 1, "b": 2, "c": 2}


def test_lanes_have_watermarks_of_their_own(store):
    store.set_watermark("orders", Watermark({"a": 1}), lane="live")
    store.set_watermark("orders", Watermark({"a": 2}), lane="slice-1")
    assert (store.watermark("orders"), store.watermark("orders", "slice-1")) == ({"a": 1}, {"a": 2})


def test_ten_thousand_parts(store):
    """A dataset of ten thousand files has as many parts, of which a commit writes those that changed."""
    parts = {
        f"year=2024/part-{number}.parquet": {"rows": number, "digest": "0" * 32} for number in range(10_000)
    }
    store.set_watermark("orders", Watermark(parts))
    lease = started(store)
    store.commit(lease, "run-1", Commit(watermark=Watermark({"year=2024/part-7.parquet": {"rows": 8}})))
    assert store.watermark("orders") == {**parts, "year=2024/part-7.parquet": {"rows": 8}}


def test_a_failing_commit_leaves_nothing_behind(store):
    """What one statement of a commit refuses, no other part of it survives; the next commit goes through."""
    lease = started(store)
    broken = Commit(
        intents=(Intent(1, 5, 5),),
        acknowledged={99: digests(1)},
        watermark=Watermark({"a": 1}),
        rejects=(Reject("missing_identity", "none", "e1"),),
        counts=Counts(read=5),
    )
    with pytest.raises(Bug):
        store.commit(lease, "run-1", broken)
    assert store.watermark("orders") == {}
    assert store.list_rejects("orders") == []
    assert store.runs("orders")[0].counts == Counts()
    store.commit(lease, "run-1", Commit(intents=(Intent(1, 5, 5),)))


def test_a_run_nobody_started_cannot_commit(store):
    lease = store.acquire("orders", ttl=TTL)
    with pytest.raises(Bug):
        store.commit(lease, "run-1", Commit())


def test_intents_without_an_outcome_are_in_doubt(store):
    lease = started(store)
    store.commit(lease, "run-1", Commit(intents=(Intent(1, 5, 7), Intent(2, 5, 8), Intent(3, 5, 9))))
    store.commit(lease, "run-1", Commit(through=1))
    crash(store, lease)
    assert left(store.recover(store.acquire("orders", ttl=TTL))) == (17, 2, [], [])


def test_own_intents_are_not_in_doubt(store):
    lease = started(store)
    store.commit(lease, "run-1", Commit(intents=(Intent(1, 5, 7),)))
    assert left(store.recover(lease)) == NOTHING


def test_doubt_is_counted_once(store):
    """Items in doubt belong to the run that found them, also when that run dies too."""
    lease = started(store)
    store.commit(lease, "run-1", Commit(intents=(Intent(1, 5, 7),)))
    crash(store, lease)
    lease = started(store, "run-2")
    crash(store, lease)
    lease = started(store, "run-3")
    assert {run.run_id: run.counts.in_doubt for run in store.runs("orders")} == {
        "run-1": 0,
        "run-2": 7,
        "run-3": 0,
    }


def test_doubt_found_but_not_counted_is_found_again(store):
    """Reading what is in doubt changes nothing: a process may die before its run is entered."""
    lease = started(store)
    store.commit(lease, "run-1", Commit(intents=(Intent(1, 5, 7),)))
    crash(store, lease)
    for _ in range(2):
        lease = store.acquire("orders", ttl=TTL)
        assert left(store.recover(lease)) == (7, 1, [], [])
        crash(store, lease)


def test_what_was_acknowledged_past_a_gap_survives_two_crashes(store):
    lease = started(store)
    store.commit(lease, "run-1", Commit(intents=tuple(Intent(seq, 2, 2) for seq in (1, 2, 3))))
    store.commit(lease, "run-1", Commit(acknowledged={3: digests(9, 2**64 - 1), 2: digests(4)}))
    crash(store, lease)
    lease = started(store, "run-2")
    store.commit(lease, "run-2", Commit(intents=(Intent(1, 2, 2), Intent(2, 2, 2)), acknowledged={}))
    store.commit(lease, "run-2", Commit(acknowledged={2: digests(1, 4)}))
    crash(store, lease)
    lease = store.acquire("orders", ttl=TTL)
    recovery = store.recover(lease)
    assert left(recovery) == (2, 1, [1, 4, 9, 2**64 - 1], [])
    store.start_run(lease, "run-3", recovery=recovery)
    store.finish_run(lease, report("run-3"), clear_recovered=False)
    assert left(store.recover(lease)) == (0, 0, [1, 4, 9, 2**64 - 1], [])
    store.finish_run(lease, report("run-3"), clear_recovered=True)
    assert left(store.recover(lease)) == NOTHING


def test_an_empty_acknowledgement_is_an_outcome(store):
    """A request whose every item was refused was answered: nothing of it is in doubt."""
    lease = started(store)
    store.commit(lease, "run-1", Commit(intents=(Intent(1, 2, 2), Intent(2, 2, 2))))
    store.commit(lease, "run-1", Commit(acknowledged={2: b""}))
    crash(store, lease)
    assert left(store.recover(store.acquire("orders", ttl=TTL))) == (2, 1, [], [])


def test_what_is_held_stays_until_the_watermark_has_passed_it(store):
    """With `on_doubt: hold` digests in doubt are counted once and known until they are cleared."""
    lease = started(store)
    store.commit(
        lease, "run-1", Commit(intents=(Intent(1, 2, 2, digests(8, 3)), Intent(2, 1, 1, digests(5))))
    )
    store.commit(lease, "run-1", Commit(acknowledged={2: digests(5)}))
    crash(store, lease)
    lease = store.acquire("orders", ttl=TTL)
    assert left(store.recover(lease)) == (2, 1, [5], [3, 8])
    store.start_run(lease, "run-2", recovery=store.recover(lease))
    crash(store, lease)
    lease = store.acquire("orders", ttl=TTL)
    assert left(store.recover(lease)) == (0, 0, [5], [3, 8])
    store.start_run(lease, "run-3", recovery=store.recover(lease))
    store.finish_run(lease, report("run-3"), clear_recovered=True)
    assert left(store.recover(lease)) == NOTHING


def test_lanes_recover_their_own(store):
    lease = started(store)
    store.commit(lease, "run-1", Commit(intents=(Intent(1, 2, 2),)))
    crash(store, lease)
    assert left(store.recover(store.acquire("orders", "slice-1", ttl=TTL))) == NOTHING
    assert left(store.recover(store.acquire("customers", ttl=TTL))) == NOTHING


def test_threads_share_a_store(store):
    """One thread renews while another commits: neither disturbs the other's transaction."""
    lease = started(store)
    failures: list[Exception] = []
    done = threading.Event()

    def renewing() -> None:
        while not done.is_set():
            try:
                lease.renew()
            except Exception as error:  # noqa: BLE001 - whatever it is, the test fails with it
                failures.append(error)

    thread = threading.Thread(target=renewing)
    thread.start()
    for seq in range(1, 101):
        store.commit(
            lease, "run-1", Commit(intents=(Intent(seq, 1, 1),), through=seq - 1, counts=Counts(read=seq))
        )
    done.set()
    thread.join()
    assert (failures, store.runs("orders")[0].counts.read) == ([], 100)


def test_what_a_replay_left_outlives_runs_while_rejects_are_open(store):
    """A run passes what runs left; what a dead replay had acknowledged is not sent again as long as it could be."""
    lease = started(store)
    store.commit(lease, "run-1", Commit(intents=(Intent(1, 1, 1), Intent(2, 1, 1))), replay=True)
    store.commit(lease, "run-1", Commit(acknowledged={2: digests(7)}), replay=True)
    store.commit(lease, "run-1", Commit(rejects=(Reject("expression_error", "", "e1", "[1]"),)))
    crash(store, lease)
    for run_id, found in (("run-2", [7]), ("run-3", [])):
        lease = started(store, run_id)
        store.finish_run(lease, report(run_id), clear_recovered=True)
        assert store.recover(lease).acknowledged.tolist() == found
        store.close_rejects("orders", ["e1"])
        lease.release()
