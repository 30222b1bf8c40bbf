"""Iceberg's catalogs: how a table is found, and what the library's errors mean to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.config.models import IcebergSource
from connector.errors import ConfigError, ConnectorError, CredentialsError, SourceError
from connector.extract.files.stores import access_error
from connector.extract.lakes.table import unreadable

if TYPE_CHECKING:
    from pyiceberg.table import Table as Loaded


def loaded(source: IcebergSource) -> Loaded:
    """Return the table, as its catalog has it now."""
    from pyiceberg.catalog import load_catalog

    if isinstance(source.catalog, str):
        return load_catalog(source.catalog).load_table(source.table)
    properties = dict(source.catalog)
    # Catalogs in a database have a name of their own there.
    return load_catalog(properties.pop("name", "default"), **properties).load_table(source.table)


def translated(error: Exception, name: str) -> ConnectorError:
    """Return what to tell a person about the library's error; it has one for each catalog and each store."""
    from pyiceberg import exceptions

    missing = (exceptions.NoSuchTableError, exceptions.NoSuchNamespaceError, exceptions.NoSuchIdentifierError)
    refused = (exceptions.UnauthorizedError, exceptions.ForbiddenError, exceptions.OAuthError)
    if isinstance(error, missing):
        return ConfigError(
            f"{name}: the catalog has no such table", hint="write namespace.table", path="source.table"
        )
    if isinstance(error, (*refused, exceptions.AuthorizationExpiredError)):
        hint = "check the credentials in source.catalog, or in the environment"
        return CredentialsError(f"{name}: the catalog refuses the credentials", hint=hint)
    text = str(error)
    if "equality delete" in text.lower() or ("delete" in text.lower() and "support" in text.lower()):
        what = "rows are deleted by delete files or deletion vectors, which are not supported"
        return unreadable(name, what, "rewrite the files without them (rewrite_data_files)")
    if isinstance(error, (ValueError, TypeError, NotImplementedError, KeyError, ImportError)):
        hint = "check source.catalog against the documentation of pyiceberg, and the table's format"
        return ConfigError(
            f"{name} cannot be opened ({type(error).__name__})", hint=hint, path="source.catalog"
        )
    if isinstance(error, OSError):
        return access_error(name, error)
    return SourceError(
        f"{name} cannot be reached ({type(error).__name__})", hint="check source.catalog and the network"
    )
