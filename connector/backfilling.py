"""What ``connector backfill`` does once its words are parsed."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from enum import StrEnum

from connector import console, console_backfill, wiring
from connector.backfill import Wanted, begin, held, plan, refuse, shared, unfinished
from connector.config.models import Sync
from connector.driving import Driver, Watcher
from connector.errors import ConfigError
from connector.executors import Workplace
from connector.extract.backfilling import Asked
from connector.slices import SliceOrder
from connector.state.backfills import Backfill
from connector.state.store import StateStore
from connector.stopping import StopSignal


class Action(StrEnum):
    """What is done with a backfill."""

    RUN = "run"
    PLAN = "plan"
    STATUS = "status"
    PAUSE = "pause"
    RESUME = "resume"
    RETRY = "retry"
    ABANDON = "abandon"


@dataclass(frozen=True, slots=True)
class BackfillOptions:
    """The options of ``backfill``."""

    wanted: Wanted
    state: str
    at: Workplace
    json: bool
    action: Action = Action.RUN


def backfill(sync: Sync, options: BackfillOptions) -> int:
    """Do what is asked, and return the exit code."""
    with ExitStack() as stack:
        reading = options.action in (Action.PLAN, Action.STATUS)
        store = stack.enter_context(wiring.open_store(options.state, read_only=reading))
        match options.action:
            case Action.PLAN:
                with console.Live(sync.sync):
                    planned = plan(sync, store, options.wanted)
                console_backfill.plan(sync.sync, planned, options.wanted, json=options.json)
            case Action.STATUS:
                found = store.backfill(sync.id, unfinished=False)
                standing = None
                if found is not None:
                    driven = store.is_driven(found)
                    standing = console_backfill.Standing(sync.sync, found, store.tally(found), driven)
                console_backfill.status(sync.sync, standing, json=options.json)
            case Action.PAUSE:
                store.pause_backfill(unfinished(store, sync), paused=True)
                console.say(
                    f"{sync.sync}: the backfill rests; go on: connector backfill {sync.sync} --resume"
                )
            case Action.ABANDON:
                store.abandon_backfill(unfinished(store, sync))
                console.say(f"{sync.sync}: the backfill is forgotten; what it has delivered stays delivered")
            case _:
                return _drive(sync, store, _found(sync, store, options), options)
    return 0


def _found(sync: Sync, store: StateStore, options: BackfillOptions) -> Backfill:
    """Return the backfill to go on with, or begin one.

    Raises:
        ConfigError: another range is not done.
    """
    if options.action in (Action.RESUME, Action.RETRY):
        found = unfinished(store, sync)
        if options.action is Action.RETRY:
            console.note(f"{sync.sync}: {store.retry_slices(found)} failed slices are tried again")
        return found
    going = store.backfill(sync.id)
    if going is None:
        begun, planned = begin(sync, store, options.wanted)
        for text in planned.notes:
            console.note(f"{sync.sync}: {text}")
        console.note(
            f"{sync.sync}: {len(planned.cut.slices):,} slices of about {planned.cut.rows:,} rows are planned"
        )
        return begun
    asked = {name: going.asked.get(name) for name in ("from", "to", "by")}
    if asked != {name: options.wanted.json[name] for name in asked}:
        raise ConfigError(
            f"another backfill of {sync.sync} is not done: {console_backfill.ranged(going.asked)}",
            hint=f"go on with it: connector backfill {sync.sync} --resume; or forget it: --abandon",
        )
    return going


def _drive(sync: Sync, store: StateStore, found: Backfill, options: BackfillOptions) -> int:
    at = replace(options.at, workers=1) if found.asked["waits"] else options.at
    refuse(sync, _of(found, options, at.workers))
    if found.asked["ordered"] != held(sync) or found.asked["waits"] != shared(sync):
        raise ConfigError(
            "the mapping tells of other entities than when the backfill began, and their order could not be kept",
            hint=f"restore it, or begin again: connector backfill {sync.sync} --abandon",
            path="mapping",
        )
    if at.far and options.state.startswith("sqlite"):
        raise ConfigError(
            "an SQLite state serves one machine, and the workers of a cluster may be on others",
            hint="keep the state in PostgreSQL: --state postgresql://… (connector state copy brings it there)",
        )
    # The files of this machine are none of a cluster's.
    order = SliceOrder(sync if at.far else sync.file, sync.environment, options.state, found.id)
    driver = Driver(store, found, order, at)
    stop = StopSignal()
    with stop.on_signals(), console_backfill.Slices(sync.sync, at.workers) as bar:
        driven = driver.drive(stop, Watcher(bar.show, lambda text: console.note(f"{sync.sync}: {text}")))
    store.prune(sync.id, sync.rejects.retention)
    console_backfill.report(sync.sync, found, driven, json=options.json)
    return driven.exit_code


def _of(found: Backfill, options: BackfillOptions, workers: int) -> Wanted:
    """Return what is wanted of a backfill that was begun: its own order, with the workers of this command."""
    asked = Asked(found.asked["from"], found.asked["to"], found.asked["by"])
    sizes = replace(options.wanted.sizes, workers=workers)
    return Wanted(asked, found.asked["order"], sizes)
