"""Rows that were delivered ahead of their time: runs have passed them, wherever the watermark stands."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from database_sources import DIALECTS, Database, add, fresh_database, orders, read, read_again, stamp

from connector.extract import base_of
from connector.extract.database import DatabaseExtractor, open_database
from connector.model import SourceBatch, Watermark

FAR = "2037-01-01 00:00:00"
COLUMNS = ("id", "note")


@pytest.fixture(params=DIALECTS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """Twelve orders, of which 3 and 7 lie in the future, 7 under a stamp that 20 will have too."""
    found = fresh_database(request, tmp_path)
    orders(found, [(id_, id_) for id_ in range(1, 13)])
    found.run(f"update orders set moved = '{FAR}' where id in (3, 7)")
    return found


@contextmanager
def opened(database: Database) -> Iterator[DatabaseExtractor]:
    extractor = open_database(database.source(settle=None))
    assert isinstance(extractor, DatabaseExtractor)
    with closing(extractor):
        extractor.open()
        yield extractor


def run(database: Database) -> Watermark:
    """How far a run comes."""
    found = read(database.source(settle=None))
    assert sorted(row["id"] for row in found.rows) == [*range(1, 13)]
    return Watermark(json.loads(json.dumps(found.watermark)))


def ids(batches: Iterable[SourceBatch]) -> list[int]:
    return [id_ for batch in batches for id_ in batch.rows["id"].to_pylist()]


def passed(database: Database, watermark: Watermark) -> list[int]:
    with opened(database) as extractor:
        return ids(extractor.read_passed(COLUMNS, watermark))


def ahead(database: Database, watermark: Watermark) -> list[int]:
    with opened(database) as extractor:
        return ids(extractor.read_ahead(COLUMNS, watermark))


def found(
    database: Database, watermark: Watermark, *keys: int, columns: Sequence[str] = COLUMNS
) -> list[int]:
    source = database.source(settle=None)
    return ids(read_again(source, [f"[{key}]" for key in keys], watermark, columns))


def test_they_are_passed_and_not_ahead(database: Database) -> None:
    watermark = run(database)
    database.run(f"insert into orders values (20, '{FAR}', 'n20')")
    assert passed(database, watermark) == [1, 2, 4, 5, 6, 8, 9, 10, 11, 12, 3, 7]
    assert ahead(database, watermark) == [20]


def test_they_are_found_by_their_keys(database: Database) -> None:
    """Whatever columns are asked for; one that has moved since is the next run's."""
    watermark = run(database)
    for columns in (COLUMNS, ("id",), ("note", "moved", "id")):
        assert found(database, watermark, 7, 2, 99, columns=columns) == [2, 7]
    database.run("update orders set moved = '2036-01-01 00:00:00' where id = 7")
    assert found(database, watermark, 3, 7) == [3]
    assert ahead(database, watermark) == [7]


def test_their_versions_are_those_that_they_were_read_with(database: Database) -> None:
    source = database.source(settle=None)
    whole = read(source)
    versions = {
        id_: version
        for batch in whole.batches
        if batch.rows.num_rows
        for id_, version in zip(batch.rows["id"].to_pylist(), batch.version.to_pylist(), strict=True)
    }
    [again] = read_again(source, ["[3]"], whole.watermark, COLUMNS)
    assert again.version.to_pylist() == [versions[3]]


def test_one_that_was_passed_before_it_was_forgotten_is_met_once(database: Database) -> None:
    """A run that ended between the two leaves it remembered, below the watermark."""
    watermark = run(database)
    database.run(f"update orders set moved = '{stamp(5)}' where id = 3")
    assert len(watermark["future"]) == 2
    again = passed(database, watermark)
    assert (again.count(3), again.count(7)) == (1, 1)


def test_they_count_in_ranges(database: Database) -> None:
    """Where the source counts at all: SQLite has its times as text, DuckDB no pages."""
    watermark = run(database)
    add(database, [(21, 4.5)])
    database.run(f"insert into orders values (20, '{FAR}', 'n20')")
    with opened(database) as extractor:
        if database.dialect in ("sqlite", "duckdb"):
            assert extractor.totals(watermark, [(None, None)]) is None
            return
        five, far = (extractor.version(text.replace(" ", "T")) for text in (stamp(5), FAR))
        ranges = [(None, None), (None, five), (five, None), (five, far), (far, far + 1), (far + 1, None)]
        totals = extractor.totals(watermark, ranges)
        assert totals is not None
        assert [count for count, _ in totals] == [13, 4, 9, 7, 2, 0]
        assert totals[4] == (2, 0)
        assert totals[0][1] == sum(
            total + count * base_of(part)
            for part, (count, total) in zip(ranges[1:3], totals[1:3], strict=True)
        )
