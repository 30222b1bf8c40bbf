"""From a YAML file to a `Sync`: read, merge, replace variables, resolve paths, check; all mistakes at once."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from connector.config.document import Node, Scalar, read_document
from connector.config.locations import resolve
from connector.config.mistakes import Mistakes
from connector.config.models import Sync
from connector.config.rules import check_rules, has_prefix
from connector.config.shared import merge, read_shared
from connector.config.show import secrets_of
from connector.config.source import FILE_SOURCES
from connector.config.variables import Variables
from connector.masking import remember


def load_sync(
    path: Path | str,
    *,
    environment: str | None = None,
    environ: Mapping[str, str] | None = None,
    stand_in: bool = False,
) -> Sync:
    """Read one sync with its shared settings.

    Args:
        path: the sync's YAML file.
        environment: the environment of ``connector.yaml`` to lay over its settings, or None.
        environ: where variables come from; the process's own unless given.
        stand_in: let a made-up value stand in for an unset variable; only for what opens nothing.

    Raises:
        ConfigError: a file cannot be read or is not YAML, or there is no such environment.
        ConfigErrors: everything else that is wrong, all at once, in file order.
    """
    file = Path(path)
    mistakes = Mistakes()
    variables = Variables(os.environ if environ is None else environ, mistakes, stand_in=stand_in)
    root = read_document(file)
    merged = merge(root, read_shared(file, environment, mistakes), variables, mistakes)
    tree = _fill(resolve(variables.replace(merged), mistakes))
    check_rules(tree, mistakes)
    plain = tree.plain() | {"<file>": file, "<environment>": environment}
    sync: Sync | None = None
    try:
        sync = Sync.model_validate(plain, by_alias=True, by_name=False)
    except ValidationError as error:
        mistakes.add_all(error, tree, Sync)
    mistakes.raise_any(root)
    assert sync is not None  # noqa: S101 - a ValidationError is a mistake, and mistakes were raised
    sync._secrets = frozenset(variables.secrets)  # noqa: SLF001 - what show() masks; no key of the YAML
    remember(variables.secrets | secrets_of(sync))
    return sync


def _fill(tree: Node) -> Node:
    """Fill in the defaults that hang on other keys."""
    members = dict(tree.members())
    if "id" not in members and "sync" in members:
        members["id"] = dataclasses.replace(members["sync"], broken=True)  # its mistakes are told once
    source, destination = tree.get("source"), tree.get("destination")
    if source is not None and "mode" not in source.members():
        reads_on = "cursor" in source.members() or source.plain_member("type") in FILE_SOURCES
        members["source"] = _with(source, "mode", "incremental" if reads_on else "full")
    if destination is not None and "auth" not in destination.members():
        key = destination.plain_member("api_key")
        members["destination"] = _with(
            destination, "auth", "header" if isinstance(key, str) and has_prefix(key) else "query"
        )
    return dataclasses.replace(tree, value=members)


def _with(node: Node, key: str, value: Scalar) -> Node:
    """Return a mapping with one member more; anything else as it is."""
    if not isinstance(node.value, dict):
        return node
    return dataclasses.replace(node, value={**node.value, key: dataclasses.replace(node, value=value)})
