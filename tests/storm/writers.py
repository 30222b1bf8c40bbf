"""The writers: transactions of all lengths side by side, with savepoints and rollbacks among them."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from chaos.source import TABLE
from storm.dialects import Dialect

_ROLLED_BACK = 0.1
_SAVEPOINT_UNDONE = 0.2
_SAVEPOINT_KEPT = 0.1
_INSERT = 0.4
# Updates that wait for rows which another writer holds; the others leave such rows out.
_WAITING = 0.2
_MOST_WAITED_FOR = 2
_MOST_ROWS = 20
_MOST_PAUSE = 0.3


@dataclass
class Changes:
    """What a transaction, or the part of it behind a savepoint, has done.

    Attributes:
        ids: rows that it inserted.
        marks: the labels that it wrote, one a statement.
    """

    ids: list[int] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)

    def add(self, other: Changes) -> None:
        """Take over what another has done."""
        self.ids += other.ids
        self.marks += other.marks


class Written:
    """What all writers have committed, and what became of their transactions.

    Attributes:
        ids: rows that are there; nobody deletes any.
        marks: all labels that were ever committed.
        committed, rolled_back, refused: transactions; refused are those that met a lock for too long or a deadlock.
        undone: savepoints that were rolled back.
        longest: the longest transaction that was committed, in seconds, until its commit was answered.
    """

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.marks: set[str] = set()
        self.committed = self.rolled_back = self.refused = self.undone = 0
        self.longest = 0.0
        self._next = itertools.count(1)
        self._lock = threading.Lock()

    def reserve(self, rows: int) -> list[int]:
        """Return ids that nobody else has."""
        return [next(self._next) for _ in range(rows)]

    def keep(self, changes: Changes, seconds: float) -> None:
        """Note a commit."""
        with self._lock:
            self.committed += 1
            self.longest = max(self.longest, seconds)
            self.marks.update(changes.marks)
            self.ids += changes.ids

    def count(self, what: str) -> None:
        """Count a transaction that was not committed, or a savepoint."""
        with self._lock:
            setattr(self, what, getattr(self, what) + 1)


@dataclass(frozen=True)
class Habits:
    """How the writers write.

    Attributes:
        longest: seconds that a transaction means to take at most; most take far less.
        limit: seconds after which one is no longer committed, or None. A busy machine stretches transactions, and
            where late rows are covered by a duration, one beyond it would prove nothing.
    """

    longest: float
    limit: float | None = None


class Writer(threading.Thread):
    """One session that writes until it is stopped; then it ends its transaction without waiting any longer."""

    def __init__(self, name: str, dialect: Dialect, url: str, written: Written, dice: random.Random) -> None:
        super().__init__(name=name, daemon=True)
        self._dialect = dialect
        self._url = url
        self._written = written
        self._dice = dice
        self._numbers = itertools.count(1)
        self.habits = Habits(longest=0)
        self.stopped = threading.Event()
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            with closing(self._dialect.connect(self._url)) as connection:
                while not self.stopped.wait(self._dice.uniform(0, _MOST_PAUSE)):
                    self._attempt(connection)
        except Exception as error:  # noqa: BLE001 - a storm with too few writers proves less than it says
            self.failure = error

    def insert(self, rows: int) -> None:
        """Insert about so many rows, by several transactions, in the caller's thread."""
        with closing(self._dialect.connect(self._url)) as connection, connection.cursor() as cursor:
            for _ in range(0, rows, _MOST_ROWS):
                changes = Changes()
                self._insert(cursor, changes, _MOST_ROWS)
                connection.commit()
                self._written.keep(changes, 0)

    def _attempt(self, connection: Any) -> None:
        started = time.monotonic()
        try:
            with connection.cursor() as cursor:
                changes = self._transaction(cursor)
        except self._dialect.error:  # waited for too long, or a deadlock
            connection.rollback()
            self._written.count("refused")
            return
        limit = self.habits.limit
        if self._dice.random() < _ROLLED_BACK or (limit and time.monotonic() - started > limit):
            connection.rollback()
            self._written.count("rolled_back")
        else:
            connection.commit()
            self._written.keep(changes, time.monotonic() - started)

    def _transaction(self, cursor: Any) -> Changes:
        # Cubed: a third is over within a second where the longest takes thirty, and some take nearly all of it.
        seconds = self.habits.longest * self._dice.random() ** 3
        steps = self._dice.randint(1, 4 + int(seconds))
        changes = Changes()
        for _ in range(steps):
            self._step(cursor, changes)
            self.stopped.wait(seconds / steps)
        return changes

    def _step(self, cursor: Any, changes: Changes) -> None:
        drawn = self._dice.random()
        if drawn > _SAVEPOINT_UNDONE + _SAVEPOINT_KEPT:
            self._change(cursor, changes)
            return
        cursor.execute("savepoint here")
        inner = Changes()
        self._change(cursor, inner)
        if drawn < _SAVEPOINT_UNDONE:
            cursor.execute("rollback to savepoint here")
            self._written.count("undone")
        else:
            cursor.execute("release savepoint here")
            changes.add(inner)

    def _change(self, cursor: Any, changes: Changes) -> None:
        rows = self._dice.randint(1, _MOST_ROWS)
        if self._dice.random() < _INSERT:
            self._insert(cursor, changes, rows)
        else:
            self._update(cursor, changes, rows)

    def _insert(self, cursor: Any, changes: Changes, rows: int) -> None:
        ids, mark, stamp = self._written.reserve(rows), self._mark(), self._stamp()
        values = ", ".join(f"({one}, {one}, 1, 'user-{one}', '{mark}', {stamp})" for one in ids)
        cursor.execute(f"insert into {TABLE}(id, entity, version, owner, label, moved_at) values {values}")
        changes.ids += ids
        changes.marks.append(mark)

    def _update(self, cursor: Any, changes: Changes, rows: int) -> None:
        known = self._written.ids
        waits = self._dice.random() < _WAITING
        rows = min(rows, _MOST_WAITED_FOR) if waits else rows
        ids: Iterable[int] = sorted({known[self._dice.randrange(len(known))] for _ in range(rows)})
        if not waits:
            cursor.execute(f"select id from {TABLE} where id in ({_listed(ids)}) for update skip locked")
            ids = [one for (one,) in cursor.fetchall()]
            if not ids:
                return
        mark = self._mark()
        cursor.execute(
            f"update {TABLE} set version = version + 1, label = '{mark}', moved_at = {self._stamp()}"
            f" where id in ({_listed(ids)})"
        )
        changes.marks.append(mark)

    def _mark(self) -> str:
        """A label that no other statement writes: what arrives with it was committed with it, or never."""
        return f"{self.name}.{next(self._numbers)}"

    def _stamp(self) -> str:
        return self._dice.choice(self._dialect.stamps)


def _listed(ids: Iterable[int]) -> str:
    return ", ".join(map(str, ids))
