"""``rejects replay``: rejected rows are sent again, through the sandbox, and their rejects are closed."""

from __future__ import annotations

from collections import Counter

import pytest
from shop import end, wait_for


def open_rejects(shop, path, *options):
    return shop.run("rejects", "list", "--rows", "--json", *options, path).lines


def replay(shop, path, *options):
    """Replay; returns what ended and its accounting, which always adds up."""
    ended = shop.run("rejects", "replay", "--json", path, *options)
    counts = ended.counts
    assert counts["read"] == sum(
        counts[name]
        for name in ("delivered", "rejected", "unchanged", "filtered", "superseded", "unfinished")
    )
    return ended, counts


@pytest.fixture
def rejected(shop):
    """A sync of ten orders, of which 3 and 7 were rejected for want of an identity."""
    shop.orders(range(1, 11))
    shop.sql("update orders set email = ' ' where order_id in (3, 7)")
    path = shop.write()
    assert shop.run("run", path).code == 0
    assert {tuple(line["key"]) for line in open_rejects(shop, path)} == {(3,), (7,)}
    return path


def test_rows_mended_in_the_source(shop, rejected):
    """What was mended without moving its cursor is delivered, and its reject closes; the watermark stays."""
    before = shop.run("state", "show", "--json", rejected).out
    shop.sql("update orders set email = 'late@shop.example' where order_id = 3")
    ended, counts = replay(shop, rejected)
    assert (ended.code, counts["read"], counts["delivered"], counts["rejected"]) == (0, 2, 1, 1)
    assert shop.received() == Counter(n for n in range(1, 11) if n != 7)
    [left] = open_rejects(shop, rejected)
    assert (left["key"], left["attempts"]) == ([7], 2)
    assert len(open_rejects(shop, rejected, "--closed")) == 2
    assert shop.run("state", "show", "--json", rejected).out == before
    [shown] = shop.run("status", "--json", rejected).lines
    assert shown["run"]["counts"]["delivered"] == 1
    assert any("replay" in note for note in shown["run"]["notes"])
    shop.keeps_secrets(ended)


def test_a_mapping_mended(shop, rejected):
    """Today's mapping is used, under eventIds that stay what they were; a run sends nothing of it again."""
    ids = {line["event_id"] for line in open_rejects(shop, rejected)}
    shop.write({"mapping.userId": {"sql": "coalesce(nullif(trim(email), ''), 'nobody-' || order_id)"}})
    ended, counts = replay(shop, rejected)
    assert (ended.code, counts["delivered"]) == (0, 2)
    assert open_rejects(shop, rejected) == []
    assert shop.received() == Counter(range(1, 11))
    assert ids <= {stored.item["eventId"] for stored in shop.sandbox.items()}
    after = shop.run("run", "--json", rejected)
    assert after.counts["read"] == 0
    assert "the mapping has changed" in after.err
    assert shop.received() == Counter(range(1, 11))


def test_rows_that_the_server_refused(shop):
    """Refused again, they are met again; when the server takes them, they go through, once."""
    shop.orders(range(1, 201))
    path = shop.write()
    shop.sandbox.set_faults({"poison": ["user7@", "user90@"]})
    assert shop.run("run", path).code == 0
    shop.sandbox.set_faults({"poison": ["user7@"]})
    ended, counts = replay(shop, path)
    assert (ended.code, counts["delivered"], counts["rejected"]) == (0, 1, 1)
    [left] = open_rejects(shop, path)
    assert (left["key"], left["reason"], left["attempts"]) == ([7], "refused_by_server", 2)
    shop.sandbox.set_faults({})
    assert replay(shop, path)[1]["delivered"] == 1
    assert open_rejects(shop, path) == []
    assert shop.received() == Counter(range(1, 201))


@pytest.mark.parametrize("options", [[], ["--stored"]], ids=["source", "stored"])
def test_killed_in_the_middle(shop, options):
    """The next replay sends what is left; what is there twice was in doubt, at most one request a sender."""
    shop.orders(range(1, 401))
    shop.sql("update orders set email = ' '")
    path = shop.write({"rejects": {"max": "100%"}, "destination.concurrency": 2})
    assert shop.run("run", path).code == 4
    shop.write({"mapping.userId": {"sql": "'user-' || order_id"}, "destination.concurrency": 2})
    shop.sandbox.set_faults({"latency": 0.05})
    process = shop.start("rejects", "replay", path, *options)
    wait_for(lambda: len(shop.received()) >= 60)
    process.kill()
    end(process)
    shop.sandbox.set_faults({})
    left = len(open_rejects(shop, path, "--limit", "1000"))
    assert 0 < left <= 400 - 60 + 2 * 10
    ended, counts = replay(shop, path, *options)
    assert (ended.code, counts["read"]) == (0, left)
    assert open_rejects(shop, path) == []
    assert set(shop.received()) == set(range(1, 401))
    assert shop.sandbox.stats()["duplicates"] <= counts["in_doubt"] <= 2 * 10


