"""The rules of the Track API: which rows are rejected, with which code, and what their rejects hold."""

import json

import pyarrow as pa
import pytest
from mappings import USER, items, mapped, reasons

from connector.load.packing import refuse
from connector.mapping.contract import EARLIEST_MS, LATEST_MS
from connector.model import Refusal

BLANK = pa.array(["x", None, "", " \t"])
TEXT = pa.array(["x"] * 4)


@pytest.mark.parametrize(
    ("yaml", "code"),
    [
        ({"kind": "event", "event": "P", "userId": "i"}, "missing_identity"),
        ({"kind": "event", "event": "P", "accountId": "i"}, "missing_identity"),
        ({"kind": "event", "event": "P", "profileId": {"value": None}, "userId": "i"}, "missing_identity"),
        ({"kind": "event", "event": "P", "identity": "strict", "profileId": "i", "userId": "t"}, "missing_profile_id"),
        ({"kind": "identify", "userId": "i"}, "missing_identity"),
        ({"kind": "identify", "profileId": "i"}, "missing_identity"),
        ({"kind": "group", "accountId": "i", "userId": "t"}, "missing_account_id"),
        ({"kind": "product", "productId": "i", "userId": "t"}, "missing_product_id"),
        ({"kind": "event", "event": {"column": "i"}, "userId": "t"}, "missing_event_name"),
        ({"kind": "event", "event": "P", "userId": "t", "data": {"x": {"sql": "(i || 'y')::int"}}}, "expression_error"),
    ],
)  # fmt: skip
def test_rows_without_what_their_kind_needs_are_rejected(yaml, code):
    """A null or blank identifier or name rejects its row, and no other."""
    batch = mapped({"i": BLANK, "t": TEXT}, yaml)
    wrong = {0, 2, 3} if code == "expression_error" else {1, 2, 3}
    assert reasons(batch) == dict.fromkeys(wrong, code)
    assert batch.row.tolist() == sorted({0, 1, 2, 3} - wrong)
    assert len(items(batch)) == 4 - len(wrong)


@pytest.mark.parametrize("holder", ["profileId", "userId", "accountId"])
def test_one_identity_is_enough_for_an_event(holder):
    """An event needs one of profileId, userId and accountId."""
    yaml = {"kind": "event", "event": "P", "profileId": "n", "userId": "n", "accountId": "n"} | {holder: "t"}
    assert reasons(mapped({"n": pa.array([None], pa.string()), "t": ["x"]}, yaml)) == {}


def test_timestamps_that_track_would_refuse_or_replace_are_rejected():
    """Null, seconds, microseconds and everything outside the range are caught, row by row."""
    good = [EARLIEST_MS, LATEST_MS, 1714632704000]
    bad = [EARLIEST_MS - 1, LATEST_MS + 1, 1714632704, 1714632704000000, 0, -1]
    batch = mapped({"t": pa.array([*good, None, *bad])}, USER | {"timestamp": "t"})
    assert [item["timestamp"] for item in items(batch)] == good
    assert reasons(batch) == {3: "missing_timestamp"} | dict.fromkeys(range(4, 10), "timestamp_out_of_range")


def test_reserved_names_from_a_column_are_rejected():
    """`Identify` and the platform's names are refused for events, and only exactly those."""
    names = ["Identify", "intempt:page", "identify", "Purchase", "xintempt:"]
    batch = mapped({"name": names}, {"kind": "event", "event": {"column": "name"}, "userId": {"value": "u"}})
    assert reasons(batch) == {0: "reserved_event", 1: "reserved_event"}
    assert [item["name"] for item in items(batch)] == names[2:]


def test_a_failed_value_is_named_without_the_value():
    """The reject says which value failed; neither the text nor DuckDB's words of it appear."""
    yaml = {
        "kind": "event",
        "event": "P",
        "userId": {"value": "u"},
        "data": {"a": {"sql": "x::int"}, "b": {"sql": "1 // (y - 1)"}},
    }
    batch = mapped({"x": ["secret", "1"], "y": [2, 2]}, yaml)
    (reject,) = batch.rejected.values()
    assert reject.reason == "expression_error"
    assert reject.message == "mapping.data.a cannot be computed from this row"


