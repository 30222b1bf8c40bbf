"""Whatever happens to the files of a dataset between and during runs, the rows that are there at the end were delivered."""

import os
import tempfile
import time
from collections import Counter
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from parquet_sources import extractor

from connector.errors import SourceError
from connector.extract import Limits
from connector.model import EMPTY_WATERMARK, merge

KEY = {"key": ("x",)}
WAYS = [{}, {"cursor": "c"}, KEY, {**KEY, "cursor": "c"}, {"mode": "full"}, {**KEY, "mode": "full"}]
SIZES = st.integers(0, 5)
PICKS = st.integers(0, 1_000)
LIMITS = st.builds(Limits, rows=st.integers(1, 9))


class Dataset(RuleBasedStateMachine):
    """Files that change, and runs over them.

    A row is (number, version, cursor). Who changes or adds a row gives it a cursor above all others, as a cursor asks
    for; only a file that comes late has lower ones.
    """

    def __init__(self):
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.root = Path(self._folder.name)
        self.numbers, self.clock, self.names = count(), count(1), count()
        self.files = {}  # path -> rows
        self.pending = {}  # path -> rows, of files without a footer yet
        self.tokens = {}  # path -> what its rows say that they come from, which a renamed file keeps
        self.rewritten = set()
        self.earlier = Counter()  # deliveries of rows of renamed files under other names
        self.delivered = Counter()
        self.watermark = EMPTY_WATERMARK
        self.started = time.time_ns()

    @initialize(way=st.sampled_from(WAYS))
    def begin(self, way):
        self.way = way
        # Never touched: a dataset without any complete file is an error.
        self._put(self.root / "day=5" / "anchor.parquet", self._rows(2))

    # ── what happens to files ─────────────────────────────────────────────────────────────────────────

    @rule(size=SIZES, day=st.integers(1, 9))
    def add(self, size, day):
        self._put(self._new(day, "m"), self._rows(size))

    @rule(size=SIZES)
    def add_late(self, size):
        """An older name and older cursors than any other file."""
        rows = [(next(self.numbers), 0, -next(self.clock)) for _ in range(size)]
        self._put(self._new(0, "a"), rows)

    @rule(pick=PICKS, size=SIZES, changed=st.booleans(), in_place=st.booleans())
    @precondition(lambda self: self._others())
    def rewrite(self, pick, size, changed, in_place):
        path = self._pick(pick)
        self._put(path, self._again(self.files[path], size, changed=changed), in_place=in_place)

    @rule(pick=PICKS, size=SIZES, new=st.booleans())
    def begin_to_write(self, pick, size, new):
        """A file without a footer: a new one, or one that is written over."""
        new = new or not self._others()
        path = self._new(1 + pick % 9, "m") if new else self._pick(pick)
        self.pending[path] = self._again(self.files.pop(path, []), size, changed=True)
        self._write(path, self.pending[path])
        path.write_bytes(path.read_bytes()[:-9])
        self._stamp(path)

    @rule(pick=PICKS)
    @precondition(lambda self: self.pending)
    def finish_writing(self, pick):
        path = [*self.pending][pick % len(self.pending)]
        self._put(path, self.pending.pop(path))

    @rule(pick=PICKS)
    @precondition(lambda self: self._others())
    def delete(self, pick):
        path = self._pick(pick)
        path.unlink()
        del self.files[path]

    @rule(pick=PICKS)
    @precondition(lambda self: self._others())
    def rename(self, pick):
        """The same rows under another name are a new file."""
        path = self._pick(pick)
        other = self._new(1 + pick % 9, "r")
        other.parent.mkdir(exist_ok=True)
        path.rename(other)
        self.files[other], self.tokens[other] = self.files.pop(path), self.tokens[path]
        for each in self._rows_of(other):
            self.earlier[each] = self.delivered[each]

    @rule(pick=PICKS)
    @precondition(lambda self: self._others())
    def touch(self, pick):
        self._stamp(self._pick(pick))

    # ── runs ──────────────────────────────────────────────────────────────────────────────────────────

    @rule(limits=LIMITS, stop=st.none() | st.integers(1, 25))
    def run(self, limits, stop):
        """A run to the end, or one that is cut off after `stop` rows."""
        self._run(limits, stop=stop)

    @rule(
        limits=LIMITS,
        after=st.integers(0, 9),
        pick=PICKS,
        size=SIZES,
        what=st.sampled_from(["rewrite", "write over", "cut", "delete"]),
    )
    @precondition(lambda self: self._others())
    def run_while_a_file_changes(self, limits, after, pick, size, what):
        def change():
            if what == "cut":
                self.begin_to_write(pick, size, new=False)
            elif what == "delete":
                self.delete(pick)
            else:
                self.rewrite(pick, size, changed=True, in_place=what == "write over")

        self._run(limits, change=change, after=after)

    def teardown(self):
        """What is there at the end was delivered; of files that never changed, once."""
        try:
            if hasattr(self, "way"):
                while self.pending:
                    self.finish_writing(0)
                self._run(Limits())
                if "mode" in self.way:
                    self._check_a_pass()
                else:
                    self._check_files()
        finally:
            self._folder.cleanup()

    def _check_a_pass(self):
        before = self.delivered.copy()
        self._run(Limits())
        assert self.delivered - before == Counter(each for path in self.files for each in self._rows_of(path))

    def _check_files(self):
        for path in self.files:
            times = [self.delivered[each] - self.earlier[each] for each in self._rows_of(path)]
            assert all(n >= 1 if path in self.rewritten else n == 1 for n in times)
        before = self.delivered.copy()
        self._run(Limits())
        assert self.delivered == before

    def _run(self, limits, *, stop=None, change=None, after=0):
        source = extractor(self.root, limits, **self.way)
        try:
            source.open()
            source.estimate(self.watermark)
            columns = tuple(source.schema().names)
            if change is not None and not after:
                change, _ = None, change()
            left = stop
            for batch in source.read(columns, self.watermark):
                if left is not None and batch.rows.num_rows >= left:
                    self._deliver(batch.rows.slice(0, left))
                    self.watermark = merge(self.watermark, batch.position(left))
                    return
                left = None if left is None else left - batch.rows.num_rows
                self._deliver(batch.rows)
                self.watermark = merge(self.watermark, batch.end)
                after -= batch.rows.num_rows
                if change is not None and after <= 0:
                    change, _ = None, change()
        except SourceError as error:
            assert "mode" in self.way
            assert "changed or vanished" in str(error)  # noqa: PT017
        finally:
            source.close()

    # ── how it is done ────────────────────────────────────────────────────────────────────────────────

    def _deliver(self, rows):
        self.delivered.update(
            zip(*(rows.column(name).to_pylist() for name in ("file", "x", "v")), strict=True)
        )

    def _rows_of(self, path):
        return [(self.tokens[path], x, v) for x, v, _ in self.files[path]]

    def _others(self):
        return [path for path in self.files if path.name != "anchor.parquet"]

    def _pick(self, pick):
        return self._others()[pick % len(self._others())]

    def _new(self, day, prefix):
        return self.root / f"day={day}" / f"{prefix}{next(self.names):03}.parquet"

    def _rows(self, size):
        return [(next(self.numbers), 0, next(self.clock)) for _ in range(size)]

    def _again(self, rows, size, *, changed):
        """The rows with `size` new ones, every second of the old ones changed if asked."""
        kept = [(x, v + 1, next(self.clock)) if changed and x % 2 else (x, v, c) for x, v, c in rows]
        return kept + self._rows(size)

    def _token(self, path):
        return self.tokens.get(path) or str(path.relative_to(self.root))

    def _put(self, path, rows, *, in_place=False):
        if path.exists():
            self.rewritten.add(path)
        self.files[path] = rows
        other = path.with_name("_new")
        self.tokens[path] = self._token(path)
        self._write(other, rows, self.tokens[path])
        self._stamp(other)
        if in_place:
            path.write_bytes(other.read_bytes())
            other.unlink()
            self._stamp(path)
        else:
            other.rename(path)

    def _write(self, path, rows, name=""):
        path.parent.mkdir(exist_ok=True)
        columns = [*zip(*rows, strict=True)] or [[], [], []]
        table = {name: pa.array(values, pa.int64()) for name, values in zip("xvc", columns, strict=True)}
        pq.write_table(
            pa.table({**table, "file": pa.array([name] * len(rows), pa.string())}), path, row_group_size=3
        )

    def _stamp(self, path):
        """Give a file a time of its own: two changes within a tick of the clock could not be told apart."""
        stamp = self.started + next(self.clock) * 1_000_000
        os.utime(path, ns=(stamp, stamp))


TestDataset = Dataset.TestCase
TestDataset.settings = settings(
    max_examples=25, stateful_step_count=12, suppress_health_check=[HealthCheck.too_slow]
)
