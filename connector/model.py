"""What flows through the pipeline: frozen, with no behaviour beyond order and (de)serialising.

::

    extractor ─SourceBatch─▶ mapping ─MappedBatch─▶ packing ─Request─▶ delivery ─Outcome─▶ state
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NewType

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from connector.synced import Prints, Segment

# A place in the source: part name -> JSON value. The extractor that made it gives the parts their meaning (a database
# has one, a Parquet dataset one per file); everyone else stores, merges and returns them unread. Later parts replace
# earlier ones of the same name, so a commit carries only what changed.
Watermark = NewType("Watermark", Mapping[str, Any])

EMPTY_WATERMARK = Watermark({})


def merge(earlier: Watermark, later: Watermark) -> Watermark:
    """Return `earlier` with the parts of `later` laid over it."""
    return Watermark({**earlier, **later})


@dataclass(frozen=True, slots=True)
class SourceBatch:
    """Rows in the order of the source.

    Attributes:
        rows: the columns asked for, in one schema for the whole run.
        position: `position(n)` is the watermark (changed parts only) after the first 1 ≤ n ≤ rows.num_rows rows.
        version: one value per row that tells versions of an entity apart (the cursor; in passes the number of the
            pass; for Parquet by files the digest of the file), as a text array, or one text for all rows.
        key: the names of the columns of `rows` that make a row unique, empty when the source has none.
        end: the watermark after the batch, also where the batch has no row (such as an empty file).
        warnings: warning code -> number of values, such as infinite timestamps that were read as null.
    """

    rows: pa.RecordBatch
    position: Callable[[int], Watermark]
    version: pa.Array | str
    end: Watermark
    key: tuple[str, ...] = ()
    warnings: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that will never be accepted as it is.

    Attributes:
        reason: a code of the list in yaml.md, such as ``missing_identity``.
        message: the server's words, or ours; no values of rows.
        event_id: the eventId of the row's first item.
        key: the row's key in the canonical form that eventIds have it in, a JSON array; empty without a key.
        row: the row as JSON, or None with ``keep_rows: false``.
        version: the row's version, as SourceBatch has it.
        mapping: the fingerprint of the mapping that made the item.
    """

    reason: str
    message: str
    event_id: str
    key: str = ""
    row: str | None = None
    version: str = ""
    mapping: str = ""


@dataclass(frozen=True, slots=True)
class MappedBatch:
    """The items of a SourceBatch, as slices of one buffer.

    Attributes:
        source: the batch they were made from.
        entries: one text per accepted row, each ending in a comma, contiguous, without nulls: the row's item
            where `event` is set, else one or more whole ``{"name": …, "payload": […]}`` entries.
        event: the one event name of all entries, or None where names differ or a row makes several items.
        row: for each entry the index of its row in `source`, ascending.
        items: the number of items of each entry, or None when each has one.
        event_id, digest: for each entry the eventId of its first item (text), and a 64-bit hash of its text, to know
            after a crash what was acknowledged already.
        rejected, filtered: index of row in `source` -> reject, for rows that break a rule; and the indexes of those that
            no ``when`` took or a transform dropped, ascending.
        entity: for each entry a 64-bit hash of the entity it is about, or None where order is not promised.
        key: for each row of `source` a 64-bit hash of its canonical key, good within a process only (0 for one that a
            transform dropped), or None without a key.
        prints: for each row of `source` what tells it apart and whether it has changed; None where that is not kept.
        keys: for each row of `source` its canonical key, where vanished rows are told of, else None.
        warnings: warning code -> number of rows.
        unchanged: rows that Track has as they are.
        recovered: rows whose items an interrupted run delivered beyond the watermark: nothing of them is sent again.
    """

    source: SourceBatch
    entries: pa.StringArray | pa.LargeStringArray
    event: str | None
    row: npt.NDArray[np.int64]
    items: npt.NDArray[np.int64] | None
    event_id: pa.StringArray
    digest: npt.NDArray[np.uint64]
    rejected: Mapping[int, Reject]
    filtered: npt.NDArray[np.int64]
    entity: npt.NDArray[np.uint64] | None = None
    key: npt.NDArray[np.uint64] | None = None
    prints: Prints | None = None
    keys: pa.Array | None = None
    warnings: Mapping[str, int] = field(default_factory=dict)
    unchanged: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    recovered: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    # Describes rows of `source`, given by their indexes, as rejects without reason and eventId.
    describe: Callable[[Sequence[int]], list[Reject]] | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A contiguous run of source rows whose items travel together.

    Attributes:
        seq: place in the order of commits, from 1.
        batch: where the items are.
        first, last: entries [first, last) of `batch`; equal when the rows hold nothing to send.
        rows_first, rows_last: source rows [rows_first, rows_last) that are finished with this request.
        items: number of items in it.
        bytes: length of their text.
    """

    seq: int
    batch: MappedBatch
    first: int
    last: int
    rows_first: int
    rows_last: int
    items: int
    bytes: int

    @property
    def end(self) -> Watermark:
        """The watermark after this request's rows."""
        source = self.batch.source
        return source.end if self.rows_last == source.rows.num_rows else source.position(self.rows_last)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An entry of a request that the destination will not take: its index in the batch, code and words."""

    entry: int
    reason: Literal["refused_by_server", "server_error", "item_too_large", "in_doubt"]
    message: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request: every entry is acknowledged or refused, unless `error` says it is unfinished.

    Attributes:
        request: the request.
        refusals: the entries refused; all others were acknowledged.
        attempts: HTTP requests made for it.
        resent: items sent again after an attempt whose answer is unknown.
        error: why the run must end; then only what `accepted` names was acknowledged.
        accepted: entries [first, last) of the parts acknowledged before `error`.
        doubtful: whether, beside these, an attempt was made whose answer is unknown.
    """

    request: Request
    refusals: tuple[Refusal, ...] = ()
    attempts: int = 1
    resent: int = 0
    error: Exception | None = None
    accepted: tuple[tuple[int, int], ...] = ()
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Counts:
    """Accounting in rows: ``read = delivered + rejected + unchanged + filtered + superseded + unfinished``.

    `items`, `requests`, `resent` and `in_doubt` are counted apart.
    """

    read: int = 0
    delivered: int = 0
    rejected: int = 0
    unchanged: int = 0
    filtered: int = 0
    superseded: int = 0
    unfinished: int = 0
    items: int = 0
    requests: int = 0
    resent: int = 0
    in_doubt: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    @property
    def balanced(self) -> bool:
        """Whether every row read is accounted for."""
        settled = self.delivered + self.rejected + self.unchanged + self.filtered + self.superseded
        return self.read == settled + self.unfinished


