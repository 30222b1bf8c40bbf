"""Every type of a source, as JSON to the last digit."""

import base64
import datetime as dt
import json
import uuid
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from mappings import data, field, items, mapped, naive, reasons, texts

from connector.errors import ConfigErrors

UTC = dt.UTC


def written(array, mark="", **spec) -> str:
    """Return the exact JSON of the first value of a column, or an empty text where it is left out."""
    batch = mapped([field("x", array, mark)], {"data": {"x": "x"}}, **spec)
    assert not batch.rejected, batch.rejected
    text = texts(batch)[0].split('"data":', 1)[1].removesuffix("}")
    return text.removeprefix('{"x":').removesuffix("}") if text != "{}" else ""


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([True]), "true"),
        (pa.array([-128], pa.int8()), "-128"),
        (pa.array([1841710181319290881], pa.int64()), "1841710181319290881"),
        (pa.array([-(2**63)], pa.int64()), "-9223372036854775808"),
        (pa.array([2**64 - 1], pa.uint64()), "18446744073709551615"),
        (pa.array([Decimal("10.50")], pa.decimal128(5, 2)), "10.50"),
        (pa.array([Decimal("-0.5")], pa.decimal128(2, 2)), "-0.50"),
        (pa.array([Decimal("0.5")], pa.decimal128(2, 2)), "0.50"),
        (pa.array([Decimal("0.00")], pa.decimal128(2, 2)), "0.00"),
        (pa.array([Decimal("12345678901234567890123456789012345.678")], pa.decimal128(38, 3)), "12345678901234567890123456789012345.678"),
        (pa.array([Decimal("1" * 60 + ".25")], pa.decimal256(70, 2)), "1" * 60 + ".25"),
        (pa.array([Decimal(1200)], pa.decimal128(5, 0)).cast(pa.decimal128(5, -2)), "1.2E+3"),
        (pa.array([0.1], pa.float32()), "0.1"),
        (pa.array([1.5], pa.float16()), "1.5"),
        (pa.array([0.1], pa.float64()), "0.1"),
        (pa.array([1e300]), "1e+300"),
        (pa.array([5e-324]), "5e-324"),
        (pa.array([-0.0]), "-0.0"),
        (pa.array([float("nan")]), ""),
        (pa.array([float("-inf")]), ""),
        (pa.array(['a"\\\n\x01é\u2028😀']), json.dumps('a"\\\n\x01é\u2028😀', ensure_ascii=False)),
        (pa.array([""]), '""'),
        (pa.array(["x"], pa.string_view()), '"x"'),
        (pa.array(["x"], pa.large_string()), '"x"'),
        (pa.array(["x"]).dictionary_encode(), '"x"'),
        (pa.array([dt.date(2024, 1, 2)]), '"2024-01-02"'),
        (pa.array([naive(2024, 1, 2, 3, 4, 5)], pa.timestamp("s")), '"2024-01-02T03:04:05.000000Z"'),
        (pa.array([naive(2024, 1, 2, 3, 4, 5, 1)], pa.timestamp("us")), '"2024-01-02T03:04:05.000001Z"'),
        (pa.array([1704164645123456789], pa.timestamp("ns")), '"2024-01-02T03:04:05.123456Z"'),
        (pa.array([1704164645123456], pa.timestamp("us", "Asia/Tokyo")), '"2024-01-02T03:04:05.123456Z"'),
        (pa.array([1704164645123456789], pa.timestamp("ns", "UTC")), '"2024-01-02T03:04:05.123456Z"'),
        (pa.array([-1], pa.timestamp("us")), '"1969-12-31T23:59:59.999999Z"'),
        (pa.array([2**63 - 1], pa.timestamp("us")), ""),
        (pa.array([2**63 - 1], pa.timestamp("us", "UTC")), ""),
        (pa.array([dt.time(12, 0, 0, 123456)]), '"12:00:00.123456"'),
        (pa.array([dt.time(12, 0)], pa.time32("s")), '"12:00:00.000000"'),
        (pa.array([dt.timedelta(hours=25, minutes=1, seconds=1, microseconds=500000)]), '"PT25H1M1.5S"'),
        (pa.array([dt.timedelta(0)]), '"PT0S"'),
        (pa.array([dt.timedelta(seconds=-1)]), '"PT-1S"'),
        (pa.array([(14, 3, 1_500_000_000)], pa.month_day_nano_interval()), '"P1Y2M3DT1.5S"'),
        (pa.array([b"\x00\xff"]), json.dumps(base64.b64encode(b"\x00\xff").decode())),
        (pa.array([b"ab"], pa.binary(2)), '"YWI="'),
        (pa.array([uuid.UUID(int=1).bytes], pa.uuid()), '"00000000-0000-0000-0000-000000000001"'),
        (pa.array(['{"a": 1.10}'], pa.json_()), '{"a": 1.10}'),
        (pa.array(["1.50"], pa.opaque(pa.string(), "inet", "PostgreSQL")), '"1.50"'),
        (pa.array([[1, None, 3]]), "[1,null,3]"),
        (pa.array([[]], pa.list_(pa.int64())), "[]"),
        (pa.array([[]], pa.list_(pa.string())), "[]"),
        (pa.array([[None]], pa.list_(pa.string())), "[null]"),
        (pa.array([["a,b", 'c"']]), '["a,b","c\\""]'),
        (pa.array([[True, None]]), "[true,null]"),
        (pa.array([[1.5, float("nan"), 0.1]], pa.list_(pa.float32())), "[1.5,null,0.1]"),
        (pa.array([[1.5]], pa.list_(pa.float16())), "[1.5]"),
        (pa.array([[Decimal("1.50")]], pa.list_(pa.decimal256(50, 2))), "[1.50]"),
        (pa.array([[1, 2]], pa.list_(pa.int64(), 2)), "[1,2]"),
        (pa.array([["a", None]], pa.list_(pa.string(), 2)), '["a",null]'),
        (pa.array([[[1], None, []]], pa.list_(pa.list_(pa.int64()))), "[[1],null,[]]"),
        (pa.array([{"a": 1, "b": None, "c": {"d": None}}], pa.struct([("a", pa.int64()), ("b", pa.string()), ("c", pa.struct([("d", pa.string())]))])), '{"a":1,"c":{}}'),
        (pa.array([{"a": None}], pa.struct([("a", pa.int64())])), "{}"),
        (pa.array([None], pa.struct([("a", pa.int64())])), ""),
        (pa.array([{'we "ird': "x", "A": 1}], pa.struct([('we "ird', pa.string()), ("A", pa.int64())])), '{"we \\"ird":"x","A":1}'),
        (pa.array([[("k", 1), ('k"2', None)]], pa.map_(pa.string(), pa.int64())), '{"k":1}'),
        (pa.array([[(1, "x")]], pa.map_(pa.int64(), pa.string())), '{"1":"x"}'),
        (pa.array([[]], pa.map_(pa.string(), pa.int64())), "{}"),
        (pa.array([[{"a": [naive(2024, 1, 2)]}]], pa.list_(pa.struct([("a", pa.list_(pa.timestamp("us")))]))), '[{"a":["2024-01-02T00:00:00.000000Z"]}]'),
        (pa.nulls(1), ""),
    ],
)  # fmt: skip
def test_a_type_is_written_exactly(array, expected):
    """Each type has one JSON form, to the last digit."""
    assert written(array) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"big": 12345678901234567890.123456789012345678, "n": null}', None),
        ('[1,\n {"a":\r\n "NaN, ]"}]', '[1,  {"a":   "NaN, ]"}]'),
        ('"text with \\"nan\\" and ,]"', None),
        ("null", None),
        ("1e999", None),
    ],
)
def test_json_is_spliced_with_all_its_digits(text, expected):
    """JSON columns keep their text, on one line, nulls and numbers included."""
    assert written(pa.array([text]), "json") == (expected or text)


