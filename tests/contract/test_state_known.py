"""The versions of what is known: each key once, the last that became known, on every store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np
import pytest
from servers import state_place

from connector.model import Commit
from connector.state import known
from connector.state.store import StateStore
from connector.synced import DELIVERED, FILTERED, GONE, PRINT, REFUSED, Prints, Segment, key_hash


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path) -> Iterator[StateStore]:
    with state_place(request.param, request, tmp_path) as url, StateStore.open(url) as opened:
        yield opened


@pytest.fixture
def note(store):
    """What notes that keys have a version and a mark."""
    with store.acquire("orders", ttl=dt.timedelta(seconds=60)) as lease:
        store.start_run(lease, "run-1")
        store.keep_synced(lease, True, keyed=False, new=True)

        def put(*keys: int, version: int, mark: int = DELIVERED, merge: bool = False) -> None:
            store.commit(lease, "run-1", Commit(synced=Segment(prints(*keys, version=version, mark=mark))))
            if merge:
                store.merge_synced(lease)

        yield put


def prints(*keys: int, version: int, mark: int) -> Prints:
    made = np.zeros(len(keys), PRINT)
    for n, key in enumerate(keys):
        made["high"][n], made["low"][n] = key_hash(f"[{key}]")
    made["version"], made["mark"] = version, mark
    return made


def versions(store: StateStore) -> list[int]:
    return known.known_versions(store.synced("orders")).tolist()


def test_the_last_of_each_key_counts(store, note, monkeypatch) -> None:
    monkeypatch.setattr(known, "_PAGE", 2)
    assert versions(store) == []
    note(1, 2, 3, version=30)
    note(4, 5, version=20)
    assert versions(store) == [20, 20, 30, 30, 30]
    note(2, 4, version=40)
    note(4, version=50, mark=REFUSED)
    note(6, version=-7, mark=FILTERED)
    assert versions(store) == [-7, 20, 30, 30, 40, 50]


def test_what_is_gone_does_not_count(store, note) -> None:
    note(1, 2, 3, version=30)
    note(2, 9, version=0, mark=GONE)
    assert versions(store) == [30, 30]
    note(2, version=60)
    assert versions(store) == [30, 30, 60]


def test_merged_and_appended(store, note) -> None:
    note(*range(100), version=5)
    note(*range(50, 60), version=6, merge=True)
    assert versions(store) == [5] * 90 + [6] * 10
    note(*range(55, 65), version=7)
    assert versions(store) == [5] * 85 + [6] * 5 + [7] * 10
