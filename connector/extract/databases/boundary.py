"""Positions in a source without a key: which of the rows with the same cursor value were sent already.

The watermark stays on the previous distinct cursor value; beside it stand the value reading has come to (`at`) and
a multiset of digests of the rows sent above the previous value, with the names of the columns that they are made of:
a mapping that reads other columns later must not take those rows for new ones.

Which values are equal is for the source to say: to a collation ``a`` and ``A`` may be one value, and 1.0 and 1.00 are
one number. Where a value has more than one form, each statement numbers the values that differ to the source.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from connector.errors import DataError
from connector.extract.databases.ordered import Scan, changes, cut, versions
from connector.extract.databases.reader import PEERS, Chunk, Column, Raw
from connector.model import SourceBatch, Watermark

_MOST = 100_000


class Boundary:
    """Follows a read without a key and says for each row where to start again.

    The watermark: ``{"cursor": [type, text], "at": [type, text], "sent": {digest: count}, "of": [column, …]}``.
    """

    def __init__(self, scan: Scan, part: Mapping[str, Any], constant: Mapping[str, Any]) -> None:
        self._scan, self._wide = _numbering(scan), scan
        self._constant = constant
        self._start = {name: part[name] for name in ("from", "above") if name in part}
        self._low = {name: part[name] for name in ("from", "cursor") if name in part}
        self._at: Raw | None = tuple(part["at"]) if part.get("at") else None
        self._sent = Counter[str](part.get("sent", {}))
        self._of: Sequence[str] = part.get("of", scan.visible)
        self._last: pa.Scalar | None = None
        self._widen()

    def _widen(self) -> None:
        """Read again what the digests were made of; without one of those columns no row can be known again."""
        wide = self._wide.showing(self._of)
        if wide is None:
            self._of, self._sent = self._wide.visible, Counter()
        else:
            self._wide = wide

    def batches(self, conditions: list[str]) -> Iterator[SourceBatch]:
        """Yield what is above the previous value but was not sent, then what is above `at`."""
        keyset = self._scan.keyset
        if self._at is not None:
            yield from self._region(conditions)
            conditions = [*conditions, keyset.compare(">", self._at)]
        elif self._low:
            conditions = [*conditions, *self._above_low()]
        for chunk in self._scan.chunks(conditions):
            yield self._follow(chunk)

    def sent(self, conditions: Sequence[str]) -> Iterator[Chunk]:
        """Yield the rows that were sent, of those that meet `conditions`."""
        keyset = self._scan.keyset
        if "cursor" in self._low:
            through = keyset.compare("<=", tuple(self._low["cursor"]))
            yield from self._scan.chunks([*conditions, through])
        if self._at is not None:
            for chunk, _, sent in self._compared([*conditions]):
                if sent.any():
                    yield _taken(chunk, sent)

    def _above_low(self) -> list[str]:
        keyset = self._scan.keyset
        if "cursor" in self._low:
            return [keyset.compare(">", tuple(self._low["cursor"]))]
        return [keyset.compare(">=", tuple(self._low["from"]))] if "from" in self._low else []

    def _region(self, conditions: list[str]) -> Iterator[SourceBatch]:
        for chunk, compared, sent in self._compared(conditions):
            if not sent.all():
                none = np.array([], np.int64)
                yield self._batch(_taken(chunk, ~sent), none, _taken(compared, ~sent))

    def _compared(self, conditions: list[str]) -> Iterator[tuple[Chunk, Chunk, np.ndarray[Any, Any]]]:
        """Yield what stands above the previous value and up to `at`.

        Each chunk once as it leaves, once with the columns that digests are made of; and which of its rows were sent.
        """
        assert self._at is not None  # noqa: S101 - for the type checker; callers have looked
        waiting = Counter(self._sent)
        bounds = [*conditions, *self._above_low(), self._scan.keyset.compare("<=", self._at)]
        for wide in self._wide.chunks(bounds):
            compared = _showing(wide, self._of)
            sent = np.zeros(wide.rows.num_rows, np.bool_)
            for place, digest in enumerate(digests(compared, 0, len(sent))):
                if waiting[digest] > 0:
                    waiting[digest] -= 1
                    sent[place] = True
            yield _showing(wide, self._scan.visible), compared, sent

    def _follow(self, chunk: Chunk) -> SourceBatch:
        groups = chunk.raw[-1]
        starts = np.flatnonzero(changes((groups,))) + 1
        # A statement begins above `at`, so its first row always begins a group.
        if self._last is None or not groups[0].equals(self._last):
            if self._at is not None:
                self._low = {"cursor": list(self._at)}
            self._at, self._sent = self._scan.raws(chunk, 0)[0], Counter()
        self._last, self._of = groups[-1], self._scan.visible
        return self._batch(chunk, starts, chunk)

    def _batch(self, chunk: Chunk, starts: np.ndarray[Any, Any], compared: Chunk) -> SourceBatch:
        low, at, sent, of = self._low, self._at, self._sent, self._of
        known: dict[int, list[str]] = {}

        def told(first: int, last: int) -> list[str]:
            group = known.setdefault(first, [])
            group += digests(compared, first + len(group), max(last, first + len(group)))
            return group[: last - first]

        def state(n: int) -> tuple[dict[str, Any], Raw | None, Counter[str]]:
            group = int(np.searchsorted(starts, n - 1, side="right"))
            if group == 0:
                return low, at, sent + Counter(told(0, n))
            start = int(starts[group - 1])
            previous, current = self._scan.raws(chunk, start - 1)[0], self._scan.raws(chunk, start)[0]
            return {"cursor": list(previous)}, current, Counter(told(start, n))

        def position(n: int) -> Watermark:
            return self._watermark(*state(n), of)

        count = chunk.rows.num_rows
        self._low, self._at, self._sent = state(count)
        if self._sent.total() > _MOST:
            raise DataError(
                f"More than {_MOST} rows share one value of the cursor, and no key tells them apart.",
                hint="set source.key",
            )
        return SourceBatch(
            rows=chunk.rows,
            position=position,
            version=versions(chunk.raw[0]),
            end=position(count),
            warnings=chunk.warnings,
        )

    def _watermark(
        self, low: dict[str, Any], at: Raw | None, sent: Counter[str], of: Sequence[str]
    ) -> Watermark:
        reached = {"at": list(at) if at else None, "sent": dict(sent), "of": list(of)}
        return Watermark({"rows": {**self._start, **low, **reached, **self._constant}})


def _taken(chunk: Chunk, which: np.ndarray[Any, Any]) -> Chunk:
    taken = pa.array(np.flatnonzero(which))
    return replace(chunk, rows=chunk.rows.take(taken), raw=tuple(array.take(taken) for array in chunk.raw))


def _showing(chunk: Chunk, names: Sequence[str]) -> Chunk:
    return replace(chunk, rows=chunk.rows.select(list(names)))


def _numbering(scan: Scan) -> Scan:
    """The scan with a number for each value of the cursor, where rows of one value may hold it in several forms."""
    cursor = scan.keyset.order[0]
    if not (pa.types.is_string(cursor.type) or pa.types.is_null(cursor.type)):
        return scan
    number = f"dense_rank() over (order by {cursor.sql})"
    peers = Column(PEERS, pa.int64(), "number", number, number, nullable=False)
    return replace(scan, columns=(*scan.columns, peers), extra=(peers,))


def digests(chunk: Chunk, first: int, last: int) -> list[str]:
    """A digest of each row in [first, last): the same for the same values, on any machine."""
    part = cut(chunk, first, last)
    columns = [_comparable(column).to_pylist() for column in (part.raw[0], *part.rows.columns)]
    return [
        hashlib.blake2b(repr(row).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        for row in zip(*columns, strict=True)
    ]


def _comparable(array: pa.Array) -> pa.Array:
    wanted = _numbered(array.type)
    return array if wanted.equals(array.type) else array.cast(wanted)


def _numbered(kind: pa.DataType) -> pa.DataType:
    """The type with times as integers: Python's end with the year 9999 and know no nanoseconds."""
    if pa.types.is_date32(kind) or pa.types.is_time32(kind):
        return pa.int32()
    if pa.types.is_timestamp(kind) or pa.types.is_duration(kind) or pa.types.is_time64(kind):
        return pa.int64()
    if pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        return pa.list_(kind.value_field.with_type(_numbered(kind.value_type)))
    if pa.types.is_map(kind):
        return pa.map_(_numbered(kind.key_type), kind.item_field.with_type(_numbered(kind.item_type)))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_numbered(field.type)) for field in kind])
    return kind
