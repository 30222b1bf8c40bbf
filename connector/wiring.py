"""Configuration becomes objects: the only place where a type's name becomes a class."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from threading import Event
from typing import Any

import pyarrow as pa

from connector.config.models import Column, DeltaSource, IcebergSource, ParquetSource, Source, Sql, Sync
from connector.config.models import Mapping as ItemMapping
from connector.errors import ConfigError, ConfigErrors
from connector.extract import Extractor, Limits
from connector.load.attempts import Attempts
from connector.load.breaker import Breaker
from connector.load.gate import Gate
from connector.load.pacing import Pacing
from connector.load.track import Track
from connector.load.transport import HttpTransport
from connector.load.tuning import Tuning
from connector.mapping.mapper import Mapper
from connector.mapping.spec import MappingSpec
from connector.pandas_later import defer_pandas
from connector.state.store import StateStore

defer_pandas()

# Batches are bounded in rows and in bytes, whichever comes first. About ten are alive at once, some of them several
# times (as rows, as text, and in DuckDB in between), and larger ones are no faster.
LIMITS = Limits(rows=50_000, bytes=9_000_000)


def open_extractor(sync: Sync, accept: Collection[str] = ()) -> Extractor:
    """Return the opened extractor of a sync's source; the caller closes it.

    Args:
        sync: names the source.
        accept: guards that a person lets pass; here ``restore`` matters.

    Raises:
        ConfigError, CredentialsError, SourceError: as Extractor.open.
    """
    extractor = _extractor(sync.source, accept)
    try:
        extractor.open()
    except BaseException:
        extractor.close()
        raise
    return extractor


@contextmanager
def located(sync: Sync) -> Iterator[None]:
    """Name the file in mistakes that show only beside the real source: the parts know places in it, not the file."""
    try:
        yield
    except ConfigError as error:
        for each in error.errors if isinstance(error, ConfigErrors) else (error,):
            each.file = each.file or str(sync.file)
        raise


def _extractor(source: Source, accept: Collection[str]) -> Extractor:
    if isinstance(source, ParquetSource):
        from connector.extract.parquet import ParquetExtractor

        return ParquetExtractor(source, LIMITS)
    if isinstance(source, DeltaSource):
        from connector.extract.delta import open_delta

        return open_delta(source, LIMITS)
    if isinstance(source, IcebergSource):
        from connector.extract.iceberg import open_iceberg

        return open_iceberg(source, LIMITS)
    from connector.extract.database import open_database

    return open_database(source, LIMITS, accept_restore="restore" in accept)


def open_mapper(sync: Sync, extractor: Extractor, forgotten: Iterable[tuple[str, str]] = ()) -> Mapper:
    """Return the mapping of a sync, compiled against the columns of its opened source.

    Args:
        sync: the sync.
        extractor: its source, opened.
        forgotten: what the state says must not be sent any more.

    Raises:
        ConfigErrors: every mistake of the mapping at once.
    """
    return open_mapper_for(sync, extractor.schema(), forgotten)


def open_mapper_for(sync: Sync, schema: pa.Schema, forgotten: Iterable[tuple[str, str]] = ()) -> Mapper:
    """Return the mapping of a sync, compiled against the columns of `schema`."""
    return Mapper(mapping_spec(sync, schema, forgotten))


def open_keys(sync: Sync, extractor: Extractor) -> Mapper:
    """Return what makes prints of the keys of rows alone."""
    key = sync.source.key[0]
    named = ItemMapping.model_validate({"kind": "product", "<fields>": {"productId": Column(column=key)}})
    return Mapper(replace(_of_keys(sync, extractor), mappings=(named,), keep_rows=False))


def open_deletion(
    sync: Sync, extractor: Extractor, forgotten: Iterable[tuple[str, str]] = ()
) -> Mapper | None:
    """Return what makes items of vanished rows, compiled against the key's columns; None where nobody is told of them.

    Raises:
        ConfigErrors: it needs what is not known any more of a vanished row.
    """
    told = sync.source.on_delete
    if sync.source.mode != "diff" or told == "ignore":
        return None
    spec = _of_keys(sync, extractor, forgotten)
    # A row that comes back and vanishes again is told of anew, so its event has an id of its own.
    told = told.model_copy(update={"events": "per_version"})
    return Mapper(replace(spec, mappings=(told,), place="source.on_delete"))


def _of_keys(sync: Sync, extractor: Extractor, forgotten: Iterable[tuple[str, str]] = ()) -> MappingSpec:
    """Return what a mapping is compiled from that sees nothing but the key."""
    offered, key = extractor.schema(), sync.source.key
    return replace(
        mapping_spec(sync, pa.schema([offered.field(name) for name in key]), forgotten),
        transform=None,
        declared={name: kind for name, kind in sync.source.columns.items() if name in key},
        tracked=True,
        keyed=True,
    )


def mapping_spec(sync: Sync, schema: pa.Schema, forgotten: Iterable[tuple[str, str]] = ()) -> MappingSpec:
    """Return what the mapping of a sync is compiled from."""
    return MappingSpec(
        sync_id=sync.id,
        mappings=sync.mapping,
        schema=schema,
        key=sync.source.key,
        timezone=sync.source.timezone,
        keep_rows=sync.rejects.keep_rows,
        transform=sync.source.transform,
        declared=sync.source.columns,
        folder=sync.file.parent,
        file=str(sync.file),
        forgotten=frozenset(forgotten),
        tracked=sync.source.tracked,
        keyed=sync.source.keyed,
    )


def open_store(url: str, *, read_only: bool = False) -> StateStore:
    """Return the state store at `url`."""
    return StateStore.open(url, read_only=read_only)


def open_transport(sync: Sync) -> HttpTransport:
    """Return what carries bytes to a sync's destination; the caller closes it."""
    destination = sync.destination
    return HttpTransport(
        ca_file=destination.ca_file,
        timeout=destination.timeout.total_seconds(),
        # An echoed body is as long as what was sent; longer no answer needs to be.
        max_response=4_000_000 + 2 * destination.max_bytes,
    )


