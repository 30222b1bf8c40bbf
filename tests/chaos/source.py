"""Sources that never stand still: a table, and the writer that inserts into it and updates it all the while."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import psycopg

POISON = "poison-"
TABLE = "things"
# id: the key. entity: what a row is about. version: grows with each update. owner, label: what travels beside.
_COLUMNS = "id, entity, version, owner, label, moved_at"
_CREATE = (
    f"""create table {TABLE}(id integer primary key, entity integer not null, version integer not null,
    owner text not null, label text not null, moved_at {{time}} not null)""",
    f"create index things_moved on {TABLE}(moved_at, id)",
)

Row = tuple[int, int, int, str, str]


class Source(Protocol):
    """A database with the table, as its writer and its judge see it."""

    dialect: str
    url: str

    def transaction(self, inserts: Sequence[Row], updates: Sequence[int], hold: float = 0) -> None:
        """Insert rows and move others to their next version, stamped by the database's clock."""

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a query."""

    def settled(self) -> bool:
        """Whether a run that starts now may read every row there is."""

    def below(self, watermark: dict[str, Any]) -> list[tuple[int, int]]:
        """Return (id, version) of the rows that a watermark has passed."""

    def close(self) -> None:
        """Disconnect."""


class SqliteSource:
    """An SQLite file; its one writer commits in the order of its stamps."""

    dialect = "sqlite"

    def __init__(self, path: Path) -> None:
        self.url = f"sqlite:///{path}"
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        self._lock = threading.Lock()
        self._last = ""
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = off")
        for statement in _CREATE:
            self._db.execute(statement.format(time="timestamp"))

    def transaction(self, inserts: Sequence[Row], updates: Sequence[int], hold: float = 0) -> None:
        with self._lock:
            self._db.execute("begin immediate")
            stamp = self._stamp()
            self._db.executemany(
                f"insert into {TABLE}({_COLUMNS}) values (?, ?, ?, ?, ?, ?)",
                [(*row, stamp) for row in inserts],
            )
            self._db.executemany(
                f"update {TABLE} set version = version + 1, moved_at = ? where id = ?",
                [(stamp, one) for one in updates],
            )
            time.sleep(hold)
            self._db.execute("commit")

    def _stamp(self) -> str:
        """Return the clock's next millisecond: stamps only grow."""
        while True:
            ((now,),) = self._db.execute("select strftime('%Y-%m-%d %H:%M:%f', 'now')")
            if now > self._last:
                self._last = now
                return now

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(sql).fetchall()

    def settled(self) -> bool:
        return True

    def below(self, watermark: dict[str, Any]) -> list[tuple[int, int]]:
        cursor, key = watermark["cursor"][1], watermark["key"][0][1]
        return self.fetch(f"select id, version from {TABLE} where (moved_at, id) <= ('{cursor}', {key})")

    def close(self) -> None:
        self._db.close()


class PostgresSource:
    """A database of PostgreSQL; its writers find their way back after it was away."""

    dialect = "postgresql"

    def __init__(self, url: str) -> None:
        self.url = url
        self._local = threading.local()
        self._all: list[psycopg.Connection[Any]] = []
        for statement in _CREATE:
            self._connected.execute(statement.format(time="timestamptz"))

    @property
    def _connected(self) -> psycopg.Connection[Any]:
        found: psycopg.Connection[Any] | None = getattr(self._local, "connection", None)
        if found is None or found.closed:
            found = psycopg.connect(self.url, autocommit=True)
            self._local.connection = found
            self._all.append(found)
        return found

    def transaction(self, inserts: Sequence[Row], updates: Sequence[int], hold: float = 0) -> None:
        with self._connected.transaction(), self._connected.cursor() as cursor:
            if inserts:
                cursor.executemany(
                    f"insert into {TABLE}({_COLUMNS}) values (%s, %s, %s, %s, %s, now())", inserts
                )
            if updates:
                cursor.execute(
                    f"update {TABLE} set version = version + 1, moved_at = now() where id = any(%s)",
                    [list(updates)],
                )
            time.sleep(hold)

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        try:
            return self._connected.execute(sql).fetchall()
        except psycopg.OperationalError:  # the server was restarted since
            return self._connected.execute(sql).fetchall()

    def settled(self) -> bool:
        ((settled,),) = self.fetch(
            f"select coalesce(max(moved_at) < clock_timestamp() - interval '1.1 s', true) from {TABLE}"
        )
        return bool(settled)

    def below(self, watermark: dict[str, Any]) -> list[tuple[int, int]]:
        if "cursor" not in watermark:  # only where the source stands is known
            return []
        cursor, key = watermark["cursor"][1], watermark["key"][0][1]
        return self.fetch(
            f"select id, version from {TABLE} where (moved_at, id) <= ('{cursor}'::timestamptz, {key})"
        )

    def close(self) -> None:
        for connection in self._all:
            with suppress(psycopg.Error):
                connection.close()


