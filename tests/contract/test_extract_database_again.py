"""Rows read again by their key: what every database must do the same."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from canonical_keys import keys_of
from database_sources import (
    ALL_DIALECTS,
    Database,
    driver_url,
    fresh_database,
    orders,
    positions,
    read,
    read_again,
    stamp,
)

from connector.config.models import DatabaseSource
from connector.errors import ConfigError
from connector.extract import Limits
from connector.extract.database import open_database
from connector.model import EMPTY_WATERMARK, SourceBatch, Watermark

ROWS_OF = [(id_, id_ // 3) for id_ in range(1, 13)]


@pytest.fixture(params=ALL_DIALECTS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    return fresh_database(request, tmp_path)


def versions(batches: list[SourceBatch], name: str = "id") -> dict[Any, str]:
    """The version of each row, by the value of a column."""
    found: dict[Any, str] = {}
    for batch in batches:
        count = batch.rows.num_rows
        version = [batch.version] * count if isinstance(batch.version, str) else batch.version.to_pylist()
        found |= dict(zip(batch.rows[name].to_pylist(), version, strict=True))
    return found


def test_rows_come_again_in_order_with_the_versions_they_had(database: Database) -> None:
    orders(database, ROWS_OF)
    source = database.source()
    whole = read(source)
    found = read_again(source, ["[11]", "[2]", "[7]", "[7]"], whole.watermark)
    assert [row for batch in found for row in batch.rows["id"].to_pylist()] == [2, 7, 11]
    assert versions(found).items() <= versions(whole.batches).items()
    assert all(batch.key == ("id",) for batch in found)


def test_only_what_a_run_has_passed_is_read(database: Database) -> None:
    """Wherever a run stopped: what lies above is left to the next one, also among rows of the same cursor value."""
    orders(database, ROWS_OF)
    source = database.source()
    whole = read(source)
    keys = [f"[{id_}]" for id_, _ in ROWS_OF]
    assert read_again(source, keys, EMPTY_WATERMARK) == []
    for done, watermark in positions(whole):
        assert list(versions(read_again(source, keys, watermark))) == [id_ for id_, _ in ROWS_OF[:done]]


def test_a_row_that_changed_since_is_left_to_the_next_run(database: Database) -> None:
    orders(database, ROWS_OF)
    source = database.source()
    whole = read(source)
    database.run(
        f"update orders set moved = '{stamp(50)}' where id = 2", "update orders set note = 'new' where id = 3"
    )
    (batch,) = read_again(source, ["[2]", "[3]"], whole.watermark, ["note"])
    assert batch.rows.to_pylist() == [{"note": "new", "id": 3}]


def test_without_a_watermark_rows_are_found_wherever_runs_read(database: Database) -> None:
    orders(database, [*ROWS_OF, (99, None)])
    for source, there in ((database.source(), [2]), (database.source(mode="full"), [2, 99])):
        assert list(versions(read_again(source, ["[2]", "[99]", "[100]"], None))) == there


def test_what_no_row_has_is_not_found(database: Database) -> None:
    """Rows that are gone, keys of another form, and texts that are no key."""
    orders(database, ROWS_OF)
    whole = read(database.source())
    strange = [
        "[99]",
        '["2"]',
        "[2.5]",
        "[null]",
        "[2,3]",
        "[]",
        "2",
        "no json",
        "[1e400]",
        "[99999999999999999999]",
        "[{}]",
    ]
    assert read_again(database.source(), strange, whole.watermark) == []
    assert list(versions(read_again(database.source(), [*strange, "[2]"], whole.watermark))) == [2]
    assert read_again(database.source(), [], whole.watermark) == []


def test_the_filter_still_holds(database: Database) -> None:
    orders(database, ROWS_OF)
    source = database.source(where="id <> 7 -- not this one")
    whole = read(source)
    assert list(versions(read_again(source, ["[6]", "[7]"], whole.watermark))) == [6]


def test_many_keys_are_asked_for_in_groups(database: Database) -> None:
    database.run(
        "create table orders (id integer primary key, moved integer)",
        "insert into orders values " + ", ".join(f"({n}, {n})" for n in range(1_300)),
    )
    source = database.source()
    whole = read(source)
    keys = [f"[{n}]" for n in range(0, 1_300, 2)]
    assert list(versions(read_again(source, keys, whole.watermark))) == list(range(0, 1_300, 2))


def test_keys_of_several_columns(database: Database) -> None:
    database.run(
        "create table orders (moved integer, a integer, b varchar(9))", "create index i on orders (moved, a, b)",
        *(f"insert into orders values ({n // 6}, {n % 6 // 2}, 'k{n}')" for n in range(18)),
    )  # fmt: skip
    source = database.source(key=("a", "b"))
    whole = read(source)
    found = read_again(source, ['[2,"k4"]', '[2,"k5"]', '[1,"k4"]', '[0,"k12"]', "[2]"], whole.watermark)
    assert list(versions(found, "b")) == ["k4", "k5", "k12"]


def test_a_cursor_may_be_the_key_or_an_expression(database: Database) -> None:
    orders(database, ROWS_OF)
    for cursor in ("id", {"sql": "id + 0"}):
        source = database.source(cursor=cursor)
        whole = read(source, limits=Limits(rows=5, bytes=10**6))
        watermark = whole.batches[0].end
        found = read_again(source, ["[5]", "[6]"], watermark)
        assert versions(found).items() <= versions(whole.batches).items()
        assert list(versions(found)) == [5]


def test_passes(database: Database) -> None:
    """The number is that of the pass which read them; in the middle of one, what it has yet to read is left to it."""
    orders(database, ROWS_OF)
    source = database.source(mode="full")
    first = read(source)
    keys = ["[2]", "[11]"]
    assert versions(read_again(source, keys, first.watermark)) == {2: "1", 11: "1"}
    second = read(source, watermark=first.watermark, limits=Limits(rows=5, bytes=10**6))
    assert versions(read_again(source, keys, second.batches[0].end)) == {2: "2"}
    database.run(f"insert into orders values (13, '{stamp(1)}', 'late')")
    assert read_again(source, ["[13]"], second.watermark) == []
    assert read_again(source, keys, EMPTY_WATERMARK) == []


def test_without_a_key_nothing_can_be_read_again(database: Database) -> None:
    orders(database, ROWS_OF)
    with pytest.raises(ConfigError, match="without a key") as caught:
        read_again(database.source(key=()), ["[1]"], Watermark({}))
    assert "--stored" in str(caught.value)


# ── types ─────────────────────────────────────────────────────────────────────────────────────────────

WORDS = ["a", "A", "a'b", "a\\b", 'a"b', "ß", "日本", "", " a", "1", "01", "null", "%s", ":x"]
STAMPS = [
    "2024-01-02 03:04:05",
    "2024-01-02 03:04:05.000001",
    "2024-10-27 00:30:00.5",
    "1969-12-31 23:59:59.999999",
]
UUIDS = ["00112233-4455-6677-8899-aabbccddeeff", "ffffffff-ffff-ffff-ffff-ffffffffffff"]
_EVERYWHERE = ("sqlite", "duckdb", "postgresql", "mysql")
# type -> the dialects that have it, and literals of values
TYPES: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "bigint": (_EVERYWHERE, ["0", "-1", "9223372036854775807", "-9223372036854775808", "1841710181319290881"]),
    "decimal(20,4)": (_EVERYWHERE[1:], ["0", "1.5", "-0.0001", "1234567890123456.7891", "100"]),
    "decimal(20,0)": (_EVERYWHERE, ["0", "100", "-12345"]),
    "date": (_EVERYWHERE, ["'2024-01-02'", "'1999-12-31'", "'2024-01-03'"]),
    "timestamp": (("sqlite", "duckdb", "postgresql"), [f"'{text}'" for text in STAMPS]),
    "datetime(6)": (("mysql",), [f"'{text}'" for text in STAMPS]),
    "timestamptz": (("duckdb", "postgresql"), [f"'{text}+02'" for text in STAMPS]),
    "timestamp_ns": (("duckdb",), ["'2024-01-02 03:04:05.123456789'", "'2024-01-02 03:04:05.123456'"]),
    "timestamp(3)": (("postgresql",), ["'2024-01-02 03:04:05.123'"]),
    "uuid": (("sqlite", "duckdb", "postgresql", "mysql"), [f"'{text}'" for text in UUIDS]),
    "blob": (("sqlite", "duckdb"), ["x'00ff'", "x'61'"]),
    "bytea": (("postgresql",), [r"'\x00ff'", r"'\x'"]),
    "varbinary(9)": (("mysql",), ["x'00ff'", "x'61'"]),
    "boolean": (_EVERYWHERE, ["true", "false"]),
    "numeric": (("postgresql",), ["1.50", "1.05", "100", "-7", "12345678901234567890123456789012345678901234567.25"]),
    "hugeint": (("duckdb",), ["170141183460469231731687303715884105727", "0"]),
    "inet": (("postgresql",), ["'10.0.0.1'", "'::1'"]),
    "time": (("sqlite", "duckdb", "postgresql"), ["'03:04:05'", "'03:04:05.000001'"]),
    "time(6)": (("mysql",), ["'03:04:05'", "'-03:04:05.000001'"]),
    "smallint": (("postgresql", "mysql"), ["-32768", "7"]),
}  # fmt: skip
# Keys that look like keys of the type, and are none that is there.
NOT_THERE = ["[123]", "[1.25]", '["x"]', "[true]", '["2024-05-05"]', '["2024-01-02T03:04:05.000002Z"]', '["00"]', '["12:00:00.000000"]', "[70000]"]  # fmt: skip
CASES = [(dialect, kind) for kind, (dialects, _) in TYPES.items() for dialect in dialects]


@pytest.mark.parametrize(("database", "kind"), CASES, indirect=["database"])
def test_keys_of_every_type(database: Database, kind: str) -> None:
    """Each value is found by the key that its eventId has, alone, with the others, and among strangers."""
    values = TYPES[kind][1]
    database.run(
        f"create table orders (id {kind} not null, moved integer)",
        *(f"insert into orders values ({value}, {n})" for n, value in enumerate(values)),
    )
    source = database.source(timezone="Europe/Berlin")
    whole = read(source)
    assert len(whole.rows) == len(values)
    known = versions(whole.batches)
    keys = keys_of(whole.batches, source)
    strangers = [key for key in NOT_THERE if key not in keys]
    assert len(set(keys)) == len(keys)
    for key, value in zip(keys, known, strict=True):
        assert versions(read_again(source, [*strangers, key], whole.watermark)) == {value: known[value]}, key
    assert versions(read_again(source, keys, whole.watermark)) == known
    assert read_again(source, strangers, whole.watermark) == []


def test_keys_of_text(database: Database) -> None:
    """Case, blanks, quotes and backslashes count."""
    kind = "varchar(20)" + (
        " character set utf8mb4 collate utf8mb4_bin" if database.dialect == "mysql" else ""
    )
    quoted = ["'" + word.replace("'", "''") + "'" for word in WORDS]
    if database.dialect == "mysql":
        quoted = [word.replace("\\", "\\\\") for word in quoted]
    database.run(
        f"create table orders (id {kind} not null, moved integer)",
        *(f"insert into orders values ({word}, {n})" for n, word in enumerate(quoted)),
    )
    source = database.source()
    whole = read(source)
    for key, word in zip(keys_of(whole.batches, source), WORDS, strict=True):
        assert list(versions(read_again(source, [key], whole.watermark))) == [word]
    assert read_again(source, ["[1]", '["b"]'], whole.watermark) == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("declared", "stored", "key"),
    [
        ("timestamp", "'2024-01-02T03:04:05Z'", '["2024-01-02T03:04:05.000000Z"]'),
        ("timestamp", "'2024-01-02 05:04:05.5+02:00'", '["2024-01-02T03:04:05.500000Z"]'),
        ("date", "'2024-01-02 00:00:00'", '["2024-01-02"]'),
        ("uuid", "'AABB2233-4455-6677-8899-aabbccddeeff'", '["aabb2233-4455-6677-8899-aabbccddeeff"]'),
        ("decimal(9,2)", "'7'", "[7]"),
        ("", "17", "[17]"),
        ("", "'17'", '["17"]'),
        ("text", "17", '["17"]'),
    ],
)  # fmt: skip
def test_sqlite_stores_one_value_in_many_ways(
    database: Database, declared: str, stored: str, key: str
) -> None:
    database.run(
        f"create table orders (id {declared}, moved integer)", f"insert into orders values ({stored}, 1)"
    )
    columns = {} if declared else {"id": "varchar" if '"' in key else "bigint"}
    source = database.source(columns=columns)
    whole = read(source)
    assert keys_of(whole.batches, source) == [key]
    assert len(read_again(source, [key], whole.watermark)) == 1


@pytest.mark.parametrize("database", ["duckdb", "postgresql"], indirect=True)
def test_a_key_with_a_declared_type(database: Database) -> None:
    """The key that leaves is text, the column holds numbers."""
    database.run(
        "create table orders (id bigint not null, moved integer)", "insert into orders values (7, 1)"
    )
    source = database.source(columns={"id": "varchar"})
    whole = read(source)
    assert keys_of(whole.batches, source) == ['["7"]']
    assert len(read_again(source, ['["7"]', '["x"]'], whole.watermark)) == 1


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    "kind", ["bigint", "decimal(20,4)", "date", "timestamp", "timestamptz", "uuid", "numeric", "time"]
)
def test_by_a_driver_that_has_no_reader_of_its_own(database: Database, kind: str) -> None:
    """Databases that SQLAlchemy alone knows find the same keys."""
    values = TYPES[kind][1]
    database.run(
        f"create table orders (id {kind} not null, moved integer)",
        *(f"insert into orders values ({value}, {n})" for n, value in enumerate(values)),
    )
    plain = Database("postgresql", driver_url(database.url))
    source = plain.source(timezone="Europe/Berlin")
    whole = read(source)
    keys, known = keys_of(whole.batches, source), versions(whole.batches)
    strangers = [key for key in NOT_THERE if key not in keys]
    assert versions(read_again(source, [*strangers, *keys], whole.watermark)) == known
    for key, value in zip(keys, known, strict=True):
        assert versions(read_again(source, [key], whole.watermark)) == {value: known[value]}


def standing(source: DatabaseSource, key: str, watermark: Watermark) -> str:
    extractor = open_database(source)
    try:
        extractor.open()
        return extractor.standing(key, watermark).value
    finally:
        extractor.close()


def test_where_a_row_stands(database: Database) -> None:
    """Passed or ahead by the order of the source, also among rows of one cursor value; and what no run reads."""
    orders(database, [*ROWS_OF, (99, None)])
    source = database.source()
    whole = read(source)
    assert standing(source, "[5]", EMPTY_WATERMARK) == "ahead"
    for done, watermark in [*positions(whole)][::4]:
        at = [standing(source, f"[{id_}]", watermark) for id_, _ in ROWS_OF]
        assert at == ["passed"] * done + ["ahead"] * (len(ROWS_OF) - done)
    assert standing(source, "[99]", whole.watermark) == "unreadable"
    assert (
        standing(source, "[100]", whole.watermark) == standing(source, '["2"]', whole.watermark) == "absent"
    )
    left = database.source(where="id <> 2")
    assert standing(left, "[2]", whole.watermark) == "absent"
    passes = database.source(mode="full")
    assert standing(passes, "[99]", read(passes).watermark) == "passed"
    assert standing(passes, "[99]", EMPTY_WATERMARK) == "ahead"


def test_where_a_row_in_the_future_stands(database: Database) -> None:
    """It is delivered ahead of its time; where there is no more than that to come, it waits for the horizon."""
    orders(database, ROWS_OF)
    source = database.source(settle=None)
    whole = read(source)
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=2)
    database.run(f"update orders set moved = '{later:%Y-%m-%d %H:%M:%S}' where id = 2")
    assert standing(source, "[2]", whole.watermark) == "ahead"
    assert standing(source, "[2]", read(source, watermark=whole.watermark).watermark) == "early"
    waits = database.source(settle=None, future=dt.timedelta(days=9))
    no_horizon = database.dialect == "sqlite"
    assert standing(waits, "[2]", whole.watermark) == ("ahead" if no_horizon else "waiting")


def test_where_a_row_below_the_watermark_stands(database: Database) -> None:
    """Within lookback it is read again, and before the start it is never read."""
    orders(database, ROWS_OF)
    source = database.source(lookback=dt.timedelta(seconds=1))
    whole = read(source)
    assert [standing(source, f"[{id_}]", whole.watermark) for id_ in (2, 8, 9, 12)] == [
        "passed",
        "passed",
        "again",
        "again",
    ]
    start = database.source(start=stamp(2))
    assert [standing(start, f"[{id_}]", read(start).watermark) for id_ in (5, 6)] == ["before", "passed"]
