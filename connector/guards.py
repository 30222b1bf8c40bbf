"""What must not change between the runs of a sync, because its watermark would come to mean something else."""

from __future__ import annotations

from collections.abc import Mapping

from connector.errors import GuardTripped

# What a person may accept by `state reset`; a change of these makes the watermark meaningless.
_REFUSE = {
    "source": "reads another source",
    "mode": "reads in another mode",
    "cursor": "has another cursor",
    "key": "has another key",
    "destination": "sends to another destination",
}


def compare(sync: str, before: Mapping[str, str] | None, now: Mapping[str, str]) -> list[str]:
    """Hold the fingerprint of a run against that of the state.

    Args:
        sync: its name, for messages.
        before: part -> digest as stored; None for a sync without state.
        now: part -> digest of this run.

    Returns:
        The parts that have changed, and may.

    Raises:
        GuardTripped: what the watermark hangs on has changed.
    """
    changed = [name for name in now if before and before.get(name, now[name]) != now[name]]
    if refused := [_REFUSE[name] for name in changed if name in _REFUSE]:
        raise GuardTripped(
            f"{sync}: this configuration {' and '.join(refused)} than the one its state was made with",
            hint=f"restore the setting, use a state of its own (--state), or start over: connector state reset {sync}",
        )
    return changed
