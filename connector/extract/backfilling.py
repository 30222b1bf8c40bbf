"""What a backfill asks of a source: where it meets the live lane, the slices between, and their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from connector.errors import ConfigError
from connector.model import SourceBatch, Watermark

By = Literal["cursor", "key"]
# Takes how far the source could be read when the rows that come next were looked at, as JSON, before they are read.
Hold = Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person wants filled.

    Attributes:
        low: from here on, as written; None from the beginning.
        high: below this, as written; None up to the seam.
        by: what slices are ranges of.
    """

    low: str | None = None
    high: str | None = None
    by: By = "cursor"

    @property
    def ranged(self) -> bool:
        """Whether a range is asked for, and not just what no run has read."""
        return self.low is not None or self.high is not None


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large slices are to be.

    Attributes:
        rows: of a slice; None leaves it to the others.
        count: of slices; None leaves it to the others.
        workers: each should find some slices to do.
    """

    rows: int | None = None
    count: int | None = None
    workers: int = 1

    def of(self, total: int) -> int:
        """Return how many rows a slice has, of `total`."""
        if self.rows is not None:
            size = self.rows
        elif self.count is not None:
            size = -(-total // self.count)
        else:
            size = max(min(SLICE_ROWS, -(-total // (_EACH * self.workers))), _LEAST)
        return max(size, -(-total // MOST), 1)


SLICE_ROWS = 250_000
_LEAST = 1_000
_EACH = 4
MOST = 10_000


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of what is filled: its bounds as JSON, which only the source can read, and about how many rows it has."""

    bounds: Mapping[str, Any]
    rows: int


@dataclass(frozen=True, slots=True)
class Cut:
    """A backfill as it could begin now.

    Attributes:
        seam: where it meets the live lane, as JSON, which only the source can read.
        slices: from the oldest to the newest, each row in one.
        watermark: the live lane's from now on; None leaves it as it is.
        notes: what a person should know before it begins.
    """

    seam: Mapping[str, Any]
    slices: Sequence[Slice]
    watermark: Watermark | None = None
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """About how many rows there are."""
        return sum(part.rows for part in self.slices)


@dataclass(frozen=True, slots=True)
class Beside:
    """What the live lane must heed while a backfill of its sync is not done.

    Attributes:
        seam: it reads only above.
        holding: it reads only below each of these: rows that are beyond may be on their way in an older version.
        waits: whether it must not read at all, as one entity has several rows, some of them below the seam.
        ordered: whether it matters what arrives first.
    """

    seam: Mapping[str, Any]
    holding: Sequence[Any] = field(default_factory=tuple)
    waits: bool = False
    ordered: bool = False


class Sliced(Protocol):
    """A source that can be filled slice by slice; a part of `Extractor`."""

    def cut(self, watermark: Watermark, asked: Asked, sizes: Sizes) -> Cut:
        """Say how what is `asked` for would be filled.

        Args:
            watermark: how far runs have come; empty for a new sync, whose live lane begins at the seam.
            asked: the range.
            sizes: of slices.

        Raises:
            ConfigError: the source cannot be read in slices, or the range is none.
            SourceError: reading failed.
        """

    def read_slice(
        self,
        columns: tuple[str, ...],
        place: tuple[Mapping[str, Any], Mapping[str, Any]],
        watermark: Watermark,
        hold: Hold,
    ) -> Iterator[SourceBatch]:
        """Yield the rows of a slice that stand at or below the seam, after the slice's own `watermark`.

        Args:
            columns: as in `Extractor.read`.
            place: the seam and the bounds, as `cut` gave them.
            watermark: how far the slice has come; empty at its beginning.
            hold: called before rows are looked at.

        Raises:
            SourceError, DataError: as `Extractor.read`.
        """


def unsliceable(why: str, hint: str, path: str = "") -> ConfigError:
    """Return the error for a source that no backfill can be cut from."""
    return ConfigError(f"no backfill of this sync: {why}", hint=hint, path=path)


def refuse_files(mode: str, asked: Asked) -> None:
    """Refuse what no backfill of files is made of.

    Raises:
        ConfigError: every run reads everything, or ranges of the key are asked for.
    """
    if mode != "incremental":
        why = f"mode {mode} reads everything in each run"
        raise unsliceable(why, "set mode: incremental", "source.mode")
    if asked.by != "cursor":
        raise unsliceable("slices of files are ranges of their paths or versions", "leave --by out")


def passed() -> ConfigError:
    """Return the error for a sync whose runs have read everything that there is to fill."""
    return unsliceable(
        "its runs have read every row up to where they are",
        "to send rows again name their range (--from, --to), or: connector run --resend all",
    )
