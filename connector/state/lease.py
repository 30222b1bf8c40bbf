"""One holder of a lane at a time: leases with a fencing token that only grows."""

from __future__ import annotations

import datetime as dt
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

from connector.errors import ConnectorError, LeaseHeld, LeaseLost
from connector.model import Holder
from connector.state.database import Database
from connector.state.holder import gone, this_process
from connector.state.schema import StoreNow, leases, moment, upsert

_lane = (leases.c.sync == sa.bindparam("b_sync"), leases.c.lane == sa.bindparam("b_lane"))
_mine = (*_lane, leases.c.token == sa.bindparam("b_token"))
_expires = StoreNow() + sa.bindparam("ttl", type_=sa.BigInteger)

_FIND = sa.select(leases).where(*_lane).with_for_update()
_NOW = sa.select(StoreNow())
_TAKE = sa.update(leases).where(*_lane).values(expires=_expires, since=StoreNow())
_RENEW = sa.update(leases).where(*_mine).values(expires=_expires)
# The seq makes a repeated commit visible: it can advance only from the value it was made for.
_ADVANCE = (
    sa.update(leases)
    .where(*_mine, leases.c.seq == sa.bindparam("b_seq"))
    .values(seq=leases.c.seq + 1, expires=_expires)
)
_PLACE = sa.select(*leases.c["token", "seq"]).where(*_lane)
_FREE = {"pid": None, "expires": None, "since": None}
# A token that was given back must not commit any more, so it is used up.
_RELEASE = sa.update(leases).where(*_mine).values(token=leases.c.token + 1, **_FREE)


@dataclass
class Lease:
    """The right to commit on one lane. Made by `acquire`; a context manager that releases.

    Attributes:
        sync: id of the sync.
        lane: the lane held.
        token: grows with every holder of the lane.
        ttl: how long it holds without renewal or commit.
        seq: the number of transactions made under it.
        deadline: `time.monotonic()` by which it must have been renewed; a commit renews too.
    """

    sync: str
    lane: str
    token: int
    ttl: dt.timedelta
    database: Database
    seq: int = 0
    deadline: float = 0.0
    _awake_deadline: float = 0.0

    @property
    def expired(self) -> bool:
        """Whether the deadline has passed, the time this machine slept included where that is known."""
        monotonic, boottime = clocks()
        return monotonic >= self.deadline or boottime >= self._awake_deadline

    def renew(self) -> None:
        """Hold on for another `ttl`.

        Raises:
            LeaseLost: another process holds the lane.
            StateError: the store cannot be written.
        """

        def work(connection: sa.Connection) -> Clocks:
            before = clocks()
            if connection.execute(_RENEW, {**self.bind(), "ttl": _microseconds(self.ttl)}).rowcount != 1:
                raise lost(self)
            return before

        self.extend(self.database.write(work))

    def release(self) -> None:
        """Give the lane back; nothing can be committed under this lease any more. Harmless when repeated."""
        self.database.write(lambda connection: connection.execute(_RELEASE, self.bind()))
        self.deadline = self._awake_deadline = 0.0

    @contextmanager
    def kept(self) -> Iterator[None]:
        """While inside, renew from a thread: for work that takes long and commits nothing, such as opening a source."""
        done = threading.Event()

        def beat() -> None:
            while not done.wait(self.ttl.total_seconds() / 4):
                try:
                    self.renew()
                except LeaseLost:
                    return  # the next commit says so
                except ConnectorError:
                    continue

        thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def extend(self, since: Clocks) -> None:
        """Move the deadline to `ttl` after `since`, which was read before the store read its own clock."""
        self.deadline, self._awake_deadline = (clock + self.ttl.total_seconds() for clock in since)

    def bind(self) -> dict[str, Any]:
        """Return the parameters that name this lease in statements."""
        return {"b_sync": self.sync, "b_lane": self.lane, "b_token": self.token}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # An error on its way out says more than that the store is away: the lease then ends by itself.
        with suppress(*([] if error is None else [ConnectorError])):
            self.release()


Clocks = tuple[float, float]


def clocks() -> Clocks:
    """Return the monotonic clock, and the one that goes on while the machine sleeps (or the same again)."""
    monotonic = time.monotonic()
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return monotonic, monotonic if boottime is None else time.clock_gettime(boottime)


