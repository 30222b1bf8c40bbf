"""Times as text with more digits of a second than a microsecond has.

A row leaves with microseconds, as items have them; the watermark and the keys have all digits.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_FINER = r"\.\d{6}\d*[1-9]"
_NOTHING_FINER = r"(\.\d{6})0+$"
_MICROSECONDS = r"(\.\d{6})\d+"


def cut_off(text: pa.Array) -> pa.Array:
    """The times up to their microseconds."""
    return pc.replace_substring_regex(text, pattern=_MICROSECONDS, replacement=r"\1")


def shortened(text: pa.Array) -> pa.Array:
    """The times without zeros behind their microseconds: versions are compared as microseconds where they are no finer."""
    return pc.replace_substring_regex(text, pattern=_NOTHING_FINER, replacement=r"\1")


def holds_all(kind: pa.DataType, text: pa.Array) -> bool:
    """Whether a type holds all digits of the times."""
    coarse = pa.types.is_timestamp(kind) and kind.unit != "ns"
    if not coarse or not pa.types.is_string(text.type):
        return True
    return not pc.any(pc.match_substring_regex(text, _FINER)).as_py()
