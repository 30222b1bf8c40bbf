"""The tables of the state store, the same on SQLite and PostgreSQL.

Times are microseconds since 1970 (UTC) and structured values are JSON text: both come back exactly as they
went in, on either database.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

metadata = sa.MetaData()


def _table(name: str, *columns: sa.schema.SchemaItem, clustered: bool = False) -> sa.Table:
    # The prefix lets the tables live in a database that is used for other things too.
    return sa.Table(f"connector_{name}", metadata, *columns, sqlite_with_rowid=not clustered)


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=True)


def _text(name: str, default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=default is None, server_default=default)


def _number(name: str, *, nullable: bool = False, key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=nullable, primary_key=key, autoincrement=False)


version = _table("version", _number("version"))

# The row stays when a lease ends: its token must go on growing. `pid` is null while nobody holds the lane.
leases = _table(
    "leases",
    _key("sync"),
    _key("lane"),
    _number("token"),
    _number("seq"),
    _text("nonce"),
    _number("since", nullable=True),
    _number("expires", nullable=True),
    _text("host"),
    _number("pid", nullable=True),
    _text("boot_id"),
    _text("pid_namespace"),
    _text("started"),
    clustered=True,
)

# `acknowledged` is null until an outcome is recorded; empty digests are an outcome too. `replay`: of rejects. `prints`
# and `keys`: what is in doubt in synced until the request is finished.
intents = _table(
    "intents",
    _key("sync"),
    _key("lane"),
    _number("token", key=True),
    _number("seq", key=True),
    _number("rows"),
    _number("items"),
    sa.Column("digests", sa.LargeBinary),
    sa.Column("acknowledged", sa.LargeBinary),
    sa.Column("counted", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("replay", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("prints", sa.LargeBinary),
    sa.Column("keys", sa.LargeBinary),
    clustered=True,
)

watermarks = _table(
    "watermarks", _key("sync"), _key("lane"), _key("part"), _text("value", ""), clustered=True
)

syncs = _table("syncs", _key("sync"), _text("fingerprint"), clustered=True)

runs = _table(
    "runs",
    _key("run_id"),
    _text("sync", ""),
    _text("lane", ""),
    _number("started"),
    _number("updated"),
    _number("ended", nullable=True),
    _number("exit_code", nullable=True),
    _text("counts", "{}"),
    _text("rejects", "{}"),
    _text("warnings", "{}"),
    _text("notes", "[]"),
    _text("error", ""),
)
sa.Index("connector_runs_by_sync", runs.c.sync, runs.c.started)

rejects = _table(
    "rejects",
    _key("sync"),
    _key("event_id"),
    _key("reason"),
    _text("lane", ""),
    _text("run_id", ""),
    _text("message", ""),
    _text("key", ""),
    _text("row"),
    _number("first_seen"),
    _number("last_seen"),
    _number("attempts"),
    _number("closed", nullable=True),
    _text("version", ""),
    _text("mapping", ""),
)
sa.Index("connector_rejects_by_event", rejects.c.event_id)
sa.Index("connector_rejects_by_time", rejects.c.sync, rejects.c.last_seen)

# The beginning of a key: what is longer than a page of an index PostgreSQL would refuse to store.
key_start = sa.literal_column('substr("key", 1, 200)', sa.Text)
# As text: an Index with a condition loads SQLAlchemy's dialects, a tenth of a second of every start.
rejects_by_key = sa.DDL(  # type: ignore[no-untyped-call] # SQLAlchemy has no types here
    'CREATE INDEX connector_rejects_by_key ON connector_rejects (sync, substr("key", 1, 200)) WHERE closed IS NULL'
)
sa.event.listen(rejects, "after_create", rejects_by_key)

# What must not be sent again, as digests: they name nobody.
forgotten = _table("forgotten", _key("sync"), _key("kind"), _key("digest"), _number("at"), clustered=True)

# Who sends to a destination now. Shares are millionths of its pace.
paces = _table(
    "paces",
    _key("destination"),
    _key("sender"),
    _number("live"),
    _number("wanted"),
    _number("granted"),
    _number("expires"),
    clustered=True,
)

destinations = _table(
    "destinations", _key("destination"), _text("learned", "{}"), _number("updated"), clustered=True
)


# What Track is known to have. `places` and `prints` say how much the generation began with, `next` the place of what is
# appended next, so what is missing shows.
synced = _table(
    "synced",
    _key("sync"),
    _number("generation"),
    _number("places"),
    _number("prints"),
    _number("next"),
    sa.Column("keyed", sa.Boolean, nullable=False),
    clustered=True,
)

# `first` is the least hash of a segment that is sorted, as a signed number; null where it is as it was appended.
segments = _table(
    "segments",
    _key("sync"),
    _number("generation", key=True),
    _number("place", key=True),
    _number("prints"),
    _number("first", nullable=True),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.Column("keys", sa.LargeBinary),
)

# `seam` is the extractor's, `asked` what a person wants, `paused` a truth; `ended` is null until every slice is done.
backfills = _table(
    "backfills",
    _key("backfill"),
    _text("sync", ""),
    _text("seam", "{}"),
    _text("asked", "{}"),
    _number("created"),
    _number("paused"),
    _number("ended", nullable=True),
    clustered=True,
)
sa.Index("connector_backfills_by_sync", backfills.c.sync, backfills.c.created)

# `run` is the run of the last attempt; `counts` and `worked` (microseconds) are those of the attempts before it, or
# of all where the slice does not run. `holding` is the extractor's, for each batch that is read and not finished.
slices = _table(
    "slices",
    _key("backfill"),
    _number("place", key=True),
    _text("bounds", "{}"),
    _number("rows"),
    _text("state", "planned"),
    _number("attempts"),
    _number("started", nullable=True),
    _number("updated"),
    _number("worked"),
    _text("run", ""),
    _text("counts", "{}"),
    _text("holding"),
    _text("error", ""),
    clustered=True,
)
sa.Index("connector_slices_by_state", slices.c.backfill, slices.c.state, slices.c.place)


class StoreNow(FunctionElement[int]):
    """The clock of the store in microseconds: the one clock by which leases of several hosts expire."""

    type = sa.BigInteger()
    inherit_cache = True


@compiles(StoreNow, "sqlite")
def _sqlite_now(*_: object, **__: object) -> str:
    return "cast((julianday('now') - 2440587.5) * 86400000000 as integer)"


@compiles(StoreNow, "postgresql")
def _postgresql_now(*_: object, **__: object) -> str:
    return "cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)"


_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


def microseconds(moment: dt.datetime) -> int:
    """Turn an aware datetime into microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(microseconds: int) -> dt.datetime:
    """Turn microseconds since 1970 into an aware datetime (UTC)."""
    return _EPOCH + microseconds * _MICROSECOND


def now() -> int:
    """Return this machine's clock in microseconds: for what is shown to people, never for leases."""
    return microseconds(dt.datetime.now(dt.UTC))


def upsert(dialect: str, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT into `table` that may say ON CONFLICT, in the words of a dialect."""
    # Each loads only its own dialect: both together cost a tenth of a second of every start.
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as insert_into_postgresql

        return insert_into_postgresql(table)
    from sqlalchemy.dialects.sqlite import insert as insert_into_sqlite

    return insert_into_sqlite(table)


def to_json(value: Any) -> str:
    """Encode a JSON value as ASCII, which every database keeps as it is, lone surrogates and NUL included."""
    return _ENCODER.encode(value)


def clean(text: str) -> str:
    """Return text that every database takes: words of a server may hold NUL or half a character."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
