"""Which files a path stands for: listed, never opened."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from urllib.parse import unquote

from pyarrow import fs as pafs

from connector.config.models import Storage
from connector.errors import ConfigError
from connector.extract.files.stores import access_error, open_store, shown

NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
_GLOB = re.compile(r"[*?\[]")
_PARQUET_NAME = re.compile(r"(^[^.]+|\.(parquet|parq|pq))$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class File:
    """One file as listed.

    Attributes:
        path: under the root, with slashes: its name in the watermark.
        full: as the file system knows it.
        size: bytes.
        mtime: nanoseconds since 1970.
        partitions: column -> text, from ``column=text`` folders under the root; None is null.
    """

    path: str
    full: str
    size: int
    mtime: int
    partitions: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Dataset:
    """The files behind a path, sorted by `File.path`.

    Attributes:
        filesystem: where they are.
        name: the path or URI without credentials, as shown and as part of the source's identity.
        files: all of them, also those that are still being written.
        skipped: the number of files left out because their name is none of a Parquet file.
        partition_names: the columns that folders give.
    """

    filesystem: pafs.FileSystem
    name: str
    files: tuple[File, ...]
    skipped: int = 0
    partition_names: tuple[str, ...] = field(default=())


def list_dataset(path: str, storage: Storage | None = None) -> Dataset:
    """List what `path` stands for: a file, a glob (``**`` for any depth) or a folder, local or by URI.

    Hidden names (a leading ``.`` or ``_``) are left out, and in folders what is not named like a Parquet file.

    Raises:
        ConfigError: the path does not exist.
        SourceError: it cannot be listed.
        CredentialsError: the store refuses the credentials.
    """
    name = shown(path)
    try:
        filesystem, root, found = _find(path, storage or Storage())
        infos = list(found)
    except (OSError, ValueError) as error:  # pyarrow's errors are both
        raise access_error(name, error) from error
    named, folders = _naming(path), _Folders()
    files = [_file(info, root, folders) for info in infos if named(info.base_name)]
    files.sort(key=lambda file: file.path)
    distinct = {id(file.partitions): file.partitions for file in files}
    columns = dict.fromkeys(column for partitions in distinct.values() for column in partitions)
    return Dataset(filesystem, name, tuple(files), len(infos) - len(files), tuple(columns))


def partition_names(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the columns that the folders of files give, in the order in which they come."""
    folders = _Folders()
    distinct = dict.fromkeys(path.rpartition("/")[0] for path in sorted(paths))
    return tuple(dict.fromkeys(column for each in distinct for column in folders[each]))


def nothing(dataset: Dataset) -> ConfigError:
    """Return the error for a path that matches no file."""
    name = dataset.name
    if dataset.skipped:
        message = (
            f"{name}: {dataset.skipped} files, but none is named like a Parquet file (.parquet, .parq, .pq)"
        )
        return ConfigError(message, hint="name them with a glob, such as folder/*.snappy", path="source.path")
    return ConfigError(f"{name} matches no file", hint="correct the path or the pattern", path="source.path")


def _find(path: str, storage: Storage) -> tuple[pafs.FileSystem, str, Iterable[pafs.FileInfo]]:
    """Return the file system, the root in its words and the files found."""
    fixed, segments = _split(path)
    filesystem, root = open_store(path, storage)
    if segments and filesystem.get_file_info(root).type is pafs.FileType.NotFound:
        filesystem, root = open_store(fixed, storage)
        # A share that is not mounted is no dataset whose files were removed; a store has no folders to miss, but buckets.
        local = isinstance(filesystem, pafs.LocalFileSystem)
        above = (root or "/") if local else root.partition("/")[0]
        if filesystem.get_file_info(above).type is pafs.FileType.NotFound:
            raise FileNotFoundError(fixed)
        return filesystem, root, _expand(filesystem, root, segments)
    info = filesystem.get_file_info(root)
    if info.type is pafs.FileType.File:
        return filesystem, root.rpartition("/")[0], [info]
    if info.type is pafs.FileType.NotFound:
        raise FileNotFoundError(path)
    return filesystem, root, _under(filesystem, root)


