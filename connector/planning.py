"""``connector plan``: what a run would do, counted. It reads, maps and looks up as a run does; it sends and writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from connector import wiring
from connector.accounting import BatchAccounts
from connector.ceilings import Ceilings
from connector.config.models import Sync
from connector.cutting import Cutting, Fixed
from connector.errors import ConnectorError, TooManyRejects, worst_exit_code
from connector.load.track import envelope
from connector.model import Counts, MappedBatch, Outcome, Refusal, Request, RunReport
from connector.opening import Decided
from connector.progress import Progress
from connector.reading import News, Reading
from connector.rehearsal import Rehearsal, items_of, rehearsing
from connector.state.store import StateStore

# Of so many runs the one that sent most tells how fast the destination was.
_RUNS = 20


@dataclass(frozen=True, slots=True)
class Options:
    """What a plan is asked for.

    Attributes:
        state: URL of the state store, which is only read.
        decided: guards that would be let pass.
        limit: of rows, or None.
        samples: how many items to show.
    """

    state: str
    decided: Decided
    limit: int | None = None
    samples: int = 3


@dataclass(slots=True)
class Forecast:
    """What one read would come to.

    Attributes:
        counts: as a run would report them, were nothing refused.
        bytes: of the bodies of all requests, before compression.
        rejects: reason -> rows.
        warnings: code -> values.
        samples: the first items, as they would be sent.
        reading: seconds that the source took to read.
        mapping: seconds that the mapping took.
        sending: seconds that the destination would need, None where its pace is not known.
    """

    counts: Counts = field(default_factory=Counts)
    bytes: int = 0
    rejects: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    samples: list[dict[str, Any]] = field(default_factory=list)
    reading: float = 0.0
    mapping: float = 0.0
    sending: float | None = None

    @property
    def seconds(self) -> float | None:
        """How long it would take: a run reads, maps and sends at the same time."""
        return None if self.sending is None else max(self.reading, self.mapping, self.sending)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the destination takes items, and how that is known: ``measured`` by tuning, or from a run's ``report``."""

    items_per_second: float
    known_from: str


@dataclass(frozen=True, slots=True)
class Gone:
    """Rows that have vanished from the source, of how many that Track has; whether they would be told of, or are held back."""

    rows: int
    of: int
    told: bool
    held: bool


@dataclass(slots=True)
class Plan:
    """What a run of a sync would do.

    Attributes:
        sync, id: its name and its id.
        first: whether it would be the first.
        about: about how many rows lie beyond the watermark, where that is cheap to know.
        mapping_changed: whether items are made otherwise than by the last run.
        news: of the rows beyond the watermark; None where a run could not begin to read them.
        resend: of the rows up to it, where that was asked for.
        gone: what has vanished, in mode diff.
        max_items, max_bytes: of the requests that were counted.
        pace: of the destination, where it is known.
        notes: what a person should know.
        errors: why a run would end otherwise than well.
    """

    sync: str
    id: str
    first: bool = False
    about: int | None = None
    mapping_changed: bool = False
    news: Forecast | None = None
    resend: Forecast | None = None
    gone: Gone | None = None
    max_items: int = 0
    max_bytes: int = 0
    pace: Pace | None = None
    notes: list[str] = field(default_factory=list)
    errors: list[ConnectorError] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """What a run would end with, as far as can be told."""
        return worst_exit_code([error.exit_code for error in self.errors])

    def note(self, texts: Iterable[str]) -> None:
        """Add sentences, each once."""
        self.notes += [text for text in dict.fromkeys(texts) if text not in self.notes]


def plan(sync: Sync, options: Options, readings: Iterable[Reading], progress: Progress) -> Plan:
    """Foresee a run; why it would fail is in the plan, too.

    Args:
        sync: what would run.
        options: see there.
        readings: what it would move, one after the other.
        progress: is told how far the plan is.
    """
    found = Plan(sync.sync, sync.id)
    try:
        for reading in readings:
            with rehearsing(sync, options.state, reading, options.decided) as rehearsal:
                _foresee(rehearsal, reading, found, options, progress)
    except ConnectorError as error:
        found.errors.append(error)
    return found


