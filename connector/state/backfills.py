"""The ledgers of backfills as stored: a row for each slice, found by its state without looking at the others."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from connector.model import Counts
from connector.state.database import Database
from connector.state.holder import gone
from connector.state.lease import holder_of
from connector.state.schema import (
    StoreNow,
    backfills,
    intents,
    leases,
    now,
    runs,
    slices,
    to_json,
    watermarks,
)

State = Literal["planned", "running", "done", "failed"]

_of = slices.c.backfill == sa.bindparam("b_backfill")
_at = (_of, slices.c.place == sa.bindparam("b_place"))
_NEXT = (
    sa.select(slices.c.place)
    .where(_of, slices.c.state == "planned", slices.c.place > sa.bindparam("b_after", type_=sa.BigInteger))
    .order_by(slices.c.place)
    .limit(1)
)
_RUNNING = sa.select(*slices.c["place", "run", "holding"]).where(_of, slices.c.state == "running")
_SLICE = sa.select(slices).where(*_at)
_SET = sa.update(slices).where(*_at)
_HOLD = (
    sa.update(slices)
    .where(
        *_at,
        slices.c.state == "running",
        sa.exists().where(
            leases.c.sync == sa.bindparam("b_sync"),
            leases.c.lane == sa.bindparam("b_lane"),
            leases.c.token == sa.bindparam("b_token"),
        ),
    )
    .values(holding=sa.bindparam("b_holding"))
)


@dataclass(frozen=True, slots=True)
class Backfill:
    """A backfill that was begun.

    Attributes:
        id: tells it from others.
        sync: id of the sync.
        seam: where it meets the live lane.
        asked: what a person wants, as JSON.
        created: when it was planned, in microseconds since 1970.
        paused: whether no slice is to be worked on.
        ended: when its last slice was done; None while one is not.
    """

    id: str
    sync: str
    seam: Mapping[str, Any]
    asked: Mapping[str, Any]
    created: int
    paused: bool
    ended: int | None


@dataclass(frozen=True, slots=True)
class LedgerSlice:
    """A slice in the ledger: its place in the order of work, its bounds, and what became of it so far.

    Attributes:
        rows: about how many there are.
        counts: of all attempts that have ended.
        worked: how long these took, in microseconds.
        run: the run of the last attempt.
    """

    place: int
    bounds: Mapping[str, Any]
    rows: int
    state: State
    attempts: int
    counts: Counts
    worked: int
    started: int | None
    updated: int
    run: str
    error: str


@dataclass(frozen=True, slots=True)
class Tally:
    """How far a backfill is.

    Attributes:
        slices: state -> number of slices.
        rows: state -> about how many rows these have.
        running: rows that are finished of the slices that run.
        rate: rows a second of one worker, lately; None where nothing was done yet.
        total: slices.
    """

    slices: Mapping[str, int]
    rows: Mapping[str, int]
    running: int
    rate: float | None

    @property
    def total(self) -> int:
        """All slices."""
        return sum(self.slices.values())

    @property
    def all_rows(self) -> int:
        """About how many rows all slices have."""
        return sum(self.rows.values())

    @property
    def finished(self) -> int:
        """About how many rows are finished."""
        return self.rows.get("done", 0) + min(self.running, self.rows.get("running", 0))

    def seconds_left(self, workers: int) -> float | None:
        """Return how long the rest takes, at the pace of late."""
        if not self.rate or not workers:
            return None
        return (self.all_rows - self.finished) / (self.rate * workers)


def lane(backfill: str, place: int | None = None) -> str:
    """Return the lane of a slice, or of whoever drives a backfill."""
    return f"backfill:{backfill}" + ("" if place is None else f":{place}")


def found(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> Backfill | None:
    """Return the newest backfill that meets `conditions`."""
    newest = sa.select(backfills).where(*conditions).order_by(backfills.c.created.desc()).limit(1)
    row = connection.execute(newest).one_or_none()
    if row is None:
        return None
    seam, asked = json.loads(row.seam), json.loads(row.asked)
    return Backfill(row.backfill, row.sync, seam, asked, row.created, bool(row.paused), row.ended)


def insert(
    connection: sa.Connection, backfill: Backfill, parts: Sequence[tuple[Mapping[str, Any], int]]
) -> None:
    """Write a new ledger; `parts` are bounds and about how many rows, in the order of work."""
    row = {"seam": to_json(backfill.seam), "asked": to_json(backfill.asked)}
    place = {"backfill": backfill.id, "sync": backfill.sync, "created": backfill.created, "paused": 0}
    connection.execute(sa.insert(backfills), {**place, **row})
    empty = {"backfill": backfill.id, "attempts": 0, "updated": backfill.created, "worked": 0}
    rows = [
        {**empty, "place": n, "bounds": to_json(bounds), "rows": count}
        for n, (bounds, count) in enumerate(parts, 1)
    ]
    connection.execute(sa.insert(slices), rows)


def candidates(connection: sa.Connection, database: Database, backfill: Backfill, after: int) -> list[int]:
    """Return slices that may be worked on: those whose worker is lost, which hold up the live lane, then a planned one."""
    running = _workers(connection, database, backfill)
    found = [place for place, held in running if not held]
    planned = connection.execute(_NEXT, {"b_backfill": backfill.id, "b_after": after}).scalar_one_or_none()
    return found if planned is None else [*found, planned]


def busy(connection: sa.Connection, database: Database, backfill: Backfill) -> list[int]:
    """Return the slices that somebody works on."""
    return [place for place, held in _workers(connection, database, backfill) if held]


def driven(connection: sa.Connection, database: Database, backfill: Backfill) -> bool:
    """Tell whether somebody drives a backfill."""
    place = (leases.c.sync == backfill.sync, leases.c.lane == lane(backfill.id))
    clock = connection.execute(sa.select(StoreNow())).scalar_one()
    row = connection.execute(sa.select(leases).where(*place)).one_or_none()
    return row is not None and _held(row, database, clock)


def _workers(connection: sa.Connection, database: Database, backfill: Backfill) -> list[tuple[int, bool]]:
    """Return the slices that run, and whether somebody holds their lanes."""
    clock = connection.execute(sa.select(StoreNow())).scalar_one()
    name = sa.literal(f"{lane(backfill.id)}:", sa.Text) + sa.cast(slices.c.place, sa.Text)
    both = slices.outerjoin(leases, sa.and_(leases.c.sync == backfill.sync, leases.c.lane == name))
    query = sa.select(slices.c.place, leases).select_from(both).where(_of, slices.c.state == "running")
    rows = connection.execute(query.order_by(slices.c.place), {"b_backfill": backfill.id}).all()
    return [(row.place, _held(row, database, clock)) for row in rows]


def _held(row: sa.Row[Any], database: Database, clock: int) -> bool:
    if row.pid is None or clock >= row.expires:
        return False
    return not gone(holder_of(row), one_host=database.one_host)


def holding(connection: sa.Connection, backfill: str) -> list[Any]:
    """Return what the slices that run hold; such a slice without a worker holds on until somebody takes it up."""
    texts = [row.holding for row in connection.execute(_RUNNING, {"b_backfill": backfill})]
    values = {to_json(value) for text in texts if text for value in json.loads(text)}
    return [json.loads(value) for value in sorted(values)]


def hold(connection: sa.Connection, place: Mapping[str, Any], values: Sequence[Any]) -> bool:
    """Write what a slice holds, if the lease that `place` names is in force."""
    return connection.execute(_HOLD, {**place, "b_holding": to_json([*values])}).rowcount == 1


def load(connection: sa.Connection, backfill: str, place: int) -> LedgerSlice | None:
    """Return one slice."""
    row = connection.execute(_SLICE, {"b_backfill": backfill, "b_place": place}).one_or_none()
    return None if row is None else _slice(row)


def listed(connection: sa.Connection, backfill: str) -> list[LedgerSlice]:
    """Return all slices, in the order of work."""
    every = sa.select(slices).where(slices.c.backfill == backfill).order_by(slices.c.place)
    return [_slice(row) for row in connection.execute(every)]


def update(connection: sa.Connection, backfill: str, place: int, **values: Any) -> None:
    """Write columns of one slice."""
    connection.execute(_SET.values(updated=now(), **values), {"b_backfill": backfill, "b_place": place})


def tally(connection: sa.Connection, backfill: str) -> Tally:
    """Count slices and rows by their state."""
    sums = (slices.c.state, sa.func.count(), sa.func.sum(slices.c.rows))
    grouped = sa.select(*sums).where(slices.c.backfill == backfill).group_by(slices.c.state)
    rows = connection.execute(grouped).all()
    names = [row.run for row in connection.execute(_RUNNING, {"b_backfill": backfill})]
    going = connection.execute(sa.select(runs).where(runs.c.run_id.in_(names))).all()
    finished = [(_finished(row.counts), (row.updated - row.started) / 1e6) for row in going]
    before = [slices.c.backfill == backfill, slices.c.state == "running"]
    earlier = [_finished(row.counts) for row in connection.execute(sa.select(slices.c.counts).where(*before))]
    late = sa.select(slices.c.rows, slices.c.worked).where(
        slices.c.backfill == backfill, slices.c.state == "done"
    )
    recent = connection.execute(late.order_by(slices.c.updated.desc()).limit(_LATELY)).all()
    worked = [*finished, *((row.rows, row.worked / 1e6) for row in recent)]
    seconds = sum(each for _, each in worked)
    rate = sum(count for count, _ in worked) / seconds if seconds > 0 else None
    return Tally(
        {row[0]: int(row[1]) for row in rows},
        {row[0]: int(row[2]) for row in rows},
        sum(count for count, _ in finished) + sum(earlier),
        rate or None,
    )


_LATELY = 32


def clear(connection: sa.Connection, backfill: Backfill) -> None:
    """Drop what the lanes of a backfill need no more; nobody holds them."""
    prefix = lane(backfill.id)
    for table in (watermarks, intents, leases):
        ours = table.c.lane.startswith(prefix, autoescape=True)
        connection.execute(sa.delete(table).where(table.c.sync == backfill.sync, ours))


def drop(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> None:
    """Forget backfills and their ledgers."""
    ids = [*connection.execute(sa.select(backfills.c.backfill).where(*conditions)).scalars()]
    for table in (slices, backfills):
        connection.execute(sa.delete(table).where(table.c.backfill.in_(ids)))


def _finished(counts: str) -> int:
    values = json.loads(counts)
    return int(values.get("read", 0)) - int(values.get("unfinished", 0))


def _slice(row: sa.Row[Any]) -> LedgerSlice:
    return LedgerSlice(
        place=row.place,
        bounds=json.loads(row.bounds),
        rows=row.rows,
        state=row.state,
        attempts=row.attempts,
        counts=Counts(**json.loads(row.counts)),
        worked=row.worked,
        started=row.started,
        updated=row.updated,
        run=row.run,
        error=row.error,
    )
