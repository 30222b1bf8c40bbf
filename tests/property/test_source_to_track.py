"""Whatever happens to a source and to the runs that read it, Track ends up with what the source says.

A state machine writes to a real SQLite file, runs the real program on it in this process, lets runs die at any
commit, between an acknowledgement and its commit, and in the middle of a merge, changes the mapping, and compares what
has arrived with a model of what was promised.
"""

from __future__ import annotations

import itertools
import json
import os
import sqlite3
from collections import Counter, defaultdict
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from track_in_process import TrackInProcess

import connector
from connector import diffing, wiring
from connector.extract import Limits
from connector.extract.databases import ordered
from connector.runner import Options, Watch, run_sync
from connector.state import merging, schema, segments, synced
from connector.state.store import StateStore
from connector.stopping import StopSignal

TABLE = """create table rows (shop text not null, id integer not null, price integer not null, label text not null,
 at integer, empty text, moved integer not null, primary key (shop, id))"""
STAMP = 1_700_000_000_000
GONE = ("gone",)
EXAMPLES = int(os.environ.get("CONNECTOR_TEST_EXAMPLES", "3"))
ALL = [(shop, number) for shop in "ab" for number in (1, 2)]
KEYS = st.sampled_from(ALL)
VARIANTS = ("plain", "same", "constant", "tenfold")


class Killed(BaseException):
    """The process would be dead now."""


@dataclass(frozen=True)
class Setup:
    """One way to configure the sync.

    Attributes:
        mode: of the source.
        kind: of the items.
        events: of kind event: ``per_row`` or ``per_version``.
        tracked: whether what was sent is kept (in mode diff it always is).
        told: whether vanished rows are told of.
    """

    mode: str
    kind: str
    events: str = ""
    tracked: bool = False
    told: bool = False

    def __str__(self):
        words = [self.mode, self.kind, self.events, "tracked" * self.tracked, "told" * self.told]
        return "-".join(word for word in words if word)

    @property
    def once(self):
        """Whether Track hears of each row once, whatever becomes of it."""
        return self.events == "per_row" and self.tracked

    def yaml(self, variant, world):
        """Return the sync, mapped in one of `VARIANTS`."""
        source = {"type": "database", "url": f"sqlite:///{world.folder}/source.db", "table": "rows"}
        source |= {"mode": self.mode, "key": ["shop", "id"], "delete_guard": "100%"}
        if self.mode == "incremental":
            source |= {"cursor": "moved", "track_keys": self.tracked}
        if self.told:
            source["on_delete"] = {**self._about(), **self._content({"gone": {"value": True}})}
            source["on_delete"] |= {"event": "Removed"} if self.kind == "event" else {}
        mapping = {
            **self._about(),
            "when": "label <> 'hidden'",
            "timestamp": "at",
            **self._content(self._columns(variant)),
        }
        if self.kind == "event":
            mapping |= {"event": "Changed", "events": self.events}
        destination = {
            "type": "track",
            "base_url": f"http://127.0.0.1:{world.track.port}/v1",
            "org": "o",
            "project": "p",
        }
        destination |= {
            "source_id": "1000000000000000001",
            "api_key": "prefix.secret",
            "max_items": 1,
            "concurrency": 2,
        }
        destination["retry"] = {"max_elapsed": "1ms", "wait_initial": "1ms", "wait_max": "1ms"}
        rejects = {"max": "100%", "keep_rows": False}
        return {
            "sync": "rows",
            "source": source,
            "mapping": mapping,
            "destination": destination,
            "rejects": rejects,
        }

    def _about(self):
        name = "productId" if self.kind == "product" else "userId"
        return {"kind": self.kind, name: {"template": "{shop}-{id}"}}

    def _content(self, columns):
        return {"userAttributes" if self.kind == "identify" else "data": columns}

    def _columns(self, variant):
        columns = {"price": "price", "label": "label"}
        if not self.tracked:  # so that each version is another item, and none is the same twice
            columns["moved"] = "moved"
        if variant == "same":
            columns |= {"price": {"sql": "price + 0"}, "nothing": "empty"}
        if variant == "constant":
            columns["channel"] = {"value": "web"}
        if variant == "tenfold":
            columns["price"] = {"sql": "price * 10"}
        return columns

    def item(self, row, variant):
        """Return what `variant` makes of a row, as `content` has it; None where it makes nothing that Track takes."""
        if row["label"] in ("hidden", "poison") or row["at"] is None:
            return None
        price = row["price"] * (10 if variant == "tenfold" else 1)
        made = {"price": price, "label": row["label"]}
        made |= {} if self.tracked else {"moved": row["moved"]}
        made |= {"channel": "web"} if variant == "constant" else {}
        return tuple(sorted(made.items()))

    def content(self, item):
        """Return whom an item is about, and what it says."""
        about = item["productId" if self.kind == "product" else "userId"]
        said = item["userAttributes" if self.kind == "identify" else "data"]
        return about, GONE if "gone" in said else tuple(sorted(said.items()))


