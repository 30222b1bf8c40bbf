"""A plan says what a run then does, to the row and to the byte; it sends nothing and writes nothing."""

import json
import signal
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from shop import end, wait_for

DIFF = {"source.mode": "diff", "source.cursor": None}
GONE = {"kind": "event", "event": "Cancelled", "accountId": {"template": "order-{order_id}"}}
COUNTED = ("read", "delivered", "rejected", "unchanged", "filtered", "items", "requests")


def counted(counts):
    return {name: counts[name] for name in COUNTED}


def planned(shop, path, *options):
    """Return a plan, having made sure that nothing came of it."""
    requests = sum(shop.sandbox.counters()["statuses"].values())
    before = shop.state.read_bytes() if shop.state.exists() else None
    ended = shop.run("plan", "--json", *options, path)
    assert sum(shop.sandbox.counters()["statuses"].values()) == requests
    assert (shop.state.read_bytes() if shop.state.exists() else None) == before
    [plan] = ended.lines
    assert plan["exit_code"] == ended.code
    return plan


def foreseen(shop, path, *options):
    """Plan, run, and assert that the one has foreseen the other; return the plan."""
    plan = planned(shop, path, *options)
    bodies = shop.run("run", "--dry-run", *options, path).out
    ended = shop.run("run", "--json", *options, path)
    [report] = ended.lines
    assert counted(plan["counts"]) == counted(report["counts"])
    assert (plan["exit_code"], plan["rejects"]) == (ended.code, report["rejects"])
    assert plan["bytes"] == len(bodies.encode()) - plan["counts"]["requests"]  # a line break each
    assert [*map(str, plan["errors"])] == [report["error"]] * bool(report["error"])
    return plan


# ── it is what a run then does ───────────────────────────────────────────────────────────────────────


def test_first_and_following_runs(shop):
    """From no state on; what is unchanged, rejected and filtered is foreseen, and so is a run with a limit."""
    shop.orders(range(1, 61))
    shop.sql("update orders set email = null where order_id in (3, 4)")
    path = shop.write({"source.track_keys": True, "mapping.when": "order_id <> 9"})
    assert foreseen(shop, path, "--limit", 25)["first_run"]
    rest = foreseen(shop, path)
    assert (rest["first_run"], rest["counts"]["delivered"]) == (False, 35)
    shop.orders(range(40, 80), minutes=9)
    again = foreseen(shop, path)
    assert (again["counts"]["unchanged"], again["counts"]["delivered"]) == (21, 19)
    assert foreseen(shop, path)["counts"]["read"] == 0


@pytest.mark.parametrize("mode", ["incremental", "full", "diff"])
def test_files(shop, mode):
    shop.parts("a.parquet", range(1, 31))
    path = shop.write({"source.mode": mode}, parquet=True)
    assert foreseen(shop, path)["counts"]["items"] == 30
    shop.parts("b.parquet", range(31, 36))
    expected = {"incremental": 5, "full": 35, "diff": 5}
    assert foreseen(shop, path)["counts"]["items"] == expected[mode]


def test_postgresql(shop, postgres_url):
    """Rows beyond the horizon wait in the plan, as they do in the run."""
    engine = sa.create_engine(postgres_url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "create table orders(order_id bigint primary key, email text, at timestamptz)"
        )
        insert = "insert into orders select n, 'a@b.c', now() - interval '1 h' from generate_series({}, {}) n"
        connection.exec_driver_sql(insert.format(1, 20))
    path = shop.write(
        {
            "source.url": postgres_url,
            "source.cursor": "at",
            "mapping.timestamp": "at",
            "mapping.data": {"orderId": "order_id"},
        }
    )
    assert foreseen(shop, path)["counts"]["delivered"] == 20
    with engine.begin() as open_transaction:
        open_transaction.exec_driver_sql("select 1 from orders")
        with engine.begin() as connection:
            connection.exec_driver_sql("insert into orders values (30, 'a@b.c', now())")
        plan = foreseen(shop, path)
        assert plan["counts"]["read"] == 0
        assert "Late rows" in plan["notes"][0]


def test_vanished_rows(shop):
    """What vanished is counted, whether it is told of or not; the guard that would hold it back ends the plan with 5."""
    shop.orders(range(1, 101))
    path = shop.write({**DIFF, "source.on_delete": GONE, "mapping.events": "per_version"})
    foreseen(shop, path)
    shop.sql("delete from orders where order_id <= 4")
    plan = foreseen(shop, path)
    assert plan["vanished"] == {"rows": 4, "of": 100, "told": True, "held": False}
    assert (plan["counts"]["items"], plan["counts"]["unchanged"]) == (4, 96)
    shop.sql("delete from orders where order_id <= 50", "update orders set total = 1 where order_id = 51")
    plan = foreseen(shop, path)
    assert plan["vanished"] == {"rows": 46, "of": 96, "told": False, "held": True}
    assert (plan["exit_code"], plan["counts"]["items"]) == (5, 1)
    assert "--accept deletes" in plan["errors"][0]
    assert foreseen(shop, path, "--accept", "deletes")["vanished"]["told"]
    assert planned(shop, path, "--limit", 5)["vanished"] is None


