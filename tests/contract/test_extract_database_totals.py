"""Ranges of whole numbers and times, counted and summed by the source: exactly, however far their values lie apart."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest
from database_sources import DIALECTS, Database, fresh_database, read

from connector.extract import Range, base_of
from connector.extract.database import open_database

BIG = (1 << 62) + 12345
NUMBERS = [-BIG, -BIG + 1, -7, 0, 3, 1_700_000_000_000_000_000, 1_700_000_000_000_000_001, BIG - 1, BIG]
TIMES = [
    "0001-01-02 00:00:00.000001",
    "1969-12-31 23:59:59.999999",
    "2024-02-29 12:00:00.123457",
    "2106-03-01 00:00:00",
]
MYSQL_TIMES = ["1001-01-02 00:00:00.000001", *TIMES[1:]]


@pytest.fixture(params=DIALECTS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    return fresh_database(request, tmp_path)


def whole_numbers(version: pa.Array | str) -> list[int]:
    """Versions as they are kept: MariaDB's times are text."""
    if isinstance(version, str):
        return []
    text = version[0].as_py()
    return (version.cast(pa.timestamp("us")) if ":" in text else version).cast(pa.int64()).to_pylist()


def check(database: Database, kind: str, values: list[str]) -> None:
    """All ranges between some of the values are what reading them says."""
    database.run(
        f"create table orders (id bigint not null, moved {kind} not null)",
        "create index orders_moved_id on orders (moved, id)",
        *(f"insert into orders values ({n}, {value})" for n, value in enumerate(values * 3)),
    )
    source = database.source(settle=0)
    whole = read(source)
    versions = [int(one) for batch in whole.batches for one in whole_numbers(batch.version)]
    places = [None, *sorted({*versions, versions[0] + 5}), None]
    ranges: list[Range] = [(None, None), *((low, high) for low in places[:-1] for high in places[1:])]
    ranges = [part for part in ranges if None in part or part[0] < part[1]]
    with closing(open_database(source)) as extractor:
        extractor.open()
        totals = extractor.totals(whole.watermark, ranges)
    if database.dialect == "duckdb":  # it has no pages: counting costs what reading does
        assert totals is None
        return
    assert totals is not None
    for part, found in zip(ranges, totals, strict=True):
        low, high = part
        inside = [one for one in versions if (low is None or one >= low) and (high is None or one < high)]
        assert tuple(found) == (len(inside), sum(one - base_of(part) for one in inside)), part


def test_whole_numbers(database: Database) -> None:
    check(database, "bigint", [str(number) for number in NUMBERS])


def test_small_whole_numbers(database: Database) -> None:
    check(database, "integer", [str(number) for number in (-(1 << 31) + 1, -1, 0, 5, (1 << 31) - 1)])


def test_unsigned_ones(database: Database) -> None:
    if database.dialect == "mysql":
        check(database, "bigint unsigned", ["0", "5", str((1 << 63) - 2)])


def test_times(database: Database) -> None:
    if database.dialect != "sqlite":
        times = MYSQL_TIMES if database.dialect == "mysql" else TIMES
        check(database, database.time, [f"'{time}'" for time in times])
