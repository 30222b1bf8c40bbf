"""All benchmarks, or some: ``python -m benchmarks [PART ...]``; ``--help`` names the parts.

Every figure with a target is a ratio against something measured in the same run, or a bound on memory or seconds;
medians of interleaved rounds. Data and states live in .bench; ``--write`` puts the results into docs/performance.md.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from benchmarks.backfill import backfill, growth
from benchmarks.files import files
from benchmarks.parts import PARTS as THROUGHPUT
from benchmarks.parts import Bench
from benchmarks.programs import ROOT, Programs
from benchmarks.rates import rates
from benchmarks.report import show, write
from benchmarks.rounds import Line
from benchmarks.safety import safety
from benchmarks.sink import sink
from benchmarks.synced import diff, synced
from benchmarks.tuning import tuning

PARTS = {
    **THROUGHPUT,
    "files": files,
    "safety": safety,
    "tuning": tuning,
    "synced": synced,
    "diff": diff,
    "backfill": backfill,
    "growth": growth,
    "rates": rates,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"all of {', '.join(PARTS)} unless given")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds, 5 unless given")
    parser.add_argument("--scale", type=float, default=1, help="TPC-H scale factor, 1 unless given")
    parser.add_argument("--write", action="store_true", help="put the results into docs/performance.md")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    # An end by a signal stops what was started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    lines = measure(options.parts or list(PARTS), options.rounds, options.scale)
    show(lines)
    if options.write:
        write(ROOT / "docs" / "performance.md", lines, options.rounds, options.scale)
    sys.exit(any(line.met is False for line in lines))


def measure(parts: list[str], rounds: int, scale: float) -> list[Line]:
    data = ROOT / ".bench" / f"scale-{scale:g}"
    data.mkdir(parents=True, exist_ok=True)
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(dir=data, prefix="run-") as folder, sink(Path(folder)) as running:
        variables = {
            "BENCH_DATA": str(data),
            "BENCH_SINK": running.url,
            "BENCH_FAR_SINK": running.far_url,
            "BENCH_TLS_SINK": running.tls_url,
            "BENCH_CA": str(running.ca_file),
        }
        bench = Bench(data, running, Programs(Path(folder), variables), rounds, scale)
        for part in parts:
            print(f"{part}: {(PARTS[part].__doc__ or '').splitlines()[0]}", file=sys.stderr, flush=True)
            lines += PARTS[part](bench)
    return lines


if __name__ == "__main__":
    main()
