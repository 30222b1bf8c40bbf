"""The commands that look ahead and look up: ``connector plan`` and ``connector trace``."""

from __future__ import annotations

from typing import Annotated

import typer

from connector.cli_options import (
    Accept,
    Adopt,
    Configs,
    Env,
    Json,
    Limit,
    Resend,
    State,
    Target,
    Targets,
    exit_codes,
    files_of,
    load,
    state_of,
)
from connector.errors import ConfigError


def plan(
    targets: Targets = None,
    configs: Configs = None,
    state: State = None,
    env: Env = None,
    limit: Limit = None,
    samples: Annotated[
        int, typer.Option("--samples", min=0, help="How many items to show; 0 prints no value of a row.")
    ] = 3,
    accept: Accept = None,
    adopt: Adopt = False,
    resend: Resend = None,
    json: Json = False,
) -> None:
    """Say what a run would do: rows by outcome, requests, bytes, time. Sends and writes nothing; ends as the run would."""
    from connector import commands

    with exit_codes():
        files = files_of(targets, configs)
        accepted = frozenset(guard.value for guard in accept or ())
        options = commands.RunOptions(env, state, limit, json, accept=accepted, adopt=adopt)
        code = commands.plan(files, options, commands.Again(resend.value if resend else None), samples)
    raise typer.Exit(code)


def trace(
    target: Target,
    key: Annotated[
        str,
        typer.Argument(
            metavar="KEY", help="The row's key: a value, or a JSON array. 17 is a number, '\"17\"' a text."
        ),
    ],
    configs: Configs = None,
    state: State = None,
    env: Env = None,
    json: Json = False,
) -> None:
    """Say where a row is: in the source, past the watermark, in Track, among the rejects. Prints the row; ends with 2 if it is nowhere."""
    from connector import console, console_trace, tracing

    with exit_codes():
        sync = load(target, configs, env)
        found = tracing.trace(sync, state_of(sync, state), key)
        if json:
            console.json_lines([console_trace.as_json(found)])
        else:
            console_trace.show(found)
    raise typer.Exit(0 if found.found else ConfigError.exit_code)
