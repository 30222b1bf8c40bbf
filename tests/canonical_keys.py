"""The canonical keys of rows, made as eventIds have them."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from connector.config.models import DatabaseSource, ParquetSource
from connector.mapping.arrow import registrable
from connector.mapping.engine import ROWS, Engine
from connector.mapping.event_id import canonical, key_of
from connector.mapping.scope import Scope
from connector.mapping.spec import MappingSpec
from connector.model import SourceBatch


def keys_of(batches: Sequence[SourceBatch], source: DatabaseSource | ParquetSource) -> list[str]:
    engine = Engine(1, "1GB")
    found: list[str] = []
    for batch in batches:
        rows = batch.rows.select(list(source.key))
        scope = Scope(
            MappingSpec("s", (), rows.schema, source.key, source.timezone, declared=source.columns),
            rows.schema,
            engine,
        )
        parts = [canonical(scope.column(name), source.timezone) for name in source.key]
        table = registrable(pa.Table.from_batches([rows]), list(scope.names.values()))
        found += engine.run(f"SELECT {key_of(parts)} AS key FROM {ROWS}", table)["key"].to_pylist()
    engine.close()
    return found
