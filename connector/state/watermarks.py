"""Watermarks as stored: a row for each part, its value as JSON text, so that it comes back as it was."""

from __future__ import annotations

import json
from functools import cache

import sqlalchemy as sa

from connector.model import Watermark
from connector.state.schema import to_json, upsert, watermarks

_lane = (watermarks.c.sync == sa.bindparam("b_sync"), watermarks.c.lane == sa.bindparam("b_lane"))
_LOAD = sa.select(*watermarks.c["part", "value"]).where(*_lane)
_FORGET = sa.delete(watermarks).where(*_lane)


@cache
def _putting(dialect: str) -> sa.Insert:
    insert = upsert(dialect, watermarks)
    return insert.on_conflict_do_update(
        index_elements=watermarks.primary_key.columns, set_={"value": insert.excluded.value}
    )


def load(connection: sa.Connection, sync: str, lane: str) -> Watermark:
    """Return all parts of a lane's watermark; empty where there is none."""
    rows = connection.execute(_LOAD, {"b_sync": sync, "b_lane": lane}).all()
    # One text for all: a dataset has a part for each of its files, and to parse them one by one takes four times as long.
    parts = json.loads("[" + ",".join([f'"{part}"' for part, _ in rows]) + "]")
    values = json.loads("[" + ",".join([value for _, value in rows]) + "]")
    return Watermark(dict(zip(parts, values, strict=True)))


def put(connection: sa.Connection, sync: str, lane: str, parts: Watermark) -> None:
    """Write the parts given; the others stay.

    Raises:
        TypeError, ValueError: a part is no JSON value.
    """
    if parts:
        connection.execute(
            _putting(connection.dialect.name),
            [
                # A part may be a file's name, which need not be valid text: JSON escapes keep it.
                {"sync": sync, "lane": lane, "part": to_json(part)[1:-1], "value": to_json(value)}
                for part, value in parts.items()
            ],
        )


def replace(connection: sa.Connection, sync: str, lane: str, parts: Watermark) -> None:
    """Write the parts given and forget all others."""
    connection.execute(_FORGET, {"b_sync": sync, "b_lane": lane})
    put(connection, sync, lane, parts)
