"""What people were promised will not be sent again, as digests of keys and of users."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from connector.state.schema import forgotten, now, upsert

_LOAD = sa.select(*forgotten.c["kind", "digest"]).where(forgotten.c.sync == sa.bindparam("b_sync"))


def load(connection: sa.Connection, sync: str) -> tuple[tuple[str, str], ...]:
    """Return kind and digest of everything forgotten, in their order."""
    rows = connection.execute(_LOAD.order_by(*forgotten.c["kind", "digest"]), {"b_sync": sync})
    return tuple((kind, digest) for kind, digest in rows)


def put(connection: sa.Connection, sync: str, digests: Iterable[tuple[str, str]]) -> None:
    """Remember kinds and digests; what is remembered already stays as it is."""
    rows = [{"sync": sync, "kind": kind, "digest": digest, "at": now()} for kind, digest in sorted(digests)]
    if rows:
        connection.execute(upsert(connection.dialect.name, forgotten).on_conflict_do_nothing(), rows)
