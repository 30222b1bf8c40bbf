"""The one connection of a state store: opening it, transactions on it, and getting over its loss."""

from __future__ import annotations

import glob
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import sqlalchemy as sa

from connector.errors import ConfigError, StateError
from connector.state import schema, upgrading
from connector.state.failures import collided, from_sqlite, translated
from connector.state.private import create_private
from connector.state.urls import named, parse

T = TypeVar("T")
Work = Callable[[sa.Connection], T]

# SQLAlchemy logs the rows that it fetches, and those are watermarks and rejects (invariant 5): its engines here
# have a logger of their own, which stays still whatever the level of the others is.
_NAME = "connector.state"
logging.getLogger(f"sqlalchemy.engine.Engine.{_NAME}").setLevel(logging.WARNING)
_DISCREET: dict[str, Any] = {"hide_parameters": True, "logging_name": _NAME, "poolclass": sa.NullPool}

_STEP = 4_096  # pages that are given back at once: some megabytes
BUSY_SECONDS = 5.0  # how long SQLite waits for another writer
RECONNECT_SECONDS = 15.0  # how long a lost server is given to come back

# A session that hangs in a transaction is ended by the server before those that wait for it give up.
_POSTGRESQL_SETTINGS = ("idle_in_transaction_session_timeout = '10s'", "lock_timeout = '15s'")
_POSTGRESQL_CONNECT = {
    "connect_timeout": 10,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "application_name": "connector",
}


