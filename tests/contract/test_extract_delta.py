"""Delta tables, written by their own library and read by their versions."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from lake_sources import Run, delta, resumed

from connector.errors import ConfigError, GuardTripped
from connector.extract import Limits, Standing
from connector.model import EMPTY_WATERMARK, Watermark

deltalake = pytest.importorskip("deltalake", reason="install intempt-connector[delta]")

KEYED = {"key": ("id",)}


def write(path: Path, ids: Any, mode: str = "append", **options: Any) -> None:
    columns = {"id": pa.array(list(ids), pa.int64())} if not isinstance(ids, dict) else ids
    deltalake.write_deltalake(path, pa.table(columns), mode=mode, **options)


def table(path: Path) -> Any:
    return deltalake.DeltaTable(path)


def test_a_first_run_reads_the_table_and_later_ones_what_was_added(tmp_path: Path) -> None:
    write(tmp_path, range(5))
    first = Run(delta(tmp_path, **KEYED))
    assert sorted(first.column("id")) == [0, 1, 2, 3, 4]
    assert first.estimate == 5
    assert Run(delta(tmp_path, **KEYED), first.watermark).batches == []
    write(tmp_path, [5, 6])
    write(tmp_path, [7])
    second = Run(delta(tmp_path, **KEYED), first.watermark)
    assert second.column("id") == [5, 6, 7]
    assert Run(delta(tmp_path, **KEYED), second.watermark).batches == []


def test_compaction_sends_nothing(tmp_path: Path) -> None:
    """A commit without data change rewrites files and brings no row; what was added before it is read as it was."""
    for n in range(4):
        write(tmp_path, [n])
    first = Run(delta(tmp_path, **KEYED))
    write(tmp_path, [4])
    table(tmp_path).optimize.compact()
    second = Run(delta(tmp_path, **KEYED), first.watermark)
    assert second.column("id") == [4]
    table(tmp_path).optimize.z_order(["id"])
    third = Run(delta(tmp_path, **KEYED), second.watermark)
    assert third.column("id") == []
    assert third.watermark["/table"]["version"] == table(tmp_path).version()


def test_rows_of_rewritten_files_are_read_again_and_deleted_ones_are_not(tmp_path: Path) -> None:
    write(tmp_path, {"id": [1, 2, 3], "n": [1, 1, 1]})
    write(tmp_path, {"id": [4, 5], "n": [1, 1]})
    first = Run(delta(tmp_path, **KEYED, cursor="n"))
    table(tmp_path).delete("id = 2")
    table(tmp_path).update(predicate="id = 5", updates={"n": "2"})
    second = Run(delta(tmp_path, **KEYED, cursor="n"), first.watermark)
    assert sorted(zip(second.column("id"), second.column("n"), strict=True)) == [
        (1, 1),
        (3, 1),
        (4, 1),
        (5, 2),
    ]


def test_the_version_of_an_unchanged_row_stays_with_a_cursor(tmp_path: Path) -> None:
    """So its eventId does, too; without one it is the digest of the file that holds the row."""
    write(tmp_path, {"id": [1, 2], "n": [1, 1]})
    first = {
        settings: Run(delta(tmp_path, **KEYED, **dict(settings))) for settings in ((), (("cursor", "n"),))
    }
    table(tmp_path).update(predicate="id = 2", updates={"n": "2"})
    for settings, before in first.items():
        after = Run(delta(tmp_path, **KEYED, **dict(settings)), before.watermark)
        assert (before.versions()[1] == after.versions()[1]) is bool(settings)
        assert before.versions()[2] != after.versions()[2]


def test_merge_brings_the_new_rows_and_the_changed_ones(tmp_path: Path) -> None:
    write(tmp_path, {"id": [1, 2], "n": [1, 1]})
    first = Run(delta(tmp_path, **KEYED))
    news = pa.table({"id": [2, 3], "n": [5, 5]})
    merge = table(tmp_path).merge(news, "s.id = t.id", source_alias="s", target_alias="t")
    merge.when_matched_update_all().when_not_matched_insert_all().execute()
    second = Run(delta(tmp_path, **KEYED), first.watermark)
    assert {(2, 5), (3, 5)} <= set(zip(second.column("id"), second.column("n"), strict=True))


def test_an_overwrite_brings_the_new_table(tmp_path: Path) -> None:
    write(tmp_path, range(3))
    first = Run(delta(tmp_path, **KEYED))
    write(tmp_path, [7, 8], mode="overwrite")
    write(tmp_path, [9], mode="overwrite")
    assert Run(delta(tmp_path, **KEYED), first.watermark).column("id") == [9]


def test_a_restore_brings_the_rows_back(tmp_path: Path) -> None:
    write(tmp_path, [1])
    write(tmp_path, [2])
    first = Run(delta(tmp_path, **KEYED))
    table(tmp_path).delete()
    table(tmp_path).restore(0)
    assert Run(delta(tmp_path, **KEYED), first.watermark).column("id") == [1]


def test_columns_that_came_later_are_null_in_older_files(tmp_path: Path) -> None:
    write(tmp_path, {"id": [1]})
    first = Run(delta(tmp_path))
    write(tmp_path, {"id": [2], "name": ["b"]}, schema_mode="merge")
    second = Run(delta(tmp_path), first.watermark)
    assert second.table.select(["id", "name"]).to_pylist() == [{"id": 2, "name": "b"}]
    whole = Run(delta(tmp_path))
    assert sorted(whole.table.select(["id", "name"]).to_pylist(), key=lambda row: row["id"]) == [
        {"id": 1, "name": None}, {"id": 2, "name": "b"},
    ]  # fmt: skip


def test_a_table_overwritten_with_other_columns_and_partitions(tmp_path: Path) -> None:
    write(tmp_path, {"id": [1], "p": ["x"]}, partition_by=["p"])
    first = Run(delta(tmp_path))
    write(tmp_path, {"id": ["one"], "q": [3]}, mode="overwrite", schema_mode="overwrite", partition_by=["q"])
    second = Run(delta(tmp_path), first.watermark)
    assert second.table.select(["id", "q"]).to_pylist() == [{"id": "one", "q": 3}]


PARTITIONS = {
    "text": (pa.string(), ["a b/ü%", "x=y", None]),
    "whole": (pa.int32(), [-7, 0, None]),
    "day": (pa.date32(), [dt.date(2024, 2, 29), dt.date(1969, 12, 31), None]),
    "moment": (pa.timestamp("us", "UTC"), [dt.datetime(2024, 1, 1, 1, 2, 3, 456789, dt.UTC), None, None]),
    "amount": (pa.decimal128(9, 2), [Decimal("1.50"), Decimal("20000.01"), None]),
    "flag": (pa.bool_(), [True, False, None]),
}


@pytest.mark.parametrize("name", PARTITIONS)
def test_partition_values_have_their_types(tmp_path: Path, name: str) -> None:
    """Whether they come from the log's snapshot or from a commit."""
    kind, values = PARTITIONS[name]
    columns = {"id": pa.array(range(len(values))), "p": pa.array(values, kind)}
    write(tmp_path, {key: array.slice(0, 0) for key, array in columns.items()}, partition_by=["p"])
    first = Run(delta(tmp_path))
    write(tmp_path, columns)
    for run in (Run(delta(tmp_path)), Run(delta(tmp_path), first.watermark)):
        assert run.schema.field("p").type == kind
        assert dict(zip(run.column("id"), run.column("p"), strict=True)) == dict(enumerate(values))


