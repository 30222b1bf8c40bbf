"""Neighbours that may be one value to a source."""

from __future__ import annotations

import pyarrow as pa
import pytest

from connector.extract.databases.twins import twins


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [
        ("a", "A", True),
        ("a", "ä", True),
        ("a", "a ", True),
        ("ß", "SS", True),
        ("1.0", "1.00", True),
        ("1", "1.0", True),
        ("10", "1", False),
        ("a", "b", False),
        ("a.b", "a", False),
    ],
)
def test_texts_that_a_source_may_call_equal_are_found(first: str, second: str, alike: bool) -> None:
    assert twins([pa.array([1, 1]), pa.array([first, second])]).tolist() == ([0] if alike else [])


def test_rows_that_differ_in_a_number_are_none() -> None:
    assert twins([pa.array([1, 2]), pa.array(["a", "A"])]).tolist() == []


def test_only_neighbours_count() -> None:
    assert twins([pa.array([1, 1, 1, 1]), pa.array(["a", "b", "A", "a"])]).tolist() == [2]


@pytest.mark.parametrize("count", [0, 1])
def test_a_row_alone_has_no_twin(count: int) -> None:
    assert twins([pa.array(["a"][:count], pa.string())]).tolist() == []
