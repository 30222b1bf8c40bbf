"""What every way of reading a database shares: the connection, the columns, what is selected and how far."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from typing import Any

import pyarrow as pa
from sqlalchemy.engine import URL

from connector.config.models import DatabaseSource
from connector.errors import ConfigError, ConnectorError, SourceError, Stopped
from connector.extract import Limits
from connector.extract.databases.dialects import place_of
from connector.extract.databases.horizon import Horizon, Policy, find_horizon
from connector.extract.databases.incremental import Incremental
from connector.extract.databases.keyset import Keyset
from connector.extract.databases.lookback import check_lookback
from connector.extract.databases.ordered import Scan
from connector.extract.databases.paging import paging
from connector.extract.databases.reader import Column, Raw, Reader
from connector.extract.databases.relation import relation_of
from connector.extract.databases.shape import Shape, shape_of
from connector.extract.naming import nearest, raise_all
from connector.model import SourceBatch, Watermark

# The part of a database's watermark that says how far reading has come.
PART = "rows"


class Connected:
    """A database that is read, and its columns once it is open."""

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

    def _guarded(self, batches: Iterator[SourceBatch]) -> Generator[SourceBatch]:
        try:
            yield from batches
        except ConnectorError:
            if self._cancelled:
                raise Stopped("Reading was stopped.") from None
            raise

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
        part: Mapping[str, Any] | None = watermark.get(PART)
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
