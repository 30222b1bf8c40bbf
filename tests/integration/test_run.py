"""The main path: what is new goes into Track, once, and every row is accounted for."""

import json

import pytest

NOTHING = dict.fromkeys(
    (
        *("read", "delivered", "rejected", "unchanged", "filtered", "superseded"),
        *("unfinished", "items", "requests", "resent", "in_doubt"),
    ),
    0,
)


def test_a_database(shop):
    """The first run delivers all rows, the second none, and ten changed rows become ten items."""
    shop.orders(range(1, 96))
    path = shop.write({"mapping.events": "per_version", "source.cursor": "seen_at"})
    first = shop.run("run", "--json", path)
    assert first.code == 0
    assert first.counts == {**NOTHING, "read": 95, "delivered": 95, "items": 95, "requests": 10}
    assert shop.run("run", "--json", path).counts == NOTHING
    shop.orders(range(10, 20), minutes=5)
    assert shop.run("run", "--json", path).counts == {
        **NOTHING,
        "read": 10,
        "delivered": 10,
        "items": 10,
        "requests": 1,
    }
    assert shop.received() == {i: 2 if 10 <= i < 20 else 1 for i in range(1, 96)}
    assert shop.sandbox.stats()["duplicates"] == 0


def test_files(shop):
    """Each file is read once: a later run reads the new one only, and one without news sends nothing."""
    shop.parts("a.parquet", range(25))
    path = shop.write(parquet=True)
    assert shop.run("run", "--json", path).counts == {
        **NOTHING,
        "read": 25,
        "delivered": 25,
        "items": 25,
        "requests": 3,
    }
    assert shop.run("run", "--json", path).counts == NOTHING
    shop.parts("b.parquet", range(25, 30))
    assert shop.run("run", "--json", path).counts == {
        **NOTHING,
        "read": 5,
        "delivered": 5,
        "items": 5,
        "requests": 1,
    }
    assert shop.received() == {str(i): 1 for i in range(30)}


def test_files_that_were_all_removed(shop):
    """A folder that was emptied behind the runs is no mistake, and what comes into it is delivered."""
    gone = shop.parts("a.parquet", range(25))
    path = shop.write(parquet=True)
    assert shop.run("run", path).code == 0
    gone.unlink()
    ended = shop.run("run", "--json", path)
    assert (ended.code, ended.counts) == (0, NOTHING)
    assert "matches no file any more" in ended.err
    shop.parts("b.parquet", range(25, 30))
    shop.delivers(path, map(str, range(30)))


def test_where_each_row_went(shop):
    """Delivered, rejected and filtered rows add up to those read; a row of two items is one row."""
    shop.orders(range(1, 31))
    shop.sql(
        "update orders set email = null where order_id <= 3",
        "update orders set total = 0 where order_id > 25",
    )
    config = shop.config({"mapping.when": "total > 0"})
    config["mapping"] = [
        config["mapping"],
        {**config["mapping"], "event": "Large", "when": "total between 1 and 20"},
    ]
    path = shop.folder / "orders.yaml"
    path.write_text(json.dumps({**config, "rejects": {"max": "50%"}}))
    ended = shop.run("run", "--json", path)
    [report] = ended.lines
    counts = {"read": 30, "delivered": 22, "rejected": 3, "filtered": 5, "items": 38, "requests": 4}
    assert ended.counts == {**NOTHING, **counts}
    assert (report["exit_code"], report["rejects"]) == (0, {"missing_identity": 3})
    assert shop.sandbox.stats()["events"] == {"Large": 16, "Purchase": 22}


def test_limit(shop):
    """A run with --limit ends after so many rows, and the next goes on behind them."""
    shop.orders(range(1, 41))
    path = shop.write()
    assert shop.run("run", "--json", "--limit", 15, path).counts["delivered"] == 15
    assert shop.received() == dict.fromkeys(range(1, 16), 1)
    assert shop.run("run", "--json", "--limit", 15, path).counts["delivered"] == 15
    assert shop.run("run", "--json", path).counts["delivered"] == 10
    assert shop.received() == dict.fromkeys(range(1, 41), 1)


@pytest.mark.parametrize("parquet", [False, True], ids=["database", "files"])
def test_dry_run(shop, parquet):
    """It prints the very bytes that a run then sends, creates no state, and changes none."""
    shop.orders(range(1, 26))
    shop.parts("a.parquet", range(1, 26))
    path = shop.write(parquet=parquet)
    rehearsed = shop.run("run", "--dry-run", path)
    assert (rehearsed.code, shop.state.parent.exists()) == (0, False)
    assert sum(shop.sandbox.counters()["statuses"].values()) == 0
    shop.delivers(path, range(1, 26) if not parquet else map(str, range(1, 26)))
    assert sorted(rehearsed.out.splitlines()) == sorted(bodies(shop))
    before = shop.state.read_bytes()
    assert shop.run("run", "--dry-run", path).out == ""
    assert shop.state.read_bytes() == before


def bodies(shop):
    """Put the requests that the sandbox received together again from the raw text of their items."""
    requests = {}
    for stored in shop.sandbox.items():
        requests.setdefault((stored.request, stored.event), []).append(stored.raw)
    return [
        f'{{"track":[{{"name":{json.dumps(event)},"payload":[{",".join(items)}]}}]}}'
        for (_, event), items in requests.items()
    ]


