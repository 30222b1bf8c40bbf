"""Everything a person sees in a terminal: tables, progress bars, errors. Results go to stdout, the rest to stderr."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import threading
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress as Bars
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from connector.errors import ConnectorError
from connector.masking import masked
from connector.model import RunReport
from connector.progress import Progress

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

# Lines of tables that go into a file or a pipe may be longer than a screen is wide.
_FILE_WIDTH = 160
_OUTCOMES = ("read", "delivered", "rejected", "unchanged", "filtered", "superseded", "unfinished")


def fail(error: ConnectorError | str, sync: str = "") -> None:
    """Print an error, or what is left of one in a report: of which sync, what, where, and what to do."""
    mark = "[bold red]error[/] " + escape(f"{sync}: " if sync else "")
    for line in str(error).splitlines():  # several mistakes come together; what belongs to one is set in
        err.print(escape(line) if line.startswith(" ") else mark + escape(line))


def trace(error: BaseException) -> None:
    """Print where in the program an error arose; its words may hold values of rows, but no secret."""
    err.print(escape(masked("".join(traceback.format_exception(error)))))


def note(text: str) -> None:
    """Print a sentence that a person should know."""
    err.print(f"[cyan]note[/]  {escape(text)}")


def say(text: str) -> None:
    """Print a line of a result."""
    out.print(escape(text))


def raw(text: str) -> None:
    """Print a result as it is, for machines."""
    out.file.write(text if text.endswith("\n") else text + "\n")
    out.file.flush()


class _Amount(str):
    """A number that is already written as it should be shown."""

    __slots__ = ()


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; numbers stand at the right, and a word is never broken where there is room to choose."""
    body = [list(row) for row in rows]
    grid = Table(title=title or None, title_justify="left", title_style="bold", header_style="bold")
    for index, column in enumerate(columns):
        cells = [row[index] for row in body if row[index] != ""]
        numeric = index > 0 and all(isinstance(cell, int | float | _Amount) for cell in cells)
        whole = index == 0 or not any(" " in str(cell) for cell in cells)
        grid.add_column(column, justify="right" if numeric else "left", overflow="fold", no_wrap=whole)
    for row in body:
        grid.add_row(*(escape(f"{cell:,}" if isinstance(cell, int) else str(cell)) for cell in row))
    _print(grid)


def _print(grid: Table) -> None:
    if not out.is_terminal and "COLUMNS" not in os.environ:
        out.width = _FILE_WIDTH
    out.print(grid)


class Live:
    """A progress bar with rows, rate, requests in flight and rejects; silent when stderr is no terminal."""

    def __init__(self, sync: str) -> None:
        self._sync = sync
        self._done = threading.Event()
        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=err,
            transient=True,
        )
        self._task = self._bars.add_task(f"{escape(sync)}  opening")
        self._watcher: threading.Thread | None = None

    def __enter__(self) -> Self:
        if err.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        if self._watcher is not None:
            self._watcher.join()
        if err.is_terminal:
            self._bars.stop()

    def watch(self, progress: Progress) -> None:
        """Show `progress` from now on."""
        if err.is_terminal:
            self._watcher = threading.Thread(target=self._update, args=(progress,), daemon=True)
            self._watcher.start()

    def _update(self, progress: Progress) -> None:
        started = time.monotonic()
        while not self._done.wait(0.2):
            line = _line(self._sync, progress, time.monotonic() - started)
            self._bars.update(self._task, description=line)


def _line(sync: str, progress: Progress, seconds: float) -> str:
    counts = progress.counts
    finished = counts.read - counts.unfinished
    line = (
        f"{escape(sync)}  [bold]{finished:,}[/] rows  {finished / max(seconds, 0.001):,.0f} rows/s  "
        f"{progress.in_flight} in flight  {counts.rejected:,} rejected"
    )
    return f"{line}  [yellow]retrying: {escape(progress.trouble)}[/]" if progress.trouble else line


def seconds(value: float | None) -> _Amount:
    """Return how long something takes as a table shows it; empty where that is not known."""
    return _Amount("" if value is None else f"{value:,.1f}")


