"""How bytes reach the destination: an `httpx.BaseTransport` that needs little CPU under the GIL.

::

    handle_request ─▶ _take                  an idle connection that is still open, or a new one (direct, proxy, TLS)
                   ─▶ Connection.exchange    head and body in one system call
                        └▶ AnswerReader.read status, headers, and a body up to a limit

Requests, responses and exceptions are httpx's; the class of an exception tells what is known:

* `NOTHING_SENT`: no byte of the request has left this process; sending it again cannot make a duplicate.
* `WriteError`, `WriteTimeout`, `ReadError`, `ReadTimeout`, `RemoteProtocolError`: bytes were sent and there is no
  definite answer: the request is in doubt. The transport itself never sends a request twice.

Redirects are not followed, compressed answers are not asked for, and nothing is logged, as URLs may carry a key.
"""

from __future__ import annotations

import base64
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from connector.errors import ConfigError
from connector.load.connection import Connection, Route, authority

NOTHING_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)
_PORTS = {"http": 80, "https": 443}
_OWN_HEADERS = {b"content-length", b"transfer-encoding", b"accept-encoding", b"connection"}


class UntrustedServer(httpx.ConnectError):
    """The server's certificate is not trusted: nothing was sent, and trying again will not help."""


class Body(httpx.SyncByteStream):
    """A request's body in several buffers, sent as they are without being joined.

    Pass it as ``httpx.Request(..., stream=Body(prefix, items, suffix))``.
    """

    def __init__(self, *parts: bytes | bytearray | memoryview) -> None:
        self.parts = [memoryview(part).cast("B") for part in parts]

    def __iter__(self) -> Iterator[bytes]:
        return map(bytes, self.parts)


