"""What the state store says, read beside the program: reports, intents, rejects, watermark."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from chaos.source import POISON, TABLE, Source

from connector.model import Counts


@dataclass(frozen=True, slots=True)
class StoredReject:
    """A reject: the row's key, the reason, and the destination's words."""

    key: int
    reason: str
    message: str


class Books:
    """Reads a state store.

    Args:
        url: as given to ``--state``.
    """

    def __init__(self, url: str) -> None:
        driver = url.replace("postgresql://", "postgresql+psycopg://", 1)
        self._engine = sa.create_engine(driver, poolclass=sa.NullPool)

    def close(self) -> None:
        """Nothing is held open."""
        self._engine.dispose()

    def read(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a query."""
        with self._engine.connect() as connection:
            if not sa.inspect(connection).has_table("connector_runs"):
                return []
            return [tuple(row) for row in connection.exec_driver_sql(sql)]

    def reported(self) -> dict[str, int]:
        """Return the counts of all runs added up, those that were killed included."""
        total: dict[str, int] = {}
        for (text,) in self.read("select counts from connector_runs"):
            counts = json.loads(text)
            for name in Counts.__slots__:
                total[name] = total.get(name, 0) + counts.get(name, 0)
        return total

    def in_doubt(self) -> tuple[int, int]:
        """Return (requests, items) whose intent has no outcome."""
        found = self.read(
            "select count(*), coalesce(sum(items), 0) from connector_intents"
            " where acknowledged is null and digests is null"
        )
        return (int(found[0][0]), int(found[0][1])) if found else (0, 0)

    def rejects(self) -> list[StoredReject]:
        """Return the open rejects."""
        rows = self.read("select key, reason, message from connector_rejects where closed is null")
        return [StoredReject(_number(key), reason, message) for key, reason, message in rows]

    def rejected(self, source: Source) -> set[tuple[int, int]]:
        """Return (id, version) of the poisonous rows that are rejected; none of them is ever updated."""
        poison = {row for (row,) in source.fetch(f"select id from {TABLE} where label like '{POISON}%'")}
        return {(reject.key, 1) for reject in self.rejects() if reject.key in poison}

    def watermark(self) -> dict[str, Any] | None:
        """Return the watermark, or None before the first."""
        found = self.read("select value from connector_watermarks")
        return dict(json.loads(found[0][0])) if found else None

    def holder(self) -> int | None:
        """Return the process that holds the lane."""
        found = self.read("select pid from connector_leases where pid is not null")
        return int(found[0][0]) if found else None


def _number(key: str) -> int:
    found = json.loads(key)
    return int(found[0] if isinstance(found, list) else found)
