"""One holder of a lane at a time: the same on every kind of store."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import sqlalchemy as sa

from connector.errors import LeaseHeld, LeaseLost
from connector.model import Commit, Counts, Intent, Reject, RunReport, Watermark
from connector.state.holder import gone, this_process
from connector.state.store import StateStore

TTL = dt.timedelta(seconds=60)
NOW = dt.datetime.now(dt.UTC)
ELSEWHERE = replace(this_process(), host="elsewhere", boot_id="another-kernel", pid=4711)
linux = pytest.mark.skipif(
    not this_process().boot_id, reason="needs Linux: elsewhere a dead holder's lease runs out"
)

HOLD = """
import datetime as dt, sys, time
from connector.model import Commit, Intent
from connector.state.store import StateStore
store = StateStore.open(sys.argv[1])
lease = store.acquire("orders", ttl=dt.timedelta(hours=1))
store.start_run(lease, "run-of-child")
store.commit(lease, "run-of-child", Commit(intents=(Intent(1, 2, 3),)))
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def store(state_url: str) -> Iterator[StateStore]:
    with StateStore.open(state_url) as opened:
        yield opened


@contextmanager
def child_that_holds(url: str) -> Iterator[subprocess.Popen[str]]:
    """A real process that holds the lease of `orders` and has a request in flight."""
    child = subprocess.Popen([sys.executable, "-c", HOLD, url], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        yield child
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def run_out(store: StateStore) -> None:
    """Let every lease run out, by the clock of the store."""
    with store._database.engine.begin() as connection:
        connection.execute(sa.text("update connector_leases set expires = 0 where expires is not null"))


def test_a_held_lane_is_refused_with_its_holder_named(store, state_url):
    store.acquire("orders", ttl=TTL)
    with StateStore.open(state_url) as other, pytest.raises(LeaseHeld) as refused:
        other.acquire("orders", ttl=TTL)
    me = this_process()
    assert f"process {me.pid} on {me.host} since {dt.datetime.now(dt.UTC):%Y-%m-%d}" in refused.value.message
    assert "orders" in refused.value.message


def test_lanes_are_held_apart(store):
    places = [("orders", "live"), ("orders", "slice-1"), ("parts", "live")]
    assert [store.acquire(*place, ttl=TTL).token for place in places] == [1, 1, 1]


def test_tokens_only_grow(store):
    tokens = []
    for _ in range(3):
        with store.acquire("orders", ttl=TTL) as lease:
            tokens.append(lease.token)
    store.reset("orders")
    tokens.append(store.acquire("orders", ttl=TTL).token)
    assert tokens == sorted(set(tokens))


def test_one_of_many_gets_the_lane(state_url):
    """Several that open a new store and ask for a lane at the same moment: one has it."""
    barrier = threading.Barrier(6)
    tokens: list[int] = []
    refused: list[LeaseHeld] = []

    def ask() -> None:
        barrier.wait()
        with StateStore.open(state_url) as store:
            try:
                tokens.append(store.acquire("orders", ttl=TTL).token)
            except LeaseHeld as error:
                refused.append(error)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tokens, len(refused)) == ([1], 5)


@pytest.mark.parametrize("act", ["commit", "start_run", "finish_run", "renew"])
def test_an_old_token_can_do_nothing(store, act):
    """A holder that was taken over cannot write, whatever it tries, and what the new one wrote stays."""
    old = store.acquire("orders", ttl=TTL, holder=ELSEWHERE)
    store.start_run(old, "run-1")
    store.commit(old, "run-1", Commit(watermark=Watermark({"a": 1}), counts=Counts(read=1)))
    run_out(store)
    new = store.acquire("orders", ttl=TTL)
    store.commit(new, "run-1", Commit(watermark=Watermark({"a": 2}), counts=Counts(read=2)))
    report = RunReport("run-1", "orders", "live", NOW, NOW, 0, Counts(read=9))
    late = Commit(intents=(Intent(7, 1, 1),), watermark=Watermark({"a": 9}), rejects=(Reject("r", "m", "e"),))
    acts = {
        "commit": lambda: store.commit(old, "run-1", late),
        "start_run": lambda: store.start_run(old, "run-9"),
        "finish_run": lambda: store.finish_run(old, report, clear_recovered=True),
        "renew": old.renew,
    }
    with pytest.raises(LeaseLost, match="orders"):
        acts[act]()
    assert store.watermark("orders") == {"a": 2}
    assert [(run.run_id, run.counts.read) for run in store.runs("orders")] == [("run-1", 2)]
    assert store.list_rejects("orders") == []
    store.commit(new, "run-1", Commit(watermark=Watermark({"a": 3})))


