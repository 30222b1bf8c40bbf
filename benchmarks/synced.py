"""What it costs to know what Track has: a first load, rows read again, mode diff over ten million rows, reconcile."""

from __future__ import annotations

import datetime as dt
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.parts import MB, Bench
from benchmarks.programs import CONFIGS, CONNECTOR, Ended, Programs, rate, run_rate
from benchmarks.rounds import TIMES, Line, Table, interleaved, ratio
from benchmarks.server import postgres

PRODUCTS = 10_000_000
_TABLE = (
    "drop table if exists products",
    (
        "create table products as select n as id, 'product ' || n || ' ' || md5(n::text) as name,"
        " (n % 100000)::numeric(10,2) / 100 as price, (n % 97)::int as stock, 'category ' || n % 1000 as category"
        " from generate_series(1::bigint, {rows}) n"
    ),
    "alter table products add primary key (id)",
    "vacuum (analyze) products",
)
# A hundredth of the rows, another one each time.
_CHANGE = "update products set price = price + 1 where id % 100 = {part}"


def synced(bench: Bench) -> list[Line]:
    """A first load that is kept, all of it read again, and reconcile, over 1.5 M orders of PostgreSQL."""
    bench.make("orders")
    with _database(bench) as (programs, _), programs.fresh_state() as kept:
        config = CONFIGS / "buyers.yaml"
        programs.connector("buyers", state=kept, **_TRACKED)
        figures = interleaved(
            {
                "first load": lambda: run_rate(programs.first_run("buyers")),
                "first load with lookback": lambda: run_rate(programs.first_run("buyers", **_TRACKED)),
                "read and map, nothing else": lambda: rate(programs.module("feed_only", config)),
                "all read again, nothing changed": lambda: again(programs, kept),
                "read, nothing else": lambda: rate(programs.module("pages", "read", config)),
                "reconcile, as a command": lambda: reconciled(programs, kept),
                "reconcile, once loaded": lambda: rate(
                    _tracking(programs).module("reconcile_only", config, kept)
                ),
            },
            bench.rounds,
        )
    plain, tracked, mapped, reread, read, _, compared = figures.values()
    table = Table("synced")
    return [
        *(table.rate(name, values) for name, values in figures.items()),
        table.times("first load with lookback / without", ratio(tracked, plain), 0.9),
        table.at_most("time of rows read again unchanged / read and map", ratio(mapped, reread), 1.1, TIMES),
        table.at_most("time of reconcile / read", ratio(read, compared), 0.25, TIMES),
    ]


_TRACKED = {"BENCH_LOOKBACK": "1d", "BENCH_TRACK": "true"}
_EVERYTHING = {"BENCH_LOOKBACK": "36000d", "BENCH_TRACK": "true"}


def again(programs: Programs, state: str) -> float:
    """Read all rows again; nothing of them is sent. Rows a second."""
    ended = programs.connector("buyers", state=state, **_EVERYTHING)
    counts = ended.said["counts"]
    if not 0 < counts["read"] == counts["unchanged"]:
        raise SystemExit(f"not all was unchanged: {counts}")
    return float(counts["read"] / _seconds(ended))


def reconciled(programs: Programs, state: str) -> float:
    """Compare a clean table with what is known. Rows a second, the start of the program included."""
    ended = _tracking(programs).run(
        CONNECTOR, "reconcile", CONFIGS / "buyers.yaml", "--json", "--state", state
    )
    return float(ended.said["known"] / ended.seconds)


def _tracking(programs: Programs) -> Programs:
    return Programs(programs.folder, {**programs.variables, **_TRACKED})


def diff(bench: Bench) -> list[Line]:
    """Mode diff over ten million rows of PostgreSQL, of which one in a hundred has changed."""
    bench.make("orders")
    rows = int(PRODUCTS * bench.scale)
    ends: list[Ended] = []
    with _database(bench) as (programs, execute), programs.fresh_state() as state:
        execute(*(statement.format(rows=rows) for statement in _TABLE))
        first = programs.connector("catalog", state=state)
        parts = iter(range(100))

        def run() -> float:
            execute(_CHANGE.format(part=next(parts)), "vacuum products")
            ended = programs.connector("catalog", state=state)
            counts = ended.said["counts"]
            if (counts["read"], counts["delivered"]) != (rows, rows // 100):
                raise SystemExit(f"not a hundredth was sent: {counts}")
            ends.append(ended)
            return _seconds(ended)

        figures = interleaved(
            {
                "read and hash, nothing else": lambda: programs.module(
                    "feed_only", CONFIGS / "catalog.yaml"
                ).said["seconds"],
                "diff, 1 % changed": run,
            },
            bench.rounds,
        )
        size = Path(state.removeprefix("sqlite:///")).stat().st_size
        execute("drop table products")
    hashed, compared = figures.values()
    table = Table("diff")
    return [
        Line(table.part, "rows", f"{rows:,}"),
        Line(table.part, "first load", f"{_seconds(first):.0f} s"),
        *(Line(table.part, name, f"{statistics.median(values):.1f} s") for name, values in figures.items()),
        table.at_most("time of diff / read and hash", ratio(compared, hashed), 1.5, TIMES),
        table.at_most(
            "peak memory, first load included", max(each.peak for each in (first, *ends)) / MB, 1000, "MB"
        ),
        table.at_most("the state's file, for each row", size / rows, 50, "bytes"),
    ]


def _seconds(ended: Ended) -> float:
    """Return how long a run took, from the `started` to the `ended` of its report."""
    started, done = (dt.datetime.fromisoformat(ended.said[name]) for name in ("started", "ended"))
    return (done - started).total_seconds()


@contextmanager
def _database(bench: Bench) -> Iterator[tuple[Programs, Callable[..., None]]]:
    """Run PostgreSQL; gives programs that know it, and what executes statements there."""
    from adbc_driver_postgresql import dbapi

    with postgres(bench.data / "postgres", bench.data / "orders.parquet") as url:

        def execute(*statements: str) -> None:
            with dbapi.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)

        yield Programs(bench.programs.folder, {**bench.programs.variables, "BENCH_POSTGRES": url}), execute
