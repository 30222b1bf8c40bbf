"""All Parquet rows that runs have passed, and those that none has."""

import json
from contextlib import closing

import pytest
from parquet_sources import Run, extractor, write

from connector.extract import Limits
from connector.model import EMPTY_WATERMARK, Watermark, merge

# Ways of reading, each with a key and without one.
WAYS = [
    {**way, **key}
    for way in ({}, {"cursor": "c"}, {"mode": "full"}, {"cursor": {"sql": "c + 1"}}, {"where": "x % 3 > 0"})
    for key in ({"key": ("x",)}, {})
] + [{"mode": "diff", "key": ("x",)}]
every_way = pytest.mark.parametrize("settings", WAYS, ids=str)


def days(folder):
    for day in range(3):
        numbers = list(range(10 * day, 10 * day + 10))
        write(
            folder / f"day={day}" / "a.parquet",
            {"x": numbers, "c": [n // 2 for n in numbers]},
            row_group_size=4,
        )


def versioned(batches):
    """Each row with its version."""
    found = []
    for batch in batches:
        count = batch.rows.num_rows
        version = [batch.version] * count if isinstance(batch.version, str) else batch.version.to_pylist()
        found += zip(batch.rows.to_pylist(), version, strict=True)
    return found


def unmoving(path, method, watermark, **settings):
    """The rows of a method, each with its version; no batch moves anything."""
    with closing(extractor(path, Limits(rows=7), **settings)) as source:
        source.open()
        return rows_of(source, method, watermark)


def rows_of(source, method, watermark):
    stored = Watermark(json.loads(json.dumps(watermark)))
    source.estimate(stored)
    batches = list(getattr(source, method)(tuple(source.schema().names), stored))
    for batch in batches:
        assert batch.end == EMPTY_WATERMARK
        if batch.rows.num_rows:
            assert batch.position(1) == EMPTY_WATERMARK
    return versioned(batches)


def places(run):
    """Every place a run can be interrupted at: the rows read so far, and the watermark there."""
    done, watermark = 0, EMPTY_WATERMARK
    for batch in run.batches:
        for n in range(1, batch.rows.num_rows + 1):
            yield done + n, merge(watermark, batch.position(n))
        done += batch.rows.num_rows
        watermark = merge(watermark, batch.end)


@every_way
def test_wherever_a_run_stopped_its_rows_are_passed_and_the_others_ahead(tmp_path, settings):
    days(tmp_path)
    run = Run(tmp_path, limits=Limits(rows=7), **settings)
    rows = versioned(run.batches)
    with closing(extractor(tmp_path, Limits(rows=7), **settings)) as source:
        source.open()
        assert rows_of(source, "read_passed", EMPTY_WATERMARK) == []
        for done, watermark in [*places(run)][::3]:
            assert rows_of(source, "read_passed", watermark) == rows[:done]
            assert rows_of(source, "read_ahead", watermark) == rows[done:]
        assert rows_of(source, "read_passed", run.watermark) == rows


def test_files_that_came_since_are_ahead(tmp_path):
    days(tmp_path)
    run = Run(tmp_path, key=("x",))
    write(tmp_path / "day=0" / "b.parquet", {"x": [100], "c": [0]})
    write(tmp_path / "day=1" / "a.parquet", {"x": [200], "c": [0]})
    (tmp_path / "day=2" / "a.parquet").unlink()
    passed = unmoving(tmp_path, "read_passed", run.watermark, key=("x",))
    assert [row["x"] for row, _ in passed] == [*range(10)]
    ahead = unmoving(tmp_path, "read_ahead", run.watermark, key=("x",))
    assert [row["x"] for row, _ in ahead] == [100, 200]


@pytest.mark.parametrize("settings", [{}, {"cursor": "c"}, {"cursor": {"sql": "c + 1"}}], ids=str)
@pytest.mark.parametrize("key", [("x",), ()])
def test_what_was_there_before_a_start_of_now_was_never_passed(tmp_path, settings, key):
    """Also when a later run has read on, and when such a file was written again since."""
    days(tmp_path)
    settings = {**settings, "start": "now", "key": key}
    first = Run(tmp_path, **settings)
    assert first.column("x") == []
    assert unmoving(tmp_path, "read_passed", first.watermark, **settings) == []
    write(tmp_path / "day=3" / "a.parquet", {"x": [30, 31], "c": [15, 15]})
    second = Run(tmp_path, first.watermark, **settings)
    assert [row["x"] for row, _ in unmoving(tmp_path, "read_passed", second.watermark, **settings)] == [
        30,
        31,
    ]
    write(tmp_path / "day=0" / "a.parquet", {"x": [0, 50], "c": [0, 9]})
    third = Run(tmp_path, second.watermark, **settings)
    for watermark in (third.watermark, Run(tmp_path, third.watermark, **settings).watermark):
        found = [row["x"] for row, _ in unmoving(tmp_path, "read_passed", watermark, **settings)]
        assert found == [*third.column("x"), 30, 31]
    write(tmp_path / "day=0" / "a.parquet", {"x": [0, 50, 60], "c": [0, 9, 11]})
    found = [row["x"] for row, _ in unmoving(tmp_path, "read_passed", third.watermark, **settings)]
    assert found == [*([50] if "cursor" in settings else []), 30, 31]


@pytest.mark.parametrize("mode", ["full", "diff"])
def test_a_pass_restarts_at_its_first_row_under_its_number(tmp_path, mode):
    days(tmp_path)
    settings = {"mode": mode, "key": ("x",)}
    run = Run(tmp_path, limits=Limits(rows=7), **settings)
    source = extractor(tmp_path, **settings)
    assert source.restarted(EMPTY_WATERMARK) == EMPTY_WATERMARK
    assert source.restarted(run.watermark) == run.watermark
    for _, watermark in [*places(run)][::4]:
        restarted = source.restarted(watermark)
        again = Run(tmp_path, restarted, **settings)
        assert versioned(again.batches) == versioned(run.batches)
        assert again.watermark == run.watermark
        assert source.restarted(restarted) == restarted


def test_what_is_no_pass_is_never_restarted(tmp_path):
    days(tmp_path)
    run = Run(tmp_path, limits=Limits(rows=7))
    source = extractor(tmp_path)
    for _, watermark in places(run):
        assert source.restarted(watermark) == watermark
