"""Where is this row? What a trace says of one, wherever it may be."""

import pytest
import sqlalchemy as sa

TRACKED = {"source.track_keys": True, "mapping.events": "per_version"}
DIFF = {"source.mode": "diff", "source.cursor": None, "mapping.events": "per_version"}


def traced(shop, path, key, *, code=0):
    ended = shop.run("trace", "--json", path, key)
    assert ended.code == code, ended
    [found] = ended.lines
    assert found["found"] == (code == 0)
    return found


def says(shop, path, key, *words, code=0):
    """Assert what a trace comes to, as people read it too."""
    found = traced(shop, path, key, code=code)
    for word in words:
        assert word in found["verdict"]
    assert found["verdict"] in shop.run("trace", path, key).out
    return found


def test_a_row_on_its_way(shop):
    """Not read yet, delivered, changed, delivered anew: one row after the other, in a process of its own at the end."""
    shop.orders(range(1, 11))
    path = shop.write(TRACKED)
    found = says(shop, path, 3, "will be read by the next run, which sends it")
    assert (found["source"]["standing"], found["synced"]) == ("ahead", {"kept": True, "known_as": None})
    assert not shop.state.exists()
    shop.run("run", path)
    found = says(shop, path, 3, "in Track as it is now")
    assert found["synced"] == {
        "kept": True,
        "known_as": "delivered",
        "earlier_version": False,
        "same_item": True,
        "same_version": True,
    }
    assert found["source"]["row"]["email"] == "user3@shop.example"
    assert found["source"]["cursor"] == "2024-01-01 00:00:03.000000"
    [item] = [stored.item for stored in shop.sandbox.items() if stored.item["data"]["orderId"] == 3]
    assert [
        {name: value for name, value in each.items() if name != "name"} for each in found["mapping"]["items"]
    ] == [item]
    shop.sql("update orders set total = 99 where order_id = 3")
    found = says(shop, path, 3, "in Track in an older version", "--resend changed")
    assert (found["synced"]["same_item"], found["synced"]["same_version"]) == (False, True)
    shop.orders([3], minutes=5)
    assert (
        says(shop, path, 3, "in Track in an older version: the next run sends it")["source"]["standing"]
        == "ahead"
    )
    shop.run("run", path)
    ended = shop.execute("trace", path, 3)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.endswith("in Track as it is now\n")


def test_rows_that_are_not_there(shop):
    """Gone, never there, and left out by the filter; only what nobody knows ends with 2."""
    shop.orders(range(1, 11))
    path = shop.write({**TRACKED, "source.where": "order_id <> 5"})
    shop.run("run", path)
    says(shop, path, 5, "not found", "source.where", code=2)
    says(shop, path, 11, "not found", code=2)
    shop.sql("delete from orders where order_id = 6")
    found = says(shop, path, 6, "in Track, and not in the source any more", "Track keeps what it has")
    assert found["source"]["row"] is None


def test_rejects(shop):
    """The reason, open or closed, and whether the mapping takes the row today."""
    shop.orders(range(1, 21))
    shop.sql("update orders set email = null where order_id in (2, 3)")
    path = shop.write(TRACKED)
    shop.run("run", path)
    found = says(shop, path, 2, "rejected: missing_identity")
    [reject] = found["rejects"]
    assert (found["mapping"]["reason"], reject["key"], reject["closed"]) == ("missing_identity", [2], None)
    shop.sql("update orders set email = 'late@shop.example' where order_id = 2")
    says(shop, path, 2, "rejected: missing_identity", "connector rejects replay sends it")
    shop.run("rejects", "replay", path)
    assert traced(shop, path, 2)["rejects"][0]["closed"] is not None
    shop.sql("delete from orders where order_id = 3")
    says(shop, path, 3, "rejected: missing_identity; not in the source any more")
    shop.run("rejects", "drop", path, "--all-rejects", "--yes")
    says(shop, path, 3, "read before")


