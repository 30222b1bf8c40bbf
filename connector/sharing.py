"""One pace for all who send to a destination: each says once a second what it could use, and takes its share of it.

Live syncs go first, backfills take what these leave (`connector/load/sharing.py`). With a cap on items or requests a
second all of them together keep it. Without one nobody knows how much there is to share; while a live sync sends, a
backfill then has only half as much in flight.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from connector.errors import ConnectorError
from connector.load.attempts import Attempts
from connector.load.sharing import Claim, share, wanted
from connector.state.paces import Sender
from connector.state.store import StateStore

# How often shares are settled, and how long one is held by somebody who is not heard of; seconds.
_EVERY, _HELD = 1.0, 10.0
# What a backfill leaves of its requests in flight while a live sync sends.
_BESIDE_LIVE = 0.5


class _Sharing:
    def __init__(self, store: StateStore, place: tuple[str, str], attempts: Attempts, *, live: bool) -> None:
        self._store = store
        self._place = place
        self._attempts = attempts
        self._live = live
        self._wanted = 1.0
        self._granted = 0.0
        self._asked = time.monotonic()

    def ask(self) -> None:
        """Settle the share anew."""
        pacing, now = self._attempts.pacing, time.monotonic()
        if pacing.capped:
            self._wanted = wanted(self._granted, pacing.used() / max(now - self._asked, 0.001))
        claim = self._live, self._wanted
        self._granted, others = self._store.take_pace(self._place, claim, _HELD, self._decide)
        self._asked = now
        self._attempts.share(self._granted, self._turns(others))

    def missed(self) -> None:
        """Take note that the store cannot be asked: once others must think that the share is free, it is theirs."""
        if time.monotonic() - self._asked > _HELD - 2 * _EVERY:
            self._granted = 0.0
            self._attempts.share(0.0, 1.0)

    def _decide(self, others: Sequence[Sender]) -> float:
        mine = Claim(self._live, self._wanted, self._granted)
        return share(mine, [Claim(other.live, other.wanted, other.granted) for other in others])

    def _turns(self, others: Sequence[Sender]) -> float:
        beside = not self._live and any(other.live for other in others)
        return _BESIDE_LIVE if beside and not self._attempts.pacing.capped else 1.0


@contextmanager
def shared(store: StateStore, place: tuple[str, str], attempts: Attempts, *, live: bool) -> Iterator[None]:
    """While inside, senders keep to their share.

    Args:
        store: knows who else sends.
        place: the destination, and what tells these senders apart from others.
        attempts: sends.
        live: whether for a live lane.
    """
    sharing, over = _Sharing(store, place, attempts, live=live), threading.Event()
    sharing.ask()

    def settle() -> None:
        while not over.wait(_EVERY):
            try:
                sharing.ask()
            except ConnectorError:  # the next commit says so
                sharing.missed()

    thread = threading.Thread(target=settle, name="sharing", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        with suppress(ConnectorError):
            store.drop_pace(place)
