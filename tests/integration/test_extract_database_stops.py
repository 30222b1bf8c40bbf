"""Stopping a statement that would run for long, and reading through a driver that has no reader of its own."""

from __future__ import annotations

import datetime as dt
import threading
import time
from pathlib import Path

import pytest
from database_sources import DIALECTS, Database, add, fresh_database, orders, read, resumed

from connector.errors import Stopped
from connector.extract import Limits
from connector.extract.database import open_database
from connector.model import EMPTY_WATERMARK

SLOW = {
    "sqlite": "(with recursive n(x) as (select 1 union all select x + 1 from n) select count(*) from n) > orders.id",
    "duckdb": "(select sum(a.range * b.range) from range(3000000) a, range(3000000) b where a.range <> b.range) > orders.id",
    "postgresql": "pg_sleep(60) is not null",
    "mysql": "sleep(60) = id",
}


@pytest.fixture(params=DIALECTS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    return fresh_database(request, tmp_path)


def test_cancel_interrupts_a_statement_that_has_given_nothing_yet(database: Database) -> None:
    orders(database, [(1, 1), (2, 2)])
    extractor = open_database(database.source(where=SLOW[database.dialect]))
    extractor.open()
    began = threading.Event()
    ended: list[object] = []

    def run() -> None:
        began.set()
        try:
            ended.append(list(extractor.read(("id",), EMPTY_WATERMARK)))
        except Stopped as stopped:
            ended.append(stopped)

    thread = threading.Thread(target=run)
    thread.start()
    began.wait()
    deadline = time.monotonic() + 20
    while thread.is_alive() and time.monotonic() < deadline:
        extractor.cancel()  # again, as a person would: the statement may not have reached the server yet
        thread.join(0.2)
    assert not thread.is_alive()
    assert isinstance(ended[0], Stopped)
    extractor.close()


@pytest.fixture
def generic(postgres_url: str) -> Database:
    """PostgreSQL by another driver, as any database that SQLAlchemy knows is read."""
    found = Database("postgresql", postgres_url)
    found.run("drop table if exists orders")
    found.url = postgres_url.replace("postgresql://", "postgresql+psycopg://")
    return found


def test_any_dialect_is_read_in_pages_and_goes_on_from_every_position(generic: Database) -> None:
    orders(generic, [(n, n // 3) for n in range(12)])
    whole = read(generic.source(), limits=Limits(rows=2, bytes=10**6))
    assert [row["id"] for row in whole.rows] == list(range(12))
    assert whole.rows[3]["moved"] == dt.datetime(2024, 1, 1, 0, 0, 1, tzinfo=dt.UTC)
    for done, rest in resumed(generic.source(), whole):
        assert rest == whole.rows[done:]


def test_any_dialect_gives_the_types_of_its_catalog(generic: Database) -> None:
    generic.run(
        "create table orders (id int primary key, a numeric(10,2), b varchar(9), c date, d boolean, e bytea, f float,"
        " g json, h uuid, i time, moved timestamp)",
        "insert into orders values (1, 1.50, 'x', '2024-01-02', true, '\\x00', 1.5, '{\"a\": 1}',"
        " '00000000-0000-4000-8000-00000000000f', '10:00', '2024-01-02 03:04:05.000001')",
        "insert into orders (id) values (2)",
    )
    first, second = read(generic.source(mode="full")).rows
    assert [str(value) for value in first.values()] == [
        "1", "1.50", "x", "2024-01-02", "True", "b'\\x00'", "1.5", '{"a": 1}',
        "00000000-0000-4000-8000-00000000000f", "10:00:00", "2024-01-02 03:04:05.000001",
    ]  # fmt: skip
    assert set(second.values()) == {2, None}


def test_any_dialect_counts_null_cursors_and_sees_added_rows(generic: Database) -> None:
    orders(generic, [(1, 1), (2, None)])
    first = read(generic.source())
    add(generic, [(3, 1), (4, 2)])
    assert [row["id"] for row in read(generic.source(), watermark=first.watermark).rows] == [3, 4]
    assert any(note.startswith("1 rows were not read") for note in first.notes)
