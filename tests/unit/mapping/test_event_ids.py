"""eventIds: golden values that no release may change, and what tells rows, versions and mappings apart."""

import datetime as dt
import hashlib
import json
import uuid
from decimal import Decimal

import pyarrow as pa
import pytest
from mappings import USER, batch_of_rows, field, items, mapped, mapping, naive, rows_of

from connector.mapping import Mapper, MappingSpec

PRODUCT = {"kind": "product", "productId": {"value": "p"}, "data": {"price": "price"}}


def ids(columns, *yaml, key=("k",), **spec) -> list[str]:
    """Return the eventIds of the entries."""
    return mapped(columns, *(yaml or (USER,)), key=key, **spec).event_id.to_pylist()


def id_of(array, mark="", **spec) -> str:
    """Return the eventId of an event with one key part."""
    return ids([field("k", array, mark)], **spec)[0]


def md5(text: str) -> str:
    """Return the id that a canonical text has."""
    return hashlib.md5(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("array", "mark", "canonical"),
    [
        (pa.array([42]), "", "42"),
        (pa.array([42], pa.uint8()), "", "42"),
        (pa.array([Decimal("42.00")], pa.decimal128(10, 2)), "", "42"),
        (pa.array([Decimal("42.00")], pa.decimal256(60, 2)), "", "42"),
        (pa.array(["42.000"]), "number", "42"),
        (pa.array([42.0]), "", "42"),
        (pa.array(["42"]), "", '"42"'),
        (pa.array(["42"], pa.string_view()), "", '"42"'),
        (pa.array([Decimal("0.50")], pa.decimal128(2, 2)), "", "0.5"),
        (pa.array(["0.500"]), "number", "0.5"),
        (pa.array([100]), "", "100"),
        (pa.array([Decimal("100.00")], pa.decimal128(10, 2)), "", "100"),
        (pa.array([Decimal("0.00")], pa.decimal128(10, 2)), "", "0"),
        (pa.array(["-0.0"]), "number", "0"),
        (pa.array([True]), "", "true"),
        (pa.array(['é"\n']), "", '"é\\"\\n"'),
        (pa.array([dt.date(2024, 1, 2)]), "", '"2024-01-02"'),
        (pa.array([naive(2024, 1, 2)], pa.timestamp("s")), "", '"2024-01-02T00:00:00.000000Z"'),
        (pa.array([naive(2024, 1, 2)], pa.timestamp("ns")), "", '"2024-01-02T00:00:00.000000Z"'),
        (pa.array([naive(2024, 1, 2)], pa.timestamp("us", "UTC")), "", '"2024-01-02T00:00:00.000000Z"'),
        (pa.array([1704153600000000001], pa.timestamp("ns")), "", '"2024-01-02T00:00:00.000000001Z"'),
        (pa.array([1704153600000000001], pa.timestamp("ns", "UTC")), "", '"2024-01-02T00:00:00.000000001Z"'),
        (pa.array([uuid.UUID(int=171).bytes], pa.uuid()), "", '"00000000-0000-0000-0000-0000000000ab"'),
        (pa.array(["00000000-0000-0000-0000-0000000000AB"]), "uuid", '"00000000-0000-0000-0000-0000000000ab"'),
        (pa.array([b"\x00\xab"]), "", '"00ab"'),
        (pa.array([None], pa.int64()), "", "null"),
    ],
)  # fmt: skip
def test_a_key_is_written_canonically(array, mark, canonical):
    """The id is the MD5 of a canonical array: the same from every driver, and for ever."""
    assert id_of(array, mark) == md5(f'[1,"orders","event","Purchase",[{canonical}]]')


def test_golden_ids():
    """Literal ids of the first scheme: a change here sends every row of every user again."""
    assert id_of(pa.array([1])) == "8035091a9353e6c8c8905604fa364561"
    assert ids({"k": [1], "l": ["a"]}, key=("k", "l")) == ["eafcbba63ed6e3a8e3f3763fc77c461e"]
    assert ids({"k": [1], "price": [Decimal("9.50")]}, PRODUCT) == ["2e86ff88ca8fa1db7ecfec8194693960"]
    assert ids({"k": [1], "l": ["a"]}, USER | {"events": "per_version"}) == [
        "f7f1a5e90f803e1e498ae9c9ce9b881e"
    ]
    assert ids({"a": ["x"], "b": [1]}, USER | {"data": {"a": "a", "b": "b"}}, key=()) == [
        "8079a9c81bd3278ac20f104b400a641f"
    ]


