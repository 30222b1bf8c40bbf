"""Parquet sources for tests: small files, and one run read to its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from connector.config.models import ParquetSource
from connector.extract import Limits
from connector.extract.parquet import ParquetExtractor
from connector.model import EMPTY_WATERMARK, SourceBatch, Watermark, merge


def extractor(path: Path | str, limits: Limits | None = None, **settings: Any) -> ParquetExtractor:
    settings.setdefault("mode", "incremental")
    return ParquetExtractor(ParquetSource(type="parquet", path=str(path), **settings), limits or Limits())


def write(path: Path, columns: dict[str, Any] | pa.Table, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), path, **options)
    return path


class Run:
    """A whole run: its batches, its rows as one table, the watermark behind it and its notes."""

    def __init__(
        self,
        path: Path | str,
        watermark: Watermark = EMPTY_WATERMARK,
        limits: Limits | None = None,
        **settings: Any,
    ) -> None:
        source = extractor(path, limits, **settings)
        source.open()
        self.estimate = source.estimate(watermark)
        self.schema = source.schema()
        self.batches: list[SourceBatch] = list(source.read(tuple(self.schema.names), watermark))
        self.watermark = watermark
        for batch in self.batches:
            self.watermark = merge(self.watermark, batch.end)
        self.notes = source.notes()
        source.close()

    @property
    def table(self) -> pa.Table:
        return pa.Table.from_batches([batch.rows for batch in self.batches])

    def column(self, name: str) -> list[Any]:
        return self.table.column(name).to_pylist() if self.batches else []
