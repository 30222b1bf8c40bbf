"""``connector check``: everything that can be found wrong before a run, found at once. Sends no item."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx

from connector import console, wiring
from connector.config.models import Sql, Sync
from connector.config.reader import load_sync
from connector.config.show import show
from connector.config.syncs import state_url
from connector.errors import ConnectorError, DestinationError, StateError, worst_exit_code
from connector.load.track import endpoint
from connector.opening import Decided, Opening
from connector.state import location
from connector.state.store import StateStore

# Names of columns that are stamped anew with each change of a row.
_MOVES = re.compile("updated|modified|changed|last_?seen", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Options:
    """The options of ``check``."""

    environment: str | None
    state: str | None
    offline: bool
    show: bool


def check(files: Sequence[Path], options: Options) -> int:
    """Check syncs and print what was found; return the worst exit code."""
    return worst_exit_code([_check_one(file, options) for file in files])


def _check_one(file: Path, options: Options) -> int:
    try:
        sync = load_sync(file, environment=options.environment)
    except ConnectorError as error:
        console.fail(error)
        return error.exit_code
    if options.show:
        console.raw(show(sync))
        return 0
    if options.offline:
        console.say(f"ok     {sync.sync}: the configuration is well-formed (nothing was opened)")
        return 0
    steps: tuple[Callable[[Sync], None], ...] = (
        lambda opened: _check_source(opened, options.state),
        lambda opened: _check_state(opened, options.state),
        _check_destination,
    )
    codes = [_attempt(step, sync) for step in steps]
    if not any(codes):
        console.say(
            f"ok     {sync.sync}: ready to run (whether the API key is good shows only when items are sent)"
        )
    return worst_exit_code(codes)


def _attempt(step: Callable[[Sync], None], sync: Sync) -> int:
    try:
        with wiring.located(sync):
            step(sync)
    except ConnectorError as error:
        console.fail(error, sync.sync)
        return error.exit_code
    return 0


def _check_source(sync: Sync, state: str | None) -> None:
    """Open the source, compile the mapping against its real columns, and hold both against the last run."""
    with ExitStack() as stack:
        store = stack.enter_context(_store(sync, state))
        opening = Opening(sync, store, wiring.open_extractor, Decided())
        opened = opening.open(stack, lambda _: None)
        for note in (*opened.extractor.notes(), *opened.mapper.notes, *_advice(sync)):
            console.note(f"{sync.sync}: {note}")
        for note in opening.compare(opened).drifted:
            console.note(f"{sync.sync}: {note}")


def _store(sync: Sync, state: str | None) -> StateStore:
    """Open the state to read it; where that cannot be, which is told elsewhere, one that holds nothing."""
    try:
        return wiring.open_store(state_url(sync.file, state, environment=sync.environment), read_only=True)
    except StateError:
        return wiring.open_store("sqlite:///:memory:")


def _check_state(sync: Sync, state: str | None) -> None:
    url = state_url(sync.file, state, environment=sync.environment)
    if risk := location.risk(url):
        console.note(f"{sync.sync}: {risk}")
    with wiring.open_store(url, read_only=True) as store:
        store.watermark(sync.id)


def _check_destination(sync: Sync) -> None:
    """Ask the destination's host for anything: whatever it answers, the way to it is open. The key is not shown."""
    with wiring.open_transport(sync) as transport:
        url, headers = endpoint(sync.destination)
        headers.pop("Authorization", None)
        request = httpx.Request("GET", url.copy_with(query=None), headers=headers)
        try:
            transport.handle_request(request).close()
        except httpx.TransportError as error:
            raise DestinationError(
                f"the destination cannot be reached: {error}",
                hint="check destination.base_url, the network and the proxy settings (HTTPS_PROXY, NO_PROXY)",
            ) from None


def _advice(sync: Sync) -> Iterator[str]:
    """Yield what may surprise where the source and the mapping meet."""
    cursor = sync.source.cursor.sql if isinstance(sync.source.cursor, Sql) else sync.source.cursor
    moves = cursor is not None and _MOVES.search(cursor) is not None
    if moves and any(mapping.kind == "event" and mapping.events == "per_row" for mapping in sync.mapping):
        yield (
            f"the cursor {cursor} seems to move when a row is updated, and a row is one event: a later version goes out "
            "under the same eventId; `events: per_version` makes each version an event"
        )
