"""What people do with rejects: ``connector rejects list``, ``show``, ``export`` and ``drop``."""

from __future__ import annotations

import datetime as dt
import json as jsonlib
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from connector import console, wiring
from connector.config.models import Sync
from connector.errors import ConfigError
from connector.keys import canonical_key
from connector.state.rejects import RejectFilter, StoredReject


@dataclass(frozen=True, slots=True)
class Choice:
    """The options that choose rejects, as they are typed; None leaves nothing out."""

    reason: str | None = None
    key: str | None = None
    since: str | None = None
    until: str | None = None
    event_id: str | None = None
    closed: bool = False

    def of(self, sync: Sync) -> RejectFilter:
        """Return the filter that they make for a sync.

        Raises:
            ConfigError: a time is none.
        """
        return RejectFilter(
            sync.id,
            reason=self.reason,
            key=None if self.key is None else canonical_key(self.key),
            event_id=self.event_id,
            since=_moment("--since", self.since),
            until=_moment("--until", self.until),
            closed=self.closed,
        )


def _moment(option: str, text: str | None) -> dt.datetime | None:
    if text is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{option} is neither a date nor a time",
            hint="write 2026-03-01 (midnight UTC) or 2026-03-01T06:00:00+01:00",
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


# ── looking ──────────────────────────────────────────────────────────────────────────────────────────


def list_groups(sync: Sync, state: str, meant: RejectFilter, *, json: bool) -> None:
    """Print rejects by reason."""
    with wiring.open_store(state, read_only=True) as store:
        groups = store.reject_groups(meant)
    if json:
        console.json_lines(asdict(group) for group in groups)
    elif not groups:
        say_none(sync, meant)
    else:
        console.table(
            f"{sync.sync}: rejects",
            ("reason", "rows", "first seen", "last seen", "example eventId"),
            [(g.reason, g.rejects, _minute(g.first_seen), _minute(g.last_seen), g.example) for g in groups],
        )


def list_rows(sync: Sync, state: str, meant: RejectFilter, limit: int, *, json: bool) -> None:
    """Print rejects one by one, the newest first."""
    with wiring.open_store(state, read_only=True) as store:
        found = store.list_rejects(meant, limit)
        count = store.count_rejects(meant)
    if json:
        console.json_lines(_line(one) for one in found)
    elif not found:
        say_none(sync, meant)
    else:
        console.table(
            f"{sync.sync}: rejects",
            ("eventId", "reason", "key", "first seen", "last seen", "attempts"),
            [(*_names(one), _minute(one.first_seen), _minute(one.last_seen), one.attempts) for one in found],
        )
    if count > len(found):
        console.note(f"{sync.sync}: {count - len(found):,} older rejects are not shown: raise --limit")


def _names(one: StoredReject) -> tuple[str, str, str]:
    return one.reject.event_id, one.reject.reason, one.reject.key


def _line(one: StoredReject) -> dict[str, Any]:
    shown = ("event_id", "reason", "key", "first_seen", "last_seen", "attempts", "closed")
    values = as_json(one)
    return {name: values[name] for name in shown}


def _minute(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def say_none(sync: Sync, meant: RejectFilter) -> None:
    """Say that there are none of them."""
    console.say(f"{sync.sync}: no rejects" if meant.whole else f"{sync.sync}: no such rejects")


def show(sync: Sync, state: str, event_id: str) -> None:
    """Print everything that is known of the rejects under an eventId, as JSON.

    Raises:
        ConfigError: there is none.
    """
    with wiring.open_store(state, read_only=True) as store:
        found = store.get_reject(event_id, sync.id)
    if not found:
        raise ConfigError(
            f"no reject of {sync.sync} has the eventId {event_id}",
            hint=f"connector rejects list {sync.sync} --rows",
        )
    for one in found:
        console.raw(console.exact_json(as_json(one), indent="  "))


def as_json(one: StoredReject) -> dict[str, Any]:
    """Return a reject as JSON values: its key and its row are JSON themselves, with all their digits."""
    return {
        name: _value(value) if name in ("key", "row") and value else value
        for name, value in flat(one).items()
    }


def flat(one: StoredReject) -> dict[str, Any]:
    """Return all that is known of a reject, by name."""
    history = {name: getattr(one, name) for name in StoredReject.__slots__ if name != "reject"}
    return {**asdict(one.reject), **history}


def _value(text: str) -> Any:
    if "\\ud" in text.lower():  # perhaps half a character, which stands in JSON as an escape only
        return text
    try:
        return jsonlib.loads(text, parse_float=Decimal)
    except ValueError:
        return text


# ── deleting ────────────────────────────────────────────────────────────────────────────────────────────


def count(state: str, meant: RejectFilter) -> int:
    """Return how many rejects are meant."""
    with wiring.open_store(state, read_only=True) as store:
        return store.count_rejects(meant)


def drop(sync: Sync, state: str, meant: RejectFilter) -> None:
    """Delete rejects, all in one transaction."""
    with wiring.open_store(state) as store:
        deleted = store.delete_rejects(meant)
    console.say(f"{sync.sync}: {deleted:,} rejects deleted")
