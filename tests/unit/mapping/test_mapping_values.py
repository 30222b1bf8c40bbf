"""Every form that a value can have in the YAML."""

import datetime as dt
import hashlib
from decimal import Decimal

import pyarrow as pa
import pytest
from mappings import data, field, items, mapped, naive, reasons, texts

ROW = {
    "a": ["x"],
    "n": [12],
    "blank": [" "],
    "none": pa.array([None], pa.string()),
    "d": [dt.date(2024, 1, 2)],
}


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("a", "x"),
        ({"column": "n"}, 12),
        ({"column": "n", "type": "string"}, "12"),
        ({"column": "none", "default": "-"}, "-"),
        ({"column": "none", "default": {"a": [1, None]}}, {"a": [1, None]}),
        ({"column": "a", "default": "-"}, "x"),
        ({"column": "a", "hash": "sha256"}, hashlib.sha256(b"x").hexdigest()),
        ({"column": "n", "hash": "sha256"}, hashlib.sha256(b"12").hexdigest()),
        ({"column": "none", "hash": "sha256", "default": "x"}, hashlib.sha256(b"x").hexdigest()),
        ({"sql": "n / 8.0"}, Decimal("1.5")),
        ({"sql": "n / 2"}, Decimal("6.0")),
        ({"sql": "n // 5"}, 2),
        ({"sql": "upper(a) || n"}, "X12"),
        ({"sql": "coalesce(none, a)"}, "x"),
        ({"sql": "case when n > 10 then 'big' end"}, "big"),
        ({"sql": "[n, null]"}, [12, None]),
        ({"sql": "{'k': n, 'z': none}"}, {"k": 12}),
        ({"sql": "map {a: n}"}, {"x": 12}),
        ({"sql": "list_transform([n], lambda v: v + 1)"}, [13]),
        ({"sql": "[v * 2 for v in [n]]"}, [24]),
        ({"sql": "row(n, a)"}, [12, "x"]),
        ({"sql": "d + interval 1 day"}, "2024-01-03T00:00:00.000000Z"),
        ({"sql": "uuid_extract_version('00000000-0000-4000-8000-000000000000'::uuid)"}, 4),
        ({"sql": "n::decimal(10, 3)"}, Decimal("12.000")),
        ({"sql": "'x'::enum('x', 'y')"}, "x"),
        ({"sql": "123456789012345678901234567890::hugeint"}, 123456789012345678901234567890),
        ({"sql": "json_object('a', n)"}, {"a": 12}),
        ({"sql": "json_object('a', n)->'a'"}, 12),
        ({"sql": "json_object('a', n)->>'a'"}, "12"),
        ({"sql": "a -- a comment"}, "x"),
        ({"sql": "'it''s'"}, "it's"),
        ({"value": "EUR"}, "EUR"),
        ({"value": {"a": [1, 2.5, None, {"b": False}]}}, {"a": [1, Decimal("2.5"), None, {"b": False}]}),
        ({"value": 12345678901234567890123}, 12345678901234567890123),
        ({"value": 12, "type": "string"}, "12"),
        ({"value": "x", "hash": "sha256"}, hashlib.sha256(b"x").hexdigest()),
        ({"template": "order-{n}/{a}"}, "order-12/x"),
        ({"template": "{{{a}}} it's"}, "{x} it's"),
        ({"template": "{d}"}, "2024-01-02"),
        ({"template": "{none}", "default": "?"}, "?"),
        ({"list": ["a", "none", {"value": 1}, {"list": ["n"]}, {"k": "a"}]}, ["x", None, 1, [12], {"k": "x"}]),
        ({"list": []}, []),
        ({"b": "a", "c": {"d": "n"}}, {"b": "x", "c": {"d": 12}}),
        ({"object": {"value": "a", "list": "n"}}, {"value": "x", "list": 12}),
        ({}, {}),
    ],
)  # fmt: skip
def test_a_form_gives_its_value(form, expected):
    """Each form gives the value that the documentation says."""
    assert data(ROW, v=form, last="a") == [{"v": expected, "last": "x"}]


