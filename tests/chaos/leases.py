"""E. Many connectors start the same sync at once, and the one that leads is frozen past its lease and woken."""

from __future__ import annotations

import os
import re
import signal
from subprocess import Popen

from chaos.ground import Ground
from chaos.program import CONCURRENCY, Ended
from chaos.table import Line, Tally
from chaos.world import Shape, World, wait_for

SHAPES = (Shape("sqlite", "sqlite", "products"), Shape("sqlite", "postgresql", "identify"))
_LEASE = 3  # seconds
# Slow enough that the leader is still there when the others have given up.
_LATENCY = 0.5
_ROWS = 1600
_GROUP = 5


def contended(ground: Ground, rounds: int, shape: Shape, crowd: int) -> Line:
    """Start `crowd` runs at once, freeze the leader, let another take over, and wake the leader."""
    name = f"{crowd} connectors at once, leader frozen and woken: state in {shape.state_name}"
    tally = Tally()
    with ground.world(name, shape) as world:
        world.environ["CONNECTOR_LEASE"] = str(_LEASE)
        world.run()
        while tally.rounds < rounds:
            if not _round(world, crowd, tally):
                tally.saw("rounds tried again, as the leader was done too soon")
                continue
            tally.rounds += 1
            if tally.rounds % _GROUP == 0:
                world.judge()
        world.judge()
        return tally.line(name, world)


def _round(world: World, crowd: int, tally: Tally) -> bool:
    world.fault({"latency": _LATENCY})
    world.writer.burst(_ROWS)
    with world.writer.live():
        processes = [world.start() for _ in range(crowd)]
        leader = _leader(world, processes)
        if leader is None:
            for process in processes:
                world.end(process, 0, 3)
            return False
        _check_losers(world, leader, [world.end(one, 3) for one in processes if one is not leader])
        _check_frozen(world, leader, tally)
        return True


def _leader(world: World, processes: list[Popen[str]]) -> Popen[str] | None:
    """Return the process that holds the lane, once all others have seen that it does."""
    wait_for(lambda: sum(one.poll() is None for one in processes) <= 1, 120)
    held = world.books.holder()
    return next((one for one in processes if one.pid == held and one.poll() is None), None)


def _check_losers(world: World, leader: Popen[str], losers: list[Ended]) -> None:
    """They have read and sent nothing, and say who holds the lane and since when."""
    for ended in losers:
        told = re.search(r"held by process (\d+) on \S+ since 20", ended.errors)
        world.expect(told and int(told[1]) == leader.pid, f"does not name the holder: {ended.errors[-300:]}")
        world.expect(not ended.counts.get("read"), "a second run has read")
    # What one connector may have in flight, however many were started.
    most = world.sandbox.counters()["max_in_flight"]
    world.expect(most <= CONCURRENCY, f"{most} requests in flight at once")


def _check_frozen(world: World, leader: Popen[str], tally: Tally) -> None:
    """Freeze the leader past its lease: another takes over, and the woken one commits nothing and sends little."""
    os.kill(leader.pid, signal.SIGSTOP)
    try:
        world.fault({"latency": 0.02})
        heir = _take_over(world, tally)
        wait_for(lambda: not world.sandbox.counters()["in_flight"])
        arrived = world.sandbox.counters()["requests"]
        watermark, reported = world.books.watermark(), world.books.reported()
    finally:
        os.kill(leader.pid, signal.SIGCONT)
    ended = world.end(leader, 3)
    wait_for(lambda: not world.sandbox.counters()["in_flight"])
    sent = world.sandbox.counters()["requests"] - arrived
    tally.saw("requests sent after waking", sent)
    world.expect(heir.code == 0, f"the heir ended with {heir.code}")
    world.expect(sent <= CONCURRENCY, f"{sent} requests were sent after waking")
    world.expect(world.books.watermark() == watermark, "the woken one has moved the watermark")
    world.expect(world.books.reported() == reported, "the woken one has committed counts")
    world.expect("lease" in ended.errors, f"does not speak of its lease: {ended.errors[-300:]}")


def _take_over(world: World, tally: Tally) -> Ended:
    """Run again until the lease of the frozen one has run out; those that come too early are refused."""
    while True:
        ended = world.end(world.start(), 0, 3)
        if ended.code == 0 or "is held by process" not in ended.errors:
            return ended
        tally.saw("refused while the frozen one held its lease")
