"""What the commands have in common: options, errors as exit codes, and finding the syncs that are meant."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from connector.errors import Bug, ConfigError, ConnectorError, Stopped

if TYPE_CHECKING:
    from connector.config.models import Sync


class Guard(StrEnum):
    """A guard that a person may let pass."""

    DRIFT = "drift"
    RESTORE = "restore"
    DELETES = "deletes"


class Scope(StrEnum):
    """What is sent again."""

    CHANGED = "changed"
    ALL = "all"


Target = Annotated[str, typer.Argument(metavar="SYNC", help="A YAML file, or a name looked up in --configs.")]
Targets = Annotated[
    list[str] | None,
    typer.Argument(metavar="SYNC", help="YAML files, folders or names; all of --configs when left out."),
]
Configs = Annotated[
    Path | None,
    typer.Option(
        "--configs", envvar="CONNECTOR_CONFIGS", help="The folder of the YAML files (default: ./configs)."
    ),
]
State = Annotated[
    str | None,
    typer.Option(
        "--state",
        help="The state store's URL or path, or CONNECTOR_STATE (default: .connector/state.db beside the YAML).",
    ),
]
Env = Annotated[str | None, typer.Option("--env", help="An environment of connector.yaml.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Wait = Annotated[
    bool, typer.Option("--wait", help="Wait while another process runs the sync, instead of ending with 3.")
]
Accept = Annotated[
    list[Guard] | None,
    typer.Option(
        "--accept",
        metavar="WHAT",
        help="Let a guard pass for once, after a look: drift (changed columns), restore (a restored source) or deletes (many of them); repeatable.",
    ),
]
Adopt = Annotated[
    bool, typer.Option("--adopt", help="Let the state belong to the destination as it is configured now.")
]
Resend = Annotated[
    Scope | None,
    typer.Option(
        "--resend",
        help="Read the rows up to the watermark again, and send those whose items have changed, or all; then what is new.",
    ),
]
Keys = Annotated[
    list[str] | None,
    typer.Option(
        "--key",
        metavar="KEY",
        help="Send only the row with this key, again; a composite key is a JSON array. Repeatable.",
    ),
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Stop after this many rows.")]

_debug = ContextVar("debug", default=False)


@contextmanager
def exit_codes() -> Iterator[None]:
    """Print why a command failed and exit with the code of it; what nobody foresaw is a bug, and 1.

    The words of such an error may hold values of rows: only --debug shows them.
    """
    try:
        yield
    except (typer.Exit, typer.Abort):
        raise
    except KeyboardInterrupt:
        _fail(Stopped(hint=""))
    except ConnectorError as error:
        _fail(error)
    except Exception as error:  # noqa: BLE001 - the last place to say it in words
        bug = Bug(
            f"a mistake of the program ({type(error).__name__})",
            hint="please report it, with what `connector --debug COMMAND` prints (it may hold values of rows)",
        )
        bug.__cause__ = error
        _fail(bug)


def _fail(error: ConnectorError) -> NoReturn:
    from connector import console

    console.fail(error)
    if debugging():
        console.trace(error)
    raise typer.Exit(error.exit_code) from None


def set_debugging(on: bool) -> None:
    """Show from here on where in the program errors arise."""
    _debug.set(on)


def debugging() -> bool:
    """Whether the command line began with --debug."""
    return _debug.get()


def files_of(targets: list[str] | None, configs: Path | None) -> list[Path]:
    """Return the files of all syncs meant, each once, however often and in whatever spelling it is named.

    Raises:
        ConfigError: one of them is not found, or two have one name or one id.
    """
    from connector.config.syncs import check_unique, find_syncs

    found: dict[Path, Path] = {}
    names: list[str | None] = [*targets] if targets else [None]
    for target in names:
        for file in find_syncs(target, configs):
            found.setdefault(file.resolve(), file)
    files = list(found.values())
    check_unique(files)  # they may come from several folders
    return files


def load(target: str, configs: Path | None, environment: str | None) -> Sync:
    """Return the one sync that is meant."""
    from connector.config.reader import load_sync
    from connector.config.syncs import find_syncs

    found = find_syncs(target, configs)
    if len(found) != 1:
        raise ConfigError(f"{target} holds {len(found)} syncs", hint="name one of them")
    return load_sync(found[0], environment=environment)


def state_of(sync: Sync, state: str | None) -> str:
    """Return the URL of a sync's state store."""
    from connector.config.syncs import state_url

    return state_url(sync.file, state, environment=sync.environment)


def confirmed(question: str) -> bool:
    """Ask on the terminal; nobody there to answer is a no."""
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:
        typer.echo(err=True)
        return False