@pytest.mark.parametrize(
    "form", ["none", {"value": None}, {"template": "x-{none}"}, {"template": "x-{blank}"}, {"sql": "nullif(n, 12)"}, {"column": "none", "hash": "sha256"}]
)  # fmt: skip
def test_null_is_left_out(form):
    """A null value, a template with a null or blank column and the hash of null are no members."""
    assert data(ROW, v=form) == [{}]
    assert data(ROW, first={"value": 1}, v=form) == [{"first": 1}]


@pytest.mark.parametrize(
    ("array", "kind", "expected"),
    [
        (["12", "-7", " 5 ", "12.0", "12345678901234567890123"], "integer", [12, -7, 5, 12, 12345678901234567890123]),
        ([12.0, -3.0], "integer", [12, -3]),
        ([True, False], "integer", [1, 0]),
        (["1.50", "12345678901234567890.12345678901234567890", "1e3", "+5", ".5"], "number", [Decimal("1.50"), Decimal("12345678901234567890.12345678901234567890"), Decimal("1e3"), 5, Decimal("0.5")]),
        ([1.5], "number", [Decimal("1.5")]),
        (["true", "F", "yes", "0"], "boolean", [True, False, True, False]),
        ([1, 0], "boolean", [True, False]),
        (["2024-01-02", "2024-01-02 03:04:05+02", "2024-01-02T03:04:05.1234567Z"], "timestamp", ["2024-01-02T00:00:00.000000Z", "2024-01-02T01:04:05.000000Z", "2024-01-02T03:04:05.123456Z"]),
        ([1704164645123], "timestamp", ["2024-01-02T03:04:05.123000Z"]),
        ([dt.date(2024, 1, 2)], "timestamp", ["2024-01-02T00:00:00.000000Z"]),
        (["2024-01-02"], "date", ["2024-01-02"]),
        ([naive(2024, 1, 2, 23, 59, 59, 999999)], "date", ["2024-01-02"]),
        ([1.5, 0.1], "string", ["1.5", "0.1"]),
        ([True], "string", ["true"]),
        (['{"a": [1, null]}'], "json", [{"a": [1, None]}]),
        ([[1, 2]], "json", [[1, 2]]),
        ([[1, 2]], "string", ["[1,2]"]),
    ],
)  # fmt: skip
def test_a_type_converts_without_loss(array, kind, expected):
    """`type` converts what can be converted exactly."""
    assert data({"x": array}, v={"column": "x", "type": kind}) == [{"v": value} for value in expected]


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (["x", "1.5", "", "1e3"], "integer"),
        ([1.5, float("nan"), 1e300], "integer"),
        (["x", "1,5", "0x10", "nan", "1_000"], "number"),
        (["maybe", ""], "boolean"),
        ([2, -1], "boolean"),
        (["yesterday", "2024-13-01", ""], "timestamp"),
        ([2**62], "timestamp"),
        (["2024-02-30"], "date"),
        (["{"], "json"),
    ],
)
def test_what_does_not_convert_rejects_the_row(array, kind):
    """A value that is not null and does not convert rejects its row; null stays null."""
    column = pa.array([*array, None])
    batch = mapped({"x": column}, {"data": {"v": {"column": "x", "type": kind}}})
    assert reasons(batch) == dict.fromkeys(range(len(array)), "expression_error")
    assert items(batch)[0]["data"] == {}


def test_a_default_does_not_hide_a_failure():
    """`default` stands for null, not for a value that does not convert."""
    batch = mapped({"x": ["1", "y", None]}, {"data": {"v": {"column": "x", "type": "integer", "default": 0}}})
    assert [item["data"]["v"] for item in items(batch)] == [1, 0]
    assert reasons(batch) == {1: "expression_error"}


