"""Parquet files and state files that are not what they should be: left as they are, and nothing sent twice."""

import os
import sqlite3
from contextlib import closing

import pytest

from connector.state.upgrading import VERSION

OLD = (1, 1)  # long written: no longer waited for


def truncate(path):
    path.write_bytes(path.read_bytes()[:-20])
    os.utime(path, OLD)


def empty(path):
    path.write_bytes(b"")
    os.utime(path, OLD)


def garble(path):
    """Overwrite the pages, and leave the footer."""
    content = path.read_bytes()
    path.write_bytes(content[:40] + bytes(200) + content[240:])
    os.utime(path, OLD)


@pytest.mark.parametrize(
    ("harm", "words"),
    [(truncate, "cut off"), (empty, "is empty"), (garble, "is damaged")],
    ids=["truncated", "empty", "garbled"],
)
def test_a_broken_file(shop, harm, words):
    """It is named; what stands before it is delivered once, and the rest when it is written again."""
    shop.parts("a.parquet", range(20))
    harm(shop.parts("b.parquet", range(20, 40)))
    path = shop.write(parquet=True)
    for _ in range(2):
        shop.refuses(shop.run("run", path), 3, "catalog", "b.parquet", words)
    shop.parts("b.parquet", range(20, 40))
    shop.delivers(path, map(str, range(40)))


def test_a_file_that_is_still_written(shop):
    """A young file without a footer is not an error: it is noted, and read by a later run."""
    shop.parts("a.parquet", range(20))
    (shop.folder / "parts" / "b.parquet").write_bytes(b"PAR1")
    path = shop.write(parquet=True)
    ended = shop.run("run", path)
    assert (ended.code, len(shop.received())) == (0, 20)
    assert "1 files without a footer" in ended.err
    shop.parts("b.parquet", range(20, 40))
    shop.delivers(path, map(str, range(40)))


def test_files_that_cannot_be_unified(shop):
    """Both files and the column are named; declaring its type mends it."""
    shop.parts("a.parquet", range(20), price=[str(i) for i in range(20)])
    shop.parts("b.parquet", range(20, 40), price=list(range(20)))
    path = shop.write(parquet=True)
    for command in ("check", "run"):
        shop.refuses(
            shop.run(command, path), 2, str(path), "'price'", "a.parquet", "b.parquet", "source.columns"
        )
    shop.write({"source.columns": {"price": "varchar"}}, parquet=True)
    shop.delivers(path, map(str, range(40)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"source.path": "partz"}, "partz does not exist"),
        ({"source.path": "parts/*.parq"}, "matches no file"),
        ({"source.key": "partid"}, "did you mean part_id?"),
        ({"source.cursor": "weight"}, "double"),
        ({"source.cursor": "name"}, "string"),
        ({"mapping.data.title": "nam"}, "did you mean 'name'?"),
    ],
    ids=["path", "glob", "key", "float-cursor", "text-cursor", "column"],
)
def test_a_mistake_about_files(shop, changes, words):
    """What a file's schema shows to be wrong is named with its place in the YAML, before anything is sent."""
    shop.parts("a.parquet", range(40), weight=[0.5] * 40)
    path = shop.write(changes, parquet=True)
    for command in ("check", "run"):
        shop.refuses(shop.run(command, path), 2, str(path), words)
    shop.write(parquet=True)
    shop.delivers(path, map(str, range(40)))


def test_a_file_key_without_a_value(shop):
    """Rows that no key names are counted, and none of the file is sent."""
    shop.parts("a.parquet", [None, *range(39)])
    path = shop.write(parquet=True)
    shop.refuses(shop.run("run", path), 2, "a.parquet", "part_id", "1 rows")
    assert not shop.sandbox.counters()["accepted"]
    shop.parts("a.parquet", range(40))
    shop.delivers(path, map(str, range(40)))


def test_no_database_in_the_source(shop):
    """A file that is missing, or no database, is named; it is not created."""
    path = shop.write()
    shop.refuses(shop.run("run", path), 2, str(path), "source.url", "shop.db")
    assert not (shop.folder / "shop.db").exists()
    (shop.folder / "shop.db").write_text("order_id,email\n" * 100)
    shop.refuses(shop.run("run", path), 2, "source.url", "shop.db", "no SQLite database")
    (shop.folder / "shop.db").unlink()
    shop.orders(range(40))
    shop.delivers(path, range(40))


# ── the state ─────────────────────────────────────────────────────────────────────────────────────────────


def foreign(path):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("create table addresses(name)")


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda path: path.write_text("a diary, not a database\n" * 50), "not an SQLite database"),
        (foreign, "not a state store"),
        (lambda path: path.mkdir(), "state.db"),
    ],
    ids=["text", "foreign", "folder"],
)
def test_a_state_that_is_none(shop, harm, words):
    """Whatever lies where the state should be is left as it is, and nothing is sent without a state."""
    shop.orders(range(40))
    path = shop.write()
    shop.state.parent.mkdir()
    harm(shop.state)
    before = shop.state.read_bytes() if shop.state.is_file() else b""
    for command in ("run", "check", "status"):
        shop.refuses(shop.run(command, path), 3, words, str(shop.state))
    assert not shop.sandbox.counters()["accepted"]
    if shop.state.is_file():
        assert shop.state.read_bytes() == before
        shop.state.unlink()
    else:
        shop.state.rmdir()
    shop.delivers(path, range(40))


def test_a_state_of_a_newer_version(shop):
    """It is a mistake of whoever started an old program: exit 2, nothing sent, nothing downgraded."""
    shop.orders(range(40))
    path = shop.write()
    assert shop.run("run", "--limit", 20, path).code == 0
    with closing(sqlite3.connect(shop.state)) as connection:
        with connection:
            connection.execute("update connector_version set version = ?", [VERSION + 1])
        for command in ("run", "status"):
            shop.refuses(shop.run(command, path), 2, str(shop.state), "newer")
        with connection:
            connection.execute("update connector_version set version = ?", [VERSION])
    assert len(shop.received()) == 20
    shop.delivers(path, range(40))


def test_an_address_of_the_state_that_is_none(shop):
    """Only SQLite and PostgreSQL keep state; the option is named, and its password is not."""
    shop.orders(range(40))
    path = shop.write()
    for url in (
        "mysql://me:p%40ss%2Fw%23rd@localhost/state",
        "postgresql://me:p%40ss%2Fw%23rd@localhost:x/state",
    ):
        shop.refuses(shop.run("run", "--state", url, path), 2, "--state")
    shop.environ["CONNECTOR_STATE"] = "mysql://me:p%40ss%2Fw%23rd@localhost/state"
    shop.refuses(shop.run("run", path), 2, "CONNECTOR_STATE")
    assert not shop.sandbox.counters()["accepted"]
