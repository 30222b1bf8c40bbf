"""Whether a server is still the one that a watermark was made on, or was restored from a backup since.

A restored server gives out again what it gave out before: ids, and so places below the watermark. Two things tell:
its counter of transactions stands lower than it stood, or its history has branched off (its timeline).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from connector.errors import GuardTripped
from connector.extract.databases.reader import Origin, Reader
from connector.model import SourceBatch, Watermark, merge

PART = "origin"


@dataclass(frozen=True, slots=True)
class Guard:
    """Lets a run read only what it can go on from.

    Attributes:
        reader: asked for the origin, before the first row is read.
        accepted: whether a person lets a restored server pass.
        settled: whether rows come only of transactions that had ended when the run began.
        empty: makes a batch without rows.
    """

    reader: Reader
    accepted: bool
    settled: bool
    empty: Callable[[Watermark], SourceBatch]

    def guarded(
        self, batches: Iterator[SourceBatch], known: Mapping[str, Any] | None
    ) -> Iterator[SourceBatch]:
        """Yield `batches`, whose places remember the origin too; `known` is what an earlier run has remembered.

        Raises:
            GuardTripped: the server was restored, and nobody has accepted that.
        """
        origin = self.reader.origin()
        if origin is None:
            yield from batches
            return
        if seen := _difference(origin, known):
            if not self.accepted:
                raise _restored(seen)
            # Also if nothing is read: what was accepted once is not asked again.
            yield self.empty(_part(origin))
        moved = False
        for batch in batches:
            moved |= bool(batch.end) and batch.rows.num_rows > 0
            yield _with(batch, _part(origin)) if batch.end else batch
        later = self.reader.origin() if moved and not self.settled else None
        if later is not None and later != origin:
            yield self.empty(_part(later))


def _difference(now: Origin, known: Mapping[str, Any] | None) -> str:
    if not known:
        return ""
    timeline, transactions = known.get("timeline"), int(known.get("transactions", 0))
    if timeline and now.timeline and timeline != now.timeline:
        return f"its timeline was {timeline} and is {now.timeline}"
    if now.transactions < transactions:
        return f"its counter of transactions stood at {transactions} and stands at {now.transactions}"
    return ""


def _restored(seen: str) -> GuardTripped:
    return GuardTripped(
        f"The source is not as it was when the watermark was made: {seen}. It was restored from a backup, or another"
        " server has taken its place, and what is written since may lie below the watermark.",
        hint="go on from the watermark: connector run --accept restore, and find what lies below it: connector reconcile"
        " --fix; or start over: connector state reset",
    )


def _with(batch: SourceBatch, part: Watermark) -> SourceBatch:
    position = batch.position

    def place(n: int) -> Watermark:
        return merge(position(n), part)

    return replace(batch, position=place, end=merge(batch.end, part))


def _part(origin: Origin) -> Watermark:
    return Watermark({PART: {"timeline": origin.timeline, "transactions": origin.transactions}})
