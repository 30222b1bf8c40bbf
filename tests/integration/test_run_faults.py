"""A destination that misbehaves: all that can be delivered is, once where that is possible, and the rest is told."""

import json

import pytest

ROWS = range(1, 201)
POISON = {17, 18, 90, 155}
WORDS = [f"user{i}@" for i in POISON]


def burst(status, **more):
    return {"fault": "status", "status": status, **more}


# Faults -> how often a request may have to be repeated; every row arrives, whatever happens.
FAULTS = {
    "429": {"rules": [burst(429, next=5, retry_after=0)]},
    "429-date": {"rules": [burst(429, next=3, retry_after=0, retry_after_form="date")]},
    "503": {"rules": [burst(503, from_nth=3, next=12)]},
    "half-503": {"rules": [burst(503, rate=0.5)], "seed": 7},
    "collection": {"rules": [{"fault": "collection", "next": 6}]},
    "concurrency": {"max_concurrency": 2, "latency": 0.01},
    "lost-answer": {"rules": [{"fault": "lost_answer", "every": 5}]},
    "reset": {"rules": [{"fault": "reset", "every": 5}]},
    "drip": {"rules": [{"fault": "drip", "every": 9, "seconds": 0.2}]},
    "500-stored": {"rules": [burst(500, every=6, stored=True)]},
    "closing": {"close_each": True},
    "max-items": {"max_items": 3},
    "max-bytes": {"max_bytes": 700},
    "all": {
        "rules": [burst(503, rate=0.1), burst(429, rate=0.1, retry_after=0), {"fault": "reset", "rate": 0.1}],
        "max_items": 7,
        "jitter": 0.01,
        "seed": 3,
    },
}
# Faults after which nobody knows whether the items were taken; only these may make duplicates.
DOUBTFUL = {"lost-answer", "500-stored"}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_passes(shop, name):
    """Every row is delivered by one run, and none twice unless its answer was lost; each re-send is counted."""
    shop.orders(ROWS)
    path = shop.write()
    shop.sandbox.set_faults(FAULTS[name])
    ended = shop.run("run", "--json", path)
    assert ended.code == 0, ended
    assert {"read": 200, "delivered": 200, "rejected": 0, "items": 200}.items() <= ended.counts.items()
    assert set(shop.received()) == set(ROWS)
    duplicates = shop.sandbox.stats()["duplicates"]
    assert duplicates <= ended.counts["resent"]
    assert bool(duplicates) == (name in DOUBTFUL)
    assert shop.run("run", "--json", path).counts["read"] == 0


LOST = {"fault": "lost_answer"}
# What repeats requests that were taken: until the run gives up, before an answer that is definite, while isolating.
REPEATING = {
    "until it gives up": ([LOST], {}, 3),
    "then refused": ([{**LOST, "next": 8}, burst(503)], {}, 3),
    "isolating": ([burst(500, next=5, stored=True)], {"destination.concurrency": 1}, 0),
}


@pytest.mark.parametrize("name", REPEATING)
def test_every_repetition_is_reported(shop, name):
    """However a request ends that was sent again in doubt, no item arrives twice that no run has reported."""
    shop.orders(ROWS)
    rules, changes, code = REPEATING[name]
    path = shop.write({"destination.retry.max_elapsed": "1s", **changes})
    shop.sandbox.set_faults({"rules": rules})
    first = shop.run("run", "--json", path)
    assert first.code == code, first
    shop.sandbox.set_faults({})
    second = shop.run("run", "--json", path)
    assert second.code == 0, second
    assert set(shop.received()) == set(ROWS)
    reported = sum(run.counts["resent"] + run.counts["in_doubt"] for run in (first, second))
    assert 0 < shop.sandbox.stats()["duplicates"] <= reported


def test_retry_after_is_obeyed(shop):
    """While the destination asks to wait, no request goes out."""
    shop.orders(ROWS)
    path = shop.write({"destination.concurrency": 1})
    shop.sandbox.set_faults({"rules": [burst(429, from_nth=4, next=1, retry_after=1)]})
    assert shop.run("run", path).code == 0
    times = [(request["at"], request["status"]) for request in shop.sandbox.requests()]
    refused = [at for at, status in times if status == 429]
    assert min(at for at, _ in times if at > refused[0]) - refused[0] >= 1
    assert shop.received() == dict.fromkeys(ROWS, 1)


