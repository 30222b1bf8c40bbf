"""Who runs a sync: what the command line adds to its configuration, and who is told how it goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from connector.errors import ConnectorError
from connector.progress import Progress


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line adds to a sync's configuration.

    Attributes:
        state: the state store's URL.
        limit: stop after this many rows.
        wait: whether to wait for a lane that is held.
        accept: guards that a person lets pass, this once: ``drift``, ``restore``, ``deletes``.
        adopt: whether the state belongs to the destination of the configuration from now on, whatever it was made for.
    """

    state: str
    limit: int | None = None
    wait: bool = False
    accept: frozenset[str] = frozenset()
    adopt: bool = False


@dataclass(frozen=True, slots=True)
class Watch:
    """Whoever watches a run: told when it starts (with what it knows) and how it fails, and asked for nothing."""

    started: Callable[[Progress], None] = lambda _: None
    note: Callable[[str], None] = lambda _: None
    failed: Callable[[ConnectorError], None] = lambda _: None
