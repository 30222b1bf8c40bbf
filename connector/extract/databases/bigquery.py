"""BigQuery, through ADBC."""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL

from connector.errors import ConfigError, ConnectorError
from connector.extract.databases.adbc import AdbcReader, missing_driver, options_of
from connector.extract.databases.adbc_values import chunk_of, fitting, in_order, one_of, utc, whole
from connector.extract.databases.bigquery_errors import translate
from connector.extract.databases.bigquery_types import LITERALS, column_of
from connector.extract.databases.reader import CURSOR, Chunk, Column, Raw, Statement, Traits
from connector.extract.databases.relation import Relation

_OPTIONS = ("location", "credentials_file", "billing_project")
_SQL = "adbc.bigquery.sql"
# A column beside those that are described.
_ONE = "connector_one"
_TIMESTAMP = "%Y-%m-%d %H:%M:%E6S"


class BigqueryReader(AdbcReader):
    """One client of one project; a statement is a job, and its result is read from where BigQuery keeps it."""

    traits = Traits(paged=False, every="mod({number}, {size}) = 0")

    def connect(self) -> None:
        """Connect.

        Raises:
            ConfigError: the driver is not installed, or the URL names no project.
            CredentialsError: no credentials are found.
        """
        try:
            from adbc_driver_bigquery import dbapi
        except ImportError:
            raise missing_driver("BigQuery", "bigquery") from None
        settings = settings_of(self._url)
        with self._translated():
            self._connection = dbapi.connect(settings, autocommit=True)
        self.fetch("select 1")  # the client itself asks nobody whether it may read

    def statement_options(self) -> Mapping[str, str] | None:
        """The dataset of names that name none."""
        if not self._url.database:
            return None
        return {
            f"{_SQL}.query.default_project_id": str(self._url.host),
            f"{_SQL}.query.default_dataset_id": self._url.database,
        }

    def describe(self, relation: Relation, cursor_sql: str | None) -> tuple[Column, ...]:
        """Columns with the types of a result of one row: of one without rows the driver tells none."""
        extra = f", ({cursor_sql}) as {CURSOR}" if cursor_sql else ""
        source = self.named(relation.parts) if relation.parts else f"({relation.query}\n) connector_query"
        none = f"select *{extra}, 1 as {_ONE} from {source} where false"
        sql = (
            f"select connector_right.* from (select 1 as {_ONE}) connector_left"
            f" left join ({none}) connector_right on connector_left.{_ONE} = connector_right.{_ONE}"
        )
        with self._cursor() as cursor:
            cursor.execute(sql)
            schema = cursor.fetch_record_batch().schema
        return tuple(
            column_of(field, f"({cursor_sql})" if field.name == CURSOR else self.quote(field.name))
            for field in schema
            if field.name != _ONE
        )

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement with a small result."""
        with self._cursor() as cursor:
            cursor.execute(sql)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            whole(len(rows), cursor.rowcount)
            return rows

    def stream(self, statement: Statement) -> Generator[Chunk]:
        """Run a statement; that all rows come, and in order, is looked at here.

        The driver ends a result without a word where it cannot go on, and takes several streams, whose rows mingle, for
        one where it does not see that a statement has an order.
        """
        with self._cursor() as cursor:
            cursor.execute(statement.sql)
            found, last = 0, None
            for batch in cursor.fetch_record_batch():
                found += batch.num_rows
                rows = fitting(batch, statement)
                for first in range(0, batch.num_rows, rows):
                    self._stop_if_asked()
                    chunk = chunk_of(batch.slice(first, rows), statement)
                    last = in_order(chunk, statement, last)
                    yield chunk
            self._stop_if_asked()
            whole(found, cursor.rowcount)

    def tables(self) -> list[str]:
        """Tables and views of the dataset."""
        if not self._url.database:
            return []
        return [str(name) for (name,) in self.fetch("select table_name from information_schema.tables")]

    def literal(self, raw: Raw) -> str:
        """Write a value in its own type."""
        return one_of(LITERALS, raw)

    def as_text(self, native: str, sql: str) -> str:
        """Times in UTC with all digits, bytes in hexadecimal ones."""
        if native == "timestamp":
            return f"format_timestamp('{_TIMESTAMP}', {sql}, 'UTC')"
        if native == "datetime":
            return f"format_datetime('{_TIMESTAMP}', {sql})"
        return f"to_hex({sql})" if native == "bytes" else f"cast({sql} as string)"

    def quote(self, name: str) -> str:
        """Quote a name; a backslash begins an escape here too."""
        return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"

    def clock(self) -> dt.datetime:
        """BigQuery's clock."""
        ((now,),) = self.fetch(f"select format_timestamp('{_TIMESTAMP}', current_timestamp(), 'UTC')")
        return utc(now)

    def translate(self, error: Exception) -> ConnectorError:
        """Turn one error of the driver into ours."""
        return translate(error, self._url)


def settings_of(url: URL) -> dict[str, str]:
    """The driver's settings for ``bigquery://project/dataset?location=…&credentials_file=…``.

    Without `credentials_file` the usual chain is asked: ``GOOGLE_APPLICATION_CREDENTIALS``, gcloud, the machine's own.

    Raises:
        ConfigError: the project is missing, an option is not known, or the file is not there.
    """
    options = options_of(url, _OPTIONS)
    if not url.host:
        raise ConfigError(
            "source.url names no project.", hint="write bigquery://project/dataset", path="source.url"
        )
    if url.username or url.password:
        raise ConfigError(
            "BigQuery knows no user and no password.",
            hint="set GOOGLE_APPLICATION_CREDENTIALS, or ?credentials_file=path in source.url",
            path="source.url",
        )
    settings = {f"{_SQL}.project_id": options.get("billing_project", url.host)}
    if url.database:
        settings[f"{_SQL}.dataset_id"] = url.database
    if "location" in options:
        settings[f"{_SQL}.location"] = options["location"]
    if "credentials_file" in options:
        path = Path(options["credentials_file"]).expanduser()
        if not path.is_file():
            raise ConfigError(
                "The file that credentials_file names is not there.",
                hint="give the path of a service account's key",
                path="source.url",
            )
        settings[f"{_SQL}.auth_type"] = f"{_SQL}.auth_type.json_credential_file"
        settings[f"{_SQL}.auth_credentials"] = str(path)
    return settings
