"""``connector forget``: what is left of a row or a user, and that it never comes again."""

from __future__ import annotations

import sqlite3
from collections import Counter

import pytest
from shop import end, wait_for

CANARY = "canary-7d1f@shop.example"
# Where a canary of another row must stay.
OTHER = "other-8e2a@shop.example"


def rejects(shop, path):
    return shop.run("rejects", "list", "--rows", "--json", "--closed", path).lines


@pytest.fixture
def known(shop):
    """Ten orders; 3 and 7 are of the canary, 7 and 8 were rejected, whole rows of them in the state."""
    shop.orders(range(1, 11))
    shop.sql(
        f"update orders set email = '{CANARY}' where order_id in (3, 7)",
        f"update orders set email = '{OTHER}' where order_id = 8",
        "update orders set created_at = '2041-01-01 00:00:00' where order_id in (7, 8)",
    )
    path = shop.write({"source.future": "9999d"})
    assert shop.run("run", path).code == 0
    assert {line["key"][0] for line in rejects(shop, path)} == {7, 8}
    assert CANARY.encode() in shop.stored()
    return path


def test_a_user_is_forgotten(shop, known):
    """No byte of the state and no item of the sandbox is left; the rest stays; nothing of it is sent again."""
    ended = shop.run("forget", known, "--user", CANARY, "--yes")
    assert ended.code == 0, ended
    assert "1 rejects deleted" in ended.out
    assert "1 items deleted from the sandbox" in ended.out
    assert CANARY.encode() not in shop.stored()
    assert OTHER.encode() in shop.stored()
    assert [line["key"] for line in rejects(shop, known)] == [[8]]
    assert shop.received() == Counter(n for n in range(1, 11) if n not in (3, 7, 8))
    shop.sql("update orders set created_at = '2024-01-02 00:00:00' where order_id in (3, 7)")
    shop.run("state", "reset", known, "--yes")
    again = shop.run("run", "--json", known)
    assert (again.code, again.counts["read"], again.counts["filtered"]) == (0, 10, 2)
    [report] = again.lines
    assert report["warnings"]["forgotten"] == 2
    assert {3, 7}.isdisjoint(shop.received())
    assert CANARY.encode() not in shop.stored()
    assert shop.run("run", "--dry-run", known).out == ""


def test_a_row_is_forgotten(shop, known):
    """By its key: its reject, its item in the sandbox, and every later version of it."""
    ended = shop.run("forget", known, "--key", "3", "--yes")
    assert ended.code == 0, ended
    assert "1 items deleted from the sandbox" in ended.out
    assert shop.run("forget", known, "--key", "[7]", "--yes").code == 0
    assert CANARY.encode() not in shop.stored()
    assert [line["key"] for line in rejects(shop, known)] == [[8]]
    shop.sql(
        "update orders set created_at = '2041-02-01 00:00:00', email = 'new@x.y' where order_id in (3, 7)"
    )
    again = shop.run("run", "--json", known)
    assert (again.code, again.counts["read"], again.counts["filtered"]) == (0, 2, 2)
    assert {3, 7}.isdisjoint(shop.received())


def test_a_forgotten_row_is_not_replayed(shop, known):
    """Neither from the source, though it was rejected for another user's sake, nor as it was kept."""
    shop.write({"source.future": "9999d", "mapping.timestamp": {"sql": "TIMESTAMP '2024-01-01'"}})
    shop.run("forget", known, "--user", OTHER, "--yes")
    shop.sql(f"update orders set email = '{OTHER}' where order_id = 7")
    for options, read in (([], 1), (["--stored"], 0)):
        ended = shop.run("rejects", "replay", "--json", known, *options)
        assert (ended.code, ended.counts["read"], ended.counts["filtered"]) == (0, read, read)
    assert rejects(shop, known)
    assert {7, 8}.isdisjoint(shop.received())


