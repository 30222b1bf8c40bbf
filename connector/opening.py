"""What a run needs open, and what must hold of it before a row is moved: for runs, and for what foresees them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from connector import wiring
from connector.config.models import Sync
from connector.drift import Drift
from connector.extract import Extractor
from connector.guards import compare
from connector.model import Watermark
from connector.reading import Opened, Reading
from connector.state.store import StateStore
from connector.state.synced import Synced


@dataclass(frozen=True, slots=True)
class Decided:
    """What a person has decided.

    Attributes:
        accept: guards that may pass, this once: ``drift``, ``restore``, ``deletes``.
        adopt: whether the state belongs to the destination of the configuration from now on, whatever it was made for.
    """

    accept: frozenset[str] = frozenset()
    adopt: bool = False


@dataclass(frozen=True, slots=True)
class Compared:
    """What a run is, beside the one before.

    Attributes:
        prints: its fingerprint.
        changed: the parts of it that have changed, and may.
        drifted: what a person should know of the source's columns.
    """

    prints: dict[str, Any]
    changed: list[str]
    drifted: list[str]

    def notes(self, reading: Reading, opened: Opened) -> Iterator[str]:
        """Yield what a person should know before anything is read."""
        yield from reading.notes(opened, self.changed)
        yield from self.drifted


class Opening:
    """Opens source and mapping over a state, and holds them against the last run.

    Args:
        sync: what runs.
        store: its state.
        source: opens it; raises what `wiring.open_extractor` raises.
        decided: what a person lets pass.
    """

    def __init__(
        self, sync: Sync, store: StateStore, source: Callable[[Sync], Extractor], decided: Decided
    ) -> None:
        self._sync = sync
        self._store = store
        self._source = source
        self._decided = decided
        self._drift: Drift

    def open(
        self, stack: ExitStack, synced: Callable[[Watermark], Synced | None], run_id: str = ""
    ) -> Opened:
        """Open everything.

        Args:
            stack: closes it.
            synced: gives what Track has, from the watermark.
            run_id: as the run is entered in the store.

        Raises:
            ConfigError, CredentialsError, SourceError, StateError: something cannot be opened.
            GuardTripped: that is because the source has changed since the last run.
        """
        sync, store = self._sync, self._store
        watermark = store.watermark(sync.id)
        # Without a watermark nothing was sent that this run could contradict.
        before: Mapping[str, Any] | None = store.fingerprint(sync.id) if watermark else None
        self._drift = Drift(sync, before, accepted="drift" in self._decided.accept)
        with self._drift.opening():
            extractor = self._source(sync)
        stack.callback(extractor.close)
        known: Synced | None = None
        if passes := sync.source.mode == "diff":  # what vanished shows only where everything is read
            known = synced(watermark)
            # What is in doubt must keep its eventIds. Else a row that has changed and changed back since the pass
            # began needs others, and they hang on its number.
            watermark = extractor.restarted(watermark, anew=known is not None and not known.doubtful)
        forgotten = store.forgotten(sync.id)
        with self._drift.reading(extractor):
            about = extractor.estimate(watermark)
            mapper = wiring.open_mapper(sync, extractor, forgotten)
        stack.callback(mapper.close)
        deletion = wiring.open_deletion(sync, extractor, forgotten)
        if deletion is not None:
            stack.callback(deletion.close)
        known = known if passes else synced(watermark)
        return Opened(sync, run_id, store, extractor, mapper, watermark, about, known, deletion)

    def compare(self, opened: Opened) -> Compared:
        """Hold what was opened against the last run.

        Raises:
            GuardTripped: what the watermark hangs on has changed, or items would change in kind.
        """
        prints = wiring.fingerprint(self._sync, opened.extractor, opened.mapper)
        changed = compare(self._sync.sync, self._drift.before, prints, adopt=self._decided.adopt)
        return Compared(prints, changed, self._drift.compare(opened.extractor, prints["columns"]))
