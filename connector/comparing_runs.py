"""``connector reconcile`` where nothing is known of single rows: what each run read against what is there now.

A run remembers from which cursor to which it moved the watermark, and how many rows it read. The source counts the
same ranges again. More rows than were read means that some came too late; fewer, that some are gone or were changed
since, and lie in a later range by now. Both can be true of one range, and then only their difference shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from connector import wiring
from connector.config.models import Sync
from connector.errors import ConfigError, StateError
from connector.extract import Between, Extractor
from connector.model import Watermark
from connector.runner import LIVE
from connector.state.runs import Move
from connector.state.store import StateStore

Place = Mapping[str, Any]
_BEGINNING: Place = {"cursor": None, "early": 0}


@dataclass(frozen=True, slots=True)
class Compared:
    """A run's range.

    Attributes:
        move: the run.
        since, until: the cursors after and up to which it read, as text; the first is empty at the beginning.
        read: rows that it read there.
        there: rows that are there now.
    """

    move: Move
    since: str
    until: str
    read: int
    there: int


@dataclass(slots=True)
class ByRun:
    """What was found.

    Attributes:
        runs: those that moved the watermark, the oldest first.
        before: rows below the first of them, which earlier runs have read; they are not compared.
    """

    runs: list[Compared] = field(default_factory=list)
    before: int = 0

    @property
    def differing(self) -> list[Compared]:
        """The runs that read more or fewer rows than there are now."""
        return [run for run in self.runs if run.read != run.there]

    @property
    def counts(self) -> dict[str, int]:
        """What is counted, by name."""
        return {
            "runs": len(self.runs),
            "differing": len(self.differing),
            "read": sum(run.read for run in self.runs),
            "there": sum(run.there for run in self.runs),
            "before": self.before,
            "missing": sum(max(0, run.there - run.read) for run in self.runs),
            "gone_or_changed": sum(max(0, run.read - run.there) for run in self.runs),
        }

    @property
    def json(self) -> dict[str, Any]:
        """The same, and where."""
        where = [
            {
                "run_id": run.move.run_id,
                "started": run.move.started.isoformat(),
                "from": run.since,
                "to": run.until,
                "read": run.read,
                "there": run.there,
            }
            for run in self.differing
        ]
        return {**self.counts, "where": where}

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield what was found in words, with its number."""
        counts = self.counts
        yield "runs that moved the watermark", f"{counts['runs']:,}"
        yield "rows that they read", f"{counts['read']:,}"
        yield "rows between the same cursors now", f"{counts['there']:,}"
        if self.before:
            yield "rows below the first of them: not compared", f"{self.before:,}"
        yield "runs that differ", f"{counts['differing']:,}"
        yield "missing: more rows than were read", f"{counts['missing']:,}"
        yield "gone, or changed since: fewer rows than were read", f"{counts['gone_or_changed']:,}"

    def where(self) -> Iterator[Sequence[object]]:
        """Yield the runs that differ: when, after which cursor, up to which, rows read, rows there now."""
        for run in self.differing:
            yield f"{run.move.started:%Y-%m-%d %H:%M:%S}", run.since, run.until, run.read, run.there

    @property
    def clean(self) -> bool:
        """Whether no range holds more rows than were read."""
        return not self.counts["missing"]


def compare_runs(sync: Sync, state: str) -> ByRun:
    """Compare what each run read with what the source has between the same cursors.

    Raises:
        ConfigError: the source has no cursor.
        StateError: no run has remembered from where to where it read.
    """
    with ExitStack() as stack:
        store = stack.enter_context(wiring.open_store(state, read_only=True))
        moves = store.moves(sync.id, LIVE)
        watermark = store.watermark(sync.id)
        with wiring.located(sync):
            extractor = wiring.open_extractor(sync)
            stack.callback(extractor.close)
        end = extractor.reached(watermark)
        if end is None:
            raise _untold(sync)
        told = _joined(_told(moves, None if _goes_on(store, sync) else end))
        if not told:
            raise StateError(
                f"no run of {sync.sync} has remembered from where to where it read, in {store.where}",
                hint="run it; for all rows, whenever they were read, set source.track_keys: true",
            )
        return _compared(extractor, watermark, told)


