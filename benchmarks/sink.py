"""Where the benchmarks send to: nginx, one worker, which takes every body and answers ``{}``.

As fast as a destination can be, so that the sender is what is measured. Bodies are dropped as they arrive and never
touch a disk; connections are kept alive.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
# Debian's nginx-light brings it; it waits before it answers, as a destination does that is far away.
ECHO = Path("/usr/lib/nginx/modules/ngx_http_echo_module.so")
LATENCY = 0.05
CONFIG = """
load_module {echo};
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off; default_type application/json;
  client_max_body_size 0; client_body_buffer_size 16m; client_body_in_single_buffer on;
  keepalive_requests 10000000; keepalive_timeout 60s;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.pem;
  server {{
    listen 127.0.0.1:{port};
    listen 127.0.0.1:{tls_port} ssl;
    location / {{ return 200 '{{}}'; }}
    location /far/ {{ echo_read_request_body; echo_sleep {latency}; echo '{{}}'; }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Sink:
    """A running sink.

    Attributes:
        url: the base URL over plain HTTP.
        far_url: the same, where each answer takes `LATENCY` seconds.
        tls_url: the same over TLS.
        ca_file: the authority that signed its certificate.
    """

    url: str
    far_url: str
    tls_url: str
    ca_file: Path


@contextmanager
def sink(parent: Path) -> Iterator[Sink]:
    """Run nginx on free ports as long as the block lasts, with its files in a new folder in `parent`."""
    if not Path(NGINX).exists():
        raise SystemExit("the benchmarks send to nginx: apt-get install nginx-light")
    with tempfile.TemporaryDirectory(dir=parent, prefix="nginx-") as name:
        folder = Path(name)
        port, tls_port = _free_ports()
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / "ca.pem")
        certificate = authority.issue_cert("127.0.0.1")
        certificate.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
        config = folder / "nginx.conf"
        names = {"folder": folder, "port": port, "tls_port": tls_port, "echo": ECHO, "latency": LATENCY}
        config.write_text(CONFIG.format(**names))
        process = subprocess.Popen([NGINX, "-p", name, "-c", config], stderr=subprocess.DEVNULL)
        try:
            _wait(process, port, folder / "error.log")
            near, far = (f"http://127.0.0.1:{port}{path}" for path in ("/v1", "/far/v1"))
            yield Sink(near, far, f"https://127.0.0.1:{tls_port}/v1", folder / "ca.pem")
        finally:
            process.terminate()
            process.wait()


def _free_ports() -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)  # nginx tells nobody that it is ready
        else:
            return
    raise SystemExit(f"nginx does not start: {log.read_text() if log.exists() else 'no log'}")
