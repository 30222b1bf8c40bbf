"""Backfills of syncs that keep what Track has."""

from __future__ import annotations

import os
import signal

import pytest
from database_sources import Database
from filling import People
from shop import Shop, end, wait_for

WORDS = ("--slice-rows", "300", "--workers", "2", "--executor", "threads", "--json")


@pytest.fixture(params=["sqlite", "postgresql"])
def people(request: pytest.FixtureRequest, shop: Shop) -> People:
    """An empty table of people."""
    if request.param == "sqlite":
        return People(shop, Database("sqlite", f"sqlite:///{shop.folder / 'people.db'}"))
    return People(shop, Database("postgresql", request.getfixturevalue("postgres_url")))


def test_what_slices_send_is_known(people: People) -> None:
    """While people change and the live lane runs, and after a kill; so reconcile finds nothing, and a range is not sent twice."""
    people.put(6_000)
    path, shop = people.sync(**{"source.track_keys": True}), people.shop
    shop.sandbox.set_faults({"latency": 0.15})
    with people.changing(0.02):
        process = shop.start("backfill", path, *WORDS)
        for enough in (500, 1_500):
            wait_for(lambda enough=enough: shop.sandbox.counters()["accepted"] > enough)
            assert shop.run("run", path).code == 0
        os.kill(process.pid, signal.SIGKILL)
        end(process)
        shop.sandbox.set_faults({})
        ended = shop.run("backfill", path, *WORDS)
        assert ended.code == 0, ended
    people.settles(path)
    people.judge(repeated=2 * 4 * 40)
    [found] = shop.run("reconcile", path, "--json").lines
    assert (found["known"], found["missing"], found["outdated"], found["gone"]) == (6_000, 0, 0, 0)
    before = shop.sandbox.counters()["accepted"]
    [again] = shop.run("backfill", path, "--from", "2024-01-01 00:00:00", *WORDS).lines
    assert again["done"]
    assert again["rows"] > 4_000
    assert shop.sandbox.counters()["accepted"] == before