@pytest.mark.parametrize(
    ("array", "form", "zone", "expected"),
    [
        (pa.array([naive(2024, 7, 1)]), "t", "UTC", 1719792000000),
        (pa.array([naive(2024, 7, 1)]), "t", "Europe/Berlin", 1719784800000),
        (pa.array([dt.date(2024, 7, 1)]), "t", "Europe/Berlin", 1719784800000),
        (pa.array([1719792000123456789], pa.timestamp("ns", "UTC")), "t", "Europe/Berlin", 1719792000123),
        (pa.array([1719792000123]), "t", "Europe/Berlin", 1719792000123),
        (pa.array([Decimal(1719792000123)], pa.decimal128(20, 0)), "t", "UTC", 1719792000123),
        (pa.array(["2024-07-01"]), {"column": "t", "type": "timestamp"}, "Europe/Berlin", 1719784800000),
        (pa.array(["2024-07-01T00:00:00Z"]), {"column": "t", "type": "timestamp"}, "Europe/Berlin", 1719792000000),
        (pa.array(["2024-07-01 02:00:00+02:00"]), {"column": "t", "type": "timestamp"}, "Asia/Tokyo", 1719792000000),
        (pa.array(["2024-07-01 00:00:00"]), {"column": "t", "type": "timestamp"}, "Europe/Berlin", 1719784800000),
        (pa.array([1719792000]), {"sql": "t * 1000"}, "UTC", 1719792000000),
        (pa.array([None], pa.timestamp("us")), {"column": "t", "default": "2024-07-01T00:00:00Z"}, "UTC", 1719792000000),
        (pa.array([None], pa.timestamp("us")), {"column": "t", "default": 1719792000000}, "UTC", 1719792000000),
        (pa.array([1]), {"value": 1719792000000}, "UTC", 1719792000000),
        (pa.array([1]), {"value": "2024-07-01", "type": "timestamp"}, "Europe/Berlin", 1719784800000),
    ],
)  # fmt: skip
def test_the_timestamp_field_is_epoch_milliseconds(array, form, zone, expected):
    """The timestamp comes from timestamps, dates and integer milliseconds; text says that it is one."""
    batch = mapped({"t": array}, {"timestamp": form}, timezone=zone)
    assert [item["timestamp"] for item in items(batch)] == [expected]


@pytest.mark.parametrize(
    ("array", "mark", "expected"),
    [
        (pa.array(["u-1"]), "", "u-1"),
        (pa.array([1841710181319290881]), "", "1841710181319290881"),
        (pa.array([Decimal("12.50")]), "", "12.50"),
        (pa.array(["12345678901234567890123.0"]), "number", "12345678901234567890123.0"),
        (pa.array(['quote" \\ é']), "", 'quote" \\ é'),
        (pa.array([" padded "]), "", " padded "),
        (pa.array(["\u2003x"]), "", "\u2003x"),
        (pa.array(["é"]), "", "é"),
        (pa.array([" \t\u00a0\u2003\u3000\n"]), "", None),
        (pa.array([""]), "", None),
        (pa.array([None], pa.string()), "", None),
    ],
)
def test_identifiers_are_text(array, mark, expected):
    """Identifiers are JSON strings with their digits; blank ones are none."""
    batch = mapped([field("i", array, mark)], {"sessionId": "i"})
    assert items(batch)[0].get("sessionId") == expected


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"column": "i", "default": "nobody"}, "nobody"),
        ({"column": "f", "type": "string"}, "1.5"),
        ({"column": "f", "hash": "sha256"}, hashlib.sha256(b"1.5").hexdigest()),
        ({"column": "i", "hash": "sha256"}, None),
        ({"template": "u-{f}"}, "u-1.5"),
        ({"template": "u-{i}"}, None),
        ({"sql": "f::int"}, "2"),
        ({"value": 7}, "7"),
        ({"value": " "}, None),
    ],
)
def test_identifiers_take_every_scalar_form(form, expected):
    """An identifier may be computed, hashed and defaulted."""
    assert items(mapped({"i": [" "], "f": [1.5]}, {"pageId": form}))[0].get("pageId") == expected


def test_fields_stand_in_the_order_of_the_api():
    """An item is eventId, identities, timestamp, the other ids, and its three objects."""
    yaml = {
        "kind": "event", "event": "P", "accountAttributes": {"a": "x"}, "userAttributes": {"b": "x"}, "data": {"c": "x"},
        "accountId": "x", "userId": "x", "timestamp": {"value": 1714632704000}, "productId": "x", "sessionId": "x",
        "anotherUserId": "x", "anotherAccountId": "x", "pageId": "x", "eventId": "x",
    }  # fmt: skip
    assert texts(mapped({"x": ["v"]}, yaml)) == [
        (
            '{"eventId":"v","profileId":"v","userId":"v","timestamp":1714632704000,"accountId":"v","sessionId":"v",'
            '"pageId":"v","anotherUserId":"v","anotherAccountId":"v","productId":"v","data":{"c":"v"},'
            '"userAttributes":{"b":"v"},"accountAttributes":{"a":"v"}}'
        )
    ]


