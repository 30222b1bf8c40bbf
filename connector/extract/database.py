"""Databases: one way to read them all, over a reader for each dialect."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pyarrow as pa
from sqlalchemy.engine import URL

from connector.config.models import DatabaseSource
from connector.errors import ConfigError, ConnectorError, SourceError, Stopped
from connector.extract import Extractor, Limits, Range, Standing
from connector.extract.databases.again import Again
from connector.extract.databases.dialects import place_of, reader_for, url_of
from connector.extract.databases.future import PART as FUTURE
from connector.extract.databases.future import remembered
from connector.extract.databases.horizon import Horizon, Policy, find_horizon
from connector.extract.databases.incremental import Incremental
from connector.extract.databases.keyset import Keyset
from connector.extract.databases.lookback import check_lookback
from connector.extract.databases.ordered import Scan
from connector.extract.databases.origin import PART as ORIGIN
from connector.extract.databases.origin import Guard
from connector.extract.databases.paging import paging
from connector.extract.databases.passes import Passes
from connector.extract.databases.ranged import Ranged
from connector.extract.databases.ranges import Ranges
from connector.extract.databases.reader import Column, Raw, Reader
from connector.extract.databases.relation import relation_of
from connector.extract.databases.shape import Shape, shape_of
from connector.extract.databases.standing import Stands
from connector.extract.naming import nearest, raise_all
from connector.extract.sought import no_key
from connector.model import EMPTY_WATERMARK, SourceBatch, Watermark

# The part of a database's watermark that says how far reading has come.
_PART = "rows"


def open_database(
    source: DatabaseSource, limits: Limits | None = None, *, accept_restore: bool = False
) -> Extractor:
    """Choose how to read `source` by the dialect of its URL; nothing is connected yet.

    Args:
        source: the configuration.
        limits: bounds of a batch.
        accept_restore: whether to read on although the server was restored from a backup since the last run.

    Raises:
        ConfigError: the URL is none, its dialect is unknown, or the driver for it is not installed.
    """
    url = url_of(source.url.get_secret_value())
    reader = reader_for(url, source.timezone)
    return DatabaseExtractor(source, limits or Limits(), reader, url, accept_restore=accept_restore)


class DatabaseExtractor(Ranged):
    """Reads a table or a query of a database.

    The watermark's part ``rows``, incremental with a key: ``{"cursor": [type, text], "key": [[type, text], …]}``,
    without one: see `Boundary`; where the first run started elsewhere than at the beginning also ``"from"`` or
    ``"above"``, where open transactions are watched ``"horizon"``: ``[type, text]``.
    Full: ``{"pass": number, "key": [[type, text], …] or null, "done": bool}``. The parts ``future`` and ``origin``: see
    their modules.
    """

    def __init__(
        self,
        source: DatabaseSource,
        limits: Limits,
        reader: Reader,
        url: URL,
        *,
        accept_restore: bool = False,
    ) -> None:
        self._source = source
        self._limits = limits
        self._reader = reader
        self._url = url
        self._relation = relation_of(source)
        self._cancelled = False
        self._reading: Generator[SourceBatch] | None = None
        self._shape: Shape | None = None
        self._paged = False
        self._promise: tuple[str, ...] = ()
        self._notes: list[str] = []
        self._restore_accepted = accept_restore

    def open(self) -> None:
        """Connect, look up every name of the configuration, and find out what can be promised about late rows."""
        self._reader.connect()
        self._shape = shape_of(self._reader, self._relation, self._source)
        if self._source.where:
            raise_all(Keyset(self._reader, self._relation, self._source.where, ()).refused())
        self._paged, sentence = paging(self._reader, self._relation, self._shape, self._order(self._shape))
        self._notes = [sentence] if sentence else []
        if self._source.mode == "incremental":
            if self._source.lookback:
                check_lookback(self._scan(()).keyset, keyed=bool(self._shape.key))
            self._promise = self._horizon(None).notes

    def schema(self) -> pa.Schema:
        """Columns on offer."""
        return self._known.schema

    def identity(self) -> str:
        """Dialect, place and relation, without credentials or options."""
        return f"{place_of(self._url)}#{self._relation.identity}"

    def notes(self) -> tuple[str, ...]:
        """The promise about late rows, then what was found out since `open`."""
        return (*self._promise, *self._notes)

    def estimate(self, watermark: Watermark) -> int | None:
        """What the source's planner or catalog thinks."""
        scan = self._scan(())
        conditions: list[str] = []
        part = self._part(watermark)
        if part and self._source.mode == "incremental":
            conditions = self._incremental(scan, Horizon(None)).conditions(part)
        try:
            return self._reader.estimate(self._relation, scan.keyset.rows(scan.columns, conditions))
        except ConnectorError:
            return None

    def read(self, columns: tuple[str, ...], watermark: Watermark) -> Iterator[SourceBatch]:
        """Yield batches after `watermark`; `close` ends the statement that is being read."""
        self._reading = self._guarded(self._read(columns, watermark))
        return self._reading

    def read_keys(
        self, columns: tuple[str, ...], keys: Sequence[str], watermark: Watermark | None
    ) -> Iterator[SourceBatch]:
        """Yield the rows with one of `keys` at or below `watermark`; keys are asked for in groups of some hundred."""
        self._reading = self._guarded(self._stoppable(self._sought(columns, watermark).batches(keys)))
        return self._reading

    def _guarded(self, batches: Iterator[SourceBatch]) -> Generator[SourceBatch]:
        try:
            yield from batches
        except ConnectorError:
            if self._cancelled:
                raise Stopped("Reading was stopped.") from None
            raise

    def read_passed(
        self, columns: tuple[str, ...], watermark: Watermark, ranges: Sequence[Range] | None = None
    ) -> Iterator[SourceBatch]:
        """Yield the rows at or below `watermark`."""
        again = self._again(columns, watermark)
        within = [Ranges(again.scan.keyset, ()).within(ranges)] if ranges is not None else []
        self._reading = self._guarded(self._stoppable(again.passed(within)))
        return self._reading

    def read_ahead(self, columns: tuple[str, ...], watermark: Watermark) -> Iterator[SourceBatch]:
        """Yield the rows above `watermark`, also beyond the horizon."""
        self._reading = self._guarded(self._stoppable(self._again(columns, watermark).ahead()))
        return self._reading

    def _again(self, columns: tuple[str, ...], watermark: Watermark) -> Again:
        part, future = self._part(watermark) or {}, watermark.get(FUTURE)
        return Again(self._scan(columns), (), part, self._source.timezone, future)

    def standing(self, key: str, watermark: Watermark) -> Standing:
        """Say where a row stands, by a few counts."""
        part, read = self._part(watermark) or {}, None
        if self._source.mode == "incremental":
            read = self._incremental(self._scan(()), self._horizon(_recorded(part)))
        again = self._sought((), watermark)
        return Stands(again, read, remembered(again.scan, watermark.get(FUTURE))).at(key)

    def _sought(self, columns: tuple[str, ...], watermark: Watermark | None) -> Again:
        shape = self._known
        if not shape.key:
            raise no_key()
        leaving = {column.name: column for column in shape.columns}
        key = tuple(leaving[column.name] for column in shape.key)
        again = self._again(columns, watermark or EMPTY_WATERMARK)
        part = None if watermark is None else again.part
        return replace(again, scan=replace(again.scan, paged=False), key=key, part=part)

    def restarted(self, watermark: Watermark, *, anew: bool = False) -> Watermark:
        """Return an unfinished pass without the place that it has come to."""
        part = self._part(watermark)
        if not part or part.get("done", True):
            return watermark
        return Watermark({_PART: {**part, "key": None, "done": anew}})

    def cancel(self) -> None:
        """Interrupt the running statement; `read` raises Stopped."""
        self._cancelled = True
        self._reader.cancel()

    def close(self) -> None:
        """End what is being read and disconnect."""
        if self._reading is not None:
            with suppress(Exception):  # the iterator may be in use by another thread, which then sees the end
                self._reading.close()
        self._reader.close()

    def _read(self, columns: tuple[str, ...], watermark: Watermark) -> Iterator[SourceBatch]:
        scan = self._scan(columns)
        part = self._part(watermark)
        if self._source.mode == "incremental":
            # By statements of its own, before the snapshot that reads rows.
            horizon = self._horizon(_recorded(part or {}))
            self._promise = horizon.notes
            batches = self._incremental(scan, horizon).batches(part, watermark.get(FUTURE))
            guard = Guard(self._reader, self._restore_accepted, horizon.kept, scan.empty)
            batches = guard.guarded(batches, watermark.get(ORIGIN))
        else:
            batches = Passes(scan, self._known.key).batches(part)
        yield from self._stoppable(batches)

    def _stoppable(self, batches: Iterator[SourceBatch]) -> Iterator[SourceBatch]:
        for batch in batches:
            self._stop_if_cancelled()
            yield batch
        self._stop_if_cancelled()

    def _incremental(self, scan: Scan, horizon: Horizon) -> Incremental:
        return Incremental(
            scan, horizon, str(self._source.start), self._known.key, self._source.lookback, self._note
        )

    def _stop_if_cancelled(self) -> None:
        if self._cancelled:
            raise Stopped("Reading was stopped.")

    def _part(self, watermark: Watermark) -> Mapping[str, Any] | None:
        part: Mapping[str, Any] | None = watermark.get(_PART)
        return part

    def _horizon(self, recorded: Raw | None) -> Horizon:
        cursor = self._known.cursor
        if cursor is None:
            return Horizon(None)
        policy = Policy(self._source.settle, self._source.future, self._source.timezone)
        return find_horizon(self._reader, cursor, policy, recorded)

    def _scan(self, columns: tuple[str, ...]) -> Scan:
        shape = self._known
        known = {column.name: column for column in shape.columns}
        raise_all(
            [
                ConfigError(f"There is no column {name!r}.", hint=nearest(name, known))
                for name in columns
                if name not in known
            ]
        )
        visible = tuple(dict.fromkeys((*columns, *(column.name for column in shape.key))))
        shown = tuple(known[name] for name in visible)
        order = self._order(shape)
        hidden = tuple(column for column in order if column not in shown)
        return Scan(
            reader=self._reader,
            keyset=Keyset(self._reader, self._relation, self._source.where, order),
            columns=(*shown, *hidden),
            visible=visible,
            key=tuple(column.name for column in shape.key),
            limits=self._limits,
            paged=self._paged,
            offered=shape.columns,
        )

    def _order(self, shape: Shape) -> tuple[Column, ...]:
        return shape.order if self._source.mode == "incremental" else shape.key

    def _note(self, sentence: str) -> None:
        if sentence not in self._notes:
            self._notes.append(sentence)

    @property
    def _known(self) -> Shape:
        if self._shape is None:
            raise SourceError("The source is not open.")
        return self._shape


def _recorded(part: Mapping[str, Any]) -> Raw | None:
    """Return the horizon of an earlier run."""
    recorded = part.get("horizon")
    return (str(recorded[0]), str(recorded[1])) if recorded else None
