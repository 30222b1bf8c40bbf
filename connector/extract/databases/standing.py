"""Where one row stands, seen from the runs: by counting what meets this and that condition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from connector.extract import Standing
from connector.extract.databases.again import Again, since
from connector.extract.databases.future import Remembered
from connector.extract.databases.incremental import Incremental


@dataclass(frozen=True, slots=True)
class Stands:
    """One look.

    Attributes:
        again: reads rows by key; its part is how far runs have come.
        incremental: what a run reads; None in passes, which read everything.
        early: the rows that were delivered ahead of their time.
    """

    again: Again
    incremental: Incremental | None
    early: Remembered

    def at(self, key: str) -> Standing:
        """Say where the row with a canonical key stands."""
        row = self.again.conditions([key])
        if not row or not self._there(row):
            return Standing.ABSENT
        part, passed = self.again.part or {}, self.again.condition()
        if passed is not None and self._there([*row, *passed]):
            below = self.incremental.below(part) if self.incremental else []
            return Standing.AGAIN if below and self._there([*row, *below]) else Standing.PASSED
        readable = [*row, *(replace(self.again, part=None).condition() or ())]
        if not self._there(readable):
            return Standing.UNREADABLE
        return self._unread(self.incremental, row, readable) if self.incremental else Standing.AHEAD

    def _unread(self, incremental: Incremental, row: Sequence[str], readable: Sequence[str]) -> Standing:
        keyset = self.again.scan.keyset
        if not self._there([*readable, *since(keyset, self.again.part or {})]):
            return Standing.BEFORE
        if any(self.early.holds(chunk) for chunk in self.again.scan.chunks(readable)):
            return Standing.EARLY
        bounded = incremental.bounded()
        beyond = bounded.horizon.beyond
        reached = [bounded.conditions({}), *([[keyset.compare(">", beyond)]] if beyond else [])]
        ahead = not bounded.horizon.held and any(self._there([*row, *within]) for within in reached)
        return Standing.AHEAD if ahead else Standing.WAITING

    def _there(self, conditions: Sequence[str]) -> bool:
        return self.again.scan.keyset.count(conditions, 1) > 0
