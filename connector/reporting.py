"""How every sync stands: ``connector status``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from connector import console, console_backfill, wiring
from connector.commands import loaded
from connector.config.syncs import state_url
from connector.errors import worst_exit_code
from connector.model import RunReport


def status(files: Sequence[Path], environment: str | None, state: str | None, *, json: bool) -> int:
    """Print each sync's last run, and how far a backfill is that is not done."""
    rows: list[tuple[str, RunReport | None]] = []
    filling: list[console_backfill.Standing] = []
    codes: list[int] = []
    for sync in loaded(files, environment, codes):
        with wiring.open_store(state_url(sync.file, state, environment=environment), read_only=True) as store:
            runs = store.runs(sync.id, limit=1)
            rows.append((sync.sync, runs[0] if runs else None))
            if found := store.backfill(sync.id):
                driven = store.is_driven(found)
                filling.append(console_backfill.Standing(sync.sync, found, store.tally(found), driven))
    if json:
        going = {each.sync: each.values for each in filling}
        console.json_lines(
            {
                "sync": name,
                "run": console.as_json(report, name) if report else None,
                **({"backfill": going[name]} if name in going else {}),
            }
            for name, report in rows
        )
    else:
        console.status(rows)
        for each in filling:
            console.say(each.line)
    return worst_exit_code(codes)
