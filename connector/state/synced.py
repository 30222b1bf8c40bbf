"""Synced: what Track is known to have, looked up by the prints of rows, and merged between runs.

Merged prints lie in an unnamed file for the time of a run: sorted by the hashes of their keys, they are searched
there, and memory does not grow with their number (invariant 7). What was appended since the last merge is small
enough to be held.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import pyarrow as pa

from connector.state import segments
from connector.state.database import Database
from connector.state.lookup import Flags, Lookup
from connector.state.segments import Head, Part
from connector.synced import DOUBT, NO_KEYS, PRINT, Prints, Segment, joined, outcome, present

# Prints of a merged segment, and how many prints and segments are read from the store at once.
MERGED = 65_536
_PAGE, _PAGES = 200_000, 500
# A merge is due when so many prints were appended, and more than a quarter of what is merged, or so many segments.
# Below that it is cheaper to sort them when they are looked at.
_FEW, _MANY, _SEGMENTS = 2_000_000, 4_000_000, 5_000
# So many merged prints are held in memory; more lie in files.
_HELD = 500_000


class Synced:
    """What is known of one sync.

    Nothing is read before the first look.

    Args:
        database: the store.
        head: what must be there.
        doubt: what counts beside, and after it: of requests whose end is not recorded.

    Raises:
        StateError: parts of it are missing.
    """

    def __init__(self, database: Database, head: Head, doubt: Sequence[Segment] = ()) -> None:
        self.head = head
        self._database = database
        self._doubt = doubt
        parts = database.read(lambda connection: segments.parts(connection, head))
        # Merged segments come first, and stay as they are while others are appended.
        self.merged = [part for part in parts if part.first is not None]
        self.appended = parts[len(self.merged) :]
        self._merged: Lookup | None = None
        self._fresh = Lookup.ordered(0, (), held=True)

    @property
    def size(self) -> int:
        """The number of prints, those that others have followed included."""
        return sum(part.prints for part in (*self.merged, *self.appended))

    @property
    def due(self) -> bool:
        """Whether a merge is worth its cost."""
        size = sum(part.prints for part in self.appended)
        merged = self.size - size
        return len(self.appended) > _SEGMENTS or size > min(_MANY, max(_FEW, merged // 4))

    def look(self, wanted: Prints) -> tuple[Flags, Prints]:
        """Look keys up.

        Args:
            wanted: prints whose `high` and `low` count.

        Returns:
            Which are known, and for these what is known; for the others anything.
        """
        merged = self._opened()
        found, places = merged.find(wanted)
        known = np.zeros(len(wanted), PRINT)
        known["high"], known["low"] = wanted["high"], wanted["low"]
        merged.fill(known, found, places[found])
        newer, places = self._fresh.find(wanted)
        self._fresh.fill(known, newer, places[newer])
        return found | newer, known

    def unseen(self, count: int) -> Iterator[Segment]:
        """Yield what was never looked up, with canonical keys where they are kept, at least `count` at a time but the last.

        Tombstones are not among it, nor what was rejected: Track has nothing of that.
        """
        held: list[Segment] = []
        for segment in self._left():
            held.append(segment)
            if sum(map(len, held)) >= count:
                yield joined(held)
                held = []
        if held:
            yield joined(held)

    def count_unseen(self) -> tuple[int, int]:
        """Return how many rows were never looked up, and how many there are (tombstones and rejects left out)."""
        merged = self._opened()
        live = present(merged.marks) & ~self._overruled()
        alive = present(self._fresh.marks)
        gone = int((live & ~merged.seen).sum() + (alive & ~self._fresh.seen).sum())
        return gone, int(live.sum() + alive.sum())

    def all(self) -> Iterator[Prints]:
        """Yield everything that is known, some ten thousand prints at a time, each key once."""
        yield from self._some(~self._overruled())
        yield self._fresh.prints(slice(None))

    def everything(self) -> tuple[int, Iterator[Prints]]:
        """Return all prints as they became known, those that others of their keys have followed included; and how many."""
        segments = chain(self.pages(self.merged), self.pages(self.appended), self._doubt)
        return self.size + sum(map(len, self._doubt)), (segment.prints for segment in segments)

    @property
    def doubtful(self) -> bool:
        """Whether items are in doubt: sent, and not known to have arrived."""
        merged = self._opened()
        old = (outcome(merged.marks) == DOUBT) & ~self._overruled()
        return bool(old.any() or (outcome(self._fresh.marks) == DOUBT).any())

    def unread(self) -> Iterator[Prints]:
        """Yield everything that was never looked up, each key once."""
        yield from self._some(~self._overruled() & ~self._opened().seen)
        yield self._fresh.prints(~self._fresh.seen)

    def _some(self, wanted: Flags) -> Iterator[Prints]:
        """Yield those of the merged prints that are wanted."""
        merged = self._opened()
        for first in range(0, len(merged), MERGED):
            yield merged.prints(first + np.flatnonzero(wanted[first : first + MERGED]))

    def _overruled(self) -> Flags:
        """Say which of the merged prints were followed by later ones of their keys."""
        merged = self._opened()
        overruled = np.zeros(len(merged), np.bool_)
        found, places = merged.find(self._fresh.prints(slice(None)), seen=False)
        overruled[places[found]] = True
        return overruled

    def _left(self) -> Iterator[Segment]:
        merged, fresh = self._opened(), self._fresh
        wanted = present(merged.marks) & ~merged.seen & ~self._overruled()
        place = 0
        for part in self.merged:
            mine = np.flatnonzero(wanted[place : place + part.prints])
            if len(mine):
                (segment,) = self._segments(part.place, part.place + 1)
                yield Segment(segment.prints[mine], segment.keys.take(mine) if len(segment.keys) else NO_KEYS)
            place += part.prints
        mine = fresh.prints(present(fresh.marks) & ~fresh.seen)
        if len(mine):
            yield Segment(mine, self._named(mine))

    def _named(self, prints: Prints) -> pa.Array:
        """Return the canonical keys of appended prints."""
        if not self.head.keyed:
            return NO_KEYS
        wanted = Lookup.ordered(len(prints), [prints], held=True)
        last = np.zeros(len(prints), np.int64)
        found: list[pa.Array] = []
        count = 0
        for segment in chain(self.pages(self.appended), self._doubt):
            there, places = wanted.find(segment.prints)
            rows = np.flatnonzero(there)
            last[places[rows]] = count + np.arange(len(rows))
            found.append(segment.keys.take(rows))
            count += len(rows)
        return pa.concat_arrays(found).take(last)

    def _opened(self) -> Lookup:
        if self._merged is None:
            total = sum(part.prints for part in self.merged)
            pages = (segment.prints for segment in self.pages(self.merged))
            self._merged = Lookup.ordered(total, pages, held=total <= _HELD)
            count = sum(part.prints for part in self.appended) + sum(map(len, self._doubt))
            newer = chain(self.pages(self.appended), self._doubt)
            self._fresh = Lookup.unordered(count, (segment.prints for segment in newer))
        return self._merged

    def pages(self, parts: Sequence[Part]) -> Iterator[Segment]:
        """Yield the segments of `parts`, which stand side by side, a few read at a time."""
        page: list[Part] = []
        for part in parts:
            page.append(part)
            if len(page) == _PAGES or sum(each.prints for each in page) >= _PAGE:
                yield from self._segments(page[0].place, page[-1].place + 1)
                page = []
        if page:
            yield from self._segments(page[0].place, page[-1].place + 1)

    def _segments(self, first: int, last: int) -> list[Segment]:
        return self._database.read(lambda connection: segments.iterate(connection, self.head, first, last))
