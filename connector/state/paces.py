"""Who sends to a destination now, and what share of its pace each holds: on however many hosts, by the store's clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from connector.state.schema import StoreNow, paces, upsert

_others = (paces.c.destination == sa.bindparam("b_destination"), paces.c.sender != sa.bindparam("b_sender"))
_SELECT = sa.select(*paces.c["live", "wanted", "granted"]).where(*_others, paces.c.expires > StoreNow())
_CLEAR = sa.delete(paces).where(
    paces.c.destination == sa.bindparam("b_destination"), paces.c.expires <= StoreNow()
)
_DROP = sa.delete(paces).where(
    paces.c.destination == sa.bindparam("b_destination"), paces.c.sender == sa.bindparam("b_sender")
)
_ALL = 1_000_000  # shares are stored in millionths of the whole


@dataclass(frozen=True, slots=True)
class Sender:
    """One who sends: whether for a live lane, and what share it wants and holds, 0 to 1."""

    live: bool
    wanted: float
    granted: float


def take(
    connection: sa.Connection,
    place: tuple[str, str],
    claim: tuple[bool, float],
    seconds: float,
    decide: Callable[[Sequence[Sender]], float],
) -> tuple[float, list[Sender]]:
    """Let a sender hold what `decide` says of the others; nobody else decides meanwhile.

    Args:
        connection: in a transaction that may write.
        place: destination, and what tells the sender apart.
        claim: whether it sends for a live lane, and what share it wants.
        seconds: how long it holds its share without asking again.
        decide: gets the others, gives the share.

    Returns:
        The share, and the others.
    """
    destination, sender = place
    bind = {"b_destination": destination, "b_sender": sender}
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(destination))))
    connection.execute(_CLEAR, {"b_destination": destination})
    others = [
        Sender(bool(row.live), row.wanted / _ALL, row.granted / _ALL)
        for row in connection.execute(_SELECT, bind)
    ]
    granted = int(decide(others) * _ALL)
    insert = upsert(connection.dialect.name, paces)
    values = {name: insert.excluded[name] for name in ("live", "wanted", "granted", "expires")}
    live, wanted = claim
    connection.execute(
        insert.values(
            destination=destination,
            sender=sender,
            live=int(live),
            wanted=int(wanted * _ALL),
            granted=granted,
            expires=StoreNow() + int(seconds * 1_000_000),
        ).on_conflict_do_update(index_elements=[paces.c.destination, paces.c.sender], set_=values)
    )
    return granted / _ALL, others


def drop(connection: sa.Connection, place: tuple[str, str]) -> None:
    """Forget a sender."""
    connection.execute(_DROP, dict(zip(("b_destination", "b_sender"), place, strict=True)))
