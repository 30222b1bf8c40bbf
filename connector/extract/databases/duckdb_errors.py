"""What DuckDB raises, in this program's words: its own quote values of rows."""

from __future__ import annotations

import duckdb

from connector.errors import ConfigError, ConnectorError, SourceError, Stopped
from connector.extract.quotations import without_values


def translate(error: duckdb.Error, path: str) -> ConnectorError:
    """Turn an error of DuckDB into ours; `path` names the file."""
    said = without_values(str(error).splitlines()[0]) if str(error) else ""
    if isinstance(error, duckdb.InterruptException):
        return Stopped("Reading was stopped.")
    if isinstance(error, duckdb.CatalogException | duckdb.BinderException | duckdb.ParserException):
        return ConfigError(
            f"DuckDB refuses the statement: {said}", hint="check source.table, query, where and cursor"
        )
    if isinstance(error, duckdb.IOException | duckdb.SerializationException | duckdb.FatalException):
        if "not a valid DuckDB" in str(error) or "magic bytes" in str(error):
            return ConfigError(
                f"{path} is no DuckDB database of this version.", hint="check source.url", path="source.url"
            )
        if "lock" in said:
            return SourceError(
                f"Another process has {path} open for writing.", hint="try again when it is closed"
            )
        return SourceError(f"Reading {path} failed: {said}", hint="check the file")
    return SourceError(
        f"Reading {path} failed ({type(error).__name__}).",
        hint="a value in the source may have broken the statement",
    )
