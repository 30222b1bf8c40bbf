"""The job as people write it by hand, from Parquet: `to_pylist`, a dict a row, `json.dumps`, httpx.

Usage: ``python -m benchmarks.plain_parquet FILE BASE_URL [--items 500] [--show]``. Prints the rows and the seconds
that they took, without the imports, as JSON; with ``--show`` the first request instead. It makes the same items as
configs/orders.yaml and none of the promises: no watermark, no retry, one bad row loses its request.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import time
from collections.abc import Iterable, Iterator
from typing import Any

import httpx
import pyarrow.parquet as pq

PATH = "/sandbox/projects/sandbox/sources/1000000000000000001/track"
COLUMNS = ["o_orderkey", "o_custkey", "o_orderstatus", "o_totalprice", "o_orderdate", "o_orderpriority",
           "o_clerk", "o_shippriority", "o_comment"]  # fmt: skip


def item(row: dict[str, Any], timestamp: int) -> dict[str, Any]:
    user = str(row["o_custkey"])
    return {
        "eventId": hashlib.md5(f"orders-{row['o_orderkey']}".encode()).hexdigest(),
        "profileId": user,
        "userId": user,
        "timestamp": timestamp,
        "data": {
            "orderId": row["o_orderkey"],
            "amount": float(row["o_totalprice"]),
            "status": row["o_orderstatus"],
            "priority": row["o_orderpriority"],
            "clerk": row["o_clerk"],
            "shipPriority": row["o_shippriority"],
            "comment": row["o_comment"],
        },
    }


def items(file: str) -> Iterator[dict[str, Any]]:
    for batch in pq.ParquetFile(file).iter_batches(columns=COLUMNS):
        for row in batch.to_pylist():
            ordered = row["o_orderdate"].replace(tzinfo=dt.UTC)
            yield item(row, round(ordered.timestamp() * 1000))


def bodies(rows: Iterable[dict[str, Any]], size: int) -> Iterator[tuple[int, str]]:
    payload = []
    for row in rows:
        payload.append(row)
        if len(payload) == size:
            yield len(payload), json.dumps({"track": [{"name": "Purchase", "payload": payload}]})
            payload = []
    if payload:
        yield len(payload), json.dumps({"track": [{"name": "Purchase", "payload": payload}]})


def send(rows: Iterable[dict[str, Any]], base_url: str, size: int) -> int:
    sent = 0
    headers = {"Content-Type": "application/json"}
    with httpx.Client(auth=("sandbox", "not-a-secret"), headers=headers) as client:
        for count, body in bodies(rows, size):
            client.post(base_url + PATH, content=body).raise_for_status()
            sent += count
    return sent


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("base_url")
    parser.add_argument("--items", type=int, default=500)
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    if options.show:
        print(next(bodies(items(options.file), options.items))[1])
        return
    started = time.perf_counter()
    rows = send(items(options.file), options.base_url, options.items)
    print(json.dumps({"rows": rows, "seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
