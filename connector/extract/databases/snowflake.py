"""Snowflake, through ADBC."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from urllib.parse import quote_plus

import pyarrow as pa
from sqlalchemy.engine import URL

from connector.errors import ConfigError, ConnectorError
from connector.extract.databases.adbc import AdbcReader, missing_driver, options_of
from connector.extract.databases.adbc_values import one_of, utc
from connector.extract.databases.reader import CURSOR, Column, Raw
from connector.extract.databases.relation import Relation
from connector.extract.databases.snowflake_errors import translate
from connector.extract.databases.snowflake_types import FORM, LITERALS, TIMES, column_of, time_output

_OPTIONS = (
    "warehouse", "role", "authenticator", "private_key_file", "private_key_passphrase", "token", "host", "port", "protocol",
)  # fmt: skip
_AUTHENTICATORS = {
    "snowflake": "auth_snowflake",
    "oauth": "auth_oauth",
    "externalbrowser": "auth_ext_browser",
    "snowflake_jwt": "auth_jwt",
    "programmatic_access_token": "auth_pat",
}
# What a session is, whatever the account's own settings are: literals and clocks depend on it.
_SESSION = {
    "TIMEZONE": "UTC",
    "TIMESTAMP_INPUT_FORMAT": "AUTO",
    "DATE_INPUT_FORMAT": "AUTO",
    "TIME_INPUT_FORMAT": "AUTO",
    "BINARY_INPUT_FORMAT": "HEX",
}
_CLIENT = "adbc.snowflake.sql.client_option"
_TABLES = """
select table_schema || '.' || table_name from information_schema.tables where table_schema <> 'INFORMATION_SCHEMA'"""


class SnowflakeReader(AdbcReader):
    """One session in UTC, whose statements commit at once."""

    def __init__(self, url: URL) -> None:
        super().__init__(url)
        self._upper: set[tuple[str, ...]] = set()

    def connect(self) -> None:
        """Connect.

        Raises:
            ConfigError: the driver is not installed, or the URL holds an option that is not known.
            CredentialsError: the account refuses the user, the password or the key.
            SourceError: the account cannot be reached.
        """
        try:
            from adbc_driver_snowflake import dbapi
        except ImportError:
            raise missing_driver("Snowflake", "snowflake") from None
        settings = settings_of(self._url)
        with self._translated():
            self._connection = dbapi.connect(db_kwargs=settings, autocommit=True)

    def describe(self, relation: Relation, cursor_sql: str | None) -> tuple[Column, ...]:
        """Columns with the types that the server gives its result; names are the server's, so mostly in capitals."""
        try:
            schema = self._schema(relation, cursor_sql)
        except ConfigError:
            capitals = tuple(part.upper() for part in relation.parts)
            if capitals == relation.parts or self._exists(relation.parts):
                raise
            self._upper.add(relation.parts)
            schema = self._schema(relation, cursor_sql)
        return tuple(
            column_of(field, f"({cursor_sql})" if field.name == CURSOR else self.quote(field.name))
            for field in schema
        )

    def _schema(self, relation: Relation, cursor_sql: str | None) -> pa.Schema:
        extra = f', ({cursor_sql}) as "{CURSOR}"' if cursor_sql else ""
        source = self.named(relation.parts) if relation.parts else f"({relation.query}\n) connector_query"
        with self._cursor() as cursor:
            return cursor.adbc_execute_schema(f"select *{extra} from {source}")

    def _exists(self, parts: tuple[str, ...]) -> bool:
        try:
            self.fetch(f"select 1 from {self.named(parts)} limit 0")
        except ConfigError:
            return False
        return True

    def named(self, parts: tuple[str, ...]) -> str:
        """The name of a table; one that is only there in capitals is taken for that, as the server itself does."""
        found = tuple(part.upper() for part in parts) if parts in self._upper else parts
        return ".".join(map(self.quote, found))

    def tables(self) -> list[str]:
        """Tables and views that this role can see, with their schemas."""
        return [str(name) for (name,) in self.fetch(_TABLES)]

    def literal(self, raw: Raw) -> str:
        """Write a value in its own type."""
        return one_of(LITERALS, raw)

    def as_text(self, native: str, sql: str) -> str:
        """Times with all digits, bytes in hexadecimal ones."""
        if native in TIMES:
            return time_output(native, sql)
        return f"lower(hex_encode({sql}))" if native == "binary" else f"({sql})::varchar"

    def clock(self) -> dt.datetime:
        """The server's clock."""
        ((now,),) = self.fetch(f"select to_varchar(sysdate(), {FORM})")
        return utc(now)

    def translate(self, error: Exception) -> ConnectorError:
        """Turn one error of the driver into ours."""
        return translate(error, self._url)


