"""URLs of state stores: which there are, and how messages name them."""

from __future__ import annotations

import sqlalchemy as sa

from connector.errors import ConfigError


def parse(url: str) -> sa.URL:
    """Return the URL of a store, with the driver that it is reached by.

    Raises:
        ConfigError: it is neither of SQLite nor of PostgreSQL.
    """
    try:
        parsed = sa.make_url(
            url.replace("postgres://", "postgresql://", 1) if url.startswith("postgres://") else url
        )
    except sa.exc.ArgumentError:
        parsed = sa.URL.create("unknown")
    if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
        return parsed
    if parsed.drivername in ("postgresql", "postgresql+psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    raise ConfigError(
        "the state store's URL is neither of SQLite nor of PostgreSQL",
        hint="for example sqlite:///state.db or postgresql://user:password@host/database",
    )


def named(url: sa.URL) -> str:
    """Return how messages call a store: never with its user or password."""
    if url.get_backend_name() == "sqlite":
        return f"the state store {url.database or 'in memory'}"
    host = url.host or url.query.get("host") or "localhost"
    port = f":{url.port}" if url.port else ""
    return f"the state store {host}{port}/{url.database or ''}"
