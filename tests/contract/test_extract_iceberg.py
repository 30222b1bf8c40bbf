"""Iceberg tables, written by their own library and read by their snapshots."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lake_sources import Run, catalog_of, iceberg, resumed

from connector.errors import ConfigError, GuardTripped, Stopped
from connector.extract import Limits, Standing
from connector.model import EMPTY_WATERMARK

pytest.importorskip("pyiceberg", reason="install intempt-connector[iceberg]")

from pyiceberg.catalog import load_catalog
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
    ManifestWriterV2,
    write_manifest_list,
)
from pyiceberg.table.snapshots import Operation, Snapshot, Summary
from pyiceberg.table.update import AddSnapshotUpdate, SetSnapshotRefUpdate
from pyiceberg.transforms import IdentityTransform
from pyiceberg.typedef import Record
from pyiceberg.types import LongType

KEYED = {"key": ("id",)}
ORDERS = pa.schema([("id", pa.int64()), ("n", pa.int64())])


class Lake:
    """A folder with a catalog and the table shop.orders."""

    def __init__(self, folder: Path, schema: pa.Schema = ORDERS, **options: Any) -> None:
        self._catalog = load_catalog("default", **catalog_of(folder))
        self._catalog.create_namespace_if_not_exists("shop")
        self._catalog.create_table("shop.orders", schema=schema, **options)

    @property
    def table(self) -> Any:
        return self._catalog.load_table("shop.orders")

    def append(self, ids: Any, **columns: Any) -> int:
        """Append rows and return the snapshot."""
        ids = list(ids)
        schema = self.table.schema().as_arrow()
        columns = {"id": ids, **({"n": [1] * len(ids)} if "n" in schema.names else {}), **columns}
        fields = [schema.field(name) for name in columns]
        self.table.append(
            pa.table(
                [pa.array(v, f.type) for v, f in zip(columns.values(), fields, strict=True)],
                pa.schema(fields),
            )
        )
        return int(self.table.current_snapshot().snapshot_id)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def test_a_first_run_reads_the_table_and_later_ones_what_was_added(tmp_path: Path, lake: Lake) -> None:
    lake.append(range(5))
    first = Run(iceberg(tmp_path, **KEYED))
    assert sorted(first.column("id")) == [0, 1, 2, 3, 4]
    assert first.estimate == 5
    assert Run(iceberg(tmp_path, **KEYED), first.watermark).batches == []
    lake.append([5, 6])
    lake.append([7])
    second = Run(iceberg(tmp_path, **KEYED), first.watermark)
    assert second.column("id") == [5, 6, 7]
    assert Run(iceberg(tmp_path, **KEYED), second.watermark).batches == []


def test_an_empty_table_and_then_rows(tmp_path: Path, lake: Lake) -> None:
    first = Run(iceberg(tmp_path))
    assert first.column("id") == []
    lake.append([1])
    assert Run(iceberg(tmp_path), first.watermark).column("id") == [1]


def test_rows_of_rewritten_files_are_read_again_and_deleted_ones_are_not(tmp_path: Path, lake: Lake) -> None:
    """Copy on write: pyiceberg's own deletes and overwrites."""
    lake.append([1, 2, 3])
    lake.append([4, 5])
    first = Run(iceberg(tmp_path, **KEYED, cursor="n"))
    lake.table.delete("id = 2")
    lake.table.overwrite(pa.table({"id": [5], "n": [2]}), overwrite_filter="id = 5")
    second = Run(iceberg(tmp_path, **KEYED, cursor="n"), first.watermark)
    assert Counter(zip(second.column("id"), second.column("n"), strict=True)) == Counter(
        [(1, 1), (3, 1), (4, 1), (5, 2)]
    )
    assert second.versions()[1] == first.versions()[1]
    lake.table.delete("id > 0")
    assert Run(iceberg(tmp_path, **KEYED, cursor="n"), second.watermark).column("id") == []


