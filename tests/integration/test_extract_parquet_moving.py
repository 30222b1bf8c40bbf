"""Datasets that change between two runs and while one reads, in every way of reading, with and without a key."""

import dataclasses
import os
import shutil
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from parquet_sources import Run, extractor, write
from pyarrow import fs as pafs

from connector.errors import ConfigError, SourceError
from connector.extract import Limits
from connector.model import EMPTY_WATERMARK, merge

NEW, CURSOR, PASSES = {}, {"cursor": "c"}, {"mode": "full"}
KEY = {"key": ("x",)}
WAYS = pytest.mark.parametrize(
    "way", [NEW, CURSOR, PASSES, *({**KEY, **way} for way in (NEW, CURSOR, PASSES))], ids=str
)
BY_FILES = pytest.mark.parametrize("way", [NEW, CURSOR, {**KEY, **NEW}, {**KEY, **CURSOR}], ids=str)


def rows(path, numbers, **columns):
    """A file of rows whose cursor is ten times their number."""
    numbers = list(numbers)
    table = {"x": pa.array(numbers, pa.int64()), "c": pa.array([10 * n for n in numbers], pa.int64())}
    return write(path, {**table, **columns}, row_group_size=2)


class Reading:
    """A run that is looked at while it reads, two rows a batch."""

    def __init__(self, path, watermark=EMPTY_WATERMARK, *, started=True, **way):
        self.source = extractor(path, Limits(rows=2), **way)
        self.source.open()
        self.seen, self.watermark = [], watermark
        if started:
            self.start()

    def start(self):
        self.estimate = self.source.estimate(self.watermark)
        columns = tuple(self.source.schema().names)
        self.batches = self.source.read(columns, self.watermark)

    def on(self, rows=None):
        """Go on until at least `rows` rows were read, or to the end; return all rows that were."""
        for batch in self.batches:
            self.seen += batch.rows.column("x").to_pylist()
            self.watermark = merge(self.watermark, batch.end)
            if rows is not None and len(self.seen) >= rows:
                return self.seen
        self.notes = self.source.notes()
        self.source.close()
        return self.seen


def replace(path, numbers):
    """Write a file under another name and rename it, as writers should."""
    rows(path.with_name("_new"), numbers).rename(path)


def write_over(path, numbers):
    """Write a file over itself: whoever reads it meanwhile sees both."""
    other = rows(path.with_name("_new"), numbers)
    path.write_bytes(other.read_bytes())
    other.unlink()


# ── between two runs ──────────────────────────────────────────────────────────────────────────────────


@WAYS
def test_a_late_file_with_an_older_name_and_older_cursors(tmp_path, way):
    """It is read whole."""
    rows(tmp_path / "day=5" / "b.parquet", range(10, 14))
    first = Run(tmp_path, **way)
    rows(tmp_path / "day=1" / "a.parquet", range(4))
    second = Run(tmp_path, first.watermark, **way)
    assert second.column("x") == [*range(4), *(range(10, 14) if "mode" in way else ())]
    assert set(second.column("day")) == ({"1", "5"} if "mode" in way else {"1"})


@WAYS
def test_a_column_of_later_files_only(tmp_path, way):
    """Earlier rows have none, later ones do, and a file without it does not take it away."""
    rows(tmp_path / "a.parquet", range(2))
    first = Run(tmp_path, **way)
    rows(tmp_path / "b.parquet", range(2, 4), late=["p", "q"])
    second = Run(tmp_path, first.watermark, **way)
    rows(tmp_path / "c.parquet", range(4, 6))
    third = Run(tmp_path, second.watermark, **way)
    whole = "mode" in way
    assert second.column("late") == [*([None, None] if whole else []), "p", "q"]
    assert third.column("late") == [*([None, None, "p", "q"] if whole else []), None, None]


@WAYS
def test_a_file_that_grew(tmp_path, way):
    """By files all of it is read again, with a cursor what was added."""
    path = rows(tmp_path / "a.parquet", range(4))
    first = Run(tmp_path, **way)
    rows(path, range(6))
    second = Run(tmp_path, first.watermark, **way)
    assert second.column("x") == ([4, 5] if "cursor" in way else [*range(6)])


@WAYS
def test_a_renamed_file_is_a_new_one(tmp_path, way):
    path = rows(tmp_path / "a.parquet", range(4))
    first = Run(tmp_path, **way)
    path.rename(tmp_path / "b.parquet")
    second = Run(tmp_path, first.watermark, **way)
    assert second.column("x") == [*range(4)]
    if "key" not in way:
        assert not {*first.column("__row")} & {*second.column("__row")}


@WAYS
def test_a_removed_file_is_no_error(tmp_path, way):
    """Also one that was never read to its end."""
    path = rows(tmp_path / "a.parquet", range(4))
    rows(tmp_path / "b.parquet", range(4, 6))
    reading = Reading(tmp_path, **way)
    assert reading.on(2) == [0, 1]
    path.unlink()
    assert Run(tmp_path, reading.watermark, **way).column("x") == [4, 5]


