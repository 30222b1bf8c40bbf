"""Synced as it is stored: segments of prints, appended by commits and merged between runs.

They lie in the tables of the state store, so one transaction holds the watermark and what was sent below it. What
is appended has no index but its place; merged segments are sorted by the hashes of their keys, without a key twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from connector.errors import StateError
from connector.state.schema import intents, segments, synced
from connector.synced import NO_KEYS, PRINT, Prints, Segment, joined

_sync = segments.c.sync == sa.bindparam("b_sync")
_ours = (_sync, segments.c.generation == sa.bindparam("b_generation"))

_HEAD = sa.select(synced).where(synced.c.sync == sa.bindparam("b_sync"))
_APPEND = sa.insert(segments)
_NEXT = (
    sa.update(synced)
    .where(synced.c.sync == sa.bindparam("b_sync"))
    .values(next=synced.c.next + 1)
    .returning(*synced.c["generation", "next", "keyed"])
)
_PARTS = sa.select(*segments.c["place", "prints", "first"]).where(*_ours).order_by(segments.c.place)
_DATA = (
    sa.select(*segments.c["prints", "first", "data", "keys"])
    .where(
        *_ours,
        segments.c.place >= sa.bindparam("b_first", type_=sa.BigInteger),
        segments.c.place < sa.bindparam("b_last", type_=sa.BigInteger),
    )
    .order_by(segments.c.place)
)


_doubtful = (intents.c.sync == sa.bindparam("b_sync"), intents.c.prints.is_not(None))
_theirs = (
    *_doubtful,
    intents.c.lane == sa.bindparam("b_lane"),
    intents.c.token != sa.bindparam("b_token"),
)
_in_order = (intents.c.token, intents.c.seq)
_DOUBT = sa.select(*intents.c["prints", "keys"]).where(*_doubtful).order_by(*_in_order)
_LEFT = sa.select(*intents.c["prints", "keys"]).where(*_theirs).order_by(*_in_order)
_SETTLE = sa.update(intents).where(*_theirs).values(prints=None, keys=None)


@dataclass(frozen=True, slots=True)
class Head:
    """What a sync's synced begins with; what was appended since follows it without a gap.

    Attributes:
        sync: its id.
        generation: grows with each merge.
        places: number of segments that the generation began with.
        prints: in all of these.
        next: the place behind its last segment.
        keyed: whether they hold the canonical keys.
    """

    sync: str
    generation: int
    places: int
    prints: int
    next: int
    keyed: bool

    @property
    def bind(self) -> dict[str, Any]:
        """The parameters that name its segments in statements."""
        return {"b_sync": self.sync, "b_generation": self.generation}


@dataclass(frozen=True, slots=True)
class Part:
    """A segment that is stored: its place, number of prints, and its least hash where it is sorted."""

    place: int
    prints: int
    first: int | None


def head(connection: sa.Connection, sync: str, *, alone: bool = False) -> Head | None:
    """Return what is said of a sync's synced, None where it has none; `alone` lets nobody append meanwhile."""
    statement = _HEAD.with_for_update() if alone else _HEAD
    row = connection.execute(statement, {"b_sync": sync}).one_or_none()
    return (
        None
        if row is None
        else Head(row.sync, row.generation, row.places, row.prints, row.next, bool(row.keyed))
    )


def parts(connection: sa.Connection, found: Head) -> list[Part]:
    """Return the segments, in order.

    Raises:
        StateError: some are not there.
    """
    listed = [
        Part(row.place, row.prints, None if row.first is None else row.first + _MIDDLE)
        for row in connection.execute(_PARTS, found.bind)
        if row.place < found.next  # others may have appended since the head was read
    ]
    begun = sum(part.prints for part in listed[: found.places])
    if begun != found.prints or [part.place for part in listed] != [*range(found.next)]:
        raise lost(found.sync, "parts of it are missing")
    return listed


