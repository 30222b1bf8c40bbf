"""A backfill spread over a Dask cluster, whose workers and scheduler are lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from clusters import Dask, dask
from database_sources import Database
from filling import People
from shop import Shop, end, wait_for

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def cluster(tmp_path) -> Iterator[Dask]:
    with dask(tmp_path) as running:
        yield running


def test_workers_and_the_scheduler_are_lost(shop: Shop, cluster: Dask, postgres_url: str) -> None:
    """The slices that they had are taken up by others, nothing is missing, and no more is sent twice than was in doubt."""
    people = People(shop, Database("postgresql", postgres_url))
    people.put(12_000)
    path = people.sync()
    state = ("--state", postgres_url)
    shop.sandbox.set_faults({"latency": 0.3})
    with people.changing():
        process = shop.start(
            "backfill", path, *state, "--slice-rows", "400", "--executor", "dask", "--scheduler", cluster.address,
            "--json",
        )  # fmt: skip
        for lose in (lambda: cluster.lose_worker(0), lambda: cluster.lose_worker(1), cluster.lose_scheduler):
            enough = shop.sandbox.counters()["accepted"] + 600
            wait_for(lambda enough=enough: shop.sandbox.counters()["accepted"] > enough)
            lose()
            assert shop.run("run", "--json", path, *state).code == 0
        shop.sandbox.set_faults({})
        ended = end(process)
    assert ended.code == 0, ended
    [report] = ended.lines
    assert (report["done"], report["slices"]["done"]) == (True, 30)
    people.settles(path, *state)
    people.judge(repeated=4 * 4 * 40)


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
