"""A row stamped in the future is delivered at once, and neither moves the watermark nor comes twice."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from database_sources import ALL_DIALECTS, Database, Read, fresh_database, positions, read

from connector.extract import Limits
from connector.extract.databases import future
from connector.model import EMPTY_WATERMARK, Watermark, merge

NOW = dt.datetime.now(dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
# With a horizon rows wait until it has passed them, without one they are read as they come.
SETTLE = {
    "sqlite": dt.timedelta(0),
    "duckdb": dt.timedelta(0),
    "postgresql": 2 * HOUR,
    "mysql": 2 * HOUR,
    "snowflake": 2 * HOUR,
    "bigquery": 2 * HOUR,
}
FAR = "2037-01-01 00:00:00"


def at(moment: dt.datetime | str) -> str:
    return moment if isinstance(moment, str) else f"{moment:%Y-%m-%d %H:%M:%S.%f}"


class Table:
    """Orders with their stamps, and runs that go on where the last one ended."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.settle = SETTLE[database.dialect]
        self.watermark = EMPTY_WATERMARK
        self.found: Read
        database.run(
            f"create table orders (id bigint not null, moved {database.time} not null, note {database.text})",
            "create index orders_moved_id on orders (moved, id)",
        )

    def put(self, *rows: tuple[int, dt.datetime | str]) -> None:
        for id_, moved in rows:
            self.database.run(f"insert into orders values ({id_}, '{at(moved)}', 'n')")

    def change(self, id_: int, column: str, value: dt.datetime | str) -> None:
        self.database.run(f"update orders set {column} = '{at(value)}' where id = {id_}")

    def run(self, **settings: object) -> list[int]:
        """The ids that a run reads, in small batches."""
        source = self.database.source(**{"settle": self.settle, **settings})
        stored = Watermark(json.loads(json.dumps(self.watermark)))
        self.found = read(source, ["id", "note"], stored, Limits(rows=3, bytes=10**6))
        self.watermark = self.found.watermark
        return [row["id"] for row in self.found.rows]

    @property
    def remembered(self) -> int:
        return len(self.watermark.get(future.PART, {}))


