"""Runs over Parquet files that are killed in the middle of a file which then changes: every row arrives, and doubt is counted."""

from collections import Counter

import pytest
from shop import wait_for

NEW, CURSOR, PASSES = {}, {"source.cursor": "n"}, {"source.mode": "full"}
NO_KEY = {"source.key": None}


def fill(shop, name, ids, title="part"):
    """A file of parts; their cursor grows with the title's length, as a rewritten row must stand above its last one."""
    ids = list(ids)
    path = shop.parts(
        "_unfinished", ids, title=[f"{title} {i}" for i in ids], n=[1000 * len(title) + i for i in ids]
    )
    path.rename(path.with_name(name))


def titles(shop):
    """How often the sandbox has each title."""
    return Counter(stored.item["data"]["title"] for stored in shop.sandbox.items())


def kill_in_mid_file(shop, path):
    """Kill a run when the first of two files is partly delivered."""
    shop.sandbox.set_faults({"latency": 0.1})
    process = shop.start("run", "--json", path)
    wait_for(lambda: process.poll() is not None or shop.sandbox.counters()["accepted"] >= 40)
    process.kill()
    process.communicate()
    wait_for(lambda: not shop.sandbox.counters()["in_flight"])
    shop.sandbox.set_faults({})


@pytest.mark.parametrize(
    ("way", "change"),
    [
        *(({**key, **way}, "rewritten") for way in (NEW, CURSOR, PASSES) for key in ({}, NO_KEY)),
        (NEW, "deleted"),
        ({**NO_KEY, **CURSOR}, "untouched"),
    ],
    ids=str,
)
def test_a_kill_in_mid_file(shop, way, change):
    """Of files as they are now each row has arrived; an unchanged one twice only if it was in doubt."""
    fill(shop, "a.parquet", range(200))
    fill(shop, "b.parquet", range(200, 260))
    path = shop.write({"mapping.data": {"title": "title"}, "destination.concurrency": 3, **way}, parquet=True)
    kill_in_mid_file(shop, path)
    delivered = titles(shop)
    assert 40 <= len(delivered) < 200
    if change == "rewritten":
        fill(shop, "a.parquet", range(210), "changed part")
    elif change == "deleted":
        (shop.folder / "parts" / "a.parquet").unlink()
    ended = shop.run("run", "--json", path)
    assert (ended.code, ended.counts["unfinished"]) == (0, 0)
    found = titles(shop)
    kept = [f"part {i}" for i in range(200, 260)]
    kept += [f"part {i}" for i in range(200)] if change == "untouched" else []
    now = [f"changed part {i}" for i in range(210)] if change == "rewritten" else []
    assert all(found[title] >= 1 for title in (*kept, *now))
    twice = sum(found[title] - 1 for title in kept)
    assert twice <= ended.counts["in_doubt"] <= 3 * 10
    assert all(found[title] == 1 for title in now)
    if "source.mode" not in way:
        assert shop.run("run", "--json", path).counts["read"] == 0
