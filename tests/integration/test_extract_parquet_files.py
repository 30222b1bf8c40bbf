"""Files that come, grow, are rewritten, touched, damaged or left behind."""

import datetime as dt
import hashlib
import os
import time
from decimal import Decimal

import pyarrow as pa
import pytest
from parquet_sources import Run, extractor, write

from connector.errors import ConfigError, ConfigErrors, DataError, SourceError, Stopped
from connector.extract import Limits
from connector.model import Watermark, merge

OLD = time.time() - 3600


def age(path, when=OLD):
    os.utime(path, (when, when))
    return path


def test_only_new_files_are_read(tmp_path):
    """A second run reads what has come since, and nothing twice."""
    write(tmp_path / "b.parquet", {"x": [3, 4]})
    write(tmp_path / "a.parquet", {"x": [1, 2]})
    first = Run(tmp_path)
    assert first.column("x") == [1, 2, 3, 4]
    nothing = Run(tmp_path, first.watermark)
    assert (nothing.batches, nothing.estimate) == ([], 0)
    write(tmp_path / "0.parquet", {"x": [0]})
    assert Run(tmp_path, first.watermark).column("x") == [0]


def test_settled_files_are_not_opened(tmp_path):
    """A file of the size and time recorded is not looked into: its bytes may even be gone."""
    path = write(tmp_path / "a.parquet", {"x": [1]})
    write(tmp_path / "b.parquet", {"x": [2]})
    first = Run(tmp_path)
    status = path.stat()
    path.write_bytes(b"\0" * status.st_size)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert Run(tmp_path, first.watermark).batches == []


def test_touched_file_is_not_read_again(tmp_path):
    """A file that is the same under a new time is not read again, and its part learns the time."""
    path = write(tmp_path / "a.parquet", {"x": [1]})
    first = Run(tmp_path)
    age(path)
    again = Run(tmp_path, first.watermark)
    assert sum(batch.rows.num_rows for batch in again.batches) == 0
    assert again.watermark["a.parquet"]["mtime"] == path.stat().st_mtime_ns
    assert Run(tmp_path, again.watermark).batches == []


def test_rewritten_file_is_read_whole(tmp_path):
    """Without a cursor a rewritten file is news, with a digest of its own as version and new implicit keys."""
    path = write(tmp_path / "a.parquet", {"x": [1, 2]})
    first = Run(tmp_path)
    write(path, {"x": [1, 2, 3]})
    second = Run(tmp_path, first.watermark)
    assert second.column("x") == [1, 2, 3]
    versions = {batch.version for run in (first, second) for batch in run.batches if batch.rows.num_rows}
    assert versions == {first.watermark["a.parquet"]["digest"], second.watermark["a.parquet"]["digest"]}
    assert len(versions) == 2
    assert not {*first.column("__row")} & {*second.column("__row")}


def test_rewritten_file_with_cursor(tmp_path):
    """With a cursor only what is above the file's own last one is read of a rewritten file, all of a new one."""
    path = write(tmp_path / "a.parquet", {"x": [1, 5, 3]})
    first = Run(tmp_path, cursor="x", key=("x",))
    assert first.watermark["a.parquet"]["cursor"] == ["int64", "5"]
    write(path, {"x": [7, 1, 5, 6, 3]})
    write(tmp_path / "b.parquet", {"x": [2]})
    second = Run(tmp_path, first.watermark, cursor="x", key=("x",))
    assert second.column("x") == [7, 6, 2]
    assert second.watermark["a.parquet"]["cursor"] == ["int64", "7"]
    assert "floor" not in second.watermark["a.parquet"]


def test_rewrite_that_is_interrupted_keeps_its_floor(tmp_path):
    """A rewritten file read in part, then rewritten again, is still read above what was finished before."""
    settings = {"cursor": "x", "key": ("x",)}
    path = write(tmp_path / "a.parquet", {"x": [1, 2]})
    first = Run(tmp_path, **settings)
    write(path, {"x": [2, 3, 4]})
    second = Run(tmp_path, first.watermark, **settings)
    data = next(batch for batch in second.batches if batch.rows.num_rows)
    partial = merge(first.watermark, data.position(1))
    assert partial["a.parquet"]["floor"] == ["int64", "2"]
    assert Run(tmp_path, partial, **settings).column("x") == [4]
    write(path, {"x": [1, 2, 3, 4, 5]})
    assert Run(tmp_path, partial, **settings).column("x") == [3, 4, 5]


