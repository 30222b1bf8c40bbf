"""Parquet rows read again by their key."""

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest
from canonical_keys import keys_of
from parquet_sources import Run, extractor, write

from connector.errors import ConfigError
from connector.extract import Limits
from connector.model import EMPTY_WATERMARK, merge


def again(path, keys, watermark, **settings):
    """The rows that are read again, each with its version; no batch moves anything."""
    source = extractor(path, **settings)
    source.open()
    source.estimate(watermark or EMPTY_WATERMARK)
    found = []
    for batch in source.read_keys(tuple(source.schema().names), keys, watermark):
        count = batch.rows.num_rows
        assert count
        assert (batch.end, batch.position(1)) == (EMPTY_WATERMARK, EMPTY_WATERMARK)
        version = [batch.version] * count if isinstance(batch.version, str) else batch.version.to_pylist()
        found += zip(batch.rows.to_pylist(), version, strict=True)
    source.close()
    return found


def read(run):
    """The rows of a run, each with its version."""
    found = []
    for batch in run.batches:
        version = batch.version
        version = [version] * batch.rows.num_rows if isinstance(version, str) else version.to_pylist()
        found += zip(batch.rows.to_pylist(), version, strict=True)
    return found


def days(folder):
    for day in range(3):
        numbers = list(range(10 * day, 10 * day + 10))
        write(
            folder / f"day={day}" / "a.parquet",
            {"x": numbers, "c": [n // 2 for n in numbers]},
            row_group_size=4,
        )


@pytest.mark.parametrize(
    "settings", [{}, {"cursor": "c"}, {"mode": "full"}, {"cursor": {"sql": "c + 1"}}], ids=str
)
def test_rows_come_again_with_the_versions_they_had(tmp_path, settings):
    days(tmp_path)
    run = Run(tmp_path, key=("x",), **settings)
    found = again(tmp_path, ["[25]", "[3]", "[99]", '["3"]', "[3]"], run.watermark, key=("x",), **settings)
    assert [(row["x"], row["day"]) for row, _ in found] == [(3, "0"), (25, "2")]
    assert all(each in read(run) for each in found)


@pytest.mark.parametrize("settings", [{}, {"cursor": "c"}, {"mode": "full"}], ids=str)
def test_only_what_a_run_has_passed_is_read(tmp_path, settings):
    """Wherever a run stopped, in the middle of a file too."""
    days(tmp_path)
    run = Run(tmp_path, limits=Limits(rows=7), key=("x",), **settings)
    keys = [f"[{n}]" for n in range(30)]
    watermark, done = EMPTY_WATERMARK, 0
    assert again(tmp_path, keys, watermark, key=("x",), **settings) == []
    for batch in run.batches:
        for n in range(1, batch.rows.num_rows + 1):
            found = again(tmp_path, keys, merge(watermark, batch.position(n)), key=("x",), **settings)
            assert [row["x"] for row, _ in found] == list(range(done + n))
        done += batch.rows.num_rows
        watermark = merge(watermark, batch.end)


def test_a_rewritten_file_is_left_to_the_next_run(tmp_path):
    write(tmp_path / "a.parquet", {"x": [1, 2]})
    write(tmp_path / "b.parquet", {"x": [3, 4]})
    run = Run(tmp_path, key=("x",))
    write(tmp_path / "b.parquet", {"x": [3, 4, 5]})
    write(tmp_path / "c.parquet", {"x": [6]})
    keys = [f"[{n}]" for n in range(7)]
    assert [row["x"] for row, _ in again(tmp_path, keys, run.watermark, key=("x",))] == [1, 2]


def test_of_a_rewritten_file_with_a_cursor_only_what_lies_above_is_left_to_the_next_run(tmp_path):
    write(tmp_path / "a.parquet", {"x": [1, 2, 3], "c": [1, 2, 3]})
    settings = {"key": ("x",), "cursor": "c"}
    run = Run(tmp_path, **settings)
    write(tmp_path / "a.parquet", {"x": [1, 2, 3, 4], "c": [1, 9, 3, 4]})
    keys = [f"[{n}]" for n in range(5)]
    assert again(tmp_path, keys, run.watermark, **settings) == [
        ({"x": 1, "c": 1}, "1"),
        ({"x": 3, "c": 3}, "3"),
    ]
    assert Run(tmp_path, run.watermark, **settings).column("x") == [2, 4]


@pytest.mark.parametrize("settings", [{}, {"cursor": "c"}, {"mode": "full"}], ids=str)
def test_without_a_watermark_rows_are_found_wherever_they_stand(tmp_path, settings):
    days(tmp_path)
    found = again(tmp_path, ["[3]", "[25]", "[99]"], None, key=("x",), **settings)
    assert [row["x"] for row, _ in found] == [3, 25]


def test_the_second_pass_has_its_own_number(tmp_path):
    days(tmp_path)
    first = Run(tmp_path, key=("x",), mode="full")
    second = Run(tmp_path, first.watermark, key=("x",), mode="full")
    [(row, version)] = again(tmp_path, ["[3]"], second.watermark, key=("x",), mode="full")
    assert (row["x"], version) == (3, "2")


def test_the_filter_still_holds(tmp_path):
    days(tmp_path)
    run = Run(tmp_path, key=("x",), where="x % 2 = 0")
    found = again(tmp_path, ["[3]", "[4]"], run.watermark, key=("x",), where="x % 2 = 0")
    assert [row["x"] for row, _ in found] == [4]


def test_without_a_key_nothing_can_be_read_again(tmp_path):
    days(tmp_path)
    run = Run(tmp_path)
    with pytest.raises(ConfigError, match="without a key"):
        again(tmp_path, ["[1]"], run.watermark)


BERLIN = dt.datetime.fromisoformat("2024-07-02 03:04:05.123456")
VALUES = {
    "int64": pa.array([2**63 - 1, -1], pa.int64()),
    "uint64": pa.array([2**64 - 1, 0], pa.uint64()),
    "string": pa.array(["a'b", "A"]),
    "view": pa.array(["a'b", "A"], pa.string_view()),
    "decimal": pa.array([Decimal("1.50"), Decimal("0.05")], pa.decimal128(9, 2)),
    "huge": pa.array([Decimal("9" * 58 + ".50"), Decimal(7)], pa.decimal256(60, 2)),
    "date": pa.array([dt.date(2024, 1, 2), dt.date(1969, 1, 2)]),
    "naive": pa.array([BERLIN, BERLIN.replace(microsecond=0)], pa.timestamp("us")),
    "milliseconds": pa.array([1, 2], pa.timestamp("ms", "America/New_York")),
    "nanoseconds": pa.array([1, 1_000], pa.timestamp("ns")),
    "time": pa.array([1, 3_600_000_000], pa.time64("us")),
    "bytes": pa.array([b"\x00\xff", b""]),
    "fixed": pa.array([b"\x00\xff", b"ab"], pa.binary(2)),
    "bool": pa.array([True, False]),
    "uuid": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"\xaa" * 16, b"\0" * 16], pa.binary(16))),
}


