"""The writer storm: ``python -m storm [--only postgresql] [--seconds S] [--longest S] [--seed S] [--settle S] [--write]``.

Many writers with transactions of all lengths, a run each second, crashes among the runs; at the end each row's last
version must have arrived, and none twice but for the crashes. Beside it a plain ``moved_at > :last`` reads the same
table. It ends with 1 when something does not hold. ``--write`` puts the table into docs/storm.md.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from chaos.ground import Clock
from storm.dialects import DIALECTS, Dialect
from storm.findings import Findings
from storm.playing import Storm, Weather
from storm.table import show, write

from connector.sandbox.process import Sandbox

PAGE = Path(__file__).parents[2] / "docs" / "storm.md"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m storm", description=__doc__)
    names = [dialect.name.lower() for dialect in DIALECTS]
    parser.add_argument("--only", choices=names, help="one of the servers")
    parser.add_argument("--write", action="store_true", help="put the table into docs/storm.md")
    for name, kind, words in (
        ("seconds", float, "how long the writers write"),
        ("longest", float, "seconds of the longest transaction"),
        ("writers", int, "sessions that write at once"),
        ("crashes", int, "runs that are killed"),
        ("seed", int, "of everything drawn at random"),
    ):
        default = getattr(Weather, name)
        parser.add_argument(f"--{name}", type=kind, default=default, help=f"{words}, {default} unless given")
    parser.add_argument(
        "--settle", type=float, help="seconds, to see what a sync misses that waits too little"
    )
    options = parser.parse_args()
    # An end by a signal stops what was started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    weather = Weather(
        options.seconds,
        options.longest,
        options.writers,
        options.crashes,
        seed=options.seed,
        settle=options.settle,
    )
    clock = Clock()
    found = []
    for dialect in DIALECTS:
        if options.only in {None, dialect.name.lower()}:
            clock.say(f"{dialect.name}, seed {weather.seed}")
            found.append(_storm(dialect, weather))
    show(found)
    if options.write:
        write(PAGE, found, weather)
    sys.exit(any(one.problems for one in found))


def _storm(dialect: Dialect, weather: Weather) -> Findings:
    with (
        tempfile.TemporaryDirectory(prefix="storm-") as folder,
        Sandbox() as sandbox,
        dialect.server() as server,
        server.database() as url,
    ):
        return Storm(dialect, url, weather, Path(folder), sandbox).play()


if __name__ == "__main__":
    main()
