"""Times as text with more digits of a second than a microsecond has: nothing of them is lost without a word."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_FINER = r"\.\d{6}\d*[1-9]"
_NOTHING_FINER = r"(\.\d{6})0+$"
_MICROSECONDS = r"(\.\d{6})\d+"

# What the run's report counts them under.
WARNING = "below_microsecond"


def finer(text: pa.Array) -> int:
    """How many of the times say more than microseconds."""
    count: int | None = pc.sum(pc.match_substring_regex(text, _FINER)).as_py()
    return count or 0


def cut_off(text: pa.Array) -> pa.Array:
    """The times up to their microseconds."""
    return pc.replace_substring_regex(text, pattern=_MICROSECONDS, replacement=r"\1")


def shortened(text: pa.Array) -> pa.Array:
    """The times without zeros behind their microseconds: versions are compared as microseconds where they are no finer."""
    return pc.replace_substring_regex(text, pattern=_NOTHING_FINER, replacement=r"\1")


def holds_all(kind: pa.DataType, text: pa.Array) -> bool:
    """Whether a type holds all digits of the times."""
    coarse = pa.types.is_timestamp(kind) and kind.unit != "ns"
    return not (coarse and pa.types.is_string(text.type) and finer(text))
