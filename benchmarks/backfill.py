"""Backfills: what a second worker is worth, here and in a cluster; growth, skew, and what the ledger costs."""

from __future__ import annotations

import json
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from benchmarks.parts import MB, Bench
from benchmarks.programs import CONFIGS, CONNECTOR, Ended, Programs
from benchmarks.rounds import TIMES, Line, Table, interleaved, ratio
from benchmarks.server import postgres

LEDGER = 10_000
# 90 % of all orders in one week.
_SKEWED = (
    "drop table if exists skewed",
    (
        "create table skewed as select o.*, case when o_orderkey % 10 > 0 then timestamptz '2024-03-04Z'"
        " + (o_orderkey % 604800) * interval '1 second' else updated_at end as moved from orders o"
    ),
    "create index on skewed (moved, o_orderkey)",
    "alter table skewed alter moved set not null",
    "vacuum (analyze) skewed",
)


def backfill(bench: Bench) -> list[Line]:
    """1.5 M orders of PostgreSQL to a destination with 50 ms latency: workers of this machine, and of a cluster."""
    bench.make("orders")
    with database(bench) as (programs, url, execute):
        execute(*_SKEWED)
        figures = interleaved(
            {
                "one worker": lambda: _rate(_filled(programs, "orders_postgres", "--workers", "1")),
                "two workers": lambda: _rate(_filled(programs, "orders_postgres", "--workers", "2")),
                "two workers, state in PostgreSQL": lambda: _on_postgres(programs, execute, url),
                "a cluster of two workers": lambda: _on_dask(programs, execute, url),
            },
            bench.rounds,
        )
        slowest = statistics.median(_slowest(programs) for _ in range(bench.rounds))
        execute("drop table skewed")
    one, two, stored, spread = figures.values()
    table = Table("backfill")
    return [
        *(table.rate(name, values) for name, values in figures.items()),
        table.times("two workers / one", ratio(two, one), 1.8),
        table.times("a cluster of two workers / two of this machine", ratio(spread, stored), 0.9),
        table.at_most("90 % of rows in one week: slowest slice / median", slowest, 2, TIMES),
        *_ledger(bench, statistics.median(one)),
    ]


def growth(bench: Bench) -> list[Line]:
    """1 M, 10 M and 60 M rows of lineitem from Parquet: processor time and memory for a million rows."""
    bench.make("lineitem")
    sizes = [round(count * bench.scale / 10) for count in (1_000_000, 10_000_000, 60_000_000)]
    spent: dict[int, list[float]] = {size: [] for size in sizes}
    peaks: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(bench.rounds):
        for size in sizes:
            ended, moved = _lineitem(bench, size)
            spent[size].append(ended.cpu / moved * 1e6)
            peaks[size].append(ended.peak / MB)
    table = Table("growth")
    first, *_, last = sizes
    return [
        *(
            Line("growth", f"{size:,} rows", f"{statistics.median(spent[size]):.2f} s of CPU for a million, peak {statistics.median(peaks[size]):.0f} MB")
            for size in sizes
        ),
        table.at_most("CPU for a million rows, most / least", _spread(spent), 1.1, TIMES),
        table.at_most("peak memory, most / least rows", ratio(peaks[last], peaks[first]), 1.15, TIMES),
    ]  # fmt: skip


def _spread(figures: dict[int, list[float]]) -> float:
    medians = [statistics.median(values) for values in figures.values()]
    return max(medians) / min(medians)


def _filled(programs: Programs, sync: str, *options: str, state: str | None = None) -> Ended:
    """Fill everything with a new state."""
    words = ("--env", "far", "--json", *options)
    if state is not None:
        return programs.run(CONNECTOR, "backfill", CONFIGS / f"{sync}.yaml", *words, "--state", state)
    with programs.fresh_state() as fresh:
        return programs.run(CONNECTOR, "backfill", CONFIGS / f"{sync}.yaml", *words, "--state", fresh)


def _rate(ended: Ended) -> float:
    said = ended.said
    if not said["done"]:
        raise SystemExit(f"not done: {said}")
    return float(said["rows"] / said["seconds"])


