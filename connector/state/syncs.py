"""Syncs as stored: what is known of each, and what people may do to its state between runs."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from connector.errors import ConfigError
from connector.model import Holder
from connector.state import backfills, segments
from connector.state.database import Database
from connector.state.holder import gone
from connector.state.lease import holder_of, locked_row, refuse_if_held
from connector.state.schema import (
    StoreNow,
    forgotten,
    intents,
    leases,
    moment,
    rejects,
    runs,
    synced,
    syncs,
    to_json,
    upsert,
    watermarks,
)
from connector.state.schema import backfills as ledgers
from connector.state.schema import segments as stored_segments

# A token that is used up commits nothing any more.
_FREE = sa.update(leases).values(token=leases.c.token + 1, pid=None, expires=None, since=None)


@dataclass(frozen=True, slots=True)
class LaneState:
    """A lane of a sync.

    Attributes:
        lane: its name.
        parts: number of parts of its watermark.
        holder: who holds its lease, None while nobody does.
        since: when the holder took it.
        running: whether the holder may still be at work: its lease has not run out and it is not known to be gone.
    """

    lane: str
    parts: int
    holder: Holder | None
    since: dt.datetime | None
    running: bool


@dataclass(frozen=True, slots=True)
class SyncState:
    """A sync that has state: its id, its lanes in the order of their names, its fingerprint."""

    sync: str
    lanes: tuple[LaneState, ...]
    fingerprint: Mapping[str, Any] | None


def fingerprint(connection: sa.Connection, sync: str) -> dict[str, Any] | None:
    """Return the stored fingerprint of a sync, None where there is none."""
    text = connection.execute(sa.select(syncs.c.fingerprint).where(syncs.c.sync == sync)).scalar_one_or_none()
    return None if text is None else dict(json.loads(text))


def enter(connection: sa.Connection, sync: str, parts: Mapping[str, Any] | None = None) -> None:
    """Make a sync known; with `parts`, these are its fingerprint from now on."""
    insert = upsert(connection.dialect.name, syncs)
    if parts is None:
        connection.execute(insert.on_conflict_do_nothing(), {"sync": sync, "fingerprint": None})
        return
    put = insert.on_conflict_do_update(
        index_elements=[syncs.c.sync], set_={"fingerprint": insert.excluded.fingerprint}
    )
    connection.execute(put, {"sync": sync, "fingerprint": to_json(dict(parts))})


def listed(connection: sa.Connection, database: Database) -> list[SyncState]:
    """Return every sync that has state, in the order of their ids."""
    now = connection.execute(sa.select(StoreNow())).scalar_one()
    sizes = sa.select(*watermarks.c["sync", "lane"], sa.func.count()).group_by(
        watermarks.c.sync, watermarks.c.lane
    )
    parts = {(row[0], row[1]): row[2] for row in connection.execute(sizes)}
    lanes: dict[str, list[LaneState]] = {}
    for row in connection.execute(sa.select(leases).order_by(leases.c.sync, leases.c.lane)):
        count = parts.get((row.sync, row.lane), 0)
        if row.pid is None:
            lane = LaneState(row.lane, count, None, None, running=False)
        else:
            holder = holder_of(row)
            running = now < row.expires and not gone(holder, one_host=database.one_host)
            lane = LaneState(row.lane, count, holder, moment(row.since), running=running)
        lanes.setdefault(row.sync, []).append(lane)
    known = connection.execute(sa.select(syncs).order_by(syncs.c.sync)).all()
    return [
        SyncState(row.sync, tuple(lanes.get(row.sync, ())), row.fingerprint and json.loads(row.fingerprint))
        for row in known
    ]


def seize(connection: sa.Connection, database: Database, sync: str, *lanes: str) -> None:
    """Keep every lane of a sync, and those named, from being run until this transaction ends.

    A holder that is gone or whose lease has run out cannot commit any more.

    Raises:
        LeaseHeld: one of the lanes is held.
    """
    known = connection.execute(sa.select(leases.c.lane).where(leases.c.sync == sync)).scalars()
    for lane in sorted({*known, *lanes}):
        refuse_if_held(connection, locked_row(connection, (sync, lane)), database)
    connection.execute(_FREE.where(leases.c.sync == sync))


def seize_all(connection: sa.Connection, database: Database) -> None:
    """Let no holder of any lane commit any more.

    Raises:
        LeaseHeld: a lane is held by someone who may still be at work.
    """
    refuse_running(connection, database)
    connection.execute(_FREE)


def refuse_running(connection: sa.Connection, database: Database) -> None:
    """Refuse a store at which someone runs a sync.

    Raises:
        LeaseHeld: a lane is held.
    """
    every = sa.select(leases).order_by(leases.c.sync, leases.c.lane).with_for_update()
    for row in connection.execute(every).all():
        refuse_if_held(connection, row, database)


def reset(connection: sa.Connection, sync: str) -> None:
    """Forget watermarks, intents, synced, backfills and fingerprint of a sync. The lanes are seized.

    Its runs and rejects stay, and what was promised not to be sent again.
    """
    for table in (watermarks, intents):
        connection.execute(sa.delete(table).where(table.c.sync == sync))
    segments.drop(connection, sync)
    backfills.drop(connection, ledgers.c.sync == sync)
    connection.execute(sa.update(syncs).where(syncs.c.sync == sync).values(fingerprint=None))


def rename(connection: sa.Connection, old: str, new: str) -> None:
    """Give the state of a sync another id. The lanes of both are seized.

    Raises:
        ConfigError: there is no state under `old`, or there is some under `new`.
    """
    if connection.execute(sa.select(syncs).where(syncs.c.sync == old)).one_or_none() is None:
        raise ConfigError(
            f"there is no state of a sync {old}",
            hint="name the id that the state was kept under (the sync's `id:`, or its name)",
        )
    for table in (watermarks, intents):
        if connection.execute(sa.select(table).where(table.c.sync == new).limit(1)).first() is not None:
            raise ConfigError(
                f"there is state of a sync {new} already",
                hint=f"`state reset {new}` forgets it, or choose another name",
            )
    _hand_over_tokens(connection, old, new)
    moved = rejects.alias()
    both = (moved.c.sync == old, moved.c.event_id == rejects.c.event_id, moved.c.reason == rejects.c.reason)
    connection.execute(sa.delete(rejects).where(rejects.c.sync == new, sa.exists().where(*both)))
    # What must not be sent under either id must not be sent under the new one.
    same = (forgotten.c.kind, forgotten.c.digest)
    under_both = sa.select(*same).where(forgotten.c.sync == new)
    connection.execute(sa.delete(forgotten).where(forgotten.c.sync == old, sa.tuple_(*same).in_(under_both)))
    connection.execute(sa.delete(syncs).where(syncs.c.sync == new))
    segments.drop(connection, new)
    backfills.drop(connection, ledgers.c.sync == new)
    for table in (watermarks, intents, syncs, runs, rejects, forgotten, synced, stored_segments, ledgers):
        connection.execute(sa.update(table).where(table.c.sync == old).values(sync=new))


def _hand_over_tokens(connection: sa.Connection, old: str, new: str) -> None:
    """Let the tokens of the new id grow from those of the old, so that no new holder owns an old intent.

    The old id keeps its rows in `leases`: its tokens must go on growing too, should it be used again.
    """
    for lane, token in connection.execute(
        sa.select(*leases.c["lane", "token"]).where(leases.c.sync == old)
    ).all():
        row = locked_row(connection, (new, lane))
        place = (leases.c.sync == new, leases.c.lane == lane)
        connection.execute(sa.update(leases).where(*place).values(token=max(row.token, token)))