def test_profile_id_is_a_copy_of_user_id_unless_mapped():
    """An unmapped profileId is the userId for events and identify; null leaves it out; others get none."""
    event = {"userId": "a", "profileId": {"value": None}}
    assert "profileId" not in items(mapped(ROW, event))[0]
    assert items(mapped(ROW, {"userId": "a", "profileId": "n"}))[0]["profileId"] == "12"
    assert items(mapped(ROW, {"kind": "identify", "userId": "a"}))[0]["profileId"] == "x"
    assert set(items(mapped(ROW, {"kind": "product", "productId": "n", "userId": "a"}))[0]) == {
        "eventId",
        "productId",
        "userId",
    }
    assert set(items(mapped(ROW, {"kind": "group", "accountId": "n"}))[0]) == {"eventId", "accountId"}


def test_rest_takes_what_nothing_else_uses():
    """`"*": true` takes every column that no value uses but those named; an explicit member wins."""
    columns = {
        "id": [1],
        "email": ["e"],
        "password": ["p"],
        "Name": ["n"],
        "cents": [250],
        "day": [dt.date(2024, 1, 2)],
        "c": ["t"],
    }
    yaml = {
        "userId": "email",
        "timestamp": "day",
        "data": {"*": True, "password": False, "total": {"sql": "cents / 100"}, "label": {"template": "{c}!"}, "Name": {"value": 0}},
    }  # fmt: skip
    batch = mapped(columns, yaml, key=("id",))
    assert [item["data"] for item in items(batch)] == [
        {"total": Decimal("2.5"), "label": "t!", "Name": 0, "id": 1}
    ]


def test_commas_are_right_whatever_is_null():
    """Members before, between and after nulls are separated by one comma, with and without constants."""
    columns = {
        "a": pa.array([1, None, None, 1, None]),
        "b": pa.array([2, 2, None, None, None]),
        "c": pa.array([None, 3, 3, 3, None], pa.int64()),
    }
    rows = [
        dict(zip("abc", values, strict=True))
        for values in zip(*(columns[name].to_pylist() for name in "abc"), strict=True)
    ]
    kept = [{name: value for name, value in row.items() if value is not None} for row in rows]
    assert data(columns, a="a", b="b", c="c") == kept
    assert data(columns, a="a", k={"value": 0}, b="b", c="c") == [row | {"k": 0} for row in kept]
    assert data(columns, k={"value": 0}, o={"a": "a", "b": "b"}, l={"list": ["c"]}, c="c") == [
        {"k": 0, "o": {name: row[name] for name in "ab" if name in row}, "l": [row.get("c")]} | ({"c": row["c"]} if "c" in row else {})
        for row in kept
    ]  # fmt: skip


def test_a_column_that_turns_null_later_changes_nothing():
    """A batch with nulls where the first had none gives the same form of text."""
    full, holed = (
        {"a": pa.array([1, 2]), "b": pa.array([1, 2])},
        {"a": pa.array([None, 2]), "b": pa.array([1, None])},
    )
    assert data(full, a="a", b="b") == [{"a": 1, "b": 1}, {"a": 2, "b": 2}]
    assert data(holed, a="a", b="b") == [{"b": 1}, {"a": 2}]


def test_declared_types_are_cast():
    """A declared type of a text column holds for plain columns and within expressions."""
    columns = {"total": ["12.50", "x", None]}
    yaml = {"data": {"total": "total", "twice": {"sql": "total * 2"}}}
    batch = mapped(columns, yaml, declared={"total": "decimal(18,2)"})
    assert [item["data"] for item in items(batch)] == [
        {"total": Decimal("12.50"), "twice": Decimal("25.00")},
        {},
    ]
    assert reasons(batch) == {1: "expression_error"}
