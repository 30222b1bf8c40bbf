"""Rejected rows, moved again: read from the source by their key, or as they were kept with their rejects.

Both go through the same pipeline as a run, in the live lane, and move no watermark.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

import numpy as np
import numpy.typing as npt

from connector import wiring
from connector.config.models import Column, Mapping, Sync, Template
from connector.config.values import template_columns
from connector.errors import ConfigError
from connector.extract import Extractor
from connector.mapping.mapper import Mapper
from connector.model import Counts, MappedBatch, SourceBatch
from connector.reading import Conclusion, Moving, Opened
from connector.state.lease import Lease
from connector.state.rejects import RejectFilter
from connector.state.synced import Synced
from connector.unchanged import sent_anew

# What an item of a kind is about.
_ABOUT = {"identify": ("profileId", "userId"), "group": ("accountId",), "product": ("productId",)}


class Seen:
    """A mapper that remembers which keys it has seen, by their hashes.

    Args:
        mapper: maps.
        synced: what Track has, where that is kept: it is looked up.

    Attributes:
        rows: how many rows were mapped.
    """

    def __init__(self, mapper: Mapper, synced: Synced | None = None) -> None:
        self.rows = 0
        self._mapper = mapper
        self._maps = sent_anew(mapper, synced)
        self._hashes: list[npt.NDArray[np.uint64]] = []

    def map(self, batch: SourceBatch) -> MappedBatch:
        """Map a batch."""
        mapped = self._maps.map(batch)
        self.note(mapped)
        return mapped

    def note(self, mapped: MappedBatch) -> None:
        """Remember the keys of a batch."""
        self.rows += mapped.source.rows.num_rows
        if mapped.key is None or mapped.describe is None:
            return
        dropped = np.flatnonzero(mapped.key == 0)  # by a transform: their keys are known from the source
        keys = [row.key for row in mapped.describe(dropped.tolist())] if len(dropped) else []
        self._hashes += [mapped.key, self._mapper.key_hashes(keys)]

    def among(self, keys: Collection[str]) -> tuple[list[str], list[str]]:
        """Return those of `keys` that were seen, and those that were not."""
        hashes = self._mapper.key_hashes([*keys])
        found = np.isin(hashes, np.concatenate(self._hashes or [hashes[:0]]))
        pairs = list(zip(keys, found, strict=True))
        return [key for key, there in pairs if there], [key for key, there in pairs if not there]


def finished(seen: Seen, counts: Counts) -> bool:
    """Whether all rows that were mapped are finished; only then can be said what became of a key."""
    return seen.rows == counts.read and not counts.unfinished


class FromSource:
    """Rejected rows as the source has them now, mapped with today's mapping.

    Args:
        wanted: whose rows are read again.
    """

    advances = False
    whole = False

    def __init__(self, wanted: RejectFilter) -> None:
        self._wanted = wanted
        self._rejects: Counter[str] = Counter()
        self._read_all = False
        self._seen: Seen

    def open(self, sync: Sync) -> Extractor:
        """Open the source, which must have a key."""
        if not sync.source.key:
            raise ConfigError(
                f"{sync.sync} has no source.key: rejected rows cannot be found in the source again",
                hint="replay them as they were kept: --stored",
            )
        return wiring.open_extractor(sync)

    def notes(self, opened: Opened, changed: Collection[str]) -> Iterator[str]:
        """Yield what this is, and what may go wrong where a row tells only a part of what is known of somebody."""
        del changed
        yield "a replay: rows of rejects, read again from the source"
        yield from overwriting(opened.sync)

    def moving(self, opened: Opened) -> Moving:
        """Read the rows of all rejects that are meant."""
        self._rejects = Counter(one.reject.key for one in opened.store.iterate_rejects(self._wanted))
        self._seen = Seen(opened.mapper, opened.synced)
        known = opened.store.open_reject_keys(opened.sync.id)
        return Moving(self._read(opened), self._seen, open_rejects=known)

    def _read(self, opened: Opened) -> Iterator[SourceBatch]:
        keys = [key for key in self._rejects if key]
        yield from opened.extractor.read_keys(opened.mapper.columns, keys, opened.watermark)
        self._read_all = True

    def conclude(self, opened: Opened, lease: Lease, counts: Counts) -> Conclusion:
        """Close what was settled otherwise than by delivery, and say which rows were not there."""
        if not (self._read_all and finished(self._seen, counts)):
            return Conclusion()
        settled, missing = self._seen.among([key for key in self._rejects if key])
        opened.store.settle_rejects(lease, opened.run_id, keys=settled)
        changed, gone = self._look(opened, missing)
        unkeyed = self._rejects[""]
        notes = {
            f"{changed} rejects whose rows have changed since: the next run reads them": changed,
            f"{gone} rejects whose rows are gone from the source: drop them (connector rejects drop), "
            "or send them as they were kept (--stored)": gone,
            f"{unkeyed} rejects whose key could not be read: look at them (connector rejects list)": unkeyed,
        }
        return Conclusion(notes=tuple(note for note, count in notes.items() if count))

    def _look(self, opened: Opened, missing: list[str]) -> tuple[int, int]:
        """Return how many rejects there are of rows that stand beyond the watermark, and of rows that are nowhere."""
        if not missing:
            return 0, 0
        seen = Seen(opened.mapper)
        extractor = wiring.open_extractor(opened.sync)  # the other was told to stop
        try:
            extractor.estimate(opened.watermark)
            for batch in extractor.read_keys(opened.mapper.columns, missing, None):
                seen.map(batch)
        finally:
            extractor.close()
        changed, gone = seen.among(missing)
        return self._count(changed), self._count(gone)

    def _count(self, keys: Collection[str]) -> int:
        return sum(self._rejects[key] for key in keys)


def overwriting(sync: Sync) -> Iterator[str]:
    """Yield a warning where other rows may have said newer things of whom a row is about."""
    if any(_of_many_rows(mapping, sync.source.key) for mapping in sync.mapping):
        yield (
            "items are about somebody whom more than one row can tell of: what an older row says may overwrite"
            " what a newer one has said"
        )


def _of_many_rows(mapping: Mapping, key: tuple[str, ...]) -> bool:
    held = [mapping.fields[name] for name in _ABOUT.get(mapping.kind, ()) if name in mapping.fields]
    columns: set[str] = set()
    for form in held:
        if isinstance(form, Column):
            columns.add(form.column)
        elif isinstance(form, Template):
            columns.update(template_columns(form.template))
    return bool(held) and not (key and columns >= set(key))
