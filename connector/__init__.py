"""Moves rows from databases and Parquet files into the Intempt Track API.

The command ``connector`` does all of it; from Python the same is::

    import connector

    sync = connector.load_sync("configs/orders.yaml")
    connector.preview(sync)          # a pandas DataFrame: rows beside their items
    report = connector.run(sync)     # report.exit_code, report.counts, report.rejects
"""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from connector.config.models import Sync
    from connector.model import RunReport

__version__ = "0.1.0"
__all__ = ["load_sync", "preview", "run"]

# Imports stand in the functions: whoever needs only one of them, such as `connector --help`, pays for no other.


def load_sync(path: str | PathLike[str], *, environment: str | None = None) -> Sync:
    """Read one sync's YAML file, with the shared settings of its ``connector.yaml``.

    Raises:
        ConfigError: with every mistake in it, each with its place and remedy.
    """
    from connector.config.reader import load_sync as load

    return load(str(path), environment=environment)


def run(sync: Sync, *, state: str | None = None, limit: int | None = None) -> RunReport:
    """Run a sync once: move what is new, commit it, and return the accounting.

    Args:
        sync: as `load_sync` returns it.
        state: the state store's URL; by default CONNECTOR_STATE, or ``.connector/state.db`` beside the YAML file.
        limit: stop after this many rows.

    Returns:
        the report, also of a run that failed: `exit_code` is 0 when all went well, `error` says what did not.
    """
    from connector.config.syncs import state_url
    from connector.runner import run_sync
    from connector.stopping import StopSignal
    from connector.watching import Options, Watch

    options = Options(state_url(sync.file, state, environment=sync.environment), limit)
    return run_sync(sync, options, StopSignal(), Watch())


def preview(sync: Sync, limit: int = 5) -> pd.DataFrame:
    """Return the first `limit` rows of a sync's source beside what becomes of them; nothing is sent.

    Returns:
        one line a row: `row` (dict), `items` (list of dicts), `reject` (code or empty) and `message`.
    """
    import dataclasses

    import pandas as pd

    from connector.rehearsal import preview as rehearse

    columns = ["row", "items", "reject", "message"]
    return pd.DataFrame([dataclasses.asdict(shown) for shown in rehearse(sync, limit)], columns=columns)
