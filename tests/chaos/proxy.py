"""Stands between a client and PostgreSQL on Unix sockets, and loses the answers to commits."""

from __future__ import annotations

import select
import socket
import threading
from contextlib import suppress
from pathlib import Path

_SOCKET = ".s.PGSQL.5432"
_MOST = 65536


class LossyProxy:
    """Forwards bytes both ways; at the commits it is told to, it lets the server act and cuts the connection.

    Args:
        folder: where its socket goes; its path must be short.
        server: the folder of the server's socket.

    Attributes:
        lost: commits whose answer was lost so far.
    """

    def __init__(self, folder: Path, server: Path) -> None:
        self._server = str(server / _SOCKET)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / _SOCKET))
        self._listener.listen()
        self._lock = threading.Lock()
        self._until = 0
        self._acts = True
        self.lost = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def lose(self, nth: int, *, acts: bool) -> None:
        """Cut at the n-th commit from now; `acts` says whether the server sees it before."""
        with self._lock:
            self._until, self._acts = nth, acts

    def close(self) -> None:
        """Take no more connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server, suppress(OSError):
            server.connect(self._server)
            while True:
                for ready in select.select([client, server], [], [])[0]:
                    data = ready.recv(_MOST)
                    if not data:
                        return
                    if ready is client and b"COMMIT" in data and self._is_due():
                        self._lose(server, data)
                        return
                    (server if ready is client else client).sendall(data)

    def _is_due(self) -> bool:
        with self._lock:
            self._until -= 1
            return self._until == 0

    def _lose(self, server: socket.socket, data: bytes) -> None:
        if self._acts:
            server.sendall(data)
            server.recv(_MOST)  # it has acted when it answers
        self.lost += 1
