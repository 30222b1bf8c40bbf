"""What a slice holds: from before rows are looked at until the last of them is committed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from connector.holding import Holding
from connector.model import EMPTY_WATERMARK, Commit, Counts, SourceBatch


class Lane:
    """Takes commits."""

    def commit(self, commit: Commit) -> None:
        """Nothing."""

    def renew(self) -> None:
        """Nothing."""


def batch(rows: int) -> SourceBatch:
    table = pa.RecordBatch.from_pydict({"id": list(range(rows))})
    return SourceBatch(table, lambda _: EMPTY_WATERMARK, "", EMPTY_WATERMARK)


def finished(rows: int, waiting: int = 0) -> Commit:
    return Commit(counts=Counts(read=rows + waiting, delivered=rows, unfinished=waiting))


def test_it_is_written_before_rows_are_looked_at_and_given_up_when_they_are_committed() -> None:
    """Several batches of one look are held together; rows that are read and not finished count as on their way."""
    written: list[list[Any]] = []
    holding = Holding(lambda values: written.append([*values]))
    lane = holding.lane(Lane())

    def source() -> Iterator[SourceBatch]:
        holding.look(["t", "1"])
        yield batch(3)
        yield batch(2)
        holding.look(["t", "2"])
        yield batch(4)
        holding.look(["t", "3"])
        yield batch(1)
        holding.look(["t", "4"])

    reading = holding.reading(source())
    next(reading)
    assert written == [[["t", "1"]]]
    next(reading)
    lane.commit(finished(4, waiting=1))
    next(reading)
    assert written[-1] == [["t", "1"], ["t", "2"]]
    lane.commit(finished(5))
    next(reading)
    assert written[-1] == [["t", "2"], ["t", "3"]]
    lane.commit(finished(9, waiting=1))
    assert list(reading) == []
    assert written[-1] == [["t", "3"], ["t", "4"]]


def test_what_is_written_already_is_not_written_again() -> None:
    written: list[list[Any]] = []
    holding = Holding(lambda values: written.append([*values]))
    for _ in range(3):
        holding.look(["t", "1"])
    assert written == [[["t", "1"]]]
