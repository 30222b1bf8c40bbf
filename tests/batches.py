"""Mapped batches made by hand, for tests of what comes after mapping."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa

from connector.model import MappedBatch, Reject, SourceBatch, Watermark


def batch_of(
    texts: list[str], *, rows: list[int] | None = None, total: int | None = None, **changes
) -> MappedBatch:
    """Return a batch whose entry i is `texts[i]` (without its comma) and stands for source row `rows[i]`."""
    rows = list(range(len(texts))) if rows is None else rows
    total = len(texts) if total is None else total
    source = SourceBatch(
        rows=pa.record_batch({"n": pa.array(range(total), pa.int64())}),
        position=lambda n: Watermark({"rows": n}),
        version="1",
        end=Watermark({"rows": total}),
    )
    values = {
        "source": source,
        "entries": pa.array([text + "," for text in texts], pa.string()),
        "event": "Purchase",
        "row": np.array(rows, np.int64),
        "items": None,
        "event_id": pa.array([f"id-{row}" for row in rows], pa.string()),
        "digest": np.array([hash(text) & 0xFFFF_FFFF_FFFF for text in texts], np.uint64),
        "rejected": {},
        "filtered": np.empty(0, np.int64),
        "describe": lambda rows: [Reject("", "", "", f"[{row}]") for row in rows],
    }
    return MappedBatch(**{**values, **changes})


def items_of(body: bytes) -> list[dict]:
    """Return the items of a request's body."""
    return [item for part in json.loads(body)["track"] for item in part["payload"]]
