"""``connector state rebuild``: what Track has is noted anew, from what a person says was sent. Nothing is sent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
import pyarrow as pa

from connector import console, wiring
from connector.config.models import Sync
from connector.errors import ConfigError
from connector.mapping.mapper import Mapper
from connector.model import MappedBatch, Watermark
from connector.mover import LEASE
from connector.state.runs import LIVE
from connector.stopping import StopSignal
from connector.synced import NO_KEYS, Segment


def rebuild(sync: Sync, state: str, *, sent: bool) -> None:
    """Note all rows up to the watermark as sent, as the mapping makes them now, or none.

    What was known stays in force until all is noted.

    Raises:
        ConfigError: what was sent of this sync is not kept.
        LeaseHeld: the sync runs.
        SourceError, DataError, StateError: as a run.
        Stopped: a signal came; nothing has changed.
    """
    if not sync.source.tracked:
        raise ConfigError(
            f"{sync.sync} does not keep what was sent",
            hint="set source.track_keys: true (or lookback, or mode: diff), then rebuild",
            path="source.track_keys",
        )
    stop = StopSignal()
    with stop.on_signals(), ExitStack() as stack:
        store = stack.enter_context(wiring.open_store(state))
        lease = stack.enter_context(store.acquire(sync.id, LIVE, ttl=dt.timedelta(seconds=LEASE)))
        store.refuse_backfilling(sync.id)
        with lease.kept(), wiring.located(sync), stop.interrupting():
            noted = _Noted(_mapped(sync, store.watermark(sync.id), stack) if sent else iter(()))
            store.rebuild_synced(lease, iter(noted), keyed=sync.source.keyed)
    if sent:
        console.say(f"{sync.sync}: {noted.rows:,} rows up to the watermark count as sent")
    else:
        console.say(f"{sync.sync}: no row counts as sent: what is read again is sent again")


class _Noted:
    """Prints of mapped rows, as if they had been delivered.

    Attributes:
        rows: how many.
    """

    def __init__(self, batches: Iterator[MappedBatch]) -> None:
        self.rows = 0
        self._batches = batches

    def __iter__(self) -> Iterator[Segment]:
        for batch in self._batches:
            rows = np.union1d(batch.row, np.array([*batch.rejected], np.int64))
            if batch.prints is None or not len(rows):
                continue
            self.rows += len(rows)
            keys = NO_KEYS if batch.keys is None else batch.keys.take(pa.array(rows))
            yield Segment(batch.prints[rows], keys)


def _mapped(sync: Sync, watermark: Watermark, stack: ExitStack) -> Iterator[MappedBatch]:
    extractor = wiring.open_extractor(sync)
    stack.callback(extractor.close)
    extractor.estimate(watermark)
    mapper: Mapper = wiring.open_mapper(sync, extractor)
    stack.callback(mapper.close)
    for batch in extractor.read_passed(mapper.columns, watermark):
        yield mapper.map(batch)
