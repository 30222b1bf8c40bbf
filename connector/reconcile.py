"""What ``connector reconcile`` does once its words are parsed."""

from __future__ import annotations

from dataclasses import dataclass

from connector import commands, console
from connector.config.models import Sync
from connector.errors import GuardTripped
from connector.resending import OfKeys
from connector.stopping import StopSignal


@dataclass(frozen=True, slots=True)
class Reconcile:
    """The options of ``reconcile``: what is compared, and whether it is mended."""

    state: str
    between: tuple[str | None, str | None]
    exact: bool
    fix: bool
    json: bool


def reconcile(sync: Sync, options: Reconcile) -> int:
    """Compare the source with what Track is known to have, and print what differs; return the exit code.

    With `fix`, what is missing or outdated is sent, and what is gone from the source is noted as gone.
    """
    if not sync.source.tracked:
        return _by_run(sync, options)
    from connector import reconciling

    stop = StopSignal()
    with stop.on_signals(), stop.interrupting():
        found = reconciling.reconcile(sync, options.state, exact=options.exact, between=options.between)
    if options.json:
        console.json_lines([{"sync": sync.sync, **found.counts}])
    else:
        console.table(f"{sync.sync}: source and synced", ("", "rows"), found.lines())
    if found.clean or not options.fix:
        return 0 if found.clean else GuardTripped.exit_code
    if found.lost:
        reconciling.note_gone(sync, options.state, found.lost)
    if not found.keys:
        return 0
    run_options = commands.RunOptions(sync.environment, options.state, None, options.json)
    return commands.replay(sync, run_options, OfKeys(found.keys))


def _by_run(sync: Sync, options: Reconcile) -> int:
    """Compare counts of runs, where nothing is known of single rows."""
    from connector import comparing_runs

    comparing_runs.refuse_rows(sync, fix=options.fix, rows=options.exact or options.between != (None, None))
    stop = StopSignal()
    with stop.on_signals(), stop.interrupting():
        found = comparing_runs.compare_runs(sync, options.state)
    if options.json:
        console.json_lines([{"sync": sync.sync, **found.json}])
    else:
        console.table(f"{sync.sync}: source and runs", ("", "number"), found.lines())
        if found.differing:
            columns = ("run", "after cursor", "up to", "rows read", "rows now")
            console.table("runs that differ", columns, found.where())
    console.note(
        f"{sync.sync}: rows are compared by number, run by run, as what was sent of each is not kept"
        " (source.track_keys): a row that is missing and one that is gone from the same range hide each other"
    )
    return 0 if found.clean else GuardTripped.exit_code