@BY_FILES
def test_a_rewrite_of_the_same_size_and_time_is_not_noticed(tmp_path, way):
    """By design: a file is only looked into where its size or its time has changed."""
    path = rows(tmp_path / "a.parquet", range(4))
    first = Run(tmp_path, **way)
    before = path.stat()
    rows(path, range(6, 10))
    assert path.stat().st_size == before.st_size
    assert pq.read_table(path)["x"].to_pylist() == [6, 7, 8, 9]
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert Run(tmp_path, first.watermark, **way).batches == []
    os.utime(path)
    assert Run(tmp_path, first.watermark, **way).column("x") == [6, 7, 8, 9]


# ── while a run reads ─────────────────────────────────────────────────────────────────────────────────


@BY_FILES
@pytest.mark.parametrize("now", [range(20, 28), range(20, 31)], ids=["as large", "larger"])
def test_a_file_that_is_written_over_while_it_is_read(tmp_path, way, now):
    """No row of a mixture is read, the others are, and the next run begins the file again."""
    path = rows(tmp_path / "a.parquet", range(8))
    rows(tmp_path / "b.parquet", range(50, 52))
    reading = Reading(tmp_path, **way)
    assert reading.on(4) == [*range(4)]
    write_over(path, now)
    assert reading.on()[-2:] == [50, 51]
    assert {*reading.seen} <= {*range(8), 50, 51}
    assert reading.notes == ("1 files changed or vanished while the run was reading: left for the next run",)
    assert reading.watermark["a.parquet"]["rows"] < 8
    second = Run(tmp_path, reading.watermark, **way)
    assert second.column("x") == [*now]
    assert Run(tmp_path, second.watermark, **way).batches == []


@WAYS
def test_a_file_that_is_replaced_while_it_is_read(tmp_path, way):
    """Who has it open has all of it; the next run reads the new one."""
    path = rows(tmp_path / "a.parquet", range(8))
    reading = Reading(tmp_path, **way)
    assert reading.on(2) == [0, 1]
    replace(path, range(20, 24))
    assert reading.on() == [*range(8)]
    assert reading.notes == ()
    assert Run(tmp_path, reading.watermark, **way).column("x") == [20, 21, 22, 23]


@WAYS
def test_a_file_that_is_deleted_while_it_is_read(tmp_path, way):
    path = rows(tmp_path / "a.parquet", range(8))
    rows(tmp_path / "b.parquet", range(50, 52))
    reading = Reading(tmp_path, **way)
    assert reading.on(2) == [0, 1]
    path.unlink()
    assert reading.on() == [*range(8), 50, 51]


@BY_FILES
@pytest.mark.parametrize("change", ["replaced", "written over", "cut off", "deleted"])
def test_a_file_that_changes_before_the_run_comes_to_it(tmp_path, way, change):
    """It is left, the others are read, and the next run reads it as it is then."""
    rows(tmp_path / "a.parquet", range(2))
    path = rows(tmp_path / "b.parquet", range(2, 4))
    rows(tmp_path / "c.parquet", range(4, 6))
    reading = Reading(tmp_path, **way)
    if change == "replaced":
        replace(path, range(20, 25))
    elif change == "written over":
        write_over(path, range(20, 25))
    elif change == "cut off":
        path.write_bytes(path.read_bytes()[:-20])
    else:
        path.unlink()
    assert reading.on() == [0, 1, 4, 5]
    assert reading.notes == ("1 files changed or vanished while the run was reading: left for the next run",)
    assert "b.parquet" not in reading.watermark
    second = Run(tmp_path, reading.watermark, **way)
    assert second.column("x") == ([] if change in ("cut off", "deleted") else [*range(20, 25)])
    assert any("without a footer" in note for note in second.notes) == (change == "cut off")


@pytest.mark.parametrize("way", [PASSES, {**KEY, **PASSES}], ids=str)
@pytest.mark.parametrize(
    "change", [write_over, lambda path, _: path.unlink()], ids=["written over", "deleted"]
)
def test_a_pass_leaves_nothing_out(tmp_path, way, change):
    """A file that changes before it is read ends the run, and the next one goes on with the pass."""
    rows(tmp_path / "a.parquet", range(4))
    path = rows(tmp_path / "b.parquet", range(4, 6))
    reading = Reading(tmp_path, **way)
    assert reading.on(2) == [0, 1]
    change(path, range(20, 25))
    with pytest.raises(SourceError, match=r"b\.parquet changed or vanished") as caught:
        reading.on()
    assert "run again" in caught.value.hint
    assert reading.seen[:2] == [0, 1]
    second = Run(tmp_path, reading.watermark, **way)
    assert [*reading.seen, *second.column("x")] == [*range(4), *(range(20, 25) if path.exists() else ())]
    assert second.watermark["/pass"] == {"pass": 1, "done": True}


