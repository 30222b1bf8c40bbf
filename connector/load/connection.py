"""One connection to the destination: dialled direct or through a proxy, then one request after the other.

What sockets and TLS raise leaves this module as it is; `transport` translates it.
"""

from __future__ import annotations

import math
import select
import socket
import ssl
import struct
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic

import httpx

from connector.load.http1 import Answer, AnswerReader

# Servers close idle connections after 5 s or more, and a request that crosses the closing is in doubt.
MAX_IDLE = 4.0
# Timeouts kept by the kernel spare a poll() before each send and recv, and with it a hand-over of the GIL.
KERNEL_TIMEOUTS = sys.platform in ("linux", "darwin")

Timeouts = Mapping[str, float | None]


def authority(host: str, port: int) -> str:
    """Return ``host:port``, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@dataclass(eq=False, slots=True)
class Route:
    """How an origin is reached, and the idle connections to it, the one used last at the end."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    proxy: tuple[str, int] | None = None
    proxy_authorization: bytes = b""
    idle: list[Connection] = field(default_factory=list)

    @property
    def forwarded(self) -> bool:
        """Whether a proxy passes each request on (http), instead of opening a tunnel (https)."""
        return self.proxy is not None and self.tls is None

    def __str__(self) -> str:
        via = f" through the proxy {authority(*self.proxy)}" if self.proxy else ""
        return authority(self.host, self.port) + via


class Connection:
    """A socket, used by one thread at a time; `abort` may come from any other.

    Attributes:
        route: where it leads.
        sent: bytes sent of the present request, its head included (over TLS: 1 for any).
        answering: whether the present request has been sent and its answer is awaited.
        idle_since: when its last answer was complete, by the monotonic clock.
    """

    _sock: socket.socket  # from open() on

    def __init__(self, route: Route) -> None:
        self.route = route
        self.sent = 0
        self.answering = False
        self.idle_since = 0.0
        self._aborted = False
        self._kernel_timeouts = KERNEL_TIMEOUTS and route.tls is None
        self._limits: dict[int, float | None] = {}
        self._deadline = math.inf
        self._reader = AnswerReader(self._receive)

    def open(self, timeout: float | None) -> None:
        """Connect, through the proxy if there is one, and shake hands; each wait takes `timeout` seconds at most.

        Raises:
            httpx.ProxyError: the proxy refuses the tunnel.
            OSError: anything else; ValueError or OverflowError for a host or port that cannot be.
        """
        route = self.route
        self._dial(*(route.proxy or (route.host, route.port)), timeout)
        if route.tls:
            if route.proxy:
                self._tunnel(timeout)
            sock = route.tls.wrap_socket(
                self._sock, server_hostname=route.host, do_handshake_on_connect=False
            )
            self._adopt(sock)
            sock.do_handshake()
        if self._kernel_timeouts:
            self._sock.settimeout(None)

    def exchange(self, method: str, parts: list[memoryview], timeouts: Timeouts, limit: int) -> Answer:
        """Send a request, its head first in `parts`, and return its answer with `limit` bytes of body at most.

        Raises:
            OSError: as the socket says; TimeoutError or BlockingIOError when the time is over.
            httpx.RemoteProtocolError: the answer is not HTTP, or ends early.
        """
        self.sent, self.answering = 0, False
        try:
            self._send(parts, timeouts.get("write"))
        except OSError:
            # A server may refuse a request, such as one too large, before it has taken all of it.
            if not self.sent or self._aborted or not self._is_readable():
                raise
            answer = self._answer(method, timeouts.get("read"), limit)
            if answer.status < 400:
                raise
            return answer._replace(reusable=False)
        self.answering = True
        return self._answer(method, timeouts.get("read"), limit)

    def is_usable(self) -> bool:
        """Whether an idle connection can take a request; an end of file makes it readable, and so do stray bytes."""
        return monotonic() - self.idle_since < MAX_IDLE and not self._is_readable()

    def abort(self) -> None:
        """Make whatever another thread does with this connection fail now."""
        self._aborted = True
        if sock := getattr(self, "_sock", None):
            with suppress(OSError):  # not connected yet, or no longer
                # SSLSocket's own shutdown() drops the cipher first: another thread's next write would go out in clear.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket."""
        if sock := getattr(self, "_sock", None):
            sock.close()

    def _adopt(self, sock: socket.socket) -> None:
        self._sock = sock
        if self._aborted:
            raise ConnectionAbortedError("the transport was closed")

    def _dial(self, host: str, port: int, timeout: float | None) -> None:
        failure = OSError("the name has no address")
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            sock = socket.socket(family, kind, protocol)
            try:
                self._adopt(sock)  # before it connects, so that abort() reaches it
                sock.settimeout(timeout)
                sock.connect(address)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                sock.close()
                failure = error
            else:
                return
        raise failure

    def _tunnel(self, timeout: float | None) -> None:
        target = authority(self.route.host, self.route.port).encode("ascii")
        lines = [b"CONNECT %b HTTP/1.1" % target, b"Host: " + target]
        if self.route.proxy_authorization:
            lines.append(b"Proxy-Authorization: " + self.route.proxy_authorization)
        self._sock.sendall(b"\r\n".join([*lines, b"", b""]))
        self._deadline = _deadline(timeout)
        try:
            status = self._reader.read("CONNECT", 0).status
        except httpx.RemoteProtocolError as error:
            raise httpx.ProxyError(f"no tunnel to {self.route}: {error}") from error
        if not 200 <= status < 300:
            why = ", its credentials are missing or wrong" if status == 407 else ""
            raise httpx.ProxyError(f"no tunnel to {self.route}: it answers {status}{why}")

    def _limit(self, option: int, seconds: float | None) -> None:
        """Let sends (SO_SNDTIMEO) or receives (SO_RCVTIMEO) wait `seconds` at most."""
        if not self._kernel_timeouts:
            self._sock.settimeout(seconds)
        elif self._limits.get(option) != seconds:
            microseconds = 0 if seconds is None else max(1, round(seconds * 1_000_000))
            timeval = struct.pack("ll", *divmod(microseconds, 1_000_000))
            self._sock.setsockopt(socket.SOL_SOCKET, option, timeval)
            self._limits[option] = seconds

    def _send(self, parts: list[memoryview], timeout: float | None) -> None:
        self._limit(socket.SO_SNDTIMEO, timeout)
        if self.route.tls or not hasattr(self._sock, "sendmsg"):
            self.sent = 1  # sendall does not tell how far it came
            self._sock.sendall(b"".join(parts))
            return
        while parts:
            count = self._sock.sendmsg(parts[:64])
            self.sent += count
            while parts and count >= len(parts[0]):
                count -= len(parts.pop(0))
            if count:
                parts[0] = parts[0][count:]

    def _answer(self, method: str, timeout: float | None, limit: int) -> Answer:
        self._limit(socket.SO_RCVTIMEO, timeout)
        self._deadline = _deadline(timeout)
        return self._reader.read(method, limit)

    def _receive(self) -> bytes:
        if monotonic() > self._deadline:
            raise TimeoutError
        data = self._sock.recv(65_536)
        if self._aborted:
            raise ConnectionAbortedError("the transport was closed")
        return data

    def _is_readable(self) -> bool:
        if hasattr(select, "poll"):  # not on Windows; elsewhere select() fails for descriptors above 1023
            poll = select.poll()
            poll.register(self._sock, select.POLLIN)
            return bool(poll.poll(0))
        return bool(select.select([self._sock], [], [], 0)[0])


def _deadline(timeout: float | None) -> float:
    return math.inf if timeout is None else monotonic() + timeout
