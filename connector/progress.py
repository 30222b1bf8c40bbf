"""How far a run is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from connector.model import Counts


@dataclass(slots=True)
class Progress:
    """What a person watching wants to know; written by the loop, read by the console."""

    counts: Counts = field(default_factory=Counts)
    in_flight: int = 0
    rejects: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    trouble: str = ""
