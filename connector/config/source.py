"""The part of the YAML that says where rows come from."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, SecretStr, Tag, WithJsonSchema

from connector.config.mapping import Mapping, OnDelete
from connector.config.scalars import (
    ONE_OR_MANY,
    DataType,
    Duration,
    DurationOrNone,
    Flag,
    NoneText,
    Secret,
    Settle,
    Share,
    Start,
    Text,
    Transform,
    Whole,
    Zone,
    wrong,
)
from connector.config.values import REFERENCE, Model, Sql

Cursor = Annotated[
    Annotated[Text, Tag("<text>")] | Annotated[Sql, Tag("<Sql>")],
    Discriminator(lambda value: "<Sql>" if isinstance(value, (dict, Model)) else "<text>"),
]


# Sources of files: read by DuckDB's expressions, incremental also without a cursor, late by no clock.
FILE_SOURCES = ("parquet", "delta", "iceberg")


def _option(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (str, int, float)) else wrong("text or a number")


_OPTION_TYPES = ["string", "number", "boolean"]
Option = Annotated[str, BeforeValidator(_option), WithJsonSchema({"type": _OPTION_TYPES})]


Catalog = Annotated[
    Annotated[Text, Tag("<text>")] | Annotated[dict[str, Option], Tag("<Properties>")],
    Discriminator(lambda value: "<Properties>" if isinstance(value, dict) else "<text>"),
]


def _names(value: Any) -> Any:
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, (list, tuple)) or value == []:
        wrong("a column or a list of columns", "write `key: order_id` or `key: [shop, order_id]`")
    if len(set(map(str, value))) < len(value):
        wrong("a list of different columns")
    return value


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

    where: Text | None = None
    """A filter in the source's own SQL (for Parquet a DuckDB expression); rows it leaves out are not read."""
    columns: dict[str, DataType] = Field(default_factory=dict)
    """Types of columns that the source does not declare, such as {total: "decimal(18,2)"}."""
    mode: Literal["incremental", "full", "diff"]
    """incremental: only what is new; full: everything in each run; diff: everything is read, what changed is sent."""
    cursor: Cursor | None = None
    """The column that orders rows in time, or {sql: ...}."""
    key: Annotated[tuple[Text, ...], BeforeValidator(_names), WithJsonSchema(ONE_OR_MANY)] = ()
    """The column or the list of columns that makes a row unique."""
    start: Start = "beginning"
    """Where a first run starts: beginning, now, or a value of the cursor."""
    settle: Settle = None
    """How long rows may be committed late: a duration, or auto on PostgreSQL, where it is the default."""
    future: Duration = dt.timedelta(days=1)
    """How far in the future a cursor may lie before its row is delivered at once and no longer moves the watermark."""
    lookback: DurationOrNone = dt.timedelta(0)
    """How far below the watermark each run reads again."""
    track_keys: Flag = False
    """Keep the key and a hash of each delivered item, for `connector reconcile`."""
    timezone: Zone = "UTC"
    """The time zone of timestamps that name none."""
    transform: Annotated[Transform | None, NoneText] = None
    """module:function, from DataFrame to DataFrame, before the mapping."""
    on_delete: OnDelete = "ignore"
    """What a vanished row sends in mode diff: ignore, or the item as in a mapping."""
    delete_guard: Share = 0.05
    """The share of vanished rows above which deletes are held back."""

    @property
    def tracked(self) -> bool:
        """Whether what becomes of each row is kept (synced), and so what Track has already is not sent again."""
        return self.track_keys or self.mode == "diff" or self.lookback > dt.timedelta(0)

    @property
    def keyed(self) -> bool:
        """Whether it is kept with the rows' keys, to tell of rows that vanish."""
        return self.mode == "diff" and self.on_delete != "ignore"


class DatabaseSource(SourceSettings):
    """A table or query of any database that SQLAlchemy has a dialect for.

    `url` is an SQLAlchemy URL (a secret: it may hold a password); relative SQLite and DuckDB paths are already
    resolved from the folder of the YAML file.
    """

    type: Literal["database"]
    """database, parquet, delta or iceberg."""
    url: Annotated[Secret, WithJsonSchema({"anyOf": [{"type": "string"}, {REFERENCE: "UrlParts"}]})]
    """Any SQLAlchemy URL, or a mapping {driver, host, port, database, user, password, options}."""
    table: Text | None = None
    """The table, with its schema: shop.orders. Excludes `query`."""
    query: Text | None = None
    """A select statement. Excludes `table`."""


