"""What people see of the state and do to it between runs: the same on every kind of store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from connector.errors import ConfigError, LeaseHeld, LeaseLost
from connector.model import Commit, Intent, Reject, Watermark
from connector.state.holder import this_process
from connector.state.store import StateStore

TTL = dt.timedelta(seconds=60)


@pytest.fixture
def store(state_url: str) -> Iterator[StateStore]:
    with StateStore.open(state_url) as opened:
        yield opened


def run_out(store: StateStore) -> None:
    """Let every lease run out, by the clock of the store."""
    with store._database.engine.begin() as connection:
        connection.execute(sa.text("update connector_leases set expires = 0 where expires is not null"))


def test_state_is_listed(store):
    store.set_watermark("parts", Watermark({"a": 1, "b": 2}))
    lease = store.acquire("orders", ttl=TTL)
    store.start_run(lease, "run-1", fingerprint={"key": "id"})
    orders, parts = store.syncs()
    assert (orders.sync, orders.fingerprint) == ("orders", {"key": "id"})
    assert [(lane.lane, lane.parts, lane.holder, lane.running) for lane in orders.lanes] == [
        ("live", 0, this_process(), True)
    ]
    assert [(lane.parts, lane.holder, lane.running) for lane in parts.lanes] == [(2, None, False)]
    run_out(store)
    assert [lane.running for lane in store.syncs()[0].lanes] == [False]


@pytest.mark.parametrize("lane", ["live", "slice-1"])
def test_state_is_not_changed_under_a_run(store, lane):
    store.set_watermark("orders", Watermark({"a": 1}))
    store.set_watermark("idle", Watermark({"a": 1}))
    lease = store.acquire("orders", lane, ttl=TTL)
    for change in (
        lambda: store.set_watermark("orders", Watermark({"a": 2}), lane),
        lambda: store.reset("orders"),
        lambda: store.rename("orders", "purchases"),
        lambda: store.rename("idle", "orders"),
    ):
        with pytest.raises(LeaseHeld, match="orders"):
            change()
    assert store.watermark("orders") == {"a": 1}
    lease.release()
    store.reset("orders")
    assert store.watermark("orders") == {}


def test_a_change_fences_off_a_holder_that_ran_out(store):
    """A frozen run that wakes up after `state set` cannot move the watermark back."""
    lease = store.acquire("orders", ttl=TTL)
    store.start_run(lease, "run-1")
    run_out(store)
    store.set_watermark("orders", Watermark({"a": 5}))
    with pytest.raises(LeaseLost):
        store.commit(lease, "run-1", Commit(watermark=Watermark({"a": 1})))
    assert store.watermark("orders") == {"a": 5}


def test_setting_a_watermark_forgets_what_was_delivered_beyond_the_old_one(store):
    """Who sets a watermark back wants the rows sent again; what is in doubt is still counted."""
    with store.acquire("orders", ttl=TTL) as lease:
        store.start_run(lease, "run-1")
        store.commit(lease, "run-1", Commit(intents=(Intent(1, 1, 1), Intent(2, 1, 1))))
        store.commit(lease, "run-1", Commit(acknowledged={2: b"12345678"}))
    store.set_watermark("orders", Watermark({}))
    recovery = store.recover(store.acquire("orders", ttl=TTL))
    assert (recovery.in_doubt_items, recovery.acknowledged.tolist()) == (1, [])


def test_reset_forgets_the_place_and_keeps_the_history(store):
    with store.acquire("orders", ttl=TTL) as lease:
        store.start_run(lease, "run-1", fingerprint={"key": "id"})
        done = Commit(
            intents=(Intent(1, 1, 1),), watermark=Watermark({"a": 1}), rejects=(Reject("r", "m", "e1"),)
        )
        store.commit(lease, "run-1", done)
    store.reset("orders")
    assert (store.watermark("orders"), store.fingerprint("orders")) == ({}, None)
    assert (len(store.runs("orders")), len(store.list_rejects("orders"))) == (1, 1)
    assert store.recover(store.acquire("orders", ttl=TTL)).in_doubt_items == 0


def test_rename_takes_everything_along(store):
    with store.acquire("orders", ttl=TTL) as lease:
        store.start_run(lease, "run-1", fingerprint={"key": "id"})
        done = Commit(
            intents=(Intent(1, 1, 4),), watermark=Watermark({"a": 1}), rejects=(Reject("r", "m", "e1"),)
        )
        store.commit(lease, "run-1", done)
    store.rename("orders", "purchases")
    assert (store.watermark("purchases"), store.fingerprint("purchases")) == ({"a": 1}, {"key": "id"})
    assert [run.run_id for run in store.runs("purchases")] == ["run-1"]
    assert [one.reject.event_id for one in store.list_rejects("purchases")] == ["e1"]
    assert store.recover(store.acquire("purchases", ttl=TTL)).in_doubt_items == 4
    assert [state.sync for state in store.syncs()] == ["purchases"]
    assert store.acquire("orders", ttl=TTL).token > lease.token


def test_rename_refuses_what_would_overwrite_or_is_not_there(store):
    store.set_watermark("orders", Watermark({"a": 1}))
    store.set_watermark("parts", Watermark({"a": 2}))
    with pytest.raises(ConfigError, match="parts already"):
        store.rename("orders", "parts")
    with pytest.raises(ConfigError, match="no state of a sync nobody"):
        store.rename("nobody", "new")
    assert (store.watermark("orders"), store.watermark("parts")) == ({"a": 1}, {"a": 2})