SETUPS = [
    Setup("incremental", "product"),
    Setup("incremental", "event", "per_row"),
    Setup("incremental", "event", "per_version"),
    Setup("incremental", "product", tracked=True),
    Setup("incremental", "event", "per_row", tracked=True),
    Setup("incremental", "event", "per_version", tracked=True),
    Setup("full", "product"),
    Setup("full", "event", "per_version"),
    Setup("diff", "product", tracked=True),
    Setup("diff", "product", tracked=True, told=True),
    Setup("diff", "identify", tracked=True, told=True),
    Setup("diff", "event", "per_row", tracked=True, told=True),
    Setup("diff", "event", "per_version", tracked=True, told=True),
]


def _step(name, **arguments):
    return st.tuples(st.just(name), st.fixed_dictionaries(arguments))


CHANGE = st.one_of(
    _step(
        "write",
        keys=st.lists(KEYS, min_size=1, max_size=4, unique=True),
        price=st.integers(0, 1),
        label=st.sampled_from(["x", "x", "x", "hidden", "poison"]),
        dated=st.sampled_from([True, True, True, False]),
        tick=st.booleans(),
    ),
    _step("delete", keys=st.lists(KEYS, min_size=1, max_size=2, unique=True) | st.just(ALL)),
    _step("change_mapping", variant=st.sampled_from(VARIANTS)),
)
RUN = st.one_of(
    _step("run_to_the_end", accept=st.booleans()),
    _step("run_with_limit", limit=st.integers(1, 4)),
    _step("die", how=st.tuples(st.sampled_from(["lost", "reset"]), st.integers(1, 3))),
    _step("die", how=st.tuples(st.sampled_from(["before a commit", "after a commit"]), st.integers(1, 4))),
    _step("die", how=st.just(("in a merge", 0))),
)


class World:
    """What the runs of all machines share: opening it each time would cost more than the runs."""

    def __init__(self, folder, track, monkeypatch):
        self.folder, self.track, self.monkeypatch = folder, track, monkeypatch
        self.syncs = {}
        self.source = sqlite3.connect(folder / "source.db", isolation_level=None)
        self.source.row_factory = sqlite3.Row
        self.source.execute("pragma synchronous = off")
        self.source.execute(TABLE)
        self.source.execute("create index by_moved on rows (moved, shop, id)")
        self.state = f"sqlite:///{folder}/state.db"
        self.store = StateStore.open(self.state)
        self._share_what_is_costly()
        self._make_everything_small()

    def clear(self):
        """Forget everything."""
        self.source.execute("delete from rows")
        with self.store._database.engine.begin() as connection:
            for table in reversed(schema.metadata.sorted_tables):
                if table.name != "connector_schema":
                    connection.execute(sa.delete(table))
        self.track.heal()
        self.track.items.clear()

    def sync(self, setup, variant):
        """Return a loaded sync."""
        if (setup, variant) not in self.syncs:
            path = self.folder / f"{setup}-{variant}.yaml"
            path.write_text(json.dumps(setup.yaml(variant, self)), "utf-8")
            self.syncs[setup, variant] = connector.load_sync(path)
        return self.syncs[setup, variant]

    def _share_what_is_costly(self):
        """Compile each mapping once, and keep the store open."""

        @contextmanager
        def kept(url):
            yield self.store

        self.monkeypatch.setattr(wiring, "open_store", kept)
        for name in ("open_mapper", "open_deletion"):
            self.monkeypatch.setattr(wiring, name, _once(getattr(wiring, name)))

    def _make_everything_small(self):
        """A few rows meet every edge: of pages, batches, merges and groups of vanished rows."""
        small = [
            (wiring, "LIMITS", Limits(rows=3, bytes=1_000_000)),
            (ordered, "_FIRST_PAGE", 3),
            (diffing, "_ROWS", 2),
        ]
        small += [(synced, "_FEW", 4), (synced, "_SEGMENTS", 3), (synced, "_PAGES", 2), (synced, "MERGED", 3)]
        small += [(merging, "MERGED", 3), (merging, "_AT_ONCE", 5)]
        for module, name, value in small:
            self.monkeypatch.setattr(module, name, value)


