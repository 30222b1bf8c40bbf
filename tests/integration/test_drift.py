"""The source's columns, the destination or the mapping are not those of the last run: what a run says, and refuses."""

import json
import sqlite3
from contextlib import closing

import pytest
import sqlalchemy as sa

MAPPED = {
    "orderId": "order_id",
    "amount": "total",
    "label": "label",
    "seen": "seen_at",
    "count": "count",
}
TYPES = {
    "order_id": "bigint primary key",
    "email": "text",
    "total": "decimal(18,2)",
    "label": "varchar(20)",
    "count": "integer",
    "created_at": "timestamp not null",
    "seen_at": "timestamp",
}
AT = "2024-01-01 00:00:{:02d}"


class Orders:
    """A table of orders in the shop, in either database; columns come, go, and change their types."""

    def __init__(self, shop, url):
        self.shop = shop
        self.url = url
        self.engine = sa.create_engine(url, poolclass=sa.NullPool)
        self.postgres = self.engine.dialect.name == "postgresql"
        self.types = dict(TYPES)
        self.sql("drop table if exists orders")
        self.create()

    def sql(self, *statements):
        with self.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def create(self):
        columns = ", ".join(f'"{name}" {kind}' for name, kind in self.types.items())
        self.sql(f"create table orders({columns})")

    def add(self, *ids, **more):
        for i in ids:
            row = {"order_id": i, "email": f"'user{i}@shop.example'", "total": f"{i}.25", "label": f"'{i}'"}
            row |= {"count": i, "created_at": f"'{AT.format(i)}'", "seen_at": f"'{AT.format(i)}'"} | more
            row = {name: value for name, value in row.items() if name in self.types}
            names = ", ".join(f'"{name}"' for name in row)
            self.sql(f"insert into orders({names}) values ({', '.join(map(str, row.values()))})")

    def change(self, **types):
        """Give columns other types; None takes one out."""
        self.types = {name: kind for name, kind in {**self.types, **types}.items() if kind is not None}
        if not self.postgres:
            self.sql("alter table orders rename to earlier")
            self.create()
            kept = ", ".join(f'"{name}"' for name in self.types if name in TYPES)
            self.sql(f"insert into orders({kept}) select {kept} from earlier", "drop table earlier")
            return
        for name, kind in types.items():
            if kind is None:
                self.sql(f'alter table orders drop column "{name}"')
            elif name not in TYPES:
                self.sql(f'alter table orders add column "{name}" {kind}')
            else:
                plain = kind.removesuffix(" primary key").removesuffix(" not null")
                self.sql(
                    f'alter table orders alter column "{name}" type {plain} using ("{name}"::text)::{plain}'
                )

    def write(self, changes=None):
        return self.shop.write({"source.url": self.url, "mapping.data": MAPPED, **(changes or {})})

    def fails(self, ended, code, *words):
        """Assert that a run has refused, said so to people and to machines, and that nothing came of it."""
        assert ended.code == code, ended
        for word in words:
            assert word in ended.err
        assert "nothing was sent" in ended.err
        [report] = ended.lines
        assert (report["exit_code"], report["counts"]["read"], report["counts"]["requests"]) == (code, 0, 0)
        assert words[0] in report["error"]


