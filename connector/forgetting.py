"""``connector forget``: a row or a user leaves the state and the sandbox, and is not sent again.

What it finds it may print: telling people what to delete by hand is what it is for.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from connector import console, wiring
from connector.config.models import Sync
from connector.errors import ConfigError, ConnectorError, DestinationError
from connector.keys import canonical_key
from connector.mapping.forgotten import Kind, digests
from connector.mover import LEASE
from connector.rehearsal import items_of
from connector.state.rejects import RejectFilter, StoredReject
from connector.state.runs import LIVE
from connector.state.store import StateStore
from connector.synced import key_hash

# What tells items apart in the destination, and the filters that the sandbox deletes by.
_IDENTIFIERS = ("eventId", "profileId", "userId", "accountId", "productId")
_SECONDS = 10.0

Found = dict[str, set[str]]


@dataclass(frozen=True, slots=True)
class Subject:
    """Who or what is forgotten: a canonical key, or a user's id."""

    kind: Kind
    value: str


def subject_of(sync: Sync, key: str | None, user: str | None) -> Subject:
    """Return what the options name.

    Raises:
        ConfigError: neither or both are given, or the sync has no key.
    """
    if (key is None) == (user is None):
        raise ConfigError("forget needs either --key or --user", hint="name the row by its key, or the user")
    if user is not None:
        return Subject("user", user)
    if not sync.source.key:
        raise ConfigError(f"{sync.sync} has no source.key", hint="name the user instead: --user")
    return Subject("key", canonical_key(key or ""))


def count(sync: Sync, state: str, subject: Subject) -> int:
    """Return how many rejects it concerns."""
    with wiring.open_store(state, read_only=True) as store:
        return sum(1 for _ in _concerned(store, sync, subject))


def forget(sync: Sync, state: str, subject: Subject) -> None:
    """Forget, and say what is left to do by hand.

    Raises:
        LeaseHeld: the sync runs.
        StateError: the state cannot be written; all of it can be repeated.
        DestinationError: the sandbox does not answer; all of it can be repeated.
    """
    with ExitStack() as stack:
        store = stack.enter_context(wiring.open_store(state))
        lease = stack.enter_context(store.acquire(sync.id, LIVE, ttl=dt.timedelta(seconds=LEASE)))
        store.refuse_backfilling(sync.id)
        with lease.kept():
            found = _identifiers(sync, subject)
            concerned = list(_concerned(store, sync, subject))
        found["eventId"] |= {one.reject.event_id for one in concerned if one.reject.event_id}
        digest = (subject.kind, digests(sync.id, subject.kind, [subject.value])[0])
        deleted = store.forget(lease, [digest], {_filter(sync, one) for one in concerned})
        if subject.kind == "key":
            store.merge_synced(lease, without=[key_hash(subject.value)])
        backups = store.scrub()
    console.say(f"{sync.sync}: forgotten: {deleted:,} rejects deleted; no run and no replay sends it again")
    for path in backups:
        console.note(f"{path} was made by a migration and holds what was there before: delete it")
    _tell(sync, subject, found)


# ── what is known ───────────────────────────────────────────────────────────────────────────────────────


def _concerned(store: StateStore, sync: Sync, subject: Subject) -> Iterator[StoredReject]:
    """Yield the rejects of a row, or those that hold a user, open or closed."""
    if subject.kind == "key":
        yield from store.iterate_rejects(RejectFilter(sync.id, key=subject.value, closed=True))
        return
    wanted = _folded(subject.value)
    said = re.compile(rf"(?<!\w){re.escape(subject.value)}(?!\w)", re.IGNORECASE)
    for one in store.iterate_rejects(RejectFilter(sync.id, closed=True)):
        values = (*_values(one.reject.row), *_values(one.reject.key))
        if any(_folded(value) == wanted for value in values) or said.search(one.reject.message):
            yield one