def iterate(connection: sa.Connection, found: Head, first: int, last: int) -> list[Segment]:
    """Return the segments at the places [first, last).

    Raises:
        StateError: some are not there, or not what they were.
    """
    bind = {**found.bind, "b_first": first, "b_last": last}
    rows = connection.execute(_DATA, bind).all()
    if len(rows) != last - first:
        raise lost(found.sync, "parts of it are missing")
    return [
        Segment(
            _prints(found, row.prints, row.data, ordered=row.first is not None),
            _unpacked(row.prints, row.keys),
        )
        for row in rows
    ]


def packed(segment: Segment) -> dict[str, bytes | None]:
    """Return what stands in the row of an intent: prints, and keys where there are any."""
    keys = _packed(segment.keys) if len(segment.keys) else None
    return {"prints": segment.prints.tobytes() if len(segment) else None, "keys": keys}


def doubtful(connection: sa.Connection, sync: str) -> list[Segment]:
    """Return what requests put in doubt that are under way, or whose end was never recorded."""
    return _doubt(connection.execute(_DOUBT, {"b_sync": sync}).all())


def adopt(connection: sa.Connection, bind: Mapping[str, Any]) -> None:
    """Append what earlier holders of a lane left in doubt; `bind` names the lane and the token of its holder."""
    left = _doubt(connection.execute(_LEFT, bind).all())
    if left:
        append(connection, bind["b_sync"], joined(left))
        settle(connection, bind)


def settle(connection: sa.Connection, bind: Mapping[str, Any]) -> None:
    """Let nothing be in doubt any more of what earlier holders of a lane left."""
    connection.execute(_SETTLE, bind)


def _doubt(rows: Sequence[sa.Row[Any]]) -> list[Segment]:
    return [
        Segment(prints := np.frombuffer(row.prints, PRINT), _unpacked(len(prints), row.keys)) for row in rows
    ]


def create(connection: sa.Connection, sync: str, *, keyed: bool) -> None:
    """Begin an empty synced in the place of what there was."""
    before = head(connection, sync)
    drop(connection, sync)
    generation = before.generation + 1 if before else 1
    values = {"sync": sync, "generation": generation, "places": 0, "prints": 0, "next": 0, "keyed": keyed}
    connection.execute(sa.insert(synced), values)


def append(connection: sa.Connection, sync: str, segment: Segment) -> None:
    """Write a segment behind all others; those who append to one sync wait for each other.

    Raises:
        StateError: the sync has none.
    """
    row = connection.execute(_NEXT, {"b_sync": sync}).one_or_none()
    if row is None:
        raise lost(sync, "it is not there")
    write(connection, Head(sync, row.generation, 0, 0, row.next, bool(row.keyed)), row.next - 1, segment)


def write(
    connection: sa.Connection, found: Head, place: int, segment: Segment, *, ordered: bool = False
) -> None:
    """Write a segment at its place; the head is the caller's matter."""
    row = {"sync": found.sync, "generation": found.generation, "place": place, "prints": len(segment)}
    first = int(segment.prints["high"][0]) - _MIDDLE if ordered else None
    # What is appended will be merged soon, and a run waits for it: it is stored as it is.
    data = _bytes(segment.prints) if ordered else segment.prints.tobytes()
    keys = _packed(segment.keys) if found.keyed else None
    connection.execute(_APPEND, {**row, "first": first, "data": data, "keys": keys})


def replace(connection: sa.Connection, before: Head, after: Head) -> None:
    """Let the segments of one generation be in force instead of those of another.

    What was appended to it since `before` was read goes behind them.
    """
    found = head(connection, before.sync, alone=True)
    added = found.next - before.next if found is not None else 0
    if added:
        moved = {"generation": after.generation, "place": segments.c.place + (after.places - before.next)}
        newer = (*_ours, segments.c.place >= before.next)
        connection.execute(sa.update(segments).where(*newer).values(moved), before.bind)
    connection.execute(sa.delete(synced).where(synced.c.sync == before.sync))
    values = {name: getattr(after, name) for name in Head.__slots__}
    connection.execute(sa.insert(synced), {**values, "next": after.places + added})
    connection.execute(sa.delete(segments).where(*_ours), before.bind)


