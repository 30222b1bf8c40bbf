"""What safety costs: CPU seconds of a run beside those of the program before its delivery was made safe.

The earlier program is taken out of the repository's own history, so a clone with history is needed.
"""

from __future__ import annotations

import math
import statistics
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

from benchmarks.parts import Bench
from benchmarks.programs import CONFIGS, ROOT, Programs, run_rate
from benchmarks.rounds import TIMES, Line, interleaved

# The last commit before crash safety, tuning, the breaker and rejects that close themselves.
BASELINE = "dae4875"
PAIRS = 20
# Student's t for 95 % and at least 19 degrees of freedom.
_T = 2.093
MOST = 1.03


def safety(bench: Bench) -> list[Line]:
    """CPU of a run against that of the program before its delivery was made safe, in interleaved pairs."""
    bench.make("orders")
    before = taken_out(bench.data.parent / f"baseline-{BASELINE}")
    figures = interleaved(
        {
            "CPU seconds per million rows, before": lambda: cpu(bench.programs, before),
            "CPU seconds per million rows, now": lambda: cpu(bench.programs, ROOT),
        },
        max(PAIRS, bench.rounds),
    )
    earlier, now = figures.values()
    low, middle, high = interval([b / a for a, b in zip(earlier, now, strict=True)])
    return [
        *(Line("safety", name, f"{statistics.median(values):.2f} s") for name, values in figures.items()),
        Line(
            "safety",
            f"now / before, {len(now)} pairs: mean and 95 % interval",
            f"{middle:.3f} ({low:.3f} to {high:.3f}) {TIMES}",
            f"interval not wholly above {MOST} {TIMES}",
            low <= MOST,
        ),
    ]


def taken_out(folder: Path) -> Path:
    """Return a folder with the files of the earlier program."""
    if not folder.exists():
        packed = subprocess.run(
            ["git", "archive", BASELINE, "connector"], check=False, cwd=ROOT, capture_output=True
        )
        if packed.returncode:
            raise SystemExit(f"the history lacks {BASELINE}: git fetch --unshallow")
        with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
            archive.extractall(folder, filter="data")
    return folder


def cpu(programs: Programs, code: Path) -> float:
    """Run the orders with the program in the folder `code`; return its CPU seconds per million rows."""
    with programs.fresh_state() as state:
        variables = {**programs.variables, "PYTHONPATH": str(code), "PYTHONSAFEPATH": "1"}
        ended = Programs(programs.folder, variables).run(
            sys.executable, "-m", "connector", "run", CONFIGS / "orders.yaml", "--json", "--state", state
        )
    run_rate(ended)
    return ended.cpu / ended.said["counts"]["read"] * 1e6


def interval(ratios: list[float]) -> tuple[float, float, float]:
    """Return the mean ratio with the bounds of its 95 % interval, computed of logarithms."""
    logs = [math.log(ratio) for ratio in ratios]
    middle = statistics.mean(logs)
    half = _T * statistics.stdev(logs) / math.sqrt(len(logs))
    return math.exp(middle - half), math.exp(middle), math.exp(middle + half)
