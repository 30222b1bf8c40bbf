"""The Track API's rules, as a table."""

import json
from pathlib import Path

import pytest

from connector.sandbox.rules import EARLIEST_MS, IDS, LATEST_MS, Refusal, check, holds, parse

SEED = Path(__file__).parent / "seed"
USER = {"userId": "u"}


def request(*items, name="Purchase"):
    return [{"name": name, "payload": list(items)}]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"[NaN]", "not_json"),
        (b'{"track":[{"name":"A","payload":[{"userId":"u","data":{"x":Infinity}}]}]}', "not_json"),
        (b'{"track":[{"name":"A","payload":[{"userId":"\xff"}]}]}', "not_json"),
        (b'{"track":[{"name":"A","payload":[{"userId":"\\ud800"}]}]}', "not_json"),
        (b'{"track":[{"name":"A","payload":[' + b"[" * 100_000, "not_json"),
        (b"[]", "no_track"),
        (b"{}", "no_track"),
        (b'{"track":{}}', "no_track"),
        (b'{"track":[]}', "no_items"),
        (b'{"track":[{"name":"A","payload":[]}]}', "no_items"),
        (b'{"track":[{"name":"A"}]}', "no_payload"),
        (b'{"track":[7]}', "no_payload"),
        (b'{"track":[{"payload":[{}]}]}', "missing_event_name"),
        (b'{"track":[{"name":" ","payload":[{}]}]}', "missing_event_name"),
        (b'{"track":[{"name":7,"payload":[{}]}]}', "missing_event_name"),
        (b'{"track":[{"name":"intempt:page","payload":[{}]}]}', "reserved_event"),
    ],
)
def test_body_of_the_wrong_shape_is_refused(body, reason):
    """What is no request at all is refused with its reason."""
    with pytest.raises(Refusal) as refusal:
        parse(body)
    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    "item",
    [
        {"profileId": "p"},
        {"userId": "u"},
        {"accountId": "a"},
        {"productId": "1", "data": {"name": "Wine"}},
        {**USER, "timestamp": EARLIEST_MS},
        {**USER, "timestamp": 10**30},
        {**USER, "timestamp": None, "profileId": None},
        {**USER, "somethingElse": 1},
    ],
)
def test_item_within_the_rules_is_accepted(item):
    """An identity or a product is enough; a future timestamp and unknown fields are let through."""
    check(request(item), "any")


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ("text", "wrong_type"),
        (None, "wrong_type"),
        ({}, "missing_identity"),
        ({"userId": " \t\u3000", "accountId": ""}, "missing_identity"),
        ({"productId": " "}, "missing_identity"),
        ({"eventId": "e", "anotherUserId": "u", "anotherAccountId": "a"}, "missing_identity"),
        ({**USER, "timestamp": EARLIEST_MS - 1}, "timestamp_out_of_range"),
        ({**USER, "timestamp": 1714631904}, "timestamp_out_of_range"),
        ({**USER, "timestamp": 1714631904000.0}, "wrong_type"),
        ({**USER, "timestamp": True}, "wrong_type"),
        ({**USER, "timestamp": "2024-05-02"}, "wrong_type"),
        ({**USER, "data": []}, "wrong_type"),
        ({**USER, "userAttributes": "x"}, "wrong_type"),
        ({**USER, "accountAttributes": 1}, "wrong_type"),
        *(({**USER, name: 7}, "wrong_type") for name in IDS),
    ],
)
def test_item_that_breaks_a_rule_is_refused_with_its_place(item, reason):
    """The refusal names the reason and where the item stands."""
    track = request(USER) + request(USER, item, USER)

    with pytest.raises(Refusal) as refusal:
        check(track, "any")
    assert (refusal.value.reason, refusal.value.place) == (reason, (1, 1))


def test_identify_is_reserved_for_attributes():
    """Identify with data alone is an ordinary event under a reserved name."""
    check(request({**USER, "userAttributes": {"a": 1}}, USER, name="Identify"), "any")

    with pytest.raises(Refusal, match="Identify"):
        check(request({**USER, "data": {"a": 1}}, name="Identify"), "any")


def test_strict_identity_demands_a_profile_id_but_for_products():
    """Under the strictest reading a behavioural event needs a profileId, product ingestion does not."""
    check(request({"profileId": "p"}, {"productId": "1"}), "strict")

    with pytest.raises(Refusal) as refusal:
        check(request(USER), "strict")
    assert refusal.value.reason == "missing_profile_id"


@pytest.mark.parametrize("identity", ["any", "strict"])
def test_documentations_own_examples_pass(identity):
    """The published request, response and product item obey the rules."""
    for name in ("request.json", "response.json"):
        assert not check(parse((SEED / name).read_bytes()), identity)
    assert not check(request(json.loads((SEED / "product.json").read_text())), identity)


def test_what_is_seldom_meant_is_noted():
    """Accepted oddities are counted: replaced timestamps, unknown fields, incomplete charges and recommendations."""
    late = check(
        request({**USER, "timestamp": LATEST_MS}, {**USER, "timestamp": LATEST_MS + 1, "tmestamp": 1}), "any"
    )
    viewed = check(request({**USER, "data": {"productId": "1"}}, USER, name="Product viewed"), "any")
    charge = check(
        request(
            {**USER, "data": {"amount": 1, "status": "ok"}}, {**USER, "data": {"amount": 1}}, name="Charge"
        ),
        "any",
    )

    assert late == {"timestamp_replaced": 1, "unknown_field": 1}
    assert viewed == {"no_data_product_id": 1}
    assert charge == {"charge_incomplete": 1}


@pytest.mark.parametrize(
    ("item", "poisoned"),
    [
        ({"userId": "a-bad-one"}, True),
        ({"eventId": "bad"}, True),
        ({"productId": "bad"}, True),
        ({"data": {"deep": [{"er": "xbadx"}]}}, True),
        ({"data": {"number": 666}}, True),
        ({"accountId": "bad", "data": {"bad": None, "fine": "good"}}, False),
    ],
)
def test_poison_is_looked_for_in_ids_and_data_values(item, poisoned):
    """A poison text anywhere in a value counts, in a name it does not."""
    assert holds(item, ("bad", "666")) is poisoned
