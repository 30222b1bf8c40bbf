"""F. Entities updated many times a second, with retries and restarts: the last item is the last version."""

from __future__ import annotations

from typing import Any

from chaos.ground import Ground
from chaos.table import Line, Tally
from chaos.world import Shape, World, wait

# Entities that are updated in place, and entities of which each version is a row of its own.
SHAPES = {
    "products updated in place": Shape("sqlite", "sqlite", "products", moving=30),
    "users updated in place": Shape("sqlite", "postgresql", "identify", moving=30),
    "versions of products": Shape("sqlite", "sqlite", "products", moving=0, entities=30),
    "versions of users": Shape("postgresql", "sqlite", "identify", moving=0, entities=30),
}
_GROUP = 5


def churned(ground: Ground, rounds: int, name: str) -> Line:
    """Run over and over while the destination fails now and then, and runs are killed now and then."""
    tally = Tally()
    with ground.world(name, SHAPES[name]) as world:
        while tally.rounds < rounds:
            tally.rounds += 1
            _round(world, tally)
            if tally.rounds % _GROUP == 0:
                world.judge()
        world.judge()
        return tally.line(f"entities: {name}", world)


def _round(world: World, tally: Tally) -> None:
    world.fault(_trouble(world, tally))
    with world.writer.live():
        for _ in range(world.dice.randint(1, 3)):
            world.writer.burst(world.dice.randint(100, 300))
            lost = _lost(world)
            process = world.start()
            if world.dice.random() < 0.3:
                world.somewhere(process)
                process.kill()
                tally.saw("killed")
                world.wait_for_arrivals()
                world.unanswered += _lost(world) - lost
            elif world.dice.random() < 0.2:
                world.somewhere(process)
                world.sandbox.kill()
                wait(process, 0.2)
                world.sandbox.start()
                tally.saw("sandbox restarted")
            world.end(process, 0, -9)


def _lost(world: World) -> int:
    """Return the items of all requests that were taken and never answered, since the sandbox started."""
    return sum(
        exchange["accepted"]
        for exchange in world.sandbox.requests(20_000)
        if exchange["outcome"] == "lost_answer"
    )


def _trouble(world: World, tally: Tally) -> dict[str, Any]:
    """Return faults that ask for retries."""
    status = {"fault": "status", "rate": world.dice.uniform(0.02, 0.3)}
    kinds: dict[str, list[dict[str, Any]]] = {
        "503": [{**status, "status": 503}],
        "429": [{**status, "status": 429, "retry_after": 0}],
        "lost answers": [{"fault": "lost_answer", "rate": 0.15}],
        "resets": [{"fault": "reset", "rate": 0.2}],
    }
    kind = world.dice.choice(list(kinds))
    tally.saw(f"rounds with {kind}")
    return {"rules": kinds[kind], "jitter": 0.02}
