"""What has happened since the sandbox started, kept in memory."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class Exchange:
    """One request to the track endpoint and what became of it.

    Attributes:
        request: its number.
        at: when its head arrived, epoch seconds.
        in_flight: requests at that moment, this one included.
        status: HTTP status of the answer; 0 when none was given.
        items: items in it, 0 when it was not read that far.
        accepted: items stored.
        bytes: length of the body as sent.
        seconds: until the answer.
        outcome: ``accepted``, or the reason code of a refusal or fault.
    """

    request: int
    at: float
    in_flight: int
    status: int = 0
    items: int = 0
    accepted: int = 0
    bytes: int = 0
    seconds: float = 0.0
    outcome: str = "accepted"


@dataclass(slots=True)
class Ledger:
    """Counts over all exchanges, and the last 20,000 of them.

    Attributes:
        accepted: items stored since the start (without a store: swallowed).
        bytes: of all bodies, as sent.
        max_in_flight: most requests seen at one time.
        statuses: HTTP status → requests; 0 for no answer.
        outcomes: ``accepted`` or reason → requests.
        refused: reason → items of the requests refused for it.
        notes: what was accepted and yet is seldom meant → items.
    """

    accepted: int = 0
    bytes: int = 0
    max_in_flight: int = 0
    in_flight: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    last: deque[Exchange] = field(default_factory=lambda: deque(maxlen=20_000))

    def opened(self, request: int, at: float) -> Exchange:
        """Note the start of a request."""
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        return Exchange(request, at, self.in_flight)

    def closed(self, exchange: Exchange) -> None:
        """Note the end of a request."""
        self.in_flight -= 1
        self.accepted += exchange.accepted
        self.bytes += exchange.bytes
        self.statuses[exchange.status] += 1
        self.outcomes[exchange.outcome] += 1
        if exchange.items > exchange.accepted:
            self.refused[exchange.outcome] += exchange.items - exchange.accepted
        self.last.append(exchange)

    def clear(self) -> None:
        """Start counting anew; requests in flight stay counted."""
        fresh = Ledger(in_flight=self.in_flight, max_in_flight=self.in_flight)
        for name in self.__slots__:
            setattr(self, name, getattr(fresh, name))

    def counters(self) -> dict[str, Any]:
        """Return all counts, ready for JSON."""
        return {
            "requests": sum(self.statuses.values()),
            "accepted": self.accepted,
            "bytes": self.bytes,
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "outcomes": dict(self.outcomes),
            "refused": dict(self.refused),
            "notes": {name: count for name, count in self.notes.items() if count},
        }

    def exchanges(self, limit: int) -> list[dict[str, Any]]:
        """Return the last `limit` exchanges, oldest first."""
        return [asdict(exchange) for exchange in list(self.last)[-limit:]] if limit else []
