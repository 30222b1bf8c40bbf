"""The servers that the storm strikes, and where their SQL differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from typing import Any

import psycopg
import pymysql
import sqlalchemy as sa
from chaos.source import TABLE
from servers import Server, mariadb, postgres

# A statement that waits for another writer's row gives up after a second, and its transaction is rolled back.
_LOCK_SECONDS = 1


@dataclass(frozen=True)
class Dialect:
    """One kind of server; all statements beside these are the same for all.

    Attributes:
        name: as people write it.
        server: starts one.
        connect: url -> a connection outside of any transaction, which begins one by its first statement.
        error: what its driver raises.
        create: statements that make the table.
        stamps: expressions by which the database stamps a row.
        version: statement that tells the server's version.
        auto: whether it knows how far reading is safe; elsewhere that is a duration.
    """

    name: str
    server: Callable[[], AbstractContextManager[Server]]
    connect: Callable[[str], Any]
    error: type[Exception]
    create: Sequence[str]
    stamps: Sequence[str]
    version: str
    auto: bool

    def fetch(self, url: str, sql: str) -> list[tuple[Any, ...]]:
        """Run a query through a connection of its own."""
        with closing(self.connect(url)) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def execute(self, url: str, statements: Sequence[str]) -> None:
        """Run statements in one transaction."""
        with closing(self.connect(url)) as connection:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
            connection.commit()


def _postgres(url: str) -> Any:
    return psycopg.connect(url, options=f"-c lock_timeout={_LOCK_SECONDS}s")


def _mariadb(url: str) -> Any:
    parts = sa.make_url(url)
    options = parts.get_dialect()().create_connect_args(parts)[1]
    session = f"set time_zone = '+00:00', innodb_lock_wait_timeout = {_LOCK_SECONDS}"
    return pymysql.connect(**options, init_command=session)


_COLUMNS = "id integer primary key, entity integer not null, version integer not null"
_MARIADB_TABLE = f"""create table {TABLE}({_COLUMNS}, owner varchar(40) not null, label varchar(40) not null,
    moved_at datetime(6) not null) engine InnoDB"""
_INDEX = f"create index things_moved on {TABLE}(moved_at, id)"

POSTGRES = Dialect(
    name="PostgreSQL",
    server=postgres,
    connect=_postgres,
    error=psycopg.Error,
    create=(
        f"create table {TABLE}({_COLUMNS}, owner text not null, label text not null, moved_at timestamptz not null)",
        _INDEX,
    ),
    # The first is when the transaction began; the last differs from row to row.
    stamps=("now()", "statement_timestamp()", "clock_timestamp()"),
    version="show server_version",
    auto=True,
)
MARIADB = Dialect(
    name="MariaDB",
    server=mariadb,
    connect=_mariadb,
    error=pymysql.Error,
    create=(
        _MARIADB_TABLE,
        _INDEX,
    ),
    stamps=("now(6)",),  # when the statement began, also when it then waited for a lock
    version="select version()",
    auto=False,
)
DIALECTS = (POSTGRES, MARIADB)
