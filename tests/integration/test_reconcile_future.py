"""Rows delivered ahead of their time are known as such: found neither missing nor surplus, and sent again when asked."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter

import pytest
from database_sources import DIALECTS, fresh_database, orders

FAR = "2037-01-01 00:00:00"
CLEAN = {"missing": 0, "outdated": 0, "gone": 0, "waiting": 0}


@pytest.fixture(params=DIALECTS)
def database(request, tmp_path):
    """Forty orders, of which two lie in the future."""
    found = fresh_database(request, tmp_path)
    orders(found, [(n, n / 10) for n in range(1, 41)])
    found.run(f"update orders set moved = '{FAR}' where id in (7, 8)")
    return found


def write(shop, database, attribute="note", **source):
    where = {"type": "database", "url": database.url, "table": "orders"}
    read = {"cursor": "moved", "key": "id", "settle": 0, "track_keys": True}
    mapping = {"kind": "identify", "userId": "id", "userAttributes": {"orderId": attribute}}
    return shop.write({"source": {**where, **read, **source}, "mapping": mapping})


def found(shop, sync, *options):
    ended = shop.run("reconcile", sync, "--json", *options)
    assert ended.out, ended
    return ended.code, {name: ended.lines[0][name] for name in CLEAN}


def received(shop):
    return Counter(stored.item["userId"] for stored in shop.sandbox.items())


@pytest.mark.parametrize("exact", [[], ["--exact"]], ids=["counted", "exact"])
def test_they_are_neither_missing_nor_surplus(shop, database, exact):
    sync = write(shop, database)
    assert shop.run("run", sync).code == 0
    assert received(shop).total() == 40
    assert found(shop, sync, *exact) == (0, CLEAN)
    # Under the stamp of one that was delivered comes another, which the next run reads.
    database.run(f"insert into orders values (50, '{FAR}', 'n50')")
    assert found(shop, sync, *exact) == (0, CLEAN)
    database.run(
        "delete from orders where id = 7", "update orders set moved = '2036-01-01 00:00:00' where id = 8"
    )
    assert found(shop, sync, *exact) == (5, {**CLEAN, "gone": 1, "waiting": 1})


def test_their_time_has_come(shop, database):
    """They were not read when the watermark passed them, and are known all the same."""
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=5)
    database.run(f"update orders set moved = '{soon:%Y-%m-%d %H:%M:%S}' where id in (7, 8)")
    sync = write(shop, database, future="0s")
    assert shop.run("run", sync).code == 0
    seen = 0
    while json.loads(shop.run("state", "show", "--json", sync).out)["future"]:
        seen += 1
        assert found(shop, sync) == (0, CLEAN)
        assert shop.run("run", "--json", sync).counts["delivered"] == 0
    assert seen
    assert found(shop, sync) == (0, CLEAN)
    assert received(shop).total() == 40


def test_they_are_sent_again_and_known_after_a_rebuild(shop, database):
    sync = write(shop, database)
    assert shop.run("run", sync).code == 0
    assert shop.run("run", "--key", "7", "--json", sync).counts["delivered"] == 1
    again, _ = shop.run("run", "--resend", "all", "--json", sync).lines
    assert again["counts"]["delivered"] == 40
    rebuilt = shop.run("state", "rebuild", sync, "--assume", "sent")
    assert (rebuilt.code, "40 rows" in rebuilt.out) == (0, True)
    assert found(shop, sync) == (0, CLEAN)


@pytest.mark.parametrize("track", [True, False])
def test_a_rejected_one_is_replayed(shop, database, track):
    """With the mapping of today, long before its time."""
    sync = write(shop, database, track_keys=track)
    text = sync.read_text("utf-8")
    nobody = '"userId": {"sql": "case when id = 7 then null else id end"}'
    sync.write_text(text.replace('"userId": "id"', nobody), "utf-8")
    assert shop.run("run", "--json", sync).counts["rejected"] == 1
    sync = write(shop, database, track_keys=track)
    replay = shop.run("rejects", "replay", sync, "--json")
    assert replay.code == 0, replay
    assert replay.counts["delivered"] == 1
    assert received(shop)["7"] == 1
    assert shop.run("run", "--json", sync).counts["delivered"] == 0
