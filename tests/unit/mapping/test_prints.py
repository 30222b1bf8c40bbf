"""A row is known by its key alone, whatever type the column has and however the key is written elsewhere."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest
from mappings import field, mapped, rows_of

from connector.synced import key_hash

COLUMNS = {
    "tinyint": pa.array([-128, 0, 127], pa.int8()),
    "bigint": pa.array([-(2**63), 0, 2**63 - 1], pa.int64()),
    "unsigned": pa.array([0, 2**63, 2**64 - 1], pa.uint64()),
    "decimal": pa.array([Decimal("1.00"), Decimal("-0.50"), Decimal("1200.00")], pa.decimal128(10, 2)),
    "wide": pa.array([Decimal(10**37), Decimal(2**63), Decimal(-(2**63))], pa.decimal128(38, 0)),
    "float": pa.array([1.0, -0.0, 0.5], pa.float64()),
    "text": pa.array(["1", "[1]", "01"]),
    "nothing": pa.array([1, None, 2], pa.int64()),
    "none of text": pa.array(["1", None, ""]),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_the_hash_is_that_of_the_canonical_key(name):
    agree(pa.record_batch({"k": COLUMNS[name]}), "k")


def test_numbers_that_come_as_text_count_as_numbers():
    texts = pa.array(["12", "1.50", "-7", "9223372036854775808"])
    agree(rows_of([field("k", texts, "number")]), "k")


def test_a_key_of_several_columns():
    agree(pa.record_batch({"k": pa.array([1, 2]), "l": pa.array(["a", "b"])}), "k", "l")


def test_whole_numbers_are_one_key_in_every_type():
    assert len({key_hash(f"[{number}]") for number in range(-1000, 1000)}) == 2000
    assert key_hash("[7]") != key_hash('["7"]')
    assert key_hash("[7]") == (0x63CBE1E459320DD7, 0x044C3CD7)


def agree(rows: pa.RecordBatch, *key: str) -> None:
    """Compare what rows are known by with the hashes of the keys that rejects are told under."""
    batch = mapped(rows, {"kind": "identify", "userId": {"value": "u"}}, key=key, tracked=True)
    described = [row.key for row in batch.describe(range(rows.num_rows))]
    found = [(int(high), int(low)) for high, low in batch.prints[["high", "low"]]]
    assert found == [key_hash(row) for row in described]
    assert len(set(found)) == rows.num_rows


def test_rows_that_a_transform_drops_have_their_keys(tmp_path, monkeypatch):
    """Those of the source."""
    (tmp_path / "firsts.py").write_text("def three(rows):\n    return rows[rows['n'] < 3]\n")
    monkeypatch.syspath_prepend(tmp_path)
    names = ["a", "b", "c", "d", "e", "f"]
    for rows in (
        rows_of({"n": list(range(6)), "k": names}),
        rows_of({"k": [7, 8, None, 2**62, -1, 0], "n": list(range(6))}),
    ):
        batch = mapped(
            rows,
            {"kind": "identify", "userId": {"value": "u"}},
            key=("k",),
            tracked=True,
            keyed=True,
            transform="firsts:three",
        )
        described = [row.key for row in batch.describe(range(6))]
        assert batch.keys.to_pylist() == described
        assert [(int(high), int(low)) for high, low in batch.prints[["high", "low"]]] == [
            key_hash(row) for row in described
        ]
