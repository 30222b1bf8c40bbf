"""Rejects taken elsewhere: ``connector rejects export``."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from connector import console, wiring
from connector.config.models import Sync
from connector.errors import ConfigError
from connector.model import Reject
from connector.rejecting import as_json, flat
from connector.state.rejects import RejectFilter, StoredReject

# Rejects in memory at once, of a store and in a file: their rows may be as large as a request.
_PAGE = 100
_GROUP_ROWS = 10_000
_GROUP_BYTES = 8_000_000


def export(sync: Sync, state: str, meant: RejectFilter, to: Path | None) -> None:
    """Write rejects as NDJSON to standard output, or into a file, which is Parquet if it is named so.

    A file appears whole or not at all, for its owner alone.

    Raises:
        ConfigError: the file cannot be written.
    """
    with wiring.open_store(state, read_only=True) as store:
        found = store.iterate_rejects(meant, page=_PAGE)
        if to is None:
            _print(found)
            return
        try:
            count = _write_whole(to, found)
        except OSError as error:
            raise ConfigError(
                f"cannot write {to}: {os.strerror(error.errno or 0)}", hint="give --to another path"
            ) from None
    console.say(f"{sync.sync}: {count:,} rejects written to {to}")


def _print(found: Iterable[StoredReject]) -> None:
    try:
        for group in _groups(found):
            console.raw("".join(_ndjson(group)))
    except BrokenPipeError:
        # Whoever reads this has seen enough, such as `head`. Python would complain once more on leaving.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write_whole(to: Path, found: Iterable[StoredReject]) -> int:
    """Write beside the target, readable by its owner alone, and put it in place when it is done."""
    descriptor, name = tempfile.mkstemp(dir=to.parent, prefix=f".{to.name}.", suffix=".part")
    beside = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            write = _write_parquet if to.suffix == ".parquet" else _write_ndjson
            count = write(file, _groups(found))
        beside.replace(to)
    finally:
        beside.unlink(missing_ok=True)
    return count


def _groups(found: Iterable[StoredReject]) -> Iterator[list[StoredReject]]:
    """Gather rejects into groups that are bounded in number and in bytes."""
    group: list[StoredReject] = []
    size = 0
    for one in found:
        group.append(one)
        size += len(one.reject.row or "") + len(one.reject.message) + 500
        if len(group) == _GROUP_ROWS or size > _GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _ndjson(group: Iterable[StoredReject]) -> Iterator[str]:
    return (f"{console.exact_json(as_json(one))}\n" for one in group)


def _write_ndjson(file: BinaryIO, groups: Iterable[list[StoredReject]]) -> int:
    count = 0
    for group in groups:
        file.writelines(line.encode("utf-8") for line in _ndjson(group))
        count += len(group)
    return count


def _write_parquet(file: BinaryIO, groups: Iterable[list[StoredReject]]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    when = pa.timestamp("us", tz="UTC")
    special = {"first_seen": when, "last_seen": when, "closed": when, "attempts": pa.int64()}
    names = [*Reject.__slots__, *(name for name in StoredReject.__slots__ if name != "reject")]
    schema = pa.schema([(name, special.get(name, pa.string())) for name in names])
    count = 0
    with pq.ParquetWriter(file, schema) as writer:
        for group in groups:
            writer.write_table(pa.Table.from_pylist([flat(one) for one in group], schema))
            count += len(group)
    return count
