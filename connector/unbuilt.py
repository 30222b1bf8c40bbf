"""Settings that the configuration knows and this version cannot honour yet: refused, never ignored."""

from __future__ import annotations

import datetime as dt

from connector.config.models import Sync
from connector.errors import ConfigError, ConfigErrors

_LATER = "this version cannot do that yet"


def refuse_unbuilt(sync: Sync) -> None:
    """Raise for each setting of `sync` that would silently do nothing.

    Raises:
        ConfigErrors: naming them all.
    """
    source = sync.source
    found = {
        "source.mode": ("diff", "use a cursor, or mode: full") if source.mode == "diff" else None,
        "source.lookback": ("set", "remove it; source.settle keeps late rows safe")
        if source.lookback > dt.timedelta(0)
        else None,
        "source.track_keys": ("true", "remove it") if source.track_keys else None,
        "source.on_delete": ("set", "remove it; vanished rows are not noticed yet")
        if source.on_delete != "ignore"
        else None,
    }
    errors = [
        ConfigError(f"{value}: {_LATER}", hint=hint, file=str(sync.file), path=path)
        for path, problem in found.items()
        if problem is not None
        for value, hint in [problem]
    ]
    if errors:
        raise ConfigErrors(errors)
