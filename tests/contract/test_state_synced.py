"""Synced: what was noted is found again, whatever was appended, merged, copied or lost meanwhile, on every store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa
from servers import state_place

from connector.errors import LeaseLost, StateError
from connector.model import Commit, Counts, Intent, RunReport, Watermark
from connector.state import merging, synced
from connector.state.schema import segments
from connector.state.store import StateStore
from connector.synced import DELIVERED, DOUBT, GONE, PRINT, REFUSED, UNMAPPED, Prints, Segment, key_hash

TTL = dt.timedelta(seconds=60)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path) -> Iterator[StateStore]:
    with state_place(request.param, request, tmp_path) as url, StateStore.open(url) as opened:
        yield opened


@pytest.fixture
def lease(store):
    with store.acquire("orders", ttl=TTL) as held:
        store.start_run(held, "run-1")
        yield held


def prints(*keys: int, item: int = 1, mark: int = DELIVERED, version: int = 0) -> Prints:
    made = np.zeros(len(keys), PRINT)
    for n, key in enumerate(keys):
        made["high"][n], made["low"][n] = key_hash(f"[{key}]")
    made["item"], made["mark"], made["version"] = item, mark, version
    return made


def segment(*keys: int, **values: int) -> Segment:
    return Segment(prints(*keys, **values), pa.array([f"[{key}]" for key in keys], pa.string()))


def report(run_id: str) -> RunReport:
    return RunReport(run_id, "orders", "live", dt.datetime.now(dt.UTC), None, 0, Counts())


def known(store: StateStore, *keys: int) -> list[tuple[int, int, int] | None]:
    found, what = store.synced("orders").look(prints(*keys))
    return [
        (int(row["item"]), int(row["version"]), int(row["mark"])) if there else None
        for there, row in zip(found, what, strict=True)
    ]


@pytest.fixture
def kept(store, lease):
    store.keep_synced(lease, True, keyed=True, new=True)


@pytest.fixture(params=[False, True], ids=["appended", "merged"])
def settle(request, store, lease, monkeypatch):
    """Merges, or leaves what was appended as it is."""
    monkeypatch.setattr(synced, "_FEW", -1)
    monkeypatch.setattr(merging, "_AT_ONCE", 4)
    monkeypatch.setattr(merging, "MERGED", 3)

    def settle() -> None:
        if request.param:
            store.merge_synced(lease)

    return settle


@pytest.mark.usefixtures("kept")
def test_what_is_committed_is_known(store, lease, settle):
    """Of several prints of a key the last counts, over segments, merges and generations."""
    assert known(store, 1) == [None]
    store.commit(lease, "run-1", Commit(synced=segment(1, 2, 3, version=7), watermark=Watermark({"a": 1})))
    settle()
    store.commit(lease, "run-1", Commit(synced=segment(3, 4, item=5, mark=REFUSED)))
    store.commit(lease, "run-1", Commit(synced=segment(5, 5, item=6)))
    store.commit(lease, "run-1", Commit(synced=segment(5, item=7, mark=UNMAPPED)))
    settle()
    assert known(store, 1, 2, 3, 4, 5, 6) == [
        (1, 7, 0),
        (1, 7, 0),
        (5, 0, REFUSED),
        (5, 0, REFUSED),
        (7, 0, UNMAPPED),
        None,
    ]


@pytest.mark.usefixtures("kept")
def test_what_a_dead_run_left_under_way_is_in_doubt(store, lease, settle):
    """Whether Track has it nobody knows; of what was finished, everybody does."""
    store.commit(lease, "run-1", Commit(synced=segment(1, 2, 3)))
    settle()
    under_way = [Intent(seq, 1, 1, doubt=segment(seq, mark=DOUBT)) for seq in (2, 3, 4)]
    store.commit(lease, "run-1", Commit(intents=tuple(under_way)))
    store.commit(lease, "run-1", Commit(acknowledged={4: b""}, through=2, synced=segment(2, item=5)))
    left = [(1, 0, 0), (5, 0, 0), (1, 0, DOUBT), (1, 0, DOUBT)]
    assert known(store, 1, 2, 3, 4) == left
    lease.release()
    with store.acquire("orders", ttl=TTL) as later:
        assert store.keep_synced(later, True, keyed=True, new=False).doubtful
        store.start_run(later, "run-2", recovery=store.recover(later))
        store.finish_run(later, report("run-2"), clear_recovered=True)
        assert known(store, 1, 2, 3, 4) == left
        store.commit(later, "run-2", Commit(synced=segment(3, 4, item=6)))
        assert known(store, 3, 4) == [(6, 0, 0), (6, 0, 0)]
        found = store.synced("orders", keyed=True)
        assert not found.doubtful
        assert sorted(key for part in found.unseen(9) for key in part.keys.to_pylist()) == [
            "[1]",
            "[2]",
            "[3]",
            "[4]",
        ]


@pytest.mark.usefixtures("kept")
def test_nothing_is_known_of_a_commit_that_failed(store, lease):
    lease.token += 1  # somebody else's
    with pytest.raises(LeaseLost):
        store.commit(lease, "run-1", Commit(synced=segment(1)))
    lease.token -= 1
    assert known(store, 1) == [None]


@pytest.mark.usefixtures("kept")
def test_several_lanes_append_also_while_it_is_merged(store, lease, monkeypatch):
    """As slices of a backfill do beside the live lane: nothing is lost, and of one key the last counts."""
    monkeypatch.setattr(synced, "_FEW", -1)
    monkeypatch.setattr(merging, "_AT_ONCE", 4)
    with store.acquire("orders", "backfill:1:1", ttl=TTL) as other:
        store.start_run(other, "slice-1")
        store.commit(lease, "run-1", Commit(synced=segment(1, 2, 3, 4, 5, 6)))
        store.commit(other, "slice-1", Commit(synced=segment(10, 11, item=2)))
        merged = merging.write_next

        def and_meanwhile(*args, **kwargs):
            store.commit(other, "slice-1", Commit(synced=segment(1, 20 + len(seen), item=3)))
            seen.append(1)
            return merged(*args, **kwargs)

        seen: list[int] = []
        monkeypatch.setattr(merging, "write_next", and_meanwhile)
        store.merge_synced(lease)
        assert len(seen) > 1
        store.commit(other, "slice-1", Commit(synced=segment(12, item=4)))
    keys = [1, 2, 6, 10, 11, 12, *range(20, 20 + len(seen))]
    assert known(store, *keys) == [(item, 0, 0) for item in (3, 1, 1, 2, 2, 4, *[3] * len(seen))]


@pytest.mark.usefixtures("kept")
def test_what_nobody_looked_up_has_vanished(store, lease, settle):
    """But tombstones have vanished already, and of rejected rows Track has nothing."""
    store.note_synced(lease, segment(*range(10)))
    settle()
    store.note_synced(lease, segment(10, 11, 2))
    store.note_synced(lease, segment(3, mark=GONE))
    store.note_synced(lease, segment(4, mark=UNMAPPED))
    store.note_synced(lease, segment(12, mark=REFUSED))
    settle()
    found = store.synced("orders", keyed=True)
    found.look(prints(0, 1, 5, 10, 99))
    assert found.count_unseen() == (6, 10)
    told = [(part.prints, part.keys.to_pylist()) for part in found.unseen(4)]
    assert sorted(key for _, keys in told for key in keys) == sorted(
        f"[{key}]" for key in (2, 6, 7, 8, 9, 11)
    )
    for gone, keys in told:
        assert gone["high"].tolist() == prints(*(int(key[1:-1]) for key in keys))["high"].tolist()
    assert sum(len(part) for part in found.all()) == 13


@pytest.mark.usefixtures("kept")
def test_a_key_can_go_for_good(store, lease):
    store.note_synced(lease, segment(1, 2, 3))
    (gone,) = prints(2)
    store.merge_synced(lease, [(int(gone["high"]), int(gone["low"]))])
    assert known(store, 1, 2, 3) == [(1, 0, 0), None, (1, 0, 0)]


@pytest.mark.usefixtures("kept")
def test_a_merge_that_was_cut_off_is_as_if_it_had_not_begun(store, lease, monkeypatch):
    """What it wrote is not in force, and goes with the next one."""
    monkeypatch.setattr(synced, "_FEW", -1)
    store.note_synced(lease, segment(1, 2, 3))
    with monkeypatch.context() as broken:
        broken.setattr(merging.segments, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            store.merge_synced(lease)
    assert known(store, 1, 2, 3, 4) == [(1, 0, 0)] * 3 + [None]
    store.merge_synced(lease)
    assert known(store, 1, 2, 3, 4) == [(1, 0, 0)] * 3 + [None]
    with store._database.engine.begin() as connection:
        assert (
            connection.execute(sa.select(sa.func.count(segments.c.generation.distinct()))).scalar_one() == 1
        )


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("loss", ["a segment", "its prints", "everything"])
def test_what_is_lost_is_noticed(store, lease, loss):
    """No run goes on as if nothing had been sent, or everything."""
    store.note_synced(lease, segment(1, 2))
    store.note_synced(lease, segment(3))
    with store._database.engine.begin() as connection:
        if loss == "a segment":
            connection.execute(sa.delete(segments).where(segments.c.place == 0))
        elif loss == "its prints":
            connection.execute(sa.update(segments).where(segments.c.place == 0).values(data=b"x" * 40))
        else:
            for table in ("connector_segments", "connector_synced"):
                connection.exec_driver_sql(f"delete from {table}")
    with pytest.raises(StateError) as error:
        store.keep_synced(lease, True, keyed=True, new=False).look(prints(1))
    assert error.value.exit_code == 3
    assert "state rebuild orders" in error.value.hint


def test_it_is_not_kept_for_nothing(store, lease):
    """Once it is not kept up any more it goes, as it would grow old; then it must be built anew."""
    assert store.keep_synced(lease, False, keyed=False, new=True) is None
    store.keep_synced(lease, True, keyed=False, new=True)
    store.note_synced(lease, Segment(prints(1)))
    with pytest.raises(StateError, match="keys of rows"):
        store.keep_synced(lease, True, keyed=True, new=False)
    assert store.keep_synced(lease, False, keyed=False, new=False) is None
    with pytest.raises(StateError, match="not kept so far"):
        store.keep_synced(lease, True, keyed=False, new=False)


@pytest.mark.usefixtures("kept")
def test_it_goes_and_moves_with_the_sync(store, lease):
    store.note_synced(lease, segment(1))
    lease.release()
    store.rename("orders", "sales")
    found, _ = store.synced("sales").look(prints(1, 2))
    assert (found.tolist(), store.synced("orders")) == ([True, False], None)
    store.reset("sales")
    assert store.synced("sales") is None


def test_a_file_gives_back_what_a_merge_has_freed(tmp_path):
    """Half of what was appended is of no use any more."""
    path = tmp_path / "state.db"
    with StateStore.open(f"sqlite:///{path}") as store, store.acquire("orders", ttl=TTL) as lease:
        store.keep_synced(lease, True, keyed=False, new=True)
        for _ in range(8):
            store.note_synced(lease, Segment(prints(*range(20_000))))
        with store._database.engine.connect() as connection:
            appended = connection.exec_driver_sql("pragma page_count").scalar_one()
        (gone,) = prints(0)
        store.merge_synced(lease, [(int(gone["high"]), int(gone["low"]))])
        with store._database.engine.connect() as connection:
            merged = connection.exec_driver_sql("pragma page_count").scalar_one()
    assert merged < appended / 4