def test_rows_that_no_request_can_hold(shop):
    shop.orders(range(1, 21))
    shop.sql("update orders set label = hex(zeroblob(600)) where order_id = 7")
    data = {"orderId": "order_id", "label": "label"}
    plan = planned(shop, path := shop.write({"mapping.data": data, "destination.max_bytes": 1000}))
    assert (plan["rejects"], plan["counts"]["delivered"]) == ({"item_too_large": 1}, 19)
    [report] = shop.run("run", "--json", path).lines
    assert counted(report["counts"]) == counted(plan["counts"])
    assert report["rejects"] == plan["rejects"]


def test_ceilings_of_rejects(shop):
    """Where all rows would be rejected, or too many, a plan ends with 4 as a run does."""
    shop.orders(range(1, 41))
    shop.sql("update orders set email = null")
    path = shop.write()
    assert foreseen(shop, path)["exit_code"] == 4
    shop.orders(range(100, 140))
    shop.sql("update orders set email = null where order_id > 120")
    config = shop.config()
    path.write_text(json.dumps({**config, "rejects": {"max": "10%", "after": 20}}))
    plan = planned(shop, path)
    assert (plan["exit_code"], plan["counts"]["read"]) == (4, 40)
    assert "rejects.max" in plan["errors"][0]


def test_what_a_killed_run_has_sent(shop):
    """What was acknowledged beyond the watermark is not counted as to be sent."""
    shop.orders(range(1, 201))
    path = shop.write({"destination.concurrency": 4})
    shop.sandbox.set_faults({"rules": [{"fault": "hang", "every": 7}]})
    process = shop.start("run", path)
    try:
        wait_for(lambda: process.poll() is not None or shop.sandbox.counters()["accepted"] >= 60)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    shop.sandbox.set_faults({})
    foreseen(shop, path)
    assert shop.received().keys() == set(range(1, 201))


# ── what stands in the way ───────────────────────────────────────────────────────────────────────────


def test_drift(shop):
    """A plan stops where drift would stop the run, and goes on where a person would let it."""
    shop.orders(range(1, 11))
    path = shop.write({"mapping.data": {"orderId": "order_id", "label": "label"}})
    foreseen(shop, path)
    shop.sql("alter table orders drop column label", "alter table orders add column note text")
    path = shop.write({"mapping.data": {"orderId": "order_id"}})
    plan = planned(shop, path)
    assert (plan["exit_code"], plan["mapping_changed"]) == (0, True)
    assert any("note (TEXT)" in note or "note (text)" in note for note in plan["notes"])
    path = shop.write({"mapping.data": {"orderId": "order_id", "label": "label"}})
    plan = planned(shop, path)
    assert (plan["exit_code"], plan["counts"]["read"]) == (5, 0)
    assert "label" in plan["errors"][0]


def test_another_destination(shop):
    shop.orders(range(1, 11))
    foreseen(shop, shop.write())
    path = shop.write({"destination.project": "elsewhere"})
    plan = planned(shop, path)
    assert plan["exit_code"] == 5
    assert "--adopt" in plan["errors"][0]
    assert planned(shop, path, "--adopt")["exit_code"] == 0


def test_what_was_sent_is_not_known(shop):
    """Where a run cannot begin before a person has said what was sent, a plan says so."""
    shop.orders(range(1, 11))
    foreseen(shop, shop.write())
    plan = foreseen(shop, shop.write({"source.track_keys": True}))
    assert plan["exit_code"] == 3
    assert "state rebuild" in plan["errors"][0]


def test_exit_codes(shop, tmp_path):
    """2 for what is wrong, 3 for what is away; of several syncs the worst counts, and each is in the output."""
    shop.orders(range(1, 11))
    shop.write()
    shop.write({"sync": "away", "source.url": "postgresql://nobody@127.0.0.1:1/none"})
    wrong = shop.write({"sync": "wrong", "mapping.userId": "emial"})
    ended = shop.run("plan", "--json", shop.folder)
    assert {line["sync"]: line["exit_code"] for line in ended.lines} == {"away": 3, "orders": 0, "wrong": 2}
    assert ended.code == 2
    assert "emial" in ended.err
    wrong.unlink()
    ended = shop.run("plan", shop.folder)
    assert ended.code == 3
    assert "orders" in ended.out
    state = tmp_path / "state.db"
    state.write_text("no database")
    ended = shop.run("plan", shop.folder / "orders.yaml", "--state", state)
    assert ended.code == 3
    shop.keeps_secrets(ended)