def _once(make):
    made = {}

    def get(sync, *rest):
        if sync.file not in made:
            made[sync.file] = make(sync, *rest)
            if made[sync.file] is not None:
                made[sync.file].close = lambda: None
        return made[sync.file]

    return get


class Machine(RuleBasedStateMachine):
    """Writes, runs and crashes, beside a model of what Track may have last of each row.

    Attributes:
        may: for each row ever attempted, what Track may have of it last (None: nothing).
        tried: what may have been sent of the current version of each row.
    """

    def __init__(self, world, setup):
        super().__init__()
        self.world, self.setup, self.track = world, setup, world.track
        world.clear()
        self.variant = "plain"
        self.clock = 1
        self.unfinished = False
        self.may = defaultdict(lambda: {None})
        self.tried = {}
        self.settled = set()
        self.sent = set()
        self.excused = set()

    @rule(changes=st.lists(CHANGE, min_size=1, max_size=2), run=RUN)
    def change_and_run(self, changes, run):
        self.play([*changes, run])

    def play(self, steps):
        for name, arguments in steps:
            getattr(self, name)(**arguments)

    # ── what happens to the source ────────────────────────────────────────────────────────────────────

    def write(self, keys, price, label, dated, tick):
        """Rows are there from now on, whether they were before or not."""
        self.clock += tick
        for shop, number in keys:
            self._changed(shop, number)
            values = (shop, number, price, label, STAMP if dated else None, self.clock)
            self.world.source.execute("insert or replace into rows values (?, ?, ?, ?, ?, null, ?)", values)

    def delete(self, keys):
        for shop, number in keys:
            self._changed(shop, number)
            self.world.source.execute("delete from rows where shop = ? and id = ?", (shop, number))

    def _changed(self, shop, number):
        self.tried.pop(f"{shop}-{number}", None)
        self.settled.discard(f"{shop}-{number}")

    def change_mapping(self, variant):
        self.variant = variant
        if self.setup.mode != "incremental":
            self.settled.clear()
            self.tried.clear()

    # ── runs ──────────────────────────────────────────────────────────────────────────────────────────

    def run_to_the_end(self, accept):
        rows = self._attempt()
        if self.setup.mode == "full" and self.unfinished:
            self._run()  # what has changed behind the place of a pass is met by the next
        report = self._run(accept=accept)
        self.unfinished = False
        counts = report.counts
        held = not accept and self._holds_deletes(rows)
        if not accept and not held and self._may_hold_deletes(rows):
            held = report.exit_code == 5
        all_rejected = counts.rejected and not (counts.delivered or counts.unchanged or counts.filtered)
        assert report.exit_code == (4 if all_rejected else 5 if held else 0), report.error
        self._is_as_promised(rows, held=held)

    def run_with_limit(self, limit):
        self._attempt()
        report = self._run(limit=limit)
        self.unfinished = True
        assert report.exit_code in {0, 4, 5}, report.error

    def die(self, how):
        """A run is cut off by the destination, or as if its process had ended, somewhere."""
        what, place = how
        self.unfinished = True
        self._attempt()
        with self.world.monkeypatch.context() as patch:
            if what in {"lost", "reset"}:
                self.track.heal()
                self.track.fault, self.track.fails_at = how
            elif what == "in a merge":
                patch.setattr(segments, "replace", _dies)
            else:
                patch.setattr(StateStore, "commit", _dying_commit(place, durable=what == "after a commit"))
            try:
                report = self._run()
            except Killed:
                report = None
        self.track.settle()
        self.track.heal()
        assert report is None or report.exit_code in {0, 3, 4, 5}, report.error

    def _run(self, limit=None, *, accept=False):
        options = Options(self.world.state, limit, accept=frozenset({"deletes"} if accept else ()))
        try:
            report = run_sync(self.world.sync(self.setup, self.variant), options, StopSignal(), Watch())
        finally:
            self.clock += 1  # what is written after a run is stamped after it
        assert report.counts.balanced
        assert report.exit_code == 3 or not report.counts.unfinished
        self._nothing_is_sent_twice()
        return report

    # ── what is promised ──────────────────────────────────────────────────────────────────────────────

    def _rows(self):
        return {f"{row['shop']}-{row['id']}": row for row in self.world.source.execute("select * from rows")}

    def _attempt(self):
        """Note what a run may send, and return the rows there are."""
        rows = self._rows()
        for about, row in rows.items():
            item = self.setup.item(row, self.variant)
            if item is not None or (row["label"] == "poison" and row["at"] is not None):
                self.sent.add(about)
            if item is None:
                if row["label"] != "hidden":
                    self.excused.add(about)
            elif about not in self.settled:
                self.may[about].add(item)
                self.tried.setdefault(about, set()).add(item)
        if self.setup.told:
            # Also of a row that was refused, if nobody heard of that before the run died.
            for about in self.sent - rows.keys():
                self.may[about].add(GONE)
        return rows

    def _holds_deletes(self, rows):
        """Whether the source is empty, and something was there that Track must be told of."""
        last = self._last()
        return self.setup.told and not rows and any(last.get(about, GONE) != GONE for about in self.may)

    def _may_hold_deletes(self, rows):
        """Whether the source is empty, and of something that was there it is in doubt what Track has."""
        return self.setup.told and not rows and any(self.may[about] != {GONE} for about in self.sent)

    def _is_as_promised(self, rows, *, held):
        """A run has passed everything: what Track may have is known again, and it has that."""
        for about, row in rows.items():
            if self.setup.item(row, self.variant) is not None and about not in self.settled:
                if self.setup.once:
                    self.may[about] -= {None, GONE}
                else:
                    self.may[about] = set(self.tried[about])
                self.settled.add(about)
        last = self._last()
        for about in self.may:
            if self.setup.told and not held and about not in rows and None not in self.may[about]:
                self.may[about] = {GONE}
        wrong = {
            about: (last.get(about), may) for about, may in self.may.items() if last.get(about) not in may
        }
        assert not wrong
        assert last.keys() <= self.may.keys()

    def _last(self):
        return dict(map(self.setup.content, self.track.items))

    def _nothing_is_sent_twice(self):
        """But what was in doubt after a crash, and that is counted."""
        repeated = self._repeated()
        runs = self.world.store.runs("rows", limit=1000)
        doubt = sum(run.counts.in_doubt + run.counts.resent for run in runs)
        assert repeated <= doubt

    def _repeated(self):
        if not self.setup.tracked:
            if self.setup.mode == "full":
                return _excess(item["eventId"] for item in self.track.items)
            return _excess(map(self.setup.content, self.track.items))
        seen, repeated = {}, 0
        for item in self.track.items:
            about, content = self.setup.content(item)
            if self.setup.once and content != GONE:
                content = "here"
            repeated += seen.get(about) == content and about not in self.excused
            seen[about] = content
        if not self.setup.once:
            repeated = max(repeated, _excess(item["eventId"] for item in self.track.items))
        return repeated

    def teardown(self):
        self.run_to_the_end(accept=True)
        before = len(self.track.items)
        report = self._run(accept=True)
        if self.setup.mode != "full":
            assert len(self.track.items) == before
            assert report.counts.rejected == 0
        self._nothing_is_sent_twice()


