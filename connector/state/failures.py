"""What the databases below say, as errors a person can act on.

The words of a database are passed on only where they cannot quote a value: watermarks, keys and rows are
personal data. So the error code stands in the message and the original is not chained.
"""

from __future__ import annotations

import re
import sqlite3

import sqlalchemy as sa

from connector.errors import ConnectorError, CredentialsError, StateError

# SQLite's primary result code -> what happened, what to do.
_SQLITE: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_BUSY: ("is locked by another process", "wait for it, or end it if it hangs"),
    sqlite3.SQLITE_LOCKED: ("is locked by another process", "wait for it, or end it if it hangs"),
    sqlite3.SQLITE_READONLY: ("cannot be written", "check the permissions of the file and of its folder"),
    sqlite3.SQLITE_PERM: ("cannot be opened", "check the permissions of the file and of its folder"),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", "check that its folder exists and may be written to"),
    sqlite3.SQLITE_FULL: ("cannot grow: the disk is full", "make room and run again; nothing is lost"),
    sqlite3.SQLITE_IOERR: (
        "cannot be read or written",
        "check that the disk works and has room, then run again; nothing is lost",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "is damaged",
        "restore a copy of the file, or move it away and give `state set` the last watermark known",
    ),
    sqlite3.SQLITE_NOTADB: (
        "is not an SQLite database",
        "check --state (or CONNECTOR_STATE): the file was left as it is",
    ),
}

# SQLSTATE (or its class) -> what happened, what to do.
_POSTGRESQL: dict[str, tuple[str, str]] = {
    "53100": ("has no room left on its disk", "make room and run again; nothing is lost"),
    "53300": ("takes no more connections", "raise max_connections or run fewer syncs at once"),
    "55P03": ("is locked by another session", "look for a session that hangs in pg_stat_activity"),
    "25006": ("is read-only", "give the URL of the primary server"),
    "42501": ("denies a right", "grant this user CREATE on the schema and all rights on its tables"),
    "3D000": ("does not exist", "create the database, or correct the name in the URL"),
    "57": ("was shut down by its operator", "run again once it is back; nothing is lost"),
    "08": ("cannot be reached", "check host and port, and that the server is up"),
}

# What PostgreSQL says before it knows who asks: the only errors without an SQLSTATE.
_REFUSALS = re.compile(
    r"authentication failed|no password supplied|not permitted to log in|no pg_hba\.conf entry|role \".*\" does not exist"
)


def collided(error: sa.exc.DBAPIError) -> bool:
    """Tell whether PostgreSQL has rolled a transaction back for the sake of another: it may be tried again."""
    return getattr(error.orig, "sqlstate", None) in ("40001", "40P01")


def translated(error: sa.exc.DBAPIError, where: str, *, writer: str = "") -> ConnectorError:
    """Return the error to raise for one of the database's.

    Args:
        error: what SQLAlchemy raised.
        where: the store, without its password.
        writer: who is writing now, where that is known to be in the way.
    """
    original = error.orig
    if isinstance(original, sqlite3.Error):
        return from_sqlite(original, where, writer=writer)
    return _from_postgresql(original, where)


def from_sqlite(error: sqlite3.Error, where: str, *, writer: str = "") -> StateError:
    """Return the error to raise for one of SQLite's; the arguments are those of `translated`."""
    code = getattr(error, "sqlite_errorcode", 0)
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    what, hint = _SQLITE.get(code & 0xFF, ("failed", "run again; if it stays, report it with this code"))
    if writer and code & 0xFF == sqlite3.SQLITE_BUSY:
        what, hint = f"is locked; {writer}", "wait for that process, or end it if it hangs"
    return StateError(f"{where} {what} ({name})", hint=hint)


def _from_postgresql(error: BaseException | None, where: str) -> ConnectorError:
    state = getattr(error, "sqlstate", None) or ""
    if not state:
        return _unconnected(str(error), where)
    if state.startswith("28"):
        return _refused(where)
    what, hint = _POSTGRESQL.get(state) or _POSTGRESQL.get(
        state[:2], ("failed", "run again; if it stays, report it with this code")
    )
    return StateError(f"{where} {what} ({type(error).__name__}, SQLSTATE {state})", hint=hint)


def _unconnected(words: str, where: str) -> ConnectorError:
    """An attempt to connect has no SQLSTATE, but its words name only host, port, user and database."""
    if _REFUSALS.search(words):
        return _refused(where)
    if "does not exist" in words:
        what, hint = _POSTGRESQL["3D000"]
        return StateError(f"{where} {what}", hint=hint)
    what, hint = _POSTGRESQL["08"]
    return StateError(f"{where} {what}: {' '.join(words.split())[:300]}", hint=hint)


def _refused(where: str) -> CredentialsError:
    return CredentialsError(
        f"{where} refuses the user or the password", hint="correct the URL in --state or CONNECTOR_STATE"
    )
