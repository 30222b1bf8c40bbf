"""Where a backfill of a database meets the live lane, and slices of as many rows each, cut at (cursor, key)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from connector.errors import ConfigError
from connector.extract.backfilling import Asked, Cut, Sizes, Slice, passed, unsliceable
from connector.extract.databases.incremental import Incremental
from connector.extract.databases.lookback import bound
from connector.extract.databases.ordered import Scan
from connector.extract.databases.reader import OUTPUT, Column, Raw, Reader, Statement
from connector.model import Watermark

_NUMBER = "connector_number"


@dataclass(frozen=True, slots=True)
class Slicing:
    """Cuts a table, and says what belongs to a slice.

    Attributes:
        scan: ordered by what slices are ranges of.
        reading: what a run would read now: its keyset is ordered by (cursor, key), its horizon bounds a new sync.
        reader: asked.
    """

    scan: Scan
    reading: Incremental
    reader: Reader

    def cut(self, part: Mapping[str, Any] | None, asked: Asked, sizes: Sizes) -> Cut:
        """Return the seam and the slices.

        Args:
            part: how far runs have come, of the live watermark.
            asked: what is to be filled.
            sizes: of slices.
        """
        low, high = (
            self._bound(text, asked.by, name) for text, name in ((asked.low, "--from"), (asked.high, "--to"))
        )
        seam: dict[str, Any] = {"by": asked.by, "low": low, "high": high}
        watermark = None
        if part and part.get("cursor"):
            seam |= self._old(part) if asked.ranged else self._unread(part)
            watermark = self._reaching_back(part, seam)
        elif asked.by == "key" and asked.ranged:
            raise unsliceable(
                "a new sync begins at the seam, and the rows of other keys would be left to nobody",
                "leave --from and --to out, or run the sync first",
            )
        else:
            seam["at"] = self._new(seam)
            watermark = self._first(seam)
        conditions = self.conditions(seam, {})
        total = int(self.reader.fetch(self.scan.keyset.summed("count(*)", conditions))[0][0])
        if not total:
            raise unsliceable("there is no row in that range below the seam", "look at --from and --to")
        size = sizes.of(total)
        places = self._places(conditions, size) if total > size else []
        edges: list[list[list[str]] | None] = [None, *places, None]
        if len(places) * size == total:
            edges.pop(-2)  # the last place is the last row
        slices = [
            Slice({"after": after, "upto": upto}, size if upto else total - size * (len(edges) - 2))
            for after, upto in pairwise(edges)
        ]
        return Cut(seam, slices, watermark, tuple(self._notes(part, asked, len(slices), total)))

    def conditions(self, seam: Mapping[str, Any], bounds: Mapping[str, Any]) -> list[str]:
        """Return what holds for the rows of a slice behind its place `after`: up to the seam, in the range, in its bounds.

        Of two bounds on one side a source may take the wider one and look at all that lies between. So what follows
        from the bounds of a slice, whose places are of rows in the range and up to the seam, is not said again.
        """
        keyset, cursor = self.reading.scan.keyset, self.reading.scan.keyset.order[0]
        ranged, upto = self.scan.keyset, bounds.get("upto")
        found = [f"{cursor.sql} is not null"] if cursor.nullable else []
        found += [cursor.finite] if cursor.finite else []
        found += [ranged.through(_raws(upto))] if upto else []
        if not upto or ranged.order != keyset.order:
            found.append(keyset.through(_raws(seam["at"])))
            found += [keyset.compare("<", _raw(seam["below"]))] if seam.get("below") else []
        found += [ranged.compare(">=", _raw(seam["low"]))] if seam["low"] and not bounds.get("after") else []
        found += [ranged.compare("<", _raw(seam["high"]))] if seam["high"] and not upto else []
        return found

    # ── the seam ──────────────────────────────────────────────────────────────────────────────────────────

    def _unread(self, part: Mapping[str, Any]) -> dict[str, Any]:
        """What no run has read as the first one began elsewhere."""
        if part.get("above"):
            return {"at": [list(part["above"])]}
        if part.get("from"):
            return {**self._old(part), "below": list(part["from"])}
        raise passed()

    def _old(self, part: Mapping[str, Any]) -> dict[str, Any]:
        """The place that runs have come to, or what lies so far below it that no run reads it again."""
        cursor = self.reading.scan.keyset.order[0]
        if self.reading.lookback:
            low = bound(_raw(part["cursor"]), self.reading.lookback, cursor)
            return {"at": [list(low)]}
        place = [list(part["cursor"]), *(list(raw) for raw in part.get("key", ()))]
        return {"at": place[: len(self._order)]}

    def _new(self, seam: Mapping[str, Any]) -> list[list[str]]:
        """The last row below the horizon, and below where the backfill is to end: the live lane begins behind it."""
        keyset = self.reading.scan.keyset
        conditions = self.reading.conditions({})
        if seam["high"] and seam["by"] == "cursor":
            conditions.append(keyset.compare("<", _raw(seam["high"])))
        outputs = ", ".join(f"{column.output} as {OUTPUT.format(n)}" for n, column in enumerate(self._order))
        down = ", ".join(f"{column.sql} desc" for column in self._order)
        sql = f"{keyset.summed(outputs, conditions)} order by {down} {self.reader.traits.limit.format(n=1)}"
        found = self._fetched(sql, self._order)
        if not found:
            raise unsliceable("there is no row in that range yet", "run the sync: it reads what comes")
        return found[0]

    def _first(self, seam: Mapping[str, Any]) -> Watermark:
        """The live watermark of a new sync: at the seam; what lies below where the backfill begins was never meant."""
        start = {"from": seam["low"]} if seam["low"] and seam["by"] == "cursor" else {}
        kept = self.reading.horizon
        horizon = {"horizon": list(kept.raw)} if kept.kept and kept.raw is not None else {}
        cursor, *key = seam["at"]
        return Watermark({"rows": {"cursor": cursor, "key": key, **start, **horizon}})

    def _reaching_back(self, part: Mapping[str, Any], seam: Mapping[str, Any]) -> Watermark | None:
        """A live watermark whose runs began elsewhere than at the beginning counts what is filled as meant."""
        if not (part.get("from") or part.get("above")):
            return None
        rest = {name: value for name, value in part.items() if name not in ("from", "above")}
        if seam["low"] and seam["by"] == "cursor":
            rest["from"] = seam["low"]
        return Watermark({"rows": rest})

    @property
    def _order(self) -> tuple[Column, ...]:
        return self.reading.scan.keyset.order

    # ── the slices ────────────────────────────────────────────────────────────────────────────────────────

    def _places(self, conditions: Sequence[str], size: int) -> list[list[list[str]]]:
        """Return the place of every `size`-th row, found by the source in its own order."""
        order = self.scan.keyset.order
        outputs = ", ".join(f"{column.output} as {OUTPUT.format(n)}" for n, column in enumerate(order))
        ordered = ", ".join(column.sql for column in order)
        inner = self.scan.keyset.summed(
            f"{outputs}, row_number() over (order by {ordered}) as {_NUMBER}", conditions
        )
        every = self.reader.traits.every.format(number=_NUMBER, size=size)
        names = ", ".join(OUTPUT.format(n) for n in range(len(order)))
        sql = f"select {names} from ({inner}) connector_slices where {every} order by {_NUMBER}"
        return self._fetched(sql, order)

    def _fetched(self, sql: str, order: Sequence[Column]) -> list[list[list[str]]]:
        columns = tuple(order)
        statement = Statement(sql, columns, len(columns), tuple(range(len(columns))), self.scan.limits)
        scan = replace(self.scan, keyset=replace(self.scan.keyset, order=columns), extra=())
        return [
            [list(raw) for raw in scan.raws(chunk, row)]
            for chunk in self.reader.stream(statement)
            for row in range(chunk.rows.num_rows)
        ]

    def _bound(self, text: str | None, by: str, option: str) -> list[str] | None:
        if text is None:
            return None
        keyset = self.scan.keyset
        column = keyset.order[0]
        try:
            return list(self.reader.configured(column, text, keyset.extreme("min", column)))
        except ConfigError as error:
            raise ConfigError(
                f"{option}: {error.message}", hint=f"write a value of the {by} as the source has it"
            ) from None

    def _notes(self, part: Mapping[str, Any] | None, asked: Asked, slices: int, total: int) -> list[str]:
        notes = []
        if not self.scan.paged:
            other = (
                "slices of the key need only an index on it: --by key"
                if asked.by == "cursor"
                else f"create one on ({', '.join(column.name for column in self.scan.keyset.order)})"
            )
            notes.append(
                f"no index gives the order of the slices: each of the {slices} reads the whole table and sorts its part, "
                f"about {slices * total:,} rows looked at for {total:,}; {other}"
            )
        if part and part.get("cursor") and not (part.get("from") or part.get("above")):
            notes.append("runs have passed these rows already: they are sent again, under the same eventIds")
        return notes


def _raws(values: Any) -> tuple[Raw, ...]:
    return tuple(map(_raw, values))


def _raw(value: Any) -> Raw:
    kind, text = value
    return str(kind), str(text)
