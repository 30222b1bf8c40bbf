"""Cutting items out of a request's text."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.sandbox.envelope import cut, rebuild
from connector.sandbox.rules import Refusal, parse

SEED = Path(__file__).parent / "seed"


def test_item_text_is_exactly_what_was_received():
    """Digits, spaces and escapes of an item survive, wherever its name stands."""
    raw = '{ "userId" : "\\u00e9",\n"data":{"n":1841710181319290881,"d":0.10,"e":1E2, "s":"] } ,"} }'
    text = f'\n{{"x":[1,{{}}], "track" : [ {{"payload" : [ {raw} , {{}} ] , "name" : "A"}} ,{{"name":"B","payload":[]}}] }}\n'

    assert cut(text) == [("A", [(json.loads(raw), raw), ({}, "{}")]), ("B", [])]


def test_seed_request_is_one_purchase():
    """The documentation's own request is cut into its one item."""
    text = (SEED / "request.json").read_text()

    ((name, ((item, raw),)),) = cut(text)

    assert name == "Purchase"
    assert item == json.loads(text)["track"][0]["payload"][0]
    assert json.loads(raw, parse_float=Decimal)["data"]["locationLatitude"] == Decimal("51.509865")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
ITEMS = st.lists(st.dictionaries(st.text(), JSON, max_size=4), max_size=4)


@given(
    entries=st.lists(st.tuples(st.text(), ITEMS), max_size=3),
    ascii_only=st.booleans(),
    indent=st.sampled_from([None, 1]),
)
def test_any_items_come_out_as_they_went_in(entries, ascii_only, indent):
    """Whatever JSON the items hold and however it is spaced, each is cut out whole and in order."""
    document = {"track": [{"name": name, "payload": items} for name, items in entries]}
    text = json.dumps(document, ensure_ascii=ascii_only, indent=indent)

    found = cut(text)

    assert [(name, [item for item, _ in items]) for name, items in found] == entries
    assert all(json.loads(raw) == item and raw in text for _, items in found for item, raw in items)


def test_rebuild_changes_only_the_named_places():
    """Replaced and dropped items change, the text of the others does not."""
    body = b'{"track":[{"name":"A","payload":[{"n":1.0},{"n":2},{"n":3}]},{"name":"B\\"","payload":[{"n":4.50}]}]}'

    changed = rebuild(body, {(0, 1): None, (0, 2): '{"error":"x"}'})

    assert [(name, [raw for _, raw in items]) for name, items in cut(changed.decode())] == [
        ("A", ['{"n":1.0}', '{"error":"x"}']),
        ('B"', ['{"n":4.50}']),
    ]


@pytest.mark.parametrize(
    "value",
    [
        "9" * 4000,
        "9" * 5000,
        "1e999",
        "-0",
        "[" * 150 + "]" * 150,
        "[" * 1500 + "]" * 1500,
        '"\\ud83d\\ude00\\u0000"',
        '"\x7f"',
    ],
)
def test_what_the_rules_let_in_can_be_cut(value):
    """The two readers of JSON agree on extremes: either the body is refused, or the item keeps its text."""
    raw = f'{{"userId":"u","data":{{"x":{value}}}}}'
    body = f'{{"track":7,"track":[{{"payload":3,"name":"A","payload":[{raw}]}}]}}'
    try:
        parse(body.encode())
    except Refusal:
        assert len(value) > 1000
    else:
        ((_, ((_, text),)),) = cut(body)
        assert text == raw
