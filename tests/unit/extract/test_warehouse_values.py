"""Values of warehouses: from their drivers into Arrow, and back into SQL."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql, oracle

from connector.errors import ConfigError, DataError
from connector.extract import Limits
from connector.extract.databases import alchemy_rows, bigquery_types, snowflake_types
from connector.extract.databases.adbc_values import chunk_of, time_text
from connector.extract.databases.alchemy_types import arrow_type
from connector.extract.databases.dialects import reader_for, url_of
from connector.extract.databases.reader import Chunk, Column, Statement

LIMITS = Limits()


def snow(name: str, kind: pa.DataType, native: str) -> Column:
    return snowflake_types.column_of(pa.field(name, kind, metadata={"SNOWFLAKE_TYPE": native}), f'"{name}"')


def big(name: str, kind: pa.DataType, extension: str = "") -> Column:
    metadata = {"ARROW:extension:name": f"google:sqlType:{extension}"} if extension else None
    return bigquery_types.column_of(pa.field(name, kind, metadata=metadata), f"`{name}`")


def chunk(columns: list[Column], arrays: list[pa.Array], ordering: tuple[int, ...] = (0,)) -> Chunk:
    batch = pa.RecordBatch.from_arrays(arrays, [column.name for column in columns])
    return chunk_of(batch, Statement("", tuple(columns), len(columns), ordering, LIMITS))


STAMPS = [
    "2026-01-31 06:00:00.123456789",
    "2026-01-31 06:00:00.123456000",
    "9999-12-31 00:00:00.000000000",
    None,
]


def test_the_watermark_has_all_digits_and_rows_have_microseconds() -> None:
    """The end of time as warehouses write it does not fit into nanoseconds, so rows have microseconds."""
    at = snow("AT", pa.timestamp("us"), "timestamp_ntz")
    found = chunk([at], [pa.array(STAMPS)])
    assert found.raw[0].to_pylist() == [
        "2026-01-31 06:00:00.123456789", "2026-01-31 06:00:00.123456", "9999-12-31 00:00:00.000000", None,
    ]  # fmt: skip
    expected = pa.array(
        ["2026-01-31 06:00:00.123456", "2026-01-31 06:00:00.123456", "9999-12-31", None]
    ).cast(pa.timestamp("us"))
    assert found.rows.column(0).equals(expected)


def test_a_declared_type_keeps_them() -> None:
    at = snow("AT", pa.timestamp("us"), "timestamp_ntz")
    declared = Column(at.name, pa.timestamp("ns"), at.native, at.sql, at.output)
    found = chunk([declared], [pa.array(STAMPS[:2])])
    assert found.rows.column(0).cast(pa.int64()).to_pylist()[0] % 1000 == 789


def test_a_key_does_not_lose_them() -> None:
    """Two keys that differ in nanoseconds would become one."""
    at, key = (
        snow("AT", pa.timestamp("us"), "timestamp_ntz"),
        snow("KEY", pa.timestamp("us"), "timestamp_ltz"),
    )
    with pytest.raises(DataError, match="'KEY' holds values that do not fit"):
        chunk([at, key], [pa.array(STAMPS[1:2]), pa.array(STAMPS[:1])], (0, 1))


@pytest.mark.parametrize(
    ("dialect", "kind", "values"),
    [
        ("mssql", mssql.DATETIME2(7), ["2026-01-31T06:00:00.1234567", "9999-12-31T00:00:00", None]),
        (
            "oracle",
            oracle.TIMESTAMP(),
            ["2026-01-31 06:00:00.123456700", "9999-12-31 00:00:00.000000000", None],
        ),
    ],
)
def test_other_databases_have_finer_times_too(dialect: str, kind: Any, values: list[Any]) -> None:
    reader = reader_for(url_of(f"{dialect}://user@host/db"), "UTC")
    column = reader._column("at", kind, True)
    statement = Statement("", (column,), 1, (0,), LIMITS)
    found = alchemy_rows.chunk_of([(value,) for value in values], statement, "UTC")
    assert found.raw[0][0].as_py().rstrip("0").endswith(".1234567")
    assert found.rows.column(0)[0].as_py().microsecond == 123_456
    assert found.rows.column(0)[1].as_py().year == 9999


def test_whole_numbers_of_any_size() -> None:
    small, large = snow("S", pa.decimal128(18, 0), "fixed"), snow("L", pa.decimal128(38, 0), "fixed")
    assert (small.type, large.type) == (pa.int64(), pa.decimal128(38, 0))
    number = Decimal(12345678901234567890123456789012345678)
    found = chunk(
        [small, large], [pa.array([Decimal(7)], pa.decimal128(18, 0)), pa.array([number], large.type)], (0, 1)
    )
    assert found.rows.to_pylist() == [{"S": 7, "L": number}]


@pytest.mark.parametrize(
    ("column", "kind", "meaning", "unfit"),
    [
        (snow("x", pa.string(), "variant"), pa.string(), "json", "JSON"),
        (snow("x", pa.string(), "geography"), pa.string(), "json", "a geography"),
        (snow("x", pa.float64(), "real"), pa.float64(), "", "a floating-point number"),
        (snow("x", pa.string(), "vector"), pa.string(), "", "of type vector"),
        (big("x", pa.string(), "json"), pa.string(), "json", "JSON"),
        (big("x", pa.string(), "geography"), pa.string(), "json", "a geography"),
        (big("x", pa.decimal256(76, 38)), pa.string(), "number", ""),
        (big("x", pa.list_(pa.int64())), pa.string(), "json", "an array"),
        (big("x", pa.struct([("a", pa.int64())])), pa.string(), "json", "a struct"),
        (big("x", pa.float64()), pa.float64(), "", "a floating-point number"),
        (big("x", pa.month_day_nano_interval()), pa.string(), "", "an interval"),
        (big("x", pa.timestamp("us")), pa.timestamp("us"), "", ""),
    ],
)  # fmt: skip
def test_what_arrow_has_no_type_for(column: Column, kind: pa.DataType, meaning: str, unfit: str) -> None:
    assert (column.type, column.meaning, column.unfit) == (kind, meaning, unfit)


@pytest.mark.parametrize(
    ("dialect", "kind", "expected"),
    [
        ("oracle", sa.Integer(), (pa.decimal128(38, 0), "number", "")),
        ("oracle", oracle.DATE(), (pa.timestamp("us"), "datetime", "")),
        ("oracle", oracle.TIMESTAMP(local_timezone=True), (pa.timestamp("us", "UTC"), "timestamptz", "")),
        ("mssql", mssql.DATETIME(), (pa.timestamp("us"), "datetime", "")),
        ("mssql", mssql.DATETIMEOFFSET(), (pa.timestamp("us", "UTC"), "timestamptz", "")),
        ("mssql", mssql.MONEY(), (pa.decimal128(19, 4), "number", "")),
        ("postgresql", sa.DateTime(timezone=True), (pa.timestamp("us", "UTC"), "timestamptz", "")),
        ("postgresql", sa.Boolean(), (pa.bool_(), "boolean", "")),
    ],
)
def test_types_that_dialects_mean_in_their_own_way(
    dialect: str, kind: Any, expected: tuple[Any, ...]
) -> None:
    assert arrow_type(kind, dialect) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-01-31T06:00:00Z", "2026-01-31 06:00:00+00:00"),
        ("2026-01-31 06:00:00.5 +0200", "2026-01-31 06:00:00.5+02:00"),
        ("2026-01-31 06:00:00-05", "2026-01-31 06:00:00-05:00"),
        ("2026-01-31", "2026-01-31"),
    ],
)
def test_times_in_one_form(given: str, expected: str) -> None:
    assert time_text(given) == expected


@pytest.mark.parametrize("text", ["2026-01-31' or '1' = '1", "now()"])
@pytest.mark.parametrize("native", ["timestamp_ntz", "timestamp_tz", "date", "time", "fixed", "binary"])
def test_nothing_but_a_value_gets_into_a_statement(native: str, text: str) -> None:
    with pytest.raises(ConfigError):
        snowflake_types.LITERALS[native](text)
