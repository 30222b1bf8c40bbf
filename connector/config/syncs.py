"""Which syncs a command means, and where their state is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from connector.config.document import SHARED_NAME, Node, read_document
from connector.config.locations import ESCAPES, FILE_DIALECTS, absolute_url, breaks_apart
from connector.config.mistakes import Mistakes
from connector.config.scalars import nearest
from connector.config.variables import Variables
from connector.errors import ConfigError, ConfigErrors
from connector.masking import remember

_SUFFIXES = (".yaml", ".yml")


def find_syncs(
    target: str | None, configs: Path | None = None, *, environ: Mapping[str, str] | None = None
) -> list[Path]:
    """Return the files of the syncs that SYNC names, in order of their names.

    Args:
        target: a file, a folder of syncs, or the name of a sync in the configs folder; None means all of that.
        configs: the folder of syncs; CONNECTOR_CONFIGS or ``configs`` unless given.
        environ: where CONNECTOR_CONFIGS and variables in names come from; the process's own unless given.

    Raises:
        ConfigError: nothing is found, or two syncs of a folder have one name or one id.
    """
    environ = os.environ if environ is None else environ
    folder = configs or Path(environ.get("CONNECTOR_CONFIGS") or "configs")
    if target is None:
        return _all(folder, environ)
    path = Path(target)
    if path.is_file():
        if path.name == SHARED_NAME:
            raise ConfigError(
                "holds shared settings and is no sync", hint="name a sync beside it", file=str(path)
            )
        check_unique(_files(path.parent), environ)
        return [path]
    named = len(path.parts) == 1 and path.suffix not in _SUFFIXES
    if path.is_dir() and (_files(path) or not named):
        return _all(path, environ)
    if not named:
        near = nearest(path.name, [file.name for file in _files(path.parent)])
        raise ConfigError("no such file or folder", hint=near or "check the path", file=target)
    return [_by_name(target, folder, environ)]


def state_url(
    sync_file: Path,
    option: str | None = None,
    environ: Mapping[str, str] | None = None,
    environment: str | None = None,
) -> str:
    """Return the SQLAlchemy URL of a sync's state: ``--state``, CONNECTOR_STATE, or the default.

    The default is ``.connector/state.db`` in the folder of the YAML file, one for each environment
    (``state-staging.db``); relative paths and SQLite URLs resolve from that folder.

    Raises:
        ConfigError: what is given is no URL.
    """
    given = option or (os.environ if environ is None else environ).get("CONNECTOR_STATE")
    name = f"state-{environment}.db" if environment else "state.db"
    given = given or str(Path(".connector") / name)
    return store_url(given, sync_file.parent, "--state" if option else "CONNECTOR_STATE")


def store_url(given: str, folder: Path, name: str) -> str:
    """Return the SQLAlchemy URL of a state store.

    Args:
        given: a URL or a path.
        folder: where relative paths start.
        name: of the option or variable that says it, for messages.

    Raises:
        ConfigError: what is given is no URL, or of neither SQLite nor PostgreSQL.
    """
    from sqlalchemy.engine import URL, make_url
    from sqlalchemy.exc import ArgumentError

    if breaks_apart(given):
        raise ConfigError(f"{name} has two @", hint=ESCAPES)
    try:
        url = make_url(given) if "://" in given else URL.create("sqlite", database=given)
    except (ArgumentError, ValueError):
        raise ConfigError(
            f"{name} is no database URL",
            hint="write a path, sqlite:///path, or postgresql://user:password@host/database",
        ) from None
    if url.get_backend_name() not in (*FILE_DIALECTS[:1], "postgresql"):
        raise ConfigError(
            f"{name} is neither SQLite nor PostgreSQL",
            hint="write a path, sqlite:///path, or postgresql://user:password@host/database",
        )
    remember({str(url.password)} if url.password else ())
    return str(absolute_url(url, folder).render_as_string(hide_password=False))


def _files(folder: Path) -> list[Path]:
    """Return the YAML files of a folder that may be syncs."""
    if not folder.is_dir():
        return []
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix in _SUFFIXES and file.name != SHARED_NAME and file.name[0] != "." and file.is_file()
    )


def _all(folder: Path, environ: Mapping[str, str]) -> list[Path]:
    if not folder.is_dir():
        raise ConfigError(
            "no such folder", hint="name it by --configs or CONNECTOR_CONFIGS", file=str(folder)
        )
    files = _files(folder)
    if not files:
        raise ConfigError(
            "no syncs in this folder", hint="write one sync a file: NAME.yaml", file=str(folder)
        )
    check_unique(files, environ)
    return files


def _by_name(name: str, folder: Path, environ: Mapping[str, str]) -> Path:
    if not folder.is_dir():
        raise ConfigError(
            f"there is no sync {name}: no file of this name, and no such folder of syncs",
            hint="give the path of the YAML file, or name the folder by --configs or CONNECTOR_CONFIGS",
            file=str(folder),
        )
    files = _files(folder)
    found, unreadable = _names(files, "sync", environ)
    check_unique(files, environ)
    if name in found:
        return found[name][0][0]
    hint = nearest(name, found) or f"known: {', '.join(found) or 'none'}"
    if unreadable:
        hint += f"; not readable: {', '.join(file.name for file in unreadable)}"
    raise ConfigError(f"there is no sync {name} in this folder", hint=hint, file=str(folder))


def check_unique(files: Sequence[Path], environ: Mapping[str, str] | None = None) -> None:
    """Refuse two syncs of one name, or of one id: they would share their state and their eventIds.

    Args:
        files: of the syncs; those that cannot be read are told of when they are loaded.
        environ: where variables in names come from; the process's own unless given.

    Raises:
        ConfigErrors: naming both files.
    """
    environ = os.environ if environ is None else environ
    errors: list[ConfigError] = []
    for key in ("sync", "id"):
        for name, places in _names(files, key, environ)[0].items():
            for file, line in places[1:]:
                message = f"{places[0][0]} has the same {'name' if key == 'sync' else 'id'}, {name}"
                if not any(error.file == f"{file}:{line}" for error in errors):
                    errors.append(
                        ConfigError(message, hint="give one of them another", file=f"{file}:{line}", path=key)
                    )
    if errors:
        raise ConfigErrors(errors)


def _names(
    files: Sequence[Path], key: str, environ: Mapping[str, str]
) -> tuple[dict[str, list[tuple[Path, int]]], list[Path]]:
    """Return files and lines by the syncs' names (or ids), and the files that are not readable as YAML."""
    found: dict[str, list[tuple[Path, int]]] = {}
    unreadable: list[Path] = []
    for file in files:
        try:
            root = read_document(file)
        except ConfigError:
            unreadable.append(file)  # told when this file itself is loaded
            continue
        node: Node | None = root.get(key) or root.get("sync")
        if node is not None and isinstance(node.value, str):
            name = Variables(environ, Mistakes()).replace(node)
            found.setdefault(str(name.value), []).append((file, node.line))
    return found, unreadable
