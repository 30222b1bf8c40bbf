"""B. The destination misbehaves in every way; nothing is lost, and only poison is rejected."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from subprocess import Popen
from typing import Any

from chaos.ground import Ground
from chaos.program import MAX_ITEMS, Ended
from chaos.table import Line, Tally
from chaos.world import Shape, World, wait

Faults = Callable[[random.Random], dict[str, Any]]
# Rounds between two comparisons.
_GROUP = 10
# The same 5xx so often is the request's fault.
_SAME_5XX = 5


@dataclass(frozen=True)
class Misbehaviour:
    """A way to misbehave.

    Attributes:
        name: in words.
        faults: what the sandbox is told, drawn anew for each round.
        code: how a run ends.
        shape: the world it happens in.
        poison: most poisonous rows a round.
        reason, words: the reject's code, and the server's words in it.
        repeated: requests that a poisonous row may cost beside those that isolate it.
        restarts: whether the sandbox is killed and started again meanwhile.
    """

    name: str
    faults: Faults
    code: int = 0
    shape: Shape = field(default_factory=Shape)
    poison: int = 0
    reason: str = ""
    words: str = ""
    repeated: int = 0
    restarts: bool = False


def _rule(fault: str, **more: Any) -> dict[str, Any]:
    return {"rules": [{"fault": fault, **more}]}


def _status(status: int, **more: Any) -> dict[str, Any]:
    return _rule("status", status=status, **more)


MISBEHAVIOURS = (
    Misbehaviour(
        "429 with seconds",
        lambda dice: _status(429, from_nth=dice.randint(1, 12), next=dice.randint(1, 3), retry_after=1),
        shape=Shape("sqlite", "sqlite", "products"),
    ),
    Misbehaviour(
        "429 with a date",
        lambda dice: _status(
            429, from_nth=dice.randint(1, 12), next=2, retry_after=0, retry_after_form="date"
        ),
        shape=Shape("sqlite", "postgresql", "events"),
    ),
    Misbehaviour(
        "bursts of 500 and 503",
        lambda dice: _status(
            **dice.choice(({"status": 500}, {"status": 500, "stored": True}, {"status": 503})),
            from_nth=dice.randint(1, 8),
            next=dice.randint(2, 12),
        ),
        shape=Shape("postgresql", "sqlite", "identify"),
    ),
    Misbehaviour(
        "a row that always gets 500",
        lambda _: {"poison_500": ["poison-"]},
        poison=1,
        reason="server_error",
        words="internal server error",
        repeated=2 * (_SAME_5XX - 1),
    ),
    Misbehaviour(
        "hangs",
        lambda dice: _rule("hang", every=dice.randint(5, 9), stored=dice.random() < 0.5),
        shape=Shape("sqlite", "sqlite", "products", destination={"timeout": "300ms"}),
    ),
    Misbehaviour(
        "resets in mid-body",
        lambda dice: _rule("reset", rate=dice.uniform(0.1, 0.4)),
        shape=Shape("sqlite", "sqlite", "mixed"),
    ),
    Misbehaviour(
        "answers lost after acceptance",
        lambda dice: _rule("lost_answer", rate=dice.uniform(0.1, 0.4)),
        shape=Shape("sqlite", "sqlite", "identify"),
    ),
    Misbehaviour(
        "slow drip of answers",
        lambda dice: _rule("drip", every=dice.randint(3, 9), seconds=0.2),
        shape=Shape("sqlite", "sqlite", "mixed"),
    ),
    Misbehaviour(
        "restarts in mid-run", lambda _: {}, restarts=True, shape=Shape("sqlite", "sqlite", "products")
    ),
    Misbehaviour(
        "400 with poison rows",
        lambda dice: {"poison": ["poison-"], "refusal": dice.choice(("json", "text"))},
        poison=3,
        reason="refused_by_server",
        words="an item cannot be processed",
    ),
    Misbehaviour(
        "413 above a hidden number of items",
        lambda dice: {"max_items": dice.randint(1, MAX_ITEMS - 1)},
        shape=Shape("sqlite", "sqlite", "products"),
    ),
    Misbehaviour("413 above a hidden number of bytes", lambda dice: {"max_bytes": dice.randint(600, 2400)}),
    Misbehaviour(
        "401 in mid-run",
        lambda dice: _status(401, from_nth=dice.randint(1, 12)),
        code=2,
        shape=Shape("sqlite", "postgresql", "products"),
    ),
    Misbehaviour(
        "a login page with 200",
        lambda dice: _rule("login_page", from_nth=dice.randint(1, 12)),
        code=3,
        shape=Shape("sqlite", "sqlite", "identify"),
    ),
)


def misbehaves(ground: Ground, rounds: int, how: Misbehaviour) -> Line:
    """Run so many times against a sandbox that misbehaves, then once against one that does not."""
    tally = Tally()
    with ground.world(how.name, how.shape) as world:
        while tally.rounds < rounds:
            tally.rounds += 1
            _round(world, how, tally)
            if tally.rounds % _GROUP == 0:
                world.judge()
        world.judge()
        _check_rejects(world, how)
        return tally.line(how.name, world)


def _round(world: World, how: Misbehaviour, tally: Tally) -> None:
    poisonous = _fill(world, how)
    before = world.sandbox.counters()
    world.fault(how.faults(world.dice))
    with world.writer.live():
        process = world.start()
        if how.restarts:
            _restart(world, process)
        ended = world.end(process, how.code)
    _tell(world, how, tally, before)
    world.expect(ended.counts.get("rejected") == poisonous, f"{ended.counts} with {poisonous} poisonous rows")
    if how.poison:
        _check_cost(world, how, ended, poisonous, tally)
    if how.code:
        world.check_watermark()
        world.fault({})
        world.run()


def _fill(world: World, how: Misbehaviour) -> int:
    """Write rows, poison among them, never two in reach of one request; return how many are poisonous."""
    poisonous = world.dice.randint(1, how.poison) if how.poison else 0
    for _ in range(poisonous):
        world.writer.burst(world.dice.randint(MAX_ITEMS, 100))
        world.writer.poison()
    world.writer.burst(world.dice.randint(MAX_ITEMS, 300))
    return poisonous


def _restart(world: World, process: Popen[str]) -> None:
    """Kill the sandbox in the middle of a run and start it again a moment later."""
    world.somewhere(process)
    world.sandbox.kill()
    wait(process, world.dice.uniform(0, 0.4))
    world.sandbox.start()
    world.fault({})


def _tell(world: World, how: Misbehaviour, tally: Tally, before: dict[str, Any]) -> None:
    """Count how often the sandbox did misbehave."""
    if how.restarts:
        tally.saw("restarts")
        return
    now = world.sandbox.counters()["outcomes"]
    for outcome, count in now.items():
        fresh = count - before["outcomes"].get(outcome, 0)
        if fresh and outcome not in {"accepted", "client_left"}:
            tally.saw(outcome, fresh)


def _check_cost(world: World, how: Misbehaviour, ended: Ended, poisonous: int, tally: Tally) -> None:
    """Isolating costs at most ⌈log₂ n⌉ + 2 extra requests for each lone poisonous row.

    A 500 is also repeated, by the request that got it first and by the row that gets it alone.
    """
    extra = ended.counts.get("requests", 0) - math.ceil(ended.counts.get("read", 0) / MAX_ITEMS)
    most = math.ceil(math.log2(MAX_ITEMS)) + 2 + how.repeated
    tally.saw("extra requests", extra)
    tally.saw("of at most", poisonous * most)
    world.expect(
        extra <= poisonous * most, f"{extra} extra requests for {poisonous} poisonous rows, not {most}"
    )


def _check_rejects(world: World, how: Misbehaviour) -> None:
    """Only poison is rejected, all of it, with its reason and the server's words."""
    for reject in world.books.rejects():
        world.expect(reject.reason == how.reason, f"a reject for {reject.reason}, not {how.reason}")
        world.expect(how.words in reject.message, f"a reject without the server's words: {reject.message}")
