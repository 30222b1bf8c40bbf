"""What every database must do the same: SQLite, DuckDB, PostgreSQL and MariaDB, all of them real."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from database_sources import (
    ALL_DIALECTS,
    UNPAGED,
    Database,
    add,
    fresh_database,
    orders,
    positions,
    read,
    resumed,
    stamp,
)

from connector.errors import DataError
from connector.extract import Limits

SMALL = Limits(rows=3, bytes=1_000_000)


def ids(rows: list[dict[str, object]]) -> list[object]:
    return [row["id"] for row in rows]


@pytest.fixture(params=ALL_DIALECTS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    return fresh_database(request, tmp_path)


TIES = [(id_, id_ // 5) for id_ in range(1, 24)]


@pytest.mark.parametrize("index", [True, False])
def test_all_rows_come_once_in_order_across_pages_and_ties(database: Database, index: bool) -> None:
    """Ties of the cursor cross the ends of pages without loss."""
    orders(database, TIES, index=index)
    found = read(database.source(), limits=SMALL)
    assert ids(found.rows) == [id_ for id_, _ in TIES]
    assert max(batch.rows.num_rows for batch in found.batches) <= 3
    assert all(batch.key == ("id",) for batch in found.batches)
    if database.dialect not in UNPAGED:
        assert any("one long statement" in note for note in found.notes) is not index


def test_a_run_goes_on_from_every_position(database: Database) -> None:
    """What is left after any row is exactly the rows after it, also through JSON."""
    orders(database, TIES)
    whole = read(database.source(), limits=SMALL)
    for done, rest in resumed(database.source(), whole):
        assert ids(rest) == ids(whole.rows)[done:]


def test_a_run_without_news_reads_nothing(database: Database) -> None:
    orders(database, TIES)
    first = read(database.source())
    assert read(database.source(), watermark=first.watermark).rows == []


def test_a_row_added_at_the_watermark_with_a_higher_key_is_read(database: Database) -> None:
    orders(database, [(1, 1), (2, 1)])
    first = read(database.source())
    add(database, [(3, 1), (4, 2)])
    assert ids(read(database.source(), watermark=first.watermark).rows) == [3, 4]


def test_an_empty_table_gives_no_rows(database: Database) -> None:
    orders(database, [])
    assert read(database.source()).rows == []


def test_null_cursors_are_counted_and_not_read(database: Database) -> None:
    orders(database, [(1, 1), (2, None), (3, None), (4, 2)])
    found = read(database.source())
    assert ids(found.rows) == [1, 4]
    assert any(note.startswith("2 rows were not read") for note in found.notes)


@pytest.mark.parametrize("index", [True, False])
def test_null_keys_stop_the_run(database: Database, index: bool) -> None:
    orders(database, [(1, 1), (None, 2), (None, 3)], index=index)
    with pytest.raises(DataError, match=r"'id' is part of the key, and has no value in 2 rows"):
        read(database.source())


@pytest.mark.parametrize("page", [1, 2, 3, 50])
def test_equal_places_stop_the_run_wherever_a_page_ends(database: Database, page: int) -> None:
    """Also where two rows with the same cursor and key stand on two sides of a page's end."""
    orders(database, [(1, 1), (2, 2), (3, 3), (3, 3), (4, 4)])
    with pytest.raises(DataError, match="not unique"):
        read(database.source(), limits=Limits(rows=page, bytes=10**6))


def test_large_integers_keep_all_digits(database: Database) -> None:
    """Also as a watermark: floats would make neighbours equal."""
    big = [1841710181319290881 + n for n in range(5)]
    database.run(
        "create table orders (id bigint, moved bigint)", "create index orders_moved_id on orders (moved, id)",
        *(f"insert into orders values ({value}, {value})" for value in big),
    )  # fmt: skip
    whole = read(database.source(), limits=Limits(rows=1, bytes=10**6))
    assert ids(whole.rows) == big
    for done, rest in resumed(database.source(), whole):
        assert ids(rest) == big[done:]


def test_microseconds_tell_rows_apart(database: Database) -> None:
    orders(database, [(1, 1.000001), (2, 1.000002), (3, 1.000003)])
    whole = read(database.source())
    assert [row["moved"].microsecond for row in whole.rows] == [1, 2, 3]
    for done, rest in resumed(database.source(), whole):
        assert ids(rest) == [1, 2, 3][done:]


