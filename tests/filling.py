"""People in a table that change while a backfill fills their past beside the live lane, and what must come of it."""

from __future__ import annotations

import random
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from database_sources import Database
from shop import Shop, wait_for

NOW = {"sqlite": "strftime('%Y-%m-%d %H:%M:%f', 'now')", "postgresql": "clock_timestamp()"}


class People:
    """A table of people, each with a version and a stamp, and the sync that identifies them."""

    def __init__(self, shop: Shop, database: Database) -> None:
        self.shop = shop
        self.database = database
        self.engine = sa.create_engine(database.url, poolclass=sa.NullPool)
        if database.dialect == "sqlite":
            database.run("pragma journal_mode = wal")
        stamp = "timestamp" if database.dialect == "sqlite" else "timestamptz"
        database.run(
            "drop table if exists people",
            f"create table people (id integer primary key, version integer not null, moved {stamp} not null)",
            "create index people_moved on people (moved, id)",
        )

    def put(self, count: int) -> None:
        """Add people who moved long ago, a second apart."""
        if self.database.dialect == "sqlite":
            stamp = "strftime('%Y-%m-%d %H:%M:%f', '2024-01-01', '+' || n || ' seconds')"
            rows = f"with recursive s(n) as (select 1 union all select n + 1 from s where n < {count})"
            self.database.run(f"insert into people {rows} select n, 1, {stamp} from s")
        else:
            stamp = "timestamptz '2024-01-01Z' + n * interval '1 second'"
            self.database.run(f"insert into people select n, 1, {stamp} from generate_series(1, {count}) n")

    def sync(self, **changes: Any) -> Path:
        """Write the sync."""
        config = {
            "sync": "people",
            "source": {
                "type": "database", "url": self.database.url, "table": "people", "cursor": "moved", "key": "id",
                "columns": {"moved": "timestamp"} if self.database.dialect == "sqlite" else {},
            },
            "mapping": {
                "kind": "identify", "userId": "id", "timestamp": "moved", "userAttributes": {"version": "version"},
            },
            "destination.max_items": 40,
            "destination.concurrency": 4,
        }  # fmt: skip
        return self.shop.write({**config, **changes})

    @contextmanager
    def changing(self, pause: float = 0.004) -> Iterator[Counter[str]]:
        """While inside, one person after the other moves."""
        over, made = threading.Event(), Counter[str]()
        dice = random.Random(7)
        with self.engine.connect() as connection:
            ((count,),) = connection.execute(sa.text("select count(*) from people")).all()

        def change() -> None:
            statement = sa.text(
                f"update people set version = version + 1, moved = {NOW[self.database.dialect]} where id = :id"
            )
            with self.engine.connect() as connection:
                while not over.wait(pause):
                    with connection.begin():
                        connection.execute(statement, {"id": dice.randint(1, count)})
                    made["updates"] += 1

        thread = threading.Thread(target=change)
        thread.start()
        try:
            yield made
        finally:
            over.set()
            thread.join()

    def versions(self) -> dict[str, int]:
        """Return the version that each has now."""
        with self.engine.connect() as connection:
            return {
                str(row[0]): row[1] for row in connection.execute(sa.text("select id, version from people"))
            }

    def arrived(self) -> dict[str, list[int]]:
        """Return the versions of each in the order in which they arrived."""
        found: dict[str, list[int]] = defaultdict(list)
        for stored in self.shop.sandbox.items():
            item = stored.item
            found[item["userId"]].append(int(item["userAttributes"]["version"]))
        return found

    def settles(self, path: Path, *options: str) -> None:
        """Run the sync until everybody has arrived as they are now."""

        def settled() -> bool:
            ended = self.shop.run("run", "--json", path, *options)
            assert ended.code == 0, ended
            arrived = self.arrived()
            return all(arrived.get(who, [0])[-1] == version for who, version in self.versions().items())

        wait_for(settled)

    def judge(self, repeated: int = 0) -> None:
        """Everybody arrived as they are now, never older after newer, and no more often than what was in doubt."""
        arrived, versions = self.arrived(), self.versions()
        assert {who: seen[-1] for who, seen in arrived.items()} == versions
        assert not {who: seen for who, seen in arrived.items() if sorted(seen) != seen}
        twice = sum(len(seen) - len(set(seen)) for seen in arrived.values())
        assert twice <= repeated