def test_an_expression_that_is_null_is_no_failure():
    """Null in, null out: only an error rejects."""
    yaml = {"data": {"a": {"sql": "x::int"}, "b": {"sql": "1 / nullif(y, 0)"}}}
    batch = mapped({"x": pa.array([None], pa.string()), "y": [0]}, yaml)
    assert items(batch)[0]["data"] == {}


def test_a_when_that_fails_rejects_its_row():
    """A row of which it cannot be told whether it makes an item is rejected, not dropped."""
    batch = mapped({"x": ["1", "0", "y", None]}, {"when": "x::int > 0"})
    assert batch.row.tolist() == [0]
    assert batch.filtered.tolist() == [1, 3]
    assert {row: reject.message for row, reject in batch.rejected.items()} == {
        2: "mapping.when cannot be computed from this row"
    }


def test_a_reject_holds_key_and_row_with_all_digits():
    """The row of a reject can be read again to the last digit; what JSON cannot hold is shown as text."""
    columns = {
        "id": [1841710181319290881], "part": ['a"b'], "x": ["bad"], "f": [float("nan")],
        "n": pa.array([None], pa.string()), "t": pa.array([1704164645123456], pa.timestamp("us")),
    }  # fmt: skip
    yaml = {"data": {"*": True, "x": {"column": "x", "type": "integer"}}}
    batch = mapped(columns, yaml, key=("id", "part"))
    reject = batch.rejected[0]
    assert reject.key == '[1841710181319290881,"a\\"b"]'
    assert json.loads(reject.row) == {
        "id": 1841710181319290881, "part": 'a"b', "x": "bad", "f": "nan", "n": None, "t": "2024-01-02T03:04:05.123456Z",
    }  # fmt: skip
    assert len(reject.event_id) == 32


def test_rows_are_not_kept_where_nobody_asked():
    """`keep_rows: false` keeps the key and nothing else."""
    batch = mapped(
        {"id": [7], "x": ["bad"]}, {"data": {"x": {"sql": "x::int"}}}, key=("id",), keep_rows=False
    )
    assert (batch.rejected[0].key, batch.rejected[0].row) == ("[7]", None)


def test_a_row_can_be_described_for_a_reject_of_the_server():
    """What the loader needs to reject an entry: its eventId, key, row and version."""
    batch = mapped(
        {"id": pa.array(["a", "b"], pa.string_view()), "x": ["bad", "1"]},
        {"data": {"x": {"sql": "x::int"}}},
        key=("id",),
    )
    [said] = refuse(batch, [Refusal(0, "refused_by_server", "no")])
    assert (said.event_id, said.key, said.version) == (batch.event_id[0].as_py(), '["b"]', "v1")
    assert json.loads(said.row) == {"id": "b", "x": "1"}


@pytest.mark.parametrize(
    ("yaml", "expected"),
    [
        ({"event": "Charge", "data": {"amount": "a"}}, {"charge_incomplete": 2}),
        ({"event": "Charge", "data": {"amount": "a", "status": "a"}}, {"charge_incomplete": 1}),
        ({"event": "Charge", "data": {"*": True}}, {"charge_incomplete": 2}),
        ({"event": "Product viewed", "data": {"productId": "a"}}, {"recommendation_without_product_id": 1}),
        ({"event": "Added to cart", "data": {"productid": "a"}}, {"recommendation_without_product_id": 2}),
        ({"event": {"column": "name"}, "data": {"productId": "a"}}, {"charge_incomplete": 1}),
        ({"event": "Purchase"}, {}),
    ],
)
def test_incomplete_events_of_the_platform_are_counted(yaml, expected):
    """A Charge without amount or status and a recommendation event without a product are warned about."""
    columns = {"a": ["x", None], "name": ["Product viewed", "Charge"]}
    assert mapped(columns, {"kind": "event", "userId": {"value": "u"}} | yaml).warnings == expected