SQLITE = pytest.mark.parametrize("orders", ["sqlite"], indirect=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def orders(request, shop):
    url = f"sqlite:///{shop.folder}/shop.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    return Orders(shop, url)


def kept(shop):
    """Return what a refused run must not touch."""
    with closing(sqlite3.connect(shop.state)) as state:
        return [
            state.execute(f"select * from connector_{table} order by 1").fetchall()
            for table in ("watermarks", "syncs", "intents")
        ]


def columns(shop):
    with closing(sqlite3.connect(shop.state)) as state:
        [(text,)] = state.execute("select fingerprint from connector_syncs").fetchall()
    return json.loads(text)["columns"]


# ── new columns ──────────────────────────────────────────────────────────────────────────────────────


def test_the_state_knows_the_columns(orders, shop):
    """Their types in words, the kinds that they have in items, and which of them are read."""
    orders.add(1)
    assert shop.run("run", orders.write({"mapping.data": {"amount": "total"}})).code == 0
    assert columns(shop) == {
        "order_id": {"type": "bigint", "kind": "number", "mapped": True},
        "email": {"type": "text", "kind": "string", "mapped": True},
        "total": {"type": "decimal(18,2)", "kind": "number", "mapped": True},
        "label": {"type": "text", "kind": "string", "mapped": False},
        "count": {"type": "integer" if orders.postgres else "bigint", "kind": "number", "mapped": False},
        "created_at": {"type": "timestamp", "kind": "time without a zone", "mapped": True},
        "seen_at": {"type": "timestamp", "kind": "time without a zone", "mapped": False},
    }


def test_a_new_column(orders, shop):
    """It is noted once, and nothing else comes of it."""
    orders.add(1, 2)
    path = orders.write()
    assert shop.run("run", path).code == 0
    orders.change(coupon="text")
    orders.add(3)
    note = "new in the source, not mapped: coupon (text)"
    checked = shop.run("check", path)
    assert (checked.code, note in checked.err) == (0, True), checked
    ended = shop.run("run", "--json", path)
    assert ended.code == 0, ended
    assert note in ended.err
    assert note in ended.lines[0]["notes"]
    assert "new in the source" not in shop.run("run", path).err
    assert shop.received() == {1: 1, 2: 1, 3: 1}


@SQLITE
def test_a_new_column_that_everything_takes(orders, shop):
    """A mapping with "*" sends it from now on, and says so."""
    orders.add(1)
    path = orders.write({"mapping.data": {"orderId": "order_id", "*": True}})
    assert shop.run("run", path).code == 0
    orders.change(coupon="text")
    orders.add(2, coupon="'x'")
    ended = shop.run("run", path)
    assert ended.code == 0
    assert "new in the source, and read by the mapping from now on: coupon (text)" in ended.err
    assert [item.item["data"].get("coupon") for item in shop.sandbox.items()] == [None, "x"]


# ── columns that are gone ────────────────────────────────────────────────────────────────────────────

USES = {
    "column": ({}, "label"),
    "sql": ({"mapping.data": {"orderId": "order_id", "x": {"sql": "upper(label)"}}}, "label"),
    "template": ({"mapping.data": {"orderId": "order_id", "x": {"template": "a-{label}"}}}, "label"),
    "when": ({"mapping.data": {"orderId": "order_id"}, "mapping.when": "label <> 'x'"}, "label"),
    "identity": ({}, "email"),
    "time": ({"source.cursor": "order_id"}, "created_at"),
    "cursor": ({"source.cursor": "seen_at", "mapping.data": {"orderId": "order_id"}}, "seen_at"),
    "cursor-sql": (
        {
            "source.cursor": {"sql": "coalesce(seen_at, created_at)"},
            "mapping.data": {"orderId": "order_id"},
        },
        "seen_at",
    ),
    "key": ({"source.key": ["order_id", "label"], "mapping.data": {"orderId": "order_id"}}, "label"),
    "left-out": ({"mapping.data": {"orderId": "order_id", "*": True, "label": False}}, "label"),
    "everything": ({"mapping.data": {"orderId": "order_id", "*": True}}, "label"),
}


# The mapping is the same for all sources; cursor and key are looked up by each in its own way.
GONE = [("sqlite", use) for use in USES] + [
    ("postgresql", use) for use in ("column", "cursor", "cursor-sql", "key")
]


@pytest.mark.parametrize(("orders", "use"), GONE, indirect=["orders"])
def test_a_column_is_gone(orders, shop, use):
    """The run stops before it sends, names the column, its type and where it may be now, and goes on once it is back."""
    changes, name = USES[use]
    orders.add(1, 2)
    path = orders.write(changes)
    first = shop.run("run", path)
    assert first.code == 0, first
    before = kept(shop)
    orders.change(**{name: None, f"{name}s": TYPES[name].removesuffix(" not null")})
    orders.add(3)
    checked = shop.run("check", path)
    assert (checked.code, f"{name} was" in checked.err) == (5, True), checked
    ended = shop.run("run", "--json", path)
    assert kept(shop) == before
    # Without cursor or key there is nothing that could be accepted.
    remedy = "state reset orders" if use in ("cursor", "cursor-sql", "key") else "--accept drift orders"
    orders.fails(ended, 5, f"{name} was {columns(shop)[name]['type']}", remedy)
    if use != "cursor-sql" or not orders.postgres:  # there the server alone reads it
        assert f"did you mean '{name}s'?" in ended.err
    assert shop.received() == {1: 1, 2: 1}
    orders.sql(f"alter table orders rename column {name}s to {name}")
    value = AT.format(1) if name.endswith("_at") else "y"
    orders.sql(f"update orders set {name} = '{value}'")
    assert shop.run("run", path).code == 0


@SQLITE
def test_a_mended_mapping_needs_nothing_else(orders, shop):
    """Once it names the column by its new name, or leaves it out, there is nothing to accept."""
    orders.add(1)
    path = orders.write()
    assert shop.run("run", path).code == 0
    orders.change(label=None, title="text")
    orders.add(2, title="'x'")
    ended = shop.run("run", "--json", path)
    orders.fails(ended, 5, "label was text and is gone")
    # It cannot be accepted while the mapping needs it: then the mapping is what is wrong.
    shop.refuses(shop.run("run", "--accept", "drift", path), 2, "label")
    orders.write({"mapping.data": {**MAPPED, "label": "title"}})
    ended = shop.run("run", path)
    assert ended.code == 0, ended
    assert "--resend changed" in ended.err
    assert shop.received() == {1: 1, 2: 1}


def test_a_gone_column_that_everything_took_is_accepted_once(orders, shop):
    orders.add(1)
    path = orders.write({"mapping.data": {"orderId": "order_id", "*": True}})
    assert shop.run("run", path).code == 0
    orders.change(label=None)
    orders.add(2)
    orders.fails(shop.execute("run", "--json", path), 5, "label was text and is gone")
    ended = shop.execute("run", "--accept", "drift", path)
    assert ended.code == 0, ended
    assert "accepted: label was text and is gone" in ended.err
    orders.add(3)
    ended = shop.run("run", path)
    assert (ended.code, "label" in ended.err) == (0, False)
    assert shop.received() == {1: 1, 2: 1, 3: 1}


@SQLITE
def test_a_column_that_nobody_reads_may_go(orders, shop):
    orders.add(1)
    path = orders.write({"mapping.data": {"orderId": "order_id"}})
    assert shop.run("run", path).code == 0
    orders.change(label=None)
    orders.add(2)
    assert shop.run("run", path).code == 0


# ── other types ──────────────────────────────────────────────────────────────────────────────────────

KINDS = {
    "number-text": ("total", "text", "mapping.data.amount would change from number to string"),
    "text-number": ("label", "integer", "mapping.data.label would change from string to number"),
    "number-boolean": ("count", "boolean", "mapping.data.count would change from number to boolean"),
    "time-date": ("seen_at", "date", "mapping.data.seen would change from time without a zone to date"),
    "naive-zoned": ("seen_at", "timestamptz", "from time without a zone to time with a zone"),
    "scalar-json": ("label", "json", "mapping.data.label would change from string to JSON"),
    "bytes": ("label", "bytea", "mapping.data.label would change from string to base64"),
    "array": ("count", "int[]", "mapping.data.count would change from number to JSON"),
}
FEW = ("text-number", "number-boolean", "time-date")
RETYPED = [("sqlite" if case in FEW else "postgresql", case) for case in KINDS]


@pytest.mark.parametrize(("orders", "case"), RETYPED, indirect=["orders"])
def test_another_kind(orders, shop, case):
    """A value that would change in kind stops the run; accepted, it goes through, and from then on it is as it is."""
    name, kind, words = KINDS[case]
    orders.add(1)
    path = orders.write()
    assert shop.run("run", path).code == 0
    before, was = kept(shop), columns(shop)[name]["type"]
    if case == "array" or not orders.postgres:  # values that the new type does not hold
        orders.sql(f'update orders set "{name}" = null')
    orders.change(**{name: kind})
    orders.add(2, **{name: "null"})
    orders.fails(shop.run("run", "--json", path), 5, f"{name} was {was} and is ", words)
    assert kept(shop) == before
    assert shop.received() == {1: 1}
    accepted = shop.run("run", "--accept", "drift", path)
    assert accepted.code == 0, accepted
    assert f"accepted: {name} was {was} and is " in accepted.err
    orders.add(3, **{name: "null"})
    ended = shop.run("run", path)
    assert (ended.code, "accepted" in ended.err) == (0, False)
    assert shop.received() == {1: 1, 2: 1, 3: 1}


@SQLITE
def test_a_time_that_becomes_text(orders, shop):
    """Where the mapping does not even compile any more, that is told as what it comes from."""
    orders.add(1)
    path = orders.write({"mapping.timestamp": "seen_at", "mapping.data": {"orderId": "order_id"}})
    assert shop.run("run", path).code == 0
    before = kept(shop)
    orders.change(seen_at="text")
    orders.add(2)
    words = ("seen_at was timestamp and is text", "mapping.timestamp: the timestamp is text")
    orders.fails(shop.run("run", "--json", path), 5, *words)
    assert kept(shop) == before
    orders.write(
        {
            "mapping.timestamp": {"column": "seen_at", "type": "timestamp"},
            "mapping.data": {"orderId": "order_id"},
        }
    )
    assert shop.run("run", path).code == 0
    assert shop.received() == {1: 1, 2: 1}


@SQLITE
@pytest.mark.parametrize(
    ("mapped", "types"),
    [
        ({}, {"count": "bigint"}),
        ({}, {"label": "text", "total": "decimal(20,2)"}),
        ({}, {"total": "decimal(9,3)", "count": "decimal(9,3)"}),
        ({"orderId": "order_id", "x": {"column": "total", "type": "string"}}, {"total": "text"}),
        ({"orderId": "order_id", "x": {"column": "total", "hash": "sha256"}}, {"total": "text"}),
        ({"orderId": "order_id", "x": {"template": "{total}"}}, {"total": "text"}),
        ({"orderId": "order_id", "x": {"sql": "total::VARCHAR"}}, {"total": "text", "label": "integer"}),
    ],
    ids=["integers", "widths", "numbers", "cast", "hashed", "template", "sql"],
)
def test_another_type_of_the_same_kind(orders, shop, mapped, types):
    """Neither wider types nor values that the mapping makes the same of both are drift."""
    orders.add(1)
    path = orders.write({"mapping.data": mapped} if mapped else {})
    assert shop.run("run", path).code == 0
    orders.change(**types)
    orders.add(2)
    ended = shop.run("run", path)
    assert (ended.code, "changed" in ended.err) == (0, False), ended


@SQLITE
def test_an_identifier_is_text_whatever_it_comes_from(orders, shop):
    orders.add(1)
    path = orders.write({"mapping.userId": "count", "mapping.data": {"orderId": "order_id"}})
    assert shop.run("run", path).code == 0
    orders.change(count="text")
    orders.add(2)
    assert shop.run("run", path).code == 0
    assert [item.item["userId"] for item in shop.sandbox.items()] == ["1", "2"]


@pytest.mark.parametrize(
    ("name", "kind", "part"),
    [("created_at", "date not null", "cursor"), ("order_id", "varchar(9) primary key", "key")],
)
def test_another_cursor_or_key(orders, shop, name, kind, part):
    """Of another type they make the watermark meaningless: nobody can accept that."""
    orders.add(1)
    path = orders.write({"mapping.data": {"orderId": "count"}, "mapping.timestamp": "seen_at"})
    assert shop.run("run", path).code == 0
    before = kept(shop)
    orders.change(**{name: kind})
    orders.add(2)
    for options in ([], ["--accept", "drift"]):
        ended = shop.run("run", "--json", *options, path)
        orders.fails(ended, 5, f"{name} was ", f"(source.{part})", "state reset orders", "--state")
        assert kept(shop) == before
    was, now = (
        ("timestamp without time zone", "date") if part == "cursor" else ("bigint", "character varying")
    )
    place = shop.run("state", "show", "--json", path).out.replace(was, now)
    assert shop.run("state", "reset", "--yes", path).code == 0
    assert shop.run("state", "set", path, place).code == 0
    assert shop.run("run", path).code == 0


# ── what is no drift ─────────────────────────────────────────────────────────────────────────────────


def test_a_mistake_of_the_mapping_stays_one(orders, shop):
    """A name that was never there is a matter of the configuration, also beside columns that have changed."""
    orders.add(1)
    path = orders.write()
    assert shop.run("run", path).code == 0
    orders.change(coupon="text")
    orders.write({"mapping.data": {**MAPPED, "label": "lable"}})
    shop.refuses(shop.run("run", path), 2, "lable", "did you mean 'label'?")
    orders.write({"source.key": "order"})
    shop.refuses(shop.run("run", path), 2, "order_id")
    orders.sql(
        "drop table if exists elsewhere", "create table elsewhere(order_id bigint, created_at timestamp)"
    )
    orders.write({"source.table": "elsewhere"})
    shop.refuses(shop.run("run", path), 2, "there is no column 'email'")


@SQLITE
def test_a_state_from_before_columns_were_kept(orders, shop):
    """Nothing is compared with it; from then on there is something to compare with."""
    orders.add(1)
    path = orders.write()
    assert shop.run("run", path).code == 0
    with closing(sqlite3.connect(shop.state)) as state:
        [(text,)] = state.execute("select fingerprint from connector_syncs").fetchall()
        old = json.loads(text)
        del old["columns"]
        state.execute("update connector_syncs set fingerprint = ?", [json.dumps(old)])
        state.commit()
    orders.change(total="text")
    orders.add(2)
    ended = shop.run("run", path)
    assert (ended.code, "changed" in ended.err) == (0, False)
    orders.sql("delete from orders")
    orders.change(total="integer")
    orders.fails(shop.run("run", "--json", path), 5, "total was text and is ")


def test_a_first_run_has_nothing_to_compare(shop):
    """A reset forgets the columns too."""
    shop.orders([1])
    path = shop.write()
    assert shop.run("run", path).code == 0
    shop.sql("alter table orders drop column total", "alter table orders add column total text")
    assert shop.run("run", path).code == 5
    assert shop.run("state", "reset", "--yes", path).code == 0
    assert shop.run("run", path).code == 0


def test_files(shop):
    """A column that new files lack is null in them; one that only they have is noted."""
    shop.parts("a.parquet", range(3), color=["red"] * 3)
    path = shop.write({"mapping.data": {"title": "name", "color": "color"}}, parquet=True)
    assert shop.run("run", path).code == 0
    shop.parts("b.parquet", range(3, 5), weight=[1, 2])
    ended = shop.run("run", path)
    assert ended.code == 0, ended
    assert "new in the source, not mapped: weight (bigint)" in ended.err


def test_a_transform(shop):
    """What it returns is compared, as what it reads nobody knows; where it fails, all that has changed is told."""
    shop.orders([1])
    (shop.folder / "clean_drift.py").write_text(
        "def clean(frame):\n    frame['x'] = frame['total'] * 2\n    return frame[['x', 'email', 'created_at', 'order_id']]\n"
    )
    changes = {
        "source.transform": "clean_drift:clean",
        "mapping.data": {"orderId": "order_id", "x": "x"},
    }
    path = shop.write(changes)
    first = shop.run("run", path)
    assert first.code == 0, first
    shop.sql("alter table orders drop column label", "alter table orders add column coupon text")
    ended = shop.run("run", path)
    assert ended.code == 0, ended
    assert "handed to the transform from now on: coupon (text)" in ended.err
    shop.sql("alter table orders rename column total to sum")
    ended = shop.run("run", path)
    shop.refuses(ended, 5, "total was decimal(18,2) and is gone", "source.transform", "nothing was sent")


def test_a_replay_refuses_too(shop):
    """Rejected rows would change in kind as new ones would; a replay cannot accept it."""
    shop.orders([1, 2, 3])
    shop.sql("update orders set email = null where order_id = 2")
    path = shop.write({"rejects": {"max": "90%"}})
    assert shop.run("run", path).code == 0
    shop.sql(
        "update orders set email = 'late@shop.example' where order_id = 2",
        "alter table orders drop column total",
        "alter table orders add column total text",
    )
    shop.refuses(
        shop.run("rejects", "replay", path), 5, "total was decimal(18,2) and is text", "--accept drift"
    )
    assert shop.run("run", "--accept", "drift", path).code == 0
    assert shop.run("rejects", "replay", path).code == 0
    assert shop.received() == {1: 1, 2: 1, 3: 1}


# ── another destination, other options ───────────────────────────────────────────────────────────────


def test_another_destination_is_adopted(shop):
    """It refuses until a person says that the state belongs to it, and then belongs to it."""
    shop.orders([1])
    path = shop.write()
    assert shop.run("run", path).code == 0
    before = kept(shop)
    base = shop.sandbox.url.replace("127.0.0.1", "localhost")
    shop.write({"destination.base_url": base})
    shop.orders([2])
    ended = shop.run("run", "--json", path)
    shop.refuses(ended, 5, "another destination", "--adopt", "--state", "state reset orders")
    assert (ended.lines[0]["exit_code"], kept(shop)) == (5, before)
    adopted = shop.execute("run", "--adopt", path)
    assert adopted.code == 0, adopted
    assert "belongs to another destination from now on" in adopted.err
    assert shop.received() == {1: 1, 2: 1}
    assert shop.run("run", path).code == 0
    shop.write()
    shop.refuses(shop.run("run", path), 5, "another destination")


def test_only_a_destination_is_adopted(shop):
    """Another key is none, and then the refusal does not offer it."""
    shop.orders([1])
    path = shop.write()
    assert shop.run("run", path).code == 0
    shop.write({"destination.project": "other", "source.key": "email"})
    ended = shop.run("run", "--adopt", path)
    shop.refuses(ended, 5, "another key", "--state")
    assert "another destination" not in ended.err
    assert "--adopt" not in shop.run("run", path).err


def test_what_can_be_accepted(shop):
    """Several at once, none of them needed; and nothing else."""
    shop.orders([1])
    path = shop.write()
    options = ("--accept", "drift", "--accept", "restore", "--accept", "deletes", "--adopt")
    assert shop.run("run", *options, path).code == 0
    ended = shop.run("run", "--accept", "everything", path)
    assert ended.code == 2
    assert "'drift', 'restore', 'deletes'" in ended.err


@pytest.mark.parametrize("key", ["sync", "id"])
def test_one_name_twice(shop, key):
    """Two syncs of one name or one id would share eventIds and state: also when they lie in several folders."""
    shop.orders([1])
    shop.write({"id": "mine"})
    other = shop.folder / "other"
    other.mkdir()
    twin = {"sync": "orders", "id": "its"} if key == "sync" else {"sync": "twin", "id": "mine"}
    file = other / "twin.yaml"
    file.write_text(json.dumps(shop.config() | twin))
    for targets in ([shop.folder, other], [shop.folder / "orders.yaml", file], [other, shop.folder]):
        ended = shop.run("run", *targets)
        shop.refuses(ended, 2, "twin.yaml", "orders.yaml", f"has the same {'name' if key == 'sync' else key}")
    (shop.folder / "twin.yaml").write_text(file.read_text())
    for targets in (["--configs", shop.folder], [shop.folder], [shop.folder / "orders.yaml"]):
        shop.refuses(shop.run("run", *targets), 2, "twin.yaml", "orders.yaml")
    assert not shop.received()


def test_one_file_named_twice_is_one(shop, monkeypatch):
    """However it is spelled."""
    shop.orders([1])
    path = shop.write()
    monkeypatch.chdir(shop.folder)
    assert len(shop.run("run", "--json", path, "orders.yaml", shop.folder).lines) == 1