def test_rows_rewritten_before_a_run_came_to_them_are_read_once(tmp_path: Path, lake: Lake) -> None:
    lake.append([0])
    first = Run(iceberg(tmp_path))
    lake.append([1, 2])
    lake.table.delete("id = 1")
    assert Run(iceberg(tmp_path), first.watermark).column("id") == [2]


def test_an_upsert(tmp_path: Path, lake: Lake) -> None:
    lake.append([1, 2])
    first = Run(iceberg(tmp_path, **KEYED))
    news = pa.table({"id": [2, 3], "n": [5, 5]})
    lake.table.upsert(news, join_cols=["id"])
    second = Run(iceberg(tmp_path, **KEYED), first.watermark)
    assert {(2, 5), (3, 5)} <= set(zip(second.column("id"), second.column("n"), strict=True))


NESTED = pa.schema(
    [
        ("id", pa.int64()),
        ("name", pa.string()),
        ("place", pa.struct([("zip", pa.string()), ("city", pa.string())])),
        ("lines", pa.list_(pa.struct([("sku", pa.string()), ("count", pa.int64())]))),
    ]
)


def test_columns_are_found_by_their_ids(tmp_path: Path) -> None:
    """Renamed, moved, dropped and made again under an old name, at every depth."""
    lake = Lake(tmp_path, NESTED)
    old = {
        "name": ["a", None],
        "place": [{"zip": "1", "city": "X"}, None],
        "lines": [[{"sku": "s", "count": 2}], []],
    }
    lake.append([1, 2], **old)
    with lake.table.update_schema(allow_incompatible_changes=True) as change:
        change.rename_column("name", "title")
        change.rename_column(("place", "city"), "town")
        change.rename_column(("lines", "element", "sku"), "article")
        change.add_column(("place", "floor"), LongType())
        change.delete_column(("place", "zip"))
    with lake.table.update_schema() as change:
        change.move_first("title")
        change.add_column("name", LongType())
    lake.append(
        [3], title=["c"], name=[7], place=[{"town": "Z", "floor": 3}], lines=[[{"article": "t", "count": 1}]],
    )  # fmt: skip
    run = Run(iceberg(tmp_path, **KEYED))
    assert run.schema.names == ["title", "id", "place", "lines", "name"]
    assert sorted(run.table.to_pylist(), key=lambda row: row["id"]) == [
        {"title": "a", "id": 1, "place": {"town": "X", "floor": None}, "lines": [{"article": "s", "count": 2}], "name": None},
        {"title": None, "id": 2, "place": None, "lines": [], "name": None},
        {"title": "c", "id": 3, "place": {"town": "Z", "floor": 3}, "lines": [{"article": "t", "count": 1}], "name": 7},
    ]  # fmt: skip


def test_types_that_were_widened(tmp_path: Path) -> None:
    from pyiceberg.types import DecimalType, DoubleType

    lake = Lake(tmp_path, pa.schema([("id", pa.int32()), ("x", pa.float32()), ("d", pa.decimal128(5, 2))]))
    lake.append([1], x=[0.5], d=[Decimal("1.25")])
    with lake.table.update_schema() as change:
        change.update_column("id", LongType())
        change.update_column("x", DoubleType())
        change.update_column("d", DecimalType(9, 2))
    lake.append([2**40], x=[0.1], d=[Decimal("1234567.25")])
    run = Run(iceberg(tmp_path))
    assert sorted(run.table.select(["id", "x", "d"]).to_pylist(), key=lambda row: row["id"]) == [
        {"id": 1, "x": 0.5, "d": Decimal("1.25")}, {"id": 2**40, "x": 0.1, "d": Decimal("1234567.25")},
    ]  # fmt: skip


PARTITIONS = {
    "text": (pa.string(), ["a b/ü%", "x=y", None]),
    "whole": (pa.int32(), [-7, 0, None]),
    "day": (pa.date32(), [dt.date(2024, 2, 29), dt.date(1969, 12, 31), None]),
    "moment": (pa.timestamp("us", "UTC"), [dt.datetime(2024, 1, 1, 1, 2, 3, 456789, dt.UTC), None, None]),
    "local": (pa.timestamp("us"), [dt.datetime.fromisoformat("2024-01-01T01:02:03.456789"), None, None]),
    "amount": (pa.decimal128(9, 2), [Decimal("1.50"), Decimal("-0.01"), None]),
    "flag": (pa.bool_(), [True, False, None]),
}