def reports(runs: Sequence[tuple[str, RunReport]]) -> None:
    """Print what runs did, a column a sync, and why rows were rejected."""
    rows: list[list[object]] = []
    for name in _OUTCOMES:
        values = [getattr(report.counts, name) for _, report in runs]
        if name in ("read", "delivered", "rejected") or any(values):
            rows.append([name, *values])
    for name in ("items", "requests", "resent", "in_doubt"):
        values = [getattr(report.counts, name) for _, report in runs]
        if name in ("items", "requests") or any(values):
            rows.append([name.replace("_", " "), *values])
    rows.append(["seconds", *(_Amount(f"{_seconds(report):.1f}") for _, report in runs)])
    rows.append(["rows/s", *(int(report.counts.read / max(_seconds(report), 0.001)) for _, report in runs)])
    rows.append(["exit code", *(report.exit_code for _, report in runs)])
    table("", ["rows", *(name for name, _ in runs)], rows)
    for name, report in runs:
        for reason, count in sorted(report.rejects.items()):
            out.print(f"  {escape(name)}: {count:,} rejected: {escape(reason)}")
        for code, count in sorted(report.warnings.items()):
            out.print(f"  {escape(name)}: {count:,} values: {escape(code)} (warning)")


def _seconds(report: RunReport) -> float:
    return ((report.ended or dt.datetime.now(dt.UTC)) - report.started).total_seconds()


def status(rows: Iterable[tuple[str, RunReport | None]]) -> None:
    """Print the last run of each sync."""
    table(
        "",
        ("sync", "last run", "result", "read", "delivered", "rejected"),
        [
            (name, "never", "", "", "", "")
            if run is None
            else (name, _when(run), _result(run), run.counts.read, run.counts.delivered, run.counts.rejected)
            for name, run in rows
        ],
    )


def _when(run: RunReport) -> str:
    return f"{run.started:%Y-%m-%d %H:%M} UTC"


def _result(run: RunReport) -> str:
    if run.exit_code is None:
        return "running, or cut off"
    return "ok" if run.exit_code == 0 else f"exit {run.exit_code}"


def beside(row: Mapping[str, Any], items: Sequence[Mapping[str, Any]], verdict: str) -> None:
    """Print a row beside the items it becomes, or beside why it becomes none."""
    grid = Table(show_lines=True, header_style="bold")
    grid.add_column("row", overflow="fold")
    grid.add_column("item", overflow="fold")
    right = "\n".join(exact_json(item, indent="  ") for item in items) or verdict
    grid.add_row(escape(exact_json(row, indent="  ")), escape(right))
    _print(grid)


def exact_json(value: Any, indent: str = "", margin: str = "\n") -> str:
    """Return `value` as JSON in which a Decimal is a number with all its digits.

    Args:
        value: JSON values and Decimals; anything else is shown as text.
        indent: what one level is set in by; empty for one line.
        margin: what a new line at this level begins with.
    """
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")
    if not isinstance(value, Mapping | list | tuple) or not value:
        return json.dumps(value, ensure_ascii=False, default=_text)
    inner = margin + indent if indent else ""
    if isinstance(value, Mapping):
        parts = [
            f"{json.dumps(str(k), ensure_ascii=False)}: {exact_json(v, indent, inner)}"
            for k, v in value.items()
        ]
        brackets = "{}"
    else:
        parts, brackets = [exact_json(element, indent, inner) for element in value], "[]"
    end = margin if indent else ""
    return brackets[0] + inner + (f",{inner}" if indent else ", ").join(parts) + end + brackets[1]


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, dt.date | dt.time) else str(value)


def as_json(report: RunReport, name: str) -> dict[str, Any]:
    """Return a report as JSON values, as ``--json`` prints it."""
    values = dataclasses.asdict(report)
    values["sync"], values["id"] = name, report.sync
    values["started"] = report.started.isoformat()
    values["ended"] = report.ended.isoformat() if report.ended else None
    values["rejects"], values["warnings"] = dict(report.rejects), dict(report.warnings)
    return values


def json_lines(values: Iterable[Mapping[str, Any]]) -> None:
    """Print one JSON object a line."""
    for value in values:
        raw(exact_json(value))
