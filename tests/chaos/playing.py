"""Plays scenarios side by side, each in a process of its own."""

from __future__ import annotations

import traceback
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from chaos.ground import Clock, Ground
from chaos.scenarios import SCENARIOS
from chaos.table import Line


def play(only: str | None, rounds: int | None, seed: int, jobs: int) -> list[Line]:
    """Play the scenarios, some side by side, and return what each showed, in their order."""
    clock = Clock()
    clock.say(f"seed {seed}")
    words = only.split(",") if only else []
    chosen = [
        number
        for number, each in enumerate(SCENARIOS)
        if not words or each.letter in words or any(word in each.name for word in words)
    ]
    lines: dict[int, Line] = {}
    # Processes of their own, each with a PostgreSQL of its own: nothing of one scenario reaches another.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        playing = {pool.submit(tried, number, rounds, seed): number for number in chosen}
        for done in as_completed(playing):
            number = playing[done]
            line = lines[number] = done.result()
            clock.say(f"{SCENARIOS[number].letter}. {line.fault}: {line.rounds} rounds, {line.verdict}")
            for problem in line.problems:
                clock.say(f"   {problem}")
    return [lines[number] for number in chosen]


def tried(number: int, rounds: int | None, seed: int) -> Line:
    """Play one scenario; what stops it is a problem, too."""
    scenario = SCENARIOS[number]
    with Ground(seed) as ground:
        try:
            return scenario.play(ground, rounds or scenario.rounds)
        except Exception as error:  # noqa: BLE001 - the others are to be played all the same
            traceback.print_exc()
            return Line(scenario.name, 0, (0,) * 6, (f"{type(error).__name__}: {error}",))