def test_a_sync_that_somebody_runs(shop, rejected):
    """A replay takes the lane of runs."""
    shop.orders(range(11, 100))
    shop.sandbox.set_faults({"rules": [{"fault": "hang"}]})
    process = shop.start("run", rejected)
    wait_for(lambda: shop.sandbox.counters()["in_flight"])
    shop.refuses(shop.run("rejects", "replay", rejected), 3, "orders", str(process.pid))
    process.kill()
    end(process)


def test_the_choice_of_rejects(shop, rejected):
    """Only what the filters name is read again."""
    shop.sql("update orders set email = 'x@y.z'")
    for options in (["--reason", "server_error"], ["--key", "99"], ["--until", "2020-01-01"]):
        ended, counts = replay(shop, rejected, *options)
        assert (ended.code, counts["read"]) == (0, 0)
    [third] = [line for line in open_rejects(shop, rejected) if line["key"] == [3]]
    assert replay(shop, rejected, "--event-id", third["event_id"])[1]["delivered"] == 1
    assert replay(shop, rejected, "--key", "7", "--since", "2020-01-01")[1]["delivered"] == 1
    assert open_rejects(shop, rejected) == []


def test_rows_that_changed_or_went_since(shop, rejected):
    """A changed row is left to the next run, which closes its reject; of a row that is gone the reject stays."""
    shop.orders([3], minutes=1)
    shop.sql("delete from orders where order_id = 7")
    ended, counts = replay(shop, rejected)
    assert (ended.code, counts["read"]) == (0, 0)
    assert "1 rejects whose rows have changed since" in ended.err
    assert "1 rejects whose rows are gone from the source" in ended.err
    assert len(open_rejects(shop, rejected)) == 2
    assert shop.run("run", rejected).code == 0
    assert [line["key"] for line in open_rejects(shop, rejected)] == [[7]]


def test_a_row_rejected_again_for_another_reason_has_one_reject(shop, rejected):
    shop.sql("update orders set email = 'x@y.z', created_at = created_at where order_id = 3")
    shop.write({"mapping.timestamp": {"sql": "TIMESTAMP '2041-01-01'"}})
    ended, counts = replay(shop, rejected, "--key", "3")
    assert (ended.code, counts["rejected"]) == (4, 1)
    assert {(line["key"][0], line["reason"]) for line in open_rejects(shop, rejected)} == {
        (3, "timestamp_out_of_range"),
        (7, "missing_identity"),
    }


def test_a_row_that_no_mapping_takes_today_is_settled(shop, rejected):
    shop.write({"mapping.when": "order_id <> 3"})
    _, counts = replay(shop, rejected)
    assert (counts["filtered"], counts["rejected"]) == (1, 1)
    assert [line["key"] for line in open_rejects(shop, rejected)] == [[7]]


def test_dry_run(shop, rejected):
    """The exact requests, and nothing else."""
    shop.sql("update orders set email = 'x@y.z' where order_id = 3")
    state = shop.stored()
    for options in ([], ["--stored"]):
        ended = shop.run("rejects", "replay", "--dry-run", rejected, *options)
        sent = [
            item["data"]["orderId"]
            for line in ended.lines
            for part in line["track"]
            for item in part["payload"]
        ]
        assert (ended.code, sent) == (0, [] if options else [3])
    assert shop.stored() == state
    assert shop.received() == Counter(n for n in range(1, 11) if n not in (3, 7))


def test_a_changed_source_is_refused(shop, rejected):
    """As for a run: the watermark would mean something else."""
    shop.write({"source.key": "email"})
    shop.refuses(shop.run("rejects", "replay", rejected), 5, "another key")


# ── as they were kept ─────────────────────────────────────────────────────────────────────────────────


