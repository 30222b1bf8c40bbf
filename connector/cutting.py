"""The batches that wait to be sent, as a queue of requests cut when there is room for them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from connector.load.packing import Packer
from connector.load.track import envelope
from connector.model import MappedBatch, Request


class Sizes(Protocol):
    """How large requests may be."""

    def next_size(self) -> tuple[int, int]:
        """Return how many items and bytes the next request may hold."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same size for every request."""

    max_items: int
    max_bytes: int

    def next_size(self) -> tuple[int, int]:
        """Return it."""
        return self.max_items, self.max_bytes


class Cutting:
    """Requests of the batches added, in order.

    Args:
        sizes: looked at for each cut.
        used_up: called when a batch has been cut to its end.
    """

    def __init__(self, sizes: Sizes, used_up: Callable[[], None]) -> None:
        self._sizes = sizes
        self._used_up = used_up
        self._batches: deque[MappedBatch] = deque()
        self._packer: Packer | None = None
        self._next: Request | None = None
        self._seq = 0

    def add(self, batch: MappedBatch) -> None:
        """Queue a batch."""
        self._batches.append(batch)

    def peek(self) -> Request | None:
        """Return the next request without taking it; None when no batch waits."""
        while self._next is None:
            if self._packer is None:
                if not self._batches:
                    return None
                batch = self._batches.popleft()
                self._packer = Packer(batch, envelope(batch.event))
            self._next = self._packer.next(self._seq + 1, *self._sizes.next_size())
            if self._next is None:
                self._packer = None
                self._used_up()
            else:
                self._seq += 1
        return self._next

    def take(self) -> None:
        """Take what `peek` returned."""
        self._next = None
