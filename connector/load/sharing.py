"""How several senders share the pace of one destination: live syncs first, backfills what these leave.

Everybody says each second what share of the pace they could use, and takes no more than what nobody else holds: so the
whole is never exceeded, also while shares change hands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# What backfills have together even where live syncs could use everything, or they would never come to an end.
LEAST = 0.05
# Somebody who used less than the whole of a share may want somewhat more the next second.
_ROOM = 1.25


@dataclass(frozen=True, slots=True)
class Claim:
    """One sender's part.

    Attributes:
        live: whether of a live sync, which goes before backfills.
        wanted: the share of the whole pace that it could use, 0 to 1.
        granted: the share that it holds, 0 to 1.
    """

    live: bool
    wanted: float
    granted: float


def wanted(granted: float, used: float) -> float:
    """Return what a sender may want after a second in which it `used` some part of the share that it was `granted`.

    Nobody who sends wants nothing: who had nothing to send for a second has something the next.
    """
    return 1.0 if used >= 0.9 * granted else min(1.0, max(LEAST, used * _ROOM))


def share(mine: Claim, others: Sequence[Claim]) -> float:
    """Return the share that a sender takes now: what is fair, but nothing that others still hold."""
    live = [claim.wanted for claim in others if claim.live]
    if mine.live:
        fair = _fair(mine.wanted, live, 1.0 - (LEAST if len(live) < len(others) else 0.0))
    else:
        rest = max(LEAST, 1.0 - sum(_fair(each, _without(live, n), 1.0) for n, each in enumerate(live)))
        fair = _fair(mine.wanted, [claim.wanted for claim in others if not claim.live], rest)
    return max(0.0, min(fair, 1.0 - sum(claim.granted for claim in others)))


def _fair(mine: float, others: Sequence[float], whole: float) -> float:
    """Return my part of a whole: who wants less than an even part gets that, and the others share what is left."""
    count = len(others) + 1
    for each in sorted(others):
        if each >= min(mine, whole / count):
            break
        whole, count = whole - each, count - 1
    return min(mine, whole / count)


def _without(values: Sequence[float], place: int) -> list[float]:
    return [*values[:place], *values[place + 1 :]]
