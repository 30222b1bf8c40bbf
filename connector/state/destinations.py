"""What delivery has learned about each destination, to begin there where it left off."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from connector.state.schema import destinations, now, to_json, upsert


def load(connection: sa.Connection, destination: str) -> dict[str, Any]:
    """Return what is known of a destination; empty where nothing is."""
    known = sa.select(destinations.c.learned).where(destinations.c.destination == destination)
    text = connection.execute(known).scalar_one_or_none()
    return {} if text is None else dict(json.loads(text))


def put(connection: sa.Connection, destination: str, values: Mapping[str, Any]) -> None:
    """Replace what is known of a destination.

    Raises:
        TypeError, ValueError: a value is no JSON value.
    """
    insert = upsert(connection.dialect.name, destinations)
    latest = {name: insert.excluded[name] for name in ("learned", "updated")}
    put = insert.on_conflict_do_update(index_elements=[destinations.c.destination], set_=latest)
    row = {"destination": destination, "learned": to_json(dict(values)), "updated": now()}
    connection.execute(put, row)
