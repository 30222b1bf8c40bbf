"""Arrays of PostgreSQL whose elements JSON of the server's would not show as this program writes them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from database_sources import Database, read

from connector.errors import DataError
from connector.extract.database import open_database
from connector.model import EMPTY_WATERMARK

FULL = {"mode": "full", "key": ("id",)}


@pytest.fixture
def database(postgres_url: str) -> Database:
    found = Database("postgresql", postgres_url)
    found.run("drop table if exists orders")
    return found


def test_elements_arrive_in_their_own_type(database: Database) -> None:
    """Times, floats and bytes within an array are the values that they are alone, whatever its lower bound."""
    database.run(
        "create table orders (id int primary key, t timestamptz[], f float8[], b bytea[])",
        r"insert into orders values (1, '[5:6]={2024-07-01 12:00:00.000001+02,null}', '{0.1,null}', array['\x00ff'::bytea])",
        "insert into orders values (2, '{}', null, '{}')",
    )
    first, second = read(database.source(**FULL)).rows
    assert first["t"] == [dt.datetime(2024, 7, 1, 10, 0, 0, 1, dt.UTC), None]
    assert (first["f"], first["b"]) == ([0.1, None], [b"\x00\xff"])
    assert (second["t"], second["f"], second["b"]) == ([], None, [])


def test_several_dimensions_stop_the_run(database: Database) -> None:
    """They would lose their shape: the error says what to do."""
    database.run(
        "create table orders (id int primary key, d date[])",
        "insert into orders values (1, '{{2024-01-01},{2024-01-02}}')",
    )
    with pytest.raises(DataError, match="several dimensions") as caught:
        read(database.source(**FULL))
    assert "to_jsonb" in caught.value.hint


def test_infinities_as_text_become_null_and_are_counted(database: Database) -> None:
    """Within arrays of numbers and intervals, and as an interval."""
    database.run(
        "create table orders (id int primary key, n numeric[], i interval, many interval[])",
        "insert into orders values (1, '{NaN,1.10,-Infinity}', 'infinity', '{infinity,1 day}')",
        "insert into orders values (2, null, '1 day', '{}')",
    )
    found = read(database.source(**FULL))
    assert [row["n"] for row in found.rows] == ["[null, 1.10, null]", None]
    assert [row["i"] for row in found.rows] == [None, "P1D"]
    assert [row["many"] for row in found.rows] == ['[null, "P1D"]', "[]"]
    assert found.warnings == {"infinite_value": 4}


def test_an_address_of_one_host_has_no_mask(database: Database) -> None:
    """As the server shows it."""
    database.run(
        "create table orders (id int primary key, a inet)",
        "insert into orders values (1, '10.0.0.1'), (2, '10.0.0.1/8'), (3, '::1'), (4, null)",
    )
    assert [row["a"] for row in read(database.source(**FULL)).rows] == ["10.0.0.1", "10.0.0.1/8", "::1", None]


def test_times_that_python_has_not_do_not_hinder_rows_without_a_key(tmp_path: Path) -> None:
    """Rows are told apart by digests, also where nested times are infinite or have nanoseconds."""
    database = Database("duckdb", f"duckdb:///{tmp_path}/nested.duckdb")
    database.run(
        "create table orders (moved timestamp, l timestamp[], s struct(d date, u uuid), m map(date, timestamp),"
        " a timestamp[2], z timestamp_ns[], n time_ns)",
        "insert into orders values (timestamp '2024-01-01', ['infinity'], {'d': '-infinity', 'u': uuid()},"
        " map {date 'infinity': timestamp 'infinity'}, ['infinity', null], ['2024-01-01 00:00:00.123456789'],"
        " '12:00:00.123456789')",
        "insert into orders (moved) values (timestamp '2024-01-01')",
    )
    extractor = open_database(database.source(key=()))
    extractor.open()
    batches = list(extractor.read(tuple(extractor.schema().names), EMPTY_WATERMARK))
    extractor.close()
    assert sum(batch.rows.num_rows for batch in batches) == 2
    assert len(batches[-1].end["rows"]["sent"]) == 2