def _on_postgres(programs: Programs, execute: Callable[..., None], url: str, *options: str) -> float:
    execute("drop schema if exists state cascade", "create schema state")
    schema = f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3Dstate"
    return _rate(_filled(programs, "orders_postgres", *options, state=schema))


def _on_dask(programs: Programs, execute: Callable[..., None], url: str) -> float:
    with _cluster(programs) as address:
        return _on_postgres(programs, execute, url, "--executor", "dask", "--scheduler", address)


@contextmanager
def _cluster(programs: Programs) -> Iterator[str]:
    """Run a scheduler and two workers; gives its address once they are there."""
    import distributed

    said = programs.folder / "scheduler.json"
    said.unlink(missing_ok=True)
    quiet = {"cwd": programs.folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    module = [sys.executable, "-m", "distributed.cli.dask_"]
    scheduler = [*module[:2], module[2] + "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    worker = [*module[:2], module[2] + "worker", "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    started = [subprocess.Popen([*scheduler, "--scheduler-file", said], **quiet)]
    started += [subprocess.Popen([*worker, "--scheduler-file", said], **quiet) for _ in range(2)]
    try:
        while not said.exists():
            time.sleep(0.05)
        address = str(json.loads(said.read_text())["address"])
        with distributed.Client(address, set_as_default=False) as client:
            client.wait_for_workers(2)
        yield address
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait()


def _slowest(programs: Programs) -> float:
    """Return how much longer the slowest slice of the skewed table took than the one in the middle."""
    with programs.fresh_state() as state:
        _filled(programs, "orders_skewed", "--slices", "15", "--workers", "1", state=state)
        with closing(sqlite3.connect(state.removeprefix("sqlite:///"))) as ledger:
            took = [row[0] for row in ledger.execute("select worked from connector_slices")]
    return max(took) / statistics.median(took)


def _ledger(bench: Bench, rows_a_second: float) -> list[Line]:
    """Return what the ledger of 10,000 slices costs for each, beside a slice of the size that is planned by itself."""
    from benchmarks.ledger import seconds_a_slice
    from connector.extract.backfilling import SLICE_ROWS

    costs = [seconds_a_slice(bench.programs.folder, LEDGER) for _ in range(bench.rounds)]
    cost = statistics.median(costs)
    share = 100 * cost / (SLICE_ROWS / rows_a_second)
    table = Table("backfill")
    return [
        Line("backfill", f"ledger of {LEDGER:,} slices, work for each", f"{cost * 1000:.1f} ms"),
        table.at_most(f"the same, of the time of {SLICE_ROWS:,} rows", share, 2, "%"),
    ]


def _lineitem(bench: Bench, rows: int) -> tuple[Ended, int]:
    """Fill a part of lineitem from Parquet; return the command and how many rows it moved."""
    with_these = Programs(
        bench.programs.folder, {**bench.programs.variables, "BENCH_FILE": f"lineitem_{rows}.parquet"}
    )
    part = bench.data / f"lineitem_{rows}.parquet"
    if not part.exists():
        bench.programs.module("cut", bench.data / "lineitem.parquet", part, str(rows))
    with with_these.fresh_state() as state:
        config = CONFIGS / "lineitem.yaml"
        ended = with_these.run(CONNECTOR, "backfill", config, "--json", "--workers", "2", "--state", state)
    said = ended.said
    if not said["done"]:
        raise SystemExit(f"not done: {said}")
    return ended, int(said["rows"])


@contextmanager
def database(bench: Bench) -> Iterator[tuple[Programs, str, Callable[..., None]]]:
    """Run PostgreSQL; gives programs that know it, its URL, and what executes statements there."""
    from adbc_driver_postgresql import dbapi

    with postgres(bench.data / "postgres", bench.data / "orders.parquet") as url:

        def execute(*statements: str) -> None:
            with dbapi.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)

        yield (
            Programs(bench.programs.folder, {**bench.programs.variables, "BENCH_POSTGRES": url}),
            url,
            execute,
        )
