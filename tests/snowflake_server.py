"""Something to read from that speaks Snowflake's protocol: fakesnow, which runs its SQL on DuckDB.

It is no Snowflake: it stands for the protocol, the driver and the way that statements are put together, not for what
Snowflake itself takes or how it orders. It lives in a virtual environment of its own, made once a machine, because it
pins versions that the connector does not.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from servers import _answers, _free_port, _one_at_a_time

# fakesnow 0.12 needs a module that version 5 of Snowflake's own connector no longer has.
PINS = ("fakesnow[server]==0.12.1", "snowflake-connector-python==4.8.1", "sqlglot==30.22.0", "duckdb==2.0.1")
FOLDER = (
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    / "intempt-connector-tests"
    / "fakesnow-0.12.1-py{}{}".format(*sys.version_info[:2])
)


def installed() -> Path:
    """The Python of the environment that holds the server, made if it is not there yet."""
    python = FOLDER / "bin" / "python"
    with _one_at_a_time("connector-test-fakesnow"):
        if not (FOLDER / "complete").exists():
            shutil.rmtree(FOLDER, ignore_errors=True)
            venv.create(FOLDER, with_pip=True)
            install = [
                str(python),
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-compile",
                *PINS,
            ]
            found = subprocess.run(install, capture_output=True, text=True, check=False, timeout=300)
            if found.returncode:
                pytest.skip(f"needs fakesnow: pip cannot install it: {found.stderr[-500:]}")
            (FOLDER / "complete").touch()
    return python


@pytest.fixture(scope="session")
def snowflake_server() -> Iterator[str]:
    """Host and port of a running server."""
    with fakesnow() as place:
        yield place


@contextmanager
def fakesnow() -> Iterator[str]:
    """Start it, one a test session, so one an xdist worker."""
    python = installed()
    with tempfile.TemporaryFile() as log:
        for _ in range(5):  # another process may take the port first
            port = _free_port()
            serve = [str(python), "-m", "uvicorn", "fakesnow.server:app", "--log-level", "error"]
            process = subprocess.Popen(
                [*serve, "--host", "127.0.0.1", "--port", str(port)],
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": ""},
            )
            if _answers(process, port):
                break
        else:
            log.seek(0)
            raise RuntimeError(f"fakesnow does not start: {log.read()[-2000:].decode()}")
        try:
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="module")
def snowflake_url(snowflake_server: str) -> str:
    """URL of a database of this test module's own."""
    host, _, port = snowflake_server.partition(":")
    place = f"DB_{secrets.token_hex(6).upper()}/S"
    return f"snowflake://reader:secret@acct/{place}?host={host}&port={port}&protocol=http&warehouse=WH"


def connected(url: str) -> Any:
    """A connection to write with."""
    import adbc_driver_snowflake.dbapi

    from connector.extract.databases.dialects import url_of
    from connector.extract.databases.snowflake import settings_of

    return adbc_driver_snowflake.dbapi.connect(db_kwargs=settings_of(url_of(url)), autocommit=True)
