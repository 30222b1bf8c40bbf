"""What must not change between the runs of a sync, because its watermark would come to mean something else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.errors import GuardTripped

# What a person may accept by `state reset`; a change of these makes the watermark meaningless.
_REFUSE = {
    "source": "reads another source",
    "mode": "reads in another mode",
    "cursor": "has another cursor",
    "key": "has another key",
    "destination": "sends to another destination",
}


def compare(
    sync: str, before: Mapping[str, Any] | None, now: Mapping[str, Any], *, adopt: bool = False
) -> list[str]:
    """Hold the fingerprint of a run against that of the state.

    Args:
        sync: its name, for messages.
        before: part -> digest as stored; None for a sync without state.
        now: part -> digest of this run.
        adopt: whether the state may belong to another destination from now on.

    Returns:
        The parts that have changed, and may.

    Raises:
        GuardTripped: what the watermark hangs on has changed.
    """
    digests = now.keys() - {"columns"}  # those are `connector/drift.py`'s
    changed = [
        name for name in now if name in digests and before and before.get(name, now[name]) != now[name]
    ]
    refused = [name for name in changed if name in _REFUSE and not (adopt and name == "destination")]
    if refused:
        alone = (
            "let this state belong to the new destination (--adopt), " if refused == ["destination"] else ""
        )
        raise GuardTripped(
            f"this configuration {' and '.join(_REFUSE[name] for name in refused)} than the one its state "
            "was made with",
            hint=f"restore the setting, use a state of its own for it (--state, one store an environment), {alone}"
            f"or start over: connector state reset {sync}",
        )
    return changed
