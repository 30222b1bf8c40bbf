"""Addresses and paths of a configuration, resolved from the folder of the file they are written in."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from connector.config.document import Node
from connector.config.mistakes import Mistakes
from connector.config.scalars import nearest
from connector.config.source import UrlParts

# Databases in one file: a relative name in their URL is a path.
FILE_DIALECTS = ("sqlite", "duckdb")
_DIALECTS = ("postgresql", "mysql", "mariadb", "sqlite", "duckdb", "oracle", "mssql")
ESCAPES = "write an @ in the password as %40, a / as %2F, a # as %23 and a ? as %3F"
_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def resolve(sync: Node, mistakes: Mistakes) -> Node:
    """Return the merged sync with absolute paths, and its source's URL as one text."""
    resolvers = {
        ("source", "url"): _url,
        ("source", "path"): _path,
        ("source", "catalog"): _catalog,
        ("destination", "ca_file"): _path,
    }
    for (section, key), resolver in resolvers.items():
        node = sync.get(section, key)
        if node is None or node.broken or any(child.broken for child in node.walk()):
            if node is not None:
                sync = _put(sync, section, key, dataclasses.replace(node, value="", broken=True))
            continue
        resolved = resolver(node, mistakes)
        if resolved is not node:
            sync = _put(sync, section, key, resolved)
    return sync


def absolute(text: str, folder: Path) -> str:
    """Return a path as seen from a folder; addresses such as ``s3://`` stay as they are."""
    if _REMOTE.match(text):
        return text
    return str(folder.absolute() / Path(text).expanduser())


def absolute_url(url: Any, folder: Path) -> Any:
    """Return an SQLAlchemy URL whose database, where it is a file, is an absolute path."""
    name = url.database
    if (
        url.get_backend_name() not in FILE_DIALECTS
        or not name
        or name == ":memory:"
        or name.startswith(("file:", "md:"))
    ):
        return url
    return url.set(database=absolute(name, folder))


def breaks_apart(text: str) -> bool:
    """Whether an @ in the password of a URL ends it early: pieces of it would be taken for the host and shown.

    A user's name may hold one, and so may a path.
    """
    user, colon, rest = text.partition("://")[2].partition(":")
    return bool(colon) and "/" not in user and rest.count("@") > 1


def _put(sync: Node, section: str, key: str, value: Node) -> Node:
    part = sync.members()[section]
    part = dataclasses.replace(part, value={**part.members(), key: value})
    return dataclasses.replace(sync, value={**sync.members(), section: part})


def _path(node: Node, _: Mistakes) -> Node:
    if not isinstance(node.value, str) or not node.value.strip() or node.value == "none":
        return node
    return dataclasses.replace(node, value=absolute(node.value, node.file.parent))


def _catalog(node: Node, _: Mistakes) -> Node:
    """Return a catalog's properties with absolute paths, in the one that is a database's URL too."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    if not isinstance(node.value, dict):
        return node
    found = dict(node.value)
    for name in ("uri", "warehouse"):
        each = found.get(name)
        if each is None or not isinstance(each.value, str) or not each.value.strip():
            continue
        if name == "warehouse":
            found[name] = dataclasses.replace(each, value=absolute(each.value, each.file.parent))
        elif each.value.startswith(FILE_DIALECTS):
            with contextlib.suppress(ArgumentError, ValueError):
                url = absolute_url(make_url(each.value), each.file.parent)
                found[name] = dataclasses.replace(each, value=url.render_as_string(hide_password=False))
    return dataclasses.replace(node, value=found)


def _url(node: Node, mistakes: Mistakes) -> Node:
    """Return the URL as text; what is wrong with it is noted here, without a word of its content."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    broken = dataclasses.replace(node, value="", broken=True)
    if isinstance(node.value, dict):
        url = _from_parts(node, mistakes)
    elif isinstance(node.value, str) and node.value.strip():
        if breaks_apart(node.value):
            mistakes.add(node, "has two @", f"{ESCAPES}, or the URL as a mapping of its parts")
            return broken
        try:
            url = make_url(node.value.strip())
        except (ArgumentError, ValueError):
            mistakes.add(
                node, "is no database URL", "write driver://user:password@host:port/database, or a mapping"
            )
            return broken
    else:
        return node
    if url is None or not _known(url, node, mistakes):
        return broken
    resolved = absolute_url(url, node.file.parent)
    if resolved is url and isinstance(node.value, str):
        return dataclasses.replace(node, value=node.value.strip())
    return dataclasses.replace(node, value=resolved.render_as_string(hide_password=False), hidden=True)


def _from_parts(node: Node, mistakes: Mistakes) -> Any:
    from sqlalchemy.engine import URL

    try:
        parts = UrlParts.model_validate(node.plain(), by_alias=True, by_name=False)
    except ValidationError as error:
        mistakes.add_all(error, node, UrlParts)
        return None
    return URL.create(
        parts.driver,
        username=parts.user,
        password=parts.password.get_secret_value() if parts.password is not None else None,
        host=parts.host,
        port=parts.port,
        database=parts.database,
        query=parts.options,
    )


def _known(url: Any, node: Node, mistakes: Mistakes) -> bool:
    """Check what a URL tells by itself: its dialect, and a password that broke it apart."""
    dialect = url.get_backend_name()
    if url.host and "@" in url.host + (url.database or ""):
        mistakes.add(
            node,
            "has two @",
            f"{ESCAPES}, or the URL as a mapping of its parts",
        )
        return False
    if dialect in _DIALECTS:
        return True
    installed = {each.name.split(".")[0] for each in entry_points(group="sqlalchemy.dialects")}
    if dialect in installed:
        return True
    hint = nearest(dialect, [*_DIALECTS, *installed]) or "install the package that brings it"
    # A text that is no URL at all may be a secret: a dialect is a short word.
    name = f" {dialect}" if re.fullmatch(r"[a-z][a-z0-9_]{0,19}", dialect) else ""
    mistakes.add(node, f"there is no database dialect{name} here", hint)
    return False
