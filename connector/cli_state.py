"""The commands over what survives between runs: ``connector rejects …`` and ``connector state …``."""

from __future__ import annotations

from typing import Annotated

import typer

from connector.cli_options import Configs, Env, Json, State, Target, exit_codes, load, state_of
from connector.errors import ConfigError

rejects_app = typer.Typer(help="Look at rows that were rejected, and why.", no_args_is_help=True)
state_app = typer.Typer(help="Look at and change what survives between runs.", no_args_is_help=True)


@rejects_app.command("list")
def rejects_list(
    target: Target, configs: Configs = None, state: State = None, env: Env = None, json: Json = False
) -> None:
    """List rejects by reason, with counts and an example."""
    from connector import commands

    with exit_codes():
        sync = load(target, configs, env)
        commands.list_rejects(sync, state_of(sync, state), json=json)


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
        sync = load(target, configs, env)
        commands.show_reject(sync, state_of(sync, state), event_id)


@state_app.command("show")
def state_show(
    target: Target, configs: Configs = None, state: State = None, env: Env = None, json: Json = False
) -> None:
    """Show how far a sync has come: its watermark."""
    from connector import commands

    with exit_codes():
        sync = load(target, configs, env)
        commands.show_state(sync, state_of(sync, state), json=json)


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
        sync = load(target, configs, env)
        commands.set_state(sync, state_of(sync, state), watermark)


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
        sync = load(target, configs, env)
        if not (yes or _confirmed(f"The next run of {sync.sync} sends everything again. Reset?")):
            raise ConfigError(f"{sync.sync} was not reset: nobody said yes", hint="answer y, or add --yes")
        commands.reset_state(sync, state_of(sync, state))


def _confirmed(question: str) -> bool:
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:  # nobody there to answer
        typer.echo(err=True)
        return False


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
        sync = load(target, configs, env)
        commands.rename_state(sync, state_of(sync, state), old)