class Writer:
    """Keeps a source changing, from a thread of its own, until it is paused.

    Args:
        source: what to write to.
        dice: what to write.
        moving: rows, ids 1 to `moving`, that are updated again and again; all others are only inserted.
        padding: characters that each row has more.
        entities: rows are about so many entities in turn and their id is their version (a log of changes), or
            0: each is its own entity.
    """

    def __init__(
        self, source: Source, dice: random.Random, moving: int, entities: int, padding: int = 0
    ) -> None:
        self._source = source
        self._dice = dice
        self._moving = moving
        self._entities = entities
        self._padding = "." * padding
        self._next = 1
        self._run = threading.Event()
        self._end = threading.Event()
        self._lock = threading.Lock()
        self._lagging = threading.Lock()
        self._threads = [threading.Thread(target=self._work, daemon=True)]
        if source.dialect == "postgresql":  # elsewhere a slow transaction would make the others wait
            self._threads.append(threading.Thread(target=self._lag, daemon=True))
        self._write(moving)
        for thread in self._threads:
            thread.start()

    def resume(self) -> None:
        """Write on."""
        self._run.set()

    def pause(self) -> None:
        """Stop writing; what is being written is committed when this returns."""
        self._run.clear()
        with self._lock, self._lagging:
            pass

    @contextmanager
    def live(self) -> Iterator[None]:
        """Write while inside."""
        self.resume()
        try:
            yield
        finally:
            self.pause()

    def burst(self, rows: int) -> None:
        """Write so many rows now, by several transactions."""
        while rows > 0:
            self._write(min(rows, 60))
            rows -= 60

    def poison(self) -> None:
        """Insert a row that the destination will never take."""
        with self._lock:
            self._insert([POISON])

    def close(self) -> None:
        """End the threads."""
        self._end.set()
        self._run.set()
        for thread in self._threads:
            thread.join()

    # ── the threads ───────────────────────────────────────────────────────────────────────────────────

    def _work(self) -> None:
        while not self._end.wait(0.03):
            self._run.wait()
            with suppress(psycopg.Error):  # the server is away
                self._write(self._dice.randint(1, 6))

    def _lag(self) -> None:
        """Commit late, now and then, behind others that began later."""
        first = 1_000_000_000
        while not self._end.wait(0.1):
            self._run.wait()
            rows = [self._row(first + index, "late ") for index in range(5)]
            first += len(rows)  # also when nobody knows whether these were committed
            with self._lagging, suppress(psycopg.Error):
                if self._run.is_set():
                    self._source.transaction(rows, [], hold=self._dice.uniform(0, 0.3))

    def _write(self, rows: int) -> None:
        with self._lock:
            if not self._run.is_set() and threading.current_thread() in self._threads:
                return
            self._insert([""] * rows)

    def _insert(self, marks: Sequence[str]) -> None:
        try:
            rows = [self._row(self._next + index, mark) for index, mark in enumerate(marks)]
            known = min(self._next - 1, self._moving)
            moved = self._dice.sample(range(1, known + 1), min(known, self._dice.randint(0, 6)))
            self._source.transaction(rows, sorted(moved))
            self._next += len(rows)
        except psycopg.Error:  # who knows whether it was committed: the database does
            ((last,),) = self._source.fetch(f"select max(id) from {TABLE} where id < 1000000000")
            self._next = (last or 0) + 1

    def _row(self, number: int, mark: str) -> Row:
        entity = number % self._entities if self._entities else number
        version = number if self._entities else 1
        return (
            number,
            entity,
            version,
            f"{mark}user-{entity}",
            f"{mark}thing {number} of many{self._padding}",
        )