@pytest.mark.parametrize("name", PARTITIONS)
def test_partition_values_have_their_types(tmp_path: Path, name: str) -> None:
    kind, values = PARTITIONS[name]
    lake = Lake(tmp_path, pa.schema([("id", pa.int64()), ("p", kind)]))
    with lake.table.update_spec() as spec:
        spec.add_identity("p")
    first = Run(iceberg(tmp_path))
    lake.append(range(len(values)), p=values)
    for run in (Run(iceberg(tmp_path)), Run(iceberg(tmp_path), first.watermark)):
        assert run.schema.field("p").type == kind
        assert dict(zip(run.column("id"), run.column("p"), strict=True)) == dict(enumerate(values))


def test_partitions_that_change(tmp_path: Path) -> None:
    """Files keep the partitions that they were written with."""
    lake = Lake(tmp_path, pa.schema([("id", pa.int64()), ("n", pa.int64()), ("p", pa.string())]))
    lake.append([1], p=["x"])
    with lake.table.update_spec() as spec:
        spec.add_identity("p")
    lake.append([2], p=["y"])
    first = Run(iceberg(tmp_path))
    assert dict(zip(first.column("id"), first.column("p"), strict=True)) == {1: "x", 2: "y"}
    with lake.table.update_spec() as spec:
        spec.remove_field("p")
        spec.add_field("n", IdentityTransform())
    lake.append([3, 4], p=["z", "z"], n=[7, 8])
    second = Run(iceberg(tmp_path), first.watermark)
    assert sorted(zip(second.column("id"), second.column("p"), second.column("n"), strict=True)) == [
        (3, "z", 7),
        (4, "z", 8),
    ]


def test_files_that_were_added_as_they_are(tmp_path: Path) -> None:
    """Without field ids, by the table's name mapping; the partition's column need not be in the file."""
    lake = Lake(tmp_path)
    pq.write_table(pa.table({"n": [1, 2], "id": [5, 6]}), tmp_path / "own.parquet")
    lake.table.add_files([f"file://{tmp_path}/own.parquet"])
    with lake.table.update_schema() as change:
        change.rename_column("n", "number")
    run = Run(iceberg(tmp_path))
    assert run.table.select(["id", "number"]).to_pylist() == [{"id": 5, "number": 1}, {"id": 6, "number": 2}]


@pytest.mark.parametrize("limits", [Limits(rows=3, bytes=10**6), Limits(rows=50, bytes=60)], ids=str)
@pytest.mark.parametrize("settings", [{}, {"mode": "full", **KEYED}, {"where": "id % 3 <> 1"}], ids=str)
def test_a_run_goes_on_from_every_position(tmp_path: Path, lake: Lake, settings: Any, limits: Limits) -> None:
    for n in range(2):
        lake.append(range(n * 5, n * 5 + 5))
    first = Run(iceberg(tmp_path, limits, **settings))
    for done, rest in resumed(lambda: iceberg(tmp_path, limits, **settings), first):
        assert rest == first.column("id")[done:]
    if settings.get("mode") == "full":
        return
    for n in range(2, 4):
        lake.append(range(n * 5, n * 5 + 5))
    second = Run(iceberg(tmp_path, limits, **settings), first.watermark)
    for done, rest in resumed(lambda: iceberg(tmp_path, limits, **settings), second, first.watermark):
        assert rest == second.column("id")[done:]


def test_where_a_first_run_starts(tmp_path: Path, lake: Lake) -> None:
    snapshots = [lake.append([n]) for n in range(4)]
    assert Run(iceberg(tmp_path, start=snapshots[2])).column("id") == [2, 3]
    assert Run(iceberg(tmp_path, start=snapshots[0])).column("id") == [0, 1, 2, 3]
    now = Run(iceberg(tmp_path, start="now"))
    assert now.column("id") == []
    lake.append([4])
    assert Run(iceberg(tmp_path, start="now"), now.watermark).column("id") == [4]
    with pytest.raises(ConfigError, match="is no snapshot"):
        Run(iceberg(tmp_path, start="5"))