@pytest.mark.parametrize("limits", [Limits(rows=3, bytes=10**6), Limits(rows=50, bytes=60)], ids=str)
@pytest.mark.parametrize(
    "settings",
    [{}, KEYED, {"mode": "full", **KEYED}, {"where": "id % 3 <> 1"}, {"cursor": "n", **KEYED}],
    ids=str,
)
def test_a_run_goes_on_from_every_position(tmp_path: Path, settings: Any, limits: Limits) -> None:
    """Whatever the table does meanwhile, within one version and across versions."""
    for n in range(3):
        write(tmp_path, {"id": range(n * 5, n * 5 + 5), "n": [7] * 5})
    first = Run(delta(tmp_path, limits, **settings))
    for done, rest in resumed(lambda: delta(tmp_path, limits, **settings), first):
        assert rest == first.column("id")[done:]
    if settings.get("mode") == "full":
        return
    for n in range(3, 6):
        write(tmp_path, {"id": range(n * 5, n * 5 + 5), "n": [7] * 5})
    second = Run(delta(tmp_path, limits, **settings), first.watermark)
    for done, rest in resumed(lambda: delta(tmp_path, limits, **settings), second, first.watermark):
        assert rest == second.column("id")[done:]


def test_an_interrupted_first_run_reads_on_at_its_own_version(tmp_path: Path) -> None:
    """Then what was added since; a file compacted or rewritten meanwhile is read to its end."""
    write(tmp_path, range(6))
    whole = Run(delta(tmp_path, Limits(rows=2, bytes=10**6), **KEYED))
    stopped = Watermark({**whole.batches[0].end, **whole.batches[1].position(1)})
    write(tmp_path, [6])
    table(tmp_path).optimize.compact()
    write(tmp_path, [7])
    rest = Run(delta(tmp_path, **KEYED), stopped)
    assert whole.column("id")[:1] + rest.column("id") == [0, 1, 2, 3, 4, 5, 6, 7]
    assert Run(delta(tmp_path, **KEYED), rest.watermark).batches == []


