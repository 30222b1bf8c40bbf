"""Stamps without a zone through the night in which clocks go back: real databases, whose clock the test turns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from database_sources import Database, fresh_database, read

from connector.config.models import DatabaseSource
from connector.extract import Limits
from connector.extract.database import DatabaseExtractor
from connector.extract.databases.dialects import reader_for, url_of
from connector.extract.databases.reader import Auto
from connector.model import EMPTY_WATERMARK, Watermark, merge

BERLIN = ZoneInfo("Europe/Berlin")
STEP = dt.timedelta(minutes=10)
# From 01:50 in summer to 03:10 in winter.
NIGHT = [dt.datetime(2024, 10, 26, 23, 50, tzinfo=dt.UTC) + n * STEP for n in range(15)]


@pytest.fixture(params=["duckdb", "postgresql", "mysql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    found = fresh_database(request, tmp_path)
    kind = "datetime" if found.dialect == "mysql" else "timestamp"
    found.run(f"create table orders (id bigint, moved {kind})")
    return found


def wall(instant: dt.datetime) -> str:
    return f"'{instant.astimezone(BERLIN).replace(tzinfo=None).isoformat(sep=' ')}'"


def read_at(source: DatabaseSource, now: dt.datetime, watermark: Watermark) -> tuple[list[int], Watermark]:
    """One run at the time `now` of the source's clock; on PostgreSQL a transaction has been open for twenty minutes."""
    url = url_of(source.url.get_secret_value())
    reader = reader_for(url, source.timezone)
    reader.clock = lambda: now  # type: ignore[method-assign]
    if source.settle is None:
        reader.auto = lambda: Auto(now - 2 * STEP)  # type: ignore[method-assign]
    extractor = DatabaseExtractor(source, Limits(), reader, url)
    extractor.open()
    ids: list[int] = []
    for batch in extractor.read(("id",), watermark):
        ids += batch.rows.column("id").to_pylist()
        watermark = merge(watermark, batch.end)
    extractor.close()
    return ids, watermark


def written(database: Database) -> Iterator[tuple[int, dt.datetime]]:
    """Each row is stamped at one instant and committed at the next; at each commit it is the time returned."""
    for id_, instant in enumerate(NIGHT):
        database.run(f"insert into orders values ({id_}, {wall(instant)})")
        yield id_, instant + STEP


def test_no_row_is_skipped_while_an_hour_happens_twice(database: Database) -> None:
    """Rows of the second 02:30 sort among those of the first, which therefore wait until nothing can join them."""
    settle = None if database.dialect == "postgresql" else 2 * STEP
    source = database.source(settle=settle, timezone="Europe/Berlin")
    watermark, seen = EMPTY_WATERMARK, []
    for _, now in written(database):
        ids, watermark = read_at(source, now, watermark)
        seen += ids
    ids, watermark = read_at(source, NIGHT[-1] + dt.timedelta(hours=1), watermark)
    assert sorted(seen + ids) == list(range(len(NIGHT)))
    # The order is the source's: of stamps, not of instants.
    assert seen + ids == [id_ for (id_,) in database.rows("select id from orders order by moved, id")]


def test_without_a_horizon_the_risk_is_named(database: Database) -> None:
    assert any(
        "show one hour twice" in note for note in read(database.source(timezone="Europe/Berlin")).notes
    )
    assert not any("show one hour twice" in note for note in read(database.source()).notes)
