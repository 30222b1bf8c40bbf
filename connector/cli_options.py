"""What the commands have in common: options, errors as exit codes, and finding the syncs that are meant."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.errors import ConfigError, ConnectorError

if TYPE_CHECKING:
    from connector.config.models import Sync

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
        help="The state store's URL or path, or CONNECTOR_STATE [default: .connector/state.db beside the YAML].",
    ),
]
Env = Annotated[str | None, typer.Option("--env", help="An environment of connector.yaml.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Stop after this many rows.")]


@contextmanager
def exit_codes() -> Iterator[None]:
    """Print a ConnectorError and exit with its code; anything else is a bug and says so."""
    try:
        yield
    except ConnectorError as error:
        from connector import console

        console.fail(error)
        raise typer.Exit(error.exit_code) from None


def files_of(targets: list[str] | None, configs: Path | None) -> list[Path]:
    """Return the files of all syncs meant, each once."""
    from connector.config.syncs import find_syncs

    found: dict[Path, None] = {}
    names: list[str | None] = [*targets] if targets else [None]
    for target in names:
        found.update(dict.fromkeys(find_syncs(target, configs)))
    return list(found)


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
