"""Neighbours that a source may call equal although they are written differently: ``a`` and ``A``, 1.0 and 1.00.

What is found here is a suspicion, by rules that most collations share; only the source can tell.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

# Accents, and what sharp s stands for.
_LETTERS = ((r"\p{M}+", ""), ("ß", "ss"))
# Zeros behind a point, and then the point.
_NUMBERS = ((r"(\.\d*?)0+$", r"\1"), (r"\.$", ""))


def twins(arrays: Sequence[pa.Array]) -> npt.NDArray[np.int64]:
    """The places of rows that differ from the next one only in how a text is written; `arrays` are of one length."""
    count = len(arrays[0]) - 1
    if count < 1 or not any(pa.types.is_string(array.type) for array in arrays):
        return np.array([], np.int64)
    alike = np.ones(count, dtype=bool)
    for array in arrays:
        if not pa.types.is_string(array.type):
            alike &= _equal(array.slice(0, count), array.slice(1))
    for array in arrays:
        # Fewer are left with each column, so that hardly any text is folded.
        if pa.types.is_string(array.type) and alike.any():
            places = np.flatnonzero(alike)
            alike[places] = _equal(_folded(array.take(places)), _folded(array.take(places + 1)))
    return np.flatnonzero(alike)


def _equal(left: pa.Array, right: pa.Array) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = pc.equal(left, right).fill_null(False).to_numpy(zero_copy_only=False)
    return found


def _folded(array: pa.Array) -> pa.Array:
    """The texts without what collations ignore; most are plain, and then it is quick."""
    plain = pc.all(pc.string_is_ascii(array)).as_py()
    folded = pc.ascii_lower(array) if plain else pc.utf8_lower(pc.utf8_normalize(array, form="NFKD"))
    for pattern, replacement in () if plain else _LETTERS:
        folded = pc.replace_substring_regex(folded, pattern=pattern, replacement=replacement)
    if pc.any(pc.match_substring(folded, ".")).as_py():
        for pattern, replacement in _NUMBERS:
            folded = pc.replace_substring_regex(folded, pattern=pattern, replacement=replacement)
    return pc.utf8_rtrim_whitespace(folded)