def _filter(sync: Sync, one: StoredReject) -> RejectFilter:
    """Return what deletes a reject; one without an eventId is known by its key, and an empty filter means all."""
    reject = one.reject
    if not reject.event_id and not reject.key:
        return RejectFilter(
            sync.id, reason=reject.reason, since=one.last_seen, until=one.last_seen + _TICK, closed=True
        )
    return RejectFilter(
        sync.id, reason=reject.reason, key=reject.key or None, event_id=reject.event_id or None, closed=True
    )


_TICK = dt.timedelta(microseconds=1)


def _values(text: str | None) -> Iterator[str]:
    """Yield every value within a JSON text, as text."""
    if not text:
        return
    try:
        yield from _leaves(json.loads(text, parse_int=str, parse_float=str))
    except ValueError:
        yield text


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    else:
        yield str(value)


def _folded(text: str) -> str:
    return text.strip().casefold()


def _identifiers(sync: Sync, subject: Subject) -> Found:
    """Return what items about it are known by: of a row, those that it maps to today."""
    found: Found = {name: set() for name in _IDENTIFIERS}
    if subject.kind == "user":
        found["userId"], found["profileId"] = {subject.value}, {subject.value}
        return found
    try:
        for item in _items(sync, subject.value):
            for name in _IDENTIFIERS:
                found[name] |= {str(item[name])} if item.get(name) else set()
    except ConnectorError as error:
        console.note(f"{sync.sync}: the row cannot be looked up in the source: {error.message}")
    return found


def _items(sync: Sync, key: str) -> Iterator[dict[str, Any]]:
    with ExitStack() as stack:
        extractor = wiring.open_extractor(sync)
        stack.callback(extractor.close)
        mapper = wiring.open_mapper(sync, extractor)
        stack.callback(mapper.close)
        for batch in extractor.read_keys(mapper.columns, [key], None):
            mapped = mapper.map(batch)
            for entry in range(len(mapped.entries)):
                yield from items_of(mapped, entry)


# ── the destination ─────────────────────────────────────────────────────────────────────────────────────


def _tell(sync: Sync, subject: Subject, found: Found) -> None:
    """Delete from the sandbox; say in words what another destination holds."""
    names = _IDENTIFIERS if subject.kind == "user" else ("eventId", "productId")
    control = _sandbox(sync)
    if control is not None:
        deleted = sum(
            _delete(control, name, value) for name in names for value in sorted(found[name]) if value
        )
        console.say(f"{sync.sync}: {deleted:,} items deleted from the sandbox")
        return
    held = "; ".join(f"{name} {', '.join(sorted(values))}" for name, values in found.items() if values)
    destination = sync.destination
    console.say(
        f"{sync.sync}: the destination still holds what was sent to it: the Track API has no call that deletes. "
        f"Delete by hand in project {destination.project} of {destination.org}: "
        + (held or "what was sent of the row, whose items are not known here")
        + ("" if subject.kind == "user" else "; and items of earlier versions of the row")
    )


def _sandbox(sync: Sync) -> str | None:
    """Return where a sandbox takes questions, None where the destination is none."""
    url = urlsplit(sync.destination.base_url)
    host = url.hostname or ""
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        return None
    control = f"{url.scheme}://{url.netloc}/_sandbox"
    try:
        answer = _call("GET", f"{control}/counters")
    except DestinationError:
        return None
    return control if isinstance(answer, dict) and "requests" in answer else None


def _delete(control: str, name: str, value: str) -> int:
    answer = _call("DELETE", f"{control}/items", {name: value})
    return int(answer["deleted"])


def _call(method: str, url: str, query: dict[str, str] | None = None) -> Any:
    try:
        answer = httpx.request(method, url, params=query, timeout=_SECONDS, trust_env=False)
        return answer.raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        raise DestinationError(
            f"the sandbox does not answer as it should ({type(error).__name__})",
            hint="start it, and repeat the command: what is forgotten stays forgotten",
        ) from None
