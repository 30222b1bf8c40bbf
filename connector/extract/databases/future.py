"""Rows stamped in the future: delivered at once, remembered, and never allowed to move the watermark.

The watermark's part ``future`` maps a digest of a row's key to a digest of the row, its version and its cursor. A row
is met again in each run while it lies in the future, and once more when its time has come: then it is left out,
unless it has changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.extract.databases.boundary import digests
from connector.extract.databases.horizon import Horizon
from connector.extract.databases.ordered import Scan, cut, versions
from connector.extract.databases.reader import Chunk, Raw
from connector.model import SourceBatch, Watermark

PART = "future"
# Rows that are remembered: more of them are no slip of a clock.
MOST = 10_000
# Comparisons in one statement.
_GROUP = 200

# Digest of the row, version, type and text of the cursor.
Entry = list[str]


@dataclass(slots=True)
class Remembered:
    """The rows that were delivered ahead of their time.

    Attributes:
        scan: what is read.
        rows: digest of the key -> what is known of the row.
        passed: keys of those that the ordinary read has met.
    """

    scan: Scan
    rows: dict[str, Entry]
    passed: set[str] = field(default_factory=set)

    def unsent(self, chunk: Chunk) -> list[int] | None:
        """The places of the rows that were not delivered as they are; None where that is all of them."""
        if not self.rows:
            return None
        # A row that has not changed has the version it had: only such rows are looked at one by one.
        known = pa.array([entry[1] for entry in self.rows.values()], pa.string())
        alike = pc.indices_nonzero(pc.is_in(versions(chunk.raw[0]), value_set=known)).to_pylist()
        sent = {place for place in alike if self._meets(chunk, place)}
        return [place for place in range(chunk.rows.num_rows) if place not in sent] if sent else None

    def _meets(self, chunk: Chunk, place: int) -> bool:
        key, entry = self.entry(cut(chunk, place, place + 1))
        known = self.rows.get(key)
        if known is None:
            return False
        self.passed.add(key)
        return known[0] == entry[0]

    def conditions(self) -> Iterator[str]:
        """Yield conditions, each of some of the stamps that the rows had: together they hold for all of them."""
        stamps = [*dict.fromkeys((entry[2], entry[3]) for entry in self.rows.values())]
        for first in range(0, len(stamps), _GROUP):
            group = stamps[first : first + _GROUP]
            yield " or ".join(self.scan.keyset.compare("=", raw) for raw in group)

    def places(self, chunk: Chunk) -> list[int]:
        """The places of the rows that were delivered, in the version that they have."""
        if not self.rows:
            return []
        known = pa.array([entry[1] for entry in self.rows.values()], pa.string())
        stamps = versions(chunk.raw[0])
        alike = pc.indices_nonzero(pc.is_in(stamps, value_set=known)).to_pylist()
        found = ((place, self.rows.get(self.key(chunk, place))) for place in alike)
        return [place for place, entry in found if entry and entry[1] == stamps[place].as_py()]

    def holds(self, chunk: Chunk) -> bool:
        """Whether one of these rows was delivered, perhaps in an earlier version."""
        ones = (cut(chunk, place, place + 1) for place in range(chunk.rows.num_rows))
        return bool(self.rows) and any(self.entry(one)[0] in self.rows for one in ones)

    def entry(self, one: Chunk) -> tuple[str, Entry]:
        """The digest of the key of a chunk's only row, and what is to be known of that row."""
        raws = self.scan.raws(one, 0)
        # By name: the same row is the same, in whichever order its columns are asked for.
        rows = one.rows.select(sorted(one.rows.schema.names))
        [digest] = digests(Chunk(rows, one.raw), 0, 1)
        return self.key(one, 0), [digest, versions(one.raw[0])[0].as_py(), *raws[0]]

    def key(self, chunk: Chunk, place: int) -> str:
        """The digest of a row's key."""
        pairs = zip(self.scan.raws(chunk, place), self.scan.keyset.order, strict=True)
        return _digest([raw for raw, column in pairs if column.name in self.scan.key])


