"""Mappings written as in the YAML, run over small tables."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import pyarrow as pa
from pydantic import TypeAdapter

from connector.config.mapping import MappingField
from connector.config.models import Mapping
from connector.mapping import Mapper, MappingSpec
from connector.model import EMPTY_WATERMARK, MappedBatch, SourceBatch

USER = {"kind": "event", "event": "Purchase", "userId": {"value": "u"}, "timestamp": {"value": 1714632704000}}
_MAPPING = TypeAdapter(MappingField)


def naive(*parts: int) -> dt.datetime:
    """Return a time that says no zone."""
    return dt.datetime(*parts, tzinfo=dt.UTC).replace(tzinfo=None)


def mapping(**keys) -> Mapping:
    """Return a mapping as the YAML reader makes it; by default an event of a constant user and time."""
    return _MAPPING.validate_python(keys if "kind" in keys else USER | keys)


def field(name: str, array: pa.Array, mark: str = "") -> tuple[pa.Field, pa.Array]:
    """Return a column whose text means JSON or a number."""
    return pa.field(name, array.type, metadata={"connector": mark} if mark else None), array


def rows_of(columns: dict | list) -> pa.RecordBatch:
    """Return rows of named arrays (or Python lists), or of fields with marks."""
    if isinstance(columns, dict):
        columns = [
            field(name, values if isinstance(values, pa.Array) else pa.array(values))
            for name, values in columns.items()
        ]
    return pa.RecordBatch.from_arrays(
        [array for _, array in columns], schema=pa.schema([f for f, _ in columns])
    )


def mapper_of(rows: pa.RecordBatch, *mappings: dict, **spec) -> Mapper:
    """Return a mapper of mappings written as keyword dicts."""
    made = tuple(mapping(**keys) for keys in mappings)
    return Mapper(MappingSpec("orders", made, rows.schema, **spec))


def batch_of_rows(
    rows: pa.RecordBatch, version: pa.Array | str = "v1", key: tuple[str, ...] = ()
) -> SourceBatch:
    """Return the batch that a source would give."""
    return SourceBatch(rows, lambda _: EMPTY_WATERMARK, version, EMPTY_WATERMARK, key)


def mapped(
    columns: dict | list | pa.RecordBatch, *mappings: dict, version: pa.Array | str = "v1", **spec
) -> MappedBatch:
    """Map rows by mappings, and close the mapper when the caller is done with the batch."""
    rows = columns if isinstance(columns, pa.RecordBatch) else rows_of(columns)
    mapper = mapper_of(rows, *mappings, **spec)
    return mapper.map(batch_of_rows(rows, version, spec.get("key", ())))


def texts(batch: MappedBatch) -> list[str]:
    """Return the entries without their commas, which each must have."""
    found = batch.entries.to_pylist()
    assert all(text.endswith(",") for text in found)
    return [text[:-1] for text in found]


def items(batch: MappedBatch) -> list[dict]:
    """Return the entries as JSON, numbers with all their digits; constants that are no JSON are an error."""
    return [json.loads(text, parse_float=Decimal, parse_constant=_no_json) for text in texts(batch)]


def data(columns: dict | list, **members) -> list[dict]:
    """Return ``data`` of each row's item, mapped as `members` say."""
    batch = mapped(columns, {"data": members})
    assert not batch.rejected, batch.rejected
    return [item["data"] for item in items(batch)]


def reasons(batch: MappedBatch) -> dict[int, str]:
    """Return row -> code of its reject."""
    return {row: reject.reason for row, reject in batch.rejected.items()}


def _no_json(text: str) -> None:
    raise AssertionError(f"{text} is not JSON")
