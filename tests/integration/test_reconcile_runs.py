"""Where nothing is known of single rows, what each run read is compared with what lies between its cursors now."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from database_sources import DIALECTS, add, fresh_database, orders, stamp

FAR = "2037-01-01 00:00:00"


@pytest.fixture(params=DIALECTS)
def database(request, tmp_path):
    found = fresh_database(request, tmp_path)
    orders(found, [(n, n / 10) for n in range(1, 21)])
    return found


def write(shop, database, **source):
    where = {"type": "database", "url": database.url, "table": "orders"}
    read = {"cursor": "moved", "key": "id", "settle": 0}
    mapping = {"kind": "identify", "userId": "id", "userAttributes": {"orderId": "note"}}
    settings = {name: value for name, value in {**where, **read, **source}.items() if value is not None}
    return shop.write({"source": settings, "mapping": mapping})


def found(shop, sync):
    ended = shop.run("reconcile", sync, "--json")
    assert ended.out, ended
    assert "hide each other" in ended.err
    [said] = ended.lines
    places = [(one["read"], one["there"]) for one in said["where"]]
    return ended.code, (said["runs"], said["read"], said["there"]), places


@pytest.fixture
def sync(shop, database):
    """Three runs that read 20, 5 and 5 rows; one between them found nothing."""
    path = write(shop, database)
    assert shop.run("run", path).code == 0
    for first in (21, 26):
        add(database, [(n, n / 10) for n in range(first, first + 5)])
        assert shop.run("run", path).code == 0
        assert shop.run("run", path).code == 0
    return path


def test_it_says_in_which_range_rows_are_missing(shop, database, sync):
    assert found(shop, sync) == (0, (3, 30, 30), [])
    add(database, [(100, 0.55), (101, 2.25), (102, 2.35)])
    assert found(shop, sync) == (5, (3, 30, 33), [(20, 21), (5, 7)])
    shown = shop.run("reconcile", sync)
    assert shown.code == 5
    assert "missing: more rows than were read" in shown.out
    assert stamp(2).replace(" ", "")[:10] in shown.out
    shop.keeps_secrets(shown)


def test_rows_that_are_gone_or_have_changed_are_no_proof(shop, database, sync):
    """They lie in a later range by now, or nowhere."""
    database.run("delete from orders where id = 3", f"update orders set moved = '{stamp(9)}' where id = 22")
    assert found(shop, sync) == (0, (3, 30, 28), [(20, 19), (5, 4)])
    assert shop.run("run", sync).code == 0
    assert found(shop, sync) == (0, (4, 31, 29), [(20, 19), (5, 4)])


def test_runs_that_move_nothing_do_not_count(shop, database, sync):
    assert shop.run("run", "--resend", "all", sync).code in (0, 2)
    assert shop.run("run", "--key", "3", sync).code == 0
    assert found(shop, sync) == (0, (3, 30, 30), [])


@pytest.mark.parametrize("key", ["id", None])
@pytest.mark.parametrize("index", [True, False])
def test_rows_at_one_cursor_may_be_read_by_two_runs(shop, database, key, index):
    """However a limit divides them; what is missing there is found all the same."""
    database.run("drop table orders")
    orders(database, [(n, n // 6) for n in range(1, 31)], index=index)
    path = write(shop, database, key=key)
    for _ in range(5):
        assert shop.run("run", "--limit", "4", path).code == 0
    runs, read, there = found(shop, path)[1]
    assert (read, there) == (20, 20)
    assert runs == 4  # one of them came no further than to the same cursor
    assert found(shop, path)[::2] == (0, [])
    database.run(f"insert into orders values (0, '{stamp(1)}', 'n0')")
    assert found(shop, path)[0] == 5


def test_rows_of_the_future(shop, database):
    """They are read in one run, and lie in the range of a later one; one that changes is read in both."""
    database.run(f"update orders set moved = '{FAR}' where id in (3, 4)")
    path = write(shop, database)
    assert shop.run("run", path).code == 0
    assert found(shop, path) == (0, (1, 18, 18), [])
    database.run(
        f"update orders set moved = '{stamp(50)}' where id = 4",
        f"insert into orders values (50, '{FAR}', 'x')",
    )
    assert shop.run("run", path).code == 0
    assert found(shop, path) == (0, (2, 20, 19), [(2, 1)])


def test_a_run_that_was_killed(shop, database, sync):
    """The next run tells where it had come to."""
    add(database, [(n, n / 10) for n in range(31, 36)])
    assert shop.run("run", sync).code == 0
    last = "(select run_id from connector_runs order by started desc limit 1)"
    state = shop.folder / ".connector" / "state.db"
    with closing(sqlite3.connect(state)) as connection, connection:
        (counts,) = connection.execute(f"select counts from connector_runs where run_id = {last}").fetchone()
        values = {name: value for name, value in json.loads(counts).items() if name != "moved"}
        assert len(values) < len(json.loads(counts))
        connection.execute(
            f"update connector_runs set exit_code = null, counts = ? where run_id = {last}",
            (json.dumps(values),),
        )
    assert found(shop, sync) == (0, (4, 35, 35), [])
    add(database, [(n, n / 10) for n in range(36, 40)])
    assert shop.run("run", sync).code == 0
    assert found(shop, sync) == (0, (5, 39, 39), [])


def test_what_would_need_each_row_is_refused(shop, database, sync):
    shop.refuses(shop.run("reconcile", sync, "--fix"), 2, "--fix would need to know each row")
    shop.refuses(shop.run("reconcile", sync, "--exact"), 2, "track_keys")
    shop.refuses(shop.run("reconcile", sync, "--from", "2024-01-01"), 2, "track_keys")
    passes = write(shop, database, mode="full", cursor=None)
    shop.refuses(shop.run("reconcile", passes, "--state", "other.db"), 2, "no cursor")


def test_runs_that_told_nothing(shop, database):
    path = write(shop, database)
    shop.refuses(shop.run("reconcile", path), 3)
    assert shop.run("run", "--limit", "5", path).code == 0
    database.run("delete from orders")
    state = shop.folder / ".connector" / "state.db"
    with closing(sqlite3.connect(state)) as connection, connection:
        connection.execute("delete from connector_runs")
    shop.refuses(shop.run("reconcile", path), 3, "no run")