class HttpTransport(httpx.BaseTransport):
    """HTTP/1.1 over persistent connections, one for each request in flight; safe to use from many threads.

    Proxies come from HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY (or the system's settings), as `urllib` reads
    them. A request always goes out with its Content-Length, never chunked.

    Args:
        ca_file: PEM file with the only certificate authorities to trust; None for the public ones.
        timeout: seconds, for requests that bring none of their own (``extensions={"timeout": {...}}``). `connect`
            and `write` limit each wait, `read` the whole answer.
        max_response: bytes of an answer's body that are read; a longer one is cut off, marked by
            ``response.extensions["truncated"]``, and its connection closed.

    Raises:
        ConfigError: `ca_file` cannot be read or holds no certificate.
    """

    def __init__(
        self, *, ca_file: Path | None = None, timeout: float = 30.0, max_response: int = 4_000_000
    ) -> None:
        self._timeout = httpx.Timeout(timeout).as_dict()
        self._max_response = max_response
        self._tls = _tls_context(ca_file) if ca_file else None
        self._lock = threading.Lock()
        self._routes: dict[tuple[str, str, int | None], Route] = {}
        self._connections: set[Connection] = set()
        self._closed = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` once and return its response, the body read.

        Raises:
            httpx.TransportError: a subclass, as the module's docstring says.
        """
        timeout = request.extensions.get("timeout") or self._timeout
        route = self._route(request.url)
        parts = _encode(request, route)
        connection, reusable = None, False
        try:
            connection = self._take(route, timeout.get("connect"))
            answer = connection.exchange(request.method, parts, timeout, self._max_response)
            reusable = answer.reusable and not route.forwarded
        except (OSError, ValueError, OverflowError) as error:
            raise _translate(error, route, connection) from error
        finally:
            if connection is not None:
                self._give_back(connection, reusable=reusable)
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            content=answer.body,
            extensions={"truncated": answer.truncated},
            request=request,
        )

    def close(self) -> None:
        """Close all connections: sends and reads under way in other threads fail at once, and all later requests."""
        with self._lock:
            self._closed = True
            idle = [connection for route in self._routes.values() for connection in route.idle]
            for connection in self._connections.difference(idle):
                connection.abort()
        for connection in idle:
            connection.close()

    def _route(self, url: httpx.URL) -> Route:
        origin = (url.scheme, url.host, url.port)
        if origin not in self._routes:
            with self._lock:
                if url.scheme == "https" and self._tls is None:
                    self._tls = _tls_context(None)
                self._routes.setdefault(origin, _find_route(url, self._tls))
        return self._routes[origin]

    def _take(self, route: Route, timeout: float | None) -> Connection:
        while True:
            with self._lock:
                if self._closed:
                    raise httpx.ConnectError("the transport is closed")
                connection = route.idle.pop() if route.idle else None
                if connection is None:
                    connection = Connection(route)
                    self._connections.add(connection)
                    break
            if connection.is_usable():
                return connection
            self._give_back(connection, reusable=False)
        try:
            connection.open(timeout)
        except BaseException:
            self._give_back(connection, reusable=False)
            raise
        return connection

    def _give_back(self, connection: Connection, *, reusable: bool) -> None:
        with self._lock:
            if reusable and not self._closed:
                connection.idle_since = monotonic()
                connection.route.idle.append(connection)
                return
            self._connections.discard(connection)
        connection.close()


def _tls_context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file) if ca_file else httpx.create_ssl_context()
    except OSError as error:
        fault = "holds no certificate in PEM form" if isinstance(error, ssl.SSLError) else "cannot be read"
        raise ConfigError(
            f"{ca_file or 'the file of SSL_CERT_FILE'} {fault}",
            hint="name the PEM file of the authority that signed the server's certificate",
            path="destination.ca_file" if ca_file else "",
        ) from error


def _find_route(url: httpx.URL, tls: ssl.SSLContext | None) -> Route:
    if url.scheme not in _PORTS:
        raise httpx.UnsupportedProtocol("the destination's URL must begin with https:// or http://")
    host, port = url.raw_host.decode("ascii"), url.port or _PORTS[url.scheme]
    tls = tls if url.scheme == "https" else None
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    # urllib knows an IPv6 address in NO_PROXY only bare, and host:port only together
    if not proxy or proxy_bypass(host) or proxy_bypass(authority(host, port)):
        return Route(host, port, tls)
    try:
        at = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        proxy_port = at.port or 80
    except ValueError as error:
        raise httpx.ProxyError("the URL of the proxy is malformed") from error
    if "@" in at.path + at.query + at.fragment:  # a sign in the password ended the address early
        raise httpx.ProxyError(
            "the URL of the proxy is malformed: write signs in its password as %40, %2F, %23"
        )
    if at.scheme != "http" or not at.hostname:
        raise httpx.UnsupportedProtocol(
            "only proxies with a URL http://[user:password@]host:port are supported"
        )
    credentials = b""
    if at.username is not None:
        pair = f"{unquote(at.username)}:{unquote(at.password or '')}"
        credentials = b"Basic " + base64.b64encode(pair.encode())
    return Route(host, port, tls, (at.hostname, proxy_port), credentials)


def _encode(request: httpx.Request, route: Route) -> list[memoryview]:
    """Return the request's head and its body's buffers."""
    stream, url = request.stream, request.url
    if isinstance(stream, Body):
        body = list(stream.parts)
    elif isinstance(stream, httpx.SyncByteStream):
        body = [memoryview(part) for part in stream if part]
    else:
        raise httpx.LocalProtocolError("an asynchronous body cannot be sent")
    size = sum(map(len, body))
    target = url.raw_path
    lines = []
    if "host" not in request.headers:
        lines.append(b"Host: " + url.netloc)
    if route.forwarded:
        # Some proxies close after each answer without a word, and a request that crosses the closing is in doubt.
        lines.append(b"Connection: close")
        target = b"http://" + url.netloc + target
        if route.proxy_authorization:
            lines.append(b"Proxy-Authorization: " + route.proxy_authorization)
    lines += [b"%b: %b" % pair for pair in request.headers.raw if pair[0].lower() not in _OWN_HEADERS]
    lines.append(b"Accept-Encoding: identity")
    if size or request.method in {"POST", "PUT", "PATCH"}:
        lines.append(b"Content-Length: %d" % size)
    head = b"\r\n".join([b"%b %b HTTP/1.1" % (request.method.encode("ascii"), target), *lines, b"", b""])
    if not head.count(b"\n") == head.count(b"\r") == len(lines) + 2:
        raise httpx.LocalProtocolError("a header contains a line break")
    return [memoryview(head), *body]


def _translate(error: Exception, route: Route, connection: Connection | None) -> httpx.TransportError:
    """Return httpx's exception for what a socket or TLS raised; `connection` is None while it was being made."""
    timed_out = isinstance(error, TimeoutError | BlockingIOError)
    if isinstance(error, ssl.SSLCertVerificationError):
        return UntrustedServer(
            f"the certificate of {route} is not trusted (CERTIFICATE_VERIFY_FAILED: {error.verify_message}); "
            "if a private authority signed it, name its PEM file in destination.ca_file"
        )
    why = (
        "timed out" if timed_out else (getattr(error, "strerror", None) or str(error) or type(error).__name__)
    )
    failure: type[httpx.TransportError]
    if connection is None or not connection.sent:
        failure = httpx.ConnectTimeout if timed_out and connection is None else httpx.ConnectError
        return failure(f"cannot connect to {route}: {why}")
    if connection.answering:
        failure = httpx.ReadTimeout if timed_out else httpx.ReadError
        return failure(f"no answer from {route}: {why}")
    failure = httpx.WriteTimeout if timed_out else httpx.WriteError
    return failure(f"cannot send to {route}: {why}")
