"""The log of a Delta table, one commit at a time: the library tells what a version holds, not what it brought."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyarrow import fs as pafs


@dataclass(frozen=True, slots=True)
class Added:
    """A data file as a commit adds it.

    Attributes:
        path: as in the log, percent-encoded.
        size: bytes.
        rows: number of rows, where the commit tells.
        partitions: column -> text, None for null.
        deleted: whether some of its rows are deleted by a deletion vector.
    """

    path: str
    size: int
    rows: int | None
    partitions: Mapping[str, str | None]
    deleted: bool


@dataclass(frozen=True, slots=True)
class Commit:
    """What one version brought.

    Attributes:
        added: files with new or changed rows.
        rewritten: paths of files whose rows were deleted, or are among `added`, changed or not.
        timestamp: milliseconds since 1970, 0 where it does not tell.
    """

    added: tuple[Added, ...]
    rewritten: frozenset[str]
    timestamp: int


def read_commit(filesystem: pafs.FileSystem, root: str, version: int) -> Commit:
    """Read one commit of the table at `root`.

    Raises:
        FileNotFoundError: it is not there (any more).
        OSError: it cannot be read.
        ValueError: it is no commit.
    """
    with filesystem.open_input_stream(f"{root}/_delta_log/{version:020d}.json") as stream:
        text = bytes(stream.read())
    actions = [json.loads(line) for line in text.splitlines() if line.strip()]
    info: dict[str, Any] = next((a["commitInfo"] for a in actions if a.get("commitInfo")), {})
    removed = {a["remove"]["path"]: a["remove"] for a in actions if a.get("remove")}
    added = [a["add"] for a in actions if a.get("add") and a["add"].get("dataChange", True)]
    # A deletion vector that grew deletes rows and brings none: its file stays, under its own path.
    shrunk = {add["path"] for add in added if _shrank(add, removed.get(add["path"]))}
    return Commit(
        tuple(_added(add) for add in added if add["path"] not in shrunk),
        frozenset(
            path for path, each in removed.items() if each.get("dataChange", True) and path not in shrunk
        ),
        info.get("inCommitTimestamp") or info.get("timestamp") or 0,
    )


def _shrank(add: Mapping[str, Any], removed: Mapping[str, Any] | None) -> bool:
    if removed is None or not add.get("deletionVector"):
        return False
    before = (removed.get("deletionVector") or {}).get("cardinality", 0)
    return bool(add["deletionVector"]["cardinality"] >= before)


def _added(add: Mapping[str, Any]) -> Added:
    stats = json.loads(add.get("stats") or "{}")
    return Added(
        add["path"],
        add["size"],
        stats.get("numRecords"),
        add.get("partitionValues") or {},
        bool(add.get("deletionVector")),
    )
