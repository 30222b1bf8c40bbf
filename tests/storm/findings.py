"""What a storm has shown: every row of the table against all that has arrived."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chaos.source import TABLE

if TYPE_CHECKING:
    from storm.playing import Storm

# Deliveries for each distinct version, outside the crashes.
MOST_REPEATED = 1.001
_SHARED = (
    f"select sum(n) from (select count(*) as n from {TABLE} group by moved_at having count(*) > 1) shared"
)


@dataclass(frozen=True)
class Findings:
    """What was counted.

    Attributes:
        server: name and version.
        settle: as configured.
        committed, rolled_back, refused, undone: transactions, and savepoints, as in `Written`.
        longest: seconds of the longest transaction that was committed.
        rows: in the table.
        shared: rows that share their stamp with another.
        runs, crashes: how often the sync ran, and was killed.
        versions: different (key, version) that arrived.
        missed: rows whose last version did not arrive last.
        repeated: items that arrived again, other than what a killed run had sent.
        by_crash: items that arrived again after a killed run had sent them.
        in_doubt: what the runs reported of those.
        plain_missed: rows whose last version the plain reader has never seen.
        plain_never: rows of them that it has seen in no version.
        lasted: median seconds that a run took, from its start as a process to its end.
        behind: least, median and greatest age of the newest delivered row when a run ended, in seconds; empty where
            no run was far enough.
        problems: what should not be, in words.
    """

    server: str
    settle: str
    committed: int
    rolled_back: int
    refused: int
    undone: int
    longest: float
    rows: int
    shared: int
    runs: int
    crashes: int
    versions: int
    missed: int
    repeated: int
    by_crash: int
    in_doubt: int
    plain_missed: int
    plain_never: int
    lasted: float
    behind: tuple[float, ...]
    problems: tuple[str, ...]

    @property
    def ratio(self) -> float:
        """Deliveries for each distinct version, outside the crashes."""
        return 1 + self.repeated / max(self.versions, 1)


def findings(storm: Storm) -> Findings:
    """Compare; nobody writes, and everything that will ever arrive has arrived."""
    rows = storm.dialect.fetch(storm.url, f"select id, version, label from {TABLE}")
    arrived, plain, written = storm.deliveries, storm.plain, storm.written
    missed = {(row, version) for row, version, _ in rows if arrived.last.get(row) != version}
    unseen = {(row, version) for row, version, _ in rows if (row, version) not in plain.seen}
    known = {row for row, _ in plain.seen}
    ((shared,),) = storm.dialect.fetch(storm.url, _SHARED)
    ((version,),) = storm.dialect.fetch(storm.url, storm.dialect.version)
    behind = storm.behind
    return Findings(
        server=f"{storm.dialect.name} {version.split('-')[0].split()[0]}",
        settle=storm.settle_words,
        committed=written.committed,
        rolled_back=written.rolled_back,
        refused=written.refused,
        undone=written.undone,
        longest=written.longest,
        rows=len(rows),
        shared=int(shared or 0),
        runs=storm.runs,
        crashes=storm.crashes,
        versions=len(arrived.versions),
        missed=len(missed),
        repeated=arrived.repeated - arrived.by_crash,
        by_crash=arrived.by_crash,
        in_doubt=storm.books.reported().get("in_doubt", 0),
        plain_missed=len(unseen),
        plain_never=sum(row not in known for row, _ in unseen),
        lasted=statistics.median(storm.lasted),
        behind=(min(behind), statistics.median(behind), max(behind)) if behind else (),
        problems=(*storm.problems, *_problems(storm, rows, missed)),
    )


def _problems(storm: Storm, rows: list[tuple[int, int, str]], missed: set[tuple[int, int]]) -> list[str]:
    arrived, written = storm.deliveries, storm.written
    foreign = arrived.marks - written.marks
    repeated = arrived.repeated - arrived.by_crash
    doubt = storm.books.reported().get("in_doubt", 0)
    allowed = (MOST_REPEATED - 1) * len(arrived.versions)
    expected = {
        f"{len(missed)} rows were missed, such as {sorted(missed)[:3]}": not missed,
        f"{len(foreign)} changes arrived that were never committed": not foreign,
        "the table does not hold what the writers committed": {row for row, _, _ in rows} == set(written.ids),
        f"{arrived.backwards} items came older after newer": not arrived.backwards,
        f"{repeated} items came again without a crash": repeated <= allowed,
        f"{arrived.by_crash} items came again after crashes, and only {doubt} were reported": arrived.by_crash
        <= doubt,
        f"{storm.crashes} of {storm.weather.crashes} crashes": storm.crashes == storm.weather.crashes,
    }
    return [words for words, holds in expected.items() if not holds]
