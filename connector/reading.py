"""What a run moves: what is new in the source, or, as `connector/replay.py` has it, what was rejected."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from connector import wiring
from connector.config.models import Sync
from connector.diffing import Vanished
from connector.errors import GuardTripped
from connector.extract import Extractor
from connector.extract.backfilling import Beside
from connector.feed import Maps, limited
from connector.mapping.mapper import Mapper
from connector.model import Counts, MappedBatch, SourceBatch, Watermark
from connector.pipeline import Lane
from connector.state.lease import Lease
from connector.state.store import StateStore
from connector.state.synced import Synced
from connector.unchanged import Unchanged, once


@dataclass(frozen=True, slots=True)
class Opened:
    """What is open while a run goes on.

    Attributes:
        sync: what runs.
        run_id: as the run is entered in the store; empty when nothing is.
        store: the state.
        extractor: of the source.
        mapper: compiled against its columns.
        watermark: how far runs have come.
        about: about how many rows lie beyond it, or None.
        synced: what Track has, where that is kept.
        deletion: makes items of vanished rows, where they are told of.
    """

    sync: Sync
    run_id: str
    store: StateStore
    extractor: Extractor
    mapper: Mapper
    watermark: Watermark
    about: int | None
    synced: Synced | None = None
    deletion: Mapper | None = None


@dataclass(frozen=True, slots=True)
class Moving:
    """The two ends of a pipeline.

    Attributes:
        batches: rows, read while they are asked for.
        mapper: makes items of them.
        rest: makes what follows when the batches have come to their end.
        open_rejects: the canonical keys whose open rejects end when their row is delivered.
        lane: gives the lane to commit to.
    """

    batches: Iterator[SourceBatch]
    mapper: Maps
    rest: Callable[[], Iterable[MappedBatch]] = tuple
    open_rejects: Iterable[str] = ()
    lane: Callable[[Lane], Lane] = lambda lane: lane


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What shows only when everything that was read is finished: rows to add to the accounting, and sentences."""

    counts: Counts = field(default_factory=Counts)
    notes: tuple[str, ...] = ()


class Reading(Protocol):
    """What is moved, and what is said about it."""

    @property
    def advances(self) -> bool:
        """Whether the rows are those that follow the watermark."""

    @property
    def whole(self) -> bool:
        """Whether a run that ends well has passed everything that earlier ones left unfinished."""

    def open(self, sync: Sync) -> Extractor:
        """Open the source; raises what `wiring.open_extractor` raises."""

    def notes(self, opened: Opened, changed: Collection[str]) -> Iterator[str]:
        """Yield what a person should know before it starts; `changed` names the settings that are not as before."""

    def moving(self, opened: Opened) -> Moving:
        """Begin."""

    def conclude(self, opened: Opened, lease: Lease, counts: Counts) -> Conclusion:
        """Do what is left when the rows are finished."""


def beside(store: StateStore, sync: Sync) -> Beside | None:
    """Return what a backfill that is not done leaves to the live lane; None where there is none."""
    found = store.beside(sync.id)
    if found is None:
        return None
    backfill, holding = found
    waits, ordered = (bool(backfill.asked.get(name)) for name in ("waits", "ordered"))
    return Beside(backfill.seam, holding, waits, ordered)


@dataclass(slots=True)
class News:
    """What is new in the source, up to `limit` rows: an ordinary run.

    Args:
        limit: of rows; None reads all.
        accept: what a person has decided; ``deletes`` lets vanished rows be told of, however many they are, ``restore``
            lets a source be read that was restored from a backup.
        anew: whether a pass of mode diff sends what has not changed, too.
    """

    limit: int | None = None
    accept: frozenset[str] = frozenset()
    anew: bool = False
    advances = True
    _vanished: Vanished | None = None

    @property
    def whole(self) -> bool:
        """Unless it stops early."""
        return self.limit is None

    @property
    def held(self) -> GuardTripped | None:
        """Why deletes are held back, known when a pass of mode diff has come to its end."""
        return None if self._vanished is None else self._vanished.held

    def open(self, sync: Sync) -> Extractor:
        """Open the source."""
        return wiring.open_extractor(sync, self.accept)

    def notes(self, opened: Opened, changed: Collection[str]) -> Iterator[str]:
        """Yield where a first run starts, and that another destination or mapping re-sends nothing by itself."""
        if not opened.watermark:
            rows = "" if opened.about is None else f" (about {opened.about:,} rows)"
            start = opened.sync.source.start
            place = "the beginning" if start == "beginning" else f"source.start: {start}"
            yield f"no state yet in {opened.store.where}: starts from {place}{rows}"
        left = beside(opened.store, opened.sync)
        if left is not None and left.waits:
            yield (
                "a backfill is not done, and other rows than the newest tell of one entity: nothing is read until it is"
                f" (connector backfill {opened.sync.sync})"
            )
        elif left is not None:
            yield "a backfill is not done: this run reads above the seam, and not beyond what is on its way"
        if "destination" in changed:
            yield "the state belongs to another destination from now on: what the old one has is not sent again"
        if "mapping" in changed:
            yield (
                "the mapping has changed since the last run: rows sent before are not sent again by themselves"
                " (connector run --resend changed, or --resend all, sends them)"
            )

    def moving(self, opened: Opened) -> Moving:
        """Read from the watermark on."""
        batches = opened.extractor.read(
            opened.mapper.columns, opened.watermark, lambda: beside(opened.store, opened.sync)
        )
        rejects = opened.store.open_reject_keys(opened.sync.id)
        mode = opened.sync.source.mode
        if opened.synced is None or mode == "full":
            return Moving(limited(batches, self.limit), opened.mapper, open_rejects=rejects)
        mapper = Unchanged(opened.mapper, opened.synced, once(opened.sync), self.anew)
        if mode != "diff":
            return Moving(limited(batches, self.limit), mapper, open_rejects=rejects)
        self._vanished = Vanished(
            opened.sync, opened.synced, mapper, opened.deletion, accepted="deletes" in self.accept
        )
        passing = self._vanished.passing(limited(batches, self.limit))
        return Moving(passing, mapper, self._vanished.rest, rejects)

    def conclude(self, opened: Opened, lease: Lease, counts: Counts) -> Conclusion:
        """Merge what became known.

        Raises:
            GuardTripped: too much vanished; everything else is done.
        """
        del counts
        opened.store.merge_synced(lease)
        if self.held is not None:
            raise self.held
        return Conclusion()
