"""Rows a second of the mapping alone: TPC-H orders to Purchase items, Arrow in, one buffer out.

    python benchmarks/mapping.py [ORDERS.parquet] [--threads 1] [--batch 100000]

Without a file, TPC-H SF1 orders are made in a temporary folder.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import TypeAdapter

from connector.config.models import MappingField
from connector.mapping import Mapper, MappingSpec
from connector.model import EMPTY_WATERMARK, SourceBatch

ORDERS = {
    "kind": "event",
    "event": "Purchase",
    "userId": "o_custkey",
    "timestamp": "o_orderdate",
    "data": {
        "orderId": "o_orderkey",
        "status": "o_orderstatus",
        "amount": "o_totalprice",
        "priority": "o_orderpriority",
        "clerk": "o_clerk",
        "shipPriority": "o_shippriority",
        "comment": "o_comment",
    },
}
EXPRESSIONS = ORDERS | {
    "when": "o_totalprice > 0",
    "data": ORDERS["data"]
    | {
        "cents": {"sql": "(o_totalprice * 100)::bigint"},
        "label": {"template": "{o_orderkey}-{o_orderpriority}"},
    },
}
IDENTIFY = {"kind": "identify", "userId": "o_custkey", "userAttributes": ORDERS["data"]}
YEARS = 9496  # days in 26 years: TPC-H ends before what Track accepts


def orders(path: Path | None) -> pa.Table:
    with tempfile.TemporaryDirectory() as folder:
        if path is None:
            tool = Path(sys.executable).with_name("tpchgen-cli")
            subprocess.run(
                [tool, "parquet", "-s", "1", "--output-dir", folder, "-T", "orders"],
                check=True,
                capture_output=True,
            )
            path = Path(folder) / "orders.parquet"
        table = pq.read_table(path, memory_map=False)
    place = table.schema.get_field_index("o_orderdate")
    shifted = pc.add(table["o_orderdate"].cast(pa.int32()), pa.scalar(YEARS, pa.int32())).cast(pa.date32())
    return table.set_column(place, pa.field("o_orderdate", pa.date32(), nullable=False), shifted)


def measure(name: str, yaml: dict, table: pa.Table, options: argparse.Namespace) -> None:
    made = TypeAdapter(MappingField).validate_python(yaml)
    mapper = Mapper(MappingSpec("orders", (made,), table.schema, ("o_orderkey",), threads=options.threads))
    batches = [
        SourceBatch(rows, lambda _: EMPTY_WATERMARK, "2024-01-01", EMPTY_WATERMARK, ("o_orderkey",))
        for rows in table.combine_chunks().to_batches(options.batch)
    ]
    rates, processor, size = [], [], 0
    for _ in range(5):
        begun, used = time.perf_counter(), time.process_time()
        size = sum(mapper.map(batch).entries.nbytes for batch in batches)
        rates.append(table.num_rows / (time.perf_counter() - begun))
        processor.append(table.num_rows / (time.process_time() - used))
    mapper.close()
    rate, cpu = statistics.median(rates), statistics.median(processor)
    print(
        f"{name:12} {rate:10,.0f} rows/s  {cpu:10,.0f} rows per CPU second  {size / table.num_rows:5.0f} bytes a row"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("orders", nargs="?", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=600_000)
    options = parser.parse_args()
    table = orders(options.orders).slice(0, options.rows)
    for name, yaml in (("event", ORDERS), ("expressions", EXPRESSIONS), ("identify", IDENTIFY)):
        measure(name, yaml, table, options)


if __name__ == "__main__":
    main()