def test_several_mappings(shop):
    """A row of which one item is about the user sends none of them."""
    shop.orders(range(1, 6))
    event = shop.config()["mapping"]
    shop.write()
    identify = {"kind": "identify", "userId": "label", "userAttributes": {"mail": "email"}}
    shop.sql("update orders set label = 'u' || order_id")
    path = shop.write({"mapping": [event, identify]})
    shop.run("forget", path, "--user", "u2", "--yes")
    shop.run("forget", path, "--user", "user4@shop.example", "--yes")
    assert shop.run("run", "--json", path).counts["filtered"] == 2
    ids = {item.item["userId"] for item in shop.sandbox.items()}
    assert ids == {name for n in (1, 3, 5) for name in (f"u{n}", f"user{n}@shop.example")}


def test_a_destination_that_is_no_sandbox(shop, known):
    """What is left there is said in words that somebody can act on."""
    shop.write({"source.future": "9999d", "destination.base_url": "https://track.example.com/v1"})
    ended = shop.run("forget", known, "--user", CANARY, "--yes")
    assert ended.code == 0
    assert "has no call that deletes" in ended.out
    assert f"userId {CANARY}" in ended.out
    [event] = [item.item["eventId"] for item in shop.sandbox.items(userId=CANARY)]
    assert event in shop.run("forget", known, "--key", "3", "--yes").out
    shop.keeps_secrets(ended)


def test_a_source_that_is_gone(shop, known):
    """Then what is known here is enough."""
    (shop.folder / "shop.db").unlink()
    ended = shop.run("forget", known, "--key", "7", "--yes")
    assert ended.code == 0, ended
    assert "cannot be looked up" in ended.err
    assert "1 rejects deleted" in ended.out
    assert CANARY.encode() not in shop.stored()


def test_nobody_is_forgotten_unasked(shop, known):
    """It asks, takes one of the two options, and needs the lane of the sync."""
    shop.refuses(shop.run("forget", known, "--user", CANARY), 2, "nobody said yes")
    shop.refuses(shop.run("forget", known, "--yes"), 2, "--key or --user")
    shop.refuses(shop.run("forget", known, "--user", "a", "--key", "1", "--yes"), 2, "--key or --user")
    shop.write({"sync": "keyless", "source.key": None})
    shop.refuses(shop.run("forget", shop.folder / "keyless.yaml", "--key", "1", "--yes"), 2, "--user")
    shop.orders(range(11, 100))
    shop.sandbox.set_faults({"rules": [{"fault": "hang"}]})
    shop.sql("update orders set created_at = '2041-03-01 00:00:00' where order_id > 10")
    shop.write({"source.future": "9999d", "mapping.timestamp": {"sql": "TIMESTAMP '2024-01-01'"}})
    process = shop.start("run", known)
    wait_for(lambda: shop.sandbox.counters()["in_flight"])
    shop.refuses(shop.run("forget", known, "--user", CANARY, "--yes"), 3, str(process.pid))
    process.kill()
    end(process)
    assert CANARY.encode() in shop.stored()


def test_a_backup_of_a_migration_is_named(shop, known):
    backup = shop.state.with_name("state.db.v1.bak")
    with sqlite3.connect(backup) as copy:
        copy.execute("create table t(x)")
    copy.close()
    ended = shop.run("forget", known, "--user", CANARY, "--yes")
    assert ended.code == 0
    assert str(backup) in ended.err


def test_rejects_whose_message_names_the_user(shop):
    """The server's words too: but only where they name the user, not a longer one."""
    shop.orders(range(1, 21))
    shop.sql("update orders set email = 'xuser7@shop.example' where order_id = 17")
    shop.sandbox.set_faults({"poison": ["user7@"], "quote_refused": True})
    path = shop.write({"rejects": {"keep_rows": False}})
    assert shop.run("run", path).code == 0
    assert shop.run("forget", path, "--user", "user7@shop.example", "--yes").code == 0
    assert [line["key"] for line in rejects(shop, path)] == [[17]]
    assert b"xuser7@" in shop.stored()
    assert shop.stored().count(b"user7@") == shop.stored().count(b"xuser7@")
