"""What ``connector backfill`` prints."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import Any, Self

from rich.markup import escape
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from connector import console
from connector.backfill import Planned, Wanted
from connector.driving import Driven
from connector.state.backfills import Backfill, Tally

_STATES = ("planned", "running", "done", "failed")


class Slices:
    """A progress bar over all slices; silent when stderr is no terminal."""

    def __init__(self, sync: str, workers: int) -> None:
        self._sync = sync
        self._workers = workers
        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            console=console.err,
            transient=True,
        )
        self._task = self._bars.add_task(escape(sync), total=None)

    def __enter__(self) -> Self:
        if console.err.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if console.err.is_terminal:
            self._bars.stop()

    def show(self, tally: Tally) -> None:
        """Show how far it is."""
        line = f"{escape(self._sync)}  {_line(tally, min(self._workers, tally.slices.get('running', 0)))}"
        self._bars.update(self._task, description=line, total=tally.all_rows, completed=tally.finished)


def _line(tally: Tally, workers: int) -> str:
    line = f"{tally.slices.get('done', 0):,} of {tally.total:,} slices  {tally.finished:,} of {tally.all_rows:,} rows"
    if tally.rate and workers:
        line += f"  {tally.rate * workers:,.0f} rows/s"
    return f"{line}  {left}" if (left := _left(tally, workers)) else line


def _left(tally: Tally, workers: int) -> str:
    seconds = tally.seconds_left(workers)
    return "" if seconds is None else f"about {lasting(seconds)} left"


def lasting(seconds: float) -> str:
    """Return a time to come as people say it: no more exact than it is known."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.1f} days"


def ranged(asked: Mapping[str, Any]) -> str:
    """Return a range as the options would have it."""
    parts = [f"--{name} {asked[name]}" for name in ("from", "to") if asked.get(name)]
    return " ".join([*parts, f"--by {asked['by']}"] if asked.get("by") == "key" else parts) or "everything"


def plan(name: str, planned: Planned, wanted: Wanted, *, json: bool) -> None:
    """Print what a backfill would do."""
    cut = planned.cut
    sizes = [part.rows for part in cut.slices]
    if json:
        console.json_lines(
            [
                {
                    "sync": name,
                    "slices": len(sizes),
                    "rows": cut.rows,
                    "largest": max(sizes),
                    "waits": planned.waits,
                    "rows_per_second_of_last_run": planned.rate,
                    "seam": dict(cut.seam),
                    "notes": list(planned.notes),
                    "bounds": [{"rows": part.rows, **part.bounds} for part in cut.slices],
                }
            ]
        )
        return
    for text in planned.notes:
        console.note(f"{name}: {text}")
    rows = [
        ("range", ranged(wanted.json)),
        ("slices", len(sizes)),
        ("rows", cut.rows),
        ("rows of the largest slice", max(sizes)),
        ("order", f"{wanted.order} first"),
        ("seconds to plan", console.seconds(planned.seconds)),
        ("estimate", _estimate(planned, wanted.sizes.workers)),
    ]
    console.table(f"{name}: a backfill as it would begin", ("", "value"), rows)


def _estimate(planned: Planned, workers: int) -> str:
    """Return how long it would take, from what is known of one lane: more of them are faster only up to a point."""
    if not planned.rate:
        return "not known: no run has read enough rows yet"
    alone = planned.cut.rows / planned.rate
    fastest = "" if workers == 1 else f"{lasting(alone / workers)} to "
    return f"{fastest}{lasting(alone)}, at the {planned.rate:,.0f} rows/s of the last run that read enough"


@dataclasses.dataclass(frozen=True, slots=True)
class Standing:
    """How far a backfill is, seen from outside.

    Attributes:
        sync: name of the sync.
        backfill: which.
        tally: of its slices.
        driven: whether somebody drives it.
    """

    sync: str
    backfill: Backfill
    tally: Tally
    driven: bool

    @property
    def state(self) -> str:
        """In a word."""
        if self.backfill.ended:
            return "done"
        return "running" if self.driven else "paused" if self.backfill.paused else "stopped"

    @property
    def workers(self) -> int:
        """How many slices are worked on, or would be by one worker."""
        return max(self.tally.slices.get("running", 0), 1)

    @property
    def values(self) -> dict[str, Any]:
        """As JSON values."""
        tally, ended = self.tally, self.backfill.ended is not None
        left = 0.0 if ended else tally.seconds_left(self.workers)
        return {
            "state": self.state,
            "range": ranged(self.backfill.asked),
            **{each: tally.slices.get(each, 0) for each in _STATES},
            "rows": tally.all_rows,
            "finished": tally.finished,
            "rows_per_second": round(tally.rate * self.workers) if tally.rate else None,
            "seconds_left": None if left is None else round(left, 1),
        }

    @property
    def line(self) -> str:
        """In one line."""
        workers = self.tally.slices.get("running", 0) if self.driven else 0
        failed = f"  {n:,} failed" if (n := self.tally.slices.get("failed", 0)) else ""
        return f"{self.sync}: backfill {self.state}: {_line(self.tally, workers)}{failed}"


def status(name: str, standing: Standing | None, *, json: bool) -> None:
    """Print how far the last backfill is."""
    if standing is None:
        console.json_lines([{"sync": name, "backfill": None}]) if json else console.say(
            f"{name}: no backfill"
        )
        return
    found, values = standing.backfill, standing.values
    if json:
        created = dt.datetime.fromtimestamp(found.created / 1e6, dt.UTC).isoformat()
        console.json_lines([{"sync": name, "backfill": found.id, "created": created, **values}])
        return
    left = "" if found.ended else _left(standing.tally, standing.workers) or "not known yet"
    shown = {**values, "seconds_left": left}
    lines = [
        (key.replace("seconds left", "time left"), "" if value is None else value)
        for key, value in ((key.replace("_", " "), value) for key, value in shown.items())
    ]
    console.table(f"{name}: backfill", ("", "value"), lines)


def report(name: str, found: Backfill, driven: Driven, *, json: bool) -> None:
    """Print how the driving of a backfill went."""
    if json:
        console.json_lines(
            [
                {
                    "sync": name,
                    "backfill": found.id,
                    "exit_code": driven.exit_code,
                    "done": driven.ended,
                    "slices": {each: driven.tally.slices.get(each, 0) for each in _STATES},
                    "rows": driven.tally.all_rows,
                    "counts": dataclasses.asdict(driven.counts),
                    "seconds": round(driven.seconds, 3),
                    "failed": {str(place): why for place, why in driven.failed.items()},
                    "error": driven.error,
                    "notes": driven.notes,
                }
            ]
        )
    else:
        counts = driven.counts
        rows = [
            ("slices done", driven.tally.slices.get("done", 0)),
            *(
                (f"slices {each}", driven.tally.slices[each])
                for each in _STATES
                if each != "done" and driven.tally.slices.get(each)
            ),
            ("rows read", counts.read),
            ("delivered", counts.delivered),
            ("rejected", counts.rejected),
            ("seconds", console.seconds(driven.seconds)),
            ("rows/s", int(driven.moved / max(driven.seconds, 0.001))),
            ("exit code", driven.exit_code),
        ]
        console.table(f"{name}: backfill", ("", "value"), rows)
    if not driven.ended:
        console.fail(f"{driven.error}\n  → go on where it ended: connector backfill {name} --resume", name)
