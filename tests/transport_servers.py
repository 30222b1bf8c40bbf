"""Servers on real sockets that do exactly what a test says."""

import contextlib
import select
import socket
import struct
import threading
import time


def answer(body, headers=b"", status=b"200 OK"):
    return b"HTTP/1.1 %b\r\n%bContent-Length: %d\r\n\r\n%b" % (status, headers, len(body), body)


OK = answer(b"{}")


def url_of(server, scheme="http"):
    host = f"[{server.host}]" if ":" in server.host else server.host
    return f"{scheme}://{host}:{server.port}/v1/track"


def read_head(sock):
    """Read byte by byte up to the blank line; None at the end of the connection."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = sock.recv(1)
        if not byte:
            return None
        head += byte
    return head


def read_request(sock):
    """Return (head, body), or None at the end of the connection."""
    head = read_head(sock)
    if head is None:
        return None
    lengths = [line[16:] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length: ")]
    body = bytearray()
    while len(body) < int(lengths[0]) if lengths else False:
        data = sock.recv(1_000_000)
        if not data:
            return None
        body += data
    return head, bytes(body)


class Server:
    """Answers every request with `reply`, in a thread for each connection.

    Args:
        reply: bytes to send; None resets the connection.
        handler: does all of a connection instead.
        take: bytes of a request to read before replying and hanging up; None for all of it, again and again.
        hold: reply never; `held` is set once a client waits.
        drip: send byte by byte.
        delay: seconds before a reply.
        requests_each: requests after which a connection is closed.
        tls: ssl.SSLContext.
    """

    def __init__(
        self,
        reply=OK,
        *,
        host="127.0.0.1",
        handler=None,
        take=None,
        hold=False,
        drip=False,
        delay=0,
        requests_each=None,
        tls=None,
    ):
        self.reply, self.host, self.handler, self.take = reply, host, handler, take
        self.hold, self.drip, self.delay, self.requests_each, self.tls = hold, drip, delay, requests_each, tls
        self.requests, self.connections = [], 0
        self.held, self.stopping, self.closed = threading.Event(), threading.Event(), threading.Semaphore(0)
        self._sockets, self._threads = [], []

    def __enter__(self):
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self._listener = socket.create_server((self.host, 0), family=family, backlog=64)
        self.port = self._listener.getsockname()[1]
        self._spawn(self._accept)
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for sock in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    def _spawn(self, target, *args):
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock = self._listener.accept()[0]
                self.connections += 1
                self._sockets.append(sock)
                self._spawn(self._connection, sock)

    def _connection(self, sock):
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
                self._sockets.append(sock)
            with sock:
                (self.handler or self._serve)(sock)
        sock.close()
        self.closed.release()

    def _serve(self, sock):
        served = 0
        while self._receive(sock):
            if self.hold:
                self.held.set()
                self.stopping.wait()
                return
            time.sleep(self.delay)
            self._send(sock)
            served += 1
            if self.reply is None or self.take is not None or served == self.requests_each:
                return

    def _receive(self, sock):
        if self.take is not None:
            return sock.recv(self.take) if self.take else sock.recv(1, socket.MSG_PEEK)
        request = read_request(sock)
        if request:
            self.requests.append(request)
        return request

    def _send(self, sock):
        if self.reply is None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif self.drip:
            for byte in self.reply:
                sock.sendall(bytes([byte]))
                self.stopping.wait(0.0005)
        else:
            sock.sendall(self.reply)


class Proxy(Server):
    """An HTTP proxy: CONNECT tunnels, and absolute-form requests that are answered here; heads are kept in `seen`."""

    def __init__(self, status=b"200 Connection established", **more):
        super().__init__(handler=self._proxy, **more)
        self.status, self.seen = status, []

    def _proxy(self, sock):
        while head := read_head(sock):
            self.seen.append(head)
            method, target, _ = head.split(b" ", 2)
            if method == b"CONNECT":
                self._tunnel(sock, target.decode())
                return
            sock.recv(2)
            sock.sendall(answer(b"by proxy"))

    def _tunnel(self, sock, target):
        sock.sendall(b"HTTP/1.1 " + self.status + b"\r\nVia: x\r\n\r\n")
        if not self.status.startswith(b"200"):
            return
        host, _, port = target.rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port))) as other:
            self._sockets.append(other)
            pair = {sock: other, other: sock}
            while True:
                for ready in select.select(list(pair), [], [])[0]:
                    data = ready.recv(65_536)
                    if not data:
                        return
                    pair[ready].sendall(data)
