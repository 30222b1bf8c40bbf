"""Stores of older versions become those of today: the same on every kind of store."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import sqlalchemy as sa
from servers import state_place

from connector.model import Commit, Reject
from connector.state.rejects import RejectFilter
from connector.state.store import StateStore
from connector.state.upgrading import VERSION

# The first schema, as 0.1.0 wrote it.
FIRST = """
CREATE TABLE connector_version (version BIGINT NOT NULL);
CREATE TABLE connector_leases (
    sync TEXT NOT NULL, lane TEXT NOT NULL, token BIGINT NOT NULL, seq BIGINT NOT NULL, nonce TEXT,
    since BIGINT, expires BIGINT, host TEXT, pid BIGINT, boot_id TEXT, pid_namespace TEXT, started TEXT,
    PRIMARY KEY (sync, lane)
) {clustered};
CREATE TABLE connector_intents (
    sync TEXT NOT NULL, lane TEXT NOT NULL, token BIGINT NOT NULL, seq BIGINT NOT NULL, rows BIGINT NOT NULL,
    items BIGINT NOT NULL, digests {bytes}, acknowledged {bytes}, counted BOOLEAN DEFAULT {false} NOT NULL,
    PRIMARY KEY (sync, lane, token, seq)
) {clustered};
CREATE TABLE connector_watermarks (
    sync TEXT NOT NULL, lane TEXT NOT NULL, part TEXT NOT NULL, value TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (sync, lane, part)
) {clustered};
CREATE TABLE connector_syncs (sync TEXT NOT NULL, fingerprint TEXT, PRIMARY KEY (sync)) {clustered};
CREATE TABLE connector_runs (
    run_id TEXT NOT NULL, sync TEXT DEFAULT '' NOT NULL, lane TEXT DEFAULT '' NOT NULL,
    started BIGINT NOT NULL, updated BIGINT NOT NULL, ended BIGINT, exit_code BIGINT,
    counts TEXT DEFAULT '{{}}' NOT NULL, rejects TEXT DEFAULT '{{}}' NOT NULL,
    warnings TEXT DEFAULT '{{}}' NOT NULL, notes TEXT DEFAULT '[]' NOT NULL, error TEXT DEFAULT '' NOT NULL,
    PRIMARY KEY (run_id)
);
CREATE INDEX connector_runs_by_sync ON connector_runs (sync, started);
CREATE TABLE connector_rejects (
    sync TEXT NOT NULL, event_id TEXT NOT NULL, reason TEXT NOT NULL, lane TEXT DEFAULT '' NOT NULL,
    run_id TEXT DEFAULT '' NOT NULL, message TEXT DEFAULT '' NOT NULL, "key" TEXT DEFAULT '' NOT NULL,
    "row" TEXT, first_seen BIGINT NOT NULL, last_seen BIGINT NOT NULL, attempts BIGINT NOT NULL,
    closed BIGINT, PRIMARY KEY (sync, event_id, reason)
);
CREATE INDEX connector_rejects_by_event ON connector_rejects (event_id);
CREATE INDEX connector_rejects_by_time ON connector_rejects (sync, last_seen);
INSERT INTO connector_version VALUES (1);
INSERT INTO connector_syncs VALUES ('orders', '{{"key"\\:"id"}}');
INSERT INTO connector_watermarks VALUES ('orders', 'live', '', '7');
INSERT INTO connector_rejects
VALUES ('orders', 'e1', 'r', 'live', 'run-0', 'no', '[1]', '{{"a"\\:1}}', 1000000, 2000000, 3, null)
"""


def first(url: str) -> None:
    """Make a store of the first schema with a sync and a reject in it."""
    sqlite = url.startswith("sqlite")
    if sqlite:
        Path(sa.make_url(url).database or "").parent.mkdir(parents=True, exist_ok=True)
    words = (
        {"clustered": "WITHOUT ROWID", "bytes": "BLOB", "false": "0"}
        if sqlite
        else {"clustered": "", "bytes": "BYTEA", "false": "false"}
    )
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        for statement in FIRST.format(**words).split(";\n"):
            connection.execute(sa.text(statement))


def shape(url: str) -> dict[str, object]:
    """Return the columns and the key of every table, and the statements that make the indexes."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    indexes = (
        "select name, sql from sqlite_master where type = 'index' and sql is not null"
        if url.startswith("sqlite")
        else "select indexname, indexdef from pg_indexes where schemaname = 'public'"
    )
    with engine.connect() as connection:
        found = sa.inspect(connection)
        tables = {
            name: (
                sorted(
                    (one["name"], str(one["type"]), one["nullable"], one["default"])
                    for one in found.get_columns(name)
                ),
                found.get_pk_constraint(name)["constrained_columns"],
            )
            for name in found.get_table_names()
        }
        return {**tables, **dict(connection.execute(sa.text(indexes)).all())}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_migrated_store_is_like_a_new_one(kind, request, tmp_path):
    with (
        state_place(kind, request, tmp_path / "old") as old,
        state_place(kind, request, tmp_path / "new") as fresh,
    ):
        first(old)
        for url in (old, fresh):
            StateStore.open(url).close()
        migrated, new = shape(old), shape(fresh)
    assert migrated.keys() == new.keys()
    for name, table in new.items():
        assert migrated[name] == table


def test_what_was_stored_is_there_after_a_migration(state_url):
    """Old rejects have neither version nor mapping; they are found by their keys and closed like new ones."""
    first(state_url)
    with StateStore.open(state_url) as store:
        [kept] = store.list_rejects("orders")
        assert kept.reject == Reject("r", "no", "e1", "[1]", '{"a":1}')
        assert (kept.attempts, kept.last_seen.timestamp()) == (3, 2)
        assert (store.watermark("orders"), store.fingerprint("orders")) == ({"": 7}, {"key": "id"})
        assert (store.open_reject_keys("orders"), store.forgotten("orders"), store.learned("a")) == (
            ["[1]"],
            (),
            {},
        )
        with store.acquire("orders", ttl=dt.timedelta(seconds=60)) as lease:
            store.start_run(lease, "run-1")
            again = Reject("r", "still no", "e1", "[1]", version="2", mapping="m")
            store.commit(lease, "run-1", Commit(rejects=(again,)))
            assert [one.reject for one in store.list_rejects("orders")] == [again]
            store.commit(lease, "run-1", Commit(closed=("[1]",)))
        assert store.count_rejects("orders") == 0
        assert store.count_rejects(RejectFilter("orders", closed=True)) == 1


def test_a_migration_happens_once(state_url):
    """A second opening finds the new version; a file has its old self beside it."""
    first(state_url)
    for _ in range(2):
        with StateStore.open(state_url) as store, store._database.engine.begin() as connection:
            versions = connection.execute(sa.text("select version from connector_version")).scalars().all()
            assert list(versions) == [VERSION]
    if state_url.startswith("sqlite"):
        path = Path(sa.make_url(state_url).database or "")
        assert sorted(file.name for file in path.parent.iterdir()) == [path.name, f"{path.name}.v1.bak"]