def acquire(
    database: Database, place: tuple[str, str], ttl: dt.timedelta, holder: Holder | None = None
) -> Lease:
    """Take the lease of a lane that is free, has run out, or whose holder is provably gone.

    Args:
        database: the store.
        place: sync id and lane.
        ttl: how long it holds without renewal.
        holder: who takes it; this process unless told.

    Raises:
        LeaseHeld: someone else holds it; says who and since when.
    """
    holder = holder or this_process()
    lease = Lease(*place, token=0, ttl=ttl, database=database)
    nonce = secrets.token_hex(8)

    def work(connection: sa.Connection) -> Clocks:
        before = clocks()
        row = locked_row(connection, place)
        if row.nonce == nonce:  # taken before the connection was lost
            lease.token = row.token
            return before
        refuse_if_held(connection, row, database)
        lease.token = row.token + 1
        taken = {name: getattr(holder, name) for name in Holder.__slots__}
        statement = _TAKE.values(token=lease.token, seq=0, nonce=nonce, **taken)
        connection.execute(statement, {**lease.bind(), "ttl": _microseconds(ttl)})
        return before

    lease.extend(database.write(work))
    return lease


def locked_row(connection: sa.Connection, place: tuple[str, str]) -> sa.Row[Any]:
    """Return the row of a lane, made if need be, and keep others from taking it until the transaction ends."""
    bind = dict(zip(("b_sync", "b_lane"), place, strict=True))
    row = connection.execute(_FIND, bind).one_or_none()
    if row is None:
        insert = upsert(connection.dialect.name, leases).on_conflict_do_nothing()
        connection.execute(insert, {"sync": place[0], "lane": place[1], "token": 0, "seq": 0})
        row = connection.execute(_FIND, bind).one()
    return row


def refuse_if_held(connection: sa.Connection, row: sa.Row[Any], database: Database) -> None:
    """Refuse a lane that someone holds.

    Raises:
        LeaseHeld: its holder may still be running and its lease has not run out.
    """
    if row.pid is None or connection.execute(_NOW).scalar_one() >= row.expires:
        return
    if gone(holder_of(row), one_host=database.one_host):
        return
    since = f"{moment(row.since):%Y-%m-%d %H:%M:%S} UTC"
    raise LeaseHeld(
        f"sync {row.sync} (lane {row.lane}) is held by process {row.pid} on {row.host} since {since}",
        hint=f"wait until it is done, or add --wait; if it is gone, its hold ends at {moment(row.expires):%H:%M:%S} UTC by itself",
    )


def holder_of(row: sa.Row[Any]) -> Holder:
    """Return the holder that a row of `leases` names."""
    return Holder(*(getattr(row, name) for name in Holder.__slots__))


def fenced(lease: Lease, work: Callable[[sa.Connection], None]) -> None:
    """Run `work` in a transaction that is in force only if this lease still holds the lane, and only once.

    An answer lost on its way from the server is settled by the lease's `seq`: when it has advanced, the
    transaction happened; when not, it is repeated.

    Raises:
        LeaseLost: another process holds the lane.
        StateError: the store cannot be written.
    """

    def attempt(connection: sa.Connection) -> Clocks:
        before = clocks()
        if _advance(connection, lease):
            work(connection)
        return before

    before = lease.database.write(attempt)
    lease.seq += 1
    lease.extend(before)


def _advance(connection: sa.Connection, lease: Lease) -> bool:
    bind = {**lease.bind(), "b_seq": lease.seq, "ttl": _microseconds(lease.ttl)}
    if connection.execute(_ADVANCE, bind).rowcount == 1:
        return True
    place = connection.execute(_PLACE, lease.bind()).one_or_none()
    if place is None or tuple(place) != (lease.token, lease.seq + 1):
        raise lost(lease)
    return False


def lost(lease: Lease) -> LeaseLost:
    """Return the error that says so."""
    return LeaseLost(
        f"lost the lease of sync {lease.sync} (lane {lease.lane}): another process has taken it over",
        hint="this run ends here and the other goes on; nothing acknowledged and committed is lost",
    )


def _microseconds(duration: dt.timedelta) -> int:
    return duration // dt.timedelta(microseconds=1)