@pytest.mark.parametrize("fault", ["poison", "poison_500", "poison_echo"])
def test_poison(shop, fault):
    """Only the items that the destination will not take are rejected, in its own words; the rest arrive once."""
    shop.orders(ROWS)
    path = shop.write({"destination.concurrency": 2})
    shop.sandbox.set_faults({fault: WORDS})
    ended = shop.run("run", "--json", path)
    [report] = ended.lines
    reason = "server_error" if fault == "poison_500" else "refused_by_server"
    assert (ended.code, report["rejects"]) == (0, {reason: len(POISON)})
    assert (ended.counts["delivered"], ended.counts["unfinished"]) == (len(ROWS) - len(POISON), 0)
    assert shop.received() == dict.fromkeys(set(ROWS) - POISON, 1)
    [group] = shop.run("rejects", "list", "--json", path).lines
    shown = json.loads(shop.run("rejects", "show", path, group["example"]).out)
    assert shown["row"]["order_id"] in POISON
    assert ("internal server error" if fault == "poison_500" else "item cannot be processed") in shown[
        "message"
    ]


def test_the_words_of_a_refusal_stay_in_the_rejects(shop):
    """A refusal may quote the refused item: neither the terminal nor the report shows it (invariant 5)."""
    shop.orders(ROWS)
    path = shop.write({"rejects": {"max": "0%", "after": 1}})
    shop.sandbox.set_faults({"poison": WORDS, "quote_refused": True})
    ended = shop.run("run", "--json", path)
    assert ended.code == 4
    assert "@shop.example" not in ended.out + ended.err
    for command in (["rejects", "list"], ["status", "--json"], ["check"]):
        told = shop.run(*command, path)
        assert "@shop.example" not in told.out + told.err
    [group] = shop.run("rejects", "list", "--json", path).lines
    assert "@shop.example" in shop.run("rejects", "show", path, group["example"]).out


def test_refused_throughout(shop):
    """When nothing is accepted the configuration is wrong, not the rows: nothing is rejected, and nothing is lost."""
    shop.orders(ROWS)
    path = shop.write()
    shop.sandbox.set_faults({"rules": [burst(400)]})
    ended = shop.run("run", "--json", path)
    shop.refuses(ended, 3, "orders", "first 100 items (400)", "connector preview")
    assert (ended.counts["rejected"], ended.counts["delivered"]) == (0, 0)
    assert "no rejects" in shop.run("rejects", "list", path).out
    shop.sandbox.set_faults({})
    shop.delivers(path, ROWS)


def test_a_5xx_that_stops(shop):
    """With on_5xx: stop a request that the server cannot digest ends the run and rejects nothing."""
    shop.orders(ROWS)
    path = shop.write({"destination.on_5xx": "stop", "destination.concurrency": 2})
    shop.sandbox.set_faults({"poison_500": WORDS[:1]})
    ended = shop.run("run", "--json", path)
    shop.refuses(ended, 3, "orders", "500", "on_5xx: isolate")
    assert ended.counts["rejected"] == 0
    shop.sandbox.set_faults({})
    shop.write()
    shop.delivers(path, ROWS)


def test_a_large_item(shop):
    """An item above max_bytes, or too large for the destination alone, is rejected, and only it."""
    shop.orders(ROWS)
    shop.sql(f"update orders set label = '{'x' * 3000}' where order_id = 50")
    path = shop.write({"mapping.data.label": "label", "destination.max_bytes": 2000})
    ended = shop.run("run", "--json", path)
    assert (ended.code, ended.lines[0]["rejects"]) == (0, {"item_too_large": 1})
    assert shop.received() == dict.fromkeys(set(ROWS) - {50}, 1)
    shop.sql(
        f"update orders set label = '{'x' * 3000}', created_at = '2025-01-01 00:00:00' where order_id = 60"
    )
    shop.write({"mapping.data.label": "label", "destination.max_bytes": "1MB"})
    shop.sandbox.set_faults({"max_bytes": 2000})
    ended = shop.run("run", "--json", path)
    assert (ended.counts["read"], ended.lines[0]["rejects"]) == (1, {"item_too_large": 1})