def settings_of(url: URL) -> dict[str, str]:
    """The driver's settings for ``snowflake://user:password@account/database/schema?warehouse=…&role=…``.

    Raises:
        ConfigError: the account or the user is missing, or an option is not known.
    """
    options = options_of(url, _OPTIONS)
    if not url.host or not url.username:
        raise ConfigError(
            "source.url names no account or no user.",
            hint="write snowflake://user:password@account/database/schema?warehouse=name",
            path="source.url",
        )
    database, _, schema = (url.database or "").partition("/")
    place = options.get("host", f"{url.host}.snowflakecomputing.com")
    port = options.get("port", "443")
    parameters = "&".join(f"{name}={quote_plus(value)}" for name, value in _SESSION.items())
    settings = {
        # What the driver has no option of its own for is told in its own kind of address; options go before it.
        "uri": f"user:password@{place}:{port}?account={quote_plus(url.host)}&{parameters}",
        "username": url.username,
        "password": url.password or "",
        "adbc.snowflake.sql.account": url.host,
        "adbc.snowflake.sql.uri.protocol": options.get("protocol", "https"),
        "adbc.snowflake.sql.uri.host": place,
        "adbc.snowflake.sql.uri.port": port,
        "adbc.snowflake.sql.db": database,
        "adbc.snowflake.sql.schema": schema.strip("/"),
        "adbc.snowflake.sql.warehouse": options.get("warehouse", ""),
        "adbc.snowflake.sql.role": options.get("role", ""),
        f"{_CLIENT}.app_name": "intempt-connector",
        f"{_CLIENT}.login_timeout": "30s",
        f"{_CLIENT}.keep_session_alive": "true",
        f"{_CLIENT}.disable_telemetry": "true",
        # Nanoseconds since 1970 end in 2262, and 9999-12-31 is what many a warehouse writes for "still valid".
        f"{_CLIENT}.max_timestamp_precision": "microseconds",
    }
    return {name: value for name, value in (settings | _authentication(options)).items() if value}


def _authentication(options: dict[str, str]) -> dict[str, str]:
    named = options.get(
        "authenticator", "snowflake_jwt" if "private_key_file" in options else "snowflake"
    ).lower()
    if named not in _AUTHENTICATORS:
        raise ConfigError(
            "The authenticator in source.url is not known.",
            hint=f"known are {', '.join(_AUTHENTICATORS)}",
            path="source.url",
        )
    found = {"adbc.snowflake.sql.auth_type": _AUTHENTICATORS[named]}
    if "token" in options:
        found[f"{_CLIENT}.auth_token"] = options["token"]
    if "private_key_file" in options:
        try:
            key = Path(options["private_key_file"]).expanduser().read_text("ascii")
        except (OSError, ValueError):
            raise ConfigError(
                "The file that private_key_file names cannot be read.",
                hint="give the path of a private key in PKCS 8 (PEM)",
                path="source.url",
            ) from None
        found[f"{_CLIENT}.jwt_private_key_pkcs8_value"] = key
        found[f"{_CLIENT}.jwt_private_key_pkcs8_password"] = options.get("private_key_passphrase", "")
    return found