def test_a_folder_of_syncs(shop):
    """One broken sync keeps no other from running; the exit code is the worst, and --json has each that ran."""
    shop.orders(range(1, 11))
    shop.parts("a.parquet", range(10))
    shop.write()
    shop.write(parquet=True)
    shop.write({"sync": "away", "source.path": "nowhere"}, parquet=True)
    (shop.folder / "broken.yaml").write_text("sync: broken\nsorce: {}\n")
    ended = shop.run("run", "--json", shop.folder)
    assert ended.code == 2
    assert {line["sync"]: line["exit_code"] for line in ended.lines} == {"orders": 0, "catalog": 0, "away": 2}
    assert "broken.yaml" in ended.err
    assert "error away: " in ended.err
    assert len(shop.received()) == 20
    (shop.folder / "broken.yaml").unlink()
    (shop.folder / "away.yaml").unlink()
    table = shop.run("run", shop.folder)
    assert table.code == 0
    assert "catalog" in table.out
    assert "orders" in table.out


def test_rejected_rows(shop):
    """They are kept with their reason, listed and shown whole, and a run that delivers the rest ends well."""
    shop.orders(range(1, 101))
    shop.sql(
        "update orders set email = '  ' where order_id in (7, 8)",
        "update orders set created_at = '2041-01-01 00:00:00' where order_id = 9",
    )
    path = shop.write({"source.future": "9999d"})
    ended = shop.run("run", path)
    assert ended.code == 0
    assert "orders: 2 rejected: missing_identity" in ended.out
    assert "orders: 1 rejected: timestamp_out_of_range" in ended.out
    listed = shop.run("rejects", "list", "--json", path).lines
    assert {line["reason"]: line["rejects"] for line in listed} == {
        "missing_identity": 2,
        "timestamp_out_of_range": 1,
    }
    [late] = [line for line in listed if line["rejects"] == 1]
    shown = json.loads(shop.run("rejects", "show", path, late["example"]).out)
    assert (shown["reason"], shown["key"], shown["row"]["order_id"]) == (late["reason"], [9], 9)
    assert late["example"] in shop.run("rejects", "list", path).out
    shop.refuses(shop.run("rejects", "show", path, "no-such-id"), 2, "no-such-id")


@pytest.mark.parametrize(
    ("rejects", "bad", "code", "words"),
    [
        ({"max": "5%", "after": 100}, "order_id % 10 = 0", 4, "rows were rejected (rejects.max)"),
        ({"max": "10%", "after": 100}, "order_id % 10 = 0", 0, ""),
        ({"max": "5%", "after": 1000}, "order_id % 10 = 0", 0, ""),
        ({"max": "100%", "max_consecutive": 20}, "order_id between 50 and 70", 4, "21 rows in a row"),
        ({"max": "100%", "max_consecutive": 21}, "order_id between 50 and 70", 0, ""),
        ({"max": "100%"}, "true", 4, "all 200 rows were rejected"),
    ],
    ids=["share", "share-allowed", "too-few", "consecutive", "consecutive-allowed", "all"],
)
def test_too_many_rejects(shop, rejects, bad, code, words):
    """Above a ceiling the run stops with exit 4; what it did is committed, and the next run goes on behind it."""
    shop.orders(range(1, 201))
    shop.sql(f"update orders set email = null where {bad}")
    path = shop.write({"rejects": rejects})
    ended = shop.run("run", "--json", path)
    assert (ended.code, ended.counts["unfinished"]) == (code, 0)
    assert words in ended.err
    if code:
        assert "connector rejects list" in ended.err
    rest = shop.run("run", "--json", path)
    counted = {name: ended.counts[name] + rest.counts[name] for name in ("read", "delivered", "rejected")}
    kept = sum(line["rejects"] for line in shop.run("rejects", "list", "--json", path).lines)
    assert counted["read"] == counted["delivered"] + counted["rejected"] == 200
    assert kept == counted["rejected"]
    assert sum(shop.received().values()) == counted["delivered"]


def test_a_changed_configuration(shop):
    """A mapping may change, and is told of; another destination, cursor or key would make the state a lie."""
    shop.orders(range(1, 11))
    path = shop.write()
    assert shop.run("run", path).code == 0
    shop.write({"mapping.data.amount": None})
    assert "the mapping has changed" in shop.run("run", path).err
    for change, words in (
        ({"source.cursor": "seen_at"}, "cursor"),
        ({"source.key": "email"}, "key"),
        ({"destination.project": "other"}, "destination"),
        ({"source.where": "total > 3"}, "source"),
    ):
        shop.write(change)
        shop.refuses(shop.run("run", path), 5, "orders", f"another {words}", "--state", "state reset")
    shop.write()
    shop.orders([11])
    shop.delivers(path, range(1, 12))


def test_a_state_on_postgresql(shop, postgres_url):
    """With --state URL nothing is kept beside the YAML, and runs go on where others ended."""
    shop.orders(range(1, 21))
    path = shop.write()
    assert shop.run("run", "--state", postgres_url, "--json", path).counts["delivered"] == 20
    shop.orders(range(21, 25))
    shop.environ["CONNECTOR_STATE"] = postgres_url
    assert shop.run("run", "--json", path).counts["delivered"] == 4
    assert not shop.state.exists()
    assert shop.received() == dict.fromkeys(range(1, 25), 1)
    assert "24" in shop.run("state", "show", path).out


def test_environments_have_a_state_each(shop):
    """What was sent to staging is still to be sent to production."""
    shop.orders(range(1, 6))
    (shop.folder / "connector.yaml").write_text("environments: {staging: {defaults: {rejects: {max: 9%}}}}\n")
    path = shop.write()
    for options in (["--env", "staging"], []):
        assert shop.run("run", "--json", *options, path).counts["delivered"] == 5
    assert shop.run("run", "--json", path).counts["delivered"] == 0
