"""Rows that rejects hold, read back: every value as the source had it."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from mappings import naive

from connector.mapping.engine import Engine
from connector.mapping.rejects import Shown
from connector.mapping.spec import MappingSpec
from connector.mapping.stored import StoredRows

STAMP = dt.datetime.fromisoformat("2024-07-02 03:04:05.123456")


def marked(values, meaning):
    return pa.array(values), {b"connector": meaning.encode()}


COLUMNS = {
    "int64": pa.array([2**63 - 1, -(2**63), None]),
    "uint64": pa.array([2**64 - 1, 0, None], pa.uint64()),
    "decimal": pa.array([Decimal("1.50"), Decimal("-0.05"), None], pa.decimal128(38, 2)),
    "digits": pa.array([Decimal("9" * 36 + ".99"), Decimal(0), None], pa.decimal128(38, 2)),
    "double": pa.array([0.1, 5e-324, float("inf")]),
    "float": pa.array([0.1, -1e-45, None], pa.float32()),
    "text": pa.array(['it\'s "q" \\ \x01\n é日😀', "", None]),
    "numeric text": pa.array(["12", "null", "true"]),
    "bool": pa.array([True, False, None]),
    "bytes": pa.array([b"\x00\xff", b"", None]),
    "fixed": pa.array([b"\x00\xff", b"ab", None], pa.binary(2)),
    "date": pa.array([dt.date(1, 1, 1), dt.date(9999, 12, 31), None]),
    "naive": pa.array([STAMP, naive(1, 1, 1), naive(9999, 12, 31)], pa.timestamp("us")),
    "zoned": pa.array([STAMP, naive(1969, 12, 31), None], pa.timestamp("us", "UTC")),
    "elsewhere": pa.array([1_700_000_000_123, -1, None], pa.timestamp("ms", "America/New_York")),
    "seconds": pa.array([1_700_000_000, -1, None], pa.timestamp("s")),
    "nanoseconds": pa.array([1_700_000_000_123_456_000, -1_000, None], pa.timestamp("ns")),
    "time": pa.array([dt.time(23, 59, 59, 999_999), dt.time(0), None], pa.time64("us")),
    "short time": pa.array([86_399_000, 0, None], pa.time32("ms")),
    "duration": pa.array([93_784_000_001, -1, 0], pa.duration("us")),
    "null": pa.nulls(3),
    "list": pa.array([[Decimal("1.10"), None], [], None], pa.list_(pa.decimal128(38, 2))),
    "nested": pa.array(
        [{"a": [b"x"], "b": {"t": STAMP}}, {"a": None, "b": {"t": None}}, None],
        pa.struct([("a", pa.list_(pa.binary())), ("b", pa.struct([("t", pa.timestamp("us"))]))]),
    ),
    "map": pa.array([[(1, "x"), (-2, None)], [], None], pa.map_(pa.int64(), pa.string())),
    "number": marked(["1234567890123456789012345678901234567890.10", "-7", None], "number"),
    "uuid": marked(
        ["00112233-4455-6677-8899-aabbccddeeff", "ffffffff-ffff-ffff-ffff-ffffffffffff", None], "uuid"
    ),
    "json": marked(['{"n": 1.10,  "b": 1e40, "u": null}', '"x"', None], "json"),
    "interval": marked(["P1Y2M3DT4H5M6.789S", "PT0S", None], "interval"),
}


@pytest.mark.parametrize("timezone", ["UTC", "Europe/Berlin"])
@pytest.mark.parametrize("name", COLUMNS)
def test_a_row_is_read_back_as_it_was(name, timezone):
    values = COLUMNS[name]
    values, metadata = values if isinstance(values, tuple) else (values, None)
    if timezone != "UTC" and name in ("naive", "seconds"):
        values = values.slice(0, 1)  # the ends of what ISO 8601 can write move with the zone
    schema = pa.schema([pa.field("k", pa.int64()), pa.field(name, values.type, metadata=metadata)])
    rows = pa.record_batch([pa.array(range(len(values))), values], schema=schema)
    engine = Engine(1, "1GB")
    shown = Shown(MappingSpec("s", (), schema, key=("k",), timezone=timezone), schema.names, engine)
    texts = [each.row for each in shown.rejects(rows, np.arange(len(values)), [""] * len(values))]
    engine.close()
    stored = StoredRows(schema, timezone)
    for n, text in enumerate(texts):
        assert stored.row(text).equals(rows.slice(n, 1)), text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"v":"x"}', pa.int64()),
        ('{"v":1.5}', pa.int64()),
        ('{"v":300}', pa.int8()),
        ('{"v":1}', pa.bool_()),
        ('{"v":"infinity"}', pa.date32()),
        ('{"v":"253402300800000000"}', pa.timestamp("us")),
        ('{"v":"not base64"}', pa.binary()),
        ('{"v":[1]}', pa.string()),
        ('{"v":{"b":1}}', pa.struct([("a", pa.int64())])),
        ('{"w":1}', pa.int64()),
        ('{"v":', pa.int64()),
        ("", pa.int64()),
        ("{}", pa.int64()),
    ],
)
def test_what_does_not_fit_is_no_row(text, kind):
    """A column that is missing, a value of another type, and text that is no row."""
    assert StoredRows(pa.schema([("v", kind)]), "UTC").row(text) is None