def test_unfinished_file_that_changed_restarts(tmp_path):
    """A file that was rewritten before it was finished is read from its start."""
    path = write(tmp_path / "a.parquet", {"x": [1, 2, 3]})
    first = Run(tmp_path)
    partial = next(batch for batch in first.batches if batch.rows.num_rows).position(2)
    assert Run(tmp_path, partial).column("x") == [3]
    write(path, {"x": [1, 2, 3, 4]})
    assert Run(tmp_path, partial).column("x") == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("values", "data_type", "stored"),
    [
        ([10**18 + 1, 10**18 + 3], pa.timestamp("ns", "UTC"), ["timestamp[ns, tz=UTC]", str(10**18 + 3)]),
        ([2**62 + 1, 2**62 + 3], pa.int64(), ["int64", str(2**62 + 3)]),
        ([2**63 + 1, 2**64 - 2], pa.uint64(), ["uint64", str(2**64 - 2)]),
        ([1, 3], pa.date32(), ["date32[day]", "3"]),
    ],
)
def test_cursor_is_kept_to_the_last_digit(tmp_path, values, data_type, stored):
    """A cursor in the watermark is exact: a rewritten file is read just above it."""
    low, high = values
    path = write(tmp_path / "a.parquet", {"c": pa.array([low, high], data_type)})
    first = Run(tmp_path, cursor="c", key=("c",))
    assert first.watermark["a.parquet"]["cursor"] == stored
    write(path, {"c": pa.array([low, high - 1, high, high + 1], data_type)})
    again = Run(tmp_path, first.watermark, cursor="c", key=("c",))
    assert again.table.column("c").combine_chunks() == pa.array([high + 1], data_type)


def test_cursor_that_became_wider(tmp_path):
    """A stored cursor is compared in the type that the column has now."""
    path = write(tmp_path / "a.parquet", {"c": pa.array([5_000], pa.timestamp("ms"))})
    first = Run(tmp_path, cursor="c")
    write(path, {"c": pa.array([5_000_000_000, 5_000_000_001], pa.timestamp("ns"))})
    again = Run(tmp_path, first.watermark, cursor="c")
    assert again.table.column("c").cast(pa.int64()).to_pylist() == [5_000_000_001]


@pytest.mark.parametrize(
    ("last", "now", "declared"),
    [
        (pa.array([1_999], pa.timestamp("ns")), pa.array([1, 2], pa.timestamp("us")), "timestamp"),
        (pa.array([-1_999], pa.timestamp("ns")), pa.array([-2, -1], pa.timestamp("us")), "timestamp"),
        (pa.array([86_400_001], pa.timestamp("ms")), pa.array([1, 2], pa.date32()), "date"),
        (pa.array([Decimal("1.99")]), pa.array([1, 2]), "bigint"),
        (pa.array([Decimal("-1.99")]), pa.array([-2, -1]), "bigint"),
        (pa.array([Decimal("1.99")]), pa.array([Decimal("1.9"), Decimal("2.0")]), "decimal(9,1)"),
    ],
)
def test_cursor_that_became_coarser(tmp_path, last, now, declared):
    """What lies above the last cursor, rounded down to what the column can hold now, is read."""
    path = write(tmp_path / "a.parquet", {"c": last})
    first = Run(tmp_path, cursor="c")
    write(path, {"c": now})
    again = Run(tmp_path, first.watermark, cursor="c", columns={"c": declared})
    assert again.table.column("c").to_pylist() == now.to_pylist()[1:]


def test_cursor_that_has_no_value_in_its_new_type(tmp_path):
    """It is said so, with what to do."""
    path = write(tmp_path / "a.parquet", {"c": [2**40]})
    first = Run(tmp_path, cursor="c")
    write(path, {"c": pa.array([1, 2], pa.int32())})
    with pytest.raises(DataError, match="now of type int32, in which the last one, a int64, has no value"):
        Run(tmp_path, first.watermark, cursor="c", columns={"c": "integer"})


