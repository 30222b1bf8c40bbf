"""Where accepted items live: SQLite, durable before the answer, exact to the digit.

A request is taken in as one row (`inbox`), the cheapest durable act, and unpacked into `items` when
somebody asks. An accepted request survives the death of the process; a power cut may take the last ones.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from connector.errors import ConfigError, StateError
from connector.sandbox.envelope import cut
from connector.sandbox.rules import LATEST_MS

_APPLICATION_ID = 0x7AC5B0C5
_PRAGMAS = (
    "page_size = 32768",  # a request's body is one row: large pages take it in half the time
    f"application_id = {_APPLICATION_ID}",
    "journal_mode = wal",
    "synchronous = normal",
    "secure_delete = on",  # forgotten rows leave no copy in free pages
)
_SCHEMA = """
create table if not exists inbox(
  arrival integer primary key, request integer not null, received integer not null, body blob not null);
create table if not exists items(
  seq integer primary key, request integer not null, received integer not null, event text not null,
  eventId text, profileId text, userId text, accountId text, productId text, timestamp integer, raw text not null);
"""
COLUMNS = (
    "seq",
    "request",
    "received",
    "event",
    "eventId",
    "profileId",
    "userId",
    "accountId",
    "productId",
    "timestamp",
    "raw",
)
FILTERS = ("request", "event", "eventId", "profileId", "userId", "accountId", "productId")


class Store:
    """The items of one sandbox.

    Args:
        path: the SQLite file, or None for memory.

    Raises:
        ConfigError: the file is another program's database.
        StateError: the file cannot be opened, or another sandbox holds it.
    """

    def __init__(self, path: Path | None) -> None:
        try:
            self._db = sqlite3.connect(path or ":memory:", isolation_level=None, timeout=0.2)
            self._open(path)
        except sqlite3.Error as error:
            raise StateError(
                f"cannot open the sandbox's store {path}: {error}",
                hint="is another sandbox running on it, is the folder there, and is it a store of the sandbox?",
            ) from None

    def _open(self, path: Path | None) -> None:
        self._db.execute("pragma locking_mode = exclusive")  # one sandbox a file
        owner = self._db.execute("pragma application_id").fetchone()[0]
        tables = self._db.execute("select count(*) from sqlite_master").fetchone()[0]
        if tables and owner != _APPLICATION_ID:
            raise ConfigError(
                f"{path} is not a store of the sandbox", hint="give a path that does not exist yet"
            )
        for pragma in _PRAGMAS:
            self._db.execute(f"pragma {pragma}")
        self._db.executescript(_SCHEMA)

    def last_request(self) -> int:
        """Return the highest request number stored, 0 for none."""
        row = self._db.execute(
            "select max(coalesce((select max(request) from inbox), 0), coalesce((select max(request) from items), 0))"
        ).fetchone()
        return int(row[0])

    def accept(self, request: int, received: int, body: bytes) -> None:
        """Make a request's items durable.

        Args:
            request: the request's number.
            received: server's clock, epoch milliseconds.
            body: the body, already checked against all rules.

        Raises:
            sqlite3.Error: they are not (a full disk).
        """
        self._db.execute(
            "insert into inbox(request, received, body) values (?, ?, ?)", (request, received, body)
        )

    def unpack(self, requests: int) -> bool:
        """Move up to `requests` requests from the inbox to the items; return whether more are waiting."""
        waiting = self._db.execute("select * from inbox order by arrival limit ?", (requests,)).fetchall()
        if not waiting:
            return False
        with self._transaction():
            for arrival, request, received, body in waiting:
                self._db.executemany(
                    f"insert into items({', '.join(COLUMNS[1:])}) values ({', '.join('?' * (len(COLUMNS) - 1))})",
                    _rows(request, received, body),
                )
                self._db.execute("delete from inbox where arrival = ?", (arrival,))
        return len(waiting) == requests

    def totals(self) -> dict[str, Any]:
        """Return counts over all unpacked items: items, distinct eventIds, duplicates, by event name."""
        events = dict(self._db.execute("select event, count(*) from items group by event order by event"))
        identified, distinct = self._db.execute(
            "select count(eventId), count(distinct eventId) from items"
        ).fetchone()
        return {
            "items": sum(events.values()),
            "distinct": distinct,
            "duplicates": identified - distinct,
            "events": events,
        }

    def items(
        self, filters: Mapping[str, str | int], *, newest: bool, limit: int, after: int | None
    ) -> list[dict[str, Any]]:
        """Return unpacked items in order of arrival.

        Args:
            filters: column → value that it must have; columns are those of `FILTERS`.
            newest: newest first.
            limit: at most so many.
            after: continue behind the item of this ``seq``.
        """
        where, values = _where(filters)
        if after is not None:
            where, values = f"{where} and seq {'<' if newest else '>'} ?", [*values, after]
        rows = self._db.execute(
            f"select {', '.join(COLUMNS)} from items where {where} order by seq {'desc' if newest else 'asc'} limit ?",
            [*values, limit],
        )
        return [dict(zip(COLUMNS, row, strict=True)) for row in rows]

    def delete(self, filters: Mapping[str, str | int]) -> int:
        """Delete the items that `filters` describe, for good, and return how many."""
        where, values = _where(filters)
        count = self._db.execute(f"delete from items where {where}", values).rowcount
        self._db.execute("pragma wal_checkpoint(truncate)")
        return count

    def clear(self) -> None:
        """Forget everything."""
        with self._transaction():
            self._db.execute("delete from inbox")
            self._db.execute("delete from items")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _transaction(self) -> sqlite3.Connection:
        self._db.execute("begin")
        return self._db  # as a context manager it commits, or rolls back on an exception


def _where(filters: Mapping[str, str | int]) -> tuple[str, list[str | int]]:
    clauses = [f"{name} = ?" for name in filters if name in FILTERS]
    return " and ".join(["true", *clauses]), list(filters.values())


def _rows(request: int, received: int, body: bytes) -> Iterable[tuple[Any, ...]]:
    for event, items in cut(body.decode()):
        for item, raw in items:
            timestamp = item.get("timestamp")
            if timestamp is not None and timestamp > LATEST_MS:
                timestamp = received
            yield (
                request,
                received,
                event,
                item.get("eventId"),
                item.get("profileId"),
                item.get("userId"),
                item.get("accountId"),
                item.get("productId"),
                timestamp,
                raw,
            )