def test_a_text_cursor_and_a_text_key_are_ordered_by_the_source(database: Database) -> None:
    """Quotes, backslashes and letters beyond ASCII survive as literals."""
    words = ["a'b", "a\\b", 'a"b', "ß", "é", "日本", "z", "%s", ":name", "a;b"]
    text = "varchar(50)" + (" character set utf8mb4" if database.dialect == "mysql" else "")
    quoted = [word.replace("'", "''") for word in words]
    if database.dialect == "mysql":
        quoted = [word.replace("\\", "\\\\") for word in quoted]
    database.run(
        f"create table orders (id {text} primary key, moved {text})", "create index orders_moved_id on orders (moved, id)",
        *(f"insert into orders values ('{word}', '{word}')" for word in quoted),
    )  # fmt: skip
    source = database.source(columns={"moved": "varchar"})
    whole = read(source, limits=SMALL)
    assert Counter(ids(whole.rows)) == Counter(words)
    for done, rest in resumed(source, whole):
        assert ids(rest) == ids(whole.rows)[done:]


def test_a_key_of_several_columns_breaks_ties_in_its_order(database: Database) -> None:
    database.run(
        "create table orders (moved integer, a integer, b varchar(9))", "create index i on orders (moved, a, b)",
        *(f"insert into orders values ({n // 6}, {n % 6 // 2}, 'k{n % 2}')" for n in range(18)),
    )  # fmt: skip
    source = database.source(key=("a", "b"))
    whole = read(source, limits=Limits(rows=2, bytes=10**6))
    assert [(row["moved"], row["a"], row["b"]) for row in whole.rows] == [
        (n // 6, n % 6 // 2, f"k{n % 2}") for n in range(18)
    ]
    for done, rest in resumed(source, whole):
        assert rest == whole.rows[done:]


def test_the_cursor_may_be_the_key(database: Database) -> None:
    database.run("create table orders (id integer primary key, note varchar(9))")
    database.run(*(f"insert into orders values ({n}, 'x')" for n in range(1, 8)))
    source = database.source(cursor="id", key=("id",))
    whole = read(source, limits=SMALL)
    assert ids(whole.rows) == list(range(1, 8))
    for done, rest in resumed(source, whole):
        assert ids(rest) == ids(whole.rows)[done:]


def test_a_filter_leaves_rows_out(database: Database) -> None:
    orders(database, TIES)
    found = read(database.source(where="id <> 7 -- not this one"))
    assert ids(found.rows) == [id_ for id_, _ in TIES if id_ != 7]


def test_a_query_stands_for_a_table(database: Database) -> None:
    orders(database, TIES)
    source = database.source(query="select id, moved, note from orders where id < 10 ; -- all of it\n")
    whole = read(source, limits=SMALL)
    assert ids(whole.rows) == list(range(1, 10))
    for done, rest in resumed(source, whole):
        assert ids(rest) == ids(whole.rows)[done:]
    assert any("one long statement" in note for note in whole.notes) or database.dialect in UNPAGED


def test_a_cursor_may_be_an_expression(database: Database) -> None:
    orders(database, [(1, 1), (2, None), (3, 3)])
    fallback = f"cast('{stamp(2)}' as {'text' if database.dialect == 'sqlite' else database.time})"
    source = database.source(cursor={"sql": f"coalesce(moved, {fallback})"})
    whole = read(source, limits=SMALL)
    assert ids(whole.rows) == [1, 2, 3]
    for done, rest in resumed(source, whole):
        assert ids(rest) == [1, 2, 3][done:]


def test_only_what_is_asked_for_and_the_key_leaves(database: Database) -> None:
    orders(database, [(1, 1)])
    assert read(database.source(), ["note"]).rows == [{"note": "n1", "id": 1}]


def test_versions_follow_the_cursor(database: Database) -> None:
    orders(database, [(1, 1), (2, 1), (3, 2)])
    (batch,) = read(database.source()).batches
    first, second, third = batch.version.to_pylist()
    assert first == second != third


def test_text_after_many_nulls_keeps_the_schema(database: Database) -> None:
    """A type guessed from the first rows would be null."""
    database.run(
        f"create table orders (id integer primary key, note {database.text})",
        "insert into orders values " + ", ".join(f"({n}, null)" for n in range(5_000)),
        "insert into orders values (5000, 'at last')",
    )
    found = read(database.source(cursor="id"), limits=Limits(rows=1_000, bytes=10**6))
    assert len(found.rows) == 5_001
    assert found.rows[-1]["note"] == "at last"
    assert pa.types.is_string(found.batches[0].rows.schema.field("note").type)


def test_batches_stay_within_their_bytes(database: Database) -> None:
    """Wide rows make small batches."""
    database.run(f"create table orders (id integer primary key, note {database.text})")
    wide = "x" * 200_000
    database.run(*(f"insert into orders values ({n}, '{wide}')" for n in range(1, 31)))
    found = read(database.source(cursor="id"), limits=Limits(rows=1_000, bytes=1_000_000))
    assert ids(found.rows) == list(range(1, 31))
    assert max(batch.rows.nbytes for batch in found.batches) <= 3_000_000


# ── without a key ─────────────────────────────────────────────────────────────────────────────────────


def test_without_a_key_no_row_is_lost_or_sent_twice_from_any_position(database: Database) -> None:
    """Rows of the same cursor value are told apart by what they hold, and identical ones are counted."""
    orders(database, [(1, 1), (1, 1), (2, 1), (3, 2), (3, 2), (4, 3), (4, 3), (4, 3), (5, 3)])
    source = database.source(key=())
    whole = read(source, ["id"], limits=Limits(rows=2, bytes=10**6))
    assert len(whole.rows) == 9
    for done, rest in resumed(source, whole, ["id"]):
        assert Counter(ids(whole.rows[:done])) + Counter(ids(rest)) == Counter(ids(whole.rows))


def test_without_a_key_rows_added_at_the_last_cursor_value_are_read_once(database: Database) -> None:
    orders(database, [(1, 1), (2, 2)])
    source = database.source(key=())
    first = read(source, ["id"])
    add(database, [(2, 2), (3, 2), (4, 3)])
    second = read(source, ["id"], first.watermark)
    assert sorted(ids(second.rows)) == [2, 3, 4]
    assert read(source, ["id"], second.watermark).rows == []


# ── full ──────────────────────────────────────────────────────────────────────────────────────────────


def test_full_reads_all_by_key_and_counts_passes(database: Database) -> None:
    orders(database, [(3, 1), (1, None), (2, 5)])
    source = database.source(mode="full")
    first = read(source)
    assert ids(first.rows) == [1, 2, 3]
    assert {batch.version for batch in first.batches if batch.rows.num_rows} == {"1"}
    assert first.watermark["rows"]["done"] is True
    second = read(source, watermark=first.watermark)
    assert ids(second.rows) == [1, 2, 3]
    assert second.batches[0].version == "2"


def test_an_interrupted_pass_goes_on_after_its_last_key(database: Database) -> None:
    orders(database, TIES)
    source = database.source(mode="full")
    whole = read(source, limits=SMALL)
    for done, rest in resumed(source, whole):
        assert ids(rest) == ids(whole.rows)[done:]
    _, watermark = next(positions(whole))
    assert read(source, watermark=watermark).watermark["rows"] == {**whole.watermark["rows"], "pass": 1}


def test_without_a_key_an_interrupted_pass_starts_again(database: Database) -> None:
    orders(database, TIES)
    source = database.source(mode="full", key=())
    whole = read(source, limits=SMALL)
    _, watermark = next(positions(whole))
    again = read(source, watermark=watermark)
    assert len(again.rows) == len(TIES)
    assert again.batches[0].version == "1"
    assert any("starts again" in note for note in whole.notes)


# ── where a first run starts ──────────────────────────────────────────────────────────────────────────


def test_a_first_run_starts_at_a_value(database: Database) -> None:
    orders(database, TIES)
    source = database.source(start=stamp(3))
    assert ids(read(source).rows) == [id_ for id_, second in TIES if second >= 3]


def test_a_first_run_from_now_remembers_now(database: Database) -> None:
    """Also if it finds nothing: else what comes before the second run would be lost."""
    orders(database, TIES)
    source = database.source(start="now")
    first = read(source)
    assert first.rows == []
    add(database, [(100, 50)])
    assert ids(read(source, watermark=first.watermark).rows) == [100]
