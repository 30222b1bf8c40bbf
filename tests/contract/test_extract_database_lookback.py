"""What lies a little below the watermark is read again, in every database, and moves nothing."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from database_sources import ALL_DIALECTS, Database, add, driver_url, fresh_database, orders, read, stamp

from connector.errors import ConfigError
from connector.extract import Limits
from connector.extract.database import open_database
from connector.model import EMPTY_WATERMARK, Watermark

TEN = dt.timedelta(seconds=10)


@pytest.fixture(params=ALL_DIALECTS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    return fresh_database(request, tmp_path)


def runs(database: Database, watermark: Watermark, **settings: object) -> tuple[list[int], list[int]]:
    """The ids of the rows that a run reads again, and of those that move the watermark."""
    found = read(database.source(lookback=TEN, **settings), ["id"], watermark, Limits(rows=3, bytes=10**6))
    again = [batch for batch in found.batches if batch.end == EMPTY_WATERMARK]
    for batch in again:
        assert batch.position(1) == EMPTY_WATERMARK
        assert not isinstance(batch.version, str)
    ids = [row["id"] for row in found.rows]
    count = sum(batch.rows.num_rows for batch in again)
    assert found.batches[: len(again)] == again
    return ids[:count], ids[count:]


@pytest.mark.parametrize("index", [True, False])
def test_rows_from_so_far_below_the_watermark_to_it_are_read_again(database: Database, index: bool) -> None:
    """Those at the bound and at the watermark too; what came late is among them, and what is new follows."""
    orders(database, [(id_, id_) for id_ in range(1, 31)], index=index)
    watermark = read(database.source()).watermark
    add(database, [(100, 19.5), (101, 20), (102, 29.999999), (29, 30), (31, 30), (32, 31)])
    again, new = runs(database, watermark)
    assert again == [20, 101, 21, 22, 23, 24, 25, 26, 27, 28, 29, 102, 29, 30]
    assert new == [31, 32]


def test_a_first_run_has_nothing_to_read_again(database: Database) -> None:
    orders(database, [(1, 1), (2, 2)])
    assert runs(database, EMPTY_WATERMARK) == ([], [1, 2])


@pytest.mark.parametrize("start", ["now", stamp(22)])
def test_what_lies_before_the_first_run_started_stays_unread(database: Database, start: str) -> None:
    """It was left out on purpose, and does not come in through the back door."""
    orders(database, [(20, 20), (21, 21)])
    first = read(database.source(start=start))
    add(database, [(22, 22), (23, 23)])
    second = read(database.source(start=start), ["id"], first.watermark)
    assert [row["id"] for row in second.rows] == [22, 23]
    assert runs(database, second.watermark, start=start) == ([22, 23], [])
    extractor = open_database(database.source(start=start))
    extractor.open()
    passed = [
        id_
        for batch in extractor.read_passed(("id",), second.watermark)
        for id_ in batch.rows["id"].to_pylist()
    ]
    ahead = [
        id_
        for batch in extractor.read_ahead(("id",), second.watermark)
        for id_ in batch.rows["id"].to_pylist()
    ]
    extractor.close()
    assert (passed, ahead) == ([22, 23], [])


def test_a_date_is_looked_back_from_by_whole_days(database: Database) -> None:
    """An hour before a day lies in the day before."""
    kind = "date" if database.dialect != "sqlite" else "text"
    database.run(
        f"create table orders (id bigint, moved {kind})",
        "insert into orders values (1, '2024-02-28'), (2, '2024-02-29'), (3, '2024-03-01')",
    )
    settings = {"columns": {"moved": "date"}} if database.dialect == "sqlite" else {}
    watermark = read(database.source(**settings)).watermark
    assert runs(database, watermark, **settings) == ([2, 3], [])


def test_a_cursor_that_is_no_time_is_refused(database: Database) -> None:
    database.run("create table orders (id bigint, moved bigint)", "insert into orders values (1, 1)")
    with pytest.raises(ConfigError, match="no time that lookback") as refused:
        read(database.source(lookback=TEN))
    assert refused.value.path == "source.lookback"


def test_a_source_without_a_key_is_refused(database: Database) -> None:
    orders(database, [(1, 1)])
    with pytest.raises(ConfigError, match="needs a key"):
        read(database.source(lookback=TEN, key=()))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("low", "high"),
    [
        ("2024-01-01T00:00:20Z", "2024-01-01T00:00:30Z"),
        ("2024-01-01T00:00:20.123+01:00", "2024-01-01T00:00:30.123+01:00"),
        ("2023-12-31 23:59", "2024-01-01 00:00"),
    ],
)
def test_sqlite_is_asked_in_the_form_that_it_stores(database: Database, low: str, high: str) -> None:
    database.run(
        "create table orders (id bigint, moved timestamp)",
        f"insert into orders values (1, '{low}'), (2, '{high}'), (0, '2000-01-01')",
    )
    watermark = read(database.source()).watermark
    assert runs(database, watermark) == ([1, 2], [])


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("stored", ["'soon'", "'2024-05-01 12:00:00 UTC'", "1714564800"])
def test_what_sqlite_stores_must_be_a_time(database: Database, stored: str) -> None:
    """Whatever the column is declared as; the value is not told."""
    database.run(
        "create table orders (id bigint, moved timestamp)", f"insert into orders values (1, {stored})"
    )
    with pytest.raises(ConfigError, match="no time that lookback") as refused:
        read(database.source(lookback=TEN, columns={"moved": "varchar"}))
    assert stored.strip("'") not in str(refused.value)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("driver", [str, driver_url], ids=["adbc", "sqlalchemy"])
@pytest.mark.parametrize("kind", ["timestamp", "timestamp(0)", "timestamptz", "timestamptz(3)"])
def test_types_of_times(database: Database, driver: object, kind: str) -> None:
    database.run(
        f"create table orders (id bigint, moved {kind})",
        *(f"insert into orders values ({second}, '{stamp(second)}+00')" for second in (19, 20, 30)),
    )
    assert callable(driver)
    source = Database("postgresql", driver(database.url))
    watermark = read(source.source()).watermark
    assert runs(source, watermark) == ([20, 30], [])
