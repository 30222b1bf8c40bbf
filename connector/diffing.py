"""Mode diff: everything is read, what changed is sent, and what vanished is told of, where the configuration says how.

A row is present when its key was read, whatever became of the row. So only when the source has been read to its
proven end is it known what vanished, and only then are its items made: of the keys that synced has and nobody read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa

from connector.config.models import Sync
from connector.errors import GuardTripped
from connector.extract.sought import sought
from connector.feed import Maps
from connector.mapping.mapper import Mapper
from connector.model import EMPTY_WATERMARK, MappedBatch, SourceBatch
from connector.state.synced import Synced
from connector.synced import DELIVERED, GONE

# Vanished rows in one batch.
_ROWS = 10_000
# Fewer vanished rows than these are no sign of an accident, whatever their share.
_FEW = 20


class Vanished:
    """Follows one pass, and tells at its end what is not there any more.

    Args:
        sync: says what share of the rows may vanish.
        synced: what Track has; the pass has its keys looked up there.
        mapper: makes the items of the pass.
        deletion: makes items of vanished rows; None tells nobody.
        accepted: whether a person has said that they may go, however many they are.
    """

    def __init__(
        self, sync: Sync, synced: Synced, mapper: Maps, deletion: Mapper | None, *, accepted: bool
    ) -> None:
        self.held: GuardTripped | None = None
        self._sync = sync
        self._synced = synced
        self._mapper = mapper
        self._deletion = deletion
        self._accepted = accepted
        self._end: SourceBatch | None = None
        self._rows = 0

    def passing(self, batches: Iterator[SourceBatch]) -> Iterator[SourceBatch]:
        """Yield the rows of a pass; the batch without rows that ends it comes last, by `rest`."""
        for batch in batches:
            if self._end is not None:  # it was not the last
                yield self._end
                self._end = None
            if batch.rows.num_rows:
                self._rows += batch.rows.num_rows
                yield batch
            else:
                self._end = batch

    def rest(self) -> Iterator[MappedBatch]:
        """Yield the items of vanished rows, then the end of the pass; nothing if the end was not reached."""
        end = self._end
        if end is None:
            return
        if self._deletion is not None and not self._guarded():
            yield from self._deleted(str(end.version), self._deletion)
        yield self._mapper.map(end)

    def _guarded(self) -> bool:
        """Whether so much vanished that a person must say that it is right."""
        gone, total = self._synced.count_unseen()
        limit = self._sync.source.delete_guard
        many = gone > _FEW and gone > limit * total
        if self._accepted or not gone or not (many or not self._rows):
            return False
        what = (
            "the source is empty" if not self._rows else f"more than source.delete_guard ({limit:.0%}) allows"
        )
        self.held = GuardTripped(
            f"{gone:,} of {total:,} rows have vanished from the source, {what}: "
            "what was added or changed is sent, the deletes are held back",
            hint="if they are right, let them go once: connector run --accept deletes; or raise source.delete_guard",
        )
        return True

    def _deleted(self, version: str, deletion: Mapper) -> Iterator[MappedBatch]:
        for segment in self._synced.unseen(_ROWS):
            prints, keys = segment.prints, segment.keys.to_pylist()
            rows, told = _rows(self._sync, deletion, keys)
            warnings = {"vanished": len(told), "vanished_unreadable": len(keys) - len(told)}
            batch = SourceBatch(
                rows, lambda _: EMPTY_WATERMARK, version, EMPTY_WATERMARK, self._sync.source.key
            )
            mapped = deletion.map(batch)
            assert mapped.prints is not None  # noqa: S101 - the mapper of deletes keeps them
            # Under the hashes that it is known by: the tombstone must meet the key should it come again.
            noted = prints[told].copy()
            noted["item"], noted["version"] = 0, 0
            noted["mark"] = np.where(mapped.prints["mark"] == DELIVERED, GONE, mapped.prints["mark"])
            named = pa.array([keys[n] for n in told], pa.string())
            found = {code: count for code, count in {**mapped.warnings, **warnings}.items() if count}
            yield replace(mapped, prints=noted, keys=named, warnings=found)


def _rows(sync: Sync, deletion: Mapper, keys: list[str]) -> tuple[pa.RecordBatch, list[int]]:
    """Return rows of nothing but their keys, and which of the canonical `keys` they are of: those that can be read."""
    fields = [deletion.schema.field(name) for name in sync.source.key]
    zone = sync.source.timezone
    found = list(sought(keys, fields, zone, len(keys)))
    told = [*range(len(keys))]
    if sum(map(len, found)) < len(keys):
        each = [list(sought([key], fields, zone, 1)) for key in keys]
        found = [group for groups in each for group in groups]
        told = [n for n, groups in enumerate(each) if groups]
    columns = [
        pa.concat_arrays([group.values[n] for group in found] or [pa.nulls(0, field.type)])
        for n, field in enumerate(fields)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields)), told
