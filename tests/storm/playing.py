"""One storm: writers, a run each second, crashes among the runs, and a plain reader beside them."""

from __future__ import annotations

import datetime as dt
import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from chaos import program
from chaos.ledger import Books
from chaos.program import CONCURRENCY, MAX_ITEMS, Ended
from chaos.world import wait_for
from storm.deliveries import Deliveries
from storm.dialects import Dialect
from storm.findings import Findings, findings
from storm.plain import PlainReader
from storm.writers import Habits, Writer, Written

from connector.sandbox.process import Sandbox

_EVERY = 1.0
_LATENCY = 0.02
# How much longer than the longest transaction the sync waits where nobody tells it what is open; writers use up to
# half of it, and what is left is for a commit on a busy machine.
_MARGIN = 5.0
# `auto` keeps a second behind the oldest transaction.
_AUTO = 1.0
# Longer than a busy machine takes to answer: what is sent again after a time-out would hide what a crash repeats.
_TIMEOUT = "60s"


@dataclass(frozen=True)
class Weather:
    """How hard it blows.

    Attributes:
        seconds: how long the writers write.
        longest: seconds that a transaction takes at most.
        writers: sessions that write at once.
        crashes: runs that are killed.
        rows: rows that are there at the start.
        seed: of everything drawn at random.
        settle: seconds behind the clock that the sync reads; None is what should miss nothing: ``auto`` where that
            is, and longer than the longest transaction elsewhere.
    """

    seconds: float = 180
    longest: float = 30
    writers: int = 16
    crashes: int = 3
    rows: int = 5_000
    seed: int = 1
    settle: float | None = None


class Storm:
    """A storm over one database.

    Args:
        dialect: what kind of database.
        url: an empty one.
        weather: how hard it blows.
        folder: an empty one, for the sync and its state.
        sandbox: the destination.
    """

    def __init__(self, dialect: Dialect, url: str, weather: Weather, folder: Path, sandbox: Sandbox) -> None:
        self.dialect = dialect
        self.url = url
        self.weather = weather
        self.settle = weather.settle
        if self.settle is None and not dialect.auto:
            self.settle = weather.longest + _MARGIN
        self.written = Written()
        self.deliveries = Deliveries(sandbox)
        self.plain = PlainReader(dialect, url)
        self.problems: list[str] = []
        self.behind: list[float] = []
        self.lasted: list[float] = []
        self.crashes = self.runs = 0
        self._sandbox = sandbox
        self._file = folder / "storm.yaml"
        self._state = f"sqlite:///{folder / 'state.db'}"
        self.books = Books(self._state)
        self._dice = random.Random(f"{weather.seed}/{dialect.name}")
        self._writers = [
            Writer(f"w{number}", dialect, url, self.written, random.Random(f"{weather.seed}/{number}"))
            for number in range(weather.writers)
        ]
        self._next = 0.0

    @property
    def settle_words(self) -> str:
        """What the sync is given."""
        return "auto" if self.settle is None else f"{self.settle:g}s"

    def play(self) -> Findings:
        """Write and run for as long as the weather says, run on until everything has arrived, and compare."""
        self._prepare()
        with self._blowing():
            started = time.monotonic()
            while (passed := time.monotonic() - started) < self.weather.seconds:
                due = self.weather.crashes * passed / self.weather.seconds > self.crashes + 0.5
                self._turn(crash=due)
                self._measure()
        self._drain()
        self.deliveries.update()
        return findings(self)

    def _prepare(self) -> None:
        self.dialect.execute(self.url, self.dialect.create)
        self._writers[0].insert(self.weather.rows)
        self._sandbox.set_faults({"latency": _LATENCY})
        reading = {"settle": self.settle_words}
        program.write_sync(self._file, self.url, self._sandbox, "products", {"timeout": _TIMEOUT}, reading)

    @contextmanager
    def _blowing(self) -> Iterator[None]:
        """Have the writers and the plain reader at work; behind it all transactions have ended."""
        limit = None if self.dialect.auto else self.weather.longest + _MARGIN / 2
        try:
            self.plain.start()
            for writer in self._writers:
                writer.habits = Habits(self.weather.longest, limit)
                writer.start()
            yield
        finally:
            for writer in self._writers:
                writer.stopped.set()
            for writer in self._writers:
                writer.join()
            self.plain.stopped.set()
            self.plain.join()
        for thread in (*self._writers, self.plain):
            self._expect(thread.failure is None, f"{thread.name} ended early: {thread.failure}")

    def _drain(self) -> None:
        """Run until the horizon has passed everything and two runs in a row have found nothing."""
        wanted = time.monotonic() + max(self.settle or 0, _AUTO)
        idle = 0
        while idle < 2:
            if time.monotonic() > wanted + 120:
                self._expect(False, "runs find something to read without an end")
                return
            passed = time.monotonic() > wanted
            ended = self._turn(crash=self.crashes < self.weather.crashes)
            idle = idle + 1 if passed and ended.counts.get("read") == 0 else 0

    def _turn(self, *, crash: bool) -> Ended:
        """Run once, a second after the last run began, and kill it in the middle if it sends anything."""
        time.sleep(max(0, self._next - time.monotonic()))
        self._next = time.monotonic() + _EVERY
        self.runs += 1
        if crash:
            self.deliveries.update()
        since = self.deliveries.seq
        process = program.start(self._file, self._state, {})
        struck = crash and self._strike(process)
        ended = program.end(process)
        self.lasted.append(time.monotonic() - self._next + _EVERY)
        if struck and ended.code == -9:
            self._crashed(since)
        else:
            self._expect(ended.code == 0, f"exit {ended.code}, not 0: {ended.errors.strip()[-400:]}")
        return ended

    def _strike(self, process: subprocess.Popen[str]) -> bool:
        """Kill a run at a request drawn at random; say whether it sent so many."""
        goal = self._requests() + self._dice.randrange(6)
        while process.poll() is None:
            if self._requests() > goal:
                process.kill()
                return True
            time.sleep(0.005)
        return False

    def _requests(self) -> int:
        counters = self._sandbox.counters()
        return int(counters["requests"] + counters["in_flight"])

    def _crashed(self, since: int) -> None:
        self.crashes += 1
        wait_for(lambda: not self._sandbox.counters()["in_flight"])
        self.deliveries.update()
        self.deliveries.crashed(since)
        requests, items = self.books.in_doubt()
        self._expect(requests <= CONCURRENCY, f"{requests} requests in doubt after one crash")
        self._expect(items <= CONCURRENCY * MAX_ITEMS, f"{items} items in doubt after one crash")

    def _measure(self) -> None:
        """Note the age of the newest row that is delivered."""
        watermark = self.books.watermark()
        if watermark and "cursor" in watermark:
            newest = dt.datetime.fromisoformat(watermark["cursor"][1])
            newest = newest if newest.tzinfo else newest.replace(tzinfo=dt.UTC)
            self.behind.append((dt.datetime.now(dt.UTC) - newest).total_seconds())

    def _expect(self, condition: object, words: str) -> None:
        if not condition:
            self.problems.append(words)
