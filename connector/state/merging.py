"""Appended segments of synced become merged ones: sorted by the hashes of their keys, without a key twice."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import chain

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from connector.state import segments
from connector.state.database import Database
from connector.state.lease import Lease, fenced
from connector.state.segments import Head, Part
from connector.state.synced import MERGED, Synced
from connector.synced import NO_KEYS, Prints, Segment, latest

# Prints that are sorted at once: what a merge needs of memory.
_AT_ONCE = 2_000_000
_ALL = 1 << 64

# The hash of a key: `high` and `low` of its prints.
Hash = tuple[int, int]


def merge(database: Database, lease: Lease, before: Head, without: Collection[Hash] = ()) -> None:
    """Merge everything that is known of a sync.

    The new generation is written beside the old one in many short transactions, so that other syncs need not wait,
    and put in force by the last of them.

    Args:
        database: the store.
        lease: of the sync's live lane.
        before: what there is.
        without: keys to leave out.

    Raises:
        LeaseLost: another process holds the lane; what there was is in force.
        StateError: parts are missing, or the store cannot be written.
    """
    fenced(lease, lambda connection: segments.drop_others(connection, before))
    known = Synced(database, before)
    after = replace(before, generation=before.generation + 1, places=0, prints=0, next=0)
    for segment in _merged(known, without):
        after = write_next(lease, after, segment, ordered=True)
    fenced(lease, lambda connection: segments.replace(connection, before, after))


def write_next(lease: Lease, after: Head, segment: Segment, *, ordered: bool = False) -> Head:
    """Write one more segment of a generation that is not in force yet, and return what this consists of then."""

    def work(connection: sa.Connection) -> None:
        segments.write(connection, after, after.places, segment, ordered=ordered)

    fenced(lease, work)
    return replace(after, places=after.places + 1, prints=after.prints + len(segment))


def _merged(known: Synced, without: Collection[Hash]) -> Iterator[Segment]:
    """Yield sorted segments, from range to range of hashes."""
    count = max(1, -(-known.size // _AT_ONCE))
    for n in range(count):
        low, high = _ALL * n // count, _ALL * (n + 1) // count - 1
        found = list(_between(known, low, high))
        if not found:
            continue
        prints = np.concatenate([segment.prints for segment in found])
        keys = pa.concat_arrays([segment.keys for segment in found])
        del found
        last = latest(*(np.ascontiguousarray(prints[name]) for name in ("high", "low")))
        order = _without(prints, last, without)
        for first in range(0, len(order), MERGED):
            places = order[first : first + MERGED]
            yield Segment(prints[places], keys.take(pa.array(places)) if len(keys) else NO_KEYS)


def _between(known: Synced, low: int, high: int) -> Iterator[Segment]:
    """Yield what lies in a range of hashes, older before newer."""
    for segment in chain(known.pages(_meeting(known.merged, low, high)), known.pages(known.appended)):
        inside = (segment.prints["high"] >= np.uint64(low)) & (segment.prints["high"] <= np.uint64(high))
        if inside.any():
            keys = segment.keys.filter(pa.array(inside)) if len(segment.keys) else NO_KEYS
            yield Segment(segment.prints[inside], keys)


def _meeting(merged: list[Part], low: int, high: int) -> list[Part]:
    """Return the merged segments that reach into a range: each ends where the next begins."""
    ends = [*(part.first for part in merged[1:]), _ALL - 1][: len(merged)]
    return [
        part
        for part, end in zip(merged, ends, strict=True)
        if part.first is not None and end is not None and part.first <= high and end >= low
    ]


def _without(
    prints: Prints, order: np.ndarray[tuple[int], np.dtype[np.int64]], gone: Collection[Hash]
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    keep = np.ones(len(order), np.bool_)
    for high, low in gone:
        keep &= (prints["high"][order] != high) | (prints["low"][order] != low)
    return order[keep]
