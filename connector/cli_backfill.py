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


def backfill(
    target: Target,
    configs: Configs = None,
    state: State = None,
    env: Env = None,
    least: Annotated[
        str | None,
        typer.Option("--from", metavar="VALUE", help="Fill from this cursor on (with --by key: this key)."),
    ] = None,
    most: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="VALUE", help="Fill what lies below this; up to the live lane by default."
        ),
    ] = None,
    by: Annotated[By, typer.Option("--by", help="What slices are ranges of.")] = By.CURSOR,
    order: Annotated[Order, typer.Option("--order", help="Which slices come first.")] = Order.NEWEST,
    workers: Annotated[int, typer.Option("--workers", min=1, max=256, help="Slices at once.")] = 2,
    slices: Annotated[
        int | None, typer.Option("--slices", min=1, max=10_000, help="How many slices.")
    ] = None,
    slice_rows: Annotated[int | None, typer.Option("--slice-rows", min=1, help="Rows of a slice.")] = None,
    executor: Annotated[
        Executor, typer.Option("--executor", help="Where slices are worked on.")
    ] = Executor.PROCESSES,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", metavar="tcp://HOST:PORT", help="Of the Dask cluster.")
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Show slices and notes; begin nothing.")] = False,
    status: Annotated[bool, typer.Option("--status", help="Show how far it is.")] = False,
    pause: Annotated[bool, typer.Option("--pause", help="Let it rest, wherever it is worked on.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the one that is not done.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Go on, failed slices included.")] = False,
    abandon: Annotated[bool, typer.Option("--abandon", help="Forget the one that is not done.")] = False,
    json: Json = False,
) -> None:
    """Fill a sync's past in slices beside its live lane: parallel, resumable, no row twice. The same words go on with it."""
    from connector import backfilling
    from connector.backfill import Wanted
    from connector.extract.backfilling import Asked, Sizes

    with exit_codes():
        asked = (
            ("plan", plan),
            ("status", status),
            ("pause", pause),
            ("resume", resume),
            ("retry", retry),
            ("abandon", abandon),
        )
        actions = [name for name, wanted in asked if wanted]
        if len(actions) > 1:
            raise ConfigError(f"--{actions[0]} and --{actions[1]} do not go together", hint="leave one out")
        if (executor is Executor.DASK) != (scheduler is not None):
            raise ConfigError(
                "--executor dask and --scheduler go together",
                hint="--executor dask --scheduler tcp://host:8786",
            )
        sync = load(target, configs, env)
        sizes = Sizes(slice_rows, slices, workers)
        wanted = Wanted(Asked(least, most, by.value), order.value, sizes)
        options = backfilling.BackfillOptions(
            wanted,
            state_of(sync, state),
            workers,
            executor.value,
            scheduler,
            json,
            backfilling.Action(actions[0] if actions else "run"),
        )
        code = backfilling.backfill(sync, options)
    raise typer.Exit(code)
