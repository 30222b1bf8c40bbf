"""How long a history takes on a cluster, by arithmetic and by simulation: ``python -m benchmarks.scaling [--write]``.

The rates of the connector are those that ``python -m benchmarks rates`` has measured (benchmarks/rates.json). Those of a
source, a network and a destination are assumptions, and named as such in docs/scaling.md, where ``--write`` puts the
tables.
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

RATES = Path(__file__).with_name("rates.json")
PAGE = Path(__file__).parents[1] / "docs" / "scaling.md"
ROWS = 10_000_000_000
DAY = 86_400
_SLICES = 10_000
_LEASE = 60  # seconds until the slice of a lost machine is free again
_ANEW = 90  # seconds until another machine has taken its place


@dataclass(frozen=True, slots=True)
class Rates:
    """What was measured, for one worker on one core.

    Attributes:
        rows_a_second: rows that it moves when nothing else holds it up.
        bytes_a_row: what goes over the wire to the destination.
        read_bytes_a_row: what comes from the source.
        ledger: seconds of ledger work for a slice.
        commits: transactions a second that a state store in PostgreSQL takes.
        rows_a_commit: rows that a transaction of a worker holds.
    """

    rows_a_second: float
    bytes_a_row: float
    read_bytes_a_row: float
    ledger: float
    commits: float
    rows_a_commit: float


@dataclass(frozen=True, slots=True)
class Cluster:
    """What is assumed.

    Attributes:
        workers: one core each.
        latency: seconds to an answer of the destination.
        in_flight: requests of a worker at a time.
        items: in a request.
        destination: items a second that the destination takes from everybody; 0 knows no limit.
        source: rows a second that the source gives to everybody.
        network: bytes a second between the cluster and the destination.
        losses: how often a day each machine is lost.
    """

    workers: int
    latency: float = 0.1
    in_flight: int = 8
    items: int = 500
    destination: float = 0
    source: float = 2_000_000
    network: float = 125_000_000
    losses: float = 1


def ceilings(rates: Rates, cluster: Cluster) -> dict[str, float]:
    """Return rows a second that each part of the way lets through."""
    found = {
        "processors": cluster.workers * rates.rows_a_second,
        "latency": cluster.workers * cluster.in_flight * cluster.items / cluster.latency,
        "source": cluster.source,
        "network": cluster.network / rates.bytes_a_row,
        "state store": rates.commits * rates.rows_a_commit,
    }
    return found | ({"destination": cluster.destination} if cluster.destination else {})


def narrowest(rates: Rates, cluster: Cluster) -> tuple[str, float]:
    """Return what saturates first, and at how many rows a second."""
    found = ceilings(rates, cluster)
    name = min(found, key=lambda part: found[part])
    return name, found[name]


def simulated(rates: Rates, cluster: Cluster, rows: int = ROWS, seed: int = 1) -> tuple[float, int]:
    """Play a backfill slice by slice, with machines that are lost, and return its seconds and how many slices were begun again.

    All workers share what the source, the network, the store and the destination let through; a lost machine's slice
    waits for its lease and goes on from its watermark.
    """
    dice = random.Random(seed)
    found = ceilings(rates, cluster)
    alone = min(found["processors"], found["latency"]) / cluster.workers
    together = min(value for name, value in found.items() if name not in ("processors", "latency"))
    size = rows / _SLICES
    waiting: list[tuple[float, float]] = [(0.0, size)] * _SLICES  # (free from, rows left)
    free = [(0.0, n) for n in range(cluster.workers)]
    heapq.heapify(free)
    ended, lost = 0.0, 0
    while waiting:
        now, worker = heapq.heappop(free)
        at, left = heapq.heappop(waiting)
        now = max(now, at)
        pace = min(alone, together / cluster.workers)
        took = rates.ledger + left / pace
        until = dice.expovariate(cluster.losses / DAY) if cluster.losses else took
        if until < took:
            lost += 1
            done = max(0.0, until - rates.ledger) * pace
            heapq.heappush(waiting, (now + until + _LEASE, left - done))
            heapq.heappush(free, (now + until + _ANEW, worker))
            continue
        ended = max(ended, now + took)
        heapq.heappush(free, (now + took, worker))
    return ended, lost


def tables(rates: Rates) -> Iterator[str]:
    """Yield the lines of the page's tables."""
    yield "| one core that moves rows | measured |"
    yield "| --- | --- |"
    yield f"| rows a second, all it does for them included | {rates.rows_a_second:,.0f} |"
    yield f"| bytes a row to the destination | {rates.bytes_a_row:,.0f} |"
    yield f"| bytes a row from the source | {rates.read_bytes_a_row:,.0f} |"
    yield f"| ledger work for a slice | {rates.ledger * 1000:.0f} ms |"
    yield f"| transactions a second, state in PostgreSQL | {rates.commits:,.0f} |"
    yield f"| rows in a transaction | {rates.rows_a_commit:,.0f} |"
    yield ""
    yield "| workers | latency | destination takes | narrowest | rows/s | 10 billion by arithmetic | simulated, each machine lost once a day |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for cluster in _CLUSTERS:
        name, pace = narrowest(rates, cluster)
        seconds, lost = simulated(rates, cluster)
        limit = f"{cluster.destination:,.0f}/s" if cluster.destination else "all"
        yield (
            f"| {cluster.workers} | {cluster.latency * 1000:.0f} ms | {limit} | {name} | {pace:,.0f} |"
            f" {ROWS / pace / 3600:.1f} h | {seconds / 3600:.1f} h, {lost} slices begun again |"
        )


_BASE = Cluster(1, latency=0.1)
_CLUSTERS = (
    _BASE,
    *(replace(_BASE, workers=count) for count in (2, 4, 8, 16)),
    *(replace(_BASE, workers=count, latency=0.5) for count in (8, 16, 32)),
    *(replace(_BASE, workers=8, destination=limit) for limit in (20_000, 120_000)),
)
_MARKS = ("<!-- made: python -m benchmarks.scaling --write -->", "<!-- end: python -m benchmarks.scaling -->")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/scaling.md")
    options = parser.parse_args()
    made = "\n".join(tables(Rates(**json.loads(RATES.read_text())["rates"])))
    print(made)
    if options.write:
        before, _, rest = PAGE.read_text().partition(_MARKS[0])
        _, _, after = rest.partition(_MARKS[1])
        PAGE.write_text(f"{before}{_MARKS[0]}\n\n{made}\n\n{_MARKS[1]}{after}")


if __name__ == "__main__":
    main()
