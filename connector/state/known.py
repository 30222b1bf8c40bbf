"""The versions of all rows that are known, in order: what is counted in ranges needs no keys to be looked up.

They lie in an unnamed file, so memory does not grow with their number (invariant 7).
"""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np
import numpy.typing as npt

from connector.state.synced import Synced
from connector.synced import GONE, NOTHING, Prints, latest, outcome

Versions = npt.NDArray[np.int64]
_Hashes = npt.NDArray[np.uint64]

# Hashes of keys that are compared with their neighbours at once.
_PAGE = 1_000_000


def known_versions(synced: Synced) -> Versions:
    """Return the versions of the rows that were read and are not gone, each key once, ascending."""
    total, pages = synced.everything()
    found, hashes = _scratch(total, np.int64), _scratch(total, np.uint64)
    count = place = 0
    for prints in pages:
        hashes[place : place + len(prints)] = prints["high"]
        place += len(prints)
        count = _put(found, count, prints)
    # Merged prints have each key once.
    merged = sum(part.prints for part in synced.merged)
    repeated = _repeated(hashes) if total > merged else hashes[:0]
    if len(repeated):
        count = _each_once(synced, found, repeated)
    versions = found[:count]
    versions.sort()
    return versions


def _each_once(synced: Synced, found: Versions, repeated: _Hashes) -> int:
    """Write the versions anew, of the repeated keys only the last; return how many there are."""
    count = 0
    again = [NOTHING]
    for prints in synced.everything()[1]:
        twice = _among(prints["high"], repeated)
        again.append(prints[twice])
        count = _put(found, count, prints[~twice])
    doubtful = np.concatenate(again)
    return _put(found, count, doubtful[latest(doubtful["high"], doubtful["low"])])


def _put(found: Versions, count: int, prints: Prints) -> int:
    versions = prints["version"][outcome(prints["mark"]) != GONE]
    found[count : count + len(versions)] = versions
    return count + len(versions)


def _repeated(hashes: _Hashes) -> _Hashes:
    """Return what is more than once among `hashes`, ascending, after sorting them."""
    hashes.sort()
    twice = [hashes[:0]]
    for first in range(0, len(hashes), _PAGE):
        page = hashes[first : first + _PAGE + 1]
        twice.append(page[1:][page[1:] == page[:-1]])
    return np.unique(np.concatenate(twice))


def _among(hashes: _Hashes, repeated: _Hashes) -> npt.NDArray[np.bool_]:
    places = np.minimum(np.searchsorted(repeated, hashes), len(repeated) - 1)
    there: npt.NDArray[np.bool_] = repeated[places] == hashes
    return there


def _scratch(count: int, kind: type[Any]) -> npt.NDArray[Any]:
    """Return an array in an unnamed file, which goes with it."""
    if not count:
        return np.empty(0, kind)
    with tempfile.TemporaryFile(prefix="connector-") as file:
        return np.memmap(file, kind, "w+", shape=(count,))
