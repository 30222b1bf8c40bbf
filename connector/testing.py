"""The ``tests:`` of a sync: rows in, items or rejects out. Needs no source."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa

from connector import wiring
from connector.config.models import MappingTest, Sync
from connector.errors import ConfigError
from connector.model import EMPTY_WATERMARK, SourceBatch
from connector.rehearsal import beside

# Text of this form stands for a timestamp, as YAML has no such type.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?")
# What a test need not spell out: computed, or a copy of userId.
_IMPLIED = ("eventId", "profileId")


def run_tests(sync: Sync) -> Iterator[str]:
    """Yield for each test how its result differs from what it expects; empty when it does not.

    Raises:
        ConfigError: the rows have no common type, or the mapping does not fit their columns.
    """
    if not sync.tests:
        return
    rows = _table(sync)
    mapper = wiring.open_mapper_for(sync, rows.schema)
    try:
        for number, test in enumerate(sync.tests):
            batch = SourceBatch(
                rows.slice(number, 1), lambda _: EMPTY_WATERMARK, "1", EMPTY_WATERMARK, sync.source.key
            )
            [shown] = beside(mapper.map(batch))
            yield _difference(test, [dict(item) for item in shown.items], shown.reject)
    finally:
        mapper.close()


def _table(sync: Sync) -> pa.RecordBatch:
    """Return the tests' rows as one batch; columns that a row leaves out are null in it."""
    names = list(dict.fromkeys(name for test in sync.tests for name in test.row))
    return pa.record_batch([_column(sync, name) for name in names], names=names)


def _column(sync: Sync, name: str) -> pa.Array:
    values = [test.row.get(name) for test in sync.tests]
    texts = [value for value in values if value is not None]
    try:
        if texts and all(isinstance(value, str) and _MOMENT.fullmatch(value) for value in texts):
            return _moments([value and value.replace(" ", "T") for value in values])
        column = pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        raise ConfigError(
            f"the values of column {name} have no common type",
            hint="write them all as text, or all as numbers",
            file=str(sync.file),
            path="tests",
        ) from None
    return column.cast(pa.string()) if pa.types.is_null(column.type) else column


def _moments(values: list[str | None]) -> pa.Array:
    zoned = any(value and re.search(r"(Z|[+-]\d\d:?\d\d)$", value) for value in values)
    return pa.array(values).cast(pa.timestamp("ns", "UTC" if zoned else None))


def _difference(test: MappingTest, items: list[dict[str, Any]], reject: str) -> str:
    if test.reject is not None:
        return (
            ""
            if reject == test.reject
            else f"expected the reject {test.reject}, got {reject or _text(items)}"
        )
    expected = test.item if isinstance(test.item, tuple) else (test.item,)
    if reject:
        return f"expected an item, got the reject {reject}"
    wanted = [dict(item) for item in expected if item is not None]
    given = [_told(item, want) for item, want in zip(items, wanted, strict=False)]
    if len(items) == len(wanted) and given == wanted:
        return ""
    return f"expected {_text(wanted)}\n  got {_text(given if len(items) == len(wanted) else items)}"


def _told(item: dict[str, Any], want: dict[str, Any]) -> dict[str, Any]:
    """Return `item` without what the test does not spell out and need not."""
    skipped = {name for name in (*_IMPLIED, "name") if name not in want}
    return {name: _as_in_yaml(value) for name, value in item.items() if name not in skipped}


def _as_in_yaml(value: Any) -> Any:
    """Return `value` with decimals as the floats that YAML writes them as."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {name: _as_in_yaml(member) for name, member in value.items()}
    return [_as_in_yaml(element) for element in value] if isinstance(value, list) else value


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
