"""Databases to read from: real ones, written to with their own drivers."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa
from bigquery_server import run_job
from pydantic import SecretStr
from snowflake_server import connected

from connector.config.models import DatabaseSource
from connector.extract import Limits
from connector.extract.database import open_database
from connector.model import EMPTY_WATERMARK, SourceBatch, Watermark, merge

# The type of a point in time with microseconds, by dialect.
TIMES = {
    "sqlite": "timestamp",
    "duckdb": "timestamp",
    "postgresql": "timestamptz",
    "mysql": "datetime(6)",
    "snowflake": "timestamp_ntz",
    "bigquery": "datetime",
}
TEXTS = {
    "sqlite": "text",
    "duckdb": "varchar",
    "postgresql": "text",
    "mysql": "longtext",
    "snowflake": "varchar",
    "bigquery": "string",
}
# What tests call things, in small letters, as most databases have it. Snowflake would take them for capitals.
_NAMES = re.compile(r"(?<![\w'\"])(orders|id|moved|note|total|a|b)(?![\w'\"])")


@dataclass
class Database:
    """A database that tests write to by SQL."""

    dialect: str
    url: str

    def run(self, *statements: str) -> None:
        """Run statements, each in its own transaction."""
        if self.dialect == "sqlite":
            connection = sqlite3.connect(self.url.removeprefix("sqlite:///"), isolation_level=None)
            for statement in statements:
                connection.execute(statement)
            connection.close()
        elif self.dialect == "duckdb":
            with duckdb.connect(self.url.removeprefix("duckdb:///")) as duck:
                for statement in statements:
                    duck.execute(statement)
        elif self.dialect == "snowflake":
            with connected(self.url) as snow, snow.cursor() as cursor:
                for statement in statements:
                    if not statement.startswith("create index"):  # it has none
                        cursor.execute(quoted(statement))
        elif self.dialect == "bigquery":
            for statement in statements:
                if not statement.startswith("create index"):  # it has none
                    run_job(self.url, escaped(statement))
        else:
            engine = sa.create_engine(
                driver_url(self.url), poolclass=sa.NullPool, isolation_level="AUTOCOMMIT"
            )
            with engine.connect() as remote:
                for statement in statements:
                    remote.exec_driver_sql(statement, execution_options={"no_parameters": True})

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query gives, in the source's own order."""
        if self.dialect == "sqlite":
            with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as connection:
                return connection.execute(query).fetchall()
        if self.dialect == "duckdb":
            with duckdb.connect(self.url.removeprefix("duckdb:///"), read_only=True) as duck:
                return duck.execute(query).fetchall()
        if self.dialect == "snowflake":
            with connected(self.url) as snow, snow.cursor() as cursor:
                cursor.execute(quoted(query))
                return cursor.fetchall()
        engine = sa.create_engine(driver_url(self.url), poolclass=sa.NullPool)
        with engine.connect() as remote:
            return [tuple(row) for row in remote.exec_driver_sql(query)]

    @property
    def time(self) -> str:
        return TIMES[self.dialect]

    @property
    def text(self) -> str:
        return TEXTS[self.dialect]

    def source(self, **settings: Any) -> DatabaseSource:
        given = {"mode": "incremental", "settle": 0, "cursor": "moved", "key": ("id",), "table": "orders"}
        if "query" in settings:
            del given["table"]
        if settings.get("mode") == "full":
            given["cursor"] = None
        if self.dialect == "snowflake":
            for name in ("query", "where"):
                if name in settings:
                    settings[name] = quoted(settings[name])
            if isinstance(settings.get("cursor"), dict):
                settings["cursor"] = {"sql": quoted(settings["cursor"]["sql"])}
        return DatabaseSource(
            type="database", url=SecretStr(self.url.partition("#")[0]), **{**given, **settings}
        )


def quoted(sql: str) -> str:
    """SQL with the names that tests use in quotes, outside of texts, and with texts as Snowflake writes them."""
    parts = sql.split("'")
    parts[::2] = [_NAMES.sub(r'"\1"', part) for part in parts[::2]]
    parts[1::2] = [part.replace("\\", "\\\\") for part in parts[1::2]]
    return "'".join(parts)


def escaped(sql: str) -> str:
    """SQL with texts and types as BigQuery writes them."""
    parts = sql.replace("''", "\x00").split("'")
    parts[::2] = [re.sub(r"varchar(\(\d+\))?", "string", part) for part in parts[::2]]
    parts[1::2] = [part.replace("\\", "\\\\") for part in parts[1::2]]
    return "'".join(parts).replace("\x00", "\\'")


