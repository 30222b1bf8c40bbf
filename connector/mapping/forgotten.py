"""What must not be sent any more: digests of keys and of users, made by the same SQL when they are noted and when rows come by."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Literal

import pyarrow as pa

from connector.mapping.engine import ROWS, Engine, quote

Kind = Literal["key", "user"]


def digest_of(sync_id: str, kind: Kind, sql: str) -> str:
    """Return SQL of the SHA-256 of ``[sync id, kind, value]`` as JSON, in hexadecimal digits.

    Args:
        sync_id: the sync's ``id``.
        kind: whether the value is a canonical key or a user's id.
        sql: SQL of the value, as text.
    """
    head = json.dumps([sync_id, kind], ensure_ascii=False, separators=(",", ":"))[:-1] + ","
    return f"sha256(concat({quote(head)}, to_json({sql})::VARCHAR, ']'))"


def is_forgotten(sync_id: str, forgotten: Iterable[tuple[str, str]], kind: Kind, sql: str) -> str:
    """Return SQL of whether a value is among those forgotten, or an empty text where none of its kind is."""
    digests = sorted(digest for found, digest in forgotten if found == kind)
    if not digests:
        return ""
    return f"coalesce({digest_of(sync_id, kind, sql)} IN ({', '.join(map(quote, digests))}), false)"


def digests(sync_id: str, kind: Kind, values: Sequence[str]) -> list[str]:
    """Return the digests to note of values."""
    engine = Engine(1, "1GB")
    try:
        table = pa.table({"value": pa.array(values, pa.string())})
        found = engine.run(f"SELECT {digest_of(sync_id, kind, 'value')} AS digest FROM {ROWS}", table)
        listed: list[str] = found["digest"].to_pylist()
        return listed
    finally:
        engine.close()
