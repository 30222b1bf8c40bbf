"""Rows that are committed after later ones were read: what is promised, on real servers."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from database_sources import Database, Read, read

from connector.errors import ConfigError
from connector.model import EMPTY_WATERMARK, Watermark


@pytest.fixture
def shop(postgres_url: str) -> Database:
    database = Database("postgresql", postgres_url)
    database.run(
        "drop table if exists orders",
        "create table orders (id serial primary key, moved timestamptz not null default now(), number int default 1)",
        "create index on orders (moved, id)",
    )
    return database


def auto(database: Database, **settings: object) -> Callable[[Watermark], Read]:
    source = database.source(settle=None, **settings)
    return lambda watermark: read(source, ["id"], watermark)


@contextmanager
def session(database: Database, **options: object) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database.url, **options) as connection:
        yield connection


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited for too long"
        time.sleep(0.05)  # the horizon moves with the server's clock


def test_no_row_is_skipped_while_transactions_of_all_lengths_commit(shop: Database) -> None:
    """Stamps are those of a transaction's start, so rows appear out of their order."""
    done = threading.Event()

    def write(number: int) -> None:
        with session(shop, autocommit=True) as connection:
            for turn in range(12):
                pause = ((turn * 7 + number * 3) % 10) / 40
                connection.execute("begin")
                connection.execute("insert into orders default values")
                connection.execute("select pg_sleep(%s)", [pause])
                connection.execute("insert into orders (moved) values (clock_timestamp())")
                connection.execute("commit")

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    threading.Thread(target=lambda: [writer.join() for writer in writers] and done.set()).start()
    watermark, seen = EMPTY_WATERMARK, []
    run = auto(shop)

    def catch_up() -> bool:
        nonlocal watermark
        found = run(watermark)
        watermark = found.watermark
        seen.extend(row["id"] for row in found.rows)
        return done.is_set() and len(seen) >= 96

    until(catch_up)
    assert sorted(seen) == list(range(1, 97))


def test_an_open_transaction_holds_back_what_was_stamped_since_it_began(shop: Database) -> None:
    """Also one that has written nothing yet: it may still write with its old stamp."""
    run = auto(shop)
    with session(shop) as idle:
        idle.execute("select 1")
        shop.run("insert into orders default values")
        time.sleep(1.2)  # longer than the horizon's own distance
        assert run(EMPTY_WATERMARK).rows == []
        idle.execute("insert into orders default values")
        idle.commit()
    until(lambda: len(run(EMPTY_WATERMARK).rows) == 2)


def test_auto_is_refused_for_a_cursor_that_is_no_time(shop: Database) -> None:
    with pytest.raises(ConfigError, match="is no time"):
        read(shop.source(settle="auto", cursor="number"))


def test_the_default_falls_back_and_says_so(shop: Database) -> None:
    found = read(shop.source(settle=None, cursor="id"))
    assert any("is no time" in note and "settle: 0" in note for note in found.notes)


def test_sessions_that_cannot_be_seen_make_the_promise_weaker(shop: Database) -> None:
    """Without pg_read_all_stats the server hides when another user's transaction began."""
    shop.run(
        "do $$ begin create role reader login; exception when duplicate_object then null; end $$",
        "grant select on orders to reader",
    )
    limited = Database("postgresql", shop.url.replace("postgres@", "reader@"))
    with session(shop):
        with pytest.raises(ConfigError, match="pg_read_all_stats"):
            read(limited.source(settle="auto"))
        found = read(limited.source(settle=None))
    assert any("pg_read_all_stats" in note and "more than 60 s" in note for note in found.notes)


def test_sessions_that_do_not_report_make_the_promise_weaker(shop: Database) -> None:
    with session(shop, autocommit=True) as silent:
        silent.execute("set track_activities = off")
        with pytest.raises(ConfigError, match="track_activities"):
            read(shop.source(settle="auto"))


def test_the_promise_is_named(shop: Database) -> None:
    found = read(shop.source(settle=None))
    assert found.notes[0].startswith("Late rows: none is skipped")


def test_rows_stamped_in_the_future_are_read_at_once_and_move_nothing(shop: Database) -> None:
    """Those that are near wait for the horizon, as all others do."""
    shop.run(
        "insert into orders (moved) values (now() + interval '2 days'), (now() - interval '1 hour'),"
        " (now() + interval '2 hours')"
    )
    run = auto(shop)
    first = run(EMPTY_WATERMARK)
    assert [row["id"] for row in first.rows] == [2, 1]
    shop.run("insert into orders (moved) values (now() - interval '59 minutes')")
    assert [row["id"] for row in run(first.watermark).rows] == [4]


def test_infinite_cursors_are_counted_and_not_read(shop: Database) -> None:
    shop.run("insert into orders (moved) values ('infinity'), ('-infinity'), ('2024-01-01')")
    for settle in (None, dt.timedelta(0)):
        found = read(shop.source(settle=settle))
        assert [row["id"] for row in found.rows] == [3]
        assert any(note.startswith("2 rows were not read:") for note in found.notes)


def test_a_duration_leaves_the_newest_rows_for_later(shop: Database) -> None:
    shop.run("insert into orders (moved) values (now() - interval '20 s'), (now() - interval '2 s')")
    assert [row["id"] for row in read(shop.source(settle=dt.timedelta(seconds=10))).rows] == [1]


def test_mysql_names_a_transaction_that_is_open_for_longer_than_settle(mariadb_url: str) -> None:
    import pymysql
    import sqlalchemy as sa

    database = Database("mysql", mariadb_url)
    database.run("create table orders (id int primary key, moved datetime(6)) engine InnoDB")
    url = sa.make_url(mariadb_url)
    with pymysql.connect(host=url.host, port=url.port, user=url.username, database=url.database) as writer:
        writer.cursor().execute("insert into orders values (1, utc_timestamp(6))")
        until(
            lambda: any(
                "open for" in note
                for note in read(database.source(settle=dt.timedelta(milliseconds=1))).notes
            )
        )
