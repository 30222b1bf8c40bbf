"""However a lake table changes between runs, and wherever runs stop: what was sent last of each row is what the table has."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lake_sources import catalog_of, delta, iceberg, stored

from connector.extract import Limits
from connector.model import EMPTY_WATERMARK, Watermark, merge

SCHEMA = pa.schema([("id", pa.int64()), ("n", pa.int64())])
SOME = st.sets(st.integers(0, 30), min_size=1, max_size=8)
CHANGES = st.one_of(
    st.tuples(st.sampled_from(["put", "delete"]), SOME),
    st.tuples(st.sampled_from(["compact", "overwrite"]), SOME),
    st.tuples(st.just("run"), st.one_of(st.none(), st.integers(1, 40))),
)
LIMITS = Limits(rows=3, bytes=10**6)


class Delta:
    """A Delta table with one row an id."""

    def __init__(self, folder: Path) -> None:
        self._library = pytest.importorskip("deltalake", reason="install intempt-connector[delta]")
        self._path = folder / "t"
        self._library.write_deltalake(self._path, SCHEMA.empty_table())

    def source(self) -> Any:
        return delta(self._path, LIMITS, key=("id",))

    def put(self, rows: pa.Table) -> None:
        table = self._library.DeltaTable(self._path)
        merging = table.merge(rows, "s.id = t.id", source_alias="s", target_alias="t")
        merging.when_matched_update_all().when_not_matched_insert_all().execute()

    def delete(self, ids: set[int]) -> None:
        self._library.DeltaTable(self._path).delete(f"id in ({', '.join(map(str, ids))})")

    def overwrite(self, rows: pa.Table) -> None:
        self._library.write_deltalake(self._path, rows, mode="overwrite")

    def compact(self) -> None:
        self._library.DeltaTable(self._path).optimize.compact()


class Iceberg:
    """An Iceberg table with one row an id."""

    def __init__(self, folder: Path) -> None:
        catalogs = pytest.importorskip("pyiceberg.catalog", reason="install intempt-connector[iceberg]")
        self._folder = folder
        self._catalog = catalogs.load_catalog("default", **catalog_of(folder))
        self._catalog.create_namespace("shop")
        self._catalog.create_table("shop.orders", schema=SCHEMA)

    @property
    def _table(self) -> Any:
        return self._catalog.load_table("shop.orders")

    def source(self) -> Any:
        return iceberg(self._folder, LIMITS, key=("id",))

    def put(self, rows: pa.Table) -> None:
        self._table.upsert(rows, join_cols=["id"])

    def delete(self, ids: set[int]) -> None:
        self._table.delete(f"id in ({', '.join(map(str, ids))})")

    def overwrite(self, rows: pa.Table) -> None:
        self._table.overwrite(rows)

    def compact(self) -> None:
        """It has none."""


def run(lake: Any, watermark: Watermark, sent: dict[int, int], stop: int | None) -> Watermark:
    """Read on, up to `stop` rows; note what is sent last of each row."""
    source = lake.source()
    source.open()
    try:
        source.estimate(watermark)
        left = stop
        for batch in source.read(("id", "n"), watermark):
            rows = batch.rows.to_pylist()
            if left is not None and len(rows) >= left > 0:
                sent.update((row["id"], row["n"]) for row in rows[:left])
                return stored(merge(watermark, batch.position(left)))
            sent.update((row["id"], row["n"]) for row in rows)
            left = None if left is None else left - len(rows)
            watermark = stored(merge(watermark, batch.end))
        return watermark
    finally:
        source.close()


@pytest.mark.parametrize("kind", [Delta, Iceberg])
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(changes=st.lists(CHANGES, min_size=1, max_size=12))
def test_the_last_version_sent_is_the_one_that_is_there(kind: Any, changes: list[tuple[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lake, there, sent, watermark = kind(Path(folder)), {}, {}, EMPTY_WATERMARK
        for at, (what, value) in enumerate(changes):
            if what == "run":
                watermark = run(lake, watermark, sent, value)
                continue
            new = dict.fromkeys(sorted(value), at)
            rows = pa.table({"id": list(new), "n": list(new.values())}, SCHEMA)
            if what == "put":
                lake.put(rows)
                there |= new
            elif what == "overwrite":
                lake.overwrite(rows)
                there = new
            elif what == "delete":
                lake.delete(value)
                there = {key: n for key, n in there.items() if key not in value}
            else:
                lake.compact()
        watermark = run(lake, watermark, sent, None)
        assert {key: sent.get(key) for key in there} == there
        again: dict[int, int] = {}
        run(lake, watermark, again, None)
        assert again == {}
