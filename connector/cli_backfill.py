"""The command ``connector backfill``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from connector.cli_options import Configs, Env, Json, State, Target, exit_codes, load, state_of
from connector.errors import ConfigError


class By(StrEnum):
    """What slices are ranges of."""

    CURSOR = "cursor"
    KEY = "key"


class Order(StrEnum):
    """Which slices come first."""

    NEWEST = "newest"
    OLDEST = "oldest"


class Executor(StrEnum):
    """Where slices are worked on."""

    PROCESSES = "processes"
    THREADS = "threads"
    DASK = "dask"


Least = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="VALUE",
        help="Fill from this cursor on (with --by key: this key; of Parquet: this path).",
    ),
]
Most = Annotated[
    str | None, typer.Option("--to", metavar="VALUE", help="Fill what lies below this, and below the seam.")
]
Ranges = Annotated[By, typer.Option("--by", help="What slices are ranges of.")]
Which = Annotated[Order, typer.Option("--order", help="Which slices come first.")]
Workers = Annotated[int, typer.Option("--workers", min=1, max=256, help="How many slices at once.")]
Count = Annotated[
    int | None,
    typer.Option("--slices", min=1, max=10_000, help="How many slices; about 250,000 rows each if not said."),
]
Rows = Annotated[int | None, typer.Option("--slice-rows", min=1, help="Rows of a slice.")]
Where = Annotated[Executor, typer.Option("--executor", help="Where slices are worked on.")]
Scheduler = Annotated[
    str | None, typer.Option("--scheduler", metavar="tcp://HOST:PORT", help="The Dask cluster's.")
]
Plan = Annotated[
    bool, typer.Option("--plan", help="Show slices, an estimate and what to mind; begin nothing.")
]
Status = Annotated[bool, typer.Option("--status", help="Show how far it is.")]
Pause = Annotated[bool, typer.Option("--pause", help="Let it rest, wherever it is worked on.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the one that is not done.")]
Retry = Annotated[bool, typer.Option("--retry", help="Go on, and try failed slices again.")]
Abandon = Annotated[bool, typer.Option("--abandon", help="Forget the one that is not done.")]


def backfill(
    target: Target,
    configs: Configs = None,
    state: State = None,
    env: Env = None,
    least: Least = None,
    most: Most = None,
    by: Ranges = By.CURSOR,
    order: Which = Order.NEWEST,
    workers: Workers = 2,
    slices: Count = None,
    slice_rows: Rows = None,
    executor: Where = Executor.PROCESSES,
    scheduler: Scheduler = None,
    plan: Plan = False,
    status: Status = False,
    pause: Pause = False,
    resume: Resume = False,
    retry: Retry = False,
    abandon: Abandon = False,
    json: Json = False,
) -> None:
    """Fill a sync's past in slices, beside its live lane: in parallel, to be stopped and gone on with, no row twice."""
    from connector.backfill import Wanted
    from connector.backfilling import Action, BackfillOptions
    from connector.backfilling import backfill as act
    from connector.executors import Workplace
    from connector.extract.backfilling import Asked, Sizes

    with exit_codes():
        flags = {"plan": plan, "status": status, "pause": pause, "resume": resume, "retry": retry}
        actions = [name for name, wanted in {**flags, "abandon": abandon}.items() if wanted]
        if len(actions) > 1:
            raise ConfigError(f"--{actions[0]} and --{actions[1]} do not go together", hint="leave one out")
        at = Workplace(executor.value, workers, scheduler)
        sync = load(target, configs, env)
        wanted = Wanted(Asked(least, most, by.value), order.value, Sizes(slice_rows, slices, workers))
        action = Action(actions[0]) if actions else Action.RUN
        options = BackfillOptions(wanted, state_of(sync, state), at, json, action)
        code = act(sync, options)
    raise typer.Exit(code)