def test_what_is_not_kept(shop):
    """Without synced a trace says what follows from the watermark, and that it is no more than that."""
    shop.orders(range(1, 11))
    path = shop.write({"mapping.when": "order_id <> 4"})
    shop.run("run", path)
    found = says(shop, path, 4, "read by an earlier run", "source.track_keys")
    assert (found["synced"], found["mapping"]["outcome"]) == ({"kept": False, "known_as": None}, "filtered")


def test_late_and_filtered_and_forgotten_rows(shop):
    shop.orders(range(1, 11))
    path = shop.write({**TRACKED, "mapping.when": "order_id <> 4"})
    shop.run("run", path)
    says(shop, path, 4, "read, and no mapping took it")
    shop.sql("insert into orders values (40, 'late@shop.example', 1, 1, 'l', '2024-01-01 00:00:05', null)")
    says(shop, path, 40, "never read: it came too late", "reconcile --fix")
    assert shop.run("forget", path, "--key", 7, "--yes").code == 0
    found = says(shop, path, 7, "forgotten")
    assert (found["forgotten"], found["mapping"]["outcome"]) == (True, "forgotten")
    shop.sql("delete from orders where order_id = 7")
    says(shop, path, 7, "forgotten")


def test_a_cursor_without_a_value(shop):
    shop.orders(range(1, 11))
    path = shop.write({**TRACKED, "source.cursor": "seen_at"})
    shop.sql("update orders set seen_at = null where order_id = 2")
    shop.run("run", path)
    assert says(shop, path, 2, "never read: its cursor is null")["source"]["standing"] == "unreadable"


def test_diff(shop):
    """In passes everything is read again: what changed waits for the next one, and what vanished was told of."""
    shop.orders(range(1, 31))
    told = {"kind": "event", "event": "Cancelled", "accountId": {"template": "order-{order_id}"}}
    path = shop.write({**DIFF, "source.on_delete": told})
    shop.run("run", path)
    shop.sql("update orders set total = 1 where order_id = 2", "delete from orders where order_id = 3")
    says(shop, path, 1, "in Track as it is now")
    says(shop, path, 2, "in Track in an older version: the next run sends it")
    says(shop, path, 3, "in Track, and not in the source any more", "the next run finds it vanished")
    shop.orders([40])
    says(shop, path, 40, "the next run")
    assert shop.run("run", path).code == 0
    says(shop, path, 2, "in Track as it is now")
    found = says(shop, path, 3, "gone from the source, and noted as gone")
    assert found["synced"]["known_as"] == "gone"


def test_postgresql(shop, postgres_url):
    """A row beyond the horizon waits; keys of several parts are JSON arrays, and times are keys too."""
    engine = sa.create_engine(postgres_url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "create table orders(shop text, order_id bigint, email text, at timestamptz, primary key (shop, order_id))"
        )
        connection.exec_driver_sql(
            "insert into orders select 'berlin', n, 'a@b.c', now() - interval '1 h' from generate_series(1, 5) n"
        )
    path = shop.write(
        {
            **TRACKED,
            "source.url": postgres_url,
            "source.cursor": "at",
            "source.key": ["shop", "order_id"],
            "mapping.timestamp": "at",
            "mapping.data": {"orderId": "order_id"},
        }
    )
    shop.run("run", path)
    with engine.begin() as open_transaction:
        open_transaction.exec_driver_sql("select 1 from orders")
        with engine.begin() as connection:
            connection.exec_driver_sql("insert into orders values ('paris', 6, 'a@b.c', now())")
            connection.exec_driver_sql("insert into orders values ('paris', 7, 'a@b.c', 'infinity')")
        found = says(shop, path, '["paris", 6]', "waits: its cursor lies beyond the horizon")
        assert (found["key"], found["source"]["standing"]) == ('["paris",6]', "waiting")
    assert traced(shop, path, '["paris", 7]')["source"]["standing"] == "unreadable"
    says(shop, path, '["berlin", 2]', "in Track as it is now")
    assert shop.run("trace", path, "berlin").code == 2


def test_files(shop):
    shop.parts("a.parquet", range(1, 11))
    path = shop.write({"source.track_keys": True}, parquet=True)
    says(shop, path, 3, "will be read by the next run, which sends it")
    shop.run("run", path)
    says(shop, path, 3, "in Track as it is now")
    shop.parts("b.parquet", range(3, 5), price=[1.5, 2.5])
    found = says(shop, path, 3, "a newer row of this key waits for the next run")
    assert (found["source"]["rows"], found["source"]["waiting"]) == (1, 1)
    says(shop, path, 99, "not found", code=2)


