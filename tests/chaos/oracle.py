"""Compares what the sandbox holds with the source, by (key, version)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from chaos.ledger import Books
from chaos.source import POISON, TABLE, Source

from connector.sandbox.process import Sandbox, StoredItem


@dataclass
class Findings:
    """What a comparison found.

    Attributes:
        versions: rows of the source, each in its last version.
        received: distinct (key, version) in the sandbox.
        missing: last versions that are neither there nor rejected as poison.
        duplicates: items under an eventId that had arrived before.
        in_doubt: items that the runs reported as in doubt or sent again.
        rejected: rejects in the state.
        problems: what should not be, in words.
    """

    versions: int = 0
    received: int = 0
    missing: int = 0
    duplicates: int = 0
    in_doubt: int = 0
    rejected: int = 0
    problems: list[str] = field(default_factory=list)


class Arrivals:
    """What has arrived in a sandbox, in its order; each item is looked at once.

    Attributes:
        versions: each (key, version).
        last: entity -> version of its last item.
        backwards: items, not of events, older than one of their entity that came before, other than repetitions.
        duplicates: as in `Findings`.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._seq = 0
        self._events: set[str] = set()
        self._newest: dict[str, int] = {}
        self.versions: set[tuple[int, int]] = set()
        self.last: dict[str, int] = {}
        self.backwards = 0
        self.duplicates = 0
        self.by_request: Counter[int] = Counter()

    def update(self) -> None:
        """Take note of what is new."""
        for stored in self._sandbox.items(after=self._seq):
            self._seq = stored.seq
            self._note(stored)

    def _note(self, stored: StoredItem) -> None:
        item = json.loads(stored.raw)
        fields = item.get("data") or item["userAttributes"]
        entity = f"{stored.event} {item.get('productId') or item['userId']}"
        key, version = fields["id"], fields["version"]
        self.by_request[stored.request] += 1
        repeated = item["eventId"] in self._events
        self.duplicates += repeated
        self._events.add(item["eventId"])
        if stored.event != "Moved" and version < self._newest.get(entity, 0) and not repeated:
            self.backwards += 1
        self._newest[entity] = max(version, self._newest.get(entity, 0))
        self.last[entity] = version
        self.versions.add((key, version))


def compare(
    source: Source, arrivals: Arrivals, books: Books, ordered: Callable[[int], bool], unanswered: int = 0
) -> Findings:
    """Compare a source at rest with all that has arrived.

    Args:
        source: nobody writes to it.
        arrivals: up to date.
        books: the state.
        ordered: whether the items of an entity must have arrived in the order of their versions (invariant 10).
        unanswered: duplicates that killed runs may have made and could not report.
    """
    rows = source.fetch(f"select id, version, label, entity from {TABLE}")
    current = {key: version for key, version, _, _ in rows}
    poison = {key for key, _, label, _ in rows if label.startswith(POISON)}
    rejects = books.rejects()
    wanted = {(key, version) for key, version, _, _ in rows if key not in poison}
    never = [one for one in arrivals.versions if not 1 <= one[1] <= current.get(one[0], 0)]
    missing = wanted - arrivals.versions
    missing |= {(key, 1) for key in poison - {reject.key for reject in rejects}}
    reported = books.reported()
    found = Findings(
        versions=len(rows),
        received=len(arrivals.versions),
        missing=len(missing),
        duplicates=arrivals.duplicates,
        in_doubt=reported.get("in_doubt", 0) + reported.get("resent", 0),
        rejected=len(rejects),
    )
    expected = {
        f"{len(missing)} versions are missing, such as {sorted(missing)[:3]}": not missing,
        f"{len(never)} items were never in the source, such as {sorted(never)[:3]}": not never,
        f"{found.duplicates} duplicates, and only {found.in_doubt} reported, {unanswered} beyond reporting": (
            found.duplicates <= found.in_doubt + unanswered
        ),
        "rows without poison were rejected": all(reject.key in poison for reject in rejects),
        "a poisonous row was delivered": not any(key in poison for key, _ in arrivals.versions),
    }
    stale = _stale([row for row in rows if ordered(row[3]) and row[0] not in poison], arrivals)
    expected[f"{stale} entities do not end with their last version"] = not stale
    expected[f"{arrivals.backwards} items came older after newer"] = not arrivals.backwards
    found.problems = [words for words, holds in expected.items() if not holds]
    return found


def _stale(rows: list[tuple[int, int, str, int]], arrivals: Arrivals) -> int:
    """Count entities whose last item is not their last version in the source."""
    latest: dict[int, int] = {}
    for _, version, _, entity in rows:
        latest[entity] = max(version, latest.get(entity, 0))
    last = {_entity(name): version for name, version in arrivals.last.items()}
    return sum(last.get(entity) != version for entity, version in latest.items())


def _entity(name: str) -> int:
    return int(name.rpartition(" ")[2].rpartition("-")[2])
