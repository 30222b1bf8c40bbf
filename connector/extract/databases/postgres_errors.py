"""What PostgreSQL's driver raises, in this program's words: driver texts quote statements and values of rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
from sqlalchemy.engine import URL

from connector.errors import (
    ConfigError,
    ConnectorError,
    CredentialsError,
    DataError,
    SourceError,
    Stopped,
)
from connector.extract.quotations import without_values

_SERVER = re.compile(r"(?:ERROR|FATAL|PANIC):\s+([^\n]*)")
# Words that quote nothing.
_ENDED = re.compile(r"(?:canceling|terminating|server closed|the database system is)[^\n\"]*")
_CONNECTION = {
    "password authentication failed": "The server refuses the password.",
    "no password supplied": "The server asks for a password.",
    "no pg_hba.conf entry": "The server does not let this user in from here.",
    "authentication failed": "The server refuses the user.",
}


@contextmanager
def translated(url: URL) -> Iterator[None]:
    """Turn what the driver raises into ConnectorErrors."""
    import adbc_driver_manager as adbc

    try:
        yield
    except (adbc.Error, pa.ArrowException, OSError) as error:
        raise translate(error, url) from None


def translate(error: BaseException, url: URL) -> ConnectorError:
    """Turn one error of the driver into ours."""
    text = str(error)
    state = getattr(error, "sqlstate", None) or _state_in(text)
    server = _SERVER.search(text)
    said = without_values(server[1]).rstrip(".") if server else ""
    return (
        _refused(text, state, said, url)
        or _statement_error(state, said)
        or (Stopped("Reading was stopped.") if "cancel" in text.lower() and not server else None)
        or _unreachable(text, state, said, url)
    )


def _refused(text: str, state: str, said: str, url: URL) -> ConnectorError | None:
    if state.startswith("28") or any(words in text for words in _CONNECTION):
        words = next(
            (ours for theirs, ours in _CONNECTION.items() if theirs in text), "The server refuses the user."
        )
        return CredentialsError(words, hint="check the user and the password of source.url")
    if state == "3D000" or re.search(r'database "[^"]*" does not exist', text):
        return ConfigError(
            f"There is no database {url.database!r}.", hint="check source.url", path="source.url"
        )
    if re.search(r'role "[^"]*" does not exist', text):
        return CredentialsError("The server does not know the user.", hint="check the user of source.url")
    if state == "42501":
        return CredentialsError(f"The server refuses to read: {said}.", hint="grant select to this user")
    return None


def _statement_error(state: str, said: str) -> ConnectorError | None:
    hint = "check source.table, query, where and cursor"
    if state == "57014":
        return SourceError(
            f"The server ended the statement: {said}.", hint="raise statement_timeout for this user"
        )
    if state.startswith("42"):
        return ConfigError(f"The server refuses the statement: {said}.", hint=hint)
    # How arrays that do not fit into Arrow's lists are refused; while rows arrive the driver gives no state.
    if state == "22000" or "one-dimensional array" in said:
        return DataError(
            "An array has several dimensions.", hint="select it as JSON in source.query: to_jsonb(column)"
        )
    if state.startswith("22"):  # the server's words quote the value
        return SourceError(f"A value in the source broke the statement (SQLSTATE {state}).", hint=hint)
    return None


def _unreachable(text: str, state: str, said: str, url: URL) -> ConnectorError:
    where = f"{url.host or url.query.get('host', 'the local socket')}" + (f":{url.port}" if url.port else "")
    if ended := _ENDED.search(text):
        hint = "raise statement_timeout for this user" if "statement timeout" in ended[0] else "run again"
        return SourceError(f"The server at {where} ended the statement: {ended[0].rstrip('.')}.", hint=hint)
    if said or state:  # while rows arrive there is no SQLSTATE, and the server's words may quote a value
        code = f" (SQLSTATE {state})" if state else ""
        return SourceError(
            f"The server at {where} ended the statement{code}.", hint="run the statement by hand"
        )
    if "invalid connection option" in text or "invalid URI" in text:
        return ConfigError(
            "source.url holds an option that PostgreSQL does not know.", hint="correct it", path="source.url"
        )
    if "could not translate host name" in text:
        return SourceError(f"There is no host {url.host}.", hint="check source.url and the network")
    reason = next(
        (words for words in ("Connection refused", "timeout expired", "No such file") if words in text), ""
    )
    return SourceError(
        f"Cannot reach PostgreSQL at {where}{': ' + reason if reason else ''}.",
        hint="check that it runs, and that this machine may connect",
    )


def _state_in(text: str) -> str:
    found = re.search(r"SQLSTATE: (\w{5})", text)
    return found[1] if found else ""