@pytest.mark.parametrize(
    "text", ["{", "", "NaN", '{"a": Infinity}', "[1,]", "{'a': 1}", "-Infinity", "1 2", "nan"]
)
def test_invalid_json_rejects_the_row(text):
    """Text that is not JSON is never spliced."""
    batch = mapped([field("x", pa.array([text]), "json")], {"data": {"x": "x"}})
    assert reasons(batch) == {0: "expression_error"}


@pytest.mark.parametrize(
    "text", ["12345678901234567890.000000000000000000000000000001", "-1.50", "0", "1E+10"]
)
def test_number_text_is_spliced(text):
    """Numbers that arrive as text keep every digit and lose their quotes."""
    assert written(pa.array([text]), "number") == text


def test_number_text_that_is_not_a_number_is_null_and_counted():
    """NaN and infinity of a numeric column have no JSON form; other text rejects the row."""
    column = field("x", pa.array(["NaN", "-Infinity", "1", "abc", None]), "number")
    batch = mapped([column], {"data": {"x": "x"}})
    assert [item["data"] for item in items(batch)] == [{}, {}, {"x": 1}, {}]
    assert batch.warnings == {"not_a_number": 2}
    assert reasons(batch) == {3: "expression_error"}


def test_what_has_no_json_form_is_counted():
    """NaN and infinite times are null, also deep inside, and rows with them are counted."""
    nested = pa.array([[{"f": float("inf")}], [{"f": 1.0}]], pa.list_(pa.struct([("f", pa.float64())])))
    columns = {"n": nested, "t": pa.array([2**63 - 1, 0], pa.timestamp("us"))}
    batch = mapped(columns, {"data": {"n": "n", "t": "t"}})
    assert batch.warnings == {"not_a_number": 1, "infinite_value": 1}
    assert items(batch)[0]["data"] == {"n": [{}]}