@dataclass(frozen=True, slots=True)
class Future:
    """One run's read of the rows above `beyond`, after the ordinary one has come to its end.

    Attributes:
        remembered: what earlier runs have delivered.
        horizon: where the ordinary read has ended, and above what rows lie in the future.
        note: takes sentences for the person who runs it.
    """

    remembered: Remembered
    horizon: Horizon
    note: Callable[[str], None]

    def batches(self, conditions: Sequence[str], after: Sequence[Raw]) -> Iterator[SourceBatch]:
        """Yield the rows that are new or have changed; the last batch forgets what need not be known any more."""
        seen: dict[str, Entry] = {}
        if self.horizon.beyond is not None:
            above = [*conditions, self.remembered.scan.keyset.compare(">", self.horizon.beyond)]
            yield from self._above(above, after, seen)
            self._say(above, len(seen))
        left = {**self._waiting(seen), **seen}
        if left != self.remembered.rows:
            yield self.remembered.scan.empty(Watermark({PART: left}))

    def _above(
        self, conditions: Sequence[str], after: Sequence[Raw], seen: dict[str, Entry]
    ) -> Iterator[SourceBatch]:
        for chunk in self.remembered.scan.chunks(conditions, after):
            part = cut(chunk, 0, min(chunk.rows.num_rows, MOST - len(seen)))
            found = [
                self.remembered.entry(cut(part, place, place + 1)) for place in range(part.rows.num_rows)
            ]
            known = {**self.remembered.rows, **seen}
            new = [place for place, (key, entry) in enumerate(found) if known.get(key, [""])[0] != entry[0]]
            seen.update(found)
            if new:
                yield self._batch(part, new, known, [found[place] for place in new])
            if len(seen) >= MOST:
                return

    def _batch(
        self, chunk: Chunk, places: list[int], known: Mapping[str, Entry], entries: list[tuple[str, Entry]]
    ) -> SourceBatch:
        taken = pa.array(places)

        def position(n: int) -> Watermark:
            return Watermark({PART: {**known, **dict(entries[:n])}})

        return SourceBatch(
            rows=chunk.rows.take(taken),
            position=position,
            version=versions(chunk.raw[0].take(taken)),
            end=position(len(places)),
            key=self.remembered.scan.key,
            warnings=chunk.warnings,
        )

    def _say(self, above: Sequence[str], count: int) -> None:
        scan = self.remembered.scan
        cursor = scan.keyset.order[0].name
        if count:
            self.note(
                f"{count} rows lie in the future by their cursor {cursor!r}, by more than source.future: each is delivered"
                " once, and again when it changes."
            )
        if count >= MOST and (more := scan.keyset.count(above, 10 * MOST) - count) > 0:
            self.note(
                f"{more} more rows were not read: only {MOST:,} rows of the future are remembered. Correct their cursor,"
                " or raise source.future if such stamps are meant."
            )

    def _waiting(self, seen: Mapping[str, Entry]) -> dict[str, Entry]:
        """Those of the others whose time has not come, though it is near; the rest was passed, or is gone."""
        before = self.remembered.rows
        others = [key for key in before if key not in seen and key not in self.remembered.passed]
        if len(seen) >= MOST:  # some of them stand behind those that were read
            return {key: before[key] for key in others[:MOST]}
        if self.horizon.raw is None or self.horizon.beyond is None or not others:
            return {}
        reader = self.remembered.scan.reader
        low, high = reader.literal(self.horizon.raw), reader.literal(self.horizon.beyond)
        kept: dict[str, Entry] = {}
        for first in range(0, len(others), _GROUP):
            group = others[first : first + _GROUP]
            stamps = [reader.literal((before[key][2], before[key][3])) for key in group]
            tests = (f"case when {it} >= {low} and {it} <= {high} then 1 else 0 end" for it in stamps)
            [answers] = reader.fetch("select " + ", ".join(tests))
            kept.update({key: before[key] for key, answer in zip(group, answers, strict=True) if int(answer)})
        return kept


def remembered(scan: Scan, part: Mapping[str, Any] | None) -> Remembered:
    """What the watermark's part says."""
    return Remembered(scan, {key: list(map(str, entry)) for key, entry in (part or {}).items()})


def taken(chunk: Chunk, places: Sequence[int]) -> Chunk:
    """The rows of a chunk at `places`."""
    which = pa.array(places, pa.int64())
    return replace(chunk, rows=chunk.rows.take(which), raw=tuple(array.take(which) for array in chunk.raw))


def _digest(key: Sequence[Raw]) -> str:
    return hashlib.blake2b(json.dumps(key).encode(), digest_size=12).hexdigest()
