"""A backfill beside the live lane: every version once, in order, whatever changes meanwhile."""

from __future__ import annotations

import json
import threading
from collections import Counter

import pytest
from database_sources import Database
from filling import People
from shop import Shop, end, wait_for


@pytest.fixture(params=["sqlite", "postgresql"])
def people(request: pytest.FixtureRequest, shop: Shop) -> People:
    """An empty table of people."""
    if request.param == "sqlite":
        return People(shop, Database("sqlite", f"sqlite:///{shop.folder / 'people.db'}"))
    return People(shop, Database("postgresql", request.getfixturevalue("postgres_url")))


def test_a_new_sync_is_filled_while_its_live_lane_runs_and_people_change(people: People) -> None:
    """No version arrives after a newer one, none twice, and in the end everybody is as in the table (invariant 10)."""
    people.put(6_000)
    path = people.sync()
    people.shop.sandbox.set_faults({"latency": 0.01, "jitter": 0.03})
    words = ("--slice-rows", "500", "--workers", "3", "--executor", "threads")
    with people.changing() as made:
        process = people.shop.start("backfill", path, "--json", *words)
        begun = ("backfill", path, "--status", "--json")
        wait_for(lambda: people.shop.run(*begun).lines[0]["backfill"])
        runs = 0
        while process.poll() is None:
            ended = people.shop.run("run", "--json", path)
            assert ended.code == 0, ended
            runs += 1
        [report] = end(process).lines
    assert (report["exit_code"], report["done"], report["slices"]["done"]) == (0, True, 12)
    assert runs > 1
    assert made["updates"] > 100
    people.settles(path)
    people.judge()


def test_an_old_sync_is_filled_below_its_watermark_only(shop: Shop) -> None:
    """What its first run left out is filled, what it has read is not sent again, and its next run reads what is new."""
    shop.orders(range(1, 1001))
    path = shop.write({"source.start": "2024-01-01 00:10:00"})
    assert shop.run("run", path).code == 0
    assert sorted(shop.received()) == list(range(600, 1001))
    ended = shop.run(
        "backfill",
        path,
        "--to",
        "2024-01-01 00:10:00",
        "--slice-rows",
        "100",
        "--executor",
        "threads",
        "--json",
    )
    assert ended.code == 0, ended
    [report] = ended.lines
    assert (report["counts"]["delivered"], report["slices"]["done"]) == (599, 6)
    shop.orders(range(1001, 1011))
    shop.delivers(path, range(1, 1011))


def test_the_range_is_the_seam_of_a_new_sync(shop: Shop) -> None:
    """What lies above --to is the live lane's, what lies below --from nobody's."""
    shop.orders(range(1, 1001))
    path = shop.write()
    words = ("--from", "2024-01-01 00:02:00", "--to", "2024-01-01 00:05:00", "--executor", "threads")
    assert shop.run("backfill", path, *words).code == 0
    assert shop.received() == Counter(range(120, 300))
    shop.delivers(path, range(120, 1001))


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_the_order_of_slices(shop: Shop, order: str) -> None:
    """The newest or the oldest come first; within a slice it is the source's order."""
    shop.orders(range(1, 301))
    path = shop.write({"destination.concurrency": 1})
    words = ("--order", order, "--workers", "1", "--slice-rows", "100", "--executor", "threads")
    assert shop.run("backfill", path, *words).code == 0
    arrived = [stored.item["data"]["orderId"] for stored in shop.sandbox.items()]
    firsts = (1, 101, 201) if order == "oldest" else (201, 101, 1)
    assert arrived == [row for first in firsts for row in range(first, first + 100)]


def test_slices_of_the_key_where_the_cursor_has_no_index(shop: Shop) -> None:
    """The plan warns what slices of the cursor cost, and key ranges cost nothing of that kind."""
    shop.orders(range(1, 501))
    shop.sql("drop index orders_new")
    path = shop.write()
    planned = shop.run("backfill", path, "--plan", "--slices", "5")
    assert planned.code == 0
    assert "--by key" in planned.err
    assert "about 2,500 rows looked at for 500" in planned.err
    assert "reads the whole table" not in shop.run("backfill", path, "--plan", "--by", "key").err
    words = ("--by", "key", "--slices", "5", "--executor", "threads", "--json")
    ended = shop.run("backfill", path, *words)
    assert ended.lines[0]["slices"]["done"] == 5
    assert shop.received() == Counter(range(1, 501))
    shop.orders(range(501, 511))
    shop.delivers(path, range(1, 511))


