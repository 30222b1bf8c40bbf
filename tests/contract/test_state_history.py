"""Runs and rejects as they are kept for people: the same on every kind of store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from connector.model import Commit, Counts, Reject, RunReport
from connector.state.lease import Lease
from connector.state.rejects import RejectFilter
from connector.state.store import StateStore

TTL = dt.timedelta(seconds=60)
START = dt.datetime(2026, 3, 1, 6, 0, 0, 123456, tzinfo=dt.UTC)


@pytest.fixture
def store(state_url: str) -> Iterator[StateStore]:
    with StateStore.open(state_url) as opened:
        yield opened


def started(store: StateStore, run_id: str = "run-1") -> Lease:
    lease = store.acquire("orders", ttl=TTL)
    store.start_run(lease, run_id, started=START)
    return lease


def test_a_report_comes_back_as_it_was(store):
    lease = started(store)
    ended = RunReport(
        "run-1",
        "orders",
        "live",
        START,
        START + dt.timedelta(minutes=1),
        counts=Counts(
            read=10,
            delivered=7,
            rejected=1,
            unchanged=1,
            filtered=1,
            items=9,
            requests=2,
            resent=1,
            in_doubt=4,
        ),
        rejects={"missing_identity": 1},
        warnings={"infinite": 3},
        notes=("first run", "ünïcode \0 note"),
        error="it broke",
        exit_code=4,
    )
    store.finish_run(lease, ended, clear_recovered=True)
    assert store.runs("orders") == [ended]


def test_a_run_that_goes_on_is_seen_by_readers(store, state_url):
    """Another process sees the totals of each commit while the run goes on."""
    lease = started(store)
    with StateStore.open(state_url, read_only=True) as reader:
        for read in (5, 10):
            store.commit(lease, "run-1", Commit(counts=Counts(read=read, delivered=read)))
            run = reader.runs("orders")[0]
            assert (run.ended, run.exit_code, run.counts.read) == (None, None, read)


def test_a_run_that_died_is_marked_by_the_next(store):
    lease = started(store)
    store.commit(lease, "run-1", Commit(counts=Counts(read=5, delivered=5)))
    with store._database.engine.begin() as connection:
        connection.execute(sa.text("update connector_leases set expires = 0"))
    started(store, "run-2")
    dead = next(run for run in store.runs("orders") if run.run_id == "run-1")
    assert dead.ended is not None
    assert (dead.exit_code, dead.counts.read, dead.error) == (None, 5, "the process ended without a report")


def test_runs_are_listed_newest_first(store):
    for number in range(3):
        with store.acquire("orders", ttl=TTL) as lease:
            store.start_run(lease, f"run-{number}", started=START + dt.timedelta(hours=number))
    with store.acquire("parts", ttl=TTL) as lease:
        store.start_run(lease, "other", started=START)
    assert [run.run_id for run in store.runs("orders", limit=2)] == ["run-2", "run-1"]
    assert {sync: run.run_id for sync, run in store.last_runs().items()} == {
        "orders": "run-2",
        "parts": "other",
    }


def test_the_fingerprint_is_kept(store):
    parts = {"source": {"table": "orders"}, "mapping": "abc", "key": ["a", "b"], "big": 2**70}
    assert store.fingerprint("orders") is None
    lease = store.acquire("orders", ttl=TTL)
    store.start_run(lease, "run-1", fingerprint=parts)
    store.start_run(lease, "run-2")
    assert store.fingerprint("orders") == parts
    store.start_run(lease, "run-3", fingerprint={"mapping": "def"})
    assert store.fingerprint("orders") == {"mapping": "def"}


def test_a_reject_that_comes_again_is_one_reject(store):
    lease = started(store)
    first = Reject("expression_error", "cannot cast", "e1", key="[1]", row='{"a":1}')
    store.commit(lease, "run-1", Commit(rejects=(first, Reject("missing_identity", "none", "e1"))))
    store.start_run(lease, "run-2")
    again = Reject("expression_error", "still \0 cannot \ud800 cast", "e1", key="[1]", row=None)
    store.commit(lease, "run-2", Commit(rejects=(again, again)))
    kept = store.list_rejects(RejectFilter("orders", reason="expression_error"))
    assert [(one.reject.message, one.reject.row, one.attempts, one.run_id) for one in kept] == [
        ("still \ufffd cannot ? cast", None, 3, "run-2")
    ]
    assert kept[0].first_seen < kept[0].last_seen
    assert {one.reject.reason for one in store.get_reject("e1")} == {"expression_error", "missing_identity"}
    assert store.get_reject("e1", "customers") == []


def test_rejects_are_grouped_by_reason(store):
    lease = started(store)
    for number in range(3):
        store.commit(lease, "run-1", Commit(rejects=(Reject("refused_by_server", "no", f"e{number}"),)))
    store.commit(lease, "run-1", Commit(rejects=(Reject("item_too_large", "big", "e9"),)))
    groups = store.reject_groups("orders")
    assert [(group.reason, group.rejects, group.example) for group in groups] == [
        ("refused_by_server", 3, "e2"),
        ("item_too_large", 1, "e9"),
    ]
    assert groups[0].first_seen < groups[0].last_seen
    assert [one.reject.event_id for one in store.list_rejects("orders", limit=2)] == ["e9", "e2"]


def test_a_closed_reject_is_open_again_when_it_comes_again(store):
    lease = started(store)
    refused = Reject("refused_by_server", "no", "e1")
    store.commit(lease, "run-1", Commit(rejects=(refused,)))
    store.close_rejects("orders", ["e1", "unknown"])
    assert (store.list_rejects("orders"), store.reject_groups("orders")) == ([], [])
    assert store.get_reject("e1")[0].closed is not None
    store.commit(lease, "run-1", Commit(rejects=(refused,)))
    assert [one.closed for one in store.list_rejects("orders")] == [None]


def ended(store: StateStore, run_id: str, days_ago: float, exit_code: int | None, lane: str = "live") -> None:
    """Enter a run that ended days ago; without an exit code, one that goes on."""
    moment = dt.datetime.now(dt.UTC) - dt.timedelta(days=days_ago)
    with store.acquire("orders", lane, ttl=TTL) as lease:
        store.start_run(lease, run_id, started=moment)
        if exit_code is not None:
            report = RunReport(run_id, "orders", lane, moment, moment, exit_code, Counts())
            store.finish_run(lease, report, clear_recovered=False)


def test_old_runs_are_pruned(store):
    """Of the live lane stay the newest run and the newest that ended well, whatever their age; of slices none."""
    for run_id, days_ago, exit_code in (("a", 50, 0), ("b", 45, 0), ("c", 40, 3), ("d", 39, 3)):
        ended(store, run_id, days_ago, exit_code)
    ended(store, "slice", 60, 3, "slice-1")
    store.prune("customers", dt.timedelta(0))
    store.prune("orders", dt.timedelta(days=42))
    assert {run.run_id for run in store.runs("orders")} == {"b", "c", "d"}
    store.prune("orders", dt.timedelta(days=30))
    assert {run.run_id for run in store.runs("orders")} == {"b", "d"}
    ended(store, "e", 20, 0)
    ended(store, "f", 60, None)
    store.prune("orders", dt.timedelta(days=30))
    assert {run.run_id for run in store.runs("orders")} == {"e", "f"}