@pytest.mark.parametrize("name", VALUES)
def test_keys_of_every_type(tmp_path, name):
    """Each value is found by the key that its eventId has, alone or in a pair, and no other."""
    write(tmp_path / "a.parquet", pa.table([VALUES[name], pa.array([1, 2])], ["v", "n"]))
    for key in (("v",), ("n", "v")):
        settings = {"key": key, "timezone": "Europe/Berlin"}
        run = Run(tmp_path, **settings)
        keys = keys_of(run.batches, extractor(tmp_path, **settings)._source)
        assert len(set(keys)) == 2
        for n, each in enumerate(keys, 1):
            [(row, _)] = again(tmp_path, ["[12345]", '["x"]', "[3,4]", each], run.watermark, **settings)
            assert row["n"] == n


def test_where_a_row_stands(tmp_path):
    """A row of a file that runs have read is passed, one of a new file ahead."""
    days(tmp_path)
    run = Run(tmp_path, key=("x",))
    write(tmp_path / "day=9" / "a.parquet", {"x": [90], "c": [1]})

    def standing(key):
        source = extractor(tmp_path, key=("x",))
        source.open()
        source.estimate(run.watermark)
        found = source.standing(key, run.watermark).value
        source.close()
        return found

    assert [standing(key) for key in ("[3]", "[90]", "[99]", '["3"]')] == [
        "passed",
        "ahead",
        "absent",
        "absent",
    ]
