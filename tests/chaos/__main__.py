"""The proof by chaos: ``python -m chaos [--only A,B] [--rounds N] [--seed S] [--jobs J] [--write]``.

Runs the program as processes against a sandbox, databases and state stores that fail in every way the guarantees
speak of, while the source goes on changing, and prints one table of what was observed. It ends with 1 when a
guarantee did not hold. ``--write`` puts the table into docs/chaos.md.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from chaos.playing import play
from chaos.scenarios import SCENARIOS
from chaos.table import show, write

PAGE = Path(__file__).parents[2] / "docs" / "chaos.md"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    letters = sorted({scenario.letter for scenario in SCENARIOS})
    parser.add_argument(
        "--only", metavar="LETTERS", help=f"some of {','.join(letters)}, or words of a fault's name"
    )
    parser.add_argument("--rounds", type=int, help="of each fault, if not as many as it should have")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of everything drawn at random")
    parser.add_argument(
        "--jobs", type=int, default=3, help="scenarios side by side, 3 unless given: they wait a lot"
    )
    parser.add_argument("--write", action="store_true", help="put the table into docs/chaos.md")
    options = parser.parse_args()
    # An end by a signal stops what was started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    lines = play(options.only, options.rounds, options.seed, options.jobs)
    show(lines)
    if options.write:
        write(PAGE, lines, options.seed)
    sys.exit(any(line.problems for line in lines))


if __name__ == "__main__":
    main()
