"""F. Entities updated while the destination refuses some of them, and replayed: the last item is the last version."""

from __future__ import annotations

import subprocess

from chaos import program
from chaos.ground import Ground
from chaos.table import Line, Tally
from chaos.world import Shape, World

_SHAPE = Shape("sqlite", "sqlite", "products", moving=30)
_GROUP = 5
NAME = "entities: refused, updated meanwhile, and replayed"


def replayed(ground: Ground, rounds: int) -> Line:
    """Refuse some entities for a while, and replay their rejects while they go on changing."""
    tally = Tally()
    with ground.world(NAME, _SHAPE) as world:
        while tally.rounds < rounds:
            tally.rounds += 1
            _round(world, tally)
            if tally.rounds % _GROUP == 0:
                _judge(world)
        _judge(world)
        return tally.line(NAME, world)


def _round(world: World, tally: Tally) -> None:
    with world.writer.live():
        world.fault({"poison": [f"thing {one} of" for one in world.dice.sample(range(3, 30), 4)]})
        world.writer.burst(world.dice.randint(50, 150))
        world.end(world.start(), 0, 4)
        tally.saw("rejects to replay", len(world.books.rejects()))
        world.fault({"rules": [{"fault": "status", "status": 503, "rate": 0.1}], "jitter": 0.02})
        for _ in range(world.dice.randint(1, 2)):
            process = _replay(world)
            if world.dice.random() < 0.3:
                world.somewhere(process)
                process.kill()
                tally.saw("killed replays")
            world.end(process, 0, -9)
            world.end(world.start(), 0)


def _replay(world: World) -> subprocess.Popen[str]:
    return program.start(world.file, world.state, world.environ, command=("rejects", "replay"))


def _judge(world: World) -> None:
    """Deliver what is new, then what was refused and has not changed since; nothing may be left."""
    world.fault({})
    world.end(world.start(), 0)
    world.end(_replay(world), 0)
    world.judge()
    world.expect(not world.books.rejects(), "rejects are open though all rows were taken")
