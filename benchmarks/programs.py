"""Runs what is measured, each a process of its own, and says what it took."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
CONFIGS = Path(__file__).parent / "configs"
CONNECTOR = Path(sys.executable).with_name("connector")


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that ended well.

    Attributes:
        output: what it printed.
        seconds: from its start to its end.
        peak: the most memory it held, in bytes.
        cpu: seconds of processor time, its threads' and the system's for it.
    """

    output: str
    seconds: float
    peak: int
    cpu: float

    @property
    def said(self) -> dict[str, Any]:
        """Its output as JSON."""
        found: dict[str, Any] = json.loads(self.output)
        return found


@dataclass(frozen=True, slots=True)
class Programs:
    """Starts processes with the variables of the benchmarks.

    Attributes:
        folder: where states and other short-lived files go.
        variables: added to the environment.
    """

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str | Path) -> Ended:
        """Run a program to its end.

        Raises:
            SystemExit: it failed; its messages are shown.
        """
        with (
            tempfile.TemporaryFile("w+", dir=self.folder) as output,
            tempfile.TemporaryFile("w+", dir=self.folder) as errors,
        ):
            started = time.perf_counter()
            process = subprocess.Popen(
                arguments, cwd=ROOT, env={**os.environ, **self.variables}, stdout=output, stderr=errors
            )
            try:
                _, status, usage = os.wait4(process.pid, 0)
            except BaseException:
                process.terminate()
                process.wait()
                raise
            seconds = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            errors.seek(0)
            if process.returncode:
                named = " ".join(map(str, arguments))
                raise SystemExit(
                    f"{named}\nended with {process.returncode}\n{output.read()}\n{errors.read()}"
                )
            # Linux counts in KiB, macOS in bytes.
            peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
            return Ended(output.read(), seconds, peak, usage.ru_utime + usage.ru_stime)

    def module(self, name: str, *arguments: str | Path) -> Ended:
        """Run a module of the benchmarks."""
        return self.run(sys.executable, "-m", f"benchmarks.{name}", *arguments)

    def connector(self, sync: str, *options: str, state: str, **variables: str) -> Ended:
        """Run a sync of benchmarks/configs with the given state."""
        with_these = Programs(self.folder, {**self.variables, **variables})
        return with_these.run(
            CONNECTOR, "run", CONFIGS / f"{sync}.yaml", "--json", "--state", state, *options
        )

    def first_run(self, sync: str, *options: str, **variables: str) -> Ended:
        """Run a sync that has no state yet."""
        with self.fresh_state() as state:
            return self.connector(sync, *options, state=state, **variables)

    @contextmanager
    def fresh_state(self) -> Iterator[str]:
        """The URL of a state store that does not exist yet, and is gone afterwards."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            yield f"sqlite:///{folder}/state.db"


def rate(ended: Ended) -> float:
    """Rows a second by the program's own clock, which starts after its imports."""
    said = ended.said
    return float(said["rows"] / said["seconds"])


def run_rate(ended: Ended) -> float:
    """Rows a second of a run, from the `started` to the `ended` of its report; all rows must be delivered."""
    said = ended.said
    counts = said["counts"]
    if not 0 < counts["read"] == counts["delivered"]:
        raise SystemExit(f"the run did not deliver what it read: {counts}")
    started, done = (dt.datetime.fromisoformat(said[name]) for name in ("started", "ended"))
    return float(counts["read"] / (done - started).total_seconds())
