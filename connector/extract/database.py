"""Databases: one way to read them all, over a reader for each dialect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from connector.config.models import DatabaseSource
from connector.errors import ConnectorError
from connector.extract import Extractor, Limits, Range, Standing
from connector.extract.backfilling import Beside
from connector.extract.databases.again import Again
from connector.extract.databases.connected import PART
from connector.extract.databases.dialects import reader_for, url_of
from connector.extract.databases.future import PART as FUTURE
from connector.extract.databases.future import remembered
from connector.extract.databases.horizon import Horizon
from connector.extract.databases.origin import PART as ORIGIN
from connector.extract.databases.origin import Guard
from connector.extract.databases.passes import Passes
from connector.extract.databases.ranged import Ranged
from connector.extract.databases.ranges import Ranges
from connector.extract.databases.reader import Raw
from connector.extract.databases.sliced import Backfilled
from connector.extract.databases.standing import Stands
from connector.extract.sought import no_key
from connector.model import EMPTY_WATERMARK, SourceBatch, Watermark


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


class DatabaseExtractor(Backfilled, Ranged):
    """Reads a table or a query of a database.

    The watermark's part ``rows``, incremental with a key: ``{"cursor": [type, text], "key": [[type, text], …]}``,
    without one: see `Boundary`; where the first run started elsewhere than at the beginning also ``"from"`` or
    ``"above"``, where open transactions are watched ``"horizon"``: ``[type, text]``.
    Full: ``{"pass": number, "key": [[type, text], …] or null, "done": bool}``. The parts ``future`` and ``origin``: see
    their modules.
    """

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

    def read(
        self,
        columns: tuple[str, ...],
        watermark: Watermark,
        beside: Callable[[], Beside | None] = lambda: None,
    ) -> Iterator[SourceBatch]:
        """Yield batches after `watermark`; `close` ends the statement that is being read."""
        self._reading = self._guarded(self._read(columns, watermark, beside))
        return self._reading

    def read_keys(
        self, columns: tuple[str, ...], keys: Sequence[str], watermark: Watermark | None
    ) -> Iterator[SourceBatch]:
        """Yield the rows with one of `keys` at or below `watermark`; keys are asked for in groups of some hundred."""
        self._reading = self._guarded(self._stoppable(self._sought(columns, watermark).batches(keys)))
        return self._reading

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
        return Watermark({PART: {**part, "key": None, "done": anew}})

    def _read(
        self, columns: tuple[str, ...], watermark: Watermark, beside: Callable[[], Beside | None]
    ) -> Iterator[SourceBatch]:
        scan = self._scan(columns)
        part = self._part(watermark)
        if self._source.mode == "incremental":
            # By statements of its own, before the snapshot that reads rows.
            horizon = self._horizon(_recorded(part or {}))
            self._promise = horizon.notes
            left = beside()
            if left is not None and left.waits:
                return
            settled = self._settled() if left and left.ordered and horizon.raw is None else None
            # A slice that is not among those asked about now looks at its rows later, and sees all below the horizon.
            reading = self._incremental(scan, horizon).beside(left and beside(), settled)
            batches = reading.batches(part, watermark.get(FUTURE))
            guard = Guard(self._reader, self._restore_accepted, horizon.kept, scan.empty)
            batches = guard.guarded(batches, watermark.get(ORIGIN))
        else:
            batches = Passes(scan, self._known.key).batches(part)
        yield from self._stoppable(batches)


def _recorded(part: Mapping[str, Any]) -> Raw | None:
    """Return the horizon of an earlier run."""
    recorded = part.get("horizon")
    return (str(recorded[0]), str(recorded[1])) if recorded else None
