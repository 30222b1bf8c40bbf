"""Invariant 5 around the state: what it keeps, and what is said when it cannot."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
import sqlalchemy as sa
from canaries import STATE_PASSWORD, Place
from privacy_stage import Scenario, table_of

SCENARIOS: dict[str, Scenario] = {}
scenario = table_of(SCENARIOS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_is_given_away(scene, name):
    """It fails in its words and with its exit code, and no canary is found outside of where it may stand."""
    SCENARIOS[name].happens(scene)
    assert scene.leaks() == []


AFTER = (("--debug", "run"), ("status",), ("rejects", "list"))


def _at(scene, url):
    scene.options, scene.aftermath = ["--state", url], AFTER


@scenario(2, "--state has two @")
def a_password_that_is_not_escaped(scene):
    _at(scene, f"postgresql://me:{STATE_PASSWORD}@127.0.0.1:1/state")


@scenario(2, "--state is no database URL")
def a_port_that_is_none(scene):
    _at(scene, scene.url("postgresql", STATE_PASSWORD, "127.0.0.1:port"))


@scenario(2, "--state is neither SQLite nor PostgreSQL")
def a_dialect_that_keeps_no_state(scene):
    _at(scene, scene.url("mysql", STATE_PASSWORD, "127.0.0.1:1"))


@scenario(2, "CONNECTOR_STATE has two @")
def a_password_in_the_environment(scene):
    scene.environ["CONNECTOR_STATE"] = f"postgresql://me:{STATE_PASSWORD}@127.0.0.1:1/state"


@scenario(3, "is not an SQLite database")
def a_state_that_is_none(scene):
    scene.shop.state.parent.mkdir()
    scene.shop.state.write_text("no database at all\n" * 50)


@scenario(3, "is damaged")
def a_state_that_is_damaged(scene):
    _run_once(scene)
    content = bytearray(scene.shop.state.read_bytes())
    for page in range(1, len(content) // 4096):
        content[page * 4096 : page * 4096 + 100] = b"\xff" * 100
    scene.shop.state.write_bytes(content)


@scenario(3, "is locked")
def a_state_that_is_locked(scene):
    _run_once(scene)
    connection = scene.open(closing(sqlite3.connect(scene.shop.state, isolation_level=None)))
    connection.execute("begin immediate")
    scene.stack.callback(connection.rollback)
    scene.aftermath = (("status", "--json"),)


@scenario(3, "cannot")
def a_state_on_a_full_disk(scene):
    scene.bug = "full disk"


def _run_once(scene):
    """Let a run leave watermarks and a reject."""
    scene.shop.sandbox.set_faults({"poison": ["kanarek3"], "quote_refused": True})
    aftermath, scene.aftermath = scene.aftermath, ()
    assert scene.play("run").code == 0
    scene.aftermath = aftermath


def test_a_driver_that_quotes_a_reject(scene, postgres_server):
    """PostgreSQL shows the row that breaks a rule of a table; the run says which rule's kind it was."""
    url = scene.open(postgres_server.database())
    scene.options, scene.aftermath = ["--state", url], ()
    assert scene.play("run", "--limit", "1").code == 0
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("alter table connector_rejects add check (row not like '%%kanarek%%')")
    scene.shop.sandbox.set_faults({"poison": ["kanarek3"], "quote_refused": True})
    ended = scene.play("--debug", "run")
    assert (ended.code, "SQLSTATE 23514" in ended.err) == (3, True), ended
    assert "kanarek" not in ended.err
    assert scene.leaks() == []


def test_what_a_state_in_postgresql_keeps(scene, postgres_url):
    """As in SQLite: only rejects hold rows, and only rejects and watermarks hold keys; logs show neither."""
    scene.shop.sandbox.set_faults({"poison": ["kanarek3"], "quote_refused": True})
    scene.options = ["--state", postgres_url]
    scene.aftermath = (("--debug", "run"), ("rejects", "list"))
    assert scene.play("run").code == 0
    engine = sa.create_engine(
        postgres_url.replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.NullPool
    )
    with engine.connect() as connection:
        tables = [name for name in sa.inspect(connection).get_table_names() if name.startswith("connector_")]
        for name in tables:
            kept = repr(connection.exec_driver_sql(f"select * from {name}").all())
            scene.places.append(Place(name, kept, rows=name in ("connector_rejects", "connector_watermarks")))
    assert len(tables) > 5
    assert any("kanarek3" in place.text for place in scene.places if place.name == "connector_rejects")
    assert scene.leaks() == []
