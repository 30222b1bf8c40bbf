"""What a slice tells the live lane while rows of it are on their way: read no further than this (invariant 10).

See docs/backfills.md for why that is enough.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from connector.model import Commit, SourceBatch
from connector.pipeline import Lane


@dataclass(slots=True)
class _Look:
    """How far the source could be read when some rows were looked at, and how many had been read before and with them."""

    value: Any
    upto: int | None = None


class Holding:
    """Follows the rows of one slice from the moment they are looked at until they are committed.

    Args:
        write: makes durable what is held; called before rows are looked at, from the reading thread.
    """

    def __init__(self, write: Callable[[Sequence[Any]], None]) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._looks: deque[_Look] = deque()
        self._read = 0
        self._written: list[str] = []

    def look(self, value: Any) -> None:
        """Take how far the source can be read now; what is looked at next is held to it."""
        with self._lock:
            if self._looks:
                self._looks[-1].upto = self._read
            self._drop(self._finished)
            self._looks.append(_Look(value))
            held = sorted({json.dumps(look.value) for look in self._looks})
        if held != self._written:
            self._write([json.loads(text) for text in held])
            self._written = held

    _finished = 0

    def reading(self, batches: Iterator[SourceBatch]) -> Iterator[SourceBatch]:
        """Yield `batches`, and count their rows."""
        for batch in batches:
            with self._lock:
                self._read += batch.rows.num_rows
            yield batch

    def lane(self, lane: Lane) -> Lane:
        """Return a lane whose commits are heard of."""
        return _Heard(lane, self)

    def committed(self, commit: Commit) -> None:
        """Take how many rows are finished."""
        with self._lock:
            self._finished = commit.counts.read - commit.counts.unfinished

    def _drop(self, finished: int) -> None:
        while self._looks and (upto := self._looks[0].upto) is not None and upto <= finished:
            self._looks.popleft()


@dataclass(frozen=True, slots=True)
class _Heard:
    lane: Lane
    holding: Holding

    def commit(self, commit: Commit) -> None:
        self.lane.commit(commit)
        self.holding.committed(commit)

    def renew(self) -> None:
        self.lane.renew()