def _foresee(
    rehearsal: Rehearsal, reading: Reading, found: Plan, options: Options, progress: Progress
) -> None:
    opened, sync = rehearsal.opened, rehearsal.opened.sync
    learned = opened.store.learned(wiring.destination_print(sync))
    found.max_items, found.max_bytes = wiring.open_tuning(sync, learned).next_size()
    found.pace = _pace(learned, opened.store.runs(sync.id, _RUNS))
    found.first, found.about = not opened.watermark, opened.about
    found.mapping_changed = "mapping" in rehearsal.compared.changed
    found.note((*_held(opened.store, sync), *rehearsal.compared.notes(reading, opened)))
    following = _Following(sync, Fixed(found.max_items, found.max_bytes), options.samples)
    if isinstance(reading, News):
        found.news = following.forecast
        if found.mapping_changed and found.resend is None and sync.source.mode == "incremental":
            found.note(["how many rows that would re-send: connector plan --resend changed"])
    else:
        found.resend = following.forecast
    for batch in rehearsal.batches():
        following.follow(batch)
        progress.counts, progress.rejects = following.forecast.counts, following.forecast.rejects
        following.forecast.reading, following.forecast.mapping = rehearsal.reading, rehearsal.mapping
    following.forecast.sending = _sending(sync, following.forecast.counts, found.pace)
    found.note(opened.extractor.notes())
    found.errors += following.stops()
    if isinstance(reading, News):
        _conclude(rehearsal, reading, found, options.limit)


def _conclude(rehearsal: Rehearsal, reading: News, found: Plan, limit: int | None) -> None:
    """Say what shows only when everything is read."""
    opened = rehearsal.opened
    if limit is not None and found.news is not None and found.news.counts.read >= limit:
        about = "" if found.about is None else f", of about {found.about:,} beyond the watermark"
        found.note([f"counted up to --limit: {limit:,} rows{about}"])
    elif opened.synced is not None and opened.sync.source.mode == "diff":
        rows, total = opened.synced.count_unseen()
        held = reading.held is not None
        found.gone = Gone(rows, total, told=opened.deletion is not None and not held, held=held)
    if reading.held is not None:
        found.errors.append(reading.held)


class _Following:
    """Packs what a rehearsal brings as a run would, and counts."""

    def __init__(self, sync: Sync, sizes: Fixed, samples: int) -> None:
        self.forecast = Forecast()
        self._limit = sync.destination.max_bytes
        self._cutting = Cutting(sizes, lambda: None)
        self._ceilings = Ceilings(sync.rejects)
        self._stop: TooManyRejects | None = None
        self._samples = samples

    def follow(self, batch: MappedBatch) -> None:
        """Take the next batch."""
        forecast, accounts = self.forecast, BatchAccounts(batch)
        forecast.warnings.update(batch.warnings)
        forecast.warnings.update(batch.source.warnings)
        self._show(batch)
        self._cutting.add(batch)
        while (request := self._cutting.peek()) is not None:
            self._cutting.take()
            outcome = self._outcome(request)
            settled = accounts.settle(outcome)
            forecast.counts += settled.counts
            forecast.rejects.update(reject.reason for _, reject in settled.rejects)
            if settled.counts.requests:
                forecast.bytes += _size(request)
            self._stop = self._stop or self._ceilings.passed([settled], forecast.counts)

    def stops(self) -> list[ConnectorError]:
        """Return why the rejects of a run would stop it."""
        if self._stop is None:
            try:
                self._ceilings.check_nothing_delivered(self.forecast.counts)
            except TooManyRejects as error:
                self._stop = error
        return [] if self._stop is None else [self._stop]

    def _outcome(self, request: Request) -> Outcome:
        if request.last - request.first == 1 and _size(request) > self._limit:
            return Outcome(request, (Refusal(request.first, "item_too_large", ""),), attempts=0)
        return Outcome(request)

    def _show(self, batch: MappedBatch) -> None:
        missing = self._samples - len(self.forecast.samples)
        items = (item for entry in range(min(missing, len(batch.entries))) for item in items_of(batch, entry))
        self.forecast.samples += islice(items, max(missing, 0))


def _size(request: Request) -> int:
    return request.bytes + envelope(request.batch.event).size


def _sending(sync: Sync, counts: Counts, pace: Pace | None) -> float | None:
    """Return how many seconds sending takes at least, at the destination's pace and the configured rates."""
    destination = sync.destination
    needed = [
        amount / rate
        for amount, rate in (
            (counts.items, pace.items_per_second if pace else None),
            (counts.items, destination.max_items_per_second),
            (counts.requests, destination.max_requests_per_second),
        )
        if rate
    ]
    return max(needed, default=0.0) if pace or not counts.items else None


def _pace(learned: Mapping[str, Any], runs: Iterable[RunReport]) -> Pace | None:
    """Return what the destination was seen to take; of runs what they were slowed down by counts, too."""
    if rate := learned.get("items_per_second"):
        return Pace(float(rate), "measured")
    largest = max((run for run in runs if run.counts.items), key=lambda run: run.counts.items, default=None)
    if largest is None or largest.ended is None:
        return None
    seconds = max((largest.ended - largest.started).total_seconds(), 0.001)
    return Pace(largest.counts.items / seconds, "report")


def _held(store: StateStore, sync: Sync) -> Iterable[str]:
    lanes = [lane for each in store.syncs() if each.sync == sync.id for lane in each.lanes if lane.running]
    if lanes:
        yield "a run of this sync goes on: what it has not committed yet counts as still to be done"
