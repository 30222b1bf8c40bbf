"""One long history: a source that keeps changing, the program, its state, the sandbox, and who compares them."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos import program
from chaos.ledger import Books
from chaos.oracle import Arrivals, Findings, compare
from chaos.program import Ended
from chaos.source import Source, Writer

from connector.sandbox.process import Sandbox

LATENCY = 0.02
_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@dataclass(frozen=True)
class Shape:
    """What a world is made of.

    Attributes:
        source, state: ``sqlite`` or ``postgresql``.
        kind: ``events``, ``identify``, ``products`` or ``mixed``.
        moving: rows that are updated all the while; the others are only inserted.
        entities, padding: as in `Writer`.
        destination: laid over the sync's destination.
    """

    source: str = "sqlite"
    state: str = "sqlite"
    kind: str = "events"
    moving: int = 200
    entities: int = 0
    padding: int = 0
    destination: dict[str, Any] = field(default_factory=dict)

    def ordered(self, entity: int) -> bool:
        """Whether the items of an entity have an order that is promised: all but events have."""
        return entity % 3 != 0 if self.kind == "mixed" else self.kind != "events"

    @property
    def state_name(self) -> str:
        """Where the state is."""
        return _NAMES[self.state]

    def __str__(self) -> str:
        return f"{_NAMES[self.source]}, state in {self.state_name}, {self.kind}"


class World:
    """Everything of one scenario; its history goes on over all rounds.

    Attributes:
        problems: what should not have been, in words.
        findings: what the last comparison found.
        unanswered: items that killed runs may have sent again without having reported it: a run reports what it
            sent again with the request's outcome, and what is killed before that has only its doubt left.
    """

    def __init__(self, folder: Path, shape: Shape, source: Source, state: str, dice: random.Random) -> None:
        self.folder = folder
        self.shape = shape
        self.source = source
        self.state = state
        self.dice = dice
        self.problems: list[str] = []
        self.findings = Findings()
        self.unanswered = 0
        self.environ: dict[str, str] = {}
        self._started: list[subprocess.Popen[str]] = []
        self.sandbox = Sandbox().start()
        self.books = Books(state)
        self.arrivals = Arrivals(self.sandbox)
        self.file = folder / "chaos.yaml"
        self.writer = Writer(source, dice, shape.moving, shape.entities, shape.padding)
        program.write_sync(self.file, source.url, self.sandbox, shape.kind, shape.destination)
        self.fault({})

    def close(self) -> None:
        """End everything."""
        for process in self._started:
            process.kill()
        self.writer.close()
        self.source.close()
        self.books.close()
        self.sandbox.stop()

    # ── what is done ──────────────────────────────────────────────────────────────────────────────────

    def fault(self, faults: dict[str, Any]) -> None:
        """Have the sandbox misbehave; ``{}`` ends it."""
        self.sandbox.set_faults({"latency": LATENCY, "seed": self.dice.randrange(2**31), **faults})

    def start(self, *prefix: str) -> subprocess.Popen[str]:
        """Start a run, behind the command `prefix`."""
        self._started = [process for process in self._started if process.returncode is None]
        self._started.append(program.start(self.file, self.state, self.environ, prefix))
        return self._started[-1]

    def end(self, process: subprocess.Popen[str], *codes: int) -> Ended:
        """Wait for a run, which should end with one of `codes`; its accounting must balance in any case."""
        ended = program.end(process)
        last = ended.errors.strip()[-400:]
        self.expect(ended.code in codes, f"exit {ended.code}, not {' or '.join(map(str, codes))}: {last}")
        self._check_accounts(ended)
        return ended

    def somewhere(self, process: subprocess.Popen[str], most: int = 200) -> None:
        """Wait for a moment of a run drawn at random: by the clock, or by what has arrived, up to `most` items."""
        seconds, items = self.dice.uniform(0, 1), self.dice.randrange(most)
        if self.dice.random() < 0.3:
            wait(process, seconds)
            return
        goal = self.sandbox.counters()["accepted"] + items
        while process.poll() is None and self.sandbox.counters()["accepted"] <= goal:
            time.sleep(0.02)

    def run(self, *codes: int) -> Ended:
        """Run once, while the source goes on changing."""
        with self.writer.live():
            return self.end(self.start(), *(codes or (0,)))

    def judge(self) -> None:
        """Let the writer rest, run once without a fault, and compare."""
        self.fault({})
        wait_for(self.source.settled)
        self.end(self.start(), 0)
        self.wait_for_arrivals()
        self.findings = compare(self.source, self.arrivals, self.books, self.shape.ordered, self.unanswered)
        self.problems += self.findings.problems

    # ── what is checked on the way ────────────────────────────────────────────────────────────────────

    def expect(self, condition: object, words: str) -> None:
        """Note a problem unless `condition` holds."""
        if not condition:
            self.problems.append(words)

    def check_watermark(self) -> None:
        """No row that the watermark has passed may be missing in the sandbox (invariant 1)."""
        self.wait_for_arrivals()
        watermark = self.books.watermark()
        if watermark is None:
            return
        ahead = set(self.source.below(watermark)) - self.arrivals.versions - self.books.rejected(self.source)
        self.expect(
            not ahead, f"the watermark is ahead of delivery by {len(ahead)} rows: {sorted(ahead)[:3]}"
        )

    def wait_for_arrivals(self) -> None:
        """Wait for what a killed run has left on the wire, then take note of all that arrived."""
        wait_for(lambda: not self.sandbox.counters()["in_flight"])
        self.arrivals.update()

    def _check_accounts(self, ended: Ended) -> None:
        counts = ended.counts
        if not counts:
            return
        parts = ("delivered", "rejected", "unchanged", "filtered", "superseded", "unfinished")
        total = sum(counts[part] for part in parts)
        self.expect(counts["read"] == total, f"read {counts['read']} is not the sum of its parts, {total}")
        self.expect(ended.code or not counts["unfinished"], f"exit 0 with {counts['unfinished']} unfinished")


def wait_for(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait for something that another process does and tells nobody of."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not come to pass")
        time.sleep(0.02)


def wait(process: subprocess.Popen[str], seconds: float) -> None:
    """Wait so long, or until the process has ended."""
    deadline = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
