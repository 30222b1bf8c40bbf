"""Cuts a batch into requests by searching in its offsets: no item is copied, looked at or counted one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from connector.model import MappedBatch, Outcome, Recovery, Refusal, Reject, Request

Offsets = npt.NDArray[np.int64]


def offsets_of(entries: pa.StringArray | pa.LargeStringArray) -> Offsets:
    """Return the n + 1 byte offsets of `entries` into its data buffer."""
    wide = pa.types.is_large_string(entries.type)
    raw = np.frombuffer(entries.buffers()[1], np.int64 if wide else np.int32)
    return raw[entries.offset : entries.offset + len(entries) + 1].astype(np.int64)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What stands around the entries of a body."""

    prefix: bytes
    suffix: bytes

    @property
    def size(self) -> int:
        """Bytes that every body has beside its entries, less the last entry's comma."""
        return len(self.prefix) + len(self.suffix) - 1


class Packer:
    """The requests of one batch, in order, cut when they are asked for so that limits may move in between.

    Args:
        batch: the items; rows that were rejected, filtered or recovered travel with the request before them.
        envelope: what a body has around its entries.
    """

    def __init__(self, batch: MappedBatch, envelope: Envelope) -> None:
        self._batch = batch
        self._envelope = envelope
        self._offsets = offsets_of(batch.entries) if len(batch.entries) else np.zeros(1, np.int64)
        self._items = None if batch.items is None else np.concatenate(([0], np.cumsum(batch.items)))
        self._entry = 0
        self._row = 0
        self._done = False

    def next(self, seq: int, max_items: int, max_bytes: int) -> Request | None:
        """Return the next request, or None at the end of the batch.

        A batch without entries is one request with nothing to send: its rows and its watermark still count.
        An entry too large for `max_bytes` gets a request of its own, which delivery refuses unsent.
        """
        if self._done:
            return None
        first, total = self._entry, len(self._batch.entries)
        last = self._fit(first, max_items, max_bytes) if first < total else first
        self._done = last == total
        rows_last = self._batch.source.rows.num_rows if self._done else int(self._batch.row[last])
        request = Request(
            seq=seq,
            batch=self._batch,
            first=first,
            last=last,
            rows_first=self._row,
            rows_last=rows_last,
            items=self._count(first, last),
            bytes=int(self._offsets[last] - self._offsets[first]),
        )
        self._entry, self._row = last, rows_last
        return request

    def _fit(self, first: int, max_items: int, max_bytes: int) -> int:
        budget = self._offsets[first] + max_bytes - self._envelope.size
        last = int(np.searchsorted(self._offsets, budget, side="right")) - 1
        if self._items is None:
            last = min(last, first + max_items)
        else:
            last = min(
                last, int(np.searchsorted(self._items, self._items[first] + max_items, side="right")) - 1
            )
        return max(last, first + 1)

    def _count(self, first: int, last: int) -> int:
        return last - first if self._items is None else int(self._items[last] - self._items[first])


def leave_out(batch: MappedBatch, recovery: Recovery) -> MappedBatch:
    """Return `batch` without the entries that an interrupted run delivered, or holds in doubt.

    The former become `recovered` rows, the latter rejects with the code ``in_doubt``.
    """
    if not len(recovery.acknowledged) and not len(recovery.held):
        return batch
    delivered = np.isin(batch.digest, recovery.acknowledged)
    held = np.isin(batch.digest, recovery.held) & ~delivered
    keep = ~(delivered | held)
    if keep.all():
        return batch
    doubt = [Refusal(int(entry), "in_doubt", "sent, and never answered") for entry in np.flatnonzero(held)]
    rejected = dict(batch.rejected) | dict(zip(batch.row[held].tolist(), refuse(batch, doubt), strict=True))
    return replace(only(batch, keep), recovered=batch.row[delivered], rejected=rejected)


def only(batch: MappedBatch, keep: npt.NDArray[np.bool_]) -> MappedBatch:
    """Return `batch` with those of its entries for which `keep` is true; what becomes of the others is the caller's matter."""
    if keep.all():
        return batch
    chosen = pa.array(keep)
    return replace(
        batch,
        entries=batch.entries.filter(chosen),
        event_id=batch.event_id.filter(chosen),
        row=batch.row[keep],
        digest=batch.digest[keep],
        items=None if batch.items is None else batch.items[keep],
        entity=None if batch.entity is None else batch.entity[keep],
    )


def refuse(batch: MappedBatch, refusals: Sequence[Refusal]) -> list[Reject]:
    """Return the rejects of rows whose entries were refused: the rows as their batch describes them, with the reasons."""
    if not refusals:
        return []
    assert batch.describe is not None  # noqa: S101 - every mapper gives it; only hand-made batches may not
    entries = [refusal.entry for refusal in refusals]
    described = batch.describe(batch.row[entries].tolist())
    return [
        replace(row, event_id=name.as_py(), reason=refusal.reason, message=refusal.message)
        for row, name, refusal in zip(described, batch.event_id.take(entries), refusals, strict=True)
    ]


def acknowledged(outcome: Outcome) -> bytes:
    """Return the digests of the entries that were acknowledged, as they are stored (uint64, native order)."""
    request = outcome.request
    if outcome.error is not None:
        parts = [request.batch.digest[first:last] for first, last in outcome.accepted]
        return b"".join(part.tobytes() for part in parts)
    digests = request.batch.digest[request.first : request.last]
    refused = [refusal.entry - request.first for refusal in outcome.refusals]
    return (np.delete(digests, refused) if refused else digests).tobytes()