def _dies(*_):
    raise Killed


def _dying_commit(place, *, durable):
    """Return a commit that the process does not outlive, from number `place` on; the first of these may be `durable`."""
    count, real = itertools.count(1), StateStore.commit

    def commit(store, *arguments, **options):
        n = next(count)
        if n < place or (durable and n == place):
            real(store, *arguments, **options)
        if n >= place:
            raise Killed

    return commit


def _excess(things):
    return sum(count - 1 for count in Counter(things).values())


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with pytest.MonkeyPatch.context() as monkeypatch, TrackInProcess() as track:
        world = World(tmp_path_factory.mktemp("world"), track, monkeypatch)
        yield world
        world.store.close()
        world.source.close()


@pytest.mark.timeout(600)  # a failure takes its time to be made small
@pytest.mark.parametrize("setup", SETUPS, ids=str)
def test_track_has_what_the_source_says(world, setup):
    run_state_machine_as_test(
        lambda: Machine(world, setup),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
        ),
    )


A1, A2 = ALL[:2]
LOST = ("die", {"how": ("lost", 1)})
RESET = ("die", {"how": ("reset", 1)})
TO_THE_END = ("run_to_the_end", {"accept": True})
ONE_ROW = ("run_with_limit", {"limit": 1})


def _written(*keys, price=0, label="x", dated=True):
    return ("write", {"keys": keys, "price": price, "label": label, "dated": dated, "tick": True})