def test_decimal_cursor_by_expression(tmp_path):
    """A cursor may be an expression; rows without one are not read, and counted."""
    table = {"a": pa.array([None, "2.50", None]), "b": pa.array(["1.25", None, None])}
    write(tmp_path / "a.parquet", table)
    run = Run(tmp_path, cursor={"sql": "cast(coalesce(a, b) as decimal(10,2))"})
    assert run.column("b") == ["1.25", None]
    assert run.watermark["a.parquet"]["cursor"] == ["decimal128(10, 2)", "2.50"]
    assert run.watermark["a.parquet"]["rows"] == 3
    assert any(note.startswith("1 rows without a cursor") for note in run.notes)


def test_start_now(tmp_path):
    """With `start: now` the files there are finished unread; with a cursor, up to their highest."""
    path = write(tmp_path / "a.parquet", {"x": [1, 9]})
    for settings in ({}, {"cursor": "x"}):
        first = Run(tmp_path, start="now", **settings)
        assert sum(batch.rows.num_rows for batch in first.batches) == 0
        assert first.watermark["a.parquet"]["rows"] == 2
        assert Run(tmp_path, first.watermark, start="now", **settings).batches == []
    write(path, {"x": [1, 9, 10]})
    assert Run(tmp_path, first.watermark, start="now", cursor="x").column("x") == [10]


def test_start_at_a_value(tmp_path):
    """Rows with a cursor below the value to start from are never read."""
    write(tmp_path / "a.parquet", {"d": [dt.date(2024, 1, 1), dt.date(2024, 2, 1)]})
    assert Run(tmp_path, cursor="d", start="2024-01-15").column("d") == [dt.date(2024, 2, 1)]
    with pytest.raises(ConfigErrors, match=r"source.start: 'soon' is no value"):
        extractor(tmp_path, cursor="d", start="soon").open()
    with pytest.raises(ConfigErrors, match="needs a cursor"):
        extractor(tmp_path, start="2024-01-15").open()


def test_vanished_file_means_nothing(tmp_path):
    """A file that is gone changes nothing, and its part stays."""
    write(tmp_path / "a.parquet", {"x": [1], "y": [1]})
    gone = write(tmp_path / "b.parquet", {"x": [2], "z": [1]})
    first = Run(tmp_path)
    gone.unlink()
    again = Run(tmp_path, first.watermark)
    assert again.batches == []
    assert again.schema.names == ["x", "y", "z"]


def test_columns_of_earlier_files_stay(tmp_path):
    """A new file that lacks a column does not take the column away from the mapping."""
    write(tmp_path / "a.parquet", {"x": [1], "y": ["a"]})
    first = Run(tmp_path)
    write(tmp_path / "b.parquet", {"x": [2]})
    second = Run(tmp_path, first.watermark, key=("x",))
    assert second.table.select(["x", "y"]).to_pylist() == [{"x": 2, "y": None}]


def test_replaced_dataset_may_change_its_types(tmp_path):
    """What earlier runs saw does not bind files that replace them all."""
    path = write(tmp_path / "a.parquet", {"x": [1]})
    first = Run(tmp_path)
    write(path, {"x": ["a"]})
    assert Run(tmp_path, first.watermark).column("x") == ["a"]


def test_file_being_written(tmp_path):
    """A file without a footer is left for later while young, and an error that names it after that."""
    write(tmp_path / "a.parquet", {"x": [1]})
    whole = write(tmp_path / "b.parquet", {"x": [2]}).read_bytes()
    late = tmp_path / "b.parquet"
    for content in (b"", whole[:3], whole[:-4]):
        late.write_bytes(content)
        first = Run(tmp_path)
        assert first.column("x") == [1]
        assert "b.parquet" not in first.watermark
        assert any(note.startswith("1 files without a footer") for note in first.notes)
        age(late)
        with pytest.raises(SourceError, match=r"b\.parquet") as caught:
            Run(tmp_path)
        assert caught.value.hint
    late.write_bytes(whole)
    assert Run(tmp_path, first.watermark).column("x") == [2]


def test_only_files_being_written(tmp_path):
    """A dataset without a complete file is no reason to fail for good."""
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(SourceError, match="no complete Parquet file yet"):
        extractor(tmp_path).open()


def damage_footer(data):
    return data[:-30] + b"\xff" * 22 + data[-8:]


def damage_pages(data):
    return data[:4] + b"\xff" * 200 + data[204:]