@pytest.mark.parametrize("key", ["abc", '"1"', "1.5", "[1, 2]", "[]"])
def test_keys_that_no_row_can_have(shop, key):
    """They are refused in words, and the words do not hold the key."""
    shop.orders(range(1, 3))
    ended = shop.run("trace", shop.write(), key)
    shop.refuses(ended, 2, "order_id (int64)")
    assert key not in ended.err.split("→")[0].replace("order_id (int64)", "")


def test_what_cannot_be_traced(shop):
    """A sync without a key, and a source that is away."""
    shop.orders(range(1, 3))
    shop.refuses(shop.run("trace", shop.write({"source.key": None}), 1), 2, "source.key")
    away = shop.write({"source.url": "postgresql://nobody@127.0.0.1:1/none"})
    shop.refuses(shop.run("trace", away, 1), 3)


def test_nothing_is_written(shop):
    shop.orders(range(1, 11))
    path = shop.write(TRACKED)
    shop.run("run", path)
    before = shop.state.read_bytes()
    assert all(traced(shop, path, key)["found"] for key in (1, 2))
    assert shop.state.read_bytes() == before


def test_what_lookback_and_the_future_do(shop):
    """A row within lookback is read again, and one of the future was read ahead of its time: each may still change."""
    shop.orders(range(1, 101))
    path = shop.write(
        {
            **TRACKED,
            "source.lookback": "30s",
            "source.start": "2024-01-01 00:00:10",
            "mapping.timestamp": "seen_at",
        }
    )
    shop.sql("update orders set created_at = '2999-01-01 00:00:00' where order_id = 50")
    assert "will be read by the next run" in traced(shop, path, 50)["verdict"]
    shop.run("run", path)
    assert says(shop, path, 5, "never read: it stands before source.start")["source"]["standing"] == "before"
    assert says(shop, path, 50, "in Track as it is now")["source"]["standing"] == "early"
    assert says(shop, path, 90, "in Track as it is now")["source"]["standing"] == "again"
    shop.sql("update orders set total = 3 where order_id in (20, 50, 90)")
    shop.sql("insert into orders values (95000, 'a@b.c', 1, 1, 'l', '2024-01-01 00:01:35', '2024-01-01')")
    says(shop, path, 20, "in Track in an older version", "--resend changed")
    says(shop, path, 50, "in Track in an older version: the next run sends it")
    says(shop, path, 90, "in Track in an older version: the next run sends it")
    says(shop, path, 95000, "will be read by the next run, which sends it")
    shop.run("run", path)
    for key in (50, 90, 95000):
        says(shop, path, key, "in Track as it is now")


def test_what_is_in_doubt(shop):
    """A row whose request was cut off may have arrived: a trace says so, and what the next run does."""
    shop.orders(range(1, 11))
    path = shop.write({**TRACKED, "destination.retry": {"max_elapsed": "1ms"}})
    shop.run("run", path)
    shop.orders(range(1, 11), minutes=5)
    shop.sandbox.set_faults({"rules": [{"fault": "lost_answer"}]})
    assert shop.run("run", path).code == 3
    shop.sandbox.set_faults({})
    found = says(shop, path, 3, "in doubt", "the next run sends it")
    assert found["synced"]["known_as"] == "in_doubt"
    shop.run("run", path)
    says(shop, path, 3, "in Track as it is now")


def test_a_refused_version(shop):
    """What Track has of a row stays there when a later version of it is refused."""
    shop.orders(range(1, 11))
    path = shop.write(TRACKED)
    shop.run("run", path)
    shop.orders([3], minutes=5)
    shop.sql("update orders set email = null where order_id = 3")
    shop.run("run", path)
    found = says(shop, path, 3, "rejected: missing_identity; Track has an earlier version of it")
    assert (found["synced"]["known_as"], found["synced"]["earlier_version"]) == ("rejected", True)