@dataclass(frozen=True, slots=True)
class Intent:
    """The durable note that a request is about to be sent.

    Attributes:
        seq: the request's place in the order of its run.
        rows, items: number of source rows, and of items: what is in doubt if no outcome is ever recorded.
        digests: with ``on_doubt: hold`` the digests of its entries (uint64, native order), else empty.
        doubt: what must be known of its rows if no outcome is ever recorded.
    """

    seq: int
    rows: int
    items: int
    digests: bytes = b""
    doubt: Segment = field(default_factory=Segment)


@dataclass(frozen=True, slots=True)
class Commit:
    """One transaction of a lane: everything in it becomes durable together, or nothing does.

    Attributes:
        intents: requests that are sent once this is durable.
        acknowledged: seq -> digests of the acknowledged entries (uint64, native order) of requests answered before an
            earlier one is: the watermark cannot pass them yet, a later run must not re-send them.
        through: every request up to this seq is finished; their intents go. None when none is newly finished.
        watermark: the changed parts, in force with `through`.
        rejects: the rejects of the newly finished requests.
        closed: canonical keys of rows that were delivered and have open rejects of earlier versions: these end.
            Applied after `rejects`; a key whose last row in this commit was rejected is not among them.
        synced, counts: what is known of rows from now on, and the run's totals so far.
    """

    intents: tuple[Intent, ...] = ()
    acknowledged: Mapping[int, bytes] = field(default_factory=dict)
    through: int | None = None
    watermark: Watermark = field(default_factory=lambda: EMPTY_WATERMARK)
    rejects: tuple[Reject, ...] = ()
    closed: tuple[str, ...] = ()
    synced: Segment = field(default_factory=Segment)
    counts: Counts = field(default_factory=Counts)


@dataclass(frozen=True, slots=True)
class Recovery:
    """What an interrupted run left behind on a lane.

    Attributes:
        in_doubt_items: items of intents without a recorded outcome.
        in_doubt_requests: the number of those intents.
        acknowledged: sorted digests (uint64) of entries that were acknowledged beyond the watermark: not sent again.
        held: those of entries in doubt under ``on_doubt: hold``: rejected as ``in_doubt``.
    """

    in_doubt_items: int
    in_doubt_requests: int
    acknowledged: npt.NDArray[np.uint64]
    held: npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lease: enough for another process on the same host to tell that it is gone."""

    host: str
    pid: int
    boot_id: str
    pid_namespace: str
    started: str


@dataclass(frozen=True, slots=True)
class RunReport:
    """One execution of a sync, as stored, shown and printed with ``--json``."""

    run_id: str
    sync: str
    lane: str
    started: dt.datetime
    ended: dt.datetime | None
    exit_code: int | None
    counts: Counts
    rejects: Mapping[str, int] = field(default_factory=dict)
    warnings: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    error: str = ""