@pytest.mark.parametrize("damage", [damage_footer, damage_pages])
def test_damaged_file(tmp_path, damage):
    """A damaged file stops the run with its name; what came before it stays."""
    write(tmp_path / "a.parquet", {"x": [1]})
    path = write(tmp_path / "b.parquet", {"x": list(range(1000))}, use_dictionary=False)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(SourceError, match=r"b\.parquet is damaged"):
        Run(tmp_path)


def test_cancel_after_close(tmp_path):
    """A stop request may come at any time, also when all is over."""
    source = extractor(write(tmp_path / "a.parquet", {"x": [1]}))
    source.open()
    source.close()
    source.cancel()
    source.close()


def test_empty_parquet_file(tmp_path):
    """A file without rows is finished at once, and not looked into again."""
    write(tmp_path / "a.parquet", {"x": pa.array([], pa.int64())})
    first = Run(tmp_path)
    assert first.table.num_rows == 0
    assert first.watermark["a.parquet"]["total"] == 0
    assert Run(tmp_path, first.watermark).batches == []


@pytest.mark.parametrize("rows", [1, 2, 50])
def test_duplicate_key(tmp_path, rows):
    """Neighbours with the same cursor and key stop the run, also across batches; a later version of a row does not."""
    path = write(tmp_path / "a.parquet", {"k": [1, 1, 2], "moved": [7, 8, 8]})
    assert Run(path, cursor="moved", key=("k",), limits=Limits(rows=rows)).table.num_rows == 3
    with pytest.raises(DataError, match=r"neighbouring rows of a\.parquet have the same \(k\)"):
        Run(path, key=("k",), limits=Limits(rows=rows))
    write(tmp_path / "b" / "1.parquet", {"k": [1]})
    write(tmp_path / "b" / "2.parquet", {"k": [1]})
    assert Run(tmp_path / "b", key=("k",)).table.num_rows == 2


def test_null_key(tmp_path):
    """A key part that is null stops the run, unless the filter leaves the row out."""
    path = write(tmp_path / "a.parquet", {"k": [1, None, 3]})
    with pytest.raises(DataError, match=r"1 rows in a\.parquet have no value in key column 'k'"):
        Run(path, key=("k",))
    assert Run(path, key=("k",), where="k is not null").column("k") == [1, 3]


def test_hive_partitions(tmp_path):
    """Folders give text columns unless a type is declared; the null partition is null; odd characters are decoded."""
    write(tmp_path / "year=2023" / "zip=01234" / "a.parquet", {"x": [1]})
    write(tmp_path / "year=2024" / "zip=__HIVE_DEFAULT_PARTITION__" / "a.parquet", {"x": [2]})
    write(tmp_path / "year=2024" / "zip=a%20b" / "a.parquet", {"x": [3], "zip": ["mine"]})
    run = Run(tmp_path, partitions={"year": "integer"}, key=("x",), where="year > 2022")
    assert run.table.to_pydict() == {
        "x": [1, 2, 3],
        "year": [2023, 2024, 2024],
        "zip": ["01234", None, "a b"],
    }
    assert run.schema.field("year").type == pa.int32()
    assert any("zip" in note for note in run.notes)
    with pytest.raises(ConfigErrors, match=r"source.partitions.yaer.*\n.*did you mean year"):
        extractor(tmp_path, partitions={"yaer": "integer"}).open()
    with pytest.raises(DataError, match="'zip'"):
        Run(tmp_path, partitions={"zip": "integer"})


def test_paths(tmp_path):
    """A file, a glob, a folder and a URI; hidden, temporary and foreign names are left out."""
    names = [
        "a.parquet",
        "sub/b.parquet",
        "sub/deep/c.parquet",
        "sub/part-0",
        "_tmp/d.parquet",
        "sub/.e.parquet",
    ]
    for i, name in enumerate(names):
        write(tmp_path / name, {"x": [i]})
    for name in ("_SUCCESS", "_metadata", ".a.parquet.crc", "readme.txt"):
        (tmp_path / name).write_bytes(b"none")
    run = Run(tmp_path)
    assert run.column("x") == [0, 1, 2, 3]
    assert any(note.startswith("1 files are not named") for note in run.notes)
    expected = {
        "a.parquet": [0],
        "*.parquet": [0],
        "sub/*.parquet": [1],
        "**/*.parquet": [0, 1, 2],
        "s?b": [1, 2, 3],
    }
    expected |= {"sub/**": [1, 2, 3], "[s]ub/part-?": [3], "**/deep/*": [2], "_tmp/*": [4]}
    assert {pattern: Run(tmp_path / pattern).column("x") for pattern in expected} == expected
    assert Run((tmp_path / "sub").as_uri()).column("x") == [1, 2, 3]
    assert Run(tmp_path.as_uri() + "/**/c.parquet").column("x") == [2]
    for missing in ("nope", "nope/*.parquet", "*.csv"):
        with pytest.raises(ConfigError, match=r"nope|csv"):
            Run(tmp_path / missing)


