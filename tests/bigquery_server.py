"""Something to read from that speaks BigQuery's protocols: bqemulator, which runs its SQL on DuckDB.

It is no BigQuery: it stands for the protocols, the driver and the way that statements are put together. The driver
cannot be told another address than Google's, so a proxy stands between, with a certificate of its own; the driver is
told of both by environment variables, as they are when a process begins. So the tests are run from here:

    PYTHONPATH=.:tests python tests/bigquery_server.py
"""

from __future__ import annotations

import http.server
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from servers import _answers, _free_port, _one_at_a_time

# All that it needs, so that pip need not find that out.
PINS = Path(__file__).parent / "bigquery_emulator.txt"
FOLDER = (
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    / "intempt-connector-tests"
    / "bqemulator-1.4.0-py{}{}".format(*sys.version_info[:2])
)
# What tells the tests of a running emulator: the port of its REST interface, and the options of a URL.
ASKED = "CONNECTOR_TEST_BIGQUERY"
HOSTS = ("bigquery.googleapis.com", "bigquerystorage.googleapis.com", "oauth2.googleapis.com")


def installed() -> Path:
    """The Python of the environment that holds the emulator, made if it is not there yet."""
    python = FOLDER / "bin" / "python"
    with _one_at_a_time("connector-test-bqemulator"):
        if not (FOLDER / "complete").exists():
            shutil.rmtree(FOLDER, ignore_errors=True)
            venv.create(FOLDER, with_pip=True)
            pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            install = [*pip, "--no-compile", "--no-deps", "-r", str(PINS)]
            found = subprocess.run(install, capture_output=True, text=True, check=False, timeout=900)
            if found.returncode:
                pytest.skip(f"needs bqemulator: pip cannot install it: {found.stderr[-500:]}")
            (FOLDER / "complete").touch()
    return python


@pytest.fixture(scope="module")
def bigquery_url() -> str:
    """URL of a dataset of this test module's own."""
    rest, _, options = os.environ[ASKED].partition("?")
    dataset = f"shop_{os.urandom(6).hex()}"
    _post(rest, "datasets", {"datasetReference": {"projectId": "project", "datasetId": dataset}})
    return f"bigquery://project/{dataset}?{options}&location=US#{rest}"


def run_job(url: str, sql: str) -> None:
    """Run a statement that writes."""
    place, _, rest = url.partition("#")
    dataset = place.partition("?")[0].rsplit("/", 1)[1]
    query = {
        "query": sql,
        "useLegacySql": False,
        "defaultDataset": {"projectId": "project", "datasetId": dataset},
    }
    status = _post(rest, "jobs", {"configuration": {"query": query}})["status"]
    if "errorResult" in status:
        raise RuntimeError(f"{sql}: {status['errorResult']}")


def _post(rest: str, what: str, body: dict[str, Any]) -> dict[str, Any]:
    address = f"http://127.0.0.1:{rest}/bigquery/v2/projects/project/{what}"
    request = urllib.request.Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


@contextmanager
def emulator(folder: Path) -> Iterator[tuple[int, int]]:
    """Start it; yields its REST and its gRPC port."""
    script = Path(__file__).parent / "bigquery_emulator.py"
    command = [str(installed()), str(script), "start", "--project", "project", "--log-level", "error"]
    with (folder / "log").open("wb") as log:
        for _ in range(5):  # another process may take a port first
            rest, grpc = _free_port(), _free_port()
            process = subprocess.Popen(
                [*command, "--rest-port", str(rest), "--grpc-port", str(grpc)],
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": ""},
            )
            if _answers(process, rest):
                break
        else:
            raise RuntimeError(f"bqemulator does not start: {(folder / 'log').read_text()[-2000:]}")
        try:
            yield rest, grpc
        finally:
            process.terminate()
            process.wait(30)


# ── the way from the driver to it ───────────────────────────────────────────────────────────────────────


@contextmanager
def proxy(folder: Path, rest: int, grpc: int) -> Iterator[tuple[int, int]]:
    """A proxy that stands for Google's hosts, and a server that gives out tokens; yields their ports."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate = authority.issue_cert(*HOSTS)
    listening = socket.create_server(("127.0.0.1", 0))
    tokens = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Tokens)
    threading.Thread(target=tokens.serve_forever, daemon=True).start()

    def accept() -> None:
        with suppress(OSError):  # closed
            while True:
                connection, _ = listening.accept()
                threading.Thread(
                    target=_connect, args=(connection, certificate, rest, grpc), daemon=True
                ).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listening.getsockname()[1], tokens.server_port
    finally:
        listening.close()
        tokens.shutdown()
        tokens.server_close()


def _connect(connection: socket.socket, certificate: trustme.LeafCert, rest: int, grpc: int) -> None:
    with suppress(OSError):
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(4096)
        storage = head.split()[1].startswith(b"bigquerystorage")
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        context.set_alpn_protocols(["h2"] if storage else ["http/1.1"])
        inside = context.wrap_socket(connection, server_side=True)
        behind = socket.create_connection(("127.0.0.1", grpc if storage else rest))
        threading.Thread(target=_pump, args=(inside, behind), daemon=True).start()
        _pump(behind, inside)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


class _Tokens(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        said = json.dumps({"access_token": "t", "token_type": "Bearer", "expires_in": 3600}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        pass


def _key(folder: Path, tokens: int) -> Path:
    """A service account's key, whose tokens come from here."""
    private = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {
        "type": "service_account",
        "project_id": "project",
        "private_key_id": "k",
        "private_key": private.decode(),
        "client_email": "reader@project.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": f"http://127.0.0.1:{tokens}/token",
    }
    path = folder / "key.json"
    path.write_text(json.dumps(account))
    return path


def main(arguments: list[str]) -> int:
    """Run the contract of all databases on the emulator; arguments are pytest's."""
    folder = Path(tempfile.mkdtemp(prefix="bigquery-"))
    try:
        with emulator(folder) as (rest, grpc), proxy(folder, rest, grpc) as (through, tokens):
            told = {
                ASKED: f"{rest}?credentials_file={_key(folder, tokens)}",
                "HTTPS_PROXY": f"http://127.0.0.1:{through}",
                "NO_PROXY": "127.0.0.1,localhost",
                "SSL_CERT_FILE": str(folder / "ca.pem"),
            }
            contract = sorted(
                map(str, (Path(__file__).parent / "contract").glob("test_extract_database*.py"))
            )
            command = [sys.executable, "-m", "pytest", "-k", "bigquery", *(arguments or contract)]
            return subprocess.run(command, env={**os.environ, **told}, check=False).returncode
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
