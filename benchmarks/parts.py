"""The benchmarks themselves: what is run, what is compared with what, and what it must be."""

from __future__ import annotations

import json
import resource
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.programs import CONFIGS, CONNECTOR, Programs, rate, run_rate
from benchmarks.rounds import TIMES, Line, Table, interleaved, ratio
from benchmarks.server import postgres
from benchmarks.sink import Sink

MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Bench:
    """What every part needs.

    Attributes:
        data: the folder of the data.
        sink: where requests go.
        programs: runs what is measured.
        rounds: how often.
        scale: of the data; 1 is TPC-H's scale factor 1.
    """

    data: Path
    sink: Sink
    programs: Programs
    rounds: int
    scale: float

    def make(self, *names: str) -> None:
        """Make data unless they are there."""
        self.programs.module("data", self.data, str(self.scale), *names)


def from_parquet(bench: Bench) -> list[Line]:
    """Orders from Parquet: against mapping alone, and against a program written by hand."""
    bench.make("orders")
    programs, file = bench.programs, bench.data / "orders.parquet"
    _same_items(bench, "orders", ("plain_parquet", file))
    figures = interleaved(
        {
            "map and encode only": lambda: rate(programs.module("map_only", CONFIGS / "orders.yaml")),
            "run, 500 a request": lambda: run_rate(programs.first_run("orders")),
            "run, 2,000 a request": lambda: run_rate(programs.first_run("orders", "--env", "large")),
            "by hand, 500 a request": lambda: rate(programs.module("plain_parquet", file, bench.sink.url)),
            "by hand, 2,000 a request": lambda: rate(
                programs.module("plain_parquet", file, bench.sink.url, "--items", "2000")
            ),
        },
        bench.rounds,
    )
    table = Table("parquet")
    mapped, small, large, by_hand, by_hand_large = figures.values()
    return [
        *(table.rate(name, values) for name, values in figures.items()),
        table.times("run, 500 a request / map and encode only", ratio(small, mapped), 0.55),
        table.times("run, 500 a request / by hand, 500", ratio(small, by_hand), 6),
        table.times("run, 2,000 a request / by hand, 500", ratio(large, by_hand), 8),
        table.times("run, 2,000 a request / by hand, 2,000", ratio(large, by_hand_large)),
    ]


def over_tls(bench: Bench) -> list[Line]:
    """Orders from Parquet over TLS with a private authority, beside plain HTTP."""
    bench.make("orders")
    figures = interleaved(
        {
            "run, 500 a request": lambda: run_rate(bench.programs.first_run("orders")),
            "run, 500 a request, TLS": lambda: run_rate(bench.programs.first_run("orders", "--env", "tls")),
        },
        bench.rounds,
    )
    table = Table("tls")
    plain, encrypted = figures.values()
    return [
        table.rate("run, 500 a request, TLS", encrypted),
        table.times("the same / without TLS", ratio(encrypted, plain)),
    ]


def from_postgres(bench: Bench) -> list[Line]:
    """Orders from PostgreSQL in keyset pages: against ADBC reading the same pages, and against pandas by hand."""
    bench.make("orders")
    with postgres(bench.data / "postgres", bench.data / "orders.parquet") as url:
        programs = Programs(bench.programs.folder, {**bench.programs.variables, "BENCH_POSTGRES": url})
        config, pages = CONFIGS / "orders_postgres.yaml", programs.folder / "pages.json"
        _same_items(bench, "orders_postgres", ("plain_postgres", url), programs)
        recorded = programs.module("pages", "record", config, pages).said
        figures = interleaved(
            {
                "ADBC, the same pages, nothing else": lambda: rate(
                    programs.module("pages", "replay", config, pages)
                ),
                "extractor alone": lambda: rate(programs.module("pages", "read", config)),
                "run, 500 a request": lambda: run_rate(programs.first_run("orders_postgres")),
                "by hand, 500 a request": lambda: rate(
                    programs.module("plain_postgres", url, bench.sink.url)
                ),
            },
            bench.rounds,
        )
    table = Table("postgres")
    adbc, alone, run, by_hand = figures.values()
    return [
        Line(table.part, "keyset pages of a run", f"{recorded['pages']:,}"),
        *(table.rate(name, values) for name, values in figures.items()),
        table.times("run / ADBC, the same pages, nothing else", ratio(run, adbc), 0.6),
        table.times("run / extractor alone", ratio(run, alone)),
        table.times("run / by hand", ratio(run, by_hand), 8),
    ]


def memory(bench: Bench) -> list[Line]:
    """Peak memory of a run: ten times the rows, and rows of 5 MB."""
    bench.make("lineitem", "documents")
    figures = interleaved(
        {
            "first tenth of lineitem": lambda: _peak(bench, "lineitem", BENCH_FILE="lineitem_first.parquet"),
            "all of lineitem": lambda: _peak(bench, "lineitem"),
            "rows of 5 MB of JSON": lambda: _peak(bench, "documents"),
        },
        bench.rounds,
    )
    tenth, whole, documents = figures.values()
    table = Table("memory")
    return [
        table.at_most("first tenth of lineitem", statistics.median(tenth), 450, "MB"),
        table.at_most("all of lineitem", statistics.median(whole), 450, "MB"),
        table.at_most("all of lineitem / its first tenth", ratio(whole, tenth), 1.15, TIMES),
        table.at_most("rows of 5 MB of JSON", statistics.median(documents), 600, "MB"),
    ]


def _peak(bench: Bench, sync: str, **variables: str) -> float:
    ended = bench.programs.first_run(sync, **variables)
    run_rate(ended)
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    if ours >= ended.peak:
        # The system counts what a process was before it became another program.
        raise SystemExit("the benchmarks themselves take more memory than what they measure")
    return ended.peak / MB


def start(bench: Bench) -> list[Line]:
    """Seconds of a whole process: the help, and a run that finds nothing new."""
    bench.make("orders")
    with bench.programs.fresh_state() as state:
        run_rate(bench.programs.connector("orders", state=state))
        figures = interleaved(
            {
                "connector --help": lambda: bench.programs.run(CONNECTOR, "--help").seconds,
                "a run with nothing new": lambda: bench.programs.connector("orders", state=state).seconds,
            },
            max(bench.rounds, 7) if bench.rounds > 1 else 1,
        )
    table = Table("start")
    shown, nothing = (statistics.median(values) for values in figures.values())
    return [
        table.at_most("connector --help", shown, 0.35, "s"),
        table.at_most("a run with nothing new", nothing, 1.5, "s"),
    ]


def _same_items(
    bench: Bench, sync: str, plain: tuple[str, str | Path], programs: Programs | None = None
) -> None:
    """Refuse to compare programs that send something else."""
    programs = programs or bench.programs
    with programs.fresh_state() as state:
        options = ("--dry-run", "--limit", "500", "--state", state)
        ours = programs.run(CONNECTOR, "run", CONFIGS / f"{sync}.yaml", *options).output.splitlines()[0]
    theirs = programs.module(*plain, bench.sink.url, "--show").output
    if _items(ours) != _items(theirs):
        raise SystemExit(f"{plain[0]} sends other items than {sync}.yaml")


def _items(body: str) -> list[dict[str, object]]:
    (entry,) = json.loads(body)["track"]
    # Both make an eventId of the key, each in its own way.
    return [{**item, "eventId": len(item["eventId"])} for item in entry["payload"]]


PARTS: dict[str, Callable[[Bench], list[Line]]] = {
    "parquet": from_parquet,
    "postgres": from_postgres,
    "memory": memory,
    "start": start,
    "tls": over_tls,
}