@WAYS
@pytest.mark.parametrize("change", ["grown", "cut off", "deleted"])
def test_a_file_that_changes_between_its_listing_and_its_footer(tmp_path, way, change):
    """It is taken as it is now, whatever its age was: a new listing would have found the same."""
    path = rows(tmp_path / "a.parquet", range(4))
    rows(tmp_path / "b.parquet", range(50, 52))
    hour_ago = time.time() - 3600
    os.utime(path, (hour_ago, hour_ago))
    reading = Reading(tmp_path, started=False, **way)
    if change == "grown":
        write_over(path, range(6))
    elif change == "cut off":
        path.write_bytes(path.read_bytes()[:-20])
    else:
        path.unlink()
    if change == "deleted" and "mode" in way:
        with pytest.raises(SourceError, match=r"a\.parquet changed or vanished"):
            reading.start()
        return
    reading.start()
    assert reading.on() == [*(range(6) if change == "grown" else ()), 50, 51]
    assert any("without a footer" in note for note in reading.notes) == (change == "cut off")
    if change == "grown":
        assert reading.watermark["a.parquet"]["size"] == path.stat().st_size
        assert "mode" in way or Run(tmp_path, reading.watermark, **way).batches == []


@pytest.mark.parametrize(
    "change",
    [write_over, replace, lambda path, _: path.unlink()],
    ids=["written over", "replaced", "deleted"],
)
def test_a_store_without_inodes(tmp_path, change):
    """Where files have only a size and a time, one that changed until its last row was read is not finished."""
    path = rows(tmp_path / "a.parquet", range(8))
    rows(tmp_path / "b.parquet", range(50, 52))
    reading = Reading(tmp_path, started=False)
    store = pafs.SubTreeFileSystem("/", pafs.LocalFileSystem())
    dataset = dataclasses.replace(reading.source._dataset, filesystem=store)
    reading.source._dataset = reading.source._footers._dataset = dataset
    reading.start()
    assert reading.on(2) == [0, 1]
    change(path, range(20, 28))
    assert reading.on()[-2:] == [50, 51]
    assert reading.notes == ("1 files changed or vanished while the run was reading: left for the next run",)
    assert reading.watermark["a.parquet"]["rows"] < 8
    assert Run(tmp_path, reading.watermark).column("x") == [*(range(20, 28) if path.exists() else ())]


def test_a_comparison_waits_for_files_that_are_being_written(tmp_path):
    """Mode diff judges what vanished: a file that cannot be read yet must not count as gone."""
    rows(tmp_path / "a.parquet", range(2))
    path = rows(tmp_path / "b.parquet", range(2, 4))
    content = path.read_bytes()
    path.write_bytes(content[:-20])
    reading = Reading(tmp_path, mode="diff", **KEY)
    with pytest.raises(SourceError, match=r"1 files of .* have no footer yet"):
        reading.on()
    assert reading.watermark["/pass"] == {"pass": 1, "done": False}
    path.write_bytes(content)
    assert Run(tmp_path, reading.watermark, mode="diff", **KEY).column("x") == [2, 3]


def test_a_copy_that_keeps_its_time(tmp_path):
    """A file copied over with the time of its source is looked into where its size or time differs."""
    path = rows(tmp_path / "a.parquet", range(4))
    other = rows(tmp_path / "_other", range(4, 9))
    os.utime(other, (1, 1))
    first = Run(tmp_path)
    shutil.copy2(other, path)
    assert Run(tmp_path, first.watermark).column("x") == [*range(4, 9)]


@BY_FILES
@pytest.mark.parametrize("pattern", ["", "*/*.parquet"], ids=["folder", "glob"])
def test_a_dataset_whose_files_were_all_removed(tmp_path, way, pattern):
    """Nothing is left to read, the columns stay, and files that come later are read; before a first run it is a mistake."""
    path = rows(tmp_path / "day=1" / "a.parquet", range(4))
    way = {"partitions": {"day": "integer"}, **way}
    first = Run(tmp_path / pattern, **way)
    path.unlink()
    second = Run(tmp_path / pattern, first.watermark, **way)
    assert (second.batches, second.estimate) == ([], 0)
    assert second.schema == first.schema
    assert second.notes == (f"{tmp_path / pattern} matches no file any more",)
    with pytest.raises(ConfigError, match="matches no file"):
        Run(tmp_path / pattern, **way)
    rows(tmp_path / "day=2" / "b.parquet", range(4, 6))
    assert Run(tmp_path / pattern, second.watermark, **way).column("day") == [2, 2]


def test_a_pass_over_no_files(tmp_path):
    """It is an error: it would count every row as gone."""
    path = rows(tmp_path / "a.parquet", range(4))
    first = Run(tmp_path, mode="full")
    path.unlink()
    with pytest.raises(ConfigError, match="matches no file"):
        Run(tmp_path, first.watermark, mode="full")