# ── what else is told ────────────────────────────────────────────────────────────────────────────────


def test_a_changed_mapping(shop):
    """--resend counts what of the rows sent before would be sent anew, and the run then sends just that."""
    shop.orders(range(1, 31))
    path = shop.write({"source.track_keys": True})
    foreseen(shop, path)
    shop.orders(range(31, 36))
    changed = {"sql": "case when order_id <= 12 then total * 2 else total end"}
    path = shop.write({"source.track_keys": True, "mapping.data": {"orderId": "order_id", "amount": changed}})
    plan = planned(shop, path)
    assert (plan["mapping_changed"], plan["resend"], plan["counts"]["items"]) == (True, None, 5)
    assert any("plan --resend changed" in note for note in plan["notes"])
    plan = planned(shop, path, "--resend", "changed")
    resend, news = (
        report["counts"] for report in shop.run("run", "--json", "--resend", "changed", path).lines
    )
    assert counted(plan["resend"]["counts"]) == counted(resend)
    assert counted(plan["counts"]) == counted(news)
    assert resend["items"] == 12
    refused = shop.run("plan", "--resend", "changed", shop.write())
    assert refused.code == 2
    assert "--resend all" in refused.err


def test_time(shop):
    """The pace is not known at first, then taken from a run, then from what tuning has measured; rates hold it down."""
    shop.orders(range(1, 11))
    path = shop.write()
    plan = planned(shop, path)
    assert (plan["pace"], plan["seconds"]["total"]) == (None, None)
    assert min(plan["seconds"]["reading"], plan["seconds"]["mapping"]) > 0
    shop.run("run", path)
    shop.orders(range(11, 1211))
    assert planned(shop, path)["pace"]["known_from"] == "report"
    shop.run("run", path)
    shop.orders(range(2000, 2010))
    plan = planned(shop, path)
    assert plan["pace"]["known_from"] == "measured"
    assert plan["seconds"]["sending"] == pytest.approx(10 / plan["pace"]["items_per_second"])
    path = shop.write({"destination.max_items_per_second": 2})
    plan = planned(shop, path)
    assert plan["seconds"]["total"] >= plan["seconds"]["sending"] == 5
    assert (plan["request"]["max_items"], plan["counts"]["requests"]) == (2, 5)


def test_samples(shop):
    """The first items stand as they would be sent; without samples no value of a row is printed."""
    shop.orders(range(1, 31))
    path = shop.write()
    first = json.loads(shop.run("run", "--dry-run", path).out.splitlines()[0])
    items = first["track"][0]["payload"][:3]
    assert planned(shop, path)["samples"] == [{"name": "Purchase", **item} for item in items]
    assert len(planned(shop, path, "--samples", 12)["samples"]) == 12
    shown = shop.run("plan", path)
    assert "user3@shop.example" in shown.out
    assert "user4@" not in shown.out
    silent = shop.run("plan", "--samples", 0, path)
    assert "shop.example" not in silent.out + silent.err


def test_beside_a_run(shop):
    """A plan needs no lane: it is made while a run goes on, and says so; both are processes of their own."""
    shop.orders(range(1, 201))
    path = shop.write()
    shop.sandbox.set_faults({"rules": [{"fault": "hang", "from_nth": 5}]})
    process = shop.start("run", "--json", path)
    try:
        wait_for(lambda: process.poll() is not None or _hangs(shop.sandbox.counters()))
        ended = shop.execute("plan", "--json", path)
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()
    [plan] = ended.lines
    assert ended.code == 0
    assert 0 < plan["counts"]["read"] < 200
    assert any("a run of this sync goes on" in note for note in plan["notes"])


def _hangs(counters):
    """Tell whether some requests were answered, and others hang."""
    return counters["accepted"] and counters["in_flight"] >= 4


def test_a_stop(shop):
    """A signal ends a plan with 3; it prints what it has counted until then."""
    shop.orders(range(1, 11))
    shop.sql(
        "insert into orders with recursive n(i) as (select 11 union all select i + 1 from n where i < 400000)"
        " select i, 'a@b.c', 1, 1, 'l', '2024-01-02 00:00:00', null from n"
    )
    process = shop.start("plan", "--json", shop.write())
    wait_for(lambda: process.poll() is not None or reads(process.pid, shop.folder / "shop.db"))
    process.send_signal(signal.SIGTERM)
    ended = end(process)
    shop.refuses(ended, 3, "orders: stopped by a signal", "read until then")
    assert ended.lines[0]["exit_code"] == 3


def reads(pid, file):
    """Tell whether a process has a file open."""
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            if each.readlink() == file:
                return True
    return False
