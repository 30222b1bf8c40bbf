"""The configuration as typed, frozen values: what the YAML becomes once it is read and found right."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, PrivateAttr, WithJsonSchema

from connector.config.destination import Retry, TrackDestination
from connector.config.mapping import IDENTIFIERS, RESERVED_EVENT, RESERVED_PREFIX, Kind, Mapping, MappingField
from connector.config.scalars import (
    ONE_OR_MANY,
    Cron,
    Duration,
    DurationOrNone,
    Flag,
    Name,
    NoneText,
    PositiveDuration,
    Share,
    Text,
    Whole,
    Zone,
    wrong,
)
from connector.config.source import (
    DatabaseSource,
    DeltaSource,
    IcebergSource,
    LakeSettings,
    ParquetSource,
    Source,
    SourceSettings,
    Storage,
    UrlParts,
)
from connector.config.values import Column, Constant, ListOf, Model, Object, ScalarType, Sql, Template, Value

__all__ = [
    "IDENTIFIERS",
    "REASONS",
    "RESERVED_EVENT",
    "RESERVED_PREFIX",
    "Column",
    "Constant",
    "DatabaseSource",
    "DeltaSource",
    "IcebergSource",
    "Kind",
    "LakeSettings",
    "ListOf",
    "Mapping",
    "MappingTest",
    "Model",
    "Object",
    "ParquetSource",
    "Reason",
    "Rejects",
    "Retry",
    "ScalarType",
    "Schedule",
    "Source",
    "SourceSettings",
    "Sql",
    "Storage",
    "Sync",
    "Template",
    "TrackDestination",
    "UrlParts",
    "Value",
]

Reason = Literal[
    "missing_identity",
    "missing_profile_id",
    "missing_account_id",
    "missing_product_id",
    "missing_timestamp",
    "timestamp_out_of_range",
    "reserved_event",
    "missing_event_name",
    "expression_error",
    "item_too_large",
    "refused_by_server",
    "server_error",
    "in_doubt",
]
# Why a row can be rejected.
REASONS: tuple[str, ...] = get_args(Reason)


class Rejects(Model):
    """Ceilings: a share of the rows read once `after` rows were read, and a run of consecutive rejects."""

    max: Share = 0.05
    """The share of rejected rows above which a run stops with exit code 4, such as 5%."""
    after: Whole = Field(default=1000, ge=0)
    """How many rows are read before `max` counts."""
    max_consecutive: Whole = Field(default=1000, ge=1)
    """How many rejected rows in a row stop a run."""
    keep_rows: Flag = True
    """Keep the rejected row beside its reason, so that it can be looked at and replayed."""
    retention: Duration = dt.timedelta(days=30)
    """How long rejects are kept."""


class Schedule(Model):
    """When `serve` runs the sync: an interval or a cron line, in a time zone."""

    every: PositiveDuration | None = None
    """The interval between the starts of two runs, such as 15m. Excludes `cron`."""
    cron: Cron | None = None
    """Five cron fields, or @hourly, @daily, @weekly, @monthly, @yearly. Excludes `every`."""
    timezone: Zone = "UTC"
    """The time zone of `cron` and `blackout`."""
    jitter: DurationOrNone = dt.timedelta(0)
    """A random delay of at most this long before each run."""
    blackout: Annotated[
        tuple[Text, ...],
        BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
        WithJsonSchema(ONE_OR_MANY),
    ] = ()
    """Times of day in which no run starts, such as "22:00-06:00"; one or a list."""
    after: Text | None = None
    """The sync after whose runs this one runs."""


class MappingTest(Model):
    """A row and the item it must become, or the code it must be rejected with."""

    row: dict[str, Any]
    """The row: column names and values."""
    item: dict[str, Any] | tuple[dict[str, Any], ...] | None = None
    """The item that the row must become, or a list of items. Excludes `reject`."""
    reject: Reason | None = None
    """The reason code that the row must be rejected with. Excludes `item`."""


def _mappings(value: Any) -> Any:
    if not isinstance(value, (list, tuple)):
        return (value,)
    return value or wrong("a mapping, or a list of mappings")


class Sync(Model):
    """One YAML file, whole: shared settings merged, variables replaced, defaults filled in.

    `file` is the path as the user gave it; relative paths inside are already resolved from its folder.
    """

    sync: Name
    """The unique name of the sync."""
    id: Name
    """What eventIds and the state hang on; the first name unless given. A renamed sync that keeps its id re-sends nothing."""
    source: Source
    """Where the rows come from."""
    mapping: Annotated[tuple[MappingField, ...], BeforeValidator(_mappings)]
    """How a row becomes an item: one mapping, or a list of mappings, each with its `when`."""
    destination: TrackDestination
    """Where the items go."""
    rejects: Rejects = Rejects()
    """How many rows may be rejected before a run stops, and what is kept of them."""
    schedule: Annotated[Schedule | None, NoneText] = None
    """When `connector serve` runs the sync."""
    freshness: Annotated[PositiveDuration | None, NoneText] = None
    """How old the newest delivered row may be: shown, and alerted on."""
    shutdown_timeout: PositiveDuration = dt.timedelta(seconds=30)
    """How long a stop signal waits for the requests in flight."""
    tests: tuple[MappingTest, ...] = ()
    """Rows and the items they must become, run by `connector test` without a source."""
    file: Path = Field(alias="<file>")
    environment: str | None = Field(default=None, alias="<environment>")
    _secrets: frozenset[str] = PrivateAttr(default=frozenset())