def test_naive_timestamps_of_a_key_are_read_in_the_zone():
    """The same moment has one id, whether the driver says the zone or not."""
    unzoned = id_of(pa.array([naive(2024, 7, 1, 2)]), timezone="Europe/Berlin")
    assert unzoned == id_of(pa.array([naive(2024, 7, 1)], pa.timestamp("us", "UTC")))


def test_parts_of_a_key_do_not_run_together():
    """("a", "bc") and ("ab", "c") are two keys."""
    columns = {"a": ["a", "ab"], "b": ["bc", "c"]}
    assert len(set(ids(columns, key=("a", "b")))) == 2
    assert len(set(ids({"a": ['x","y', "x"], "b": ["z", 'y","z']}, key=("a", "b")))) == 2


def test_an_event_is_its_row_unless_versions_are_events():
    """`per_row`: the same id whatever else changed; `per_version`: each version has its own."""
    columns = {"k": [1], "x": [1]}
    assert ids(columns, USER | {"data": {"x": "x"}}) == ids(
        columns | {"x": [2]}, USER | {"data": {"x": "x"}}, version="v2"
    )
    versions = USER | {"events": "per_version"}
    assert ids(columns, versions) != ids(columns, versions, version="v2")
    rows = {"k": [1, 1]}
    assert len(set(ids(rows, versions, version=pa.array(["1", "2"])))) == 2
    assert ids(columns, versions) == ids(columns, versions, version=pa.array(["v1"], pa.string_view()))


def test_other_kinds_have_an_id_for_each_version_of_their_content():
    """A → B → A is three items; the same content of the same version is one."""
    a1, b2, a3 = (
        ids({"k": [1], "price": [price]}, PRODUCT, version=version)[0]
        for price, version in ((1, "1"), (2, "2"), (1, "3"))
    )
    assert len({a1, b2, a3}) == 3
    assert a1 == ids({"k": [1], "price": [1]}, PRODUCT, version="1")[0]
    content = md5(',"productId":"p","data":{"price":1}')
    assert a1 == md5(f'[1,"orders","product","ProductSync",[1],"{content}","1"]')


def test_mappings_of_one_sync_have_different_ids():
    """Kind, event name and, between twins, place tell the items of a row apart."""
    yaml = [
        USER,
        USER | {"event": "Refund"},
        USER,
        {"kind": "identify", "userId": {"value": "u"}},
        {"kind": "identify", "userId": {"value": "u"}},
    ]
    (entry,) = mapped({"k": [1]}, *yaml, key=("k",)).entries.to_pylist()
    found = [
        json.loads(part)["payload"][0]["eventId"]
        for part in entry.removesuffix(",").replace("]},{", "]}\n{").split("\n")
    ]
    assert len(set(found)) == 5
    assert found[0] == id_of(pa.array([1]))


def test_an_event_name_of_a_column_counts_like_a_constant():
    """Whether the name is constant or from a column does not matter to the id."""
    named = USER | {"event": {"column": "name"}}
    assert ids({"k": [1], "name": ["Purchase"]}, named) == [id_of(pa.array([1]))]
    assert len(set(ids({"k": [1, 1], "name": ["A", "B"]}, named))) == 2


def test_another_sync_has_other_ids():
    """Ids hang on the id of the sync."""
    rows = rows_of({"k": [1]})
    with_id = [
        Mapper(MappingSpec(name, (mapping(),), rows.schema, ("k",)))
        .map(batch_of_rows(rows))
        .event_id[0]
        .as_py()
        for name in ("orders", "b")
    ]
    assert with_id[0] == id_of(pa.array([1])) != with_id[1]


def test_an_id_mapped_by_hand_is_used_as_it_is():
    """A mapped eventId wins; a blank one is computed."""
    yaml = USER | {"eventId": {"template": 'e"{e}'}}
    batch = mapped({"k": [1, 1], "e": ["7", " "]}, yaml, key=("k",))
    assert [item["eventId"] for item in items(batch)] == ['e"7', id_of(pa.array([1]))]
    assert batch.event_id.to_pylist() == ['e"7', id_of(pa.array([1]))]


def test_without_a_key_equal_rows_are_one_event():
    """The id hangs on every column that is read."""
    yaml = USER | {"data": {"a": "a", "b": "b"}}
    one, same, other = ids({"a": [1, 1, 1], "b": ["x", "x", "y"]}, yaml, key=())
    assert one == same != other
