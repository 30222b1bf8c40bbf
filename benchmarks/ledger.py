"""What the ledger of a backfill costs for each of its slices: claimed, entered, finished, and looked at in between."""

from __future__ import annotations

import datetime as dt
import tempfile
import time
import uuid
from pathlib import Path

from connector.model import Counts, RunReport
from connector.state.backfills import Backfill
from connector.state.store import StateStore

_TTL = dt.timedelta(seconds=60)
_TRIED = 200


def seconds_a_slice(parent: Path, slices: int) -> float:
    """Return the seconds of ledger work for a slice, in the middle of a ledger of so many on SQLite."""
    with (
        tempfile.TemporaryDirectory(dir=parent) as folder,
        StateStore.open(f"sqlite:///{folder}/state.db") as store,
    ):
        backfill = Backfill("ledger", "orders", {}, {}, 1, paused=False, ended=None)
        bounds = {"low": [["text", "2024-01-01 00:00:00"]], "high": [["text", "2024-01-02 00:00:00"]]}
        store.begin_backfill(backfill, [(bounds, 250_000)] * slices)
        for _ in range(slices // 2 - _TRIED):
            _slice(store, backfill)
        began = time.perf_counter()
        for _ in range(_TRIED):
            _slice(store, backfill)
            store.tally(backfill)  # the driver looks about as often
        return (time.perf_counter() - began) / _TRIED


def _slice(store: StateStore, backfill: Backfill) -> None:
    claim = store.claim(backfill, _TTL)
    if claim is None:
        raise SystemExit("no slice is left")
    with claim.lease as lease:
        run = uuid.uuid4().hex, dt.datetime.now(dt.UTC)
        store.start_slice(lease, backfill, claim.part, run, store.recover(lease))
        report = RunReport(
            run[0], backfill.sync, lease.lane, run[1], run[1], 0, Counts(read=250_000, delivered=250_000)
        )
        store.finish_slice(lease, backfill, claim.part.place, report, "done")
