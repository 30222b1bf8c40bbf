"""Workers and drivers of a backfill killed at random, while people change and the live lane runs."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from database_sources import Database
from filling import People
from shop import Shop, end, wait_for

_KILLS = int(os.environ.get("CONNECTOR_TEST_KILLS") or 4)
_WORDS = ("--slice-rows", "900", "--workers", "2", "--json")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_killed_workers_and_drivers(kind: str, shop: Shop, request: pytest.FixtureRequest) -> None:
    """Every version arrives, none after a newer one, none more often than what was in doubt, and no slice is done that is not."""
    place = (
        f"sqlite:///{shop.folder / 'people.db'}"
        if kind == "sqlite"
        else request.getfixturevalue("postgres_url")
    )
    people = People(shop, Database(kind, place))
    people.put(2_700 * _KILLS)
    path = people.sync(
        **{"destination.max_items": 20, "destination.concurrency": 2, "destination.max_items_per_second": 300}
    )
    shop.sandbox.set_faults({"latency": 0.03, "jitter": 0.03})
    dice = random.Random(11)
    killed = 0
    with people.changing():
        process = shop.start("backfill", path, *_WORDS)
        while killed < _KILLS:
            enough = shop.sandbox.counters()["accepted"] + dice.randint(50, 400)
            arrives(people, path, process, enough)
            assert shop.run("run", "--json", path).code == 0
            victims = [*_workers(process.pid), process.pid]
            victim = dice.choice(victims)
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
                killed += 1
            if victim == process.pid:
                end(process)
                process = shop.start("backfill", path, *_WORDS)
            assert process.poll() is None, end(process)
        shop.sandbox.set_faults({})
        ended = end(process)
    assert ended.code == 0, ended
    [report] = ended.lines
    assert report["done"] is True
    assert set(report["slices"].items()) == {
        ("planned", 0),
        ("running", 0),
        ("done", 3 * _KILLS),
        ("failed", 0),
    }
    people.settles(people.sync())  # without the cap: there are as many changes as there were seconds
    # Each kill leaves no more requests in doubt than may be in flight in one worker, and a driver takes both with it.
    people.judge(repeated=killed * 2 * 2 * 20)


def arrives(people: People, path: Path, process: subprocess.Popen[str], enough: int) -> None:
    """Wait until the sandbox has so many items; should nothing come, say how things stand."""
    deadline = time.monotonic() + 90
    while people.shop.sandbox.counters()["accepted"] <= enough:
        if process.poll() is not None or time.monotonic() > deadline:
            status = people.shop.run("backfill", path, "--status", "--json").out
            workers = _workers(process.pid)
            process.kill()
            raise AssertionError(status, workers, end(process))
        time.sleep(0.05)  # the sandbox tells nobody


def _workers(driver: int) -> list[int]:
    """Return the processes that work on slices for a driver."""
    found = []
    for pid in (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()):
        with suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
            parent = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
            if parent == driver and b"spawn_main" in words:
                found.append(pid)
    return found


def test_an_orphan_stops_by_itself(shop: Shop) -> None:
    """Workers whose driver was killed finish what is in flight, and end."""
    shop.orders(range(1, 3_001))
    path = shop.write()
    shop.sandbox.set_faults({"latency": 0.05})
    process: subprocess.Popen[str] = shop.start("backfill", path, "--slice-rows", "1000", "--workers", "2")
    wait_for(lambda: shop.sandbox.counters()["accepted"] > 50)
    workers = _workers(process.pid)
    assert len(workers) == 2
    process.kill()
    process.wait()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    end(process)
    [status] = shop.run("backfill", path, "--status", "--json").lines
    assert (status["state"], status["running"]) == ("stopped", 0)
    shop.sandbox.set_faults({})
    assert shop.run("backfill", path, "--resume", "--executor", "threads").code == 0
    shop.delivers(path, range(1, 3_001))
