"""The job as people write it by hand, from PostgreSQL: `pandas.read_sql` in chunks, a dict a row, `json.dumps`, httpx.

Usage: ``python -m benchmarks.plain_postgres URL BASE_URL [--items 500] [--show]``; prints as plain_parquet does.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from typing import Any

import pandas as pd
import sqlalchemy as sa

from benchmarks.plain_parquet import COLUMNS, bodies, item, send

CHUNK = 50_000


def items(url: str) -> Iterator[dict[str, Any]]:
    engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"))
    query = f"select {', '.join(COLUMNS)} from orders order by updated_at, o_orderkey"
    # Without stream_results the client would hold all rows before the first chunk.
    with engine.connect().execution_options(stream_results=True, max_row_buffer=CHUNK) as connection:
        for chunk in pd.read_sql(sa.text(query), connection, chunksize=CHUNK):
            for row in chunk.to_dict("records"):
                yield item(row, round(row["o_orderdate"].timestamp() * 1000))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("base_url")
    parser.add_argument("--items", type=int, default=500)
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    if options.show:
        print(next(bodies(items(options.url), options.items))[1])
        return
    started = time.perf_counter()
    rows = send(items(options.url), options.base_url, options.items)
    print(json.dumps({"rows": rows, "seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
