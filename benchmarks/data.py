"""Data of the benchmarks: TPC-H's orders and lineitem with their dates 26 years later, and large JSON documents.

Usage: ``python -m benchmarks.data FOLDER SCALE orders|lineitem|documents|files …``; what is there already stays. TPC-H's
dates end in 1998, and Track takes none before 2010. A process of its own, so that its memory is measured nowhere.
"""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

TPCHGEN = Path(sys.executable).with_name("tpchgen-cli")
# TPC-H knows days only; the time of the day is made up from the key.
ORDERS = """
copy (
  select o_orderkey, o_custkey, o_orderstatus, o_totalprice,
    o_orderdate + interval 26 years + to_milliseconds((o_orderkey * 7919) % 86400000) as o_orderdate,
    o_orderpriority, o_clerk, o_shippriority, o_comment
  from '{source}/orders.parquet'
) to '{target}' (format parquet, row_group_size 100000)
"""
LINEITEM = """
copy (
  select * replace (
    (l_shipdate + interval 26 years)::date as l_shipdate,
    (l_commitdate + interval 26 years)::date as l_commitdate,
    (l_receiptdate + interval 26 years)::date as l_receiptdate)
  from '{source}/lineitem.parquet' {limit}
) to '{target}' (format parquet, row_group_size 100000)
"""
ROWS = 10  # of a small file
DOCUMENT_BYTES = 5_000_000


def tables(source: Path, scale: float, table: str) -> None:
    subprocess.run(
        [TPCHGEN, "parquet", "-s", str(scale), "--output-dir", source, "-T", table],
        check=True,
        capture_output=True,
    )


def orders(folder: Path, scale: float) -> None:
    write = {folder / "orders.parquet": ORDERS}
    shifted(write, scale, "orders")


def lineitem(folder: Path, scale: float) -> None:
    tenth = f"limit {round(600_000 * scale)}"
    write = {
        folder / "lineitem.parquet": LINEITEM.replace("{limit}", ""),
        folder / "lineitem_first.parquet": LINEITEM.replace("{limit}", tenth),
    }
    shifted(write, scale, "lineitem")


def shifted(write: dict[Path, str], scale: float, table: str) -> None:
    missing = {target: sql for target, sql in write.items() if not target.exists()}
    if not missing:
        return
    with tempfile.TemporaryDirectory(dir=next(iter(write)).parent) as source:
        tables(Path(source), scale, table)
        for target, sql in missing.items():
            unfinished = target.with_suffix(".part")
            duckdb.execute(sql.format(source=source, target=unfinished))
            unfinished.rename(target)


def documents(folder: Path, scale: float) -> None:
    """Write rows of one JSON array of objects each, 25 to a row group, as a writer with groups of 128 MB does."""
    target = folder / "documents.parquet"
    if target.exists():
        return
    schema = pa.schema({"id": pa.int64(), "stored_at": pa.timestamp("us"), "document": pa.string()})
    entry = [
        {"sku": f"item-{n}", "count": n % 7, "price": n / 4, "note": "ünï\n" * (n % 5)} for n in range(1000)
    ]
    block = json.dumps(entry, ensure_ascii=False)[1:-1]
    text = "[" + ",".join([block] * (DOCUMENT_BYTES // len(block.encode()))) + "]"
    unfinished = target.with_suffix(".part")
    number = max(round(1000 * scale), 25)
    with pq.ParquetWriter(
        unfinished, schema, compression="zstd", use_dictionary=False, write_batch_size=1
    ) as writer:
        for first in range(0, number, 25):
            ids = list(range(first, min(first + 25, number)))
            times = [1_700_000_000_000_000 + id_ for id_ in ids]
            writer.write_table(pa.table([ids, times, [text] * len(ids)], schema=schema))
    unfinished.rename(target)


def files(folder: Path, scale: float) -> None:
    """Write 10,000 files of 10 rows in 100 folders."""
    _files(folder / "files", round(100 * scale))


def files_tenth(folder: Path, scale: float) -> None:
    """Write a tenth of them, in as many folders."""
    _files(folder / "files_tenth", round(10 * scale))


def _files(target: Path, in_a_folder: int) -> None:
    if target.exists():
        return
    unfinished = target.with_suffix(".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    ids = itertools.count()
    for day in range(100):
        (unfinished / f"day={day:03}").mkdir(parents=True)
        for number in range(max(in_a_folder, 1)):
            taken = list(itertools.islice(ids, ROWS))
            columns = {
                "id": taken,
                "name": [f"user {n % 1000}" for n in taken],
                "amount": [n % 10_000 / 100 for n in taken],
                "bought_at": pa.array([1_700_000_000_000_000 + n for n in taken], pa.timestamp("us")),
            }
            pq.write_table(pa.table(columns), unfinished / f"day={day:03}" / f"{number:05}.parquet")
    unfinished.rename(target)


MAKERS: dict[str, Callable[[Path, float], None]] = {
    "orders": orders,
    "lineitem": lineitem,
    "documents": documents,
    "files": files,
    "files_tenth": files_tenth,
}


def main() -> None:
    folder, scale, *names = sys.argv[1:]
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name in names:
        MAKERS[name](Path(folder), float(scale))


if __name__ == "__main__":
    main()
