"""The way for databases without a reader of their own, shown on PostgreSQL through SQLAlchemy and psycopg."""

from __future__ import annotations

import datetime as dt

import pytest
from database_sources import Database, driver_url, read, read_again, resumed
from pydantic import SecretStr

from connector.config.models import DatabaseSource
from connector.errors import ConnectorError
from connector.extract import Limits
from connector.extract.databases.dialects import reader_for, url_of

WORDS = ["100%", "a%%b", "%s", "a\\b", "it's", ":x", "日本"]


@pytest.fixture
def generic(postgres_url: str) -> DatabaseSource:
    database = Database("postgresql", postgres_url)
    database.run(
        "drop table if exists kinds",
        'create table kinds ("share%" text not null, ok boolean not null, at timestamptz not null, at_local timestamp)',
        'create index on kinds (at, "share%", ok)',
        "insert into kinds values "
        + ", ".join(
            f"(e'{word.replace(chr(92), chr(92) * 2).replace(chr(39), chr(39) * 2)}', {n % 2 == 0},"
            f" '2026-01-01 00:00:00.00000{n // 2}+05', null)"
            for n, word in enumerate(WORDS)
        ).replace("e'", "E'"),
    )  # fmt: skip
    return DatabaseSource(
        type="database", url=SecretStr(driver_url(postgres_url)), mode="incremental", cursor="at",
        key=("share%", "ok"), table="kinds", settle=0,
    )  # fmt: skip


def test_per_cent_signs_backslashes_and_booleans_come_back_as_they_are(generic: DatabaseSource) -> None:
    """Statements have no parameters, so nothing in them is doubled for a driver that looks for those."""
    whole = read(generic, limits=Limits(rows=2, bytes=10**6))
    assert sorted(row["share%"] for row in whole.rows) == sorted(WORDS)
    for done, rest in resumed(generic, whole):
        assert rest == whole.rows[done:]
    assert whole.rows[0]["at"].astimezone(dt.UTC).isoformat().startswith("2025-12-31T19:00:00")


def test_rows_are_found_again_by_such_keys(generic: DatabaseSource) -> None:
    whole = read(generic)
    for row in whole.rows:
        word = row["share%"].replace("\\", "\\\\")
        (batch,) = read_again(generic, [f'["{word}",{"true" if row["ok"] else "false"}]'], whole.watermark)
        assert batch.rows.to_pylist() == [row]


def test_the_session_is_in_utc_only_reads_and_tells_the_servers_time(generic: DatabaseSource) -> None:
    reader = reader_for(url_of(generic.url.get_secret_value()), "UTC")
    reader.connect()
    try:
        assert reader.fetch("show timezone") == [("UTC",)]
        with pytest.raises(ConnectorError):
            reader.fetch("create table x (y integer)")
        assert abs(reader.clock() - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)
        assert reader.advice(dt.timedelta(0)) == ()
    finally:
        reader.close()
