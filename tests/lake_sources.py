"""Delta and Iceberg tables for tests, written by their own libraries."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from connector.config.models import DeltaSource, IcebergSource
from connector.extract import Limits
from connector.extract.delta import open_delta
from connector.extract.lakes.reader import LakeExtractor
from connector.model import EMPTY_WATERMARK, SourceBatch, Watermark, merge


def delta(path: Path | str, limits: Limits | None = None, **settings: Any) -> LakeExtractor:
    settings.setdefault("mode", "incremental")
    return open_delta(DeltaSource(type="delta", path=str(path), **settings), limits or Limits())


def catalog_of(folder: Path) -> dict[str, str]:
    """The properties of a catalog in a folder."""
    return {"type": "sql", "uri": f"sqlite:///{folder}/catalog.db", "warehouse": f"file://{folder}/warehouse"}


def iceberg(folder: Path, limits: Limits | None = None, **settings: Any) -> LakeExtractor:
    from connector.extract.iceberg import open_iceberg

    settings.setdefault("mode", "incremental")
    settings.setdefault("catalog", catalog_of(folder))
    return open_iceberg(IcebergSource(type="iceberg", table="shop.orders", **settings), limits or Limits())


class Run:
    """A whole run: its batches, its rows as one table, the watermark behind it and its notes."""

    def __init__(self, source: LakeExtractor, watermark: Watermark = EMPTY_WATERMARK) -> None:
        try:
            source.open()
            self.estimate = source.estimate(watermark)
            self.schema = source.schema()
            self.batches: list[SourceBatch] = list(source.read(tuple(self.schema.names), watermark))
            self.watermark = watermark
            for batch in self.batches:
                self.watermark = merge(self.watermark, batch.end)
            self.notes = source.notes()
        finally:
            source.close()

    @property
    def table(self) -> pa.Table:
        return pa.Table.from_batches([batch.rows for batch in self.batches]) if self.batches else pa.table({})

    def column(self, name: str) -> list[Any]:
        return [value for batch in self.batches for value in batch.rows.column(name).to_pylist()]

    def versions(self, name: str = "id") -> dict[Any, str]:
        """The version of each row, by the value of a column."""
        found: dict[Any, str] = {}
        for batch in self.batches:
            count = batch.rows.num_rows
            version = [batch.version] * count if isinstance(batch.version, str) else batch.version.to_pylist()
            found |= dict(zip(batch.rows[name].to_pylist(), version, strict=True))
        return found

    def positions(self, base: Watermark) -> Iterator[tuple[int, Watermark]]:
        """Yield the number of rows done and the watermark, for every place at which a run can stop."""
        done = 0
        for batch in self.batches:
            for n in range(1, batch.rows.num_rows + 1):
                yield done + n, stored(merge(base, batch.position(n)))
            done += batch.rows.num_rows
            base = merge(base, batch.end)
            yield done, stored(base)


def stored(watermark: Watermark) -> Watermark:
    """A watermark as it comes back from the state."""
    return Watermark(json.loads(json.dumps(watermark)))


def resumed(
    source: Callable[[], LakeExtractor], run: Run, base: Watermark = EMPTY_WATERMARK, name: str = "id"
) -> Iterator[tuple[int, list[Any]]]:
    """Yield, for every place at which a run can stop, the rows done and what a later run reads."""
    for done, watermark in run.positions(base):
        if watermark.get("/pass", {"done": False})["done"]:
            continue
        yield done, Run(source(), watermark).column(name)