def driver_url(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://")


@dataclass
class Read:
    """What one run read."""

    rows: list[dict[str, Any]]
    watermark: Watermark
    notes: tuple[str, ...]
    batches: list[SourceBatch] = field(default_factory=list)
    warnings: dict[str, int] = field(default_factory=dict)


def read(
    source: DatabaseSource,
    columns: Sequence[str] = (),
    watermark: Watermark = EMPTY_WATERMARK,
    limits: Limits | None = None,
) -> Read:
    """One whole run; checks on the way that all batches have the same schema."""
    extractor = open_database(source, limits)
    try:
        extractor.open()
        asked = tuple(columns) or tuple(extractor.schema().names)
        batches = list(extractor.read(asked, watermark))
        notes = extractor.notes()
    finally:
        extractor.close()
    assert len({batch.rows.schema.to_string(show_field_metadata=True) for batch in batches}) <= 1
    warnings: dict[str, int] = {}
    for batch in batches:
        watermark = merge(watermark, batch.end)
        for code, count in batch.warnings.items():
            warnings[code] = warnings.get(code, 0) + count
    rows = [row for batch in batches for row in batch.rows.to_pylist()]
    return Read(rows, watermark, notes, batches, warnings)


def resumed(
    source: DatabaseSource, found: Read, columns: Sequence[str] = ()
) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """For every place a run can be interrupted at: the rows read before it, and those that a new run reads."""
    extractor = open_database(source)
    extractor.open()
    asked = tuple(columns) or tuple(extractor.schema().names)
    for done, watermark in positions(found):
        stored = Watermark(json.loads(json.dumps(watermark)))
        yield done, [row for batch in extractor.read(asked, stored) for row in batch.rows.to_pylist()]
    extractor.close()


def read_again(
    source: DatabaseSource, keys: Sequence[str], watermark: Watermark | None, columns: Sequence[str] = ()
) -> list[SourceBatch]:
    """The batches of rows that are read again by their keys; no row is left out or moves anything."""
    extractor = open_database(source)
    try:
        extractor.open()
        asked = tuple(columns) or tuple(extractor.schema().names)
        batches = list(extractor.read_keys(asked, keys, watermark))
    finally:
        extractor.close()
    for batch in batches:
        assert batch.rows.num_rows
        assert (batch.end, batch.position(1)) == (EMPTY_WATERMARK, EMPTY_WATERMARK)
    return batches


def positions(found: Read) -> Iterator[tuple[int, Watermark]]:
    """Every place a run can be interrupted at: rows read so far, and the watermark there."""
    before = 0
    watermark = EMPTY_WATERMARK
    for batch in found.batches:
        for n in range(1, batch.rows.num_rows + 1):
            yield before + n, merge(watermark, batch.position(n))
        before += batch.rows.num_rows
        watermark = merge(watermark, batch.end)


DIALECTS = ("sqlite", "duckdb", "postgresql", "mysql")
# The last ones are emulators, see snowflake_server and bigquery_server; that of BigQuery is there when
# bigquery_server runs the tests.
ALL_DIALECTS = (
    *DIALECTS,
    "snowflake",
    *(("bigquery",) if os.environ.get("CONNECTOR_TEST_BIGQUERY") else ()),
)
# Those that have no index that gives an order.
UNPAGED = {"duckdb", "snowflake", "bigquery"}


def fresh_database(request: pytest.FixtureRequest, folder: Path) -> Database:
    """A database of the dialect that a fixture is parametrised with, without the table that tests make."""
    dialect = request.param
    if dialect in {"sqlite", "duckdb"}:
        return Database(dialect, f"{dialect}:///{folder / 'shop'}.{dialect}")
    urls = {
        "postgresql": "postgres_url",
        "mysql": "mariadb_url",
        "snowflake": "snowflake_url",
        "bigquery": "bigquery_url",
    }
    url = request.getfixturevalue(urls[dialect])
    found = Database(dialect, url)
    found.run("drop table if exists orders")
    return found


def stamp(second: float) -> str:
    return f"2024-01-01 00:00:{second:09.6f}"


def orders(database: Database, rows: list[tuple[int | None, float | None]], *, index: bool = True) -> None:
    """A table of (id, second of its stamp)."""
    database.run(f"create table orders (id bigint, moved {database.time}, note {database.text})")
    if index:
        database.run("create index orders_moved_id on orders (moved, id)")
    add(database, rows)


def add(database: Database, rows: list[tuple[int | None, float | None]]) -> None:
    values = ", ".join(
        f"({'null' if id_ is None else id_}, {'null' if at is None else repr(stamp(at))}, 'n{id_}')"
        for id_, at in rows
    )
    if values:
        database.run(f"insert into orders values {values}")
