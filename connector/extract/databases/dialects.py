"""Which reader a URL gets."""

from __future__ import annotations

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from connector.errors import ConfigError
from connector.extract.databases.reader import Reader


def url_of(text: str) -> URL:
    """Parse the URL of a source.

    Raises:
        ConfigError: it is none.
    """
    try:
        # libpq writes the scheme both ways.
        return make_url(
            "postgresql://" + text.removeprefix("postgres://") if text.startswith("postgres://") else text
        )
    except (ArgumentError, ValueError):
        raise ConfigError(
            "source.url is not a URL.",
            hint="write dialect://user:password@host:port/database",
            path="source.url",
        ) from None


def reader_for(url: URL, timezone: str) -> Reader:
    """The reader for the dialect of `url`."""
    dialect = url.get_backend_name()
    if dialect == "sqlite":
        from connector.extract.databases.sqlite import SqliteReader

        return SqliteReader(url, timezone)
    if dialect == "duckdb":
        from connector.extract.databases.duckdb import DuckdbReader

        return DuckdbReader(url)
    if dialect == "postgresql" and url.drivername in {"postgresql", "postgresql+adbc"}:
        from connector.extract.databases.postgres import PostgresReader

        return PostgresReader(url)
    if dialect in {"mysql", "mariadb"}:
        from connector.extract.databases.mysql import MysqlReader

        return MysqlReader(url, timezone)
    return _warehouse(url) or _other(url, timezone)


def _warehouse(url: URL) -> Reader | None:
    if url.drivername in {"snowflake", "snowflake+adbc"}:
        from connector.extract.databases.snowflake import SnowflakeReader

        return SnowflakeReader(url)
    if url.drivername in {"bigquery", "bigquery+adbc"}:
        from connector.extract.databases.bigquery import BigqueryReader

        return BigqueryReader(url)
    return None


def _other(url: URL, timezone: str) -> Reader:
    from connector.extract.databases.alchemy import AlchemyReader

    return AlchemyReader(url, timezone)


def place_of(url: URL) -> str:
    """The dialect and the place of a URL, without credentials or options."""
    place = url.host or url.query.get("host", "")
    port = f":{url.port}" if url.port else ""
    return f"{url.get_backend_name()}://{place}{port}/{url.database or ''}"
