"""C. The source fails while it is read: the run resumes by itself, or ends with 3 at the last committed row."""

from __future__ import annotations

from collections.abc import Callable
from subprocess import Popen

from chaos.ground import Ground
from chaos.postgres import READER, Postgres, database_of, waits
from chaos.source import TABLE
from chaos.table import Line, Tally
from chaos.world import Shape, World, wait, wait_for

SHAPES = (
    Shape("postgresql", "sqlite", "events"),
    Shape("postgresql", "sqlite", "products"),
    Shape("postgresql", "sqlite", "mixed"),
    Shape("postgresql", "sqlite", "identify"),
)
_GROUP = 10


def connection_cut(world: World, postgres: Postgres, run: Popen[str]) -> None:
    """pg_terminate_backend, either while the session waits for a lock or at a moment drawn at random."""
    database = database_of(world.source.url)
    if world.dice.random() < 0.5:
        with postgres.locked(database, TABLE):
            wait_for(lambda: waits(postgres, database, READER) or run.poll() is not None)
            postgres.terminate(database, READER)
        return
    wait(run, world.dice.uniform(0, 1.5))
    wait_for(lambda: postgres.terminate(database, READER) or run.poll() is not None)


def server_restarted(world: World, postgres: Postgres, run: Popen[str]) -> None:
    """The server crashes and comes back, every other time while the session waits for a row."""
    database = database_of(world.source.url)
    if world.dice.random() < 0.5:
        with postgres.locked(database, TABLE):
            wait_for(lambda: waits(postgres, database, READER) or run.poll() is not None)
            postgres.restart()
        return
    world.somewhere(run)
    postgres.restart()


def statement_timeout(world: World, postgres: Postgres, run: Popen[str]) -> None:
    """Statements take longer than the database allows."""
    database = database_of(world.source.url)
    postgres.execute(f"alter database {database} set statement_timeout = '50ms'")
    try:
        with postgres.locked(database, TABLE):
            run.wait(30)
    finally:
        postgres.execute(f"alter database {database} reset statement_timeout")


def table_locked(world: World, postgres: Postgres, run: Popen[str]) -> None:
    """Somebody else has the table for himself for a while."""
    database = database_of(world.source.url)
    wait(run, world.dice.uniform(0, 1))
    with postgres.locked(database, TABLE):
        wait(run, world.dice.uniform(0.5, 2))


Fault = Callable[[World, Postgres, "Popen[str]"], None]
FAULTS: dict[str, Fault] = {
    "connection to the source cut": connection_cut,
    "server of the source restarted": server_restarted,
    "statement timeout of the source": statement_timeout,
    "table of the source locked": table_locked,
}


def fails(ground: Ground, rounds: int, name: str) -> Line:
    """Have the source fail so many times."""
    tally = Tally()
    number = list(FAULTS).index(name)
    with ground.world(name, SHAPES[number]) as world:
        while tally.rounds < rounds:
            tally.rounds += 1
            _round(world, ground.postgres, FAULTS[name], tally)
            if tally.rounds % _GROUP == 0:
                world.judge()
        world.judge()
        return tally.line(name, world)


def _round(world: World, postgres: Postgres, fault: Fault, tally: Tally) -> None:
    world.writer.burst(world.dice.randint(50, 400))
    with world.writer.live():
        process = world.start()
        fault(world, postgres, process)
        ended = world.end(process, 0, 3)
    tally.saw("resumed by itself" if ended.code == 0 else "ended with 3")
    world.expect(ended.code == 0 or "\n  → " in ended.errors, f"no hint in: {ended.errors[-300:]}")
    world.expect(not ended.counts.get("rejected"), f"rejected {ended.counts}")
    world.check_watermark()