def test_files(shop: Shop) -> None:
    """Files are filled slice by slice, large ones in parts; the live lane reads what comes later."""
    shop.parts("a.parquet", range(2_500))
    shop.parts("b.parquet", range(2_500, 2_600))
    shop.parts("c.parquet", range(2_600, 2_700))
    path = shop.write({"mapping": EVENTS}, parquet=True)
    words = ("--slice-rows", "1000", "--executor", "threads", "--json", "--to", "c")
    ended = shop.run("backfill", path, *words)
    assert ended.code == 0, ended
    assert ended.lines[0]["counts"]["delivered"] == 2_600
    assert ended.lines[0]["slices"]["done"] == 3
    assert shop.received() == Counter(range(2_600))
    shop.parts("d.parquet", range(2_700, 2_710))
    shop.delivers(path, range(2_710))


EVENTS = {
    "kind": "event", "event": "Seen", "userId": {"template": "u{part_id}"}, "timestamp": {"value": 1_700_000_000_000},
    "data": {"orderId": "part_id"},
}  # fmt: skip


def test_entities_of_several_rows_keep_the_live_lane_waiting(shop: Shop) -> None:
    """Files may tell of one product many times: slices come one after the other, and the live lane reads nothing."""
    shop.parts("a.parquet", range(50))
    path = shop.write(parquet=True)
    shop.refuses(shop.run("backfill", path), 2, "several rows may tell of one entity")
    words = ("--order", "oldest", "--workers", "1", "--executor", "threads", "--slice-rows", "20")
    shop.sandbox.set_faults({"rules": [{"fault": "status", "status": 401, "next": 100}]})
    assert shop.run("backfill", path, *words).code == 2
    shop.parts("b.parquet", range(10))
    waiting = shop.run("run", "--json", path)
    assert "nothing is read until it is" in waiting.err
    assert waiting.counts["read"] == 0
    shop.sandbox.set_faults({})
    assert shop.run("backfill", path, "--retry").code == 0
    assert shop.run("run", path).code == 0
    assert shop.received() == Counter({str(n): 2 if n < 10 else 1 for n in range(50)})


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"mapping.timestamp": None}, "mapping.timestamp"),
        ({"source.key": None}, "source.key"),
        ({"source.mode": "full", "source.cursor": None}, "reads everything"),
    ],
)
def test_what_no_backfill_is_made_of(shop: Shop, changes: dict[str, object], word: str) -> None:
    """It is refused before anything is written, and the refusal says what to do."""
    shop.orders(range(1, 5))
    path = shop.write(changes)
    shop.refuses(shop.run("backfill", path), 2, word)
    assert shop.received() == Counter()


def test_an_interrupted_one_goes_on(shop: Shop) -> None:
    """Ctrl-C ends it with 3, the same command goes on with it, another range is refused, and no row comes twice."""
    shop.orders(range(1, 3_001))
    path = shop.write()
    shop.sandbox.set_faults({"latency": 0.02})
    words = ("--slice-rows", "200", "--json")
    process = shop.start("backfill", path, *words)
    wait_for(lambda: shop.sandbox.counters()["accepted"] > 300)
    process.send_signal(2)
    stopped = end(process)
    assert stopped.code == 3, stopped
    assert "--resume" in stopped.err
    [status] = shop.run("backfill", path, "--status", "--json").lines
    assert (status["state"], status["running"], status["failed"]) == ("stopped", 0, 0)
    assert 0 < status["done"] + status["planned"] == 15
    shop.refuses(shop.run("backfill", path, "--to", "2024-01-01"), 2, "another backfill")
    shop.sandbox.set_faults({})
    assert shop.run("backfill", path, *words).code == 0
    assert shop.received() == Counter(range(1, 3_001))
    assert shop.run("backfill", path, "--status", "--json").lines[0]["state"] == "done"
    assert shop.run("run", "--json", path).counts["read"] == 0


