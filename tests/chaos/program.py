"""The program as people start it, and the sync that it is given."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connector.sandbox.process import Sandbox

CONCURRENCY = 4
MAX_ITEMS = 16

_FIELDS = {"id": "id", "version": "version", "label": "label"}
MAPPINGS: dict[str, dict[str, Any]] = {
    "events": {
        "kind": "event",
        "event": "Moved",
        "events": "per_version",
        "userId": "owner",
        "timestamp": "moved_at",
        "data": _FIELDS,
    },
    "identify": {"kind": "identify", "userId": "owner", "userAttributes": _FIELDS},
    "products": {"kind": "product", "productId": "entity", "data": _FIELDS},
}
# One row in three is an event, one a user, one a product.
_MIXED = [
    {**MAPPINGS[kind], "when": f"entity % 3 = {number}"}
    for number, kind in enumerate(("events", "identify", "products"))
]


@dataclass(frozen=True)
class Ended:
    """A run that ended.

    Attributes:
        code: its exit code; negative is the signal that killed it.
        report: what ``--json`` printed, None when it was killed before.
        errors: what it said to people.
    """

    code: int
    report: dict[str, Any] | None
    errors: str

    @property
    def counts(self) -> dict[str, int]:
        """Its accounting, empty without a report."""
        return dict(self.report["counts"]) if self.report else {}


def write_sync(
    path: Path,
    source: str,
    sandbox: Sandbox,
    kind: str,
    destination: dict[str, Any],
    reading: dict[str, Any] | None = None,
) -> None:
    """Write the sync into a file; JSON is YAML too.

    Args:
        path: where to.
        source: its URL.
        sandbox: the destination.
        kind: the mapping's name in `MAPPINGS`, or ``mixed``.
        destination: laid over the sync's destination.
        reading: laid over the sync's source.
    """
    settings = {
        "type": "track",
        "base_url": sandbox.url,
        "org": sandbox.settings.org,
        "project": sandbox.settings.project,
        "source_id": sandbox.settings.source_id,
        "api_key": sandbox.settings.key,
        "max_items": MAX_ITEMS,
        "concurrency": CONCURRENCY,
        "timeout": "5s",
        "retry": {"max_elapsed": "20s", "wait_initial": "5ms", "wait_max": "50ms"},
    }
    sync = {
        "sync": "chaos",
        "source": {
            "type": "database",
            "url": source,
            "table": "things",
            "cursor": "moved_at",
            "key": "id",
            **(reading or {}),
        },
        "mapping": MAPPINGS.get(kind, _MIXED),
        "destination": settings | destination,
    }
    path.write_text(json.dumps(sync, indent=2), "utf-8")


def start(
    path: Path,
    state: str,
    environ: dict[str, str],
    prefix: Sequence[str] = (),
    command: Sequence[str] = ("run",),
) -> subprocess.Popen[str]:
    """Start a run, or another `command` that reports like one, as a process of its own, behind the command `prefix`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CONNECTOR_")}
    return subprocess.Popen(
        [*prefix, sys.executable, "-m", "connector", *command, "--json", "--state", state, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**clean, **environ},
    )


def end(process: subprocess.Popen[str], seconds: float = 60) -> Ended:
    """Wait for a run."""
    try:
        out, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, errors = process.communicate()
        errors += f"\nit did not end within {seconds} s"
    return Ended(process.returncode, json.loads(out) if out.strip() else None, errors)
