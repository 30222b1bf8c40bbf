"""The SQL of a read: what is selected, from where on, in which order, how many rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connector.errors import ConfigError, SourceError
from connector.extract.databases.reader import OUTPUT, Column, Raw, Reader
from connector.extract.databases.relation import Relation


@dataclass(frozen=True, slots=True)
class Keyset:
    """Builds the statements over one relation, ordered by `order` (cursor first, then key)."""

    reader: Reader
    relation: Relation
    where: str | None
    order: tuple[Column, ...]

    @property
    def source(self) -> str:
        """The relation as it stands after ``from``."""
        if self.relation.parts:
            return self.reader.named(self.relation.parts)
        return f"({self.relation.query}\n) connector_query"

    def rows(self, columns: Sequence[Column], conditions: Sequence[str], limit: int | None = None) -> str:
        """Select `columns` where all `conditions` hold, in order, at most `limit` rows.

        Outputs are numbered: ``order by`` must mean the source's columns, not what was selected under their names.
        """
        outputs = ", ".join(
            f"{column.output} as {OUTPUT.format(place)}" for place, column in enumerate(columns)
        )
        ordered = ", ".join(column.sql for column in self.order)
        return " ".join(
            filter(
                None,
                (
                    f"select {outputs} from {self.source}",
                    self._where(conditions),
                    f"order by {ordered}" if ordered else "",
                    self.reader.traits.limit.format(n=limit) if limit is not None else "",
                ),
            )
        )

    def count(self, conditions: Sequence[str], most: int) -> int:
        """Count rows, giving up beyond `most`."""
        traits = self.reader.traits
        top = f"{traits.top.format(n=most + 1)} " if traits.top else ""
        limit = "" if traits.top else traits.limit.format(n=most + 1)
        inner = f"select {top}1 as one from {self.source} {self._where(conditions)} {limit}"
        return int(self.reader.fetch(f"select count(*) from ({inner}) connector_count")[0][0])

    def repeats(self, places: Sequence[Sequence[Raw]]) -> bool:
        """Whether the source has several rows at one of `places`, which are values of the ordering columns."""
        columns = [column.sql for column in self.order]
        alternatives = (
            " and ".join(
                f"{column} = {self.reader.literal(raw)}" for column, raw in zip(columns, raws, strict=True)
            )
            for raws in places
        )
        at = " or ".join(f"({place})" for place in alternatives)
        inner = (
            f"select 1 as one from {self.source} {self._where([at])}"
            f" group by {', '.join(columns)} having count(*) > 1"
        )
        return int(self.reader.fetch(f"select count(*) from ({inner}) connector_repeats")[0][0]) > 0

    def refused(self) -> list[ConfigError]:
        """Ask the source whether it takes the configured filter; return why not."""
        try:
            self.reader.fetch(f"select 1 from {self.source} where ({self.where}\n) and 1 = 0")
        except (ConfigError, SourceError) as error:
            message = f"The source refuses the filter. {error.message}"
            return [ConfigError(message, hint=error.hint, path="source.where")]
        return []

    def summed(self, outputs: str, conditions: Sequence[str]) -> str:
        """The statement that computes `outputs` over the rows for which all `conditions` hold."""
        return f"select {outputs} from {self.source} {self._where(conditions)}"

    def extreme(self, function: str, column: Column, conditions: Sequence[str] = ()) -> str:
        """The statement that finds the least or greatest value of `column`, where all `conditions` hold."""
        return self.summed(f"{function}({column.sql})", conditions)

    def after(self, raws: Sequence[Raw]) -> str:
        """The condition for rows after the one with these values of the ordering columns (or of the first few)."""
        columns = [column.sql for column in self.order[: len(raws)]]
        literals = [self.reader.literal(raw) for raw in raws]
        if len(raws) == 1:
            return f"{columns[0]} > {literals[0]}"
        if self.reader.traits.tuples:
            return f"({', '.join(columns)}) > ({', '.join(literals)})"
        # The first comparison alone lets the index start at the right place.
        return f"{columns[0]} >= {literals[0]} and {_expanded(columns, literals)}"

    def through(self, raws: Sequence[Raw]) -> str:
        """The condition for rows up to the one with these values of the ordering columns, and that row itself."""
        # The first comparison alone lets a range of the index end there: no page looks at all that lies behind.
        first = f"{self.order[0].sql} <= {self.reader.literal(raws[0])}"
        return first if len(raws) == 1 else f"{first} and not ({self.after(raws)})"

    def compare(self, operator: str, raw: Raw) -> str:
        """The condition that the first ordering column stands in `operator` to `raw`."""
        return f"{self.order[0].sql} {operator} {self.reader.literal(raw)}"

    def _where(self, conditions: Sequence[str]) -> str:
        # The line break ends a comment that the configured filter may end in.
        configured = (f"{self.where}\n",) if self.where else ()
        joined = " and ".join(f"({condition})" for condition in (*configured, *conditions))
        return f"where {joined}" if joined else ""


def _expanded(columns: Sequence[str], literals: Sequence[str]) -> str:
    first = f"{columns[0]} > {literals[0]}"
    if len(columns) == 1:
        return first
    return f"({first} or ({columns[0]} = {literals[0]} and {_expanded(columns[1:], literals[1:])}))"