def test_nulls_are_left_out_or_sent():
    """`nulls: send` keeps members that are null at every depth; list elements are null either way."""
    columns = {
        "a": pa.array([None], pa.int64()),
        "s": pa.array([{"b": None, "c": 1}], pa.struct([("b", pa.string()), ("c", pa.int64())])),
    }
    members = {"a": "a", "s": "s", "list": {"list": ["a"]}, "o": {"a": "a"}}
    omitted = items(mapped(columns, {"data": members}))[0]["data"]
    sent = items(mapped(columns, {"data": members, "nulls": "send"}))[0]["data"]
    assert omitted == {"s": {"c": 1}, "list": [None], "o": {}}
    assert sent == {"a": None, "s": {"b": None, "c": 1}, "list": [None], "o": {"a": None}}


@pytest.mark.parametrize(
    ("array", "zone", "expected"),
    [
        (pa.array([naive(2024, 7, 1)], pa.timestamp("us")), "Europe/Berlin", '"2024-06-30T22:00:00.000000Z"'),
        (pa.array([naive(2024, 1, 1)], pa.timestamp("ns")), "Europe/Berlin", '"2023-12-31T23:00:00.000000Z"'),
        (pa.array([naive(2024, 7, 1)], pa.timestamp("us", "UTC")), "Europe/Berlin", '"2024-07-01T00:00:00.000000Z"'),
        (pa.array([2**63 - 1], pa.timestamp("us")), "Europe/Berlin", ""),
        (pa.array([dt.date(2024, 7, 1)]), "Europe/Berlin", '"2024-07-01"'),
    ],
)  # fmt: skip
def test_naive_timestamps_are_read_in_the_zone_of_the_source(array, zone, expected):
    """Only what says no zone is read in `source.timezone`."""
    assert written(array, timezone=zone) == expected


