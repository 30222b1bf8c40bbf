"""A mapper: what it reads, what it returns, and how rows with several items, none or rejects are accounted."""

import json
import threading

import numpy as np
import pyarrow as pa
import pytest
from mappings import USER, batch_of_rows, items, mapped, mapper_of, mapping, reasons, rows_of, texts

from connector.errors import Stopped
from connector.mapping import Mapper, MappingSpec

IDENTIFY = {"kind": "identify", "userId": "u", "userAttributes": {"n": "n"}}


def entries(batch) -> list[list[dict]]:
    """Return the whole ``{"name", "payload"}`` entries of each row."""
    return [json.loads(f"[{text}]") for text in texts(batch)]


def test_it_reads_only_what_it_needs():
    """Mapped columns, the key, and what when, sql and templates refer to; nothing else."""
    rows = rows_of({name: [1] for name in ("z", "unused", "k", "w", "s", "t", "a")})
    yaml = USER | {"when": "w = 1", "data": {"a": "a", "s": {"sql": "s + 1"}, "t": {"template": "{t}"}}}
    assert mapper_of(rows, yaml, key=("k",)).columns == ("k", "w", "s", "t", "a")
    assert mapper_of(rows, USER | {"data": {"*": True, "unused": False}}, key=("k",)).columns == (
        "z",
        "k",
        "w",
        "s",
        "t",
        "a",
    )


def test_a_batch_may_hold_more_columns_in_another_order():
    """Columns are found by name: the extractor adds the cursor where it likes."""
    rows = rows_of({"b": [2], "a": [1]})
    mapper = mapper_of(rows, USER | {"data": {"a": "a", "b": "b"}})
    found = mapper.map(batch_of_rows(rows_of({"cursor": [9], "a": [1], "b": [2]})))
    assert items(found)[0]["data"] == {"a": 1, "b": 2}


def test_one_constant_event_makes_bare_items():
    """Entries are items, and the batch says the name of their event."""
    batch = mapped({"a": [1, 2]}, USER)
    assert batch.event == "Purchase"
    assert batch.items is None
    assert [item["userId"] for item in items(batch)] == ["u", "u"]
    assert [
        mapped({"u": ["x"], "n": [1]}, IDENTIFY).event,
        mapped({"a": ["x"]}, {"kind": "product", "productId": "a"}).event,
    ] == ["Identify", "ProductSync"]


def test_names_by_row_make_whole_entries():
    """Where names differ by row, each entry says its own."""
    batch = mapped({"name": ['A"', "B"]}, USER | {"event": {"column": "name"}})
    assert batch.event is None
    assert batch.items is None
    assert [[entry["name"] for entry in row] for row in entries(batch)] == [['A"'], ["B"]]


def test_a_row_may_make_several_items_or_none():
    """Several mappings with `when`: items are counted by row, rows without any are filtered."""
    columns = {"u": ["a", "b", "c", "d"], "n": [0, 1, 2, 3]}
    batch = mapped(columns, USER | {"when": "n >= 2"}, IDENTIFY | {"when": "n % 2 = 1"})
    assert batch.row.tolist() == [1, 2, 3]
    assert batch.items.tolist() == [1, 1, 2]
    assert batch.filtered.tolist() == [0]
    assert [[entry["name"] for entry in row] for row in entries(batch)] == [
        ["Identify"],
        ["Purchase"],
        ["Purchase", "Identify"],
    ]
    assert batch.event_id.to_pylist() == [row[0]["payload"][0]["eventId"] for row in entries(batch)]


def test_a_row_is_rejected_when_one_of_its_items_is():
    """A broken item takes its row with it; a mapping that does not take the row says nothing."""
    columns = {"u": ["a", None, None], "n": [1, 1, 0]}
    batch = mapped(columns, USER | {"data": {"n": "n"}}, IDENTIFY | {"when": "n = 1"})
    assert reasons(batch) == {1: "missing_identity"}
    assert batch.row.tolist() == [0, 2]


def test_a_single_when_filters():
    """A null or false condition filters the row."""
    batch = mapped({"n": [1, 0, None]}, USER | {"when": "n = 1"})
    assert (batch.event, batch.row.tolist(), batch.filtered.tolist(), batch.items) == (
        "Purchase",
        [0],
        [1, 2],
        None,
    )