def test_stored_rows(shop, rejected):
    """Rows that are gone from the source are sent as they were, under the eventIds that they had."""
    ids = {line["event_id"] for line in open_rejects(shop, rejected)}
    shop.sql("delete from orders where order_id in (3, 7)")
    shop.write({"mapping.userId": {"sql": "coalesce(nullif(trim(email), ''), 'nobody')"}})
    ended, counts = replay(shop, rejected, "--stored")
    assert (ended.code, counts["delivered"]) == (0, 2), ended
    assert open_rejects(shop, rejected) == []
    assert shop.received() == Counter(range(1, 11))
    stored = {each.item["eventId"]: each.item for each in shop.sandbox.items()}
    assert ids <= stored.keys()
    assert {stored[event_id]["data"]["amount"] for event_id in ids} == {3.25, 7.25}


def test_only_the_newest_version_of_a_row_is_sent(shop):
    """Of two rejected versions the older is superseded: in no order can it go over the newer one."""
    shop.orders(range(1, 4))
    shop.sql("update orders set label = '', email = 'a' where order_id = 2")
    fields = {
        "mapping.kind": "identify",
        "mapping.event": None,
        "mapping.data": None,
        "mapping.timestamp": None,
    }
    path = shop.write({**fields, "mapping.userId": "label", "mapping.userAttributes": {"mail": "email"}})
    assert shop.run("run", path).code == 0
    shop.orders([2], minutes=1)
    shop.sql("update orders set label = '', email = 'b' where order_id = 2")
    assert shop.run("run", path).code == 4
    assert len(open_rejects(shop, path)) == 2
    shop.write({**fields, "mapping.userId": "order_id", "mapping.userAttributes": {"mail": "email"}})
    ended, counts = replay(shop, path, "--stored", "--event-id", open_rejects(shop, path)[1]["event_id"])
    assert (ended.code, counts["read"], counts["delivered"], counts["superseded"]) == (0, 2, 1, 1)
    assert open_rejects(shop, path) == []
    mails = [
        each.item["userAttributes"]["mail"] for each in shop.sandbox.items() if each.item["userId"] == "2"
    ]
    assert mails == ["b"]


def test_rows_that_cannot_be_sent_as_they_were_kept(shop, rejected):
    """A column that was not read then, or a row that was not kept: said, and left open."""
    shop.write({"mapping.userId": "label"})
    ended, counts = replay(shop, rejected, "--stored")
    assert (ended.code, counts["read"]) == (0, 0)
    assert "2 kept rows lack a column" in ended.err
    shop.write({"rejects": {"keep_rows": False}})
    assert replay(shop, rejected)[0].code == 4
    ended, _ = replay(shop, rejected, "--stored")
    assert "2 rejects were kept without their row" in ended.err
    assert len(open_rejects(shop, rejected)) == 2


def test_without_a_key(shop):
    """Only what was kept can be sent; it is known by its eventId."""
    shop.orders(range(1, 11))
    shop.sql("update orders set email = ' ' where order_id in (3, 7)")
    path = shop.write({"source.key": None})
    assert shop.run("run", path).code == 0
    shop.refuses(shop.run("rejects", "replay", path), 2, "no source.key", "--stored")
    before = open_rejects(shop, path)
    ended, counts = replay(shop, path, "--stored")
    assert (ended.code, counts["rejected"]) == (4, 2)
    again = open_rejects(shop, path)
    assert [line["attempts"] for line in again] == [2, 2]
    assert {line["event_id"] for line in again} == {line["event_id"] for line in before}
    shop.write({"source.key": None, "mapping.userId": {"sql": "if(order_id = 3, 'three', email)"}})
    ended, counts = replay(shop, path, "--stored")
    assert (ended.code, counts["delivered"], counts["rejected"]) == (0, 1, 1)
    [left] = open_rejects(shop, path)
    assert left["key"] == ""
    assert shop.received() == Counter(n for n in range(1, 11) if n != 7)


def test_a_source_that_is_gone(shop, rejected):
    (shop.folder / "shop.db").unlink()
    shop.refuses(shop.run("rejects", "replay", "--stored", rejected), 2, "no SQLite file", "rejects export")


def test_parquet(shop):
    """Rows of finished files are found by their key; the version is the file's digest, as it was."""
    shop.parts("a.parquet", range(1, 6), label=["x", " ", "x", "x", "x"])
    path = shop.write({"mapping.productId": "label"}, parquet=True)
    assert shop.run("run", path).code == 0
    [reject] = open_rejects(shop, path)
    shop.write(parquet=True)
    ended, counts = replay(shop, path)
    assert (ended.code, counts["delivered"]) == (0, 1)
    assert open_rejects(shop, path) == []
    assert reject["key"] == [2]
    assert "may overwrite" not in ended.err
    shop.write({"mapping.productId": "name"}, parquet=True)
    assert "may overwrite" in replay(shop, path)[0].err
