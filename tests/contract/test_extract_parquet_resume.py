"""From every position a later run reads the rest: each row once, in order."""

import tempfile
from pathlib import Path

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parquet_sources import Run, write

from connector.extract import Limits
from connector.model import EMPTY_WATERMARK, merge

FILES = st.lists(st.integers(0, 12), min_size=1, max_size=5)
LIMITS = st.builds(Limits, rows=st.integers(1, 9), bytes=st.sampled_from([1, 60, 10_000]))
MODES = st.sampled_from(
    [
        {},
        {"key": ("x",)},
        {"key": ("x",), "cursor": "c"},
        {"mode": "full", "key": ("x",)},
        {"where": "x % 3 <> 1"},
        {"where": "x % 7 = 6", "cursor": "c"},
    ]
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(files=FILES, group=st.integers(1, 7), limits=LIMITS, mode=MODES, data=st.data())
def test_every_row_once_from_any_position(files, group, limits, mode, data):
    """However files, row groups and batches fall, a run stopped at any row is continued at the next one."""
    with tempfile.TemporaryDirectory() as folder:
        total = 0
        for i, rows in enumerate(files):
            numbers = list(range(total, total + rows))
            table = {
                "x": pa.array(numbers, pa.int64()),
                "c": pa.array([(n * 7) % 11 for n in numbers], pa.int64()),
            }
            write(
                Path(folder) / f"{i}.parquet",
                {**table, "t": pa.array(["v" * n for n in numbers], pa.string())},
                row_group_size=group,
            )
            total += rows
        whole = Run(folder, limits=limits, **mode)
        wanted = whole.column("x")
        assert (
            wanted == [n for n in range(total) if "where" not in mode or n % 3 != 1]
            or mode.get("where") == "x % 7 = 6"
        )
        assert all(batch.rows.num_rows <= limits.rows for batch in whole.batches)
        seen, watermark, stopped = [], EMPTY_WATERMARK, False
        for batch in whole.batches:
            rows = batch.rows.column("x").to_pylist()
            at = data.draw(st.integers(0, len(rows))) if rows else 0
            if at and data.draw(st.booleans()):
                seen += rows[:at]
                watermark, stopped = merge(watermark, batch.position(at)), True
                break
            seen += rows
            watermark = merge(watermark, batch.end)
        if stopped or "mode" not in mode:
            rest = Run(folder, watermark, limits, **mode)
            seen += rest.column("x")
            finished = {name: part for name, part in rest.watermark.items() if not name.startswith("/")}
            expected = {name: part for name, part in whole.watermark.items() if not name.startswith("/")}
            assert finished == expected
        assert seen == wanted


def test_positions_carry_only_files_of_their_batch(tmp_path):
    """A position names the files finished up to its row and the one it stands in, as parts to be merged."""
    for i in range(3):
        write(tmp_path / f"{i}.parquet", {"x": [2 * i, 2 * i + 1]})
    run = Run(tmp_path)
    [batch] = [batch for batch in run.batches if batch.rows.num_rows]
    rows = [{name: part["rows"] for name, part in batch.position(n).items()} for n in range(1, 7)]
    assert rows == [
        {"0.parquet": 1},
        {"0.parquet": 2},
        {"0.parquet": 2, "1.parquet": 1},
        {"0.parquet": 2, "1.parquet": 2},
        {"0.parquet": 2, "1.parquet": 2, "2.parquet": 1},
        {"0.parquet": 2, "1.parquet": 2, "2.parquet": 2},
    ]
    assert {name: part["rows"] for name, part in batch.end.items()} == rows[-1]
    digests = [run.watermark[f"{i}.parquet"]["digest"] for i in (0, 0, 1, 1, 2, 2)]
    assert batch.version.to_pylist() == digests


def test_cursor_of_a_position_is_the_highest_so_far(tmp_path):
    """A position's cursor is the highest of the rows finished, also across batches, not the last one's."""
    write(tmp_path / "a.parquet", {"c": [5, 1, 7, 2, 6]})
    run = Run(tmp_path, limits=Limits(rows=2), cursor="c", key=("c",))
    found = [b.position(n + 1)["a.parquet"]["cursor"][1] for b in run.batches for n in range(b.rows.num_rows)]
    assert found == ["5", "5", "7", "7", "7"]
