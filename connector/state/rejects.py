"""Rejects as stored: one for each (sync, eventId, reason), however often its row comes by."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa

from connector.model import Reject
from connector.state.database import Database
from connector.state.schema import clean, key_start, microseconds, moment, now, rejects, upsert

_order = (rejects.c.last_seen.desc(), rejects.c.event_id, rejects.c.reason)
_place = (rejects.c.event_id, rejects.c.reason)  # of a reject within its sync
_open = rejects.c.closed.is_(None)


def _keyed(key: sa.ColumnElement[str]) -> tuple[sa.ColumnElement[bool], ...]:
    """Return what holds for the rejects of a key, in the words of the index."""
    return key_start == sa.func.substr(key, 1, 200), rejects.c.key == key


_DELIVERED = (
    sa.update(rejects)
    .where(rejects.c.sync == sa.bindparam("b_sync"), *_keyed(sa.bindparam("b_key", type_=sa.Text)), _open)
    .values(closed=sa.bindparam("b_closed"))
)
_OPEN_KEYS = (
    sa.select(rejects.c.key)
    # In the words of the index: else SQLite may as well take another one, and look at all closed rejects.
    .where(rejects.c.sync == sa.bindparam("b_sync"), key_start > "", _open)
    .distinct()
)


@dataclass(frozen=True, slots=True)
class RejectFilter:
    """Which rejects of a sync are meant: those for which all that is given holds.

    Attributes:
        sync: id of the sync.
        reason: their reason.
        key: their canonical key, a JSON array.
        event_id: their eventId.
        since: last seen at this moment or later, aware.
        until: last seen before this moment, aware.
        closed: whether closed ones are meant too, beside the open ones.
    """

    sync: str
    reason: str | None = None
    key: str | None = None
    event_id: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    closed: bool = False

    @property
    def whole(self) -> bool:
        """Whether it leaves out no open reject of the sync."""
        return not any((self.reason, self.key, self.event_id, self.since, self.until))

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """Return it in SQL."""
        wanted = [rejects.c.sync == self.sync]
        if not self.closed:
            wanted.append(_open)
        if self.reason:
            wanted.append(rejects.c.reason == self.reason)
        if self.key:
            wanted += _keyed(sa.literal(clean(self.key), sa.Text))
        if self.event_id:
            wanted.append(rejects.c.event_id == clean(self.event_id))
        if self.since:
            wanted.append(rejects.c.last_seen >= microseconds(self.since))
        if self.until:
            wanted.append(rejects.c.last_seen < microseconds(self.until))
        return wanted


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
    """Rejects of a sync that share a reason; `example` is the eventId of the one rejected last."""

    reason: str
    rejects: int
    first_seen: dt.datetime
    last_seen: dt.datetime
    example: str


def put(connection: sa.Connection, place: tuple[str, str, str], fresh: Sequence[Reject]) -> None:
    """Store rejects of a (sync, lane, run); one that is known already is seen once more, and open again."""
    sync, lane, run_id = place
    insert = upsert(connection.dialect.name, rejects)
    anew = ("lane", "run_id", "message", "key", "row", "last_seen", "version", "mapping")
    latest = {name: insert.excluded[name] for name in anew}
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


def listed(connection: sa.Connection, wanted: RejectFilter, limit: int) -> list[StoredReject]:
    """Return the rejects that are meant, the newest first."""
    query = sa.select(rejects).where(*wanted.conditions()).order_by(*_order).limit(limit)
    return _page(query, connection)


def iterate(database: Database, wanted: RejectFilter, page: int) -> Iterator[StoredReject]:
    """Yield the rejects that are meant in the order of eventId and reason, at most `page` of them in memory.

    Each page is read by a transaction of its own, so nobody waits for whoever is slow to take them.
    """
    query = sa.select(rejects).where(*wanted.conditions()).order_by(*_place).limit(page)
    found = database.read(partial(_page, query))
    while found:
        yield from found
        last = found[-1].reject
        beyond = query.where(sa.tuple_(*_place) > sa.tuple_(last.event_id, last.reason))
        found = database.read(partial(_page, beyond)) if len(found) == page else []


def _page(query: sa.Select[Any], connection: sa.Connection) -> list[StoredReject]:
    return [_stored(row) for row in connection.execute(query)]


def count(connection: sa.Connection, wanted: RejectFilter) -> int:
    """Return how many rejects are meant."""
    query = sa.select(sa.func.count()).select_from(rejects).where(*wanted.conditions())
    return connection.execute(query).scalar_one()


def open_keys(connection: sa.Connection, sync: str) -> list[str]:
    """Return the canonical keys that open rejects have, each once."""
    return list(connection.execute(_OPEN_KEYS, {"b_sync": sync}).scalars())


def by_event(connection: sa.Connection, event_id: str, sync: str | None) -> list[StoredReject]:
    """Return the rejects under an eventId, closed ones too, the newest first."""
    wanted = rejects.c.event_id == event_id
    query = sa.select(rejects).where(wanted, *([rejects.c.sync == sync] if sync else [])).order_by(*_order)
    return _page(query, connection)


def groups(connection: sa.Connection, wanted: RejectFilter) -> list[RejectGroup]:
    """Return the rejects that are meant by reason, the largest group first."""
    newest = sa.func.row_number().over(partition_by=rejects.c.reason, order_by=_order)
    ranked = sa.select(rejects, newest.label("place")).where(*wanted.conditions()).subquery()
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


def close_delivered(connection: sa.Connection, sync: str, keys: Sequence[str]) -> None:
    """Mark the open rejects of canonical keys as settled: a later version of their rows was delivered."""
    closed = now()
    bind = [{"b_sync": sync, "b_key": clean(key), "b_closed": closed} for key in sorted(keys)]
    connection.execute(_DELIVERED, bind)


def close_older(
    connection: sa.Connection, sync: str, run_id: str, keys: Sequence[str], event_ids: Sequence[str]
) -> None:
    """Mark the open rejects of keys and of eventIds as settled, but those that a run has put or met again."""
    wanted = [rejects.c.sync == sync, rejects.c.run_id != run_id, _open]
    by_key = sa.update(rejects).where(*wanted, *_keyed(sa.bindparam("b_key", type_=sa.Text)))
    by_event = sa.update(rejects).where(*wanted, rejects.c.event_id == sa.bindparam("b_event_id"))
    if keys:
        connection.execute(by_key.values(closed=now()), [{"b_key": clean(key)} for key in sorted(keys)])
    if event_ids:
        bind = [{"b_event_id": clean(event_id)} for event_id in sorted(event_ids)]
        connection.execute(by_event.values(closed=now()), bind)


def delete(connection: sa.Connection, wanted: RejectFilter) -> int:
    """Delete the rejects that are meant; return how many."""
    return connection.execute(sa.delete(rejects).where(*wanted.conditions())).rowcount


def prune(connection: sa.Connection, sync: str, retention: dt.timedelta) -> int:
    """Delete the rejects of a sync that were last seen longer ago than `retention`; return how many."""
    limit = microseconds(dt.datetime.now(dt.UTC) - retention)
    return connection.execute(
        sa.delete(rejects).where(rejects.c.sync == sync, rejects.c.last_seen < limit)
    ).rowcount


def _values(reject: Reject) -> dict[str, str | None]:
    return {
        "event_id": clean(reject.event_id),
        "reason": reject.reason,
        "message": clean(reject.message),
        "key": clean(reject.key),
        "row": None if reject.row is None else clean(reject.row),
        "version": clean(reject.version),
        "mapping": clean(reject.mapping),
    }


def _stored(row: sa.Row[Any]) -> StoredReject:
    return StoredReject(
        reject=Reject(row.reason, row.message, row.event_id, row.key, row.row, row.version, row.mapping),
        sync=row.sync,
        lane=row.lane,
        run_id=row.run_id,
        first_seen=moment(row.first_seen),
        last_seen=moment(row.last_seen),
        attempts=row.attempts,
        closed=None if row.closed is None else moment(row.closed),
    )
