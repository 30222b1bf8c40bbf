"""What Track is known to have, as it is noted for each row: hashes of its key and of its item.

A print is stable: MD5, so that neither another machine nor another release of DuckDB makes a row look changed. Keys
that are one whole number, which most are, are mixed instead, by numpy: that costs a thirtieth.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

# high, low: 96 bits of the key's hash, so that no two of some billion keys are taken for each other.
# item: 64 bits of the hash of what the row becomes; of one key only two such values are ever compared.
# version: the row's version where it is a whole number (such as a time in units since 1970), else a hash of it.
PRINT = np.dtype([("high", "<u8"), ("low", "<u4"), ("item", "<u8"), ("version", "<i8"), ("mark", "u1")])

Prints = npt.NDArray[Any]
Marks = npt.NDArray[np.uint8]

# What became of the row with a print.
DELIVERED = 0
UNMAPPED = 1  # rejected by a rule of the mapping
REFUSED = 2  # rejected by the destination
GONE = 3  # vanished from the source, and told so: a tombstone
FILTERED = 4  # read, and no item was made of it
SAME = 5  # as it is known already: nothing to note
DOUBT = 6  # on its way to Track, and not known to have arrived

# What a mark may hold beside.
LEFT = 8  # Track has, or may have, an item of an earlier version of the row
OVER = 16  # never stored: something is known of the row, which must not count any more once an item is on its way

NOTHING: Prints = np.empty(0, PRINT)
NO_KEYS: pa.Array = pa.nulls(0, pa.string())  # pa.array would load pandas


@dataclass(frozen=True, slots=True)
class Segment:
    """Prints that become known together.

    Attributes:
        prints: in the order in which they became known; of one key the last counts.
        keys: their canonical keys as a text array, where vanished rows are told of; else empty.
    """

    prints: Prints = field(default_factory=lambda: NOTHING)
    keys: pa.Array = field(default_factory=lambda: NO_KEYS)

    def __len__(self) -> int:
        return len(self.prints)


def joined(segments: Sequence[Segment]) -> Segment:
    """Return several segments as one."""
    prints = np.concatenate([segment.prints for segment in segments])
    return Segment(prints, pa.concat_arrays([segment.keys for segment in segments]))


def key_hash(key: str) -> tuple[int, int]:
    """Return `high` and `low` of the hash of a canonical key."""
    if _WHOLE.match(key) and _LEAST <= (number := int(key[1:-1])) < -_LEAST:
        high, low = whole_hashes(np.array([number], np.int64))
        return int(high[0]), int(low[0])
    digest = hashlib.md5(key.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()
    return int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:12], "big")


def whole_hashes(numbers: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Return `high` and `low` of the hashes of keys that are one whole number each: ``[7]`` in canonical form."""
    plain = numbers.view(np.uint64)
    return _mixed(plain), _mixed(plain + _STEP) >> np.uint64(32)


def _mixed(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Spread numbers over all of 64 bits, no two to the same place (splitmix64's finish)."""
    mixed = numbers + _STEP
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


_WHOLE = re.compile(r"\[(0|-?[1-9]\d{0,18})\]\Z")
_LEAST = -(1 << 63)
_STEP = np.uint64(0x9E3779B97F4A7C15)


def outcome(marks: Marks) -> Marks:
    """Return what became of the rows with these marks, whatever Track has of earlier versions."""
    bare: Marks = marks & np.uint8(LEFT - 1)
    return bare


def present(marks: Marks) -> npt.NDArray[np.bool_]:
    """Say of rows with which of these marks Track has an item, or may have one; not of those that vanished."""
    last = outcome(marks)
    found: npt.NDArray[np.bool_] = (last == DELIVERED) | (last == DOUBT) | ((marks & np.uint8(LEFT)) > 0)
    return found


def latest(high: npt.NDArray[np.uint64], low: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    """Return the places of the last print of each key, in the order of their keys' hashes, which `high` and `low` are."""
    order = np.argsort(high)
    ordered = high[order]
    twice = np.zeros(len(order), np.bool_)
    twice[1:] = ordered[1:] == ordered[:-1]
    if not twice.any():
        return order
    # Few have a neighbour with the same hash: only these are ordered by the rest of it, and by when they became known.
    twice[:-1] |= twice[1:]
    group = order[twice]
    order[twice] = group[np.lexsort((group, low[group], high[group]))]
    rest = low[order]
    last = np.ones(len(order), np.bool_)
    last[:-1] = (ordered[1:] != ordered[:-1]) | (rest[1:] != rest[:-1])
    return order[last]
