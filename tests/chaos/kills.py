"""A. kill -9 of the connector at a random moment: while it starts, reads, sends, commits, ends."""

from __future__ import annotations

import time

from chaos.ground import Ground
from chaos.program import CONCURRENCY, MAX_ITEMS
from chaos.table import Line, Tally
from chaos.world import Shape, World, wait

SHAPES = (
    Shape("sqlite", "sqlite", "events"),
    Shape("postgresql", "postgresql", "products"),
    Shape("sqlite", "postgresql", "identify"),
    Shape("postgresql", "sqlite", "mixed"),
)
# Half of the moments are drawn by the clock, which often strikes while it starts; the others by what has arrived.
_BY_CLOCK = 0.5
_MOST = 600
# Kills between two comparisons.
_GROUP = 10


def kills(ground: Ground, rounds: int, shape: Shape) -> Line:
    """Kill so many runs, each at another moment of its life, and go on with the next."""
    fault = f"kill -9: {shape}"
    tally = Tally()
    with ground.world(fault, shape) as world:
        lasts = _measure(world)
        while tally.rounds < rounds:
            lasts = _round(world, tally, lasts)
            if tally.rounds % _GROUP == 0:
                world.judge()
        world.judge()
        return tally.line(fault, world)


def _measure(world: World) -> float:
    """Return how long a run lasts that nobody kills, in seconds."""
    world.writer.burst(600)
    started = time.monotonic()
    world.run()
    return time.monotonic() - started


def _round(world: World, tally: Tally, lasts: float) -> float:
    """Start a run and kill it at a moment drawn at random, if it lives that long; return how long runs last."""
    world.writer.burst(world.dice.randrange(200, 800))
    before = world.sandbox.counters()["requests"]
    with world.writer.live():
        process = world.start()
        started = time.monotonic()
        if world.dice.random() < _BY_CLOCK:
            wait(process, world.dice.uniform(0, 1.1 * lasts))
        else:
            world.somewhere(process, _MOST)
        if process.poll() is None:
            process.kill()
        ended = world.end(process, 0, -9)
    if ended.code == 0:  # it was done before: its length is what is drawn from
        return time.monotonic() - started
    tally.rounds += 1
    sent = world.sandbox.counters()["requests"] > before
    requests, items = world.books.in_doubt()
    tally.saw("while it sent" if requests else "between requests or at its end" if sent else "before it sent")
    world.expect(requests <= CONCURRENCY, f"{requests} requests in doubt after one kill")
    world.expect(items <= CONCURRENCY * MAX_ITEMS, f"{items} items in doubt after one kill")
    world.check_watermark()
    return lasts
