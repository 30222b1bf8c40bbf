"""Rows that runs have passed, moved again: all of them, those whose item is another now, or those of some keys.

They go through the same pipeline as a run, in the live lane, and move no watermark.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Literal

from connector import wiring
from connector.config.models import Sync
from connector.errors import ConfigError
from connector.extract import Extractor
from connector.feed import Maps
from connector.model import Counts, SourceBatch
from connector.reading import Conclusion, Moving, Opened
from connector.replay import overwriting
from connector.state.lease import Lease
from connector.unchanged import Unchanged, sent_anew

Scope = Literal["changed", "all"]


class Resend:
    """Everything up to the watermark, as the source has it and the mapping makes it now.

    Args:
        scope: ``changed`` leaves out what Track has as it is, ``all`` nothing.
    """

    advances = False
    whole = False

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def open(self, sync: Sync) -> Extractor:
        """Open the source; to know what has changed, what was sent must be known.

        Raises:
            ConfigError: it is not.
        """
        if self._scope == "changed" and not sync.source.tracked:
            raise ConfigError(
                f"{sync.sync} does not keep what was sent, so nothing tells which items have changed",
                hint="use --resend all; for the next time set source.track_keys: true",
                path="source.track_keys",
            )
        return wiring.open_extractor(sync)

    def notes(self, opened: Opened, changed: Collection[str]) -> Iterator[str]:
        """Yield what this is, and what may go wrong where a row tells only a part of what is known of somebody."""
        del changed
        what = "those whose items have changed are" if self._scope == "changed" else "all of them are"
        yield f"a re-send: rows up to the watermark are read again, and {what} sent"
        if self._scope == "changed":
            yield from overwriting(opened.sync)

    def moving(self, opened: Opened) -> Moving:
        """Read from the beginning to the watermark."""
        mapper: Maps = opened.mapper
        if opened.synced is not None:
            mapper = Unchanged(opened.mapper, opened.synced, once=False, anew=self._scope == "all")
        batches = opened.extractor.read_passed(opened.mapper.columns, opened.watermark)
        return Moving(batches, mapper, open_rejects=opened.store.open_reject_keys(opened.sync.id))

    def conclude(self, opened: Opened, lease: Lease, counts: Counts) -> Conclusion:
        """Merge what became known."""
        del counts
        opened.store.merge_synced(lease)
        return Conclusion()


class OfKeys:
    """The rows of some keys, if runs have passed them.

    Args:
        keys: canonical keys.
    """

    advances = False
    whole = False

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = keys

    def open(self, sync: Sync) -> Extractor:
        """Open the source; one without a key says so."""
        return wiring.open_extractor(sync)

    def notes(self, opened: Opened, changed: Collection[str]) -> Iterator[str]:
        """Yield what may go wrong where a row tells only a part of what is known of somebody."""
        del changed
        yield from overwriting(opened.sync)

    def moving(self, opened: Opened) -> Moving:
        """Read them again."""
        mapper = sent_anew(opened.mapper, opened.synced)
        return Moving(self._read(opened), mapper, open_rejects=opened.store.open_reject_keys(opened.sync.id))

    def _read(self, opened: Opened) -> Iterator[SourceBatch]:
        yield from opened.extractor.read_keys(opened.mapper.columns, self._keys, opened.watermark)

    def conclude(self, opened: Opened, lease: Lease, counts: Counts) -> Conclusion:
        """Say so where a row was not among those that runs have passed."""
        del opened, lease
        missing = len(self._keys) - counts.read
        if missing <= 0:
            return Conclusion()
        return Conclusion(
            notes=(f"{missing} of {len(self._keys)} keys are not among the rows that runs have passed",)
        )
