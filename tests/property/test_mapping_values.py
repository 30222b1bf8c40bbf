"""Whatever a source holds comes out of an item as it went in."""

import datetime as dt
import functools
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from mappings import USER, batch_of_rows, field, items, mapper_of, naive, rows_of

from connector.errors import ConfigErrors
from connector.mapping import Mapper
from connector.model import MappedBatch

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=20,
)


def through(array: pa.Array, mark: str = "") -> list:
    """Return the values of a column as they arrive, null where they are left out."""
    batch = run(array, mark)
    assert not batch.rejected
    return [item["data"].get("x") for item in items(batch)]


def run(array: pa.Array, mark: str = "") -> MappedBatch:
    """Map a column by a mapper that is compiled once."""
    return _mapper(array.type, mark).map(batch_of_rows(rows_of([field("x", array, mark)])))


@functools.cache
def _mapper(kind: pa.DataType, mark: str) -> Mapper:
    yaml = USER | {"data": {"x": "x"}, "pageId": {"column": "x", "type": "string"}}
    return mapper_of(rows_of([field("x", pa.array([], kind), mark)]), yaml)


@given(st.lists(st.none() | TEXT, min_size=1))
@settings(max_examples=60)
def test_any_text_comes_out_as_it_went_in(values):
    """Text survives JSON whatever it holds."""
    assert through(pa.array(values, pa.string())) == values
    assert through(pa.array(values, pa.string_view())) == values


@functools.cache
def _named() -> Mapper:
    yaml = {"kind": "event", "event": {"column": "x"}, "userId": {"value": "u"}, "pageId": "x"}
    return mapper_of(rows_of({"x": pa.array([], pa.string())}), yaml)


@given(st.lists(TEXT, min_size=1))
@settings(max_examples=40)
def test_any_text_survives_as_identifier_and_event_name(values):
    """Identifiers and names are the same text, or none where they are blank."""
    batch = _named().map(batch_of_rows(rows_of({"x": pa.array(values, pa.string())})))
    kept = [x for x in values if x.strip() and x != "Identify" and not x.startswith("intempt:")]
    entries = [json.loads(text.removesuffix(",")) for text in batch.entries.to_pylist()]
    assert [(entry["name"], entry["payload"][0]["pageId"]) for entry in entries] == [(x, x) for x in kept]


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=1))
@settings(max_examples=40)
def test_any_integer_keeps_its_digits(values):
    """No integer goes through a float."""
    assert through(pa.array(values, pa.int64())) == values


@given(st.integers(1, 38).flatmap(lambda p: st.tuples(st.just(p), st.integers(0, p))), st.data())
@settings(max_examples=30)
def test_any_decimal_keeps_its_digits(size, draw):
    """No decimal is rounded."""
    precision, scale = size
    whole = draw.draw(st.lists(st.integers(-(10**precision) + 1, 10**precision - 1), min_size=1, max_size=5))
    values = [
        Decimal(number).scaleb(-scale, None) if precision < 28 else _scaled(number, scale) for number in whole
    ]
    assert through(pa.array(values, pa.decimal128(precision, scale))) == values


def _scaled(number: int, scale: int) -> Decimal:
    sign, digits, _ = Decimal(number).as_tuple()
    return Decimal((sign, digits, -scale))


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
@settings(max_examples=40)
def test_any_float_is_the_same_float(values):
    """Floats are written with digits that read back to the same value, in their own width."""
    wide = [json.loads(str(x)) for x in through(pa.array(values, pa.float64()))]
    assert wide == values
    narrow = pa.array([float(x) for x in through(pa.array(values, pa.float32()))], pa.float32())
    assert narrow == pa.array(values, pa.float32())


@given(st.lists(st.datetimes(naive(1, 1, 1), naive(9999, 12, 31, 23, 59, 59, 999999)), min_size=1))
@settings(max_examples=40)
def test_any_timestamp_keeps_its_microseconds(values):
    """Timestamps are the same moment to the microsecond."""
    found = through(pa.array(values, pa.timestamp("us")))
    assert [dt.datetime.fromisoformat(x) for x in found] == [x.replace(tzinfo=dt.UTC) for x in values]


@given(st.lists(JSON, min_size=1, max_size=5))
@settings(max_examples=60)
def test_any_json_is_spliced(values):
    """JSON text means the same within the item."""
    texts = [json.dumps(x, ensure_ascii=n % 2 == 0, indent=n % 3 or None) for n, x in enumerate(values)]
    batch = run(pa.array(texts), "json")
    assert [json.loads(text.removesuffix(","))["data"]["x"] for text in batch.entries.to_pylist()] == values
    assert not any("\n" in text for text in batch.entries.to_pylist())


@given(st.lists(TEXT, min_size=1))
@settings(max_examples=60)
def test_what_is_taken_for_json_is_json(values):
    """No text that Python's strict parser refuses is spliced into an item."""
    batch = run(pa.array(values), "json")
    assert len(items(batch)) + len(batch.rejected) == len(values)


NAMES = st.lists(
    TEXT.filter(lambda name: name.strip() and "\0" not in name)
    | st.sampled_from(["select", "SELECT", "c0", "c1", "C0", "a b", 'q"q', "it's", "{x}", "version", "text", "digest", "é", "É", "*x", "a.b", "v"]),
    min_size=1, max_size=6, unique=True,
)  # fmt: skip


@given(NAMES)
@settings(max_examples=25)
def test_any_column_name_can_be_mapped(names):
    """Columns are told apart by their exact names, as columns, in expressions and by the star."""
    rows = rows_of({name: [n] for n, name in enumerate(names)})
    quoted = {f"q{n}": {"sql": '"' + name.replace('"', '""') + '" + 0'} for n, name in enumerate(names)}
    plain = {f"p{n}": {"column": name} for n, name in enumerate(names)}
    every = range(len(names))
    mapper = mapper_of(
        rows,
        USER | {"data": plain | quoted},
        {"kind": "identify", "userId": {"value": "u"}, "userAttributes": {"*": True}},
    )
    (entry,) = mapper.map(batch_of_rows(rows)).entries.to_pylist()
    mapper.close()
    event, identify = json.loads(f"[{entry[:-1]}]")
    assert event["payload"][0]["data"] == {f"p{n}": n for n in every} | {f"q{n}": n for n in every}
    assert identify["payload"][0]["userAttributes"] == {name: n for n, name in enumerate(names)}


@given(st.text(max_size=30))
@settings(max_examples=40)
def test_any_text_as_expression_is_refused_or_runs(text):
    """Whatever stands in an expression, it is a mistake with a path or a mapping that runs."""
    if not text.strip():
        return
    with suppress(ConfigErrors), _only_at("mapping.data.x"):
        mapper_of(rows_of({"a": [1]}), USER | {"data": {"x": {"sql": text}}}).close()


@contextmanager
def _only_at(path: str) -> Iterator[None]:
    """Fail unless every mistake within the block is at `path`."""
    try:
        yield
    except ConfigErrors as errors:
        if {error.path for error in errors.errors} != {path}:
            raise AssertionError(errors) from errors
        raise
