"""The requests between reading and commit: answered in any order, committed in read order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from connector.model import Outcome, Request


@dataclass(slots=True)
class _Pending:
    request: Request
    outcome: Outcome | None
    recorded: bool = False
    entities: frozenset[int] = frozenset()


# Text of items read ahead of the last commit, at most: large items fill memory before they fill the window.
_AHEAD = 64_000_000


class Window:
    """Keeps what is taken and not yet committed, oldest first.

    Args:
        places: how many requests without a recorded outcome there may be now. An outcome known now is recorded by
            the same transaction that makes new intents durable, so it takes no place.
        size: requests ahead of the last commit, at most.
    """

    def __init__(self, places: Callable[[], int], size: int) -> None:
        self._places = places
        self._size = size
        self._pending: deque[_Pending] = deque()
        self._by_seq: dict[int, _Pending] = {}
        self._unanswered = 0
        self._rows = 0
        self._bytes = 0
        self._entities: set[int] = set()
        self._asked: tuple[Request | None, frozenset[int]] = (None, frozenset())

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def rows(self) -> int:
        """Rows that are read and not finished."""
        return self._rows

    @property
    def in_flight(self) -> int:
        """Requests without an outcome."""
        return self._unanswered

    def has_room(self, *, unbounded: bool = False) -> bool:
        """Whether one more request may be taken. `unbounded` lifts the size, never the places."""
        ahead = len(self._pending) < self._size and self._bytes < _AHEAD
        return self._unanswered < self._places() and (ahead or unbounded or not self._pending)

    def add(self, request: Request) -> None:
        """Take a request; one with nothing to send is answered at once."""
        sends = request.last > request.first
        pending = _Pending(request, None if sends else Outcome(request, attempts=0), recorded=not sends)
        self._pending.append(pending)
        self._by_seq[request.seq] = pending
        self._unanswered += sends
        pending.entities = self._entities_of(request)
        self._entities |= pending.entities
        self._rows += request.rows_last - request.rows_first
        self._bytes += request.bytes

    def settle(self, outcome: Outcome) -> None:
        """Note the outcome of a request."""
        pending = self._by_seq[outcome.request.seq]
        pending.outcome = outcome
        self._unanswered -= 1
        # No two unanswered requests share an entity, so what goes with this one is nobody else's.
        self._entities -= pending.entities

    def past_gap(self) -> list[Outcome]:
        """Return outcomes that cannot be committed yet and are not recorded yet; the caller records them.

        One that ended in an error with doubt is not among them: its intent stays without an outcome.
        """
        fresh: list[Outcome] = []
        for entry in self._pending:
            outcome = entry.outcome
            if outcome is None or entry.recorded or (outcome.error is not None and outcome.doubtful):
                continue
            entry.recorded = True
            fresh.append(outcome)
        return fresh

    def has_finished(self) -> bool:
        """Whether the oldest request has an outcome without error."""
        first = self._pending[0].outcome if self._pending else None
        return first is not None and first.error is None

    def finished(self) -> list[Outcome]:
        """Remove and return the outcomes up to the first gap, in read order."""
        done: list[Outcome] = []
        while self._pending:
            outcome = self._pending[0].outcome
            if outcome is None or outcome.error is not None:
                break
            entry = self._pending.popleft()
            del self._by_seq[entry.request.seq]
            self._rows -= entry.request.rows_last - entry.request.rows_first
            self._bytes -= entry.request.bytes
            done.append(outcome)
        return done

    def waits_for_entities(self, request: Request) -> bool:
        """Whether `request` is about an entity that an unanswered one is about too (invariant 10)."""
        return not self._entities.isdisjoint(self._entities_of(request))

    def _entities_of(self, request: Request) -> frozenset[int]:
        """Return the entities of a request; the last answer is kept, as the same request is asked about again."""
        known, entities = self._asked
        if known is not request:
            hashes = request.batch.entity
            entities = (
                frozenset() if hashes is None else frozenset(hashes[request.first : request.last].tolist())
            )
            self._asked = (request, entities)
        return entities
