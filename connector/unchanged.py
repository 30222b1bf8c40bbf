"""Rows that Track has as they are: nothing of them is sent again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from connector.config.models import Sync
from connector.feed import Maps
from connector.load.packing import only
from connector.model import MappedBatch, Reject, SourceBatch
from connector.state.synced import Synced
from connector.synced import DELIVERED, LEFT, OVER, REFUSED, SAME, UNMAPPED, Prints, outcome, present

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A mapper whose batches are without the items that Track has.

    Args:
        mapper: maps, with prints.
        synced: what is known.
        once: whether a row is told of once, whatever becomes of it later: of events per row.
        anew: whether everything is sent all the same, and only looked up.
    """

    mapper: Maps
    synced: Synced
    once: bool
    anew: bool = False

    def map(self, batch: SourceBatch) -> MappedBatch:
        """Map a batch."""
        mapped = self.mapper.map(batch)
        prints = mapped.prints
        if prints is None or not len(prints):
            return mapped
        found, known = self.synced.look(prints)
        if not found.any():
            return mapped
        rejected, accepted, filtered = (
            _flags(rows, len(prints)) for rows in ([*mapped.rejected], mapped.row, mapped.filtered)
        )
        same = found & (known["item"] == prints["item"])
        before = outcome(known["mark"])
        delivered = found & (before == DELIVERED)
        settled = (delivered & (same | self.once)) | (same & (before == REFUSED))
        # What a rule of the mapping rejected may pass another one: only if it is rejected anew it is the same.
        unchanged = (accepted & settled) | (rejected & same & (before == UNMAPPED))
        if self.anew:
            unchanged[:] = False
        noted = _noted(prints, known, unchanged | (filtered & found), batch)
        noted["mark"][found & ~unchanged & ~filtered] |= OVER
        noted["mark"][found & ~unchanged & ~filtered & present(known["mark"])] |= LEFT
        return without(replace(mapped, prints=noted), unchanged)


def sent_anew(mapper: Maps, synced: Synced | None) -> Maps:
    """Return a mapper all of whose items are sent; what Track has of a row is not forgotten should it be rejected now."""
    return mapper if synced is None else Unchanged(mapper, synced, once=False, anew=True)


def _flags(rows: Sequence[int] | npt.NDArray[np.int64], count: int) -> Flags:
    flags = np.zeros(count, np.bool_)
    flags[rows] = True
    return flags


def once(sync: Sync) -> bool:
    """Tell whether each row of a sync is told of once."""
    return all(mapping.kind == "event" and mapping.events == "per_row" for mapping in sync.mapping)


def _noted(prints: Prints, known: Prints, kept: Flags, batch: SourceBatch) -> Prints:
    """Return prints that say of rows for which what is known is `kept` what is to be noted: another cursor, or nothing."""
    prints = prints.copy()
    touched = known["version"] != prints["version"]
    if isinstance(batch.version, str):  # a pass: which one saw the row last is nobody's question
        touched = np.zeros(len(prints), np.bool_)
    prints["mark"] = np.where(kept, np.where(touched, known["mark"], SAME), prints["mark"])
    prints["item"] = np.where(kept, known["item"], prints["item"])
    return prints


def without(mapped: MappedBatch, unchanged: Flags) -> MappedBatch:
    """Return a batch whose rows `unchanged` are counted as such, and not sent."""
    if not unchanged.any():
        return mapped
    rejected: Mapping[int, Reject] = {
        row: reject for row, reject in mapped.rejected.items() if not unchanged[row]
    }
    left = only(mapped, ~unchanged[mapped.row])
    return replace(left, rejected=rejected, unchanged=np.flatnonzero(unchanged))
