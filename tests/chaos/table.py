"""The table of results: one line a fault, from observed facts."""

from __future__ import annotations

import datetime as dt
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from chaos.world import World

BEGIN, END = "<!-- results: written by `python -m chaos --write` -->", "<!-- end of results -->"
TITLES = (
    "fault",
    "rounds",
    "versions in the source",
    "in the sandbox",
    "missing",
    "duplicates",
    "in doubt (reported)",
    "rejected (poison)",
    "verdict",
)
LIBRARIES = ("duckdb", "pyarrow", "httpx", "adbc-driver-postgresql", "sqlalchemy", "psycopg")


@dataclass(frozen=True)
class Line:
    """What a scenario showed.

    Attributes:
        fault: what was done.
        rounds: how often.
        facts: the numbers between, as the titles say.
        problems: what should not have been, in words; none is a pass.
        seen: what else was observed, in words.
    """

    fault: str
    rounds: int
    facts: tuple[int, ...]
    problems: tuple[str, ...] = ()
    seen: str = ""

    @property
    def verdict(self) -> str:
        """The last column."""
        return f"FAILED ({len(self.problems)})" if self.problems else "holds"

    @property
    def cells(self) -> tuple[str, ...]:
        """The line as text."""
        return self.fault, f"{self.rounds}", *(f"{fact:,}" for fact in self.facts), self.verdict


@dataclass
class Tally:
    """Rounds that were counted, for `Line`."""

    rounds: int = 0
    seen: dict[str, int] = field(default_factory=dict)

    def saw(self, what: str, times: int = 1) -> None:
        """Count something worth telling."""
        self.seen[what] = self.seen.get(what, 0) + times

    def line(self, fault: str, world: World) -> Line:
        """Return the line of a world that was judged last."""
        found = world.findings
        facts = (
            found.versions,
            found.received,
            found.missing,
            found.duplicates,
            found.in_doubt,
            found.rejected,
        )
        seen = ", ".join(f"{what}: {times}" for what, times in sorted(self.seen.items()))
        return Line(fault, self.rounds, facts, tuple(world.problems), seen)


def show(lines: Sequence[Line]) -> None:
    """Print the table, then what was seen beside it, then what failed."""
    rows = [TITLES, *(line.cells for line in lines)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(TITLES))]
    for row in rows:
        print(" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for line in lines:
        if line.seen:
            print(f"  {line.fault}: {line.seen}")
    for line in lines:
        for problem in line.problems:
            print(f"FAILED {line.fault}: {problem}")


def write(page: Path, lines: Sequence[Line], seed: int) -> None:
    """Put the results into `page`.

    Raises:
        SystemExit: the page has no markers.
    """
    put(page, (BEGIN, END), (circumstances(seed), markdown(lines), beside(lines)))


def put(page: Path, markers: tuple[str, str], paragraphs: Sequence[str]) -> None:
    """Replace what stands between two markers of `page`.

    Raises:
        SystemExit: the page has no such markers.
    """
    text = page.read_text("utf-8")
    begin, end = markers
    pattern = re.compile(f"{re.escape(begin)}.*{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"{page} has no place for the results: {begin} … {end}")
    results = "\n\n".join((begin, *paragraphs, end))
    page.write_text(pattern.sub(lambda _: results, text), "utf-8")


def circumstances(seed: int) -> str:
    """Say when, where and with what it was shown."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {os.cpu_count()} cores ({platform.machine()}, {platform.system()}); "
        f"Python {platform.python_version()}, {libraries}; seed {seed}."
    )


def markdown(lines: Sequence[Line]) -> str:
    """The table in Markdown."""
    rows = [TITLES, ("---",) * len(TITLES), *(line.cells for line in lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def beside(lines: Sequence[Line]) -> str:
    """What was seen beside the table, as a list."""
    return "\n".join(f"- {line.fault}: {line.seen}" for line in lines if line.seen)
