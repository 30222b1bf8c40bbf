"""Where one row stands, seen from the runs: by counting what meets this and that condition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from connector.extract import Standing
from connector.extract.databases.again import Again


def standing(again: Again, key: str, below: Sequence[str] | None) -> Standing:
    """Say where a row stands.

    Args:
        again: reads rows by key; its part is how far runs have come.
        key: canonical.
        below: conditions for rows that a run may read now; None where it may read none.
    """
    row = again.conditions([key])
    readable = replace(again, part=None).condition() or []
    passed = again.condition()

    def there(conditions: Sequence[str]) -> bool:
        return again.scan.keyset.count([*row, *conditions], 1) > 0

    if not row or not there(()):
        return Standing.ABSENT
    if passed is not None and there(passed):
        return Standing.PASSED
    if not there(readable):
        return Standing.UNREADABLE
    return Standing.AHEAD if below is not None and there(below) else Standing.WAITING
