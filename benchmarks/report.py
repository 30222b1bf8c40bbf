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
    """Replace what stands between the markers of `page`.

    Raises:
        SystemExit: the page has no markers.
    """
    text = page.read_text()
    pattern = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"{page} has no place for the results: {BEGIN} … {END}")
    results = "\n\n".join((BEGIN, circumstances(rounds, scale), markdown(lines), END))
    page.write_text(pattern.sub(lambda _: results, text))


def circumstances(rounds: int, scale: float) -> str:
    """Say when, where and with what the figures were measured."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    load = os.getloadavg()[2]
    return (
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {os.cpu_count()} cores ({platform.machine()}, {platform.system()}), "
        f"load average {load:.1f} over the last 15 minutes; Python {platform.python_version()}, {libraries}. "
        f"Medians of {rounds} interleaved rounds, TPC-H scale factor {scale:g}."
    )


def markdown(lines: Sequence[Line]) -> str:
    """The table in Markdown."""
    rows = [TITLES, ("---",) * len(TITLES), *map(cells, lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
