"""Rows that come late, or too early: whole runs, as processes, over SQLite and PostgreSQL."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from database_sources import Database
from shop import Ended, Shop, wait_for


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, shop: Shop) -> Database:
    """An empty table of orders; each has a mail and a stamp."""
    if request.param == "sqlite":
        found = Database("sqlite", f"sqlite:///{shop.folder / 'shop.db'}")
    else:
        found = Database("postgresql", request.getfixturevalue("postgres_url"))
    found.run(
        "drop table if exists orders",
        f"create table orders (id bigint primary key, mail {found.text}, moved {found.time} not null)",
        "create index orders_moved on orders (moved, id)",
    )
    return found


def put(database: Database, ids: range | list[int], moved: str, mail: str = "a@b.c") -> None:
    for id_ in ids:
        database.run(f"insert into orders values ({id_}, '{mail}', '{moved}')")


def sync(shop: Shop, database: Database, **source: Any) -> Any:
    """A sync of those orders, each version of which is an event."""
    config = {
        "source": {"type": "database", "url": database.url, "table": "orders", "cursor": "moved", "key": "id", **source},
        "mapping": {
            "kind": "event", "event": "Purchase", "events": "per_version", "userId": "mail",
            "data": {"orderId": "id"},
        },
    }  # fmt: skip
    return shop.write(config)


def counts(ended: Ended) -> tuple[int, int, int]:
    assert ended.code == 0, ended
    return ended.counts["read"], ended.counts["delivered"], ended.counts["unchanged"]


def test_a_late_row_is_delivered_once_and_what_is_unchanged_is_not_sent_again(
    shop: Shop, database: Database
) -> None:
    """As is one that has changed without its stamp being moved; a row before the window stays unread."""
    put(database, [1], "2024-05-01 09:00:00")
    put(database, range(2, 12), "2024-05-01 11:00:00")
    put(database, [12], "2024-05-01 12:00:00")
    path = sync(shop, database, lookback="2h")
    assert counts(shop.execute("run", "--json", path)) == (12, 12, 0)
    put(database, [100], "2024-05-01 10:00:00")
    put(database, [101], "2024-05-01 09:59:59")
    database.run("update orders set mail = 'new@b.c' where id = 5")
    assert counts(shop.execute("run", "--json", path)) == (12, 2, 10)
    assert counts(shop.execute("run", "--json", path)) == (12, 0, 12)
    put(database, [13], "2024-05-01 12:30:00")
    assert counts(shop.execute("run", "--json", "--limit", 1, path)) == (13, 1, 12)
    once = dict.fromkeys([*range(1, 14), 100], 1)
    assert shop.received() == {**once, 5: 2}


def test_a_row_of_the_future_is_delivered_once_and_does_not_freeze_the_sync(
    shop: Shop, database: Database
) -> None:
    """And it is delivered again when it changes."""
    put(database, [1], "2024-05-01 09:00:00")
    put(database, [2], "2037-05-01 09:00:00")
    path = sync(shop, database)
    first = shop.execute("run", "--json", path)
    assert counts(first) == (2, 2, 0)
    assert "1 rows lie in the future" in str(first.lines[0]["notes"])
    assert counts(shop.execute("run", "--json", path)) == (0, 0, 0)
    put(database, [3], "2024-05-02 09:00:00")
    database.run("update orders set mail = 'new@b.c' where id = 2")
    assert counts(shop.execute("run", "--json", path)) == (2, 2, 0)
    assert counts(shop.execute("run", "--json", path)) == (0, 0, 0)
    assert shop.received() == {1: 1, 2: 2, 3: 1}


def test_a_row_of_the_future_is_not_delivered_again_when_time_has_caught_up(
    shop: Shop, database: Database
) -> None:
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=6)
    put(database, [1], "2024-05-01 09:00:00")
    put(database, [2], f"{soon:%Y-%m-%d %H:%M:%S.%f}")
    path = sync(shop, database, future="0s")
    assert counts(shop.run("run", "--json", path)) == (2, 2, 0)
    put(database, [3], "2024-05-02 09:00:00")
    wait_for(lambda: dt.datetime.now(dt.UTC) > soon + dt.timedelta(seconds=2))
    assert counts(shop.run("run", "--json", path)) == (1, 1, 0)
    put(database, [4], f"{soon + dt.timedelta(seconds=0.1):%Y-%m-%d %H:%M:%S.%f}")
    assert counts(shop.run("run", "--json", path)) == (1, 1, 0)
    assert shop.received() == {1: 1, 2: 1, 3: 1, 4: 1}
