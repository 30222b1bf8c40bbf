"""File systems behind paths and addresses, and what their errors mean to a person."""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit, urlunsplit

from pyarrow import fs as pafs

from connector.config.models import Storage
from connector.errors import ConfigError, ConnectorError, CredentialsError, SourceError

_REFUSED = re.compile(
    r"ACCESS_DENIED|Access ?Denied|InvalidAccessKeyId|SignatureDoesNotMatch|Forbidden|\b40[13]\b|InvalidToken|ExpiredToken"
)


def open_store(path: str, storage: Storage) -> tuple[pafs.FileSystem, str]:
    """Return the file system of a local path or an address, and the path in its words.

    Raises:
        OSError, ValueError: as `pyarrow.fs` does.
    """
    if "://" not in path:
        absolute = os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 - a pattern, perhaps no path
        return pafs.LocalFileSystem(), absolute.replace(os.sep, "/").rstrip("/")
    if path.startswith(("s3://", "s3a://")) and storage != Storage():
        uri = urlsplit(path)
        options = {"anonymous": storage.anonymous, "region": storage.region}
        if storage.endpoint is not None:
            options["endpoint_override"] = storage.endpoint
        return pafs.S3FileSystem(**options), f"{uri.netloc}{uri.path}".rstrip("/")
    filesystem, root = pafs.FileSystem.from_uri(path)
    return filesystem, root.rstrip("/")


def shown(path: str) -> str:
    """The path without user, password and options (a URI's query may hold keys)."""
    if "://" not in path:
        return os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 - a pattern, perhaps no path
    uri = urlsplit(path)
    return urlunsplit((uri.scheme, uri.netloc.rpartition("@")[2], uri.path.rstrip("/"), "", ""))


def access_error(name: str, error: Exception) -> ConnectorError:
    """Return what to tell a person about a file system's `error` on `name`."""
    if isinstance(error, FileNotFoundError):
        return ConfigError(f"{name} does not exist", hint="correct the path", path="source.path")
    if isinstance(error, PermissionError):
        return SourceError(f"{name} may not be read", hint="let this user read it (chmod, chown)")
    if _REFUSED.search(str(error)):
        return CredentialsError(
            f"{name}: the store refuses the credentials", hint="check keys and bucket policy"
        )
    return SourceError(
        f"{name} cannot be reached ({type(error).__name__})", hint="check the path and the network"
    )
