"""Rejects as stored: one for each (sync, eventId, reason), however often its row comes by."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from connector.model import Reject
from connector.state.schema import clean, microseconds, moment, now, rejects, upsert

_order = (rejects.c.last_seen.desc(), rejects.c.event_id, rejects.c.reason)


@dataclass(frozen=True, slots=True)
class StoredReject:
    """A reject and its history.

    Attributes:
        reject: what was rejected, and why.
        sync: id of the sync.
        lane: where it was read last.
        run_id: the run that rejected it last.
        first_seen: when it was rejected first.
        last_seen: when it was rejected last.
        attempts: how often it was rejected.
        closed: when it was settled, None while it is open.
    """

    reject: Reject
    sync: str
    lane: str
    run_id: str
    first_seen: dt.datetime
    last_seen: dt.datetime
    attempts: int
    closed: dt.datetime | None


@dataclass(frozen=True, slots=True)
class RejectGroup:
    """The open rejects of a sync that share a reason; `example` is the eventId of one rejected last."""

    reason: str
    rejects: int
    first_seen: dt.datetime
    last_seen: dt.datetime
    example: str


def put(connection: sa.Connection, place: tuple[str, str, str], fresh: Sequence[Reject]) -> None:
    """Store rejects of a (sync, lane, run); one that is known already is seen once more, and open again."""
    sync, lane, run_id = place
    insert = upsert(connection.dialect.name, rejects)
    latest = {
        name: insert.excluded[name] for name in ("lane", "run_id", "message", "key", "row", "last_seen")
    }
    seen_again = insert.on_conflict_do_update(
        index_elements=rejects.primary_key.columns,
        set_={**latest, "attempts": rejects.c.attempts + 1, "closed": None},
    )
    seen = {
        "sync": sync,
        "lane": lane,
        "run_id": run_id,
        "first_seen": now(),
        "last_seen": now(),
        "attempts": 1,
    }
    # In one order everywhere, so that two lanes of a sync cannot wait for each other's rows.
    ordered = sorted(fresh, key=lambda reject: (reject.event_id, reject.reason))
    connection.execute(seen_again, [{**seen, **_values(reject)} for reject in ordered])


def listed(connection: sa.Connection, sync: str, reason: str | None, limit: int) -> list[StoredReject]:
    """Return open rejects of a sync, the newest first."""
    query = sa.select(rejects).where(*_open(sync, reason)).order_by(*_order).limit(limit)
    return [_stored(row) for row in connection.execute(query)]


def by_event(connection: sa.Connection, event_id: str, sync: str | None) -> list[StoredReject]:
    """Return the rejects under an eventId, closed ones too, the newest first."""
    wanted = rejects.c.event_id == event_id
    query = sa.select(rejects).where(wanted, *([rejects.c.sync == sync] if sync else [])).order_by(*_order)
    return [_stored(row) for row in connection.execute(query)]


def groups(connection: sa.Connection, sync: str) -> list[RejectGroup]:
    """Return the open rejects of a sync by reason, the largest group first."""
    newest = sa.func.row_number().over(partition_by=rejects.c.reason, order_by=_order)
    ranked = sa.select(rejects, newest.label("place")).where(*_open(sync, None)).subquery()
    query = sa.select(
        ranked.c.reason,
        sa.func.count(),
        sa.func.min(ranked.c.first_seen),
        sa.func.max(ranked.c.last_seen),
        sa.func.max(sa.case((ranked.c.place == 1, ranked.c.event_id))),
    ).group_by(ranked.c.reason)
    found = [
        RejectGroup(reason, count, moment(first), moment(last), example)
        for reason, count, first, last, example in connection.execute(query)
    ]
    return sorted(found, key=lambda group: (-group.rejects, group.reason))


def close(connection: sa.Connection, sync: str, event_ids: Iterable[str]) -> None:
    """Mark rejects as settled: their rows went through, or a person has dealt with them."""
    one = sa.update(rejects).where(
        rejects.c.sync == sync, rejects.c.event_id == sa.bindparam("b_event_id"), rejects.c.closed.is_(None)
    )
    bind = [{"b_event_id": event_id} for event_id in sorted(event_ids)]
    if bind:
        connection.execute(one.values(closed=now()), bind)


def delete(connection: sa.Connection, sync: str, reason: str | None, event_id: str | None) -> int:
    """Delete the rejects of a sync, or those with a reason or an eventId; return how many."""
    wanted = [rejects.c.sync == sync]
    wanted += [rejects.c.reason == reason] if reason else []
    wanted += [rejects.c.event_id == event_id] if event_id else []
    return connection.execute(sa.delete(rejects).where(*wanted)).rowcount


def prune(connection: sa.Connection, sync: str, retention: dt.timedelta) -> int:
    """Delete the rejects of a sync that were last seen longer ago than `retention`; return how many."""
    limit = microseconds(dt.datetime.now(dt.UTC) - retention)
    return connection.execute(
        sa.delete(rejects).where(rejects.c.sync == sync, rejects.c.last_seen < limit)
    ).rowcount


def _open(sync: str, reason: str | None) -> list[sa.ColumnElement[bool]]:
    return [
        rejects.c.sync == sync,
        rejects.c.closed.is_(None),
        *([rejects.c.reason == reason] if reason else []),
    ]


def _values(reject: Reject) -> dict[str, str | None]:
    return {
        "event_id": clean(reject.event_id),
        "reason": reject.reason,
        "message": clean(reject.message),
        "key": clean(reject.key),
        "row": None if reject.row is None else clean(reject.row),
    }


def _stored(row: sa.Row[Any]) -> StoredReject:
    return StoredReject(
        reject=Reject(row.reason, row.message, row.event_id, row.key, row.row),
        sync=row.sync,
        lane=row.lane,
        run_id=row.run_id,
        first_seen=moment(row.first_seen),
        last_seen=moment(row.last_seen),
        attempts=row.attempts,
        closed=None if row.closed is None else moment(row.closed),
    )
