"""Without a key: whatever is inserted when, and wherever runs end, each row is read as often as it is there."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from pathlib import Path

import pytest
from database_sources import Database
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from connector.extract import Limits
from connector.extract.database import open_database
from connector.model import EMPTY_WATERMARK, Watermark, merge

# Few values, so that most rows have a twin; to `nocase` each has two forms.
WORDS = ("", "a", "A", "b", "B", "b ")
CURSORS = {
    "integer": st.integers(-1, 2),
    "text": st.sampled_from(WORDS),
    "text collate nocase": st.sampled_from(WORDS),
    "blob": st.sampled_from([b"", b"a", b"A"]),
}
# What mappings read, one after the other.
COLUMNS = (("moved", "note"), ("note", "moved"), ("moved", "note", "more"))
NOTES = st.sampled_from(["", "x", None])


class Reading(RuleBasedStateMachine):
    """A table that grows at and above the place that reading has come to, and runs that end anywhere."""

    folder: Path
    made = 0

    @initialize(cursor=st.sampled_from(sorted(CURSORS)), indexed=st.booleans())
    def make(self, cursor: str, indexed: bool) -> None:
        Reading.made += 1
        path = self.folder / f"{Reading.made}.db"
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("pragma synchronous = off")
        self.connection.execute("pragma journal_mode = memory")
        self.connection.execute(f"create table orders (moved {cursor}, note text, more text default 'm')")
        if indexed:
            self.connection.execute("create index i on orders (moved)")
        self.values = CURSORS[cursor]
        settings_ = {"columns": {"moved": "varchar"}} if cursor.startswith("text") else {}
        self.source = Database("sqlite", f"sqlite:///{path}").source(key=(), **settings_)
        self.watermark = EMPTY_WATERMARK
        self.seen: Counter[tuple[object, object]] = Counter()
        self.reached: object = None

    @rule(data=st.data(), count=st.integers(1, 8))
    def insert(self, data: st.DataObject, count: int) -> None:
        """Rows below the place are late, which is another promise."""
        for _ in range(count):
            row = (data.draw(self.values), data.draw(NOTES))
            allowed = "not exists (select 1 from orders where moved is ?3 and moved > ?1)"
            self.connection.execute(
                f"insert into orders (moved, note) select ?1, ?2 where {allowed}", (*row, self.reached)
            )

    @rule(size=st.integers(1, 5), most=st.integers(0, 12), columns=st.sampled_from(COLUMNS))
    def run(self, size: int, most: int, columns: tuple[str, ...]) -> None:
        """Read `most` rows at the most, in batches of `size`, and keep the place of the last."""
        extractor = open_database(self.source, Limits(rows=size, bytes=10**6))
        extractor.open()
        batches = extractor.read(columns, self.watermark)
        for batch in batches:
            taken = min(most, batch.rows.num_rows)
            most -= taken
            if not taken:
                break
            rows = batch.rows.slice(0, taken).to_pylist()
            self.seen += Counter((row["moved"], row["note"]) for row in rows)
            self.reached = rows[-1]["moved"]
            whole = taken == batch.rows.num_rows
            moved = merge(self.watermark, batch.end if whole else batch.position(taken))
            self.watermark = Watermark(json.loads(json.dumps(moved)))
        extractor.close()

    @rule()
    def resend(self) -> None:
        """What runs have read is what they have passed."""
        extractor = open_database(self.source, Limits(rows=3, bytes=10**6))
        extractor.open()
        rows = [
            row
            for batch in extractor.read_passed(COLUMNS[0], self.watermark)
            for row in batch.rows.to_pylist()
        ]
        extractor.close()
        assert Counter((row["moved"], row["note"]) for row in rows) == self.seen

    @invariant()
    def nothing_is_read_twice(self) -> None:
        if hasattr(self, "seen"):
            assert not self.seen - self.there()

    def teardown(self) -> None:
        if hasattr(self, "seen"):
            self.run(3, 10**6, COLUMNS[0])
            assert self.seen == self.there()
            self.connection.close()

    def there(self) -> Counter[tuple[object, object]]:
        return Counter(self.connection.execute("select moved, note from orders").fetchall())


def test_each_row_is_read_once_wherever_runs_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ties, identical rows, values in two forms; rows that join a value which was read in part or whole."""
    monkeypatch.setattr(Reading, "folder", tmp_path, raising=False)
    run_state_machine_as_test(
        Reading,
        settings=settings(
            max_examples=60,
            stateful_step_count=15,
            deadline=None,
            phases=(Phase.explicit, Phase.reuse, Phase.generate),  # a few steps are readable as they are
            suppress_health_check=list(HealthCheck),
        ),
    )
