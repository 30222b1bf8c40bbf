"""Self-tuning against real servers with limits that the run is not told: the sandbox, as a process, on a socket."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.parts import Bench
from benchmarks.programs import CONFIGS, ROOT, Programs
from benchmarks.rounds import TIMES, Line
from benchmarks.tuning_picture import picture
from connector.sandbox.process import Sandbox
from connector.sandbox.settings import SandboxSettings

PICTURE = ROOT / "docs" / "images" / "tuning.svg"
LIMITS = {"latency": 0.1, "max_items": 400, "max_concurrency": 20}
HALVED = {**LIMITS, "max_concurrency": 10}
# Seconds: the limit of requests in flight halves, is back, and the run is over.
HALF, BACK, OVER = 30, 50, 70
BY_HAND = ((16, 400), (18, 400), (20, 400), (22, 400), (20, 300))


@dataclass(frozen=True, slots=True)
class Seen:
    """What a server saw of a run.

    Attributes:
        requests: as the sandbox keeps them, with ``at`` in seconds since the first.
    """

    requests: Sequence[dict[str, Any]]

    def rate(self, first: float, last: float) -> float:
        """Items a second that were accepted between two times."""
        return sum(r["accepted"] for r in self.requests if first <= _end(r) < last) / (last - first)

    def share(self, status: int, first: float, last: float) -> float:
        """The share of requests answered so between two times."""
        told = [r["status"] for r in self.requests if first <= r["at"] < last]
        return told.count(status) / max(len(told), 1)

    def reached(self, rate: float, first: float, last: float) -> float:
        """Seconds from `first` until the rate of a second is that high, for three seconds in a row."""
        steps = [first + n / 4 for n in range(int((last - first - 3) * 4))]
        found = (at for at in steps if all(self.rate(at + n, at + n + 1) >= rate for n in range(3)))
        return next(found, last) - first

    def swing(self, first: int, last: int) -> float:
        """How far a second is from the middle one, at most, as a share."""
        rates = [self.rate(second, second + 1) for second in range(first, last)]
        middle = statistics.median(rates)
        return max(abs(rate - middle) for rate in rates) / middle


def _end(request: dict[str, Any]) -> float:
    return float(request["at"] + request["seconds"])


def tuning(bench: Bench) -> list[Line]:
    """Requests in flight and their size, below ceilings of 64 and 2,000, against hidden limits."""
    bench.make("lineitem")
    by_hand = {setting: run(bench, setting, [(12.0, LIMITS)]).rate(5, 12) for setting in BY_HAND}
    best_setting, best = max(by_hand.items(), key=lambda pair: pair[1])
    seen = run(bench, (64, 2000), [(HALF, LIMITS), (BACK, HALVED), (OVER, LIMITS)])
    PICTURE.write_text(picture(seen.requests, best, (HALF, BACK, OVER)))
    steady = run(bench, (12, 200), [(20, {"latency": 0.02}), (45, {"latency": 0.06})])
    part = "tuning"
    limit = f"{best_setting[0]} in flight, {best_setting[1]} items"
    settled, share = seen.rate(20, HALF) / best, seen.share(429, 15, HALF)
    reached, recovered = seen.reached(0.85 * best, 0, HALF), seen.reached(0.85 * best, BACK, OVER)
    swings = steady.swing(8, 19), steady.swing(30, 44)
    return [
        Line(part, f"best of {len(BY_HAND)} fixed settings: {limit}", f"{best:,.0f} items/s"),
        Line(part, "tuned, 20 to 30 s / that", f"{settled:.2f} {TIMES}", f"≥ 0.85 {TIMES}", settled >= 0.85),
        Line(part, "85 % of that reached after", f"{reached:.1f} s", "≤ 30 s", reached <= 30),
        Line(part, "answered 429, 15 to 30 s", f"{share:.2%}", "≤ 2 %", share <= 0.02),
        Line(part, "recovered from a halved limit after", f"{recovered:.1f} s", "≤ 15 s", recovered <= 15),
        Line(part, "swing at a constant 20 ms", f"{swings[0]:.0%}", "≤ 20 %", swings[0] <= 0.2),
        Line(part, "swing after latency tripled", f"{swings[1]:.0%}", "≤ 20 %", swings[1] <= 0.2),
    ]


def run(bench: Bench, ceilings: tuple[int, int], phases: Sequence[tuple[float, dict[str, Any]]]) -> Seen:
    """Run with these ceilings of requests in flight and items; each phase has its faults until a time in seconds."""
    settings = SandboxSettings(port=0, no_store=True)
    with Sandbox(settings) as sandbox, bench.programs.fresh_state() as state:
        sandbox.set_faults(phases[0][1])
        variables = {
            **bench.programs.variables,
            "BENCH_SINK": sandbox.url,
            "BENCH_IN_FLIGHT": str(ceilings[0]),
            "BENCH_ITEMS": str(ceilings[1]),
        }
        process = _start(Programs(bench.programs.folder, variables), state)
        try:
            _wait(process, lambda: sandbox.counters()["requests"] > 0)
            began = time.monotonic()
            for (until, _), following in zip(phases, [*phases[1:], None], strict=True):
                time.sleep(max(0.0, began + until - time.monotonic()))
                if following:
                    sandbox.set_faults(following[1])
            requests = sandbox.requests(20_000)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
    first = min(request["at"] for request in requests)
    print(f"  {ceilings}: {len(requests)} requests", file=sys.stderr, flush=True)
    return Seen([{**request, "at": request["at"] - first} for request in requests])


def _start(programs: Programs, state: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "connector", "run", CONFIGS / "tuning.yaml", "--json", "--state", state],
        cwd=ROOT,
        env={**os.environ, **programs.variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _wait(process: subprocess.Popen[bytes], ready: Any) -> None:
    while process.poll() is None:
        if ready():
            return
        time.sleep(0.02)  # nobody tells when the first request is answered
    raise SystemExit("the run ended before its first request")
