"""CPU of a request, for several ways to send it, to an nginx that answers ``{}``.

Usage: ``python -m benchmarks.transport [--rounds 5] [--seconds 0.4]``; needs Debian's nginx-light.

Variants are interleaved. CPU is user and system time of the sending threads, in milliseconds a request, as the median
of the rounds and the lowest of them (the machine's own noise only adds); req/s is over all threads, the median. The
columns "DuckDB" are measured while another thread makes JSON in DuckDB, which needs the GIL only now and then.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import http.client
import shutil
import socket
import ssl
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import httpx
import trustme

from connector.load import connection
from connector.load.transport import Body, HttpTransport

PATH = "/v1/org/projects/shop/sources/1841710181319290881/track"
HEADERS = {"Content-Type": "application/json", "Authorization": "Basic cHJlZml4OnNlY3JldA=="}
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
CONFIG = """
daemon off; pid {dir}/pid; error_log {dir}/error.log; worker_processes 1;
events {{ worker_connections 256; }}
http {{
  access_log off; client_max_body_size 0; client_body_buffer_size 2m; client_body_in_single_buffer on;
  keepalive_requests 10000000; keepalive_timeout 60s;
  client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  server {{ listen 127.0.0.1:{port} {listen}; {tls} default_type application/json; location / {{ return 200 '{{}}'; }} }}
}}
"""
Send = Callable[[bytes], None]


@contextlib.contextmanager
def sink(directives: str = "", listen: str = "") -> Iterator[int]:
    """Run nginx on a free port and give the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "nginx.conf")
        config.write_text(CONFIG.format(dir=folder, port=port, listen=listen, tls=directives))
        process = subprocess.Popen([NGINX, "-p", folder, "-c", str(config)], stderr=subprocess.DEVNULL)
        try:
            for _ in range(100):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()
            process.wait()


def requests(port: int, scheme: str = "http") -> Callable[[bytes], httpx.Request]:
    url = httpx.URL(f"{scheme}://127.0.0.1:{port}{PATH}")
    headers = httpx.Headers(HEADERS)
    return lambda body: httpx.Request("POST", url, headers=headers, content=body)


def variants(port: int, stack: contextlib.ExitStack) -> dict[str, Callable[[], Send]]:
    """Return, for each variant, what makes a sender for one thread."""
    build = requests(port)
    url = httpx.URL(f"http://127.0.0.1:{port}{PATH}")
    plain = httpx.Headers(HEADERS)
    default = stack.enter_context(httpx.Client())
    ours = stack.enter_context(HttpTransport())
    client = stack.enter_context(httpx.Client(transport=ours))

    def raw() -> Send:
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

        def send(body: bytes) -> None:
            link.request("POST", PATH, body, HEADERS)
            link.getresponse().read()

        return send

    def prebuilt(send: Callable[[httpx.Request], object]) -> Send:
        cache: dict[int, httpx.Request] = {}

        def post(body: bytes) -> None:
            request = cache.get(len(body)) or cache.setdefault(len(body), build(body))
            send(request)

        return post

    def parts(body: bytes) -> None:
        view = memoryview(body)
        stream = Body(view[:40], view[40:-3], view[-3:])
        ours.handle_request(httpx.Request("POST", url, headers=plain, stream=stream))

    def polling() -> Send:
        """Python's own timeouts: a poll() before each send and recv."""
        connection.KERNEL_TIMEOUTS = False
        transport = stack.enter_context(HttpTransport())
        transport.handle_request(build(b"{}"))
        connection.KERNEL_TIMEOUTS = True
        return lambda body: transport.handle_request(build(body)) and None

    def joined(body: bytes) -> None:
        view = memoryview(body)
        ours.handle_request(build(b"".join((view[:40], view[40:-3], view[-3:]))))

    return {
        "httpx.Client, default": lambda: lambda body: default.send(build(body)) and None,
        "httpx.Client + ours": lambda: lambda body: client.send(build(body)) and None,
        "http.client": raw,
        "ours, poll() timeouts": polling,
        "ours, prebuilt request": functools.partial(prebuilt, ours.handle_request),
        "ours, new request": lambda: lambda body: ours.handle_request(build(body)) and None,
        "ours, joined from 3 parts": lambda: joined,
        "ours, Body of 3 parts": lambda: parts,
    }