def test_products_are_never_sent_older_after_newer(shop):
    """Versions of one product arrive in the order they were read, whatever the destination does (invariant 10)."""
    ids = [i % 7 for i in range(140)]
    shop.parts("a.parquet", ids, version=list(range(140)))
    path = shop.write(
        {"mapping.data.version": "version", "destination.max_items": 3, "source.cursor": "version"},
        parquet=True,
    )
    shop.sandbox.set_faults({"rules": [burst(503, rate=0.2)], "jitter": 0.01, "seed": 1})
    ended = shop.run("run", "--json", path)
    assert (ended.code, ended.counts["delivered"]) == (0, 140)
    versions = {}
    for stored in shop.sandbox.items():
        versions.setdefault(stored.item["productId"], []).append(stored.item["data"]["version"])
    assert all(seen == sorted(seen) for seen in versions.values())
    assert sum(map(len, versions.values())) == 140


def test_poison_in_every_request_at_once(shop):
    """With nothing accepted the run looks into a request by itself, and rejects only what is poisoned."""
    shop.orders(ROWS)
    poison = set(range(1, 201, 5))
    path = shop.write({"destination.concurrency": 4, "destination.max_items": 5, "rejects": {"max": "100%"}})
    shop.sandbox.set_faults({"poison_500": [f"user{i}@" for i in poison]})
    ended = shop.run("run", "--json", path)
    assert (ended.code, ended.lines[0]["rejects"]) == (0, {"server_error": len(poison)})
    assert shop.received() == dict.fromkeys(set(ROWS) - poison, 1)


def test_an_outage_is_probed_with_one_request(shop):
    """While the destination is away one request at a time asks for it; the run ends with 3 and goes on later."""
    shop.orders(ROWS)
    path = shop.write({"destination.retry": {"max_elapsed": "2s", "wait_initial": "20ms"}})
    shop.sandbox.set_faults({"rules": [burst(503)]})
    ended = shop.run("run", "--json", path)
    shop.refuses(ended, 3, "orders", "did not take a request within 2 s", "status 503", "run again")
    assert (ended.counts["rejected"], ended.counts["delivered"]) == (0, 0)
    assert shop.sandbox.counters()["requests"] <= 8 + 15
    shop.sandbox.set_faults({})
    rest = shop.run("run", "--json", path)
    assert (rest.code, rest.counts["in_doubt"]) == (0, 0)
    assert shop.received() == dict.fromkeys(ROWS, 1)


def test_an_outage_that_passes(shop):
    """The run goes on at its old pace as soon as a probe is answered."""
    shop.orders(ROWS)
    path = shop.write({"destination.retry": {"wait_initial": "20ms"}})
    shop.sandbox.set_faults({"rules": [burst(503, from_nth=5, next=11)]})
    ended = shop.run("run", "--json", path)
    assert (ended.code, ended.counts["delivered"]) == (0, 200)
    assert "the destination was away for" in ended.err
    assert shop.received() == dict.fromkeys(ROWS, 1)


def test_a_size_learned_from_413_outlives_the_run(shop):
    """The next run begins with requests that fit."""
    shop.orders(ROWS)
    path = shop.write({"destination.max_items": 50})
    shop.sandbox.set_faults({"max_items": 12})
    assert shop.run("run", path).code == 0
    shop.orders(range(201, 401), minutes=60)
    before = shop.sandbox.counters()["statuses"].get("413", 0)
    assert before
    assert shop.run("run", path).code == 0
    assert shop.sandbox.counters()["statuses"]["413"] == before
    assert shop.received() == dict.fromkeys(range(1, 401), 1)


@pytest.mark.parametrize(
    ("setting", "value", "least"),
    [("max_items_per_second", 100, 1.8), ("max_requests_per_second", 10, 1.8)],
)
def test_caps(shop, setting, value, least):
    """No second sees more items or requests than the cap allows."""
    shop.orders(ROWS)
    shop.run("run", "--json", shop.write({f"destination.{setting}": value}))
    sent = [(request["at"], request["items"]) for request in shop.sandbox.requests()]
    weight = (lambda items: items) if "items" in setting else (lambda _: 1)
    for at, _ in sent:
        assert sum(weight(items) for other, items in sent if at <= other < at + 0.99) <= value * 1.1
    assert sent[-1][0] - sent[0][0] >= least
    assert shop.received() == dict.fromkeys(ROWS, 1)
