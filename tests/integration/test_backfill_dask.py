"""A backfill spread over a Dask cluster, whose workers and scheduler are lost."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest
from clusters import Dask, dask
from database_sources import Database
from filling import People
from shop import Shop, end, wait_for

pytestmark = pytest.mark.timeout(180)

_KILLS = int(os.environ.get("CONNECTOR_TEST_KILLS") or 3)
_VICTIMS = ("worker", "driver", "scheduler")


@pytest.fixture
def cluster(tmp_path) -> Iterator[Dask]:
    with dask(tmp_path) as running:
        yield running


@pytest.mark.timeout(120 + 60 * _KILLS)
def test_workers_drivers_and_the_scheduler_are_lost(shop: Shop, cluster: Dask, postgres_url: str) -> None:
    """The slices that they had are taken up by others, nothing is missing, and no more is sent twice than was in doubt."""
    people = People(shop, Database("postgresql", postgres_url))
    people.put(4_000 * _KILLS)
    path, state = people.sync(), ("--state", postgres_url)
    words = ("backfill", path, *state, "--slice-rows", "400", "--executor", "dask", "--json")
    dice = random.Random(5)
    shop.sandbox.set_faults({"latency": 0.3})
    with people.changing():
        process = shop.start(*words, "--scheduler", cluster.address)
        for n in range(_KILLS):
            enough = shop.sandbox.counters()["accepted"] + dice.randint(200, 600)
            wait_for(lambda enough=enough: shop.sandbox.counters()["accepted"] > enough)
            assert process.poll() is None
            match _VICTIMS[n % 3]:
                case "worker":
                    cluster.lose_worker(dice.randrange(2))
                case "scheduler":
                    cluster.lose_scheduler()
                case _:
                    process.kill()
                    end(process)
                    process = shop.start(*words, "--scheduler", cluster.address)
            assert shop.run("run", "--json", path, *state).code == 0
        shop.sandbox.set_faults({})
        ended = end(process)
    assert ended.code == 0, ended
    [report] = ended.lines
    assert (report["done"], report["slices"]["done"]) == (True, 10 * _KILLS)
    people.settles(path, *state)
    # A kill leaves at most the requests of one worker in doubt; a scheduler takes both with it.
    people.judge(repeated=_KILLS * 2 * 4 * 40)


def test_what_keeps_a_cluster_from_working(shop: Shop, cluster: Dask, postgres_url: str) -> None:
    """Each is told in words."""
    shop.orders(range(1, 10))
    path = shop.write()
    words = ("backfill", path, "--executor", "dask")
    shop.refuses(shop.run(*words), 2, "--scheduler", "tcp://host:8786")
    shop.refuses(
        shop.run(*words, "--scheduler", cluster.address), 2, "SQLite state serves one machine", "PostgreSQL"
    )
    elsewhere = (*words, "--state", postgres_url, "--scheduler")
    shop.refuses(shop.run(*elsewhere, "nowhere"), 2, "--scheduler nowhere is no address")
