"""All rows that runs have passed, and those that none has: what every database must do the same."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from database_sources import ALL_DIALECTS, Database, add, fresh_database, orders, positions, read, stamp

from connector.config.models import DatabaseSource
from connector.extract import Limits
from connector.extract.database import DatabaseExtractor, open_database
from connector.model import EMPTY_WATERMARK, SourceBatch, Watermark

# Ties on both sides of the ends of pages.
ROWS_OF = [(id_, id_ // 3) for id_ in range(1, 13)]
SMALL = Limits(rows=2, bytes=10**6)
ALL = [id_ for id_, _ in ROWS_OF]


@pytest.fixture(params=ALL_DIALECTS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    return fresh_database(request, tmp_path)


@contextmanager
def opened(source: DatabaseSource) -> Iterator[DatabaseExtractor]:
    extractor = open_database(source, SMALL)
    assert isinstance(extractor, DatabaseExtractor)
    with closing(extractor):
        extractor.open()
        yield extractor


def still(batches: Iterable[SourceBatch]) -> list[SourceBatch]:
    """Batches, none of which moves the watermark."""
    found = list(batches)
    for batch in found:
        assert batch.rows.num_rows
        assert (batch.end, batch.position(1)) == (EMPTY_WATERMARK, EMPTY_WATERMARK)
    return found


def stored(watermark: Watermark) -> Watermark:
    return Watermark(json.loads(json.dumps(watermark)))


def passed(
    source: DatabaseSource | DatabaseExtractor, watermark: Watermark, columns: Sequence[str] = ("id", "note")
) -> list[SourceBatch]:
    if isinstance(source, DatabaseExtractor):
        return still(source.read_passed(tuple(columns), stored(watermark)))
    with opened(source) as extractor:
        return passed(extractor, watermark, columns)


def ahead(source: DatabaseSource | DatabaseExtractor, watermark: Watermark) -> list[SourceBatch]:
    if isinstance(source, DatabaseExtractor):
        return still(source.read_ahead(("id",), stored(watermark)))
    with opened(source) as extractor:
        return ahead(extractor, watermark)


def ids(batches: Sequence[SourceBatch]) -> list[int]:
    return [id_ for batch in batches for id_ in batch.rows["id"].to_pylist()]


def versioned(batches: Sequence[SourceBatch]) -> list[tuple[int, str]]:
    """The id and the version of each row."""
    found = []
    for batch in batches:
        count = batch.rows.num_rows
        version = [batch.version] * count if isinstance(batch.version, str) else batch.version.to_pylist()
        found += zip(batch.rows["id"].to_pylist(), version, strict=True)
    return found


@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize("cursor", ["moved", "id", {"sql": "coalesce(moved, moved)"}], ids=str)
def test_wherever_a_run_stopped_its_rows_are_passed_and_the_others_ahead(
    database: Database, index: bool, cursor: Any
) -> None:
    orders(database, ROWS_OF, index=index)
    source = database.source(cursor=cursor)
    whole = read(source, limits=SMALL)
    rows = versioned(whole.batches)
    assert ids(passed(source, EMPTY_WATERMARK)) == []
    assert ids(ahead(source, EMPTY_WATERMARK)) == ALL
    with opened(source) as extractor:
        for done, watermark in positions(whole):
            assert versioned(passed(extractor, watermark)) == rows[:done]
            assert versioned(ahead(extractor, watermark)) == rows[done:]


def test_what_came_since_is_read_where_it_stands(database: Database) -> None:
    """A late row counts as passed, as it is met by no run; a changed one is left to the next."""
    orders(database, ROWS_OF)
    source = database.source()
    whole = read(source)
    add(database, [(50, 1), (51, 50), (52, None)])
    database.run(f"update orders set moved = '{stamp(40)}' where id = 2")
    assert ids(passed(source, whole.watermark, ["note"])) == [1, 3, 4, 5, 50, *range(6, 13)]
    assert ids(ahead(source, whole.watermark)) == [2, 51]


def test_the_filter_still_holds(database: Database) -> None:
    orders(database, ROWS_OF)
    source = database.source(where="id <> 7 -- not this one")
    whole = read(source)
    assert ids(passed(source, whole.watermark)) == [id_ for id_ in ALL if id_ != 7]


@pytest.mark.parametrize("mode", ["full", "diff"])
def test_passes(database: Database, mode: str) -> None:
    """In the middle of one: up to its place, under its number; behind one: all that it has read."""
    orders(database, ROWS_OF)
    source = database.source(mode=mode, cursor=None)
    first = read(source, limits=SMALL)
    second = read(source, watermark=first.watermark, limits=SMALL)
    assert versioned(passed(source, first.watermark)) == [(id_, "1") for id_ in ALL]
    assert ids(passed(source, EMPTY_WATERMARK)) == []
    with opened(source) as extractor:
        for done, watermark in positions(second):
            assert versioned(passed(extractor, watermark)) == [(id_, "2") for id_ in ALL[:done]]


@pytest.mark.parametrize("mode", ["full", "diff"])
def test_a_pass_restarts_at_its_first_row_under_its_number(database: Database, mode: str) -> None:
    orders(database, ROWS_OF)
    source = database.source(mode=mode, cursor=None)
    extractor = open_database(source)
    first = read(source, limits=SMALL)
    assert extractor.restarted(EMPTY_WATERMARK) == EMPTY_WATERMARK
    assert extractor.restarted(first.watermark) == first.watermark
    for watermark in (first.batches[2].end, extractor.restarted(first.batches[2].end)):
        again = read(source, watermark=extractor.restarted(watermark))
        assert versioned(again.batches) == [(id_, "1") for id_ in ALL]
        assert again.watermark == first.watermark


def test_an_incremental_read_is_never_restarted(database: Database) -> None:
    orders(database, ROWS_OF)
    for key in (("id",), ()):
        source = database.source(key=key)
        for _, watermark in positions(read(source)):
            assert open_database(source).restarted(watermark) == watermark


# ── without a key ───────────────────────────────────────────────────────────────────────────────────────


def test_without_a_key_what_was_sent_is_passed(database: Database) -> None:
    """Also of the last value of the cursor, where some rows may be sent and others not, and identical ones."""
    orders(database, ROWS_OF)
    database.run(f"insert into orders values (12, '{stamp(4)}', 'n12')")
    source = database.source(key=())
    whole = read(source, ["id", "note"], limits=SMALL)
    rows = versioned(whole.batches)
    assert passed(source, EMPTY_WATERMARK) == []
    with opened(source) as extractor:
        for done, watermark in positions(whole):
            assert Counter(versioned(passed(extractor, watermark))) == Counter(rows[:done])


def test_without_a_key_a_finished_pass_has_passed_everything(database: Database) -> None:
    """One that is not finished starts again: it has passed nothing that could be told."""
    orders(database, ROWS_OF)
    source = database.source(mode="full", key=())
    whole = read(source, limits=SMALL)
    assert Counter(versioned(passed(source, whole.watermark))) == Counter((id_, "1") for id_ in ALL)
    assert passed(source, whole.batches[0].end) == []
    assert passed(source, EMPTY_WATERMARK) == []
    assert ids(passed(source, open_database(source).restarted(whole.batches[0].end))) == []


def test_without_a_key_what_lies_before_the_start_was_never_passed(database: Database) -> None:
    """However many runs ago that start was."""
    orders(database, ROWS_OF)
    source = database.source(key=(), start=stamp(2))
    found = read(source, ["id", "note"], limits=SMALL)
    for second in (10, 11):
        add(database, [(100 + second, second)])
        found = read(source, ["id", "note"], found.watermark, limits=SMALL)
    assert sorted(ids(passed(source, found.watermark))) == [*range(6, 13), 110, 111]


@pytest.mark.parametrize("columns", [["id"], ["note", "id"], ["moved", "note", "id"], ["moved"]], ids=str)
def test_without_a_key_a_mapping_may_read_other_columns(database: Database, columns: list[str]) -> None:
    """What was sent of the last value is known again by the columns that were read then; twins count apart."""
    orders(database, ROWS_OF)
    database.run(f"insert into orders values (12, '{stamp(4)}', 'n12')")
    source = database.source(key=())
    whole = read(source, ["id", "note"], limits=SMALL)
    rest = [*ALL, 12]
    with opened(source) as extractor:
        for done, watermark in positions(whole):
            batches = list(extractor.read(tuple(columns), stored(watermark)))
            assert sum(batch.rows.num_rows for batch in batches) == len(rest) - done
            assert {(*batch.rows.schema.names,) for batch in batches} <= {tuple(columns)}
            assert len(ids(passed(extractor, watermark))) == done
    # And on from there, in the middle of that value, by what was read first.
    between = [watermark for _, watermark in positions(whole)][4]
    found = read(source, columns, between, limits=SMALL)
    for done, watermark in positions(found):
        assert len(read(source, ["id"], watermark).rows) == len(rest) - 5 - done


def test_without_a_key_and_the_columns_that_were_read_rows_are_read_again(database: Database) -> None:
    """Nothing tells them apart any more: rather twice than never."""
    orders(database, ROWS_OF, index=False)
    source = database.source(key=())
    whole = read(source, ["id", "note"])
    database.run("alter table orders drop column note")
    again = read(source, ["id"], whole.watermark)
    assert sorted(row["id"] for row in again.rows) == [12]
    assert read(source, ["id"], again.watermark).rows == []
