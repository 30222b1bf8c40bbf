"""Mode diff and track_keys, run whole: what changed is sent, what did not is not, and what vanished is told of once."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from database_sources import Database
from shop import end, wait_for

GONE = {"kind": "product", "productId": "part_id", "data": {"availability": {"value": "out_of_stock"}}}


class Parts:
    """A source of parts, in a table of SQLite or PostgreSQL or in a Parquet file, and the sync that reads it."""

    def __init__(self, shop, kind, url=None):
        self.shop, self.kind = shop, kind
        self.rows = {}
        self.database = (
            Database("sqlite", f"sqlite:///{shop.folder / 'parts.db'}") if kind == "sqlite" else None
        )
        if kind == "postgresql":
            self.database = Database("postgresql", url)
        if self.database:
            self.database.run(
                "drop table if exists parts",
                "create table parts (part_id integer primary key, name text, price integer, at timestamp, color text)",
            )
        else:
            self._store()

    def put(self, ids, price=1, at="2024-01-01 00:00:00"):
        """Parts are there from now on, with this price."""
        for part in ids:
            self.rows[part] = {
                "part_id": part,
                "name": f"part {part}",
                "price": price,
                "at": at,
                "color": None,
            }
        if self.database:
            values = [f"({n}, 'part {n}', {price}, {_sql(at)}, null)" for n in ids]
            listed = ", ".join(map(str, ids))
            self.database.run(
                f"delete from parts where part_id in ({listed})",
                f"insert into parts values {', '.join(values)}",
            )
        else:
            self._store()

    def drop(self, ids):
        """Parts are not there any more."""
        for part in ids:
            del self.rows[part]
        if self.database:
            self.database.run(f"delete from parts where part_id in ({', '.join(map(str, ids))})")
        else:
            self._store()

    def _store(self):
        fields = [
            ("part_id", pa.int64()),
            ("name", pa.string()),
            ("price", pa.int64()),
            ("at", pa.string()),
            ("color", pa.string()),
        ]
        table = pa.Table.from_pylist([*self.rows.values()], pa.schema(fields))
        table = table.set_column(3, "at", table["at"].cast(pa.timestamp("us")))
        path = self.shop.folder / "parts" / "all.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(table, path.with_suffix(".new"))
        path.with_suffix(".new").rename(path)

    def write(self, changes=None):
        """Write the sync and return its path."""
        source = {"mode": "diff", "key": "part_id", "on_delete": GONE}
        if self.database:
            source |= {"type": "database", "url": self.database.url, "table": "parts"}
        else:
            source |= {"type": "parquet", "path": "parts"}
        mapping = {"kind": "product", "productId": "part_id", "timestamp": "at"}
        mapping["data"] = {"title": "name", "price": "price", "color": "color"}
        return self.shop.write(
            {"sync": "parts", "source": source, "mapping": mapping, **(changes or {})}, parquet=True
        )


def _sql(at):
    return "null" if at is None else f"'{at}'"


@pytest.fixture(params=["sqlite", "postgresql", "parquet"])
def parts(request, shop):
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    return Parts(shop, request.param, url)


@pytest.fixture
def few(shop):
    return Parts(shop, "sqlite")


def ran(shop, path, *options, code=0):
    """Run, and return what the accounting says of rows beside zeros, and what arrived: productId -> price or state."""
    before = shop.sandbox.items(limit=1, newest=True)
    ended = shop.run("run", "--json", path, *options)
    assert ended.code == code, ended
    said = ("read", "delivered", "rejected", "unchanged", "filtered", "unfinished")
    counts = {name: ended.counts[name] for name in said if ended.counts[name]}
    items = [stored.item for stored in shop.sandbox.items(after=before[0].seq if before else None)]
    return counts, {
        item["productId"]: item["data"].get("availability", item["data"].get("price")) for item in items
    }


def test_a_life(shop, parts):
    """What is new, changed, vanished and back is sent, each once; a row whose price goes to and fro is three events."""
    path = parts.write()
    parts.put(range(1, 31))
    assert ran(shop, path) == ({"read": 30, "delivered": 30}, {str(n): 1 for n in range(1, 31)})
    assert ran(shop, path) == ({"read": 30, "unchanged": 30}, {})
    parts.put([3, 4], price=2)
    parts.put([31])
    assert ran(shop, path) == ({"read": 31, "delivered": 3, "unchanged": 28}, {"3": 2, "4": 2, "31": 1})
    parts.drop([5, 6])
    gone = {"read": 31, "delivered": 2, "unchanged": 29}, {"5": "out_of_stock", "6": "out_of_stock"}
    assert ran(shop, path) == gone
    assert ran(shop, path) == ({"read": 29, "unchanged": 29}, {})
    parts.put([3])
    parts.put([5])
    assert ran(shop, path) == ({"read": 30, "delivered": 2, "unchanged": 28}, {"3": 1, "5": 1})
    parts.drop([5])
    assert ran(shop, path)[1] == {"5": "out_of_stock"}
    assert shop.sandbox.stats()["duplicates"] == 0


def test_the_guard(shop, parts):
    """Too many deletes are held back, and nothing else; a person lets them go, once. An empty source is never few."""
    path = parts.write()
    parts.put(range(1, 101))
    ran(shop, path)
    parts.drop(range(1, 22))
    parts.put([50, 200], price=2)
    held = {"read": 80, "delivered": 2, "unchanged": 78}, {"50": 2, "200": 2}
    assert ran(shop, path, code=5) == held
    assert ran(shop, path, code=5) == ({"read": 80, "unchanged": 80}, {})
    counts, sent = ran(shop, path, "--accept", "deletes")
    assert (counts["delivered"], sent) == (21, {str(n): "out_of_stock" for n in range(1, 22)})
    assert ran(shop, path) == ({"read": 80, "unchanged": 80}, {})
    parts.drop(range(22, 42))  # twenty are few, whatever their share
    assert len(ran(shop, path)[1]) == 20
    parts.drop([*parts.rows])
    assert ran(shop, path, code=5) == ({}, {})
    assert len(ran(shop, path, "--accept", "deletes")[1]) == 60
    assert shop.sandbox.stats()["duplicates"] == 0


def test_the_guard_says_what_to_do(shop, few):
    path = few.write()
    few.put(range(1, 101))
    shop.run("run", path)
    few.drop(range(1, 31))
    shop.refuses(shop.run("run", path), 5, "30 of 100 rows have vanished", "--accept deletes")


def test_rejected_rows(shop, few):
    """A row that was rejected is not rejected anew in each run, but when it changes, or another mapping has it."""
    path = few.write()
    few.put(range(1, 11))
    few.put([1, 2], at=None)
    few.put([3], price=666)
    shop.sandbox.set_faults({"poison": ["666"]})
    ended = shop.run("run", "--json", path)
    assert ended.lines[0]["rejects"] == {"missing_timestamp": 2, "refused_by_server": 1}
    assert ran(shop, path) == ({"read": 10, "unchanged": 10}, {})
    few.put([1], price=7, at=None)
    few.put([3], price=66)
    assert ran(shop, path) == ({"read": 10, "delivered": 1, "rejected": 1, "unchanged": 8}, {"3": 66})
    mended = few.write({"mapping.timestamp": {"column": "at", "default": "2024-01-01T00:00:00Z"}})
    assert ran(shop, mended) == ({"read": 10, "delivered": 2, "unchanged": 8}, {"1": 7, "2": 1})


@pytest.mark.parametrize("replay", [[], ["replay"], ["replay", "--stored"]])
def test_a_row_that_was_delivered_and_then_rejected_vanishes(shop, few, replay):
    """Track has what it was before, so Track is told, also if it was rejected once more since."""
    path = few.write()
    few.put([1, 2, 3])
    ran(shop, path)
    few.put([1], at=None)
    few.put([2], price=666)
    shop.sandbox.set_faults({"poison": ["666"]})
    assert ran(shop, path)[0] == {"read": 3, "rejected": 2, "unchanged": 1}
    if replay:
        assert shop.run("rejects", *replay, path).code in (0, 4)
    few.drop([1, 2])
    assert ran(shop, path)[1] == {"1": "out_of_stock", "2": "out_of_stock"}


def test_what_changes_no_item_sends_nothing(shop, few):
    """A column that is null everywhere, or an expression for another."""
    few.put(range(1, 11))
    path = few.write()
    ran(shop, path)
    few.database.run("alter table parts add column weight integer")
    data = {"title": "name", "price": {"sql": "price + 0"}, "color": "color", "weight": "weight"}
    few.write({"mapping.data": data})
    assert ran(shop, path) == ({"read": 10, "unchanged": 10}, {})
    few.write({"mapping.data": {**data, "channel": {"value": "web"}}})
    assert ran(shop, path)[0] == {"read": 10, "delivered": 10}


def test_a_limit_judges_no_deletes(shop, few):
    path = few.write()
    few.put(range(1, 21))
    ran(shop, path)
    few.drop([2])
    assert ran(shop, path, "--limit", 5) == ({"read": 5, "unchanged": 5}, {})
    assert ran(shop, path, "--limit", 19) == ({"read": 19, "unchanged": 19}, {})
    assert ran(shop, path)[1] == {"2": "out_of_stock"}


def test_what_a_transform_drops_is_there(shop, few):
    """And so is what no `when` takes: neither is told of as vanished."""
    (shop.folder / "dropping.py").write_text("def clean(rows):\n    return rows[rows.price != 5]\n")
    path = few.write({"mapping.when": "price <> 6", "source.transform": "dropping:clean"})
    few.put(range(1, 11))
    ran(shop, path)
    few.put([1], price=5)
    few.put([2], price=6)
    assert ran(shop, path) == ({"read": 10, "filtered": 2, "unchanged": 8}, {})
    few.drop([1, 2])
    assert ran(shop, path)[1] == {"1": "out_of_stock", "2": "out_of_stock"}


def test_a_kill_in_the_middle_of_a_pass(shop, few):
    """The next run goes on under its number: nothing comes twice but what was in doubt, and deletes are judged right."""
    path = few.write({"destination.concurrency": 4})
    few.put(range(1, 201))
    ran(shop, path)
    few.put(range(1, 151), price=2)
    few.drop([170, 200])
    shop.sandbox.set_faults({"latency": 0.05})
    process = shop.start("run", path)
    wait_for(lambda: process.poll() is not None or shop.sandbox.counters()["accepted"] >= 240)
    process.kill()
    end(process)
    wait_for(lambda: not shop.sandbox.counters()["in_flight"])
    shop.sandbox.set_faults({})
    ended = shop.run("run", "--json", path)
    assert ended.code == 0, ended
    stats = shop.sandbox.stats()
    assert stats["duplicates"] <= ended.counts["in_doubt"] <= 40
    assert stats["distinct"] == 200 + 150 + 2
    told = [stored.item["productId"] for stored in shop.sandbox.items() if "availability" in stored.raw]
    assert sorted(set(told)) == ["170", "200"]
    assert ran(shop, path) == ({"read": 198, "unchanged": 198}, {})


KEYS = {
    "text": ("text", ["'a'", "'b c'", "'ü\"'"]),
    "decimal": ("numeric(12,3)", ["1.500", "2", "12345678.125"]),
    "uuid": ("uuid", [f"'00000000-0000-4000-8000-00000000000{n}'" for n in "abc"]),
    "timestamp": (
        "timestamptz",
        ["'2024-01-01 00:00:00.123456+00'", "'2024-01-01 00:00:01+02'", "'2024-06-01'"],
    ),
    "date": ("date", ["'2024-01-01'", "'2024-01-02'", "'2024-01-03'"]),
    "bigint": ("bigint", ["9007199254740993", "-1", "0"]),
}


@pytest.mark.parametrize("name", KEYS)
def test_keys(shop, postgres_url, name):
    """A vanished row is told of as whom it was delivered, whatever the type of its key, and of its parts."""
    kind, values = KEYS[name]
    database = Database("postgresql", postgres_url)
    database.run(
        "drop table if exists things",
        f"create table things (a {kind}, b integer, price integer, primary key (a, b))",
    )
    database.run(*(f"insert into things values ({value}, {n}, 1)" for n, value in enumerate(values)))
    about = {"kind": "product", "productId": {"template": "{a}/{b}"}}
    source = {"type": "database", "url": postgres_url, "table": "things", "mode": "diff", "key": ["a", "b"]}
    source["on_delete"] = {**about, "data": {"availability": {"value": "out_of_stock"}}}
    path = shop.write({"sync": "things", "source": source, "mapping": {**about, "data": {"price": "price"}}})
    _, sent = ran(shop, path)
    assert len(sent) == 3
    database.run("delete from things where b <> 1")
    counts, told = ran(shop, path)
    assert counts == {"read": 3, "delivered": 2, "unchanged": 1}
    assert told == {who: "out_of_stock" for who in sent if not who.endswith("/1")}
    assert ran(shop, path) == ({"read": 1, "unchanged": 1}, {})


def test_an_event_tells_of_what_vanished(shop, few):
    """Each time that it does."""
    source = {"type": "database", "url": few.database.url, "table": "parts", "mode": "diff", "key": "part_id"}
    source["on_delete"] = {"event": "Removed", "userId": "part_id"}
    mapping = {
        "kind": "event",
        "event": "Seen",
        "userId": "part_id",
        "events": "per_version",
        "data": {"price": "price"},
    }
    path = shop.write({"sync": "parts", "source": source, "mapping": mapping})
    few.put([1, 2, 3])
    for code in (0, 0):
        assert shop.run("run", path).code == code
        few.drop([1])
        assert shop.run("run", path).code == code
        few.put([1])
    assert shop.sandbox.stats()["events"] == {"Seen": 4, "Removed": 2}
    assert shop.sandbox.stats()["duplicates"] == 0


def test_the_source_is_only_read(shop, few):
    """A file that nobody may write, in a folder that nobody may write to."""
    path = few.write()
    few.put([1, 2])
    file = shop.folder / "parts.db"
    before = file.read_bytes(), file.stat().st_mtime_ns
    file.chmod(0o444)
    ran(shop, path)
    ran(shop, path)
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before
    assert not [*shop.folder.glob("parts.db-*")]


def test_a_reader_of_postgresql_may_do_nothing_else(shop, postgres_server):
    """An account that may read one table is enough."""
    with postgres_server.database() as url:
        database = Database("postgresql", url)
        database.run(
            "create table parts (part_id integer primary key, price integer)",
            "insert into parts values (1, 1), (2, 1)",
            "drop role if exists reader",
            "create role reader login",
            "grant select on parts to reader",
        )
        try:
            source = {"type": "database", "url": url.replace("postgres@", "reader@", 1), "table": "parts"}
            source |= {"mode": "diff", "key": "part_id", "on_delete": GONE}
            mapping = {"kind": "product", "productId": "part_id", "data": {"price": "price"}}
            path = shop.write({"sync": "parts", "source": source, "mapping": mapping})
            assert ran(shop, path) == ({"read": 2, "delivered": 2}, {"1": 1, "2": 1})
            database.run("delete from parts where part_id = 1")
            assert ran(shop, path)[1] == {"1": "out_of_stock"}
        finally:
            database.run("drop owned by reader", "drop role reader")


# ── track_keys ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("events", "sent"), [("per_row", 0), ("per_version", 10)])
def test_a_touched_row_is_unchanged(shop, events, sent):
    """Its cursor moves and its item does not; an update of what is mapped is an event only where versions are."""
    changes = {"source.cursor": "seen_at", "source.track_keys": True, "mapping.events": events}
    path = shop.write(changes)
    shop.orders(range(1, 31))
    assert shop.run("run", "--json", path).counts["delivered"] == 30
    shop.sql("update orders set seen_at = '2024-02-01 00:00:00' where order_id <= 10")
    counts = shop.run("run", "--json", path).counts
    assert (counts["read"], counts["delivered"], counts["unchanged"]) == (10, 0, 10)
    shop.sql("update orders set total = 9, seen_at = '2024-02-02 00:00:00' where order_id <= 10")
    counts = shop.run("run", "--json", path).counts
    assert (counts["read"], counts["delivered"], counts["unchanged"]) == (10, sent, 10 - sent)
    assert shop.sandbox.stats()["duplicates"] == 0