def _split(path: str) -> tuple[str, list[str]]:
    """Split a path into the part without wildcards and the segments from the first wildcard on."""
    body, mark, options = path.partition("?") if "://" in path else (path, "", "")
    segments = body.replace(os.sep, "/").split("/")
    first = next((i for i, segment in enumerate(segments) if _GLOB.search(segment)), len(segments))
    return "/".join(segments[:first]) + mark + options, segments[first:]


def _expand(filesystem: pafs.FileSystem, folder: str, segments: list[str]) -> Iterator[pafs.FileInfo]:
    """Yield the files that the wildcard segments match below `folder`; a matched folder stands for its files."""
    head, *rest = segments
    if head == "**":
        pattern = _regex(rest or ["*"])
        yield from (i for i in _under(filesystem, folder) if pattern.fullmatch(i.path[len(folder) + 1 :]))
        return
    for info in filesystem.get_file_info(pafs.FileSelector(folder, allow_not_found=True)):
        if not fnmatchcase(info.base_name, head) or (_hidden(info.base_name) and head[0] not in "._"):
            continue
        if info.type is pafs.FileType.Directory:
            yield from _expand(filesystem, info.path, rest) if rest else _under(filesystem, info.path)
        elif not rest:
            yield info


def _regex(segments: list[str]) -> re.Pattern[str]:
    """What follows a ``**``, which itself stands for any number of folders."""
    text = "(?:.*/)?"
    for i, segment in enumerate(segments):
        last = i == len(segments) - 1
        if segment == "**":
            text += ".*" if last else "(?:.*/)?"
            continue
        pieces = re.split(r"(\*|\?|\[[^\]]+\])", segment)
        text += "".join(
            _WILD.get(p, p.replace("[!", "[^") if p.startswith("[") else re.escape(p)) for p in pieces
        )
        text += "" if last else "/"
    return re.compile(text)


_WILD = {"*": "[^/]*", "?": "[^/]"}


def _under(filesystem: pafs.FileSystem, folder: str) -> Iterator[pafs.FileInfo]:
    start, hidden = len(folder) + 1, _HiddenFolders()
    for info in filesystem.get_file_info(pafs.FileSelector(folder, recursive=True)):
        if info.type is not pafs.FileType.File:
            continue
        above, _, name = info.path[start:].rpartition("/")
        if not _hidden(name) and not hidden[above]:
            yield info


class _HiddenFolders(dict[str, bool]):
    """Whether a path of folders leads through a hidden one; each is looked at once, however many files it has."""

    def __missing__(self, folders: str) -> bool:
        self[folders] = any(map(_hidden, folders.split("/")))
        return self[folders]


def _hidden(name: str) -> bool:
    """Whether writers use such names for what is no data; ``_day=1`` is a partition, not hidden."""
    return name.startswith(".") or (name.startswith("_") and "=" not in name)


def _naming(path: str) -> Callable[[str], bool]:
    """Return what tells which names to read: in folders Parquet's; what a glob or a path names outright is always read."""
    body = path.partition("?")[0] if "://" in path else path.replace(os.sep, "/")
    last = body.rpartition("/")[2]
    pattern = last if last != "**" and _GLOB.search(last) else None

    def named(name: str) -> bool:
        if name.endswith(".parquet") or name == last or _PARQUET_NAME.search(name):
            return True
        return pattern is not None and fnmatchcase(name, pattern)

    return named


class _Folders(dict[str, Mapping[str, str | None]]):
    """The partitions that a path of folders gives; each is taken apart once, however many files it has."""

    def __missing__(self, folders: str) -> Mapping[str, str | None]:
        pairs = (segment.partition("=") for segment in folders.split("/") if "=" in segment)
        self[folders] = {
            unquote(column): None if text == NULL_PARTITION else unquote(text) for column, _, text in pairs
        }
        return self[folders]


def _file(info: pafs.FileInfo, root: str, folders: _Folders) -> File:
    full = info.path
    path = full[len(root) + 1 :]
    return File(path, full, info.size, info.mtime_ns or 0, folders[path.rpartition("/")[0]])
