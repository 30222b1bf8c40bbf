"""Many files and large rows: time and memory stay bounded."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from parquet_sources import Run, extractor, write

from connector.extract import Limits

TESTS = Path(__file__).parents[1]

# Peak resident memory of a process of its own that reads a dataset and holds nothing.
READ = """
import json, resource, sys
import pyarrow as pa
from parquet_sources import extractor
from connector.extract import Limits
source = extractor(sys.argv[1], key=("k",))
source.open()
rows = bytes = most = 0
for batch in source.read(tuple(source.schema().names), {}):
    rows += batch.rows.num_rows
    most = max(most, batch.rows.nbytes)
arrow = pa.default_memory_pool().max_memory() / 2**20
try:
    # Not ru_maxrss: on Linux it begins with the peak of the process that started this one.
    peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 2**10
except OSError:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(json.dumps({"rows": rows, "largest": most, "peak": peak, "arrow": arrow}))
"""


def read_apart(path):
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path)],
        check=True, capture_output=True, text=True,
        env={"PYTHONPATH": f"{TESTS}:{TESTS.parent}", "PATH": ""},
    )  # fmt: skip
    return json.loads(done.stdout)


def test_ten_thousand_files(tmp_path):
    """10,000 small files make few batches, and a run with nothing new opens none of them and is quick."""
    first = write(tmp_path / "0.parquet", {"x": list(range(10))})
    data = tmp_path / "data"
    for i in range(100):
        (data / f"day={i}").mkdir(parents=True)
        for j in range(100):
            shutil.copyfile(first, data / f"day={i}" / f"{j}.parquet")
    run = Run(data)
    assert (run.table.num_rows, len(run.batches)) == (100_000, 41)
    started = time.process_time()
    source = extractor(data)
    source.open()
    assert source.estimate(run.watermark) == 0
    source.schema()
    assert list(source.read(("x",), run.watermark)) == []
    source.close()
    assert time.process_time() - started < 2


def large_rows(path, rows, **options):
    """One row group of `rows` JSON texts of 5 MB, written without ever holding them all."""
    text = pa.array(['{"a": "' + "xyz " * 1_250_000 + '"}'])
    table = pa.table({"k": pa.array(range(rows)), "j": pa.chunked_array([text] * rows)})
    return write(path, table, row_group_size=rows, **options)


def test_memory_of_large_rows(tmp_path):
    """A gigabyte of 5 MB rows in one row group is read in small pieces."""
    path = large_rows(tmp_path / "a.parquet", 200, use_dictionary=False)
    assert pq.read_metadata(path).num_row_groups == 1
    found = read_apart(path)
    assert found["rows"] == 200
    assert found["largest"] <= Limits().bytes
    assert found["peak"] <= 400  # MB of the whole process
    assert found["arrow"] <= 160  # MB that Arrow holds; the limit of a batch is 32


def test_memory_of_large_rows_behind_a_dictionary(tmp_path):
    """Rows that a dictionary makes small in the file are found out before many are decoded."""
    path = large_rows(tmp_path / "a.parquet", 200, dictionary_pagesize_limit=50_000_000)
    assert path.stat().st_size < 10_000_000
    found = read_apart(path)
    assert (found["rows"], found["largest"] <= Limits().bytes) == (200, True)
    assert found["peak"] <= 400  # MB of the whole process
    assert found["arrow"] <= 160  # MB that Arrow holds; the limit of a batch is 32
