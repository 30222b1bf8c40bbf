"""Servers that were restored from a backup: what tells, and what a run then does."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from database_sources import DIALECTS, Database, Read, add, fresh_database, orders, read

from connector.errors import GuardTripped
from connector.extract.database import open_database
from connector.model import EMPTY_WATERMARK, Watermark, merge


@pytest.fixture
def shop(postgres_url: str) -> Database:
    database = Database("postgresql", postgres_url)
    database.run("drop table if exists orders")
    orders(database, [(1, 1), (2, 2)])
    return database


@pytest.fixture(params=DIALECTS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    return fresh_database(request, tmp_path)


def run(database: Database, watermark: Watermark, *, accept: bool = False, **settings: Any) -> Watermark:
    extractor = open_database(database.source(**settings), accept_restore=accept)
    extractor.open()
    try:
        for batch in extractor.read(("id",), watermark):
            watermark = merge(watermark, batch.end)
    finally:
        extractor.close()
    return watermark


@pytest.mark.parametrize("settle", [None, dt.timedelta(0)])
def test_every_place_remembers_the_server(shop: Database, settle: dt.timedelta | None) -> None:
    """Without a horizon of transactions the last batch remembers those that began while the run read."""
    extractor = open_database(shop.source(settle=settle))
    extractor.open()
    batches = extractor.read(("id",), EMPTY_WATERMARK)
    first = next(batches)
    add(shop, [(3, 0)])
    rest = list(batches)
    extractor.close()
    origin = first.position(1)["origin"]
    assert origin == first.end["origin"]
    assert (origin["timeline"], origin["transactions"] > 0) == ("00000001", True)
    later = [batch.end["origin"]["transactions"] > origin["transactions"] for batch in rest]
    assert later == ([] if settle is None else [True])
    assert not any(batch.rows.num_rows for batch in rest)


@pytest.mark.parametrize(
    ("remembered", "said"),
    [
        ({"transactions": 10**15}, "its counter of transactions stood at 1000000000000000 and stands at"),
        ({"timeline": "00000002"}, "its timeline was 00000002 and is 00000001"),
    ],
)
def test_a_server_that_differs_stops_the_run_until_that_is_accepted(
    shop: Database, remembered: dict[str, Any], said: str
) -> None:
    """What was accepted once is not asked again, also if nothing was read."""
    watermark = run(shop, EMPTY_WATERMARK)
    before = Watermark({**watermark, "origin": {**watermark["origin"], **remembered}})
    with pytest.raises(GuardTripped, match=said) as stopped:
        run(shop, before)
    assert "--accept restore" in stopped.value.hint
    after = run(shop, before, accept=True)
    assert after["rows"] == watermark["rows"]
    assert after["origin"]["transactions"] < 10**15
    add(shop, [(3, 3)])
    assert run(shop, after)["rows"]["key"][0][1] == "3"


def test_a_watermark_of_an_earlier_version_remembers_nothing(shop: Database) -> None:
    watermark = run(shop, EMPTY_WATERMARK)
    assert run(shop, Watermark({"rows": watermark["rows"]}))["rows"] == watermark["rows"]


@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize("key", [("id",), ()])
def test_a_watermark_above_all_rows_is_named(database: Database, index: bool, key: tuple[str, ...]) -> None:
    """Of other sources nothing more is known than that; it is no mistake to delete rows."""
    orders(database, [(1, 1), (2, 2), (3, 3)], index=index)
    first = read(database.source(key=key))
    assert not any("No row has" in note for note in (*first.notes, *again(database, first, key).notes))
    database.run("delete from orders where id = 3")
    assert any("No row has a cursor as high" in note for note in again(database, first, key).notes)
    add(database, [(4, 4)])
    assert not any("No row has" in note for note in again(database, first, key).notes)


def again(database: Database, found: Read, key: tuple[str, ...]) -> Read:
    return read(database.source(key=key), watermark=found.watermark)
