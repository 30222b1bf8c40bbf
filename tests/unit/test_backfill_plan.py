"""How large slices are, and of which syncs one entity may lie in several of them."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from connector import backfill
from connector.backfill import Wanted, orders, refuse, shared
from connector.config.models import Sync
from connector.config.reader import load_sync
from connector.console_backfill import lasting
from connector.errors import ConfigError
from connector.extract.backfilling import Asked, Sizes
from connector.mapping import items
from connector.model import Counts
from connector.slices import SliceOrder, SliceReport, run_slice


@pytest.mark.parametrize(
    ("sizes", "total", "rows"),
    [
        (Sizes(), 10_000_000, 250_000),
        (Sizes(workers=4), 1_600_000, 100_000),  # each worker finds four
        (Sizes(workers=8), 5_000, 1_000),
        (Sizes(), 10_000_000_000, 1_000_000),  # no more than 10,000
        (Sizes(rows=10), 1_000, 10),
        (Sizes(rows=10), 1_000_000, 100),
        (Sizes(count=7), 100, 15),
        (Sizes(count=7), 0, 1),
    ],
)
def test_sizes(sizes: Sizes, total: int, rows: int) -> None:
    assert sizes.of(total) == rows


def sync(folder: Path, mapping: Any, key: Any = "id") -> Sync:
    config = {
        "sync": "some",
        "source": {"type": "database", "url": "sqlite:///a.db", "table": "t", "cursor": "moved", "key": key},
        "mapping": mapping,
        "destination": {
            "type": "track", "base_url": "http://localhost:1", "org": "o", "project": "p", "source_id": "1", "api_key": "a.b",
        },
    }  # fmt: skip
    path = folder / "some.yaml"
    path.write_text(json.dumps(config))
    return load_sync(path)


_EVENT = {"kind": "event", "event": "E", "userId": "mail", "timestamp": "moved"}


@pytest.mark.parametrize(
    ("mapping", "key", "matters", "several"),
    [
        (_EVENT, "id", False, False),
        ({**_EVENT, "ordered": True}, "id", True, True),
        ({**_EVENT, "userId": "id", "ordered": True}, "id", True, False),
        ({"kind": "identify", "userId": "id"}, "id", True, False),
        ({"kind": "identify", "userId": "mail"}, "id", True, True),
        ({"kind": "identify", "userId": "mail", "profileId": "id"}, "id", True, False),
        ({"kind": "identify", "userId": "id", "profileId": "mail"}, "id", True, True),
        ({"kind": "identify", "userId": {"column": "id", "hash": "sha256"}}, "id", True, True),
        ({"kind": "identify", "userId": "id"}, ["id", "shop"], True, True),
        ({"kind": "product", "productId": "id"}, "id", True, False),
        ({"kind": "group", "accountId": "company"}, "id", True, True),
        ([_EVENT, {"kind": "identify", "userId": "id"}], "id", True, False),
        ([{"kind": "product", "productId": "id"}, {"kind": "identify", "userId": "id"}], "id", True, True),
    ],
)
def test_entities_of_several_rows(
    tmp_path: Path, mapping: Any, key: Any, matters: bool, several: bool
) -> None:
    """Then slices must come one after the other, the oldest first."""
    found = sync(tmp_path, mapping, key)
    assert (orders(found), shared(found)) == (matters, several)
    parallel = Wanted(Asked(), "newest", Sizes(workers=2))
    if several:
        with pytest.raises(ConfigError, match="one after the other"):
            refuse(found, parallel)
    else:
        refuse(found, parallel)
    refuse(found, Wanted(Asked(), "oldest", Sizes(workers=1)))


def test_times_to_come_are_told_no_better_than_they_are_known() -> None:
    told = [lasting(seconds) for seconds in (0.2, 40, 600, 9_000, 400_000)]
    assert told == ["1 s", "40 s", "10 min", "2.5 h", "4.6 days"]


def test_what_items_are_about_is_what_the_mapping_says() -> None:
    assert backfill._IDENTITIES == items._ENTITIES


def test_what_a_worker_is_told_and_tells_travels(tmp_path: Path) -> None:
    """To another process or machine, with the sync's file or with the sync itself."""
    loaded = sync(tmp_path, _EVENT)
    for each in (tmp_path / "some.yaml", loaded):
        order = SliceOrder(each, None, "sqlite:///state.db", "b1")
        assert pickle.loads(pickle.dumps(order)) == order
    report = SliceReport([1], {2: "why"}, Counts(read=3), 4, "why")
    assert pickle.loads(pickle.dumps(report)) == report
    assert pickle.loads(pickle.dumps(run_slice)) is run_slice