@pytest.fixture(params=ALL_DIALECTS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    return fresh_database(request, tmp_path)


@pytest.fixture
def table(database: Database) -> Table:
    return Table(database)


def test_it_is_delivered_once_and_does_not_freeze_the_sync(table: Table) -> None:
    table.put((1, NOW - DAY), (2, FAR), (3, NOW - 3 * HOUR))
    assert table.run() == [1, 3, 2]
    assert any("1 rows lie in the future" in note for note in table.found.notes)
    assert table.run() == []
    table.put((4, NOW - 2.5 * HOUR))
    assert table.run() == [4]


def test_it_is_delivered_again_when_it_changes(table: Table) -> None:
    """Whatever changes, also back and forth; and it is forgotten when it is gone."""
    table.put((1, FAR), (2, FAR))
    assert table.run() == [1, 2]
    table.change(2, "note", "other")
    assert table.run() == [2]
    table.change(2, "note", "n")
    assert (table.run(), table.run()) == ([2], [])
    table.change(1, "moved", "2036-01-01 00:00:00")
    assert (table.run(), table.remembered) == ([1], 2)
    table.change(1, "moved", NOW - DAY)
    assert (table.run(), table.run(), table.remembered) == ([1], [], 1)
    table.database.run("delete from orders where id = 2")
    assert (table.run(), table.remembered) == ([], 0)


def test_it_is_not_delivered_again_when_its_time_comes(table: Table) -> None:
    """The first run ends two days ago, and takes what follows for the future."""
    table.put((1, NOW - 4 * DAY), (2, NOW - DAY), (3, NOW - DAY), (4, NOW - DAY + HOUR), (5, NOW + 9 * DAY))
    table.put((6, NOW - HOUR), (7, NOW - HOUR))
    settled = bool(table.settle)
    assert table.run(future=-2 * DAY, settle=3 * DAY if settled else 0) == [1, 2, 3, 4, 6, 7, 5]
    table.change(3, "note", "other")
    table.put((8, NOW - DAY + HOUR))
    assert (table.run(), table.remembered) == ([3, 8], 3 if settled else 1)
    table.change(6, "note", "other")
    assert table.run(settle=0) == ([6] if settled else [])
    assert (table.run(settle=0), table.remembered) == ([], 1)


def test_a_run_goes_on_from_every_place(table: Table) -> None:
    """Also between rows of the future, and where rows are left out."""
    table.put((1, NOW - 9 * DAY), (2, NOW - 9 * DAY), (3, NOW - 2 * DAY), (4, NOW - DAY), (5, NOW - DAY))
    table.put((6, FAR), (7, FAR))
    past = {"future": -4 * DAY, "settle": 5 * DAY if table.settle else 0}
    assert table.run(**past) == [1, 2, 3, 4, 5, 6, 7]
    _goes_on(table, table.found, EMPTY_WATERMARK, **past)
    table.put((8, NOW - 2 * DAY), (9, NOW - DAY), (10, FAR))
    before = table.watermark
    assert table.run() == [8, 9, 10]
    _goes_on(table, table.found, before)


def _goes_on(table: Table, found: Read, start: Watermark, **settings: object) -> None:
    ids = [row["id"] for row in found.rows]
    end = table.watermark
    for done, place in positions(found):
        table.watermark = merge(start, place)
        assert table.run(**settings) == ids[done:]
    table.watermark = end


def test_only_so_many_are_remembered(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(future, "MOST", 5)
    table.put(*((id_, FAR) for id_ in range(1, 8)))
    assert table.run() == [1, 2, 3, 4, 5]
    assert any("2 more rows were not read" in note for note in table.found.notes)
    assert (table.run(), table.remembered) == ([], 5)
    table.database.run("delete from orders where id in (1, 3)")
    assert (table.run(), table.run()) == ([6, 7], [])


def test_without_a_key_it_is_counted_and_moves_nothing(table: Table) -> None:
    table.put((1, NOW - DAY), (2, FAR))
    assert table.run(key=()) == [1]
    assert any("1 rows were not read yet" in note and "source.key" in note for note in table.found.notes)
    table.put((3, NOW - 3 * HOUR))
    assert table.run(key=()) == [3]


def test_a_first_run_from_now_on_is_not_frozen_by_it(table: Table) -> None:
    """It lies above where the run starts, as what comes later does."""
    table.put((1, NOW - DAY), (2, FAR))
    assert table.run(start="now") == [2]
    table.put((3, dt.datetime.now(dt.UTC) - dt.timedelta(milliseconds=1)))
    assert table.run(start="now", settle=0) == [3]


def test_a_watermark_that_lies_there_already_is_named(table: Table) -> None:
    table.put((1, FAR))
    assert table.run(future=36500 * DAY, settle=-36000 * DAY if table.settle else 0) == [1]
    assert table.run(settle=0) == []
    assert any("watermark itself lies in the future" in note for note in table.found.notes)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("past", "new"),
    [("2024-05-01", "2024-05-02"), ("2024-05-01T10:00:00.000Z", "2024-05-01T10:00:00.001Z")],
)
def test_sqlite_keeps_the_form_of_its_stamps(table: Table, past: str, new: str) -> None:
    table.put((1, past), (2, past.replace("2024", "2099")))
    assert table.run() == [1, 2]
    table.put((3, new))
    assert (table.run(), table.run()) == ([3], [])


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("greatest", ["zzz", "9999-99-99", "Ω"])
def test_what_is_no_time_has_no_future(table: Table, greatest: str) -> None:
    """Text that a person has declared to be in order."""
    table.put((1, "2024-05-01"), (2, greatest))
    columns = {"columns": {"moved": "varchar"}}
    assert (table.run(**columns), table.run(**columns)) == ([1, 2], [])