def test_entries_are_one_buffer():
    """Entries lie one after the other in one buffer, also after rows were left out."""
    batch = mapped({"n": [1, 0, 1, 1]}, USER | {"when": "n = 1"})
    offsets = np.frombuffer(
        batch.entries.buffers()[1], np.int32 if batch.entries.type == pa.string() else np.int64
    )
    body = batch.entries.buffers()[2].to_pybytes()[
        offsets[batch.entries.offset] : offsets[batch.entries.offset + 3] - 1
    ]
    assert len(json.loads(b"[" + body + b"]")) == 3


def test_an_empty_batch():
    """A batch without rows maps to nothing."""
    rows = rows_of({"a": pa.array([], pa.int64())})
    batch = mapped(rows, USER | {"data": {"a": "a"}, "when": "a = 1"})
    assert (len(batch.entries), batch.row.tolist(), batch.rejected, batch.filtered.tolist()) == (
        0,
        [],
        {},
        [],
    )


def test_a_mapping_of_constants_only():
    """A mapping that reads no column gives each row its item."""
    assert len(items(mapped(rows_of({"a": [1, 2]}), USER, key=("a",)))) == 2


def test_digests_tell_entries_apart():
    """Equal texts have equal digests, others do not."""
    batch = mapped({"k": [1, 1, 2]}, USER | {"data": {"k": "k"}}, key=("k",))
    assert batch.digest.dtype == np.uint64
    assert batch.digest[0] == batch.digest[1] != batch.digest[2]


@pytest.mark.parametrize(
    ("yaml", "same"),
    [
        (IDENTIFY, [True, False]),
        ({"kind": "group", "accountId": "u"}, [True, False]),
        ({"kind": "product", "productId": "u"}, [True, False]),
        (USER | {"userId": "u", "ordered": True}, [True, False]),
        (USER | {"userId": "u"}, None),
    ],
)
def test_entities_are_what_items_are_about(yaml, same):
    """Rows of one identity have one entity where order is promised; events have none unless ordered."""
    batch = mapped({"u": ["a", "a", "b"], "n": [1, 2, 3]}, yaml)
    if same is None:
        assert batch.entity is None
    else:
        assert [bool(batch.entity[0] == batch.entity[n]) for n in (1, 2)] == same


def test_items_of_several_entities_keep_order_as_one():
    """A row about two entities cannot have two hashes: all rows count as one entity, and a note says so."""
    rows = rows_of({"u": ["a", "b"], "n": [1, 2]})
    mapper = mapper_of(rows, IDENTIFY, {"kind": "group", "accountId": "n"})
    assert len(set(mapper.map(batch_of_rows(rows)).entity.tolist())) == 1
    assert any("several entities" in note for note in mapper.notes)
    same = mapped(rows, IDENTIFY, USER | {"userId": "u", "profileId": "u"})
    assert len(set(same.entity.tolist())) == 2


def test_the_fingerprint_follows_the_mapping():
    """The fingerprint changes with what is sent and with nothing else."""
    rows = rows_of({"a": [1], "b": [2]})

    def print_of(keys, **spec):
        return MappingSpec("orders", (mapping(**keys),), rows.schema, **spec).fingerprint

    base = print_of(USER)
    assert base == print_of(dict(reversed(USER.items())), threads=4, file="other.yaml")
    assert (
        len(
            {
                base,
                print_of(USER | {"data": {"a": "a"}}),
                print_of(USER | {"data": {"a": "b"}}),
                print_of(USER, timezone="Asia/Tokyo"),
                print_of(USER, transform="m:f"),
            }
        )
        == 5
    )


def test_a_running_map_is_interrupted():
    """`cancel` ends a long map with Stopped, from another thread."""
    rows = rows_of({"n": list(range(2000))})
    slow = {"sql": "list_sum(list_transform(range(1000000), lambda x: (x * n) % 7))"}
    mapper = mapper_of(rows, USER | {"data": {"x": slow}})
    started, ended = threading.Event(), threading.Event()

    def cancel():
        started.wait()
        while not ended.wait(0.02):
            mapper.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    started.set()
    with pytest.raises(Stopped):
        mapper.map(batch_of_rows(rows))
    ended.set()
    thread.join()


def test_expressions_see_no_file_and_no_setting():
    """The connection is locked before the first expression runs."""
    rows = rows_of({"a": [1]})
    engine = Mapper(MappingSpec("orders", (mapping(),), rows.schema))._engine._connection
    for statement in (
        "SELECT * FROM read_text('/etc/passwd')",
        "SET threads = 2",
        "INSTALL httpfs",
        "COPY (SELECT 1) TO '/tmp/x'",
    ):
        with pytest.raises(Exception, match=r"(?i)disabled|locked|cannot|permission"):
            engine.execute(statement)
