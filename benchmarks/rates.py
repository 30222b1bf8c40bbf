"""The rates that docs/scaling.md reckons with, measured in the same run and kept in benchmarks/rates.json."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
import statistics
import threading
import time
from contextlib import closing

from benchmarks.backfill import LEDGER, database
from benchmarks.ledger import seconds_a_slice
from benchmarks.parts import Bench
from benchmarks.programs import CONFIGS, Programs
from benchmarks.rounds import Line
from benchmarks.scaling import RATES
from connector.model import Commit, Counts, Intent, Watermark
from connector.state.store import StateStore

_WRITERS, _SECONDS = 4, 5


def rates(bench: Bench) -> list[Line]:
    """What one core moves, what a row weighs, and what a state store in PostgreSQL takes."""
    bench.make("orders")
    with database(bench) as (programs, url, execute):
        runs = [_run(programs) for _ in range(bench.rounds)]
        weighed = programs.module("feed_only", CONFIGS / "orders_postgres.yaml").said
        execute("drop schema if exists state cascade", "create schema state")
        schema = f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3Dstate"
        commits = statistics.median(_commits(schema) for _ in range(bench.rounds))
        execute("drop schema state cascade")
    found = {
        "rows_a_second": round(statistics.median(rows / cpu for rows, cpu, _ in runs), -3),
        "bytes_a_row": round(weighed["item_bytes"] / weighed["rows"]),
        "read_bytes_a_row": round(weighed["read_bytes"] / weighed["rows"]),
        "ledger": round(
            statistics.median(seconds_a_slice(bench.programs.folder, LEDGER) for _ in range(bench.rounds)), 4
        ),
        "commits": round(commits, -1),
        "rows_a_commit": round(statistics.median(rows / commits for rows, _, commits in runs), -1),
    }
    said = {"measured": f"{dt.datetime.now(dt.UTC):%Y-%m-%d}", "rounds": bench.rounds, "rates": found}
    RATES.write_text(json.dumps(said, indent=2) + "\n")
    return [Line("rates", name, f"{value:,}") for name, value in found.items()]


def _run(programs: Programs) -> tuple[int, float, int]:
    """Return the rows of a first run, its processor time, and its transactions."""
    with programs.fresh_state() as state:
        ended = programs.connector("orders_postgres", state=state)
        with closing(sqlite3.connect(state.removeprefix("sqlite:///"))) as store:
            ((commits,),) = store.execute("select seq from connector_leases where lane = 'live'").fetchall()
    return ended.said["counts"]["read"], ended.cpu, commits


def _commits(url: str) -> float:
    """Return how many transactions a second a few writers make, each on a lane of its own."""
    made: list[int] = []

    def write(sync: str) -> None:
        with StateStore.open(url) as store, store.acquire(sync, ttl=dt.timedelta(minutes=1)) as lease:
            run_id = f"{sync}-{time.monotonic_ns()}"
            store.start_run(lease, run_id)
            until, count = time.monotonic() + _SECONDS, 0
            while time.monotonic() < until:
                count += 1
                place = Watermark({"rows": {"cursor": ["text", str(count)], "key": [["text", str(count)]]}})
                commit = Commit(
                    (Intent(count, 500, 500),), through=count - 1, watermark=place, counts=Counts()
                )
                store.commit(lease, run_id, commit)
            made.append(count)

    StateStore.open(url).close()  # so that the tables are there
    writers = [threading.Thread(target=write, args=(f"sync{n}",)) for n in range(_WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    return sum(made) / _SECONDS
