"""A sync as YAML again: merged, with its defaults filled in and its secrets masked."""

from __future__ import annotations

import datetime as dt
import io
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import SecretStr
from ruamel.yaml import YAML

from connector.config.mistakes import keys_of
from connector.config.models import (
    Column,
    DatabaseSource,
    DeltaSource,
    IcebergSource,
    ListOf,
    Model,
    Object,
    ParquetSource,
    Rejects,
    SourceSettings,
    Sync,
)
from connector.config.values import WORDS
from connector.masking import MASK, passwords

# Shares are written with their sign, so that 5 % and 5 are not taken for each other.
_SHARES = {(SourceSettings, "delete_guard"), (Rejects, "max")}
_SECRET_OPTION = re.compile(r"key|secret|token|passw|pwd|credential", re.IGNORECASE)
_FIRST = ("sync", "id", "type", "url", "table", "query", "path", "kind")


def show(sync: Sync) -> str:
    """Return the YAML that says the same as a sync's file, its shared settings and its variables together.

    Secrets stand as ``***``: keys and passwords, and every variable whose name or file makes it one.
    """
    tree = {key: _masked(part, sync) for key, part in _model(sync).items()}
    if isinstance(sync.source, DatabaseSource):
        tree["source"]["url"] = masked_url(sync.source.url.get_secret_value())
    yaml = YAML(pure=True)
    yaml.width = 4096
    text = io.StringIO()
    yaml.dump(tree, text)
    where = f"# {sync.file}" + (f", environment {sync.environment}" if sync.environment else "")
    return f"{where}\n{text.getvalue()}"


def secrets_of(sync: Sync) -> set[str]:
    """Return the key, the passwords and the secret options that stand in a sync, beside those of its variables."""
    key = sync.destination.api_key.get_secret_value()
    found = {key, key.strip().partition(".")[2]}
    if isinstance(sync.source, DatabaseSource):
        found |= secrets_of_url(sync.source.url.get_secret_value())
    elif isinstance(sync.source, (ParquetSource, DeltaSource)) and "://" in sync.source.path:
        options = parse_qsl(urlsplit(sync.source.path).query)
        found |= passwords(sync.source.path)
        found |= {value for name, value in options if _SECRET_OPTION.search(name)}
    elif isinstance(sync.source, IcebergSource) and not isinstance(sync.source.catalog, str):
        for name, value in sync.source.catalog.items():
            found |= passwords(value) | ({value} if _SECRET_OPTION.search(name) else set())
    return found - {""}


def secrets_of_url(text: str) -> set[str]:
    """Return the password of a database's URL, and the options of it that hold credentials."""
    from sqlalchemy.engine import make_url

    url = make_url(text)
    options = (url.query[name] for name in url.query if _SECRET_OPTION.search(name))
    each = [text for option in options for text in ([option] if isinstance(option, str) else option)]
    return {str(url.password or ""), *each} - {""}


def masked_url(text: str) -> str:
    """Return a database URL without its password and without options that hold credentials."""
    from sqlalchemy.engine import make_url

    url = make_url(text)
    options = {key: MASK if _SECRET_OPTION.search(key) else value for key, value in url.query.items()}
    shown = url.set(query=options).render_as_string(hide_password=True)
    return shown.replace("%2A%2A%2A", MASK)


def duration_text(value: dt.timedelta) -> str | int:
    """Return a duration as it is written: its number in the largest unit that leaves no fraction."""
    milliseconds = value // dt.timedelta(milliseconds=1)
    if milliseconds == 0:
        return 0
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"


def _model(model: Model) -> dict[str, Any]:
    """Return a model by the keys of the YAML; what is not there is left out."""
    shown: dict[str, Any] = {}
    for name, field in type(model).model_fields.items():
        key, value = field.alias or name, getattr(model, name)
        if key == "<fields>":
            shown |= {each: _plain(member) for each, member in value.items()}
        elif key[0] != "<" and value is not None:
            share = any(isinstance(model, owner) and name == each for owner, each in _SHARES)
            shown[key] = f"{value * 100:.12g}%" if share else _section(value, constant=key == "event")
    first = {key: shown[key] for key in _FIRST if key in shown}
    return first | shown


def _section(value: Any, *, constant: bool) -> Any:
    """Return a field of a model: there an object may have members of any name, and a text may be a constant."""
    if isinstance(value, Column) and constant:
        return _form(value)
    return _members(value) if isinstance(value, Object) else _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Column) and value.type is None and value.default is None and value.hash is None:
        return value.column
    if isinstance(value, Object):
        members = _members(value)
        return {"object": members} if set(WORDS) & members.keys() else members
    if isinstance(value, ListOf):
        return {"list": [_plain(each) for each in value.elements]}
    if isinstance(value, Model):
        return _form(value)
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return (
        {str(key): _plain(each) for key, each in value.items()} if isinstance(value, dict) else _scalar(value)
    )


def _scalar(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return MASK
    if isinstance(value, dt.timedelta):
        return duration_text(value)
    # A literal ${ must not become a variable when this is read again.
    return str(value).replace("${", "$${") if isinstance(value, (str, Path)) else value


def _form(value: Model) -> dict[str, Any]:
    shown = _model(value)
    if "value" in keys_of(type(value)):
        shown.setdefault("value", None)
    return shown


def _members(value: Object) -> dict[str, Any]:
    rest: dict[str, Any] = {"*": True} if value.rest else {}
    left_out = dict.fromkeys(sorted(value.without), False)
    return rest | left_out | {name: _plain(member) for name, member in value.members.items()}


def _masked(value: Any, sync: Sync) -> Any:
    """Return a part of the shown tree without the texts of secret variables."""
    if isinstance(value, dict):
        return {key: _masked(each, sync) for key, each in value.items()}
    if isinstance(value, list):
        return [_masked(each, sync) for each in value]
    if isinstance(value, str):
        for secret in sorted(sync._secrets | secrets_of(sync), key=len, reverse=True):  # noqa: SLF001 - kept for this alone
            value = value.replace(secret, MASK)
    return value


__all__ = ["MASK", "duration_text", "masked_url", "secrets_of", "secrets_of_url", "show"]