def test_an_older_snapshot_can_be_read(tmp_path: Path, lake: Lake) -> None:
    first = lake.append([0])
    moment = dt.datetime.now(dt.UTC)
    second = lake.append([1])
    lake.append([2])
    assert sorted(Run(iceberg(tmp_path, mode="full", version=second)).column("id")) == [0, 1]
    assert Run(iceberg(tmp_path, mode="full", as_of=moment.isoformat())).column("id") == [0]
    one = Run(iceberg(tmp_path, version=first))
    assert Run(iceberg(tmp_path, version=second), one.watermark).column("id") == [1]
    for wrong in ({"version": 5}, {"as_of": "2001-01-01T00:00:00Z"}, {"as_of": "yesterday"}):
        with pytest.raises(ConfigError):
            Run(iceberg(tmp_path, **wrong))


def test_rows_come_again_among_those_that_were_passed(tmp_path: Path, lake: Lake) -> None:
    lake.append([1, 2, 3])
    first = Run(iceberg(tmp_path, **KEYED))
    lake.append([4])
    source = iceberg(tmp_path, **KEYED)
    source.open()
    found = [row for batch in source.read_keys(("id",), ["[2]", "[4]"], first.watermark)
             for row in batch.rows["id"].to_pylist()]  # fmt: skip
    assert found == [2]
    assert source.standing("[2]", first.watermark) is Standing.PASSED
    assert source.standing("[4]", first.watermark) is Standing.AHEAD
    assert source.standing("[9]", first.watermark) is Standing.ABSENT


# ── refused ───────────────────────────────────────────────────────────────────────────────────────────


def expire(lake: Lake, *snapshots: int) -> None:
    lake.table.maintenance.expire_snapshots().by_ids(list(snapshots)).commit()


def test_expired_snapshots_are_refused(tmp_path: Path, lake: Lake) -> None:
    """Only where what came since cannot be told."""
    empty = Run(iceberg(tmp_path))
    snapshots = [lake.append([0])]
    first = Run(iceberg(tmp_path))
    snapshots += [lake.append([n]) for n in (1, 2, 3)]
    second = Run(iceberg(tmp_path), first.watermark)
    snapshots.append(lake.append([4]))
    expire(lake, *snapshots[:2])
    assert Run(iceberg(tmp_path), second.watermark).column("id") == [4]
    for run in (empty, first):
        with pytest.raises(GuardTripped, match="expired") as error:
            Run(iceberg(tmp_path), run.watermark)
        assert "state reset" in error.value.hint
    assert Run(iceberg(tmp_path, start=snapshots[3])).column("id") == [3, 4]
    with pytest.raises(ConfigError, match="is no snapshot") as mistake:
        Run(iceberg(tmp_path, start=snapshots[2]))
    assert "expired" in mistake.value.hint
    assert sorted(Run(iceberg(tmp_path)).column("id")) == [0, 1, 2, 3, 4]


