"""File systems behind paths and addresses, and what their errors mean to a person."""

from __future__ import annotations

import os
import re
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from pyarrow import fs as pafs

from connector.config.models import Storage
from connector.errors import ConfigError, ConnectorError, CredentialsError, SourceError

_S3 = ("s3://", "s3a://")
_AZURE = ("abfs", "abfss")
# Words of the stores, with and without the underscores that pyarrow puts into them.
_REFUSED = re.compile(
    r"access_?denied|invalid_?access_?key|signature_?does_?not_?match|(invalid|expired|missing_?authentication)_?token"
    r"|unrecognized_?client|invalid_?client_?token|forbidden|authorizationfailure|authenticationfailed|\b40[13]\b"
    r"|necessary privileges|anonymous caller",
    re.IGNORECASE,
)
_NO_BUCKET = re.compile(r"no_?such_?bucket|containernotfound|bucket does not exist", re.IGNORECASE)
_CODE = re.compile(r"AWS Error ([A-Z_]+)")
CHAIN = (
    "credentials come from the environment (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY), a profile (AWS_PROFILE) or the "
    "machine's role; a public bucket needs storage: {anonymous: true}"
)


def open_store(path: str, storage: Storage) -> tuple[pafs.FileSystem, str]:
    """Return the file system of a local path or an address, and the path in its words.

    Raises:
        OSError, ValueError: as `pyarrow.fs` does.
    """
    if "://" not in path:
        absolute = os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 - a pattern, perhaps no path
        return pafs.LocalFileSystem(), absolute.replace(os.sep, "/").rstrip("/")
    if path.startswith(_S3) and storage != Storage():
        return _s3(path, storage)
    if path.startswith("az://"):
        return _azure(path)
    filesystem, root = pafs.FileSystem.from_uri(path)
    return filesystem, root.rstrip("/")


def _azure(path: str) -> tuple[pafs.FileSystem, str]:
    """An address that leaves the account to the environment."""
    account = os.environ.get("AZURE_STORAGE_ACCOUNT_NAME")
    if not account:
        hint = "set AZURE_STORAGE_ACCOUNT_NAME, or write abfs://container@account.dfs.core.windows.net/folder"
        raise ConfigError("az:// names no account", hint=hint, path="source.path")
    return pafs.AzureFileSystem(account), path.removeprefix("az://").rstrip("/")


def _s3(path: str, storage: Storage) -> tuple[pafs.FileSystem, str]:
    """What `from_uri` makes of an address, with what the configuration says over it."""
    uri = urlsplit(path)
    options: dict[str, object] = {
        name: value
        for name, value in parse_qsl(uri.query)
        if name in ("endpoint_override", "region", "scheme")
    }
    # An address takes this from the environment by itself, the file system's own options do not.
    environment = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint := storage.endpoint or environment:
        options["endpoint_override"] = endpoint
    if storage.region:
        options["region"] = storage.region
    if storage.anonymous:
        options["anonymous"] = True
    bucket = uri.netloc.rpartition("@")[2]
    return pafs.S3FileSystem(**options), f"{bucket}{uri.path}".rstrip("/")


def shown(path: str) -> str:
    """The path without user, password and options (a URI's query may hold keys)."""
    if "://" not in path:
        return os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 - a pattern, perhaps no path
    uri = urlsplit(path)
    user, _, place = uri.netloc.rpartition("@")
    if user and uri.scheme in _AZURE:  # there it is the container
        place = f"{user.partition(':')[0]}@{place}"
    return urlunsplit((uri.scheme, place, uri.path.rstrip("/"), "", ""))


def access_error(name: str, error: Exception) -> ConnectorError:
    """Return what to tell a person about a file system's `error` on `name`."""
    if isinstance(error, FileNotFoundError):
        return ConfigError(f"{name} does not exist", hint="correct the path", path="source.path")
    if isinstance(error, PermissionError):
        return SourceError(f"{name} may not be read", hint="let this user read it (chmod, chown)")
    text = str(error)
    if _NO_BUCKET.search(text):
        hint = "correct the bucket's name, storage.region or the endpoint"
        return ConfigError(f"{name}: there is no such bucket", hint=hint, path="source.path")
    if _REFUSED.search(text):
        aws = name.startswith(_S3) or " s3" in name
        return CredentialsError(
            f"{name}: the store refuses the credentials, or there are none",
            hint=f"check keys and bucket policy; {CHAIN}" if aws else "check keys and policies",
        )
    code = _CODE.search(text)
    what = code[1] if code else type(error).__name__
    return SourceError(
        f"{name} cannot be reached ({what})", hint="check the path, the endpoint and the network"
    )
