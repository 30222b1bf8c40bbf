"""A dataset of many small files: the first run, runs that find nothing or ten new files, and what their commits cost."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.data import ROWS
from benchmarks.parts import MB, Bench
from benchmarks.programs import Ended, run_rate
from benchmarks.rounds import TIMES, Line, Table, interleaved, ratio

NEW = 10
ONE, NOTHING, SOME = "nothing new in one file", "nothing new in 10,000", f"{NEW} new files beside 10,000"
# As many files as one batch holds: what a commit moves while many small files are read.
MOVED = 256


def files(bench: Bench) -> list[Line]:
    """10,000 files of 10 rows in 100 folders: the first run, then nothing new, then 10 new files a run."""
    bench.make("files", "files_tenth")
    peaks: dict[str, list[float]] = {"a tenth of the files": [], "all files": []}

    def first(source: str, name: str) -> float:
        ended = bench.programs.first_run("files", BENCH_FILES=source)
        peaks[name].append(ended.peak / MB)
        return run_rate(ended)

    rates = interleaved(
        {
            "a tenth of the files": lambda: first("files_tenth", "a tenth of the files"),
            "all files": lambda: first("files", "all files"),
        },
        bench.rounds,
    )
    with (
        _linked(bench) as dataset,
        bench.programs.fresh_state() as state,
        bench.programs.fresh_state() as alone,
    ):
        later = _Later(bench, dataset, state, alone)
        run_rate(later.run())
        run_rate(later.run(one=True))
        contenders = {ONE: later.one, NOTHING: later.nothing, SOME: later.some}
        interleaved(contenders, bench.rounds)
    return [*_first_lines(rates, peaks), *later.lines(), *commits(bench.rounds)]


def _first_lines(rates: dict[str, list[float]], peaks: dict[str, list[float]]) -> list[Line]:
    table = Table("files")
    tenth, whole = (statistics.median(values) for values in peaks.values())
    return [
        *(table.rate(f"first run, {name}", values) for name, values in rates.items()),
        table.at_most("first run, a tenth of the files: memory", tenth, 450, "MB"),
        table.at_most("first run, all files: memory", whole, 450, "MB"),
        table.at_most(
            "the same, all / a tenth", ratio(peaks["all files"], peaks["a tenth of the files"]), 1.25, TIMES
        ),
    ]


@dataclass(slots=True)
class _Later:
    """Runs behind the first one, over all files and over a single one, each with its state."""

    bench: Bench
    dataset: Path
    state: str
    alone: str
    added: int = 0
    ended: dict[str, list[Ended]] = field(default_factory=lambda: {ONE: [], NOTHING: [], SOME: []})

    def run(self, *, one: bool = False) -> Ended:
        """Run over what is there."""
        dataset = self.dataset.with_name("one") if one else self.dataset
        state = self.alone if one else self.state
        path = str(dataset.relative_to(self.bench.data))
        return self.bench.programs.connector("files", state=state, BENCH_FILES=path)

    def one(self) -> float:
        """Seconds of a process that finds nothing new in one file: what every run costs."""
        return self._kept(ONE, self.run(one=True), 0)

    def nothing(self) -> float:
        """Seconds of a process that finds nothing new."""
        return self._kept(NOTHING, self.run(), 0)

    def some(self) -> float:
        """Seconds of a process that finds a few new files."""
        source = next(self.dataset.glob("day=000/*.parquet"))
        for _ in range(NEW):
            shutil.copyfile(source, self.dataset / "day=099" / f"new{self.added:05}.parquet")
            self.added += 1
        return self._kept(SOME, self.run(), NEW * ROWS)

    def lines(self) -> list[Line]:
        """Wall time, which has the target, and processor time, which other work beside it changes less."""
        table, lines = Table("files"), []
        for name, ended in self.ended.items():
            seconds = statistics.median(each.seconds for each in ended)
            cpu = statistics.median(each.cpu for each in ended)
            lines.append(
                Line("files", f"a run, {name}", f"{seconds:.2f} s")
                if name == ONE
                else table.at_most(f"a run, {name}", seconds, 2, "s")
            )
            lines.append(Line("files", "the same, CPU", f"{cpu:.2f} s"))
        return lines

    def _kept(self, name: str, ended: Ended, rows: int) -> float:
        if (read := ended.said["counts"]["read"]) != rows:
            raise SystemExit(f"a run with {name} has read {read} rows")
        self.ended[name].append(ended)
        return ended.seconds


@contextmanager
def _linked(bench: Bench) -> Iterator[Path]:
    """The dataset once more, by hard links: files can be added to it, and it is gone afterwards; beside it one file."""
    source = bench.data / "files"
    with tempfile.TemporaryDirectory(dir=bench.data) as folder:
        single = Path(folder) / "one" / "day=000"
        single.mkdir(parents=True)
        os.link(source / single.name / "00000.parquet", single / "00000.parquet")
        yield Path(shutil.copytree(source, Path(folder) / "files", copy_function=os.link))


def commits(rounds: int) -> list[Line]:
    """Return what a commit that moves 256 files costs, in a state of as many files and in one of 10,000."""
    figures = interleaved(
        {f"{known:,} files": lambda known=known: _commit(known) for known in (MOVED, 10_000)}, rounds
    )
    few, many = figures.values()
    milliseconds = statistics.median(many) * 1000
    return [
        Line("files", f"a commit that moves {MOVED} of 10,000 files", f"{milliseconds:.1f} ms"),
        Line("files", f"the same / in a state of {MOVED} files", f"{ratio(many, few):.2f} {TIMES}"),
    ]


def _commit(known: int) -> float:
    """Seconds of a commit that moves files, all of which a state knows among `known`."""
    from connector.model import Commit, Watermark
    from connector.state.store import StateStore

    part = {"digest": "0" * 32, "size": 1_000, "mtime": time.time_ns(), "rows": ROWS, "total": ROWS}
    parts = {f"day={n % 100:03}/{n // 100:05}.parquet": part for n in range(known)}
    with tempfile.TemporaryDirectory() as folder, StateStore.open(f"sqlite:///{folder}/state.db") as store:
        store.set_watermark("files", Watermark(parts))
        lease = store.acquire("files", ttl=dt.timedelta(minutes=1))
        store.start_run(lease, "run")
        moved = Watermark(dict(list(parts.items())[:: known // MOVED][:MOVED]))
        started = time.perf_counter()
        for _ in range(20):
            store.commit(lease, "run", Commit(watermark=moved))
        return (time.perf_counter() - started) / 20
