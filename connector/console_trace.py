"""Traces as people and machines read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connector import console
from connector.extract import Standing
from connector.rejecting import as_json as reject_json
from connector.tracing import Noted, Trace, noted_json, outcome
from connector.verdict import MARKS, verdict

_STANDING = {
    Standing.PASSED: "there, at or below the watermark",
    Standing.AHEAD: "there, above the watermark",
    Standing.AGAIN: "there, below the watermark and within source.lookback",
    Standing.EARLY: "there, with a cursor in the future, and read ahead of its time",
    Standing.BEFORE: "there, before source.start",
    Standing.WAITING: "there, beyond the horizon",
    Standing.UNREADABLE: "there, without a cursor that can be read",
    Standing.ABSENT: "not found (a row that source.where leaves out looks the same)",
}
_MARKS = {
    "delivered": "acknowledged by Track",
    "rejected": "rejected by the mapping",
    "refused": "refused by the destination",
    "gone": "gone from the source",
    "filtered": "read, and filtered",
    "in_doubt": "sent, and not known to have arrived",
}


def show(found: Trace) -> None:
    """Print where a row is: the source, the mapping, the state, and what that comes to."""
    console.table(f"{found.sync}: {found.key}", ("", "found"), _lines(found))
    if found.today is not None:
        console.beside(
            found.today.row, found.today.items, f"{found.today.reject} {found.today.message}".strip()
        )
    console.say(verdict(found))


def _lines(found: Trace) -> Iterator[tuple[str, str]]:
    more = f"; {found.rows} rows have this key, and the last one counts" if found.rows > 1 else ""
    yield "source", _STANDING[found.standing] + more
    if found.cursor is not None:
        yield "cursor", console.exact_json(found.cursor)
    if found.watermark is not None:
        yield "watermark", console.exact_json(found.watermark)
    if found.today is not None:
        what = {"item": "makes items of it", "rejected": f"rejects it: {found.today.reject}"}
        others = {"filtered": "takes no row like it", "forgotten": "leaves it out: it is forgotten"}
        yield "mapping, today", (what | others)[outcome(found)]
    yield "synced", _synced(found.noted) if found.kept else "not kept (source.track_keys)"
    for one in found.rejects:
        state = "open" if one.closed is None else f"closed {one.closed:%Y-%m-%d %H:%M} UTC"
        yield (
            "reject",
            f"{one.reject.reason}, {state}, last seen {one.last_seen:%Y-%m-%d %H:%M} UTC: {one.reject.message}",
        )
    if found.forgotten:
        yield "forgotten", "yes"


def _synced(noted: Noted | None) -> str:
    if noted is None:
        return "nothing is known of it"
    compared = {True: "today's item is the same", False: "today's item is another", None: ""}[noted.same_item]
    version = {True: "its cursor has not moved", False: "its cursor has moved since", None: ""}[
        noted.same_version
    ]
    left = "Track has an earlier version" if noted.left else ""
    return "; ".join(part for part in (_MARKS[MARKS[noted.mark]], left, compared, version) if part)


def as_json(found: Trace) -> dict[str, Any]:
    """Return a trace as JSON values."""
    today = found.today
    return {
        "sync": found.sync,
        "key": found.key,
        "found": found.found,
        "verdict": verdict(found),
        "source": {
            "standing": found.standing.value,
            "rows": found.rows,
            "waiting": found.waiting,
            "cursor": found.cursor,
            "row": None if today is None else today.row,
        },
        "watermark": found.watermark,
        "mapping": {
            "outcome": outcome(found) or None,
            "items": [] if today is None else today.items,
            "reason": None if today is None or not today.reject else today.reject,
            "message": None if today is None or not today.message else today.message,
        },
        "synced": {"kept": found.kept, **(noted_json(found.noted, MARKS) or {"known_as": None})},
        "rejects": [reject_json(one) for one in found.rejects],
        "forgotten": found.forgotten,
    }
