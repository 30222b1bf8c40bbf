"""A whole store copied into another, which may be of the other kind: all of it in one transaction, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from connector.errors import ConfigError, StateError
from connector.state.database import Database
from connector.state.failures import translated
from connector.state.schema import leases, metadata, paces, segments, version
from connector.state.syncs import refuse_running, seize_all

_PAGE = 200  # rows in memory at once; rejects and watermarks may be large
_PAGES = {segments: 4}  # merged ones hold some megabytes each
# Who sends at the moment sends to nobody in another store.
_TABLES = [table for table in metadata.sorted_tables if table not in (version, paces)]

# Of a lease goes what makes its tokens grow on; its holder stays where it is.
_LEASE = ("sync", "lane", "token", "seq")

# Nobody takes a lane or commits on one meanwhile, and all is read as of one moment.
_ALONE = (
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "SET LOCAL idle_in_transaction_session_timeout = '5min'",  # one of the two waits while the other works
    f"LOCK TABLE {leases.name} IN EXCLUSIVE MODE",
)


def copy(source: Database, target: Database) -> dict[str, int]:
    """Copy everything and return how many rows of each table.

    Whoever held a lane of the source and is gone or has run out cannot commit there any more.

    Raises:
        LeaseHeld: someone runs at the source.
        ConfigError: the target holds something.
        StateError: one of the two failed, and the target holds nothing.
    """
    target.read(lambda writing: _refuse_filled(writing, target))
    source.write(lambda reading: seize_all(reading, source))

    def work(reading: sa.Connection) -> dict[str, int]:
        _alone(reading)
        refuse_running(reading, source)
        return _fill(target, reading, source.where)

    return source.write(work)


def _alone(connection: sa.Connection) -> None:
    """Keep everyone else from writing; in SQLite the transaction does that already."""
    if connection.dialect.name == "postgresql":
        for statement in _ALONE:
            connection.exec_driver_sql(statement)


def _fill(target: Database, reading: sa.Connection, where: str) -> dict[str, int]:
    copied: dict[str, int] = {}

    def work(writing: sa.Connection) -> None:
        _alone(writing)
        if copied and _counts(writing) == copied:
            return  # it was committed, and the answer was lost
        copied.clear()
        _refuse_filled(writing, target)
        for table in _TABLES:
            for page in _pages(table, reading, where):
                writing.execute(sa.insert(table), page)
        arrived = _counts(writing)
        with _blamed(where):
            sent = _counts(reading)
        if arrived != sent:
            raise StateError(
                f"{target.where} does not hold all of {where}: {arrived} of {sent} rows; nothing was kept",
                hint="copy again; if it stays, report it",
            )
        copied.update(arrived)

    target.write(work)
    return copied


def _pages(table: sa.Table, reading: sa.Connection, where: str) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of a table, page by page."""
    columns = [table.c[name] for name in _LEASE] if table is leases else list(table.c)
    query = sa.select(*columns).order_by(*table.primary_key.columns)
    with _blamed(where):
        rows = reading.execute(query, execution_options={"yield_per": _PAGES.get(table, _PAGE)})
        for page in rows.mappings().partitions():
            yield [dict(row) for row in page]


@contextmanager
def _blamed(where: str) -> Iterator[None]:
    """Name the source in what it says: the target's errors are told from them by that alone."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise translated(error, where) from None


def _counts(connection: sa.Connection) -> dict[str, int]:
    return {
        table.name.removeprefix("connector_"): connection.execute(
            sa.select(sa.func.count()).select_from(table)
        ).scalar_one()
        for table in _TABLES
    }


def _refuse_filled(connection: sa.Connection, target: Database) -> None:
    for table in _TABLES:
        if connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None:
            raise ConfigError(
                f"{target.where} holds state already", hint="give --to a new file or an empty database"
            )