def test_a_pause_reaches_workers_wherever_they_are(shop: Shop) -> None:
    """It holds nothing back then, and goes on when told to."""
    shop.orders(range(1, 2_001))
    path = shop.write()
    shop.sandbox.set_faults({"latency": 0.02})
    process = shop.start("backfill", path, "--slice-rows", "200")
    wait_for(lambda: shop.sandbox.counters()["accepted"] > 200)
    assert shop.run("backfill", path, "--pause").code == 0
    assert end(process).code == 3
    assert shop.run("backfill", path, "--status", "--json").lines[0]["state"] == "paused"
    shop.sandbox.set_faults({})
    assert shop.run("backfill", path, "--resume", "--executor", "threads").code == 0
    assert shop.received() == Counter(range(1, 2_001))


def test_a_failed_slice_is_tried_again_when_asked(shop: Shop) -> None:
    """The others are done; the report says which failed and why."""
    shop.orders(range(1, 301))
    shop.sql("update orders set email = null where order_id between 101 and 110")
    path = shop.write({"rejects": {"max": "1%", "after": 50}} | {"destination.max_items": 50})
    words = ("--slice-rows", "100", "--workers", "1", "--executor", "threads", "--json")
    ended = shop.run("backfill", path, *words)
    assert ended.code == 4, ended
    [report] = ended.lines
    assert report["slices"] == {"planned": 0, "running": 0, "done": 2, "failed": 1}
    assert "rejected" in report["failed"]["2"]
    shop.sql("update orders set email = 'x@y.z' where email is null")
    path.write_text(json.dumps({**json.loads(path.read_text()), "rejects": {"max": "50%"}}))
    assert shop.run("backfill", path, "--retry", "--executor", "threads").code == 0


def test_what_must_not_happen_meanwhile_is_refused(shop: Shop) -> None:
    """A re-send waits for the slices, and so does forgetting; state that is reset forgets the backfill."""
    shop.orders(range(1, 2_001))
    path = shop.write()
    shop.sandbox.set_faults({"latency": 0.03})
    process = shop.start("backfill", path, "--slice-rows", "500", "--workers", "1")
    wait_for(lambda: shop.sandbox.counters()["accepted"] > 100)
    for words in (("run", "--resend", "all", path), ("forget", path, "--key", "7", "--yes")):
        shop.refuses(shop.run(*words), 3, "a backfill of sync orders is at work")
    shop.refuses(shop.run("backfill", path), 3, "held by process")
    shop.refuses(shop.run("state", "reset", path, "--yes"), 3, "held by process")
    process.kill()
    end(process)
    assert shop.run("backfill", path, "--abandon").code in (0, 3)
    wait_for(lambda: shop.run("state", "reset", path, "--yes").code == 0)
    assert shop.run("backfill", path, "--status", "--json").lines == [{"sync": "orders", "backfill": None}]


def test_two_at_once_find_one_ledger(shop: Shop) -> None:
    """Whoever comes second is told who drives it."""
    shop.orders(range(1, 1_001))
    path = shop.write()
    codes: list[int] = []

    def drive() -> None:
        codes.append(shop.execute("backfill", path, "--slice-rows", "100", "--executor", "threads").code)

    threads = [threading.Thread(target=drive) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(codes) <= {0, 2, 3}
    assert 0 in codes
    shop.delivers(path, range(1, 1_001))


def test_a_state_on_a_server(shop: Shop, postgres_url: str) -> None:
    """The ledger lies there too, and several processes take slices from it."""
    shop.orders(range(1, 1_001))
    path = shop.write()
    words = ("--state", postgres_url.replace("postgresql://", "postgresql+psycopg://"))
    ended = shop.execute("backfill", path, "--slice-rows", "100", "--workers", "3", "--json", *words)
    assert ended.code == 0, ended
    assert ended.lines[0]["slices"]["done"] == 10
    assert shop.received() == Counter(range(1, 1_001))
    assert shop.run("run", "--json", path, *words).counts["read"] == 0
