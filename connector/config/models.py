"""The configuration as typed, frozen values: what the YAML becomes once it is read and found right."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

ScalarType = Literal["string", "integer", "number", "boolean", "timestamp", "date", "json"]


class Model(BaseModel):
    """Frozen, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


# ── values ────────────────────────────────────────────────────────────────────────────────────────────


class Column(Model):
    """The value of a column."""

    column: str
    type: ScalarType | None = None
    default: Any = None
    hash: Literal["sha256"] | None = None


class Sql(Model):
    """A DuckDB scalar expression over the columns."""

    sql: str
    type: ScalarType | None = None
    default: Any = None
    hash: Literal["sha256"] | None = None


class Constant(Model):
    """A constant; None is null."""

    value: Any
    type: ScalarType | None = None
    default: Any = None
    hash: Literal["sha256"] | None = None


class Template(Model):
    """Text with ``{column}`` in it; null when any of its columns is null or blank; ``{{`` is a brace."""

    template: str
    type: ScalarType | None = None
    default: Any = None
    hash: Literal["sha256"] | None = None


class Object(Model):
    """A nested object. `rest` (``"*": true``) takes every column used nowhere else but those in `without`."""

    members: dict[str, Value]
    rest: bool = False
    without: frozenset[str] = frozenset()


class ListOf(Model):
    """An array of values."""

    elements: tuple[Value, ...] = Field(alias="list")


Value = Column | Sql | Constant | Template | Object | ListOf


# ── mapping ───────────────────────────────────────────────────────────────────────────────────────────

Kind = Literal["event", "identify", "group", "product"]

# The fields of an item that hold one identifier each: always JSON strings, blank is null.
IDENTIFIERS = (
    "profileId",
    "userId",
    "accountId",
    "sessionId",
    "pageId",
    "anotherUserId",
    "anotherAccountId",
    "productId",
)


class Mapping(Model):
    """How a row becomes an item.

    `event` is a constant name or a column (or other value) per row; None takes the kind's own name.
    `fields` holds eventId (when mapped by hand) and the identifiers of `IDENTIFIERS` that are mapped.
    """

    kind: Kind
    when: str | None = None
    event: str | Value | None = None
    events: Literal["per_row", "per_version"] = "per_row"
    identity: Literal["any", "strict"] = "any"
    nulls: Literal["omit", "send"] = "omit"
    ordered: bool = False
    fields: dict[str, Value] = Field(default_factory=dict)
    timestamp: Value | None = None
    data: Object | None = None
    user_attributes: Object | None = Field(default=None, alias="userAttributes")
    account_attributes: Object | None = Field(default=None, alias="accountAttributes")


# ── source ────────────────────────────────────────────────────────────────────────────────────────────


class SourceSettings(Model):
    """What every source has.

    Attributes:
        columns: declared types (DuckDB type names) of columns whose type the source does not tell.
        cursor: a column's name, an SQL expression, or None.
        key: columns that make a row unique; empty when there are none.
        start: where a first run starts: ``beginning``, ``now`` or a value of the cursor as text.
        settle: ``auto``, a duration, or None for the source's own default.
        transform: ``module:function``, or None.
    """

    where: str | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    mode: Literal["incremental", "full", "diff"]
    cursor: str | Sql | None = None
    key: tuple[str, ...] = ()
    start: str | int = "beginning"
    settle: Literal["auto"] | dt.timedelta | None = None
    future: dt.timedelta = dt.timedelta(days=1)
    lookback: dt.timedelta = dt.timedelta(0)
    track_keys: bool = False
    timezone: str = "UTC"
    transform: str | None = None
    on_delete: Literal["ignore"] | Mapping = "ignore"
    delete_guard: float = 0.05


class DatabaseSource(SourceSettings):
    """A table or query of any database that SQLAlchemy has a dialect for.

    `url` is an SQLAlchemy URL (a secret: it may hold a password); relative SQLite and DuckDB paths are already
    resolved from the folder of the YAML file.
    """

    type: Literal["database"]
    url: SecretStr
    table: str | None = None
    query: str | None = None


class ParquetSource(SourceSettings):
    """A file, a glob or a folder of Parquet files, with hive partitions as text unless declared."""

    type: Literal["parquet"]
    path: str
    partitions: dict[str, str] = Field(default_factory=dict)
    stable_for: dt.timedelta = dt.timedelta(seconds=60)


Source = Annotated[DatabaseSource | ParquetSource, Field(discriminator="type")]


# ── destination ───────────────────────────────────────────────────────────────────────────────────────


class Retry(Model):
    """Exponential backoff with full jitter, from `wait_initial` to `wait_max`, given up after `max_elapsed`."""

    max_elapsed: dt.timedelta = dt.timedelta(minutes=15)
    wait_initial: dt.timedelta = dt.timedelta(milliseconds=200)
    wait_max: dt.timedelta = dt.timedelta(seconds=60)


class TrackDestination(Model):
    """The Track API. Sizes in bytes; `max_items`, `max_bytes` and `concurrency` are ceilings."""

    type: Literal["track"] = "track"
    base_url: str = "https://api.intempt.com/v1"
    org: str
    project: str
    source_id: str
    api_key: SecretStr
    auth: Literal["header", "query"]
    max_items: int = Field(default=500, ge=1)
    max_bytes: int = Field(default=1_000_000, ge=1_000)
    concurrency: int = Field(default=8, ge=1, le=256)
    window: int = Field(default=64, ge=1)
    timeout: dt.timedelta = dt.timedelta(seconds=30)
    retry: Retry = Retry()
    max_items_per_second: float | None = None
    max_requests_per_second: float | None = None
    compression: Literal["none", "gzip"] = "none"
    on_doubt: Literal["resend", "hold"] = "resend"
    on_5xx: Literal["isolate", "stop"] = "isolate"
    ca_file: Path | None = None


# ── the rest of a sync ────────────────────────────────────────────────────────────────────────────────


class Rejects(Model):
    """Ceilings: a share of the rows read once `after` rows were read, and a run of consecutive rejects."""

    max: float = 0.05
    after: int = 1000
    max_consecutive: int = 1000
    keep_rows: bool = True
    retention: dt.timedelta = dt.timedelta(days=30)


class Schedule(Model):
    """When `serve` runs the sync: an interval or a cron line, in a time zone."""

    every: dt.timedelta | None = None
    cron: str | None = None
    timezone: str = "UTC"
    jitter: dt.timedelta = dt.timedelta(0)
    blackout: tuple[str, ...] = ()
    after: str | None = None


class MappingTest(Model):
    """A row and the item it must become, or the code it must be rejected with."""

    row: dict[str, Any]
    item: dict[str, Any] | tuple[dict[str, Any], ...] | None = None
    reject: str | None = None


class Sync(Model):
    """One YAML file, whole: shared settings merged, variables replaced, defaults filled in.

    `file` is the path as the user gave it; relative paths inside are already resolved from its folder.
    """

    sync: str
    id: str
    source: Source
    mapping: tuple[Mapping, ...]
    destination: TrackDestination
    rejects: Rejects = Rejects()
    schedule: Schedule | None = None
    freshness: dt.timedelta | None = None
    shutdown_timeout: dt.timedelta = dt.timedelta(seconds=30)
    tests: tuple[MappingTest, ...] = ()
    file: Path
    environment: str | None = None


Object.model_rebuild()
ListOf.model_rebuild()
