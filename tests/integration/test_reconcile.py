"""What the source holds against what was sent: found by ``reconcile``, mended by --fix, sent again, and built anew."""

from __future__ import annotations

from collections import Counter

import pytest
from database_sources import DIALECTS, Database, add, fresh_database, orders

ROWS = [(n, n / 10) for n in range(1, 41)]
CLEAN = {"missing": 0, "outdated": 0, "gone": 0, "waiting": 0}


@pytest.fixture(params=DIALECTS)
def database(request, tmp_path) -> Database:
    found = fresh_database(request, tmp_path)
    orders(found, ROWS)
    return found


@pytest.fixture
def sync(shop, database):
    """A sync of forty users, all of them sent, of which what was sent is kept."""
    path = write(shop, database)
    assert shop.run("run", path).code == 0
    return path


def write(shop, database, **source):
    return shop.write(
        {
            "source": {
                "type": "database",
                "url": database.url,
                "table": "orders",
                "cursor": "moved",
                "key": "id",
                "settle": 0,
                "track_keys": True,
                **source,
            },
            "mapping": {"kind": "identify", "userId": "id", "userAttributes": {"orderId": "note"}},
        }
    )


def found(shop, sync, *options):
    ended = shop.run("reconcile", sync, "--json", *options)
    shop.keeps_secrets(ended)
    assert ended.out, ended
    first = ended.lines[0]
    return ended.code, {name: first[name] for name in CLEAN}, first


def received(shop):
    return Counter(stored.item["userAttributes"]["orderId"] for stored in shop.sandbox.items())


def disturb(database):
    """A row below the watermark that no run has seen, an update and a delete below it, and an update above it."""
    add(database, [(100, 0.55)])
    database.run(
        "update orders set moved = '2024-01-01 00:00:01.250000', note = 'changed' where id = 5",
        "delete from orders where id = 30",
        "update orders set moved = '2024-01-01 00:00:09.000000' where id = 31",
    )


@pytest.mark.parametrize("exact", [[], ["--exact"]], ids=["counted", "exact"])
def test_what_differs_is_found_and_mended(shop, database, sync, exact):
    assert found(shop, sync, *exact)[:2] == (0, CLEAN)
    disturb(database)
    code, differs, _ = found(shop, sync, *exact)
    assert (code, differs) == (5, {"missing": 1, "outdated": 1, "gone": 1, "waiting": 1})
    before = received(shop)
    found(shop, sync, *exact, "--fix")
    assert received(shop) - before == Counter(["n100", "changed"])
    assert found(shop, sync, *exact)[1] == {**CLEAN, "waiting": 1}
    assert shop.run("run", "--json", sync).counts["unchanged"] == 1
    assert found(shop, sync, *exact)[:2] == (0, CLEAN)


def test_only_ranges_that_differ_are_read(shop, database, sync):
    """Where an index leads to them and the source can sum the cursor: not in SQLite, whose times are texts."""
    add(database, [(100, 0.55)])
    _, differs, said = found(shop, sync)
    assert differs == {**CLEAN, "missing": 1}
    if database.dialect in ("sqlite", "duckdb"):
        assert (said["ranges"], said["read"]) == (0, 41)
    else:
        assert said["ranges"] > said["differing"] == 1


def test_a_part_of_the_cursor(shop, database, sync):
    disturb(database)
    low, high = "2024-01-01T00:00:01", "2024-01-01T00:00:02.5"
    if database.dialect == "sqlite":
        shop.refuses(shop.run("reconcile", sync, "--from", low), 2, "no value of the cursor")
        return
    assert found(shop, sync, "--from", low, "--to", high)[1] == {**CLEAN, "outdated": 1}
    assert found(shop, sync, "--to", low)[1] == {**CLEAN, "missing": 1}
    assert found(shop, sync, "--from", high, "--exact")[1] == {**CLEAN, "gone": 1, "waiting": 1}
    shop.refuses(
        shop.run("reconcile", sync, "--from", "yesterday"), 2, "'yesterday' is no value of the cursor"
    )


def test_a_sync_that_keeps_nothing(shop, database):
    path = write(shop, database, track_keys=False)
    assert shop.run("run", path).code == 0
    shop.refuses(shop.run("reconcile", path, "--fix"), 2, "track_keys")
    path = write(shop, database)
    shop.refuses(shop.run("reconcile", path), 3, "state rebuild")
    shop.refuses(shop.run("run", path), 3, "state rebuild")


def test_rebuilt_as_sent_or_unsent(shop, database):
    """A person says what was sent before it was kept."""
    path = write(shop, database, track_keys=False)
    assert shop.run("run", path).code == 0
    path = write(shop, database)
    sent = shop.run("state", "rebuild", path, "--assume", "sent")
    assert (sent.code, "40 rows" in sent.out) == (0, True)
    assert found(shop, path)[:2] == (0, CLEAN)
    again, news = shop.run("run", "--resend", "changed", "--json", path).lines
    assert (again["counts"]["unchanged"], again["counts"]["delivered"]) == (40, 0)
    assert shop.run("state", "rebuild", path, "--assume", "unsent").code == 0
    again, news = shop.run("run", "--resend", "changed", "--json", path).lines
    assert (again["counts"]["delivered"], news["counts"]["read"]) == (40, 0)


def test_sent_again(shop, database, sync):
    """All, what a mapping change has changed, or the rows of some keys; the watermark stays."""
    before = shop.run("state", "show", "--json", sync).out
    again, _ = shop.run("run", "--resend", "all", "--json", sync).lines
    assert again["counts"]["delivered"] == 40
    config = shop.config()
    del config
    path = write(shop, database)
    text = path.read_text("utf-8")
    path.write_text(
        text.replace(
            '"orderId": "note"', '"orderId": "note", "vip": {"sql": "case when id = 7 then true end"}'
        )
    )
    again, news = shop.run("run", "--resend", "changed", "--json", path).lines
    assert (again["counts"]["delivered"], again["counts"]["unchanged"], news["counts"]["read"]) == (1, 39, 0)
    one = shop.run("run", "--key", "3", "--key", "[4]", "--key", "999", "--json", path)
    assert one.counts["delivered"] == 2
    assert "1 of 3 keys" in one.err
    assert shop.run("state", "show", "--json", path).out == before