def test_a_released_lease_cannot_commit(store):
    lease = store.acquire("orders", ttl=TTL)
    store.start_run(lease, "run-1")
    lease.release()
    lease.release()
    assert lease.expired
    with pytest.raises(LeaseLost):
        store.commit(lease, "run-1", Commit())
    store.acquire("orders", ttl=TTL)


def test_a_late_release_does_not_free_the_next_holder(store, state_url):
    old = store.acquire("orders", ttl=TTL, holder=ELSEWHERE)
    run_out(store)
    store.acquire("orders", ttl=TTL)
    old.release()
    with StateStore.open(state_url) as other, pytest.raises(LeaseHeld):
        other.acquire("orders", ttl=TTL)


def test_a_lease_that_ran_out_can_still_commit_until_it_is_taken(store):
    """Fencing is by token: running out endangers nobody until another has come."""
    lease = store.acquire("orders", ttl=TTL)
    store.start_run(lease, "run-1")
    run_out(store)
    store.commit(lease, "run-1", Commit())
    with pytest.raises(LeaseHeld):
        store.acquire("orders", ttl=TTL)


def test_the_deadline_moves_with_renewals_and_commits(store):
    lease = store.acquire("orders", ttl=TTL)
    deadlines = [lease.deadline]
    lease.renew()
    deadlines.append(lease.deadline)
    store.start_run(lease, "run-1")
    deadlines.append(lease.deadline)
    store.commit(lease, "run-1", Commit())
    deadlines.append(lease.deadline)
    assert deadlines == sorted(set(deadlines))
    assert deadlines[-1] <= time.monotonic() + TTL.total_seconds()
    assert not lease.expired


def test_a_lease_runs_out_by_the_clock_of_the_store(store, state_url):
    """The lane of a holder of which nothing is known is free after its time; the holder knows that before others do."""
    with StateStore.open(state_url) as other:
        foreign = replace(ELSEWHERE, boot_id="" if store._database.one_host else "another-kernel")
        old = other.acquire("orders", ttl=dt.timedelta(seconds=0.4), holder=foreign)
        refused = 0
        while True:
            try:
                new = store.acquire("orders", ttl=TTL)
                break
            except LeaseHeld:
                refused += 1
                time.sleep(0.02)
        assert (new.token, old.expired, refused > 0) == (2, True, True)


@linux
@pytest.mark.parametrize("reap", [True, False], ids=["reaped", "zombie"])
def test_a_killed_holder_is_taken_over_at_once(store, state_url, reap):
    """A process that kill -9 ended leaves its lane to the next, with what it had in flight in doubt."""
    with child_that_holds(state_url) as child:
        with pytest.raises(LeaseHeld, match=f"process {child.pid} "):
            store.acquire("orders", ttl=TTL)
        child.send_signal(signal.SIGKILL)
        if reap:
            child.wait()
        else:
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        lease = store.acquire("orders", ttl=TTL)
        assert (lease.token, store.recover(lease).in_doubt_items) == (2, 3)


@linux
def test_a_stopped_holder_is_not_gone(store, state_url):
    """A frozen process may wake up: its lease has to run out."""
    with child_that_holds(state_url) as child:
        child.send_signal(signal.SIGSTOP)
        with pytest.raises(LeaseHeld):
            store.acquire("orders", ttl=TTL)


@linux
def test_who_is_provably_gone():
    """Gone is only who ran under this kernel and process table; a new process under an old pid is not the old one."""
    me = this_process()
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    cases = {
        me: (False, False),
        replace(me, pid=child.pid): (True, True),
        replace(me, started="1"): (True, True),
        replace(me, started=""): (False, False),
        replace(me, pid_namespace="pid:[1]", pid=child.pid): (False, False),
        replace(me, boot_id="before-the-restart"): (False, True),
        replace(me, boot_id=""): (False, False),
    }
    assert {holder: (gone(holder, one_host=False), gone(holder, one_host=True)) for holder in cases} == cases
