"""Shows the table of results, and writes it into the docs."""

from __future__ import annotations

import datetime as dt
import os
import platform
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.rounds import Line

BEGIN, END = "<!-- results: written by `python -m benchmarks --write` -->", "<!-- end of results -->"
TITLES = ("part", "what", "measured", "target", "met")
LIBRARIES = ("duckdb", "pyarrow", "httpx", "pandas", "adbc-driver-postgresql", "sqlalchemy")


def cells(line: Line) -> tuple[str, ...]:
    return line.part, line.what, line.measured, line.target, line.verdict


def show(lines: Sequence[Line]) -> None:
    """Print the table."""
    rows = [TITLES, *map(cells, lines)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(TITLES))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def write(page: Path, lines: Sequence[Line], rounds: int, scale: float) -> None:
    """Put the results between the markers of `page`; those of parts that were not measured stay, with their day.

    Raises:
        SystemExit: the page has no markers.
    """
    text = page.read_text()
    found = re.search(f"{re.escape(BEGIN)}(.*){re.escape(END)}", text, re.DOTALL)
    if not found:
        raise SystemExit(f"{page} has no place for the results: {BEGIN} … {END}")
    today = f"{dt.datetime.now(dt.UTC):%Y-%m-%d}"
    measured = {line.part for line in lines}
    rows = [row for row in kept(found[1]) if row[0] not in measured]
    rows += [(*cells(line), today) for line in lines]
    results = "\n\n".join((BEGIN, circumstances(rounds, scale), markdown(rows), END))
    page.write_text(text[: found.start()] + results + text[found.end() :])


def kept(results: str) -> list[tuple[str, ...]]:
    """Return the rows of the table that stands in the page."""
    table = [line for line in results.splitlines() if line.startswith("| ")][2:]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in table]


def circumstances(rounds: int, scale: float) -> str:
    """Say where and with what the figures were measured last."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    load = os.getloadavg()[2]
    return (
        f"{os.cpu_count()} cores ({platform.machine()}, {platform.system()}); the last measured with a "
        f"load average {load:.1f} over the last 15 minutes; Python {platform.python_version()}, {libraries}. "
        f"Medians of {rounds} interleaved rounds, TPC-H scale factor {scale:g}."
    )


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """The table in Markdown."""
    table = [(*TITLES, "when"), ("---",) * (len(TITLES) + 1), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in table)