def refuse_rows(sync: Sync, *, fix: bool, rows: bool) -> None:
    """Refuse what needs to be known of each row.

    Raises:
        ConfigError: it is wanted.
    """
    if fix or rows:
        wanted = "--fix" if fix else "--exact, --from and --to"
        raise ConfigError(
            f"{wanted} would need to know each row, and {sync.sync} keeps only counts of its runs",
            hint=f"set source.track_keys: true, then: connector state rebuild {sync.sync} --assume sent",
            path="source.track_keys",
        )


def _untold(sync: Sync) -> ConfigError:
    return ConfigError(
        f"{sync.sync} does not keep what was sent, and has no cursor by which its runs could be compared",
        hint=f"set source.track_keys: true, then: connector state rebuild {sync.sync} --assume sent",
        path="source.track_keys",
    )


def _goes_on(store: StateStore, sync: Sync) -> bool:
    return any(report.ended is None for report in store.runs(sync.id, 1))


@dataclass(frozen=True, slots=True)
class _Told:
    """A run, from where to where it moved the watermark, and how many rows it passed on its way.

    Rows of the future that it read lie elsewhere. One that was read once more, as it had changed, makes `read` too large.
    """

    move: Move
    since: Place
    until: Place
    read: int


def _told(moves: Sequence[Move], end: Place | None) -> Iterator[_Told]:
    """Yield the runs that moved the watermark: of one that died, others tell where it began and ended."""
    last: Place | None = None
    for n, move in enumerate(moves):
        since, until = move.since, move.until
        if until is None and move.died and last is not None:
            since = last
            until = next((later.since for later in moves[n + 1 :] if later.since is not None), end)
        if since is None or until is None:
            continue
        last = until
        yield _Told(
            move, since, until, move.counts.read - move.counts.unfinished - until["early"] + since["early"]
        )


def _joined(told: Iterable[_Told]) -> list[_Told]:
    """Return the runs that have come on to a later cursor; what others read at the same one counts with the run before."""
    found: list[_Told] = []
    for one in told:
        if one.since["cursor"] != one.until["cursor"]:
            found.append(one)
        elif found and found[-1].until["cursor"] == one.since["cursor"]:
            found[-1] = replace(found[-1], read=found[-1].read + one.read, until=one.until)
    return found


def _compared(extractor: Extractor, watermark: Watermark, told: Sequence[_Told]) -> ByRun:
    places: list[Place] = [_BEGINNING]
    at: list[int] = []
    for one in told:
        if places[-1]["cursor"] != one.since["cursor"]:
            places.append(one.since)
        at.append(len(places) - 1)
        places.append(one.until)
    counted = extractor.between(watermark, places)
    found = ByRun(before=_before(counted[: at[0]]))
    left = 0
    for n, one in enumerate(told):
        place, between = at[n], counted[at[n]]
        if place > 0 and not (n > 0 and at[n - 1] == place - 1):
            # What came before it is not compared: of the rows at its first cursor it has those that it must have read.
            left = min(counted[place - 1].at, max(0, one.read - between.inside - between.at))
        follows = n + 1 < len(told) and at[n + 1] == place + 1
        mine = _at_its_end(one, between, left, follows=follows)
        there = left + between.inside + mine
        left = between.at - mine if follows else 0
        found.runs.append(Compared(one.move, _text(one.since), _text(one.until), one.read, there))
    return found


def _at_its_end(one: _Told, between: Between, left: int, *, follows: bool) -> int:
    """Return how many of the rows at the very cursor where a run ended are its own: others may be the next one's."""
    if (sent := one.until.get("sent")) is not None:
        return min(between.at, int(sent))
    # It has read one at least.
    return min(between.at, max(1, one.read - between.inside - left)) if follows else between.at


def _before(counted: Sequence[Between]) -> int:
    return sum(part.inside + part.at for part in counted)


def _text(place: Place) -> str:
    return str(place["cursor"][1]) if place["cursor"] else ""
