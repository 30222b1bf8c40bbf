"""Runs as stored: what each did, and how it ended."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from connector.errors import Bug
from connector.model import Counts, RunReport
from connector.state.lease import Lease
from connector.state.schema import clean, microseconds, moment, now, runs, to_json

DIED = "the process ended without a report"
# Beside a run's counts: how far runs had come before and after it.
_MOVED = "moved"
Moved = tuple[Mapping[str, Any], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Move:
    """What a run read, and from where to where.

    Attributes:
        run_id, started: the run.
        counts: its rows.
        died: whether it ended without a report.
        since, until: how far runs had come before and after it, as its source tells it; None where nobody has said so.
    """

    run_id: str
    started: dt.datetime
    counts: Counts
    died: bool
    since: Mapping[str, Any] | None = None
    until: Mapping[str, Any] | None = None


_INSERT = sa.insert(runs)
_COUNTS = (
    sa.update(runs)
    .where(runs.c.run_id == sa.bindparam("b_run_id"))
    .values(counts=sa.bindparam("b_counts"), updated=sa.bindparam("b_updated"))
)
_FINISH = sa.update(runs).where(runs.c.run_id == sa.bindparam("b_run_id"))
_MARK_DEAD = (
    sa.update(runs)
    .where(
        runs.c.sync == sa.bindparam("b_sync"), runs.c.lane == sa.bindparam("b_lane"), runs.c.ended.is_(None)
    )
    .values(ended=runs.c.updated, error=DIED)
)


def start(connection: sa.Connection, lease: Lease, run_id: str, started: dt.datetime, counts: Counts) -> None:
    """Enter a run; one of this lane that never reported its end is marked as dead since its last commit."""
    connection.execute(_MARK_DEAD, {"b_sync": lease.sync, "b_lane": lease.lane})
    since = microseconds(started)
    row = {"run_id": run_id, "sync": lease.sync, "lane": lease.lane, "started": since, "updated": since}
    connection.execute(_INSERT, {**row, "counts": _counts_to_json(counts)})


def update_counts(connection: sa.Connection, run_id: str, counts: Counts) -> None:
    """Write a run's totals so far."""
    bind = {"b_run_id": run_id, "b_counts": _counts_to_json(counts), "b_updated": now()}
    if connection.execute(_COUNTS, bind).rowcount != 1:
        raise Bug(f"run {run_id} was never started")


def finish(connection: sa.Connection, report: RunReport, moved: Moved | None = None) -> None:
    """Write how a run ended, and from where to where it has moved the watermark."""
    ended = microseconds(report.ended) if report.ended else now()
    values = {
        "ended": ended,
        "updated": ended,
        "exit_code": report.exit_code,
        "counts": _counts_to_json(report.counts, moved),
        "rejects": to_json(dict(report.rejects)),
        "warnings": to_json(dict(report.warnings)),
        "notes": to_json(list(report.notes)),
        "error": clean(report.error),
    }
    if connection.execute(_FINISH.values(values), {"b_run_id": report.run_id}).rowcount != 1:
        raise Bug(f"run {report.run_id} was never started")


def latest(connection: sa.Connection, sync: str, limit: int) -> list[RunReport]:
    """Return the runs of a sync, the newest first."""
    newest = sa.select(runs).where(runs.c.sync == sync).order_by(runs.c.started.desc(), runs.c.run_id.desc())
    return [_report(row) for row in connection.execute(newest.limit(limit))]


def moves(connection: sa.Connection, sync: str, lane: str) -> list[Move]:
    """Return what the ended runs of a lane have read, the oldest first."""
    ended = sa.select(runs).where(runs.c.sync == sync, runs.c.lane == lane, runs.c.ended.is_not(None))
    found: list[Move] = []
    for row in connection.execute(ended.order_by(runs.c.started, runs.c.run_id)):
        since, until = json.loads(row.counts).get(_MOVED) or (None, None)
        died = row.exit_code is None
        found.append(Move(row.run_id, moment(row.started), _counts(row), died, since, until))
    return found


def last_of_each(connection: sa.Connection) -> dict[str, RunReport]:
    """Return the newest run of every sync."""
    newest = (
        sa.select(runs.c.sync, sa.func.max(runs.c.started).label("started")).group_by(runs.c.sync).subquery()
    )
    both = sa.and_(runs.c.sync == newest.c.sync, runs.c.started == newest.c.started)
    rows = connection.execute(sa.select(runs).join(newest, both).order_by(runs.c.run_id))
    return {row.sync: _report(row) for row in rows}


def prune(connection: sa.Connection, sync: str, retention: dt.timedelta) -> int:
    """Delete the runs of a sync that ended longer ago than `retention`; return how many.

    The newest of each lane stays, and the newest that ended well: how long ago that was is worth knowing.
    """
    limit = microseconds(dt.datetime.now(dt.UTC) - retention)
    newest = sa.func.row_number().over(
        partition_by=runs.c.lane, order_by=(runs.c.started.desc(), runs.c.run_id.desc())
    )
    ours = sa.select(runs.c.run_id, newest.label("place")).where(runs.c.sync == sync)
    kept = [
        sa.select(ranked.c.run_id).where(ranked.c.place == 1)
        for ranked in (ours.subquery(), ours.where(runs.c.exit_code == 0).subquery())
    ]
    old = (runs.c.sync == sync, runs.c.ended < limit)
    stale = sa.delete(runs).where(*old, *(runs.c.run_id.not_in(each) for each in kept))
    return connection.execute(stale).rowcount


def _counts_to_json(counts: Counts, moved: Moved | None = None) -> str:
    values = {name: getattr(counts, name) for name in Counts.__slots__}
    return to_json({**values, _MOVED: moved} if moved else values)


def _counts(row: sa.Row[Any]) -> Counts:
    return Counts(**{name: value for name, value in json.loads(row.counts).items() if name != _MOVED})


def _report(row: sa.Row[Any]) -> RunReport:
    return RunReport(
        run_id=row.run_id,
        sync=row.sync,
        lane=row.lane,
        started=moment(row.started),
        ended=None if row.ended is None else moment(row.ended),
        exit_code=row.exit_code,
        counts=_counts(row),
        rejects=json.loads(row.rejects),
        warnings=json.loads(row.warnings),
        notes=tuple(json.loads(row.notes)),
        error=row.error,
    )