def test_where_a_first_run_starts(tmp_path: Path) -> None:
    for n in range(4):
        write(tmp_path, [n])
    assert Run(delta(tmp_path, start=2)).column("id") == [2, 3]
    assert sorted(Run(delta(tmp_path, start=0)).column("id")) == [0, 1, 2, 3]
    now = Run(delta(tmp_path, start="now"))
    assert now.column("id") == []
    write(tmp_path, [4])
    assert Run(delta(tmp_path, start="now"), now.watermark).column("id") == [4]
    for wrong in ("5", "2024-01-01", "-1"):
        with pytest.raises(ConfigError, match="is no version"):
            Run(delta(tmp_path, start=wrong))


def test_an_older_version_can_be_read(tmp_path: Path) -> None:
    """By its number or by a time, whole or as far as runs read."""
    write(tmp_path, [0])
    moment = dt.datetime.now(dt.UTC).isoformat()
    write(tmp_path, [1])
    write(tmp_path, [2])
    assert sorted(Run(delta(tmp_path, mode="full", version=1)).column("id")) == [0, 1]
    assert Run(delta(tmp_path, mode="full", as_of=moment)).column("id") == [0]
    for wrong in (
        {"version": 9},
        {"as_of": "2001-01-01T00:00:00Z"},
        {"as_of": "2030-01-01T00:00:00"},
        {"as_of": "now"},
    ):
        with pytest.raises(ConfigError) as error:
            Run(delta(tmp_path, mode="full", **wrong))
        assert error.value.path == f"source.{next(iter(wrong))}"
    first = Run(delta(tmp_path, version=0))
    assert Run(delta(tmp_path, version=1), first.watermark).column("id") == [1]
    last = Run(delta(tmp_path), first.watermark)
    with pytest.raises(GuardTripped, match="stands at version 1, and runs have read up to version 2"):
        Run(delta(tmp_path, version=1), last.watermark)


def test_passes_read_one_version_whole(tmp_path: Path) -> None:
    write(tmp_path, [1, 2])
    first = Run(delta(tmp_path, mode="full", **KEYED))
    assert first.watermark["/pass"] == {"pass": 1, "version": 0, "done": True}
    write(tmp_path, [3])
    second = Run(delta(tmp_path, mode="full", **KEYED), first.watermark)
    assert sorted(second.column("id")) == [1, 2, 3]
    assert set(second.versions().values()) == {"2"}


# ── read again ────────────────────────────────────────────────────────────────────────────────────────


def test_rows_come_again_among_those_that_were_passed(tmp_path: Path) -> None:
    write(tmp_path, [1, 2, 3])
    first = Run(delta(tmp_path, **KEYED))
    write(tmp_path, [4])
    source = delta(tmp_path, **KEYED)
    source.open()
    found = [row for batch in source.read_keys(("id",), ["[2]", "[4]", "[9]"], first.watermark)
             for row in batch.rows["id"].to_pylist()]  # fmt: skip
    assert found == [2]
    assert source.standing("[2]", first.watermark) is Standing.PASSED
    assert source.standing("[4]", first.watermark) is Standing.AHEAD
    assert source.standing("[9]", first.watermark) is Standing.ABSENT
    assert [
        b.rows["id"].to_pylist() for b in source.read_ahead(("id",), first.watermark) if b.rows.num_rows
    ] == [[4]]