def test_literal_brackets_in_a_name(tmp_path):
    """A path that exists is taken as it is, whatever wildcards it could hold."""
    assert Run(write(tmp_path / "a[1].parquet", {"x": [1]})).column("x") == [1]


def test_identity_has_no_credentials(tmp_path):
    """A URI's user, password and options are no part of the identity, nor of messages."""
    from connector.extract.files.stores import shown

    assert shown("s3://KEY:SECRET@bucket/a/*.parquet?access_key=K&region=x") == "s3://bucket/a/*.parquet"


def test_passes(tmp_path):
    """In mode full each run reads everything as a new pass; an interrupted one goes on under its number."""
    write(tmp_path / "a.parquet", {"x": [1, 2]})
    write(tmp_path / "b.parquet", {"x": [3]})
    first = Run(tmp_path, mode="full", limits=Limits(rows=1))
    assert first.batches[0].rows.num_rows == 0
    assert first.batches[0].end["/pass"] == {"pass": 1, "done": False}
    assert {batch.version for batch in first.batches} == {"1"}
    assert first.watermark["/pass"] == {"pass": 1, "done": True}
    second = Run(tmp_path, first.watermark, mode="full", limits=Limits(rows=1))
    assert second.column("x") == [1, 2, 3]
    partial = first.watermark
    for batch in second.batches[:2]:
        partial = merge(partial, batch.end)
    rest = Run(tmp_path, partial, mode="full")
    assert rest.column("x") == [2, 3]
    assert {batch.version for batch in rest.batches} == {"2"}
    assert Run(tmp_path, rest.watermark, mode="full").watermark["/pass"] == {"pass": 3, "done": True}


def test_implicit_key(tmp_path):
    """Rows without a key get a stable one from their file and their number, whatever the batches and the filter."""
    write(tmp_path / "a.parquet", {"x": [1, 2, 3]})
    write(tmp_path / "b.parquet", {"x": [4]})
    run = Run(tmp_path)
    digest = run.watermark["a.parquet"]["digest"]
    first = hashlib.md5(f"a.parquet\0{digest}".encode(), usedforsecurity=False).hexdigest()
    assert run.column("__row")[:3] == [f"{first}/{n}" for n in range(3)]
    assert run.batches[-1].key == ("__row",)
    assert "__row" not in run.schema.names
    assert Run(tmp_path, limits=Limits(rows=1)).column("__row") == run.column("__row")
    assert Run(tmp_path, where="x <> 2").column("__row") == [
        k for i, k in enumerate(run.column("__row")) if i != 1
    ]


def test_only_named_columns(tmp_path):
    """Only the columns asked for and the key's are in a batch, however few."""
    write(tmp_path / "p=1" / "a.parquet", {"k": [1, 2], "x": [3, 4], "y": [5, 6]})
    for columns, key, expected in [
        (("y",), ("k",), ["y", "k"]),
        ((), (), ["__row"]),
        (("p",), (), ["p", "__row"]),
    ]:
        source = extractor(tmp_path, where="x > 3", **({"key": key} if key else {}))
        source.open()
        [table] = [batch.rows for batch in source.read(columns, Watermark({})) if batch.rows.num_rows]
        assert (table.schema.names, table.num_rows) == (expected, 1)


def test_cancel(tmp_path):
    """A stop request ends the reading between two pieces."""
    write(tmp_path / "a.parquet", {"x": [1, 2]})
    source = extractor(tmp_path, Limits(rows=1))
    source.open()
    batches = source.read(("x",), Watermark({}))
    next(batches)
    source.cancel()
    with pytest.raises(Stopped):
        list(batches)
