"""What most scripts do instead: ask for what is newer than the newest that was seen."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import Any

from chaos.source import TABLE
from storm.dialects import Dialect

_EVERY = 1.0
_QUERY = f"select id, version, moved_at from {TABLE}"


class PlainReader(threading.Thread):
    """Each second ``where moved_at > :last order by moved_at``, in a thread and a session of its own.

    Attributes:
        seen: each (id, version) that it has read.
        failure: what ended it before its time.
    """

    def __init__(self, dialect: Dialect, url: str) -> None:
        super().__init__(name="plain reader", daemon=True)
        self._dialect = dialect
        self._url = url
        self._last: Any = None
        self.seen: set[tuple[int, int]] = set()
        self.stopped = threading.Event()
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            with closing(self._dialect.connect(self._url)) as connection:
                while not self.stopped.wait(_EVERY):
                    self._look(connection)
                self._look(connection)
        except Exception as error:  # noqa: BLE001 - what it did not see would be told of the method
            self.failure = error

    def _look(self, connection: Any) -> None:
        with connection.cursor() as cursor:
            if self._last is None:
                cursor.execute(f"{_QUERY} order by moved_at")
            else:
                cursor.execute(f"{_QUERY} where moved_at > %s order by moved_at", [self._last])
            for row, version, moved_at in cursor.fetchall():
                self.seen.add((row, version))
                self._last = moved_at
        connection.rollback()  # its snapshot must not grow old
