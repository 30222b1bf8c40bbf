"""What goes wrong around a database, and what a person is told: never a password, never a value of a row."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from database_sources import Database, read

from connector.errors import ConfigError, ConnectorError, CredentialsError, DataError, SourceError
from connector.extract import Limits
from connector.extract.database import open_database
from connector.model import EMPTY_WATERMARK

SECRET = "hunter2-geheim"


def refused(url: str, dialect: str = "postgresql", **settings: object) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        read(Database(dialect, url).source(**settings))
    assert SECRET not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "mysql", "postgresql+psycopg"])
def test_an_unreachable_server(scheme: str) -> None:
    error = refused(f"{scheme}://me:{SECRET}@127.0.0.1:9/shop")
    assert isinstance(error, SourceError)
    assert "127.0.0.1" in error.message


def test_a_host_that_is_not_there() -> None:
    assert isinstance(refused(f"postgresql://me:{SECRET}@no-such-host.invalid/shop"), SourceError)


def test_a_wrong_password(mariadb_url: str) -> None:
    database = Database("mysql", mariadb_url)
    database.run("create user if not exists guarded@'%' identified by 'right'")
    url = (
        sa.make_url(mariadb_url)
        .set(username="guarded", password=SECRET)
        .render_as_string(hide_password=False)
    )
    assert isinstance(refused(url, "mysql"), CredentialsError)


def test_an_unknown_user_or_database(postgres_url: str, mariadb_url: str) -> None:
    unknown = sa.make_url(postgres_url).set(database="nowhere").render_as_string(hide_password=False)
    assert "'nowhere'" in refused(unknown).message
    unknown = sa.make_url(mariadb_url).set(database="nowhere").render_as_string(hide_password=False)
    assert "'nowhere'" in refused(unknown, "mysql").message
    assert isinstance(refused(postgres_url.replace("postgres@", "nobody@")), CredentialsError)


def test_what_the_user_may_not_read(postgres_url: str) -> None:
    database = Database("postgresql", postgres_url)
    database.run(
        "create table secret (id int, moved timestamptz)",
        "do $$ begin create role outsider login; exception when duplicate_object then null; end $$",
    )
    error = refused(postgres_url.replace("postgres@", "outsider@"), table="secret")
    assert isinstance(error, CredentialsError)
    assert "grant select" in error.hint


def test_an_unknown_dialect_names_the_nearest() -> None:
    error = refused(f"postgrsql://me:{SECRET}@h/d")
    assert isinstance(error, ConfigError)
    assert "postgresql" in error.hint


def test_no_url() -> None:
    assert isinstance(refused(f"me:{SECRET}@host/shop"), ConfigError)


def test_a_driver_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)
    monkeypatch.setitem(sys.modules, "pymysql", None)
    assert "intempt-connector[postgres]" in refused(f"postgresql://me:{SECRET}@h/d").hint
    assert "intempt-connector[mysql]" in refused(f"mysql://me:{SECRET}@h/d", "mysql").hint


@pytest.mark.parametrize("dialect", ["sqlite", "duckdb"])
def test_a_file_that_is_not_there_is_not_made(dialect: str, tmp_path: Path) -> None:
    path = tmp_path / "missing.db"
    assert isinstance(refused(f"{dialect}:///{path}", dialect), ConfigError)
    assert not path.exists()


@pytest.mark.parametrize("dialect", ["sqlite", "duckdb"])
def test_a_file_that_is_no_database(dialect: str, tmp_path: Path) -> None:
    path = tmp_path / "text.db"
    path.write_text("this is no database, only text that is long enough to have a header" * 99)
    assert isinstance(refused(f"{dialect}:///{path}", dialect), ConfigError)


def test_values_of_rows_stay_out_of_messages(postgres_url: str) -> None:
    """The server quotes what it cannot cast."""
    database = Database("postgresql", postgres_url)
    query = f"select id, id as moved, ('{SECRET}' || id)::int as broken from generate_series(1, 3) id"
    error = refused(database.url, query=query)
    assert isinstance(error, SourceError)
    assert error.hint


def test_a_connection_that_the_server_ends(postgres_url: str) -> None:
    database = Database("postgresql", postgres_url)
    query = "select id, id as moved, repeat('x', 10000) as note from generate_series(1, 100000) id"
    extractor = open_database(database.source(query=query, key=("id",)), Limits(rows=100, bytes=1_000_000))
    extractor.open()
    batches = extractor.read(("note",), EMPTY_WATERMARK)
    next(batches)
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'intempt-connector'"
        )
    with pytest.raises(SourceError):
        list(batches)
    extractor.close()


def test_a_statement_that_takes_too_long(postgres_url: str) -> None:
    query = "select id, id as moved from generate_series(1, 3) id where pg_sleep(1) is not null"
    error = refused(f"{postgres_url}&options=-c%20statement_timeout%3D200", query=query)
    assert isinstance(error, SourceError)
    assert "statement_timeout" in error.hint


def sqlite_orders(folder: Path, declaration: str, *values: object) -> Database:
    path = folder / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute(f"create table orders (id integer primary key, moved {declaration})")
        connection.executemany("insert into orders (moved) values (?)", [(value,) for value in values])
    return Database("sqlite", f"sqlite:///{path}")


def test_sqlite_refuses_a_cursor_of_mixed_storage_classes(tmp_path: Path) -> None:
    """SQLite orders all numbers before all texts, whatever they mean."""
    database = sqlite_orders(tmp_path, "timestamp", "2024-01-01 00:00:00", 1704067200)
    with pytest.raises(DataError, match="integer and text"):
        read(database.source(), ["id"])


def test_sqlite_notices_another_storage_class_in_a_later_run(tmp_path: Path) -> None:
    database = sqlite_orders(tmp_path, "timestamp", 1704067200)
    first = read(database.source(), ["id"])
    database.run("insert into orders (moved) values ('2024-01-01 00:00:00')")
    with pytest.raises(DataError, match="integer and text"):
        read(database.source(), ["id"], first.watermark)


def test_sqlite_refuses_a_cursor_that_stores_floats(tmp_path: Path) -> None:
    database = sqlite_orders(tmp_path, "numeric", 1.5, 2.5)
    with pytest.raises(DataError, match="floating-point"):
        read(database.source(), ["id"])


def test_sqlite_asks_for_types_that_are_not_declared(tmp_path: Path) -> None:
    database = Database("sqlite", f"sqlite:///{tmp_path}/shop.db")
    database.run("create table orders (id integer primary key, moved timestamp, next, letter)")
    database.run("insert into orders values (1, '2024-01-01 00:00:00', 2, 'x')")
    with pytest.raises(ConfigError, match="'next', 'letter'"):
        read(database.source())
    found = read(database.source(columns={"next": "bigint", "letter": "text"}))
    assert (found.rows[0]["next"], found.rows[0]["letter"]) == (2, "x")


@pytest.mark.parametrize(
    ("declaration", "value"),
    [("timestamp", 1704067200), ("integer", "one"), ("date", "soon"), ("boolean", 2), ("text", b"\x00"),
     ("decimal(5,2)", 1.234)],
)  # fmt: skip
def test_sqlite_names_the_column_that_holds_what_its_type_does_not(
    tmp_path: Path, declaration: str, value: object
) -> None:
    database = sqlite_orders(tmp_path, declaration, value)
    with pytest.raises(DataError, match="'moved'") as caught:
        read(database.source(mode="full", cursor=None))
    assert "source.columns" in caught.value.hint


def test_sqlite_text_that_is_not_utf8(tmp_path: Path) -> None:
    database = sqlite_orders(tmp_path, "text")
    database.run("insert into orders (moved) values (cast(x'ff41' as text))")
    with pytest.raises(DataError, match=r"'connector_1'|'moved'"):
        read(database.source(mode="full", cursor=None))


def test_ties_of_text_timestamps_in_sqlite_are_compared_as_they_are_stored(tmp_path: Path) -> None:
    """A timestamp bound in another form would stand after every row of the same second."""
    stored = "2024-01-01 00:00:00"
    database = sqlite_orders(tmp_path, "timestamp", *[stored] * 5)
    first = read(database.source(), limits=Limits(rows=2, bytes=10**6))
    after_two = first.batches[0].position(2)
    assert after_two["rows"]["cursor"] == ["text", stored]
    assert [row["id"] for row in read(database.source(), watermark=after_two).rows] == [3, 4, 5]
