"""Stop requests: from a signal, heard by every wait."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from connector.errors import Stopped


class StopSignal:
    """Set once, from any thread or a signal handler; wakes whoever asked to be woken."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self._wake: list[Callable[[], None]] = []
        self._interrupts = False

    @property
    def requested(self) -> bool:
        """Whether the run should end."""
        return self.event.is_set()

    def request(self) -> None:
        """Ask the run to end after what is in flight."""
        self.event.set()
        for wake in self._wake:
            wake()

    def wakes(self, wake: Callable[[], None]) -> None:
        """Have `wake` called on a request, or now if there was one; it must be safe in a signal handler."""
        self._wake.append(wake)
        if self.requested:
            wake()

    @contextmanager
    def meanwhile(self) -> Iterator[None]:
        """Let go, at the end, of those who asked to be woken inside: with them all that they hold, such as rows."""
        before = len(self._wake)
        try:
            yield
        finally:
            del self._wake[before:]

    @contextmanager
    def interrupting(self) -> Iterator[None]:
        """While inside, a signal raises Stopped where the program waits: for waits that nobody else can end."""
        if self.requested:
            raise Stopped
        self._interrupts = True
        try:
            yield
        finally:
            self._interrupts = False

    @contextmanager
    def on_signals(self) -> Iterator[StopSignal]:
        """While inside, SIGINT and SIGTERM request a stop; a second one ends the process at once.

        Leaving at once is safe: what is in flight then counts as in doubt, as after a crash.
        """

        def handle(number: int, frame: FrameType | None) -> None:
            del frame
            if self.requested:
                os._exit(128 + number)
            self.request()
            if self._interrupts:
                raise Stopped

        previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield self
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