class Database:
    """A state store's connection, for one thread at a time: a lock makes the others wait.

    Attributes:
        where: the store as messages name it, without its password.
        one_host: whether everyone who can open it is on this machine (SQLite).
        read_only: whether it refuses to be written.
    """

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        parsed = parse(url)
        self.one_host = parsed.get_backend_name() == "sqlite"
        self.read_only = read_only
        self.where = named(parsed)
        self._path = (
            Path(parsed.database) if self.one_host and parsed.database not in (None, "", ":memory:") else None
        )
        self._begin = "BEGIN"
        self._lock = threading.RLock()
        self._connection: sa.Connection | None = None
        if read_only and self._path and not self._path.exists():
            self._path = None  # nothing there is an empty state: looked at in memory, created nowhere
        self.engine = self._sqlite() if self.one_host else self._postgresql(parsed)
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give the connection back; the last one to leave an SQLite file folds its log into it."""
        with self._lock:
            self._disconnect()
            self.engine.dispose()

    def read(self, work: Work[T]) -> T:
        """Run `work` on a snapshot; never waits for a writer, nor makes one wait."""
        return self._run("BEGIN", work)

    def write(self, work: Work[T]) -> T:
        """Run `work` in a transaction of its own.

        After a lost connection, `work` runs again on a new one. Whether it had been committed before is for
        `work` to find out, by what it reads. It runs again too when the server gave it up for another transaction.

        Raises:
            StateError: the store cannot be written; nothing of `work` is in force.
        """
        if self.read_only:
            raise StateError(
                f"{self.where} was opened for reading only", hint="report this: it is a mistake of ours"
            )
        return self._run("BEGIN IMMEDIATE", work)

    def scrub(self) -> list[str]:
        """Leave no copy of what was deleted in an SQLite file or its log; a PostgreSQL does so by its own vacuum.

        Returns:
            The backups beside the file, which still hold what they held.

        Raises:
            StateError: another process reads or writes the file just now.
        """
        if not self._path or self.read_only:
            return []
        with self._lock:
            try:
                connection = cast("sqlite3.Connection", self._connected().connection.driver_connection)
                connection.execute("VACUUM")
                ((busy, *_),) = connection.execute("PRAGMA wal_checkpoint(truncate)").fetchall()
            except sqlite3.Error as error:
                raise from_sqlite(error, self.where, writer=self._writer()) from None
        if busy:
            raise StateError(
                f"{self.where} is read by another process: its log still holds what was deleted",
                hint="wait for that process and repeat the command",
            )
        return sorted(str(path) for path in self._path.parent.glob(f"{glob.escape(self._path.name)}.v*.bak"))

    def shrink(self) -> None:
        """Give back what an SQLite file has no use for, in steps between which others may write."""
        if not self._path or self.read_only:
            return
        with (
            self._lock,
            suppress(sqlite3.OperationalError),
        ):  # another process is at it: it stays as long as it is
            connection = cast("sqlite3.Connection", self._connected().connection.driver_connection)
            ((free,),) = connection.execute("PRAGMA freelist_count").fetchall()
            for _ in range(0, free, _STEP):
                # A script is stepped to its end; a statement without columns is stepped once.
                connection.executescript(f"PRAGMA incremental_vacuum({_STEP})")

    def _run(self, begin: str, work: Work[T]) -> T:
        with self._lock:
            give_up = 0.0
            while True:
                try:
                    self._begin = begin
                    connection = self._connected()
                    with connection.begin():
                        return work(connection)
                except sa.exc.DBAPIError as error:
                    lost = not self.one_host and (error.connection_invalidated or self._connection is None)
                    if lost:
                        self._disconnect()
                    give_up = give_up or time.monotonic() + RECONNECT_SECONDS
                    if not (lost or collided(error)) or time.monotonic() > give_up:
                        raise translated(error, self.where, writer=self._writer()) from None
                    time.sleep(0.1)

    def _connected(self) -> sa.Connection:
        if self._connection is None:
            self._connection = self.engine.connect()
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _writer(self) -> str:
        """Name the processes that may be writing; reading works while one does."""
        if not self._path or self._connection is None:
            return ""
        held = sa.select(*schema.leases.c["sync", "pid"]).where(schema.leases.c.pid.is_not(None))
        self._begin = "BEGIN"
        try:
            with self._connection.begin():
                rows = self._connection.execute(held).all()
        except sa.exc.DBAPIError:
            return ""
        return ", ".join(f"process {row.pid} runs {row.sync}" for row in rows if row.pid != os.getpid())

    # ── opening ───────────────────────────────────────────────────────────────────────────────────────────

    def _prepare(self) -> None:
        try:
            self._connected()
        except sa.exc.DBAPIError as error:
            raise translated(error, self.where) from None
        found = self.read(upgrading.stored_version)
        if found is not None:
            upgrading.check_version(found, self.where)
        if self.read_only:
            self._prepare_reading(found)
            return
        if found is None and self._path and not self._path.stat().st_size:
            # So that it can be made shorter in small steps, see `shrink`; a file that is there stays as it is.
            driver = cast("sqlite3.Connection", self._connected().connection.driver_connection)
            driver.execute("PRAGMA auto_vacuum = incremental")
        if found != upgrading.VERSION:
            self.write(lambda connection: upgrading.upgrade(connection, self.where, self._back_up))
        self._log_ahead()  # only now: a file that is not ours stays untouched

    def _prepare_reading(self, found: int | None) -> None:
        if found is None:
            self.read(lambda connection: upgrading.refuse_foreign_file(connection, self.where))
            # An empty store is read from memory; nothing is created where the URL points.
            self._disconnect()
            self.engine = sa.create_engine("sqlite://", **_DISCREET)
            self._connected()
            with self._connected().begin():
                schema.metadata.create_all(self._connected())
        elif found < upgrading.VERSION:
            raise StateError(
                f"{self.where} has the older schema {found}",
                hint="run a sync once: that brings it up to date",
            )

    def _back_up(self, found: int) -> None:
        """Copy a file beside itself before a migration; whoever runs a PostgreSQL has backups of it."""
        if not self._path:
            return
        copy = self._path.with_name(f"{self._path.name}.v{found}.bak")
        create_private(copy, self.where)
        # A connection of its own reads the file: the one in a transaction could not be copied from.
        with closing(self._open_file()) as source, closing(sqlite3.connect(copy)) as target:
            try:
                source.backup(target)
            except sqlite3.Error as error:
                raise from_sqlite(error, f"the backup {copy}") from None

    def _log_ahead(self) -> None:
        """Let readers and a writer of a file not wait for each other."""
        if self._path:
            driver = self._connected().connection.driver_connection
            # Another process may be about the same just now: then the file has this mode when it is done.
            with suppress(sqlite3.OperationalError):
                cast("sqlite3.Connection", driver).execute("PRAGMA journal_mode = wal")

    def _sqlite(self) -> sa.Engine:
        if self._path and not self.read_only:
            create_private(self._path, self.where)
        engine = sa.create_engine("sqlite://", creator=self._open_file, **_DISCREET)

        @sa.event.listens_for(engine, "begin")
        def _begin(connection: sa.Connection) -> None:
            # A writer asks for the lock at once: one that reads first may be refused it without waiting.
            connection.exec_driver_sql(self._begin)

        return engine

    def _open_file(self) -> sqlite3.Connection:
        name = ":memory:"
        if self._path:
            name = self._path.absolute().as_uri() + ("?mode=ro" if self.read_only else "?mode=rw")
        connection = sqlite3.connect(
            name, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        # Enough against the death of the process, which is what is promised; a power loss may cost the last
        # commits, whose rows are then sent again.
        connection.execute("PRAGMA synchronous = normal")
        # What is deleted is wiped where that costs no further page; `scrub` wipes the rest.
        connection.execute("PRAGMA secure_delete = fast")
        return connection

    def _postgresql(self, url: sa.URL) -> sa.Engine:
        options = {name: value for name, value in _POSTGRESQL_CONNECT.items() if name not in url.query}
        try:
            engine = sa.create_engine(url, connect_args=options, **_DISCREET)
        except ModuleNotFoundError:
            raise ConfigError(
                "the driver for PostgreSQL is not installed", hint="pip install 'intempt-connector[postgres]'"
            ) from None
        settings = [
            *_POSTGRESQL_SETTINGS,
            *(["default_transaction_read_only = on"] if self.read_only else []),
        ]

        @sa.event.listens_for(engine, "connect")
        def _settings(connection: sa.engine.interfaces.DBAPIConnection, _: object) -> None:
            cursor = connection.cursor()
            for setting in settings:
                cursor.execute(f"SET {setting}")
            connection.commit()

        return engine
