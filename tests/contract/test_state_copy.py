"""A store copied into another: from every kind into every kind."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa
from servers import state_place

from connector.errors import ConfigError, LeaseHeld, LeaseLost, StateError
from connector.model import Commit, Counts, Holder, Intent, Reject, RunReport, Watermark
from connector.state import copying
from connector.state.backfills import Backfill
from connector.state.rejects import RejectFilter
from connector.state.schema import metadata
from connector.state.store import StateStore
from connector.synced import PRINT, Segment

TTL = dt.timedelta(seconds=60)
START = dt.datetime(2026, 3, 1, 6, 0, 0, 123456, tzinfo=dt.UTC)
KINDS = ["sqlite", "postgresql"]
HUGE = {"": 2**63 + 1, "file \ud800 \0 ü": {"cursor": 2**70, "text": "\0 \ud800"}, "b": [1.5, None]}


@pytest.fixture(params=KINDS)
def source_url(request, tmp_path) -> Iterator[str]:
    with state_place(request.param, request, tmp_path / "source") as url:
        yield url


@pytest.fixture(params=KINDS)
def target_url(request, tmp_path) -> Iterator[str]:
    with state_place(request.param, request, tmp_path / "target") as url:
        yield url


@pytest.fixture
def source(source_url) -> Iterator[StateStore]:
    with StateStore.open(source_url) as opened:
        yield opened


@pytest.fixture
def target(target_url) -> Iterator[StateStore]:
    with StateStore.open(target_url) as opened:
        yield opened


def digests(*values: int) -> bytes:
    return np.array(values, np.uint64).tobytes()


def fill(store: StateStore, rejects: int = 3) -> None:
    """Leave what an interrupted run leaves, and what people and finished runs do."""
    with store.acquire("orders", ttl=TTL) as lease:
        store.start_run(lease, "run-1", started=START, fingerprint={"key": "id"})
        kept = [Reject("r", "m \0", f"e{n}", f"[{n}]", "{}", "7", "print") for n in range(rejects)]
        store.commit(lease, "run-1", Commit(intents=(Intent(1, 2, 3, digests(1, 2**64 - 1)),)))
        store.commit(lease, "run-1", Commit(intents=(Intent(2, 1, 4),)))
        done = Commit(acknowledged={2: digests(9)}, watermark=Watermark(HUGE), rejects=tuple(kept))
        store.commit(lease, "run-1", done)
        store.forget(lease, [("key", "aa"), ("user", "bb")])
        store.keep_synced(lease, True, keyed=True, new=True)
        store.note_synced(lease, Segment(np.zeros(3, PRINT), pa.array(["[1]", "[2]", "[ü]"])))
    with store.acquire("parts", "slice-1", ttl=TTL) as lease:
        store.start_run(lease, "run-2", started=START)
        report = RunReport("run-2", "parts", "slice-1", START, START, 0, Counts(read=1), notes=("ü",))
        store.finish_run(lease, report, clear_recovered=True)
    ledger = Backfill(
        "b1", "orders", {"at": [["bigint", "7"]]}, {"order": "newest"}, 1, paused=False, ended=None
    )
    store.begin_backfill(ledger, [({"after": None}, 5), ({"after": [["bigint", "5"]]}, 2)])
    store.close_rejects("orders", ["e1"])
    store.learn("https://a/1", {"max_items": 400})


def everything(store: StateStore) -> dict[str, object]:
    """Return every row of every table, but who holds the lanes."""
    with store._database.engine.begin() as connection:
        found = {
            name: [row._asdict() for row in connection.execute(sa.select(table)).all()]
            for name, table in metadata.tables.items()
        }
    for row in found["connector_leases"]:
        del row["token"], row["nonce"], row["host"], row["boot_id"], row["pid_namespace"], row["started"]
    return {name: sorted(rows, key=str) for name, rows in found.items()}


@pytest.mark.parametrize("page", [1, 200])
def test_a_copy_has_everything_as_it_was(source, target, page, monkeypatch):
    """Large integers, digests, NUL and half characters; and it is used like the source."""
    monkeypatch.setattr(copying, "_PAGE", page)
    fill(source)
    copied = source.copy_to(target)
    assert copied == {
        "backfills": 1,
        "destinations": 1,
        "forgotten": 2,
        "intents": 2,
        "leases": 2,
        "rejects": 3,
        "runs": 2,
        "segments": 1,
        "synced": 1,
        "slices": 2,
        "syncs": 2,
        "watermarks": 3,
    }
    assert everything(target) == everything(source)
    assert (target.watermark("orders"), target.fingerprint("orders")) == (HUGE, {"key": "id"})
    assert list(target.iterate_rejects(RejectFilter("orders", closed=True))) == list(
        source.iterate_rejects(RejectFilter("orders", closed=True))
    )
    for store in (source, target):
        recovery = store.recover(store.acquire("orders", ttl=TTL))
        assert (recovery.in_doubt_items, recovery.acknowledged.tolist(), recovery.held.tolist()) == (
            3,
            [9],
            [1, 2**64 - 1],
        )


def test_tokens_grow_on(source, target):
    """Who held a lane of the source last, wherever it was, can commit neither there nor at the target."""
    gone = Holder("elsewhere", 1, "boot", "pid", "1")
    fill(source)
    lease = source.acquire("orders", ttl=dt.timedelta(0), holder=gone)
    source.copy_to(target)
    lanes = [lane for state in target.syncs() for lane in state.lanes]
    assert [(lane.holder, lane.running) for lane in lanes] == [(None, False)] * 2
    with pytest.raises(LeaseLost):
        source.commit(lease, "run-1", Commit())
    assert target.acquire("orders", ttl=TTL).token > lease.token


def test_a_store_that_is_used_is_not_copied(source, target):
    fill(source)
    with source.acquire("parts", "slice-2", ttl=TTL), pytest.raises(LeaseHeld, match="parts"):
        source.copy_to(target)
    assert everything(target) == everything_of_nothing(target)
    assert source.copy_to(target)["rejects"] == 3


def everything_of_nothing(store: StateStore) -> dict[str, object]:
    versions = everything(store)["connector_version"]
    return {name: versions if name == "connector_version" else [] for name in metadata.tables}


def test_a_store_that_holds_something_is_not_copied_into(source, target):
    """Whatever it is; and a store is not copied into itself."""
    fill(source)
    for place in (lambda: target.learn("https://b/1", {}), lambda: target.set_watermark("a", Watermark({}))):
        place()
        with pytest.raises(ConfigError, match="holds state already"):
            source.copy_to(target)
    assert [state.sync for state in target.syncs()] == ["a"]
    with pytest.raises(ConfigError, match="holds state already"):
        source.copy_to(source)


def test_rows_that_do_not_arrive_are_noticed(source, target):
    """A target that swallows rows ends up with none."""
    fill(source)
    with target._database.engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(
                "create trigger swallow after insert on connector_rejects begin delete from connector_rejects; end"
            )
        else:
            connection.exec_driver_sql(
                "create rule swallow as on insert to connector_rejects do instead nothing"
            )
    with pytest.raises(StateError, match="nothing was kept"):
        source.copy_to(target)
    assert everything(target) == everything_of_nothing(target)


KILL = """
import os, signal, sys
import sqlalchemy as sa
from connector.state import copying
from connector.state.store import StateStore
from connector.synced import PRINT, Segment

copying._PAGE = 1
source, target = map(StateStore.open, sys.argv[1:3])
left = int(sys.argv[3])

@sa.event.listens_for(target._database.engine, "after_cursor_execute")
def _count(_connection, _cursor, statement, *_rest):
    global left
    if statement.startswith("INSERT"):
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

source.copy_to(target)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs a signal that cannot be caught")
@pytest.mark.parametrize("pages", [1, 6, 14])
def test_a_copy_that_is_killed_leaves_nothing(source, source_url, target_url, pages):
    """Between two pages, early and late; the next attempt does it whole."""
    fill(source)
    command = [sys.executable, "-c", KILL, source_url, target_url, str(pages)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    with StateStore.open(target_url) as target:
        assert everything(target) == everything_of_nothing(target)
        assert source.copy_to(target)["rejects"] == 3
        assert everything(target) == everything(source)


def test_a_source_that_breaks_is_named(source, target):
    """The message is about the source, though the target is being written."""
    with source._database.engine.begin() as connection:
        connection.exec_driver_sql("drop table connector_rejects")
    with pytest.raises(StateError) as failed:
        source.copy_to(target)
    assert source.where in str(failed.value)
    assert everything(target) == everything_of_nothing(target)
