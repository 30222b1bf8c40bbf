"""Whether rows are read in pages, one statement each, or by one long statement."""

from __future__ import annotations

from collections.abc import Sequence

from connector.extract.databases.reader import CURSOR, Column, Reader
from connector.extract.databases.relation import Relation
from connector.extract.databases.shape import Shape


def paging(reader: Reader, relation: Relation, shape: Shape, order: Sequence[Column]) -> tuple[bool, str]:
    """Return whether each page can start from an index, and what a person should know about that, or nothing.

    Args:
        reader: asked for the indexes.
        relation: what is read.
        shape: its cursor and key.
        order: what rows are ordered by.
    """
    if not shape.key:
        return False, (
            "Without source.key rows with the same cursor value are told apart by what they hold:"
            " identical rows count as many, and at most 100,000 may share a value."
            if shape.cursor
            else "Without source.key an interrupted pass starts again from its first row."
        )
    if not reader.traits.paged:
        return False, ""
    names = tuple(column.name for column in order)
    if relation.parts and CURSOR not in names:
        if any(index[: len(names)] == names for index in reader.indexes(relation)):
            return True, ""
        missing = f"no index of {relation.name} begins with ({', '.join(names)})"
    else:
        what = "a query" if relation.query else "an expression"
        missing = f"no index of its own gives the order of {what}"
    return False, (
        f"Rows are read by one long statement, sorted by the source: {missing}. With one they are read in pages."
    )
