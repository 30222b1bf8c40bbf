"""Reads and maps ahead of delivery, in two threads, so that waiting for a source costs no sending."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from connector.model import MappedBatch, SourceBatch

# Batches between reading and mapping, and mapped ones that wait for delivery: enough to keep both busy.
_READ_AHEAD = 1
_MAPPED_AHEAD = 2


class Maps(Protocol):
    """What the feed needs of a mapper."""

    def map(self, batch: SourceBatch) -> MappedBatch:
        """Turn rows into items."""


@dataclass(frozen=True, slots=True)
class End:
    """No batch follows: the source is read to its end, or `error` says why not."""

    error: BaseException | None = None


class Feed:
    """Delivers mapped batches, then one End, to `deliver`.

    Args:
        batches: rows, read in a thread of their own.
        interrupt: ends what blocks that thread, which then raises Stopped.
        mapper: makes items of them.
        deliver: called from the mapping thread.
        rest: what follows when the source has been read to its end.
    """

    def __init__(
        self,
        batches: Iterator[SourceBatch],
        interrupt: Callable[[], None],
        mapper: Maps,
        deliver: Callable[[MappedBatch | End], None],
        rest: Callable[[], Iterable[MappedBatch]] = tuple,
    ) -> None:
        self._batches = batches
        self._interrupt = interrupt
        self._mapper = mapper
        self._deliver = deliver
        self._rest = rest
        self._raw: queue.Queue[SourceBatch | End] = queue.Queue(_READ_AHEAD)
        self._room = threading.Semaphore(_MAPPED_AHEAD)
        self._cancelled = threading.Event()
        self._threads = [
            threading.Thread(target=self._read, name="reader", daemon=True),
            threading.Thread(target=self._map, name="mapper", daemon=True),
        ]

    def start(self) -> None:
        """Begin to read."""
        for thread in self._threads:
            thread.start()

    def used(self) -> None:
        """Tell that a batch was packed: one more may be mapped."""
        self._room.release()

    def cancel(self) -> None:
        """Stop reading and mapping; an End still comes."""
        self._cancelled.set()
        self._interrupt()
        self._room.release()

    def join(self, timeout: float) -> None:
        """Wait for both threads, so that the extractor may be closed."""
        for thread in self._threads:
            thread.join(timeout)

    def _read(self) -> None:
        end = End()
        try:
            for batch in self._batches:
                if self._cancelled.is_set():
                    break
                self._raw.put(batch)
        except BaseException as error:  # noqa: BLE001 - it is raised again where the run is
            end = End(error)
        self._raw.put(end)

    def _map(self) -> None:
        while True:
            batch = self._raw.get()
            if isinstance(batch, End):
                self._deliver(self._ended(batch))
                return
            if not self._has_room():
                continue  # the reader may be blocked on the queue: drain it up to its End
            try:
                mapped = self._mapper.map(batch)
            except BaseException as error:  # noqa: BLE001 - it is raised again where the run is
                self._cancelled.set()
                self._interrupt()
                self._drain()
                self._deliver(End(error))
                return
            self._deliver(mapped)

    def _ended(self, end: End) -> End:
        """Deliver what follows the last batch of a source that was read to its end."""
        if end.error is not None:
            return end
        try:
            rest = iter(self._rest())
            while self._has_room() and (mapped := next(rest, None)) is not None:
                self._deliver(mapped)
        except BaseException as error:  # noqa: BLE001 - it is raised again where the run is
            return End(error)
        return end

    def _has_room(self) -> bool:
        """Wait until one more batch may be mapped; whether it still should be."""
        if not self._cancelled.is_set():
            self._room.acquire()
        return not self._cancelled.is_set()

    def _drain(self) -> None:
        while not isinstance(self._raw.get(), End):
            pass


def limited(batches: Iterator[SourceBatch], limit: int | None) -> Iterator[SourceBatch]:
    """Yield `batches` up to `limit` rows; the last one is cut, with the watermark that belongs to the cut.

    Rows that are read once more and move no watermark do not count: there may be as many of them in each run.
    """
    left = limit
    for batch in batches:
        rows = batch.rows.num_rows if batch.end else 0
        if left is None or rows < left:
            left = None if left is None else left - rows
            yield batch
            continue
        yield batch if rows == left else first_rows(batch, left)
        return


def first_rows(batch: SourceBatch, count: int) -> SourceBatch:
    """Return the first `count` ≥ 1 rows of `batch`, ending at their own watermark."""
    version = batch.version if isinstance(batch.version, str) else batch.version.slice(0, count)
    return replace(batch, rows=batch.rows.slice(0, count), version=version, end=batch.position(count))
