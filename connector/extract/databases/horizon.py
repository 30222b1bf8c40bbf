"""How far a run may read so that rows which are committed late are not skipped."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Literal
from zoneinfo import ZoneInfo

import pyarrow as pa

from connector.errors import ConfigError
from connector.extract.databases.reader import Auto, Column, Raw, Reader
from connector.extract.databases.times import written
from connector.extract.databases.wallclock import goes_back, least_shown

_FALLBACK = dt.timedelta(seconds=60)
# A transaction open for longer than this is named.
_LONG = 60.0
_PROMISE = "Late rows: none is skipped that this server's clock stamped in the transaction that commits it (settle: auto)."


@dataclass(frozen=True, slots=True)
class Horizon:
    """Where a run ends.

    Attributes:
        raw: rows with a cursor below this are read; None reads up to what is visible.
        beyond: rows above this are stamped in the future; None where that cannot be said in the cursor's type.
        upto: rows with a cursor up to this are read where `raw` is None, if that is known.
        latest: the instant that `beyond` stands for, where it must be written as the source has its own stamps.
        timezone: of stamps that name no zone.
        kept: whether the horizon is worth remembering in the watermark.
        held: whether nothing can be read, because no horizon can be trusted.
        notes: the promise that results, and why it is no better.
    """

    raw: Raw | None
    beyond: Raw | None = None
    upto: Raw | None = None
    latest: dt.datetime | None = None
    timezone: str = "UTC"
    kept: bool = False
    held: bool = False
    notes: tuple[str, ...] = ()

    def in_form_of(self, greatest: Raw | None) -> Horizon:
        """Write the bounds as the greatest stored stamp is written; what is added after it waits for the next run."""
        if self.latest is None or greatest is None or greatest[0] in {"integer", "blob"}:
            return self
        found = written(greatest[1])
        if found is None:
            return self
        if found.instant(self.timezone) <= self.latest:
            return replace(self, upto=greatest)
        beyond = greatest[0], found.at(self.latest, self.timezone)
        return replace(self, beyond=beyond, upto=beyond)


@dataclass(frozen=True, slots=True)
class Policy:
    """What the configuration says about late rows."""

    settle: Literal["auto"] | dt.timedelta | None
    future: dt.timedelta
    timezone: str


def find_horizon(reader: Reader, cursor: Column, policy: Policy, recorded: Raw | None) -> Horizon:
    """Find the horizon by statements of its own: it must be known before the snapshot that reads rows.

    Args:
        reader: asked for its clock and for open transactions.
        cursor: gives the horizon its type and precision.
        policy: what is configured.
        recorded: the horizon of an earlier run.

    Raises:
        ConfigError: what is asked for cannot be kept.
    """
    settle = policy.settle if policy.settle is not None else reader.traits.settle
    explicit = policy.settle is not None
    if reader.traits.mixed and settle:
        raise ConfigError(
            "settle needs a clock in the cursor's own form, which SQLite does not tell.",
            hint="leave it out: SQLite has one writer at a time; or set source.where: moved_at < datetime('now', '-60 seconds')",
            path="source.settle",
        )
    if settle != "auto":
        return _by_duration(reader, cursor, policy, settle, _why_not_time(cursor, settle, explicit=explicit))
    auto = reader.auto()
    obstacle = _obstacle(auto, cursor)
    if obstacle and explicit:
        raise ConfigError(
            f"settle: auto cannot be kept: {obstacle}.",
            hint="leave settle out, or set a duration longer than the longest writing transaction",
            path="source.settle",
        )
    if auto is None or obstacle:
        fallback = _FALLBACK if cursor.is_time else dt.timedelta(0)
        return _by_duration(reader, cursor, policy, fallback, f"settle: auto cannot be kept: {obstacle}. ")
    return _by_transactions(auto, cursor, policy, recorded)


def _why_not_time(cursor: Column, settle: dt.timedelta, *, explicit: bool) -> str:
    if not settle or cursor.is_time:
        return ""
    if explicit:
        raise ConfigError(
            f"settle needs a cursor that is a time, and {cursor.name!r} is {cursor.native or cursor.type}.",
            hint="set settle: 0, or use a timestamp column as cursor",
            path="source.settle",
        )
    return f"The cursor {cursor.name!r} is no time. "


def _obstacle(auto: Auto | None, cursor: Column) -> str:
    if not cursor.is_time:
        return f"the cursor {cursor.name!r} is no time"
    return auto.obstacle if auto else "this source does not tell which transactions are open"


def _by_duration(reader: Reader, cursor: Column, policy: Policy, settle: dt.timedelta, why: str) -> Horizon:
    if not settle or not cursor.is_time:
        promise = "Late rows: a row committed after one with a higher cursor was read is skipped (settle: 0)."
        # SQLite has one writer at a time, so only stamps made before its turn can be late.
        quiet = reader.traits.settle == dt.timedelta(0) and not why
        notes = (*(() if quiet else (why + promise,)), *_twice(cursor, policy.timezone))
        if not cursor.is_time and not reader.traits.mixed:
            return Horizon(None, notes=notes)
        latest = reader.clock() + policy.future
        if reader.traits.mixed:  # what it stores has a form of its own
            return Horizon(None, latest=latest, timezone=policy.timezone, notes=notes)
        beyond = stamp(latest, cursor, policy.timezone)
        return Horizon(None, beyond, upto=beyond, notes=notes)
    seconds = f"{settle.total_seconds():g}"
    promise = f"Late rows: a row committed more than {seconds} s after its stamp can be skipped (settle: {seconds}s)."
    now = reader.clock()
    return Horizon(
        stamp(now - settle, cursor, policy.timezone),
        stamp(now + policy.future, cursor, policy.timezone),
        notes=(why + promise, *reader.advice(settle)),
    )


def _twice(cursor: Column, timezone: str) -> tuple[str, ...]:
    zoned = pa.types.is_timestamp(cursor.type) and cursor.type.tz
    if not cursor.is_time or zoned or not goes_back(dt.datetime.now(dt.UTC), ZoneInfo(timezone)):
        return ()
    shown = f"clocks in {timezone} show one hour twice a year"
    risk = "with settle: 0 rows stamped in it can be skipped. Stamp in UTC"
    return (f"The cursor {cursor.name!r} names no zone, and {shown}: {risk}.",)


def _by_transactions(auto: Auto, cursor: Column, policy: Policy, recorded: Raw | None) -> Horizon:
    # An old transaction holds the horizon back, and makes no future of what was stamped since.
    behind = dt.timedelta(seconds=auto.holder[1] if auto.holder else 0)
    beyond = stamp(auto.horizon + behind + policy.future, cursor, policy.timezone)
    notes = [_PROMISE]
    if auto.holder:
        pid, age = auto.holder
        notes.append(
            f"Process {pid} has had a transaction open for {age:.0f} s: rows stamped since then wait until it ends."
        )
    if auto.prepared:
        notes.append(
            f"{auto.prepared} prepared transactions wait to be committed: reading stays below the last recorded"
            " horizon. Commit or roll them back (pg_prepared_xacts)."
        )
        return Horizon(recorded, beyond, kept=True, held=recorded is None, notes=tuple(notes))
    return Horizon(stamp(auto.horizon, cursor, policy.timezone), beyond, kept=True, notes=tuple(notes))


def stamp(instant: dt.datetime, cursor: Column, timezone: str) -> Raw:
    """Write an instant in the cursor's type, cut off (never rounded up) at its precision.

    Without a zone it is the least stamp that clocks in `timezone` still give, see `least_shown`.
    """
    zoned = pa.types.is_timestamp(cursor.type) and cursor.type.tz
    local = (
        instant.astimezone(dt.UTC).replace(tzinfo=None) if zoned else least_shown(instant, ZoneInfo(timezone))
    )
    if pa.types.is_date(cursor.type):
        return cursor.native, local.date().isoformat()
    text = local.isoformat(sep=" ", timespec="microseconds")
    cut = text[: 20 + cursor.precision] if cursor.precision else text[:19]
    return cursor.native, cut + ("Z" if zoned else "")