def tls_variants(stack: contextlib.ExitStack) -> dict[str, Callable[[], Send]]:
    """Return httpx's and our own way over TLS with a private authority."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    directives = f"ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.pem;"
    build = requests(stack.enter_context(sink(directives, "ssl")), "https")
    default = stack.enter_context(httpx.Client(verify=ssl.create_default_context(cafile=folder / "ca.pem")))
    ours = stack.enter_context(HttpTransport(ca_file=folder / "ca.pem"))
    return {
        "TLS: httpx.Client, default": lambda: lambda body: default.send(build(body)) and None,
        "TLS: ours": lambda: lambda body: ours.handle_request(build(body)) and None,
    }


def measure(make: Callable[[], Send], body: bytes, threads: int, seconds: float) -> tuple[float, float]:
    """Return CPU milliseconds of the sending threads a request, and requests a second."""
    results: list[tuple[int, float]] = []
    sends = [make() for _ in range(threads)]
    start, stop = threading.Barrier(threads + 1), threading.Event()

    def work(send: Send) -> None:
        send(body)
        start.wait()
        count, before = 0, time.thread_time()
        while not stop.is_set():
            send(body)
            count += 1
        results.append((count, time.thread_time() - before))

    workers = [threading.Thread(target=work, args=(send,)) for send in sends]
    for worker in workers:
        worker.start()
    start.wait()
    begin = time.perf_counter()
    stop.wait(seconds)
    stop.set()
    for worker in workers:
        worker.join()
    elapsed = time.perf_counter() - begin
    count, cpu = (sum(column) for column in zip(*results, strict=True))
    return 1000 * cpu / count, count / elapsed


@contextlib.contextmanager
def duckdb_at_work() -> Iterator[None]:
    """Keep one thread busy with what mapping does: text made by DuckDB, outside the GIL."""
    stop = threading.Event()

    def work() -> None:
        database = duckdb.connect(config={"threads": 1})
        while not stop.is_set():
            database.execute(
                "select max(to_json({'id': range, 'total': range / 7})::varchar) from range(50000)"
            ).fetchall()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join()


def table(makers: dict[str, Callable[[], Send]], size: int, rounds: int, seconds: float) -> None:
    """Print the figures of all variants for bodies of `size` bytes."""
    cases = [(1, False), (8, False), (8, True)]
    seen: dict[tuple[str, int, bool], list[tuple[float, float]]] = {}
    body = b"x" * size
    for _ in range(rounds):
        for threads, busy in cases:
            for name, make in makers.items():
                with duckdb_at_work() if busy else contextlib.nullcontext():
                    seen.setdefault((name, threads, busy), []).append(measure(make, body, threads, seconds))
    titles = ("1 thread", "8 threads", "8 threads, DuckDB")
    print(
        f"\n{size // 1000} KB (CPU ms: median, lowest; req/s)".ljust(46),
        *(title.ljust(19) for title in titles),
        sep="| ",
    )
    for name in makers:
        cells = []
        for case in cases:
            cpu, rate = zip(*seen[name, *case], strict=True)
            cells.append(f"{statistics.median(cpu):.3f} {min(cpu):.3f} {statistics.median(rate):6.0f} ")
        print(name.ljust(45), *cells, sep="| ", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.25)
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        makers = variants(stack.enter_context(sink()), stack) | tls_variants(stack)
        for size in (130_000, 520_000):
            table(makers, size, options.rounds, options.seconds)


if __name__ == "__main__":
    main()