def test_columns_that_differ_by_case_only():
    """`email` and `Email` are two columns."""
    found = data(
        {"email": ["a"], "Email": ["B"], "EMAIL": ["C"]},
        one="Email",
        two="email",
        three={"sql": "EMAIL || email"},
    )
    assert found == [{"one": "B", "two": "a", "three": "Ca"}]


def test_a_type_without_json_form_is_refused():
    """A union has no JSON form: the mapping says so and names the remedy."""
    with pytest.raises(ConfigErrors, match=r"mapping.data.u: .* no JSON form"):
        mapped({"a": [1]}, {"data": {"u": {"sql": "union_value(x := a)"}}})


def test_columns_that_nobody_maps_may_have_any_type():
    """A column that DuckDB does not read does no harm until it is mapped."""
    union = pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1]), pa.array(["x"])])
    assert data({"u": union, "a": [1]}, a="a") == [{"a": 1}]
    with pytest.raises(ConfigErrors, match=r"mapping.data.u: "):
        mapped({"u": union, "a": [1]}, {"data": {"u": "u"}})


LATE = 253402300800  # 10000-01-01 in seconds


@pytest.mark.parametrize(
    "array",
    [
        pa.array([-(2**63), -(2**63) + 1, 2**63 - 2, LATE * 10**6, -(10**17)], pa.timestamp("us")),
        pa.array([-(2**63), -(2**63) + 1, 2**63 - 2, LATE * 10**6, -(10**17)], pa.timestamp("us", "UTC")),
        pa.array([LATE, -(10**12)], pa.timestamp("s")),
        pa.array([LATE * 1000, -(10**14)], pa.timestamp("ms", "UTC")),
        pa.array([2**31 - 1, 2**31 - 2, -(2**31), 2932897, -719163], pa.date32()),
        pa.array([-(2**63) + 1], pa.timestamp("ns")),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_times_that_iso_8601_cannot_write_are_null_and_counted(array, zone):
    """Infinities and years beyond 1 to 9999 have no form, as values, timestamps and keys."""
    batch = mapped({"x": array}, {"data": {"x": "x"}}, timezone=zone, key=("x",))
    assert [item["data"] for item in items(batch)] == [{}] * len(array)
    assert batch.warnings == {"infinite_value": len(array)}
    rejected = mapped({"x": array}, {"timestamp": "x"}, timezone=zone)
    assert set(reasons(rejected).values()) == {"missing_timestamp"}


BAD_TEXT = pa.StringArray.from_buffers(
    4, pa.array([0, 1, 3, 4, 5], pa.int32()).buffers()[1], pa.py_buffer(b"a\xff\xfebc")
)


@pytest.mark.parametrize(
    "array",
    [
        BAD_TEXT,
        pc.cast(BAD_TEXT, pa.string_view()),
        pa.StructArray.from_arrays([BAD_TEXT], names=["s"]),
        pa.array([[("a", 1)], [("a", 1), ("a", 2)], [], None], pa.map_(pa.string(), pa.int64())),
        pa.array([0, 2**62, 0, 0], pa.timestamp("s", "UTC")),
        pa.array([0, 2**62, 0, 0], pa.duration("s")),
        pa.StructArray.from_arrays([pa.StructArray.from_arrays([BAD_TEXT], names=["s"])], names=["t"]),
    ],
)
def test_a_value_that_cannot_be_read_costs_its_row_only(array):
    """Text that is not UTF-8, maps with a key twice and overflowing times reject their row, with its key."""
    columns = {"k": pa.array([7, 8, 9, 10]), "x": array, "n": [1, 1, 0, 1]}
    batch = mapped(columns, {"when": "n = 1", "data": {"x": "x"}}, key=("k",))
    assert batch.row.tolist() == [0, 3]
    assert batch.filtered.tolist() == [2]
    assert reasons(batch) == {1: "expression_error"}
    assert batch.rejected[1].key == "[8]"
    assert len(items(batch)) == 2
    assert batch.describe([3])[0].key == "[10]"