def delete_rows(lake: Lake, folder: Path, content: DataFileContent, *, also: bool) -> int:
    """Commit a snapshot with a delete file, which no library for Python writes: by hand, `also` with the data of the last."""
    table, last = lake.table, lake.table.current_snapshot()
    snapshot, sequence = last.snapshot_id + 1, last.sequence_number + 1
    deletes = DataFile.from_args(
        content=content, file_path=f"file://{folder}/deletes.parquet", file_format=FileFormat.PARQUET,
        partition=Record(), record_count=1, file_size_in_bytes=9, equality_ids=[1],
    )  # fmt: skip
    deletes.spec_id = 0
    manifests = list(last.manifests(table.io))

    class Deletes(ManifestWriterV2):
        def content(self) -> ManifestContent:
            return ManifestContent.DELETES

    def manifest(kind: type, file: DataFile, name: str) -> ManifestFile:
        output = table.io.new_output(f"file://{folder}/{name}-{snapshot}.avro")
        with kind(table.spec(), table.schema(), output, snapshot, "null") as writer:
            entry = ManifestEntry.from_args(
                status=ManifestEntryStatus.ADDED, snapshot_id=snapshot, data_file=file
            )
            writer.add_entry(entry)
        return writer.to_manifest_file()

    written = [manifest(Deletes, deletes, "deletes")]
    if also:
        entry = manifests[0].fetch_manifest_entry(table.io)[0]
        written.append(manifest(ManifestWriterV2, entry.data_file, "data"))
    listed = f"file://{folder}/list-{snapshot}.avro"
    with write_manifest_list(
        2, table.io.new_output(listed), snapshot, last.snapshot_id, sequence, "null"
    ) as writer:
        writer.add_manifests([*written, *manifests])
    new = Snapshot(
        snapshot_id=snapshot, parent_snapshot_id=last.snapshot_id, sequence_number=sequence,
        timestamp_ms=last.timestamp_ms + 1, manifest_list=listed,
        summary=Summary(Operation.OVERWRITE), schema_id=table.schema().schema_id,
    )  # fmt: skip
    reference = SetSnapshotRefUpdate(ref_name="main", type="branch", snapshot_id=snapshot)
    lake._catalog.commit_table(table, (), (AddSnapshotUpdate(snapshot=new), reference))
    return snapshot


@pytest.mark.parametrize("content", [DataFileContent.POSITION_DELETES, DataFileContent.EQUALITY_DELETES])
def test_delete_files_are_refused(tmp_path: Path, lake: Lake, content: DataFileContent) -> None:
    """In a table that is read whole, and beside files that were added; alone they bring no row."""
    lake.append([1, 2])
    first = Run(iceberg(tmp_path))
    delete_rows(lake, tmp_path, content, also=False)
    with pytest.raises(ConfigError, match="deleted by delete files") as error:
        Run(iceberg(tmp_path))
    assert "copy on write" in error.value.hint or "rewrite" in error.value.hint
    second = Run(iceberg(tmp_path), first.watermark)
    assert second.column("id") == []
    lake.append([3])
    third = Run(iceberg(tmp_path), second.watermark)
    assert third.column("id") == [3]
    delete_rows(lake, tmp_path, content, also=True)
    with pytest.raises(ConfigError, match="deleted by delete files"):
        Run(iceberg(tmp_path), third.watermark)


def test_a_table_that_was_rolled_back_is_refused(tmp_path: Path, lake: Lake) -> None:
    before = lake.append([0])
    lake.append([1])
    first = Run(iceberg(tmp_path))
    lake.table.manage_snapshots().rollback_to_snapshot(before).commit()
    with pytest.raises(GuardTripped, match="expired, or rolled back"):
        Run(iceberg(tmp_path), first.watermark)


def test_another_table_in_its_place_is_refused(tmp_path: Path, lake: Lake) -> None:
    lake.append([0])
    first = Run(iceberg(tmp_path))
    lake._catalog.drop_table("shop.orders")
    Lake(tmp_path).append([0])
    with pytest.raises(GuardTripped, match="another table than in the last run"):
        Run(iceberg(tmp_path), first.watermark)


def test_no_table_and_no_catalog(tmp_path: Path, lake: Lake) -> None:
    lake._catalog.drop_table("shop.orders")
    with pytest.raises(ConfigError, match="the catalog has no such table"):
        Run(iceberg(tmp_path))
    with pytest.raises(ConfigError, match="cannot be opened"):
        Run(iceberg(tmp_path, catalog={"type": "flying"}))
    with pytest.raises(ConfigError, match="cannot be opened"):
        Run(iceberg(tmp_path, catalog="no_such_name"))


def test_a_stop_ends_reading(tmp_path: Path, lake: Lake) -> None:
    lake.append(range(100))
    source = iceberg(tmp_path, Limits(rows=10, bytes=10**6))
    source.open()
    batches = source.read(("id",), EMPTY_WATERMARK)
    next(batches)
    source.cancel()
    with pytest.raises(Stopped):
        list(batches)