@pytest.mark.parametrize("start", ["beginning", 1, "now"])
def test_what_was_passed_is_what_was_read(tmp_path: Path, start: Any) -> None:
    """From every position, also of a second run."""
    for n in range(3):
        write(tmp_path, range(n * 3, n * 3 + 3))
    limits = Limits(rows=2, bytes=10**6)
    first = Run(delta(tmp_path, limits, start=start, **KEYED))
    for n in range(3, 5):
        write(tmp_path, range(n * 3, n * 3 + 3))
    second = Run(delta(tmp_path, limits, start=start, **KEYED), first.watermark)
    source = delta(tmp_path, **KEYED, start=start)
    source.open()
    read: list[int] = []
    for run, base in ((first, EMPTY_WATERMARK), (second, first.watermark)):
        seen = list(read)
        for done, watermark in run.positions(base):
            passed = [row for b in source.read_passed(("id",), watermark) for row in b.rows["id"].to_pylist()]
            assert Counter(passed) == Counter(seen + run.column("id")[:done])
        read = seen + run.column("id")


# ── refused ───────────────────────────────────────────────────────────────────────────────────────────


def hand(path: Path, *actions: dict[str, Any], version: int = 0) -> Path:
    """Write one version of a log by hand."""
    log = path / "_delta_log"
    log.mkdir(parents=True, exist_ok=True)
    (log / f"{version:020d}.json").write_text(
        "".join(json.dumps(action) + "\n" for action in actions), "utf-8"
    )
    return path


def protocol(*features: str, reader: int = 3) -> dict[str, Any]:
    lists = {"readerFeatures": list(features), "writerFeatures": list(features)} if reader == 3 else {}
    return {"protocol": {"minReaderVersion": reader, "minWriterVersion": 7 if reader == 3 else 5, **lists}}


def metadata(**configuration: str) -> dict[str, Any]:
    field = {"name": "id", "type": "long", "nullable": True, "metadata": {}}
    if "delta.columnMapping.mode" in configuration:
        field["metadata"] = {"delta.columnMapping.id": 1, "delta.columnMapping.physicalName": "col-1"}
    return {
        "metaData": {
            "id": "5fba94ed-9794-4965-ba6e-6ee3c0d22af9",
            "format": {"provider": "parquet", "options": {}},
            "schemaString": json.dumps({"type": "struct", "fields": [field]}),
            "partitionColumns": [],
            "createdTime": 1,
            "configuration": configuration,
        }
    }


def file(path: str, *, deleted: int = 0, size: int = 9) -> dict[str, Any]:
    found = {"path": path, "partitionValues": {}, "size": size, "modificationTime": 1, "dataChange": True}
    if deleted:
        found["deletionVector"] = {
            "storageType": "u", "pathOrInlineDv": "vBn[lx{q8@P<9BNH/isA", "offset": 1,
            "sizeInBytes": 36, "cardinality": deleted,
        }  # fmt: skip
    return found


def test_deletion_vectors_are_refused(tmp_path: Path) -> None:
    """In a table that is read whole; the vector's file is not even there."""
    hand(tmp_path, protocol("deletionVectors"), metadata(), {"add": file("a.parquet", deleted=2)})
    with pytest.raises(ConfigError, match="version 0 has rows deleted by deletion vectors") as error:
        Run(delta(tmp_path))
    assert "PURGE" in error.value.hint


def test_a_table_that_might_have_deletion_vectors_and_has_none_is_read(tmp_path: Path) -> None:
    write(tmp_path / "plain", [1, 2])
    [data] = (tmp_path / "plain").glob("*.parquet")
    (tmp_path / data.name).write_bytes(data.read_bytes())
    add = file(data.name, size=data.stat().st_size)
    hand(tmp_path, protocol("deletionVectors"), metadata(), {"add": add})
    assert Run(delta(tmp_path)).column("id") == [1, 2]


