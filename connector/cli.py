"""The command line: each command parses, calls one function, and turns an error into its exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.errors import ConfigError, ConnectorError

if TYPE_CHECKING:
    from connector.config.models import Sync

app = typer.Typer(
    name="connector",
    help="Moves rows from databases and Parquet files into the Intempt Track API.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
rejects_app = typer.Typer(help="Look at rows that were rejected, and why.", no_args_is_help=True)
state_app = typer.Typer(help="Look at and change what survives between runs.", no_args_is_help=True)
app.add_typer(rejects_app, name="rejects")
app.add_typer(state_app, name="state")

Target = Annotated[str, typer.Argument(metavar="SYNC", help="A YAML file, or a name looked up in --configs.")]
Targets = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SYNC]...", help="YAML files, folders or names; all of --configs when left out."),
]
Configs = Annotated[
    Path | None,
    typer.Option(
        "--configs", envvar="CONNECTOR_CONFIGS", help="The folder of the YAML files [default: ./configs]."
    ),
]
State = Annotated[
    str | None,
    typer.Option(
        "--state",
        envvar="CONNECTOR_STATE",
        help="The state store's URL [default: .connector/state.db beside the YAML].",
    ),
]
Env = Annotated[str | None, typer.Option("--env", help="An environment of connector.yaml.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Stop after this many rows.")]


def main() -> None:
    """Run the command line; the process ends with the command's exit code."""
    app()


@contextmanager
def exit_codes() -> Iterator[None]:
    """Print a ConnectorError and exit with its code; anything else is a bug and says so."""
    try:
        yield
    except ConnectorError as error:
        from connector import console

        console.fail(error)
        raise typer.Exit(error.exit_code) from None


def _files(targets: list[str] | None, configs: Path | None) -> list[Path]:
    from connector.config.syncs import find_syncs

    found: dict[Path, None] = {}
    names: list[str | None] = [*targets] if targets else [None]
    for target in names:
        found.update(dict.fromkeys(find_syncs(target, configs)))
    return list(found)


def _load(target: str, configs: Path | None, environment: str | None) -> Sync:
    from connector.config.reader import load_sync
    from connector.config.syncs import find_syncs

    found = find_syncs(target, configs)
    if len(found) != 1:
        raise ConfigError(f"{target} holds {len(found)} syncs", hint="name one of them")
    return load_sync(found[0], environment=environment)


def _state(sync: Sync, state: str | None) -> str:
    from connector.config.syncs import state_url

    return state_url(sync.file, state, environment=sync.environment)


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
    json: Json = False,
) -> None:
    """Move what is new from the sources into Track, and account for every row."""
    from connector import commands

    with exit_codes():
        files = _files(targets, configs)
        if dry_run:
            code = commands.dry_run(files, env, state, limit)
        else:
            code = commands.run(files, commands.RunOptions(env, state, limit, json=json))
    raise typer.Exit(code)


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
            _files(targets, configs), checking.Options(env, state, offline=offline, show=show)
        )
    raise typer.Exit(code)


@app.command()
def test(targets: Targets = None, configs: Configs = None, env: Env = None) -> None:
    """Run the `tests:` of the YAML: rows in, items or rejects out. Needs no source."""
    from connector import commands

    with exit_codes():
        code = commands.test(_files(targets, configs), env)
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
        commands.preview(_load(target, configs, env), limit, json=json)


@app.command()
def status(
    targets: Targets = None, configs: Configs = None, state: State = None, env: Env = None, json: Json = False
) -> None:
    """Show each sync's last run, watermark age and rejects."""
    from connector import commands

    with exit_codes():
        commands.status(_files(targets, configs), env, state, json=json)


@rejects_app.command("list")
def rejects_list(
    target: Target, configs: Configs = None, state: State = None, env: Env = None, json: Json = False
) -> None:
    """List rejects by reason, with counts and an example."""
    from connector import commands

    with exit_codes():
        sync = _load(target, configs, env)
        commands.list_rejects(sync, _state(sync, state), json=json)


@rejects_app.command("show")
def rejects_show(
    target: Target,
    event_id: Annotated[str, typer.Argument(help="The eventId of a rejected row, as `list` prints it.")],
    configs: Configs = None,
    state: State = None,
    env: Env = None,
) -> None:
    """Show one reject: the row, the reason and the server's words."""
    from connector import commands

    with exit_codes():
        sync = _load(target, configs, env)
        commands.show_reject(sync, _state(sync, state), event_id)


@state_app.command("show")
def state_show(
    target: Target, configs: Configs = None, state: State = None, env: Env = None, json: Json = False
) -> None:
    """Show a sync's watermark, lease and intents."""
    from connector import commands

    with exit_codes():
        sync = _load(target, configs, env)
        commands.show_state(sync, _state(sync, state), json=json)


@state_app.command("set")
def state_set(
    target: Target,
    watermark: Annotated[
        str, typer.Argument(help="The watermark as JSON, as `state show --json` prints it.")
    ],
    configs: Configs = None,
    state: State = None,
    env: Env = None,
) -> None:
    """Set a sync's watermark by hand."""
    from connector import commands

    with exit_codes():
        sync = _load(target, configs, env)
        commands.set_state(sync, _state(sync, state), watermark)


@state_app.command("reset")
def state_reset(
    target: Target,
    configs: Configs = None,
    state: State = None,
    env: Env = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Forget a sync's watermark: its next run starts from the beginning and sends everything again."""
    from connector import commands

    with exit_codes():
        sync = _load(target, configs, env)
        if not yes:
            typer.confirm(f"The next run of {sync.sync} sends everything again. Reset?", abort=True, err=True)
        commands.reset_state(sync, _state(sync, state))


@state_app.command("rename")
def state_rename(
    target: Target,
    old: Annotated[str, typer.Argument(help="The id that the state was kept under.")],
    configs: Configs = None,
    state: State = None,
    env: Env = None,
) -> None:
    """Give the state kept under another id to this sync."""
    from connector import commands

    with exit_codes():
        sync = _load(target, configs, env)
        commands.rename_state(sync, _state(sync, state), old)


@app.command()
def schema(
    shared: Annotated[bool, typer.Option("--shared", help="The schema of connector.yaml.")] = False,
) -> None:
    """Print the JSON Schema of the YAML files, for editors."""
    from connector import commands

    commands.print_schema(shared=shared)


@app.command()
def sandbox(
    host: Annotated[str, typer.Option("--host")] = "127.0.0.1",
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
