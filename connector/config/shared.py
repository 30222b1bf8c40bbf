"""``connector.yaml``: sources, destinations and defaults that syncs share, and the environments over them.

From weakest to strongest: ``defaults``, the source or destination that ``use`` names, the sync's own keys; an
environment lies over the ``connector.yaml`` it stands in. Mappings are merged key by key, all else is replaced.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from connector.config.document import SHARED_NAME, Node, read_document
from connector.config.mistakes import Mistakes
from connector.config.scalars import nearest
from connector.config.variables import Variables
from connector.errors import ConfigError

SECTIONS = ("sources", "destinations", "defaults", "environments")
# What a sync cannot share, or it would not be its own.
OWN_KEYS = ("sync", "id", "tests")
# What every mapping of a sync may take from the defaults.
MAPPING_DEFAULTS = ("events", "identity", "nulls", "ordered")

# Of these a stronger layer's one replaces a weaker layer's other.
_EXCLUSIVE = ({"table", "query"}, {"every", "cron"})


def find_shared(sync_file: Path) -> Path | None:
    """Return the nearest ``connector.yaml`` in the folder of a sync or above."""
    beside = sync_file.parent / SHARED_NAME
    if beside.is_file():
        return beside
    return next((f / SHARED_NAME for f in sync_file.absolute().parents if (f / SHARED_NAME).is_file()), None)


def read_shared(sync_file: Path, environment: str | None, mistakes: Mistakes) -> Node | None:
    """Read the shared settings of a sync with its environment laid over them.

    Raises:
        ConfigError: the file cannot be read, or there is no such environment.
    """
    file = find_shared(sync_file)
    if file is None:
        if environment is not None:
            raise ConfigError(
                f"there is no environment {environment}: no {SHARED_NAME} in the folder of the sync or above",
                hint=f"write {SHARED_NAME} with `environments: {{{environment}: ...}}`, or leave out --env",
                file=str(sync_file),
            )
        return None
    root = read_document(file)
    _check(root, SECTIONS, mistakes)
    environments = root.members().get("environments")
    chosen = _environment(root, environments, environment) if environment is not None else None
    if chosen is not None:
        _check(chosen, SECTIONS[:-1], mistakes)
        root = over(root, chosen)
    return root


def merge(sync: Node, shared: Node | None, variables: Variables, mistakes: Mistakes) -> Node:
    """Return the sync with the shared settings below its own keys and no ``use`` left."""
    defaults = shared.get("defaults") if shared is not None else None
    members = {k: v for k, v in defaults.members().items() if k != "mapping"} if defaults is not None else {}
    for key in OWN_KEYS:
        if key in members:
            mistakes.add(members.pop(key), f"{key} is each sync's own", "write it in the sync's file")
    layers = Node(members, sync.file, sync.path, sync.line)
    merged = over(layers, sync).members()
    for key, section in (("source", "sources"), ("destination", "destinations")):
        used = _used(key, section, sync, shared, (variables, mistakes))
        if used is not None:
            below = over(layers.get(key), used)
            own = sync.get(key)
            merged[key] = over(below, own) if own is not None else dataclasses.replace(below, line=used.line)
        if key in merged and "use" in merged[key].members():
            rest = {k: v for k, v in merged[key].members().items() if k != "use"}
            broken = merged[key].broken or used is None
            merged[key] = dataclasses.replace(merged[key], value=rest, broken=broken)
    mapping = defaults.get("mapping") if defaults is not None else None
    if mapping is not None and "mapping" in merged:
        _check(mapping, MAPPING_DEFAULTS, mistakes)
        merged["mapping"] = _mappings(mapping, merged["mapping"])
    return dataclasses.replace(sync, value=merged)


def over(lower: Node | None, upper: Node) -> Node:
    """Lay one node over another: members are merged at every depth, all else is replaced."""
    if lower is None or not isinstance(lower.value, dict) or not isinstance(upper.value, dict):
        return upper
    members = dict(lower.value)
    for group in _EXCLUSIVE:
        if group & upper.value.keys():
            members = {key: child for key, child in members.items() if key not in group}
    for key, child in upper.value.items():
        members[key] = over(members.get(key), child)
    return dataclasses.replace(upper, value=members)


def _used(
    key: str, section: str, sync: Node, shared: Node | None, tools: tuple[Variables, Mistakes]
) -> Node | None:
    """Return the shared source or destination that a sync uses, or None."""
    variables, mistakes = tools
    name = sync.get(key, "use")
    if name is None and sync.get(key, "type") is None and shared is not None:
        name = shared.get("defaults", key, "use")
    if name is None:
        return None
    name = variables.replace(name)
    known = shared.get(section) if shared is not None else None
    if not isinstance(name.value, str):
        mistakes.add(name, f"expected the name of one of {section}", "write `use: NAME`")
    elif shared is None:
        mistakes.add(
            name, f"there is no {SHARED_NAME} in this folder or above", f"write one with `{section}:`"
        )
    elif known is None or name.value not in known.members():
        names = list(known.members()) if known is not None else []
        hint = nearest(name.value, names) or f"{shared.file} has: {', '.join(names) or 'none'}"
        mistakes.add(name, f"{shared.file} has no such name under {section}", hint)
    else:
        return known.members()[name.value]
    return None


def _environment(root: Node, environments: Node | None, name: str) -> Node:
    names = list(environments.members()) if environments is not None else []
    if environments is None or name not in names:
        raise ConfigError(
            f"there is no environment {name}",
            hint=nearest(name, names) or f"known: {', '.join(names) or 'none'}",
            file=f"{root.file}:{environments.line if environments is not None else 1}",
            path="environments",
        )
    return environments.members()[name]


def _check(node: Node, known: tuple[str, ...], mistakes: Mistakes) -> None:
    """Note unknown keys, and sections that are no mappings."""
    if not isinstance(node.value, dict):
        mistakes.add(node, "expected a mapping of keys", f"known here: {', '.join(known)}")
    for key, child in node.members().items():
        if key not in known:
            mistakes.add(child, "unknown key", nearest(key, known) or f"known here: {', '.join(known)}")
        elif key in SECTIONS and child.value is not None and not isinstance(child.value, dict):
            mistakes.add(child, "expected a mapping of names", "write `NAME:` and its settings below")


def _mappings(defaults: Node, mapping: Node) -> Node:
    if isinstance(mapping.value, list):
        return dataclasses.replace(mapping, value=[over(defaults, each) for each in mapping.value])
    return over(defaults, mapping)
