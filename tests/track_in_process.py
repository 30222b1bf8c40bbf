"""The Track API inside the test process, on a real socket: it keeps what it accepts in the order in which it came."""

from __future__ import annotations

import json
import socket
import struct
import threading

from transport_servers import OK, Server, answer

_BAD = answer(b'{"error": "an item cannot be processed"}', status=b"400 Bad Request")


class TrackInProcess(Server):
    """Accepts everything but items with a label of `poison`, as a whole request or not at all.

    Attributes:
        items: what was accepted, in order of arrival.
        fault: of request number `fails_at`, however often it is sent, so that what follows it may be acknowledged past a
            gap: ``lost`` accepts it and drops the connection, ``reset`` drops it at once.
        fails_at: counted from 1 since `heal`; 0 for never.
    """

    def __init__(self):
        super().__init__(handler=self._talk)
        self.items = []
        self.lock = threading.Lock()
        self.heal()

    def heal(self):
        """Have no fault from now on, and count requests anew."""
        self.fault, self.fails_at, self.count, self.failing = "", 0, 0, None

    def settle(self):
        """Wait until everybody who was connected has gone, and what they sent is taken."""
        for thread in self._threads[1:]:
            thread.join(30)
            assert not thread.is_alive()
        del self._threads[1:], self._sockets[:]

    def _talk(self, sock):
        with sock.makefile("rb") as stream:
            while (body := _body(stream)) is not None:
                reply = self._reply(json.loads(body))
                if reply is None:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                sock.sendall(reply)

    def _reply(self, body):
        items = [item for entry in body["track"] for item in entry["payload"]]
        with self.lock:
            self.count += 1
            if self.count == self.fails_at:
                self.failing = body
            failing = body == self.failing
            if failing and self.fault == "reset":
                return None
            if any("poison" in json.dumps(item) for item in items):
                return _BAD
            self.items += items
        return None if failing else OK


def _body(stream):
    """Read one request; None at the end of the connection."""
    length = None
    while line := stream.readline():
        if line.lower().startswith(b"content-length:"):
            length = int(line[15:])
        if line == b"\r\n":
            body = stream.read(length)
            return body if len(body) == length else None
    return None
