"""Who a process is, told so that another process on the same machine can prove that it is gone."""

from __future__ import annotations

import os
import socket
import sys
from functools import cache
from pathlib import Path

from connector.model import Holder

_GONE_STATES = "ZX"  # a zombie, a dead process: neither will ever write again


@cache
def _this_process(pid: int) -> Holder:
    stat = _stat(pid)
    return Holder(
        host=socket.gethostname(),
        pid=pid,
        boot_id=_read("/proc/sys/kernel/random/boot_id"),
        pid_namespace=_pid_namespace(),
        started=stat[1] if stat else "",
    )


def this_process() -> Holder:
    """Return the holder that stands for the process that asks."""
    return _this_process(os.getpid())  # by pid, as a fork is another process


def gone(holder: Holder, *, one_host: bool) -> bool:
    """Tell whether a holder provably no longer runs; where that cannot be known, it is not gone.

    Args:
        holder: whoever took the lease.
        one_host: whether all holders run on this machine, as with a state file.

    Returns:
        True when it ran under this very kernel and process table and its process has ended, or when the
        machine has been started anew since.
    """
    me = this_process()
    if sys.platform == "win32":
        return False
    if not me.boot_id:  # no Linux: a host's name alone proves little, unless there is but one host
        return one_host and holder.host == me.host and not _exists(holder.pid)
    if holder.boot_id != me.boot_id:
        return one_host and bool(holder.boot_id)
    if not me.pid_namespace or holder.pid_namespace != me.pid_namespace:
        return False  # another container: its process table is not ours to see
    if not _exists(holder.pid):
        return True
    stat = _stat(holder.pid)
    return stat is not None and (
        stat[0] in _GONE_STATES or (stat[1] != holder.started and bool(holder.started))
    )


def _exists(pid: int) -> bool:
    """Signal 0 reaches processes that a hardened /proc hides. Never called on Windows, where it would kill."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _stat(pid: int) -> tuple[str, str] | None:
    """Return the state and the start time (clock ticks since boot) of a process, or None where unknown."""
    # The name before them may hold spaces and brackets, so count from the last bracket.
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (fields[0], fields[19]) if len(fields) > 19 else None


def _pid_namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8", "replace").strip()
    except OSError:
        return ""
