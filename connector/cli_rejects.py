"""The commands over rows that were rejected: ``connector rejects …``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from connector.cli_options import (
    Configs,
    Env,
    Json,
    State,
    Target,
    Wait,
    confirmed,
    debugging,
    exit_codes,
    load,
    state_of,
)
from connector.errors import ConfigError

rejects_app = typer.Typer(
    help="Look at rows that were rejected, and why, and settle them.", no_args_is_help=True
)

Reason = Annotated[str | None, typer.Option("--reason", help="Only those with this reason.")]
Key = Annotated[
    str | None,
    typer.Option(
        "--key", help="Only those of this key: a value, or a JSON array. 17 is a number, '\"17\"' a text."
    ),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since", help="Only those last seen at this ISO date or time, or later; UTC unless it says."
    ),
]
Until = Annotated[
    str | None, typer.Option("--until", help="Only those last seen before this ISO date or time.")
]
EventId = Annotated[str | None, typer.Option("--event-id", help="Only the one of this eventId.")]
Closed = Annotated[bool, typer.Option("--closed", help="Closed ones too: those that were settled.")]


@rejects_app.command("list")
def rejects_list(
    target: Target,
    reason: Reason = None,
    key: Key = None,
    since: Since = None,
    until: Until = None,
    closed: Closed = False,
    rows: Annotated[bool, typer.Option("--rows", help="One by one, the newest first.")] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="With --rows: at most this many (default: 100).")
    ] = None,
    configs: Configs = None,
    state: State = None,
    env: Env = None,
    json: Json = False,
) -> None:
    """List rejects by reason, with counts and an example, or one by one."""
    from connector import rejecting

    with exit_codes():
        sync = load(target, configs, env)
        meant = rejecting.Choice(reason, key, since, until, closed=closed).of(sync)
        if rows:
            rejecting.list_rows(sync, state_of(sync, state), meant, limit or 100, json=json)
        elif limit:
            raise ConfigError("--limit is for single rejects", hint="add --rows, or leave it out")
        else:
            rejecting.list_groups(sync, state_of(sync, state), meant, json=json)


@rejects_app.command("show")
def rejects_show(
    target: Target,
    event_id: Annotated[str, typer.Argument(help="The eventId of a rejected row, as `list` prints it.")],
    configs: Configs = None,
    state: State = None,
    env: Env = None,
) -> None:
    """Show all that is known of one reject: the row, the reason, the server's words, and its history."""
    from connector import rejecting

    with exit_codes():
        sync = load(target, configs, env)
        rejecting.show(sync, state_of(sync, state), event_id)


@rejects_app.command("export")
def rejects_export(
    target: Target,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to", help="The file; Parquet if it ends in .parquet. NDJSON to standard output without it."
        ),
    ] = None,
    reason: Reason = None,
    key: Key = None,
    since: Since = None,
    until: Until = None,
    closed: Closed = False,
    configs: Configs = None,
    state: State = None,
    env: Env = None,
) -> None:
    """Write rejects with their rows as NDJSON or Parquet."""
    from connector import exporting, rejecting

    with exit_codes():
        sync = load(target, configs, env)
        meant = rejecting.Choice(reason, key, since, until, closed=closed).of(sync)
        exporting.export(sync, state_of(sync, state), meant, None if to == Path("-") else to)


@rejects_app.command("replay")
def rejects_replay(
    target: Target,
    event_id: EventId = None,
    reason: Reason = None,
    key: Key = None,
    since: Since = None,
    until: Until = None,
    stored: Annotated[
        bool,
        typer.Option("--stored", help="The rows as they were kept with their rejects, not as they are now."),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Write the exact requests as NDJSON; send nothing, touch no state."),
    ] = False,
    configs: Configs = None,
    state: State = None,
    env: Env = None,
    wait: Wait = False,
    json: Json = False,
) -> None:
    """Send the rows of open rejects again, read from the source and mapped as it is today, and close them."""
    from connector import commands, rejecting
    from connector.replay import FromSource
    from connector.replay_stored import FromRejects

    with exit_codes():
        sync = load(target, configs, env)
        meant = rejecting.Choice(reason, key, since, until, event_id).of(sync)
        reading = FromRejects(meant) if stored else FromSource(meant)
        code = 0
        if dry_run:
            commands.dry_replay(sync, state_of(sync, state), reading)
        else:
            code = commands.replay(
                sync, commands.RunOptions(env, state, None, json, wait, debugging()), reading
            )
    raise typer.Exit(code)


@rejects_app.command("drop")
def rejects_drop(
    target: Target,
    event_id: Annotated[
        str | None, typer.Option("--event-id", help="Only the one of this eventId, open or closed.")
    ] = None,
    reason: Reason = None,
    key: Key = None,
    since: Since = None,
    until: Until = None,
    closed: Closed = False,
    all_rejects: Annotated[
        bool, typer.Option("--all-rejects", help="All of the sync, open or closed; without a filter.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    configs: Configs = None,
    state: State = None,
    env: Env = None,
) -> None:
    """Delete rejects: their rows will not be sent, and are forgotten here."""
    from connector import rejecting

    with exit_codes():
        sync = load(target, configs, env)
        closed = closed or all_rejects or event_id is not None
        meant = rejecting.Choice(reason, key, since, until, event_id, closed).of(sync)
        if all_rejects and not meant.whole:
            raise ConfigError("--all-rejects and a filter exclude each other", hint="leave out one of them")
        url = state_of(sync, state)
        count = rejecting.count(url, meant)
        if not count:
            rejecting.say_none(sync, meant)
        elif _agreed(sync.sync, count, whole=meant.whole and not all_rejects, yes=yes):
            rejecting.drop(sync, url, meant)
        else:
            raise ConfigError(f"no reject of {sync.sync} was deleted: nobody said yes", hint="or add --yes")


def _agreed(name: str, count: int, *, whole: bool, yes: bool) -> bool:
    """Ask whether to delete; that it will be all of them must be said in so many words."""
    if not whole:
        return yes or confirmed(f"Delete {count:,} rejects of {name}?")
    if yes:
        raise ConfigError(
            f"this would delete all {count:,} rejects of {name}", hint="add a filter, or --all-rejects"
        )
    try:
        said = typer.prompt(f"This deletes all {count:,} rejects of {name}. Write `all` to do it", err=True)
    except typer.Abort:
        typer.echo(err=True)
        return False
    return str(said).strip() == "all"
