"""The command line: each command parses, calls one function, and turns an error into its exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from connector.cli_options import (
    Accept,
    Adopt,
    Configs,
    Env,
    Json,
    Keys,
    Limit,
    Resend,
    State,
    Target,
    Targets,
    Wait,
    confirmed,
    debugging,
    exit_codes,
    files_of,
    load,
    set_debugging,
    state_of,
)
from connector.cli_plan import plan, trace
from connector.cli_rejects import rejects_app
from connector.cli_state import state_app
from connector.errors import ConfigError

app = typer.Typer(
    name="connector",
    help="Moves rows from databases and Parquet files into the Intempt Track API.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(rejects_app, name="rejects")
app.add_typer(state_app, name="state")


def _version(asked: bool) -> None:
    if asked:
        from connector import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the program an error arose.")] = False,
) -> None:
    """Moves rows from databases and Parquet files into the Intempt Track API."""
    del version  # its callback has ended the program
    set_debugging(debug)


def main() -> None:
    """Run the command line; the process ends with the command's exit code."""
    app()


@app.command()
def run(
    targets: Targets = None,
    configs: Configs = None,
    state: State = None,
    env: Env = None,
    limit: Limit = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Write the exact requests as NDJSON; send nothing, touch no state."),
    ] = False,
    wait: Wait = False,
    accept: Accept = None,
    adopt: Adopt = False,
    resend: Resend = None,
    key: Keys = None,
    json: Json = False,
) -> None:
    """Move what is new from the sources into Track, and account for every row."""
    from connector import commands

    with exit_codes():
        files = files_of(targets, configs)
        accepted = frozenset(guard.value for guard in accept or ())
        options = commands.RunOptions(env, state, limit, json, wait, debugging(), accepted, adopt)
        again = commands.Again(resend.value if resend else None, tuple(key or ()))
        code = (commands.dry_run if dry_run else commands.run)(files, options, again)
    raise typer.Exit(code)


@app.command()
def reconcile(
    target: Target,
    configs: Configs = None,
    state: State = None,
    env: Env = None,
    least: Annotated[
        str | None, typer.Option("--from", metavar="CURSOR", help="Compare rows from this cursor on.")
    ] = None,
    most: Annotated[
        str | None, typer.Option("--to", metavar="CURSOR", help="Compare rows below this cursor.")
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Read the keys of all rows, instead of counting ranges first.")
    ] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Send what is missing or outdated; note what is gone as gone.")
    ] = False,
    json: Json = False,
) -> None:
    """Prove that what the source holds was read: compare it with what Track is known to have, or with what each run read.

    Ends with 5 if it differs.
    """
    from connector import reconcile as command

    with exit_codes():
        sync = load(target, configs, env)
        wanted = command.Reconcile(state_of(sync, state), (least, most), exact, fix, json)
        code = command.reconcile(sync, wanted)
    raise typer.Exit(code)


app.command()(plan)
app.command()(trace)


@app.command()
def check(
    targets: Targets = None,
    configs: Configs = None,
    state: State = None,
    env: Env = None,
    offline: Annotated[bool, typer.Option("--offline", help="Check the files alone; open nothing.")] = False,
    show: Annotated[
        bool, typer.Option("--show", help="Print the merged configuration, secrets masked.")
    ] = False,
) -> None:
    """Find every mistake before a run does: files, source, mapping, state, destination. Sends nothing."""
    from connector import checking

    with exit_codes():
        code = checking.check(
            files_of(targets, configs), checking.Options(env, state, offline=offline, show=show)
        )
    raise typer.Exit(code)


@app.command()
def test(targets: Targets = None, configs: Configs = None, env: Env = None) -> None:
    """Run the `tests:` of the YAML: rows in, items or rejects out. Needs no source."""
    from connector import commands

    with exit_codes():
        code = commands.test(files_of(targets, configs), env)
    raise typer.Exit(code)


@app.command()
def preview(
    target: Target,
    configs: Configs = None,
    env: Env = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many rows.")] = 5,
    json: Json = False,
) -> None:
    """Show rows beside the items they become, and which would be rejected and why."""
    from connector import commands

    with exit_codes():
        commands.preview(load(target, configs, env), limit, json=json)


@app.command()
def status(
    targets: Targets = None, configs: Configs = None, state: State = None, env: Env = None, json: Json = False
) -> None:
    """Show each sync's last run: when, how it ended, and what became of its rows."""
    from connector import commands

    with exit_codes():
        code = commands.status(files_of(targets, configs), env, state, json=json)
    raise typer.Exit(code)


@app.command()
def forget(
    target: Target,
    key: Annotated[
        str | None,
        typer.Option(
            "--key", help="The row of this key: a value, or a JSON array. 17 is a number, '\"17\"' a text."
        ),
    ] = None,
    user: Annotated[str | None, typer.Option("--user", help="The user of this userId or profileId.")] = None,
    configs: Configs = None,
    state: State = None,
    env: Env = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Forget a row or a user: delete rejects and what the sandbox holds, send it never again, say what is left."""
    from connector import forgetting

    with exit_codes():
        sync = load(target, configs, env)
        subject, url = forgetting.subject_of(sync, key, user), state_of(sync, state)
        question = f"{forgetting.count(sync, url, subject)} rejects are deleted, and {sync.sync} sends it never again. Forget?"
        if not (yes or confirmed(question)):
            raise ConfigError("nothing was forgotten: nobody said yes", hint="answer y, or add --yes")
        forgetting.forget(sync, url, subject)


@app.command()
def schema(
    shared: Annotated[bool, typer.Option("--shared", help="The schema of connector.yaml.")] = False,
) -> None:
    """Print the JSON Schema of the YAML files, for editors."""
    from connector import commands

    commands.print_schema(shared=shared)


@app.command()
def sandbox(
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="0 takes a free one.")] = 8765,
    store: Annotated[Path | None, typer.Option("--store", help="Keep items in this SQLite file.")] = None,
    key: Annotated[str | None, typer.Option("--key", help="The API key it accepts.")] = None,
    faults: Annotated[str | None, typer.Option("--faults", help="Misbehave: JSON, or a file of it.")] = None,
) -> None:
    """Run a local Track API, to try things on without an account."""
    from connector import commands

    with exit_codes():
        commands.sandbox(commands.SandboxOptions(host, port, store, key, faults))


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("--folder", help="Where the shop is built.")] = Path(".demo"),
) -> None:
    """Build a small shop, sync it into a local Track API, change ten rows, and sync again."""
    from connector.demo import demo as play

    with exit_codes():
        play(folder)
