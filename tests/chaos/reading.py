"""C. The source fails while it is read: the run resumes by itself, or ends with 3 at the last committed row."""

from __future__ import annotations

from collections.abc import Callable
from subprocess import Popen

from chaos.ground import Ground
from chaos.postgres import READER, Postgres, database_of, waits
from chaos.source import TABLE
from chaos.table import Line, Tally
from chaos.world import Shape, World, wait, wait_for

# Characters a row: so many that a run reads several pages.
_PADDING = 6000
SHAPES = (
    Shape("postgresql", "sqlite", "events", padding=_PADDING),
    Shape("postgresql", "sqlite", "products", padding=_PADDING),
    Shape("postgresql", "sqlite", "mixed", padding=_PADDING),
    Shape("postgresql", "sqlite", "identify", padding=_PADDING),
)
_ROWS = 2500
_GROUP = 10


def connection_cut(world: World, postgres: Postgres, run: Popen[str]) -> None:
    """pg_terminate_backend, either while the session waits for a lock or at a moment drawn at random."""
    database = database_of(world.source.url)
    world.somewhere(run, _ROWS)
    if world.dice.random() < 0.5:
        with postgres.locked(database, TABLE):
            wait_for(lambda: waits(postgres, database, READER) or run.poll() is not None)
            postgres.terminate(database, READER)
        return
    wait_for(lambda: postgres.terminate(database, READER) or run.poll() is not None)


def server_restarted(world: World, postgres: Postgres, run: Popen[str]) -> None:
    """The server crashes and comes back, every other time while the session waits for a row."""
    database = database_of(world.source.url)
    world.somewhere(run, _ROWS)
    if world.dice.random() < 0.5:
        with postgres.locked(database, TABLE):
            wait_for(lambda: waits(postgres, database, READER) or run.poll() is not None)
            postgres.restart()
        return
    postgres.restart()


def statement_timeout(world: World, postgres: Postgres, run: Popen[str]) -> None:
    """Statements take longer than the database allows."""
    database = database_of(world.source.url)
    try:
        world.somewhere(run, _ROWS)
        with postgres.locked(database, TABLE):
            run.wait(30)
    finally:
        postgres.execute(f"alter database {database} reset statement_timeout")


def table_locked(world: World, postgres: Postgres, run: Popen[str]) -> None:
    """Somebody else has the table for himself for a while."""
    database = database_of(world.source.url)
    world.somewhere(run, _ROWS)
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
    world.writer.burst(world.dice.randint(1000, _ROWS))
    wait_for(world.source.settled)
    if fault is statement_timeout:  # in force for sessions that begin later
        limit = f"alter database {database_of(world.source.url)} set statement_timeout = '500ms'"
        postgres.execute(limit)
    with world.writer.live():
        process = world.start()
        fault(world, postgres, process)
        ended = world.end(process, 0, 3)
    if ended.code == 0:
        tally.saw("read to the end")
    else:
        tally.saw(
            "ended with 3 in mid-run" if ended.counts.get("delivered") else "ended with 3 before any row"
        )
    world.expect(ended.code == 0 or "\n  → " in ended.errors, f"no hint in: {ended.errors[-300:]}")
    world.expect(not ended.counts.get("rejected"), f"rejected {ended.counts}")
    world.check_watermark()
