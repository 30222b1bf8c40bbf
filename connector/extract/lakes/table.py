"""What a lake table is to whoever reads it: versions, and the data files of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import pyarrow as pa
from pyarrow import fs as pafs

from connector.errors import ConfigError, GuardTripped

# The version before a table's first one.
NOTHING = -1


@dataclass(frozen=True, slots=True)
class DataFile:
    """A data file, which never changes.

    Attributes:
        version: the version that added it, or as part of which it is read.
        path: its name in that version; files of one version are read in this order.
        full: as the file system knows it.
        size: bytes, or None where the table does not tell.
        rows: number of rows, or None where the table does not tell.
        constants: column -> the value that all of its rows have, such as a partition's.
    """

    version: int
    path: str
    full: str
    size: int | None
    rows: int | None
    constants: Mapping[str, pa.Scalar]


class Projection(Protocol):
    """Where the columns of a table stand in one data file."""

    def names(self, wanted: Sequence[str]) -> list[str]:
        """Return the names that the wanted columns have in the file, those that it holds."""

    def schema(self) -> pa.Schema:
        """The columns of the table that the file holds, under their names in the table."""

    def __call__(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Return rows of the file under the table's names."""


class Table(Protocol):
    """A table, opened at the newest version that a run looks at.

    Attributes:
        filesystem: where the data files are.
        name: the table's address, without credentials.
        version: the newest version that is looked at.
        word: what a version is called.
    """

    filesystem: pafs.FileSystem
    name: str
    version: int
    word: str

    def schema(self) -> pa.Schema:
        """The columns at `version`."""

    def id(self, version: int) -> str:
        """Return what tells the table from another one that may come to stand at its address, as of a version."""

    def start(self, text: str) -> int:
        """Return the version before the one that a person wrote as ``source.start``, `NOTHING` before the first.

        Raises:
            ConfigError: it is none of this table.
        """

    def order(self, version: int) -> int:
        """Return the place of a version among those up to `version`; the place before the first for `NOTHING`.

        Raises:
            GuardTripped: it is none of them.
        """

    def files(self, version: int) -> list[DataFile]:
        """Return all files of a version, in the order of their paths.

        Raises:
            GuardTripped: what tells of that version is gone.
            ConfigError: they cannot be read exactly.
        """

    def added(self, after: int, through: int) -> list[DataFile]:
        """Return the files with new or changed rows that versions (after, through] added, in order of versions and paths.

        Files whose rows later ones of these versions hold again, changed or not, are left out.

        Raises:
            GuardTripped: what tells of these versions is gone.
            ConfigError: they cannot be read exactly.
        """

    def projection(self, schema: pa.Schema) -> Projection:
        """Return where the table's columns stand in a file with the given schema."""


def history_gone(name: str, what: str) -> GuardTripped:
    """The refusal of a table that no longer tells what was added since the last run."""
    return GuardTripped(
        f"{name}: {what}: what was added since the last run cannot be told exactly; nothing was sent",
        hint="begin anew with the whole table (connector state reset), or from a version that is still there "
        "(source.start beside the reset); keep the table's history longer than the time between two runs",
    )


def file_gone(name: str, path: str, word: str, version: int) -> GuardTripped:
    """The refusal of a table whose older files were removed before a run came to read them."""
    return history_gone(name, f"{path}, a data file of {word} {version}, is gone (vacuumed)")


def unreadable(name: str, what: str, hint: str) -> ConfigError:
    """The refusal of a table that would be read wrongly."""
    return ConfigError(f"{name}: {what}", hint=hint, path="source")


def another_table(name: str) -> GuardTripped:
    """The refusal of a table that has taken the place of the one the state knows."""
    return GuardTripped(
        f"{name} is another table than in the last run: it was dropped and made again; nothing was sent",
        hint="begin anew with the new one: connector state reset",
    )


def milliseconds(text: str) -> int:
    """Return a time that a person wrote as milliseconds since 1970.

    Raises:
        ConfigError: it is none, or names no zone.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        hint = "write it as 2026-11-01T00:00:00Z"
        raise ConfigError("no time", hint=hint, path="source.as_of") from error
    if moment.tzinfo is None:
        raise ConfigError(
            "the time names no zone", hint="write it as 2026-11-01T00:00:00Z", path="source.as_of"
        )
    return int(moment.timestamp() * 1000)
