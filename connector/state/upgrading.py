"""How the tables of the state store come into being, and how those of an older version become those of today."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from connector.errors import StateError, StateVersionError
from connector.state.migrations import MIGRATIONS
from connector.state.schema import metadata, version

VERSION = 4


def stored_version(connection: sa.Connection) -> int | None:
    """Return the version of the schema, or None where there is none yet."""
    if not sa.inspect(connection).has_table(version.name):
        return None
    return connection.execute(sa.select(sa.func.max(version.c.version))).scalar_one_or_none()


def check_version(found: int, where: str) -> None:
    """Refuse a store that a newer version of the connector has written.

    Raises:
        StateVersionError: `found` is above what this version knows.
    """
    if found > VERSION:
        raise StateVersionError(
            f"{where} has schema {found}, this version of the connector knows {VERSION}",
            hint="use the version of the connector that wrote it, or a newer one",
        )


def upgrade(connection: sa.Connection, where: str, back_up: Callable[[int], None]) -> None:
    """Create the tables or bring them up to date, within the caller's transaction.

    Args:
        connection: in a transaction that is allowed to write.
        where: the store, for messages.
        back_up: called with the version found before a migration changes anything.

    Raises:
        StateVersionError: the store is newer than this program.
        StateError: a database file that belongs to something else.
    """
    if connection.dialect.name == "postgresql":
        # Two processes that open a new store at once: one creates, the other finds it made.
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(0x636F6E6E6563746F)))
    found = stored_version(connection)
    if found is None:
        refuse_foreign_file(connection, where)
        metadata.create_all(connection)
        connection.execute(sa.insert(version).values(version=VERSION))
        return
    check_version(found, where)
    if found < VERSION:
        back_up(found)
    for step in range(found, VERSION):
        MIGRATIONS[step](connection)
    connection.execute(sa.update(version).values(version=VERSION))


def refuse_foreign_file(connection: sa.Connection, where: str) -> None:
    """Refuse an SQLite file that something else keeps its tables in; a PostgreSQL database may be shared.

    Raises:
        StateError: it is such a file.
    """
    if connection.dialect.name == "sqlite" and sa.inspect(connection).get_table_names():
        raise StateError(
            f"{where} is an SQLite database, but not a state store",
            hint="give --state (or CONNECTOR_STATE) a file of its own; this one was left as it is",
        )