def test_a_vector_that_deletes_rows_later_sends_nothing(tmp_path: Path) -> None:
    """It brings no row; one that gives rows back is refused."""
    write(tmp_path / "plain", [1, 2])
    [data] = (tmp_path / "plain").glob("*.parquet")
    (tmp_path / data.name).write_bytes(data.read_bytes())
    size = data.stat().st_size
    hand(tmp_path, protocol("deletionVectors"), metadata(), {"add": file(data.name, size=size)})
    first = Run(delta(tmp_path))
    whole, less = file(data.name, size=size), file(data.name, size=size, deleted=1)
    hand(tmp_path, {"remove": whole}, {"add": less}, version=1)
    second = Run(delta(tmp_path), first.watermark)
    assert second.column("id") == []
    assert second.watermark["/table"]["version"] == 1
    more = file(data.name, size=size, deleted=2)
    hand(tmp_path, {"remove": less}, {"add": more}, version=2)
    hand(tmp_path, {"remove": more}, {"add": less}, version=3)
    with pytest.raises(ConfigError, match="version 3 has rows deleted by deletion vectors"):
        Run(delta(tmp_path), first.watermark)


@pytest.mark.parametrize(
    ("actions", "words"),
    [
        ((protocol(reader=2), metadata(**{"delta.columnMapping.mode": "name"})), "column mapping"),
        ((protocol("columnMapping"), metadata(**{"delta.columnMapping.mode": "id"})), "column mapping"),
        ((protocol("flyingCarpets"), metadata()), "flyingCarpets"),
        ((protocol("typeWidening"), metadata()), "typeWidening"),
        ((protocol(reader=9), metadata()), "newer version of the Delta protocol"),
        ((protocol(reader=1), metadata(), {"add": file("s3://elsewhere/a.parquet")}), "lies outside of the table"),
    ],
)  # fmt: skip
def test_what_would_be_read_wrongly_is_refused(tmp_path: Path, actions: Any, words: str) -> None:
    hand(tmp_path, *actions)
    with pytest.raises(ConfigError, match=words) as error:
        Run(delta(tmp_path))
    assert error.value.hint


def test_a_vacuumed_file_is_refused(tmp_path: Path) -> None:
    """One that a run has not read yet; what its rows were cannot be told from the compacted file."""
    write(tmp_path, [1])
    first = Run(delta(tmp_path))
    write(tmp_path, [2])
    write(tmp_path, [3])
    table(tmp_path).optimize.compact()
    table(tmp_path).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    with pytest.raises(GuardTripped, match=r"a data file of version 1, is gone \(vacuumed\)") as error:
        Run(delta(tmp_path), first.watermark)
    assert "state reset" in error.value.hint


def test_a_log_that_was_cleaned_up_is_refused(tmp_path: Path) -> None:
    write(tmp_path, [1])
    first = Run(delta(tmp_path))
    write(tmp_path, [2])
    write(tmp_path, [3])
    table(tmp_path).create_checkpoint()
    for version in (0, 1):
        (tmp_path / "_delta_log" / f"{version:020d}.json").unlink()
    assert Run(delta(tmp_path)).column("id") != []
    with pytest.raises(GuardTripped, match="version"):
        Run(delta(tmp_path), first.watermark)


def test_another_table_in_its_place_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "t", [1])
    first = Run(delta(tmp_path / "t"))
    (tmp_path / "t").rename(tmp_path / "old")
    write(tmp_path / "t", [1])
    write(tmp_path / "t", [2])
    with pytest.raises(GuardTripped, match="another table than in the last run"):
        Run(delta(tmp_path / "t"), first.watermark)


def test_no_table_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no Delta table"):
        Run(delta(tmp_path))
    with pytest.raises(ConfigError, match="holds no Delta table"):
        Run(delta(tmp_path / "none"))
    write(tmp_path, [1])
    with pytest.raises(ConfigError, match="no column 'ID2'"):
        Run(delta(tmp_path, key=("ID2",)))


def test_a_stop_ends_reading(tmp_path: Path) -> None:
    from connector.errors import Stopped

    write(tmp_path, range(100))
    source = delta(tmp_path, Limits(rows=10, bytes=10**6))
    source.open()
    batches = source.read(("id",), EMPTY_WATERMARK)
    next(batches)
    source.cancel()
    with pytest.raises(Stopped):
        list(batches)
