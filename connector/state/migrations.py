"""What turns the tables of one version of the schema into those of the next.

A step is written out and never changed again: the tables of `schema` go on, those of an old store do not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sqlalchemy as sa

_KEYS_OF_REJECTS = """
ALTER TABLE connector_rejects ADD COLUMN version TEXT DEFAULT '' NOT NULL;
ALTER TABLE connector_rejects ADD COLUMN mapping TEXT DEFAULT '' NOT NULL;
ALTER TABLE connector_intents ADD COLUMN replay BOOLEAN DEFAULT {no} NOT NULL;
CREATE INDEX connector_rejects_by_key ON connector_rejects (sync, substr("key", 1, 200)) WHERE closed IS NULL;
CREATE TABLE connector_forgotten (
    sync TEXT NOT NULL, kind TEXT NOT NULL, digest TEXT NOT NULL, at BIGINT NOT NULL,
    PRIMARY KEY (sync, kind, digest)
) {clustered};
CREATE TABLE connector_destinations (
    destination TEXT NOT NULL, learned TEXT DEFAULT '{{}}' NOT NULL, updated BIGINT NOT NULL,
    PRIMARY KEY (destination)
) {clustered}
"""


def _keys_of_rejects(connection: sa.Connection) -> None:
    """Let rejects be found by their key, and remember what was forgotten and what was learned."""
    # A table ordered by its key is SQLite's own, and so are truths that are numbers.
    clustered, no = ("WITHOUT ROWID", "0") if connection.dialect.name == "sqlite" else ("", "false")
    for statement in _KEYS_OF_REJECTS.format(clustered=clustered, no=no).split(";"):
        connection.exec_driver_sql(statement)


_SYNCED = """
ALTER TABLE connector_intents ADD COLUMN prints {binary};
ALTER TABLE connector_intents ADD COLUMN keys {binary};
CREATE TABLE connector_synced (
    sync TEXT NOT NULL, generation BIGINT NOT NULL, places BIGINT NOT NULL, prints BIGINT NOT NULL,
    next BIGINT NOT NULL, keyed BOOLEAN NOT NULL, PRIMARY KEY (sync)
) {clustered};
CREATE TABLE connector_segments (
    sync TEXT NOT NULL, generation BIGINT NOT NULL, place BIGINT NOT NULL, prints BIGINT NOT NULL,
    first BIGINT, data {binary} NOT NULL, keys {binary}, PRIMARY KEY (sync, generation, place)
)
"""


def _synced(connection: sa.Connection) -> None:
    """Keep what Track is known to have."""
    clustered, binary = ("WITHOUT ROWID", "BLOB") if connection.dialect.name == "sqlite" else ("", "BYTEA")
    for statement in _SYNCED.format(clustered=clustered, binary=binary).split(";"):
        connection.exec_driver_sql(statement)


_BACKFILLS = """
CREATE TABLE connector_backfills (
    backfill TEXT NOT NULL, sync TEXT DEFAULT '' NOT NULL, seam TEXT DEFAULT '{{}}' NOT NULL,
    asked TEXT DEFAULT '{{}}' NOT NULL, created BIGINT NOT NULL, paused BIGINT NOT NULL, ended BIGINT,
    PRIMARY KEY (backfill)
) {clustered};
CREATE INDEX connector_backfills_by_sync ON connector_backfills (sync, created);
CREATE TABLE connector_slices (
    backfill TEXT NOT NULL, place BIGINT NOT NULL, bounds TEXT DEFAULT '{{}}' NOT NULL, rows BIGINT NOT NULL,
    state TEXT DEFAULT 'planned' NOT NULL, attempts BIGINT NOT NULL, started BIGINT, updated BIGINT NOT NULL,
    worked BIGINT NOT NULL, run TEXT DEFAULT '' NOT NULL, counts TEXT DEFAULT '{{}}' NOT NULL, holding TEXT,
    error TEXT DEFAULT '' NOT NULL, PRIMARY KEY (backfill, place)
) {clustered};
CREATE INDEX connector_slices_by_state ON connector_slices (backfill, state, place);
CREATE TABLE connector_paces (
    destination TEXT NOT NULL, sender TEXT NOT NULL, live BIGINT NOT NULL, wanted BIGINT NOT NULL,
    granted BIGINT NOT NULL, expires BIGINT NOT NULL, PRIMARY KEY (destination, sender)
) {clustered}"""


def _backfills(connection: sa.Connection) -> None:
    """Keep the ledgers of backfills, and who sends to a destination."""
    clustered = "WITHOUT ROWID" if connection.dialect.name == "sqlite" else ""
    for statement in _BACKFILLS.format(clustered=clustered).split(";"):
        connection.exec_driver_sql(statement)


# version -> what makes it the next one. A step runs in the transaction that records the new version.
MIGRATIONS: Mapping[int, Callable[[sa.Connection], None]] = {1: _keys_of_rejects, 2: _synced, 3: _backfills}