def drop_others(connection: sa.Connection, found: Head) -> None:
    """Remove what a merge has written that was never put in force."""
    others = sa.delete(segments).where(_sync, segments.c.generation != sa.bindparam("b_generation"))
    connection.execute(others, found.bind)


def drop(connection: sa.Connection, sync: str) -> None:
    """Forget everything."""
    connection.execute(sa.delete(segments).where(_sync), {"b_sync": sync})
    connection.execute(sa.delete(synced).where(synced.c.sync == sync))


def lost(sync: str, why: str) -> StateError:
    """Return the error for a sync of which it is no longer known what Track has."""
    return StateError(
        f"what was sent of sync {sync} is not known any more (synced): {why}",
        hint=f"`connector state rebuild {sync} --assume sent` notes what the source holds up to the watermark as sent; "
        "`--assume unsent` lets what is read again be sent again",
    )


def _bytes(prints: Prints) -> bytes:
    """Return prints column by column; versions and marks are packed, as they resemble each other, hashes are not."""
    # Byte by byte: the first ones of all versions, then the second ones …
    versions = np.ascontiguousarray(prints["version"]).view(np.uint8).reshape(-1, 8).T.tobytes()
    packed = _CODEC.compress(versions + prints["mark"].tobytes(), asbytes=True)
    return b"".join([*(prints[name].tobytes() for name in _PLAIN), packed])


def _prints(found: Head, count: int, data: bytes, *, ordered: bool) -> Prints:
    prints = np.empty(count, PRINT)
    place = 0
    try:
        if not ordered:
            return np.frombuffer(data, PRINT, count)
        for name in _PLAIN:
            kind = PRINT[name]
            prints[name] = np.frombuffer(data, kind, count, place)
            place += count * kind.itemsize
        plain = _CODEC.decompress(data[place:], 9 * count, asbytes=True)
        versions = np.frombuffer(plain, np.uint8, 8 * count).reshape(8, count)
        prints["version"] = np.ascontiguousarray(versions.T).view("<i8").reshape(count)
        prints["mark"] = np.frombuffer(plain, np.uint8, count, 8 * count)
    except (ValueError, OSError):
        raise lost(found.sync, "parts of it are not what they were") from None
    return prints


_PLAIN = ("high", "low", "item")
_CODEC = pa.Codec("zstd", 1)

# SQLite and PostgreSQL know no unsigned numbers.
_MIDDLE = 1 << 63


def _packed(keys: pa.Array) -> bytes:
    """Return canonical keys: the length of each, then their text, packed."""
    keys = pa.concat_arrays([keys.cast(pa.string())])  # from the start of its buffers
    if not len(keys):
        return b""
    _, offsets, text = keys.buffers()
    ends = np.frombuffer(offsets, np.int32, len(keys) + 1)
    plain = np.diff(ends).tobytes() + memoryview(text)[ends[0] : ends[-1]].tobytes()
    packed: bytes = _CODEC.compress(plain, asbytes=True)
    return len(plain).to_bytes(8, "little") + packed


def _unpacked(count: int, data: bytes | None) -> pa.Array:
    if not data:
        return NO_KEYS
    plain = _CODEC.decompress(data[8:], int.from_bytes(data[:8], "little"), asbytes=True)
    ends = np.zeros(count + 1, np.int32)
    np.cumsum(np.frombuffer(plain, np.int32, count), out=ends[1:])
    text = pa.py_buffer(plain[4 * count :])
    return pa.StringArray.from_buffers(count, pa.py_buffer(ends.tobytes()), text)
