"""What a trace comes to, in one sentence."""

from __future__ import annotations

from connector.extract import Standing
from connector.synced import DELIVERED, DOUBT, FILTERED, GONE, REFUSED, UNMAPPED
from connector.tracing import Trace, open_reasons, outcome

# What synced says became of a row.
MARKS = {
    DELIVERED: "delivered",
    UNMAPPED: "rejected",
    REFUSED: "refused",
    GONE: "gone",
    FILTERED: "filtered",
    DOUBT: "in_doubt",
}
_NEXT = {
    "item": "sends it",
    "rejected": "rejects it",
    "filtered": "filters it",
    "forgotten": "leaves it out",
    "": "sends it",
}


def verdict(found: Trace) -> str:
    """Say where the row is, and what becomes of it."""
    if found.forgotten:
        return "forgotten: no run and no replay sends it"
    said = {
        Standing.ABSENT: _absent,
        Standing.UNREADABLE: lambda _: "never read: its cursor is null or infinite",
        Standing.WAITING: _waiting,
        Standing.BEFORE: lambda _: "never read: it stands before source.start",
        Standing.AHEAD: _ahead,
        Standing.EARLY: _early,
        Standing.AGAIN: _again,
        Standing.PASSED: _passed,
    }[found.standing](found)
    return f"{said}; a newer row of this key waits for the next run" if found.waiting else said


def _waiting(found: Trace) -> str:
    known = "in Track in an older version: " if _delivered(found) else ""
    return f"{known}waits: its cursor lies beyond the horizon, so that no late row is skipped; a later run reads it"


def _delivered(found: Trace) -> bool:
    return found.noted is not None and found.noted.mark == DELIVERED


def _absent(found: Trace) -> str:
    where = "not in the source any more, or left out by source.where"
    if found.noted is not None and found.noted.mark == GONE:
        return "gone from the source, and noted as gone: Track was told, if the configuration tells it"
    if _delivered(found):
        told = "; the next run finds it vanished" if found.mode == "diff" else "; Track keeps what it has"
        return f"in Track, and {where}{told}"
    if reasons := open_reasons(found.rejects):
        return f"rejected: {reasons}; {where}"
    if found.noted is not None or found.rejects:
        return f"read before, and {where}"
    return "not found: not in the source (or left out by source.where), and nothing is known of it"


def _early(found: Trace) -> str:
    if found.kept:
        return _again(found)
    return (
        "read ahead of its time, as its cursor lies in the future, and without an open reject: sent, unless no mapping"
        " took it; the next run reads it if it has changed"
    )


def _again(found: Trace) -> str:
    """Of a row that the next run reads again, though runs have read those around it."""
    changed = _delivered(found) and found.noted is not None and found.noted.same_item is False
    unread = found.noted is None or found.noted.mark == DOUBT
    return _ahead(found) if unread or (changed and not found.once) else _passed(found)


def _doubtful(found: Trace) -> bool:
    return found.noted is not None and found.noted.mark == DOUBT


def _ahead(found: Trace) -> str:
    does = _NEXT[outcome(found)]
    if found.today is not None and found.today.reject:
        does += f": {found.today.reject}"
    if _doubtful(found):
        return f"in doubt: it was sent, and nobody knows whether it arrived; the next run {does}"
    if not _delivered(found):
        again = ", and was not delivered before" if found.noted or found.rejects else ""
        return f"will be read by the next run, which {does}{again}"
    if found.once or (found.noted is not None and found.noted.same_item):
        return "in Track as it is now: the next run reads it again and leaves it out as unchanged"
    return f"in Track in an older version: the next run {does}"


def _passed(found: Trace) -> str:
    reasons = open_reasons(found.rejects)
    if found.noted is None:
        return _unknown(found, reasons)
    if found.noted.mark == DELIVERED:
        return _in_track(found)
    if found.noted.mark == DOUBT:
        return (
            "in doubt: it was sent, and nobody knows whether it arrived (connector run --key sends it again)"
        )
    passes, takes = found.mode == "diff", outcome(found) == "item"
    if found.noted.mark == GONE:
        remedy = "the next run sends it" if passes else "connector reconcile --fix sends it"
        return f"in the source, and noted as gone: {remedy}"
    if found.noted.mark == FILTERED:
        remedy = "the next run sends it" if passes else "connector run --resend changed sends it"
        return "read, and no mapping took it" + (f"; today one does: {remedy}" if takes else "")
    remedy = "the next run sends it" if passes else "connector rejects replay sends it"
    why = reasons or "its reject is closed, or was dropped"
    why += "; Track has an earlier version of it" if found.noted.left else ""
    return f"rejected: {why}" + (f"; today the mapping takes it: {remedy}" if takes else "")


def _unknown(found: Trace, reasons: str) -> str:
    if reasons:
        return f"rejected: {reasons}"
    if found.mode == "diff":
        return "not read yet: it was added behind the last pass; the next run reads it"
    if found.kept:
        return "never read: it came too late, below the watermark (connector reconcile --fix sends it)"
    read = "read by this pass" if found.mode == "full" else "read by an earlier run, unless it came too late"
    return (
        f"{read}, and without an open reject: sent, unless no mapping took it (source.track_keys would tell)"
    )


def _in_track(found: Trace) -> str:
    if found.noted is None or found.noted.same_item is not False:
        return (
            "in Track as it is now" if outcome(found) == "item" else "in Track; today no item is made of it"
        )
    if found.mode == "diff":
        return f"in Track in an older version: the next run {_NEXT[outcome(found)]}"
    why = "the mapping has changed, or the row without its cursor"
    if found.once:
        return f"in Track, as it was when it was read: {why}; an event is sent once (connector run --resend changed sends it again)"
    return f"in Track in an older version: {why} (connector run --resend changed sends it)"
