"""Where rows come from: one file a kind of source, all behind `Extractor`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import pyarrow as pa

from connector.model import SourceBatch, Watermark


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one batch: it ends at whichever comes first, but holds at least one row."""

    rows: int = 50_000
    bytes: int = 32_000_000


class Standing(StrEnum):
    """Where a row stands, seen from the runs."""

    PASSED = "passed"  # at or below the watermark: a run has read it, or it came too late to be read
    AGAIN = "again"  # there too, and within lookback: the next run reads it again
    AHEAD = "ahead"  # the next run reads it
    EARLY = "early"  # it was delivered ahead of its time, as its cursor lies in the future
    WAITING = "waiting"  # beyond the horizon: a later run reads it
    BEFORE = "before"  # before the place where the first run started: no run reads it
    UNREADABLE = "unreadable"  # its cursor is null or infinite: no run reads it
    ABSENT = "absent"  # not in the source, or left out by its filter


# Versions [low, high); None is open.
Range = tuple[int | None, int | None]


def base_of(part: Range) -> int:
    """Return what the versions in a range are summed above: its lower bound, else its upper one, else 0."""
    low, high = part
    return low if low is not None else high if high is not None else 0


@dataclass(frozen=True, slots=True)
class Between:
    """How many rows there are after one cursor and before the next, and at the next one itself."""

    inside: int
    at: int


class Extractor(Protocol):
    """Reads one source, in its own order, from a watermark on.

    Life: `open`, then `schema` as often as wanted, then one of the methods that read, then `close`. `cancel` may come from another
    thread at any time and interrupts whatever blocks.
    """

    def open(self) -> None:
        """Connect and look at the source.

        Raises:
            SourceError: it cannot be reached.
            CredentialsError: it refuses the user or the password.
            ConfigError: the table, a column, the cursor or the key is not there or cannot be what it must be;
                all such mistakes at once as ConfigErrors.
        """

    def schema(self) -> pa.Schema:
        """Columns on offer, in the source's order, with the Arrow types they have for the whole run.

        Field metadata ``b"connector"`` names what Arrow has no type for: ``number`` (a number as text with all its
        digits), ``json`` (JSON text), ``uuid`` (text), ``interval`` (ISO 8601 text).
        """

    def identity(self) -> str:
        """What makes it this source, without credentials: part of the fingerprint of the state."""

    def notes(self) -> tuple[str, ...]:
        """Sentences a person should know: the promise about late rows, a missing index, skipped null cursors."""

    def estimate(self, watermark: Watermark) -> int | None:
        """About how many rows a run from `watermark` reads, or None when that is not cheap to know.

        Asked before `schema`: what lies before the watermark need not be looked at for it.
        """

    def read(self, columns: tuple[str, ...], watermark: Watermark) -> Iterator[SourceBatch]:
        """Yield batches of `columns` (and the key's) after `watermark`; the horizon is fixed once, at the start.

        Raises:
            SourceError: reading failed; batches yielded so far are good.
            DataError: a key part is null, or two adjacent rows have the same (cursor, key).
            GuardTripped: the source was restored from a backup since the watermark was made.
        """

    def read_keys(
        self, columns: tuple[str, ...], keys: Sequence[str], watermark: Watermark | None
    ) -> Iterator[SourceBatch]:
        """Yield rows again: those with one of `keys` that a run has already passed, at or below `watermark`.

        A row that has changed since, and so lies above, is left to the next run. The versions are those that `read`
        gives. Rows come in the order of the source, group of keys by group of keys. The batches move no watermark:
        their `end` and positions are empty. A key that no row can have is not found.

        Args:
            columns: as in `read`.
            keys: canonical JSON arrays, as eventIds have them.
            watermark: how far runs have come; None for rows that any run can read, to see whether they are there:
                their versions mean nothing.

        Raises:
            ConfigError: the source has no key.
            SourceError, DataError: as `read`.
        """

    def read_passed(
        self, columns: tuple[str, ...], watermark: Watermark, ranges: Sequence[Range] | None = None
    ) -> Iterator[SourceBatch]:
        """Yield all rows that runs have passed: at or below `watermark`, in the order of the source.

        The versions are those that `read` gives; the batches move no watermark.

        Args:
            columns: as in `read`.
            watermark: how far runs have come.
            ranges: only what `totals` can tell apart: rows whose version lies in one of these; None is all.

        Raises:
            SourceError, DataError: as `read`.
        """

    def version(self, text: str) -> int:
        """Return the version of rows whose cursor is what a person wrote as `text`.

        Raises:
            ConfigError: rows have no versions in an order that could be written.
        """

    def totals(self, watermark: Watermark, ranges: Sequence[Range]) -> Sequence[tuple[int, int]] | None:
        """Count the rows that `read_passed` gives, and sum their versions, range by range, in the source itself.

        Args:
            watermark: how far runs have come.
            ranges: what is counted.

        Returns:
            For each range its rows, and the sum of how far their versions lie above `base_of` it; None where that
            costs as much as reading, or is not exact.
        """

    def reached(self, watermark: Watermark) -> Mapping[str, Any] | None:
        """Return how far runs have come, small enough to be kept with each of them; None where that is no one place.

        Returns:
            JSON values: ``cursor``, of the last row, None before the first; ``early``, how many rows they have read
            ahead of their time; ``sent``, where no key orders rows of one cursor: how many of them were read. No key is
            among them.
        """

    def between(self, watermark: Watermark, places: Sequence[Mapping[str, Any]]) -> list[Between]:
        """Count the rows that runs have passed between each of `places` and the next: one number less than places.

        Args:
            watermark: how far runs have come.
            places: what `reached` gave, in any order.
        """

    def read_ahead(self, columns: tuple[str, ...], watermark: Watermark) -> Iterator[SourceBatch]:
        """Yield the rows that no run has passed yet, whatever keeps it from doing so; the batches move no watermark."""

    def standing(self, key: str, watermark: Watermark) -> Standing:
        """Say where a row stands; with several rows of one key, the one that runs have come to first.

        Args:
            key: canonical JSON array.
            watermark: how far runs have come.

        Raises:
            ConfigError: the source has no key.
            SourceError: as `read`.
        """

    def restarted(self, watermark: Watermark, *, anew: bool = False) -> Watermark:
        """Return the watermark from which an unfinished pass starts again at its first row.

        Args:
            watermark: how far runs have come.
            anew: whether under a number of its own, as the next pass.
        """

    def cancel(self) -> None:
        """Interrupt a blocked call; `read` then raises Stopped."""

    def close(self) -> None:
        """Let go of everything; never raises."""
