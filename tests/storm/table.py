"""The table of results: one column a server, from observed facts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chaos.table import circumstances, put
from storm.findings import Findings
from storm.playing import Weather

MARKERS = "<!-- results: written by `python -m storm --write` -->", "<!-- end of results -->"


def lines(found: Sequence[Findings]) -> list[tuple[str, ...]]:
    """Each fact with its value for each server; the first line names the servers."""
    facts = {
        "": lambda one: one.server,
        "`settle`": lambda one: one.settle,
        "transactions committed": lambda one: f"{one.committed:,}",
        "rolled back, or refused for a lock": lambda one: f"{one.rolled_back:,}, {one.refused:,}",
        "savepoints rolled back": lambda one: f"{one.undone:,}",
        "longest committed transaction": lambda one: f"{one.longest:.1f} s",
        "rows at the end": lambda one: f"{one.rows:,}",
        "of them, rows that share their stamp": lambda one: f"{one.shared:,}",
        "runs, and runs killed": lambda one: f"{one.runs}, {one.crashes}",
        "median duration of a run": lambda one: f"{one.lasted:.1f} s",
        "different versions delivered": lambda one: f"{one.versions:,}",
        "**rows missed**": lambda one: f"**{one.missed:,}**",
        "delivered again without a crash": lambda one: f"{one.repeated:,}",
        "deliveries / versions, outside the crashes": lambda one: f"{one.ratio:.4f}",
        "delivered again after a crash, of so many reported in doubt": lambda one: (
            f"{one.by_crash:,} of {one.in_doubt:,}"
        ),
        "**rows missed by the plain reader**": lambda one: f"**{one.plain_missed:,}**",
        "of them, rows it never saw in any version": lambda one: f"{one.plain_never:,}",
        "age of the newest delivered row: least, median, greatest": lambda one: ", ".join(
            f"{age:.1f} s" for age in one.behind
        ),
        "verdict": lambda one: f"FAILED ({len(one.problems)})" if one.problems else "holds",
    }
    return [(name, *(value(one) for one in found)) for name, value in facts.items()]


def show(found: Sequence[Findings]) -> None:
    """Print the table, then what failed."""
    rows = lines(found)
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        print(" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for one in found:
        for problem in one.problems:
            print(f"FAILED {one.server}: {problem}")


def write(page: Path, found: Sequence[Findings], weather: Weather) -> None:
    """Put the table into `page`.

    Raises:
        SystemExit: the page has no markers.
    """
    head, *rows = lines(found)
    table = "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))
    words = (
        f"{weather.writers} writers for {weather.seconds:g} s, transactions of up to {weather.longest:g} s, runs that"
        " begin a second apart, or at once where one takes longer."
    )
    put(page, MARKERS, (f"{words} {circumstances(weather.seed)}", table))
