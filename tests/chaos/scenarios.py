"""All scenarios, by the letter under which `--only` names them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from chaos import destination, entities, kills, leases, reading, replays, storing
from chaos.ground import Ground
from chaos.table import Line


@dataclass(frozen=True)
class Scenario:
    """A fault, and how often it is tried.

    Attributes:
        letter: its group.
        name: what is done.
        play: tries it so many times.
        rounds: how often in whole.
        few: how often in the tests.
    """

    letter: str
    name: str
    play: Callable[[Ground, int], Line]
    rounds: int
    few: int


SCENARIOS: tuple[Scenario, ...] = (
    *(Scenario("A", f"kill -9: {shape}", partial(kills.kills, shape=shape), 25, 4) for shape in kills.SHAPES),
    *(
        Scenario("B", how.name, partial(destination.misbehaves, how=how), 20, 2)
        for how in destination.MISBEHAVIOURS
    ),
    *(Scenario("C", name, partial(reading.fails, name=name), 10, 2) for name in reading.FAULTS),
    Scenario("D", "state: SQLite locked by another process", storing.locked, 10, 2),
    Scenario("D", "state: disk full", storing.full, 10, 2),
    Scenario("D", "state: PostgreSQL restarted", storing.restarted, 10, 2),
    Scenario("D", "state: connection cut between commit and answer", storing.unanswered, 10, 3),
    *(
        Scenario(
            "E",
            f"{crowd} connectors at once, leader frozen and woken: state in {shape.state_name}",
            partial(leases.contended, shape=shape, crowd=crowd),
            10,
            1,
        )
        for shape, crowd in zip(leases.SHAPES, (2, 8), strict=True)
    ),
    *(
        Scenario("F", f"entities: {name}", partial(entities.churned, name=name), 20, 2)
        for name in entities.SHAPES
    ),
    Scenario("F", replays.NAME, replays.replayed, 20, 2),
)