def open_attempts(
    sync: Sync,
    transport: HttpTransport,
    halt: Event,
    may_send: Callable[[], bool],
    learned: Mapping[str, int],
) -> Attempts:
    """Return what sends a sync's requests through `transport`, until `halt` is set.

    Args:
        sync: the destination and its ceilings.
        transport: carries the bytes.
        halt: ends every wait.
        may_send: asked before each attempt.
        learned: what earlier runs have found out about the destination.
    """
    destination, tuning = sync.destination, open_tuning(sync, learned)
    retry = destination.retry
    breaker = Breaker(retry.wait_initial.total_seconds(), retry.wait_max.total_seconds())
    pacing = Pacing(halt, destination.max_items_per_second, destination.max_requests_per_second)
    return Attempts(Track(destination, transport), destination, pacing, Gate(tuning, breaker), may_send)


def open_tuning(sync: Sync, learned: Mapping[str, int]) -> Tuning:
    """Return what says how large requests are and how many are in flight, from what was learned on."""
    destination = sync.destination
    rate = destination.max_items_per_second
    # A request is worth no more than a second of the rate, or a slow rate would come in gusts.
    max_items = destination.max_items if rate is None else min(destination.max_items, max(1, int(rate)))
    return Tuning(destination.concurrency, max_items, destination.max_bytes, learned)


def fingerprint(sync: Sync, extractor: Extractor, mapper: Mapper) -> dict[str, Any]:
    """Return what the state of a sync hangs on: part -> digest, and under ``columns`` those of the source.

    A changed source, cursor, key or destination would make its watermark a lie; a changed mapping or transform
    only makes what was sent differ from what would be sent now. Of columns see `connector/drift.py`.
    """
    source = sync.source
    parts = {"mode": source.mode, "mapping": mapper.fingerprint}
    prints = {name: _digest(value) for name, value in parts.items()} | order_prints(sync)
    prints["source"] = source_print(sync, extractor)
    read = {*mapper.columns, *source.key, source.cursor}
    columns = {
        name: {"type": column.type, "kind": column.kind, "mapped": name in read}
        for name, column in mapper.described().items()
    }
    return {**prints, "destination": destination_print(sync), "columns": columns}


def source_print(sync: Sync, extractor: Extractor) -> str:
    """Return the part of the fingerprint that says what is read."""
    return _digest([extractor.identity(), sync.source.where])


def order_prints(sync: Sync) -> dict[str, str]:
    """Return the parts of the fingerprint that say what the watermark is made of."""
    cursor = sync.source.cursor
    parts = {"cursor": cursor.sql if isinstance(cursor, Sql) else cursor, "key": sync.source.key}
    return {name: _digest(value) for name, value in parts.items()}


def destination_print(sync: Sync) -> str:
    """Return what stands for a destination in the state: of the sync's fingerprint, and for what is learned of it."""
    destination = sync.destination
    return _digest([destination.base_url, destination.org, destination.project, destination.source_id])


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]
