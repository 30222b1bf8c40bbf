"""What is wrong in the YAML, or does not fit the source: said before a byte is sent, and mended without loss."""

import re

import pytest

ROWS = range(1, 41)

# What is changed in a good sync -> what the program says about it.
MISTAKES = {
    "key": ({"source.tabel": "orders"}, "source.tabel", "did you mean table?"),
    "column": ({"mapping.userId": "emial"}, "mapping.userId", "did you mean 'email'?"),
    "cursor": ({"source.cursor": "creatd_at"}, "source.cursor", "did you mean 'created_at'?"),
    "key-column": ({"source.key": "orderid"}, "source.key", "did you mean 'order_id'?"),
    "table": ({"source.table": "order"}, "source.table", "did you mean 'orders'?"),
    "function": ({"mapping.data.x": {"sql": "uper(email)"}}, "mapping.data.x", "did you mean 'upper'?"),
    "expression": ({"mapping.data.x": {"sql": "email +"}}, "mapping.data.x", "does not parse"),
    "when": ({"mapping.when": "totl > 5"}, "mapping.when", "did you mean 'total'?"),
    "where": ({"source.where": "totl > 5"}, "source.where", "totl"),
    "query": ({"source.table": None, "source.query": "select * frm orders"}, "syntax error", "query"),
    "dialect": ({"source.url": "sqlit:///shop.db"}, "source.url", "did you mean sqlite?"),
    "type": ({"source.columns": {"total": "decimall"}}, "source.columns.total", "did you mean decimal?"),
    "impossible-type": (
        {"source.columns": {"total": "decimal(99,2)"}},
        "source.columns.total",
        "decimal(99,2)",
    ),
    "value-type": (
        {"mapping.data.x": {"column": "total", "type": "integr"}},
        "mapping.data.x.type",
        "did you mean integer?",
    ),
    "float-id": ({"mapping.userId": "score"}, "mapping.userId", "DOUBLE"),
    "float-cursor": ({"source.cursor": "score"}, "source.cursor", "floating-point"),
    "variable": ({"destination.org": "${NO_SUCH_ORG}"}, "destination.org", "NO_SUCH_ORG is not set"),
    "number-as-id": ({"destination.source_id": 1000000000000000001}, "destination.source_id", "quotes"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_the_yaml(shop, name):
    """It is named with file and place by check and by run, nothing is sent, and once mended all rows arrive."""
    changes, *words = MISTAKES[name]
    shop.orders(ROWS)
    path = shop.write(changes)
    for command in ("check", "run"):
        shop.refuses(shop.run(command, path), 2, str(path), *words)
    assert shop.sandbox.counters()["accepted"] == 0
    shop.write()
    shop.delivers(path, ROWS)


def test_all_mistakes_are_told_at_once(shop):
    """Whoever mends a file wants every mistake of it, each with its line."""
    shop.orders(ROWS)
    path = shop.write({"source.tabel": "x", "destination.org": "${NO_SUCH_ORG}", "mapping.kind": "evnt"})
    told = shop.run("check", "--offline", path)
    shop.refuses(told, 2, "source.tabel", "NO_SUCH_ORG", "did you mean event?")
    assert len(re.findall(rf"{re.escape(str(path))}:\d+: ", told.err)) == 3


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        (b"", "the file is empty"),
        (b"- a\n- b\n", "not a mapping"),
        (b"sync: orders\nsource: {type: database\n", "is not YAML"),
        (b"sync: orders\nsync: again\n", "sync"),
        (b"sync: caf\xe9\n", "is not UTF-8"),
        (b"sync: a\0b\n", "is not YAML"),
    ],
    ids=["missing", "empty", "list", "unclosed", "twice", "latin-1", "binary"],
)
def test_a_file_that_cannot_be_read(shop, content, words):
    """The file is named, with the line where there is one, and no parser's traceback is shown."""
    path = shop.folder / "orders.yaml"
    if content is not None:
        path.write_bytes(content)
    for command in ("run", "check", "preview", "status", "test"):
        shop.refuses(shop.run(command, path), 2, "orders.yaml", words)


def test_a_name_that_no_sync_has(shop):
    """The nearest name in the folder is offered."""
    shop.write()
    shop.refuses(shop.run("run", "--configs", shop.folder, "order"), 2, "order", "did you mean orders?")


def test_a_key_that_is_not_unique(shop):
    """Two rows that nothing tells apart end the run: one of them could be lost at a watermark between them."""
    shop.orders(ROWS)
    shop.sql("update orders set seen_at = '2024-01-01 00:00:00'")
    path = shop.write({"source.key": "label", "source.cursor": "seen_at"})
    shop.refuses(shop.run("run", path), 2, "orders", "label", "not unique", "source.key")
    assert not shop.received()
    shop.write({"source.cursor": "seen_at"})
    shop.delivers(path, ROWS)


def test_a_key_without_a_value(shop):
    """Rows that no key names are counted, and the run refuses before it sends any."""
    shop.orders(ROWS)
    shop.sql("update orders set label = case when order_id > 35 then null else order_id end")
    path = shop.write({"source.key": "label"})
    shop.refuses(shop.run("run", path), 2, "orders", "label", "5 rows")
    assert not shop.received()
    shop.write()
    shop.delivers(path, ROWS)


def test_a_cursor_without_a_value(shop):
    """Rows without a cursor are not read, but counted and told of in each run, and no failure."""
    shop.orders(ROWS)
    shop.sql("update orders set seen_at = null where order_id > 35")
    path = shop.write({"source.cursor": "seen_at"})
    for read in (35, 0):
        ended = shop.run("run", "--json", path)
        assert (ended.code, ended.counts["read"]) == (0, read)
        assert any("5 rows were not read" in note for note in ended.lines[0]["notes"])
        assert "5 rows were not read" in ended.err
    shop.sql("update orders set seen_at = '2025-01-01 00:00:00' where order_id > 35")
    shop.delivers(path, ROWS)


def test_a_cursor_that_is_not_unique(shop):
    """Without a key, rows of one moment are told apart by what they hold, and none is sent twice or left out."""
    shop.orders(ROWS)
    shop.sql("update orders set seen_at = '2024-01-01 00:00:00'")
    path = shop.write({"source.cursor": "seen_at", "source.key": None})
    shop.delivers(path, ROWS)
    shop.orders([41])
    shop.sql("update orders set seen_at = '2024-01-01 00:00:00'")
    shop.delivers(path, range(1, 42))