def _deleted(*keys):
    return ("delete", {"keys": keys})


TOLD = Setup("diff", "product", tracked=True, told=True)
EVENTS_TOLD = Setup("diff", "event", "per_version", tracked=True, told=True)
TRACKED = Setup("incremental", "product", tracked=True)
# What has gone wrong before, or would if a part forgot what it is there for.
STORIES = {
    "a rejected row vanishes": (
        TOLD,
        [_written(A1, A2), TO_THE_END, _written(A1, dated=False), TO_THE_END, _deleted(A1)],
    ),
    "a refused row vanishes": (
        TOLD,
        [_written(A1, A2), TO_THE_END, _written(A1, label="poison"), TO_THE_END, _deleted(A1)],
    ),
    "a row in doubt vanishes": (TOLD, [_written(A1, A2), LOST, _deleted(A1)]),
    "a row in doubt is as before": (
        TOLD,
        [_written(A1, A2), TO_THE_END, _written(A1, price=1), LOST, _written(A1)],
    ),
    "the same with a cursor": (
        TRACKED,
        [_written(A1, A2), TO_THE_END, _written(A1, price=1), LOST, _written(A1)],
    ),
    "a delete is in doubt, and the row is back": (
        TOLD,
        [_written(A1, A2), TO_THE_END, _deleted(A1), LOST, _written(A1)],
    ),
    "to and fro in unfinished passes": (
        TOLD,
        [_written(A1, A2), ONE_ROW, _written(A1, price=1), ONE_ROW, _written(A1), ONE_ROW],
    ),
    "to and fro": (
        TOLD,
        [_written(A1), TO_THE_END, _written(A1, price=1), TO_THE_END, _written(A1), TO_THE_END],
    ),
    "a row never arrives": (TOLD, [_written(A1, A2), TO_THE_END, _written(A1, price=1), RESET]),
    "a row vanishes twice": (
        EVENTS_TOLD,
        [
            _written(A1, A2),
            TO_THE_END,
            _deleted(A1),
            TO_THE_END,
            _written(A1),
            TO_THE_END,
            _deleted(A1),
            TO_THE_END,
        ],
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_a_story(world, story):
    setup, steps = STORIES[story]
    machine = Machine(world, setup)
    machine.play(steps)
    machine.teardown()
