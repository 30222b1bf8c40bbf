"""What must not be sent any more."""

import hashlib
import json

import pytest
from mappings import batch_of_rows, mapper_of, rows_of

from connector.mapping.forgotten import digests


@pytest.mark.parametrize("value", ["[17]", '["a\\"b",2]', "ada@example.com", "é日😀", 'q"\\/'])
@pytest.mark.parametrize("kind", ["key", "user"])
def test_a_digest_is_that_of_canonical_json(kind, value):
    canonical = json.dumps(['it\'s "o"', kind, value], ensure_ascii=False, separators=(",", ":"))
    assert digests('it\'s "o"', kind, [value]) == [hashlib.sha256(canonical.encode()).hexdigest()]


ROWS = rows_of({"k": [1, 2, 3, 4], "u": ["a", "b", " ", "d"], "p": ["x", "y", "z", "w"]})


@pytest.mark.parametrize(
    ("kind", "value", "gone"),
    [("key", "[2]", [1]), ("key", '["2"]', []), ("user", "a", [0]), ("user", "y", [1]), ("user", "k", [])],
)
def test_a_forgotten_row_is_filtered_and_counted(kind, value, gone):
    """By its key, or by the user of its item; a row that breaks a rule is not even rejected."""
    forgotten = frozenset(
        {(kind, digests("orders", kind, [value])[0]), ("key", digests("orders", "key", ["[3]"])[0])}
    )
    mapping = {
        "kind": "event",
        "event": "E",
        "userId": "u",
        "profileId": "p",
        "timestamp": {"value": 1714632704000},
    }
    with_gone = [*gone, 2]
    mapper = mapper_of(ROWS, mapping, key=("k",), forgotten=forgotten)
    batch = mapper.map(batch_of_rows(ROWS, key=("k",)))
    mapper.close()
    assert batch.filtered.tolist() == with_gone
    assert batch.rejected == {}
    assert batch.warnings["forgotten"] == len(with_gone)
    assert batch.row.tolist() == [n for n in range(4) if n not in with_gone]


def test_where_nothing_is_forgotten_nothing_is_looked_at():
    mapper = mapper_of(ROWS, {"userId": "u"}, key=("k",))
    assert "sha256" not in mapper._plan(lean=True).statement
    mapper.close()