class Storage(Model):
    """How an object store is reached. Credentials are never among it: they come from the usual chain."""

    endpoint: Text | None = None
    """The address of a store that speaks S3, such as http://localhost:9000; AWS_ENDPOINT_URL otherwise."""
    region: Text | None = None
    """The bucket's region; AWS_REGION otherwise."""
    anonymous: Flag = False
    """Read a public bucket without credentials."""


class ParquetSource(SourceSettings):
    """A file, a glob or a folder of Parquet files, with hive partitions as text unless declared."""

    type: Literal["parquet"]
    """database, parquet, delta or iceberg."""
    path: Text
    """A file, a glob, a folder, s3://..., gs://... or abfs://..."""
    storage: Storage = Field(default_factory=Storage)
    """How an s3:// path is reached, where the environment does not say it: endpoint, region, anonymous."""
    partitions: dict[str, DataType] = Field(default_factory=dict)
    """Types of hive partition columns; text unless declared here."""
    stable_for: DurationOrNone = dt.timedelta(seconds=60)
    """How old a file without a footer must be to count as broken instead of unfinished."""


class LakeSettings(SourceSettings):
    """What every lake table has: versions, one of which can be named."""

    version: Annotated[Whole, Field(ge=0)] | None = None
    """The newest version (Iceberg: snapshot id) that runs look at; the current one without it."""
    as_of: Text | None = None
    """The same by time: the version that was current then, such as 2026-11-01T00:00:00Z."""


class DeltaSource(LakeSettings):
    """A Delta Lake table, read by its versions."""

    type: Literal["delta"]
    """database, parquet, delta or iceberg."""
    path: Text
    """The table's folder, or its address such as s3://..."""
    storage: Storage = Field(default_factory=Storage)
    """How an s3:// path is reached, where the environment does not say it: endpoint, region, anonymous."""


class IcebergSource(LakeSettings):
    """An Iceberg table, read by its snapshots."""

    type: Literal["iceberg"]
    """database, parquet, delta or iceberg."""
    catalog: Catalog
    """The properties of the catalog as pyiceberg has them, such as {type: rest, uri: ...}, or its name there."""
    table: Text
    """The table, with its namespace: shop.orders."""


class UrlParts(Model):
    """A database's address in parts: each is taken as it is, so a password may hold any character."""

    driver: Text
    """The SQLAlchemy dialect and driver, such as postgresql, mysql+pymysql or sqlite."""
    host: Text | None = None
    """The server's name or address."""
    port: Annotated[Whole, Field(ge=1, le=65535)] | None = None
    """The server's port."""
    database: Text | None = None
    """The database's name; for SQLite and DuckDB the file."""
    user: Text | None = None
    """The user's name."""
    password: SecretStr | None = None
    """The password, as it is."""
    options: dict[str, Option] = Field(default_factory=dict)
    """What stands behind the ? of a URL, such as {sslmode: require}."""


_BY_TYPE = {
    "database": "<DatabaseSource>",
    "parquet": "<ParquetSource>",
    "delta": "<DeltaSource>",
    "iceberg": "<IcebergSource>",
}


def _kind(value: Any) -> str:
    """Return the tag of a source: by its type, or where that is wrong by the keys it has."""
    if isinstance(value, Model):
        return f"<{type(value).__name__}>"
    if not isinstance(value, dict):
        return "<DatabaseSource>"
    other = "<ParquetSource>" if "path" in value else "<DatabaseSource>"
    return _BY_TYPE.get(str(value.get("type")), other)


Source = Annotated[
    Annotated[DatabaseSource, Tag("<DatabaseSource>")]
    | Annotated[ParquetSource, Tag("<ParquetSource>")]
    | Annotated[DeltaSource, Tag("<DeltaSource>")]
    | Annotated[IcebergSource, Tag("<IcebergSource>")],
    Discriminator(_kind),
]

__all__ = [
    "FILE_SOURCES",
    "DatabaseSource",
    "DeltaSource",
    "IcebergSource",
    "LakeSettings",
    "Mapping",
    "ParquetSource",
    "Source",
    "SourceSettings",
    "Storage",
    "UrlParts",
]
