"""Every type that the field uses, with extreme values and null, read back to the last digit and microsecond."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from database_sources import Database, read

UTC = dt.UTC
FULL = {"mode": "full", "key": ("id",), "table": "types"}


def naive(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=UTC).replace(tzinfo=None)


# declaration, literal, what is read, Arrow type, meaning
Case = tuple[str, str, Any, str, str]

POSTGRES: list[Case] = [
    ("boolean", "true", True, "bool", ""),
    ("smallint", "-32768", -32768, "int16", ""),
    ("integer", "2147483647", 2147483647, "int32", ""),
    ("bigint", "9223372036854775807", 9223372036854775807, "int64", ""),
    ("numeric(38,10)", "-1234567890123456789012345678.0123456789", Decimal("-1234567890123456789012345678.0123456789"), "decimal128(38, 10)", ""),
    ("numeric(10,2)", "0.10", Decimal("0.10"), "decimal128(10, 2)", ""),
    ("numeric(3,-2)", "12300", "12300", "string", "number"),
    ("numeric", "12345678901234567890123456789012345678901234567890.000001", "12345678901234567890123456789012345678901234567890.000001", "string", "number"),
    ("money", "'12.50'", "12.50", "string", "number"),
    ("real", "0.1", pytest.approx(0.1), "float", ""),
    ("double precision", "1.7976931348623157e308", 1.7976931348623157e308, "double", ""),
    ("text", "E'tab\\t \"quote\" \\\\ é 日本 😀'", 'tab\t "quote" \\ é 日本 😀', "string", ""),
    ("varchar(9)", "''", "", "string", ""),
    ("char(3)", "'a'", "a  ", "string", ""),
    ("name", "'n'", "n", "string", ""),
    ('"char"', "'c'", "c", "string", ""),
    ("bytea", "'\\x00ff'", b"\x00\xff", "binary", ""),
    ("date", "'0001-01-01'", dt.date(1, 1, 1), "date32[day]", ""),
    ("time", "'23:59:59.999999'", dt.time(23, 59, 59, 999999), "time64[us]", ""),
    ("timetz", "'12:00:00.5+02'", "12:00:00.5+02", "string", ""),
    ("timestamp", "'9999-12-31 23:59:59.999999'", naive(9999, 12, 31, 23, 59, 59, 999999), "timestamp[us]", ""),
    ("timestamptz", "'2024-06-01 02:00:00.000001+02'", dt.datetime(2024, 6, 1, 0, 0, 0, 1, UTC), "timestamp[us, tz=UTC]", ""),
    ("interval", "'1 year 2 days 3.5 seconds'", "P1Y2DT3.5S", "string", "interval"),
    ("uuid", "'00000000-0000-4000-8000-00000000000f'", "00000000-0000-4000-8000-00000000000f", "string", "uuid"),
    ("json", "'{\"b\": 1.10, \"a\": 12345678901234567890}'", '{"b": 1.10, "a": 12345678901234567890}', "string", "json"),
    ("jsonb", "'{\"b\": 1.10}'", '{"b": 1.10}', "string", "json"),
    ("integer[]", "'{{1,2},{3,null}}'", "[[1, 2], [3, null]]", "string", "json"),
    ("text[]", "'[5:6]={a,\"b c\"}'", '["a", "b c"]', "string", "json"),
    ("numeric[]", "'{1.10}'", "[1.10]", "string", "json"),
    ("mood", "'sad'", "sad", "string", ""),
    ("pair", "'(1,x)'", "(1,x)", "string", ""),
    ("short", "'abc'", "abc", "string", ""),
    ("int4range", "'[1,3)'", "[1,3)", "string", ""),
    ("inet", "'10.0.0.1/8'", "10.0.0.1/8", "string", ""),
    ("macaddr", "'08:00:2b:01:02:03'", "08:00:2b:01:02:03", "string", ""),
    ("bit(3)", "B'101'", "101", "string", ""),
    ("bit varying", "B'10'", "10", "string", ""),
    ("oid", "4294967295", 4294967295, "int64", ""),
    ("tsvector", "'cat'", "'cat'", "string", ""),
    ("point", "'(1,2)'", "(1,2)", "string", ""),
]  # fmt: skip

MYSQL: list[Case] = [
    ("tinyint(1)", "1", True, "bool", ""),
    ("tinyint", "-128", -128, "int8", ""),
    ("smallint unsigned", "65535", 65535, "uint16", ""),
    ("mediumint", "-8388608", -8388608, "int32", ""),
    ("int unsigned", "4294967295", 4294967295, "uint32", ""),
    ("bigint", "-9223372036854775808", -9223372036854775808, "int64", ""),
    ("bigint unsigned", "18446744073709551615", 18446744073709551615, "uint64", ""),
    ("decimal(38,10)", "-1234567890123456789012345678.0123456789", Decimal("-1234567890123456789012345678.0123456789"), "decimal128(38, 10)", ""),
    ("decimal(5,0) unsigned", "99999", Decimal(99999), "decimal128(5, 0)", ""),
    ("decimal(65,30)", "12345678901234567890123456789012345.123456789012345678901234567890", "12345678901234567890123456789012345.123456789012345678901234567890", "string", "number"),
    ("float", "0.5", 0.5, "float", ""),
    ("double", "1.7976931348623157e308", 1.7976931348623157e308, "double", ""),
    ("bit(1)", "b'1'", True, "bool", ""),
    ("bit(64)", "b'1000000000000000000000000000000000000000000000000000000000000001'", 2**63 + 1, "uint64", ""),
    ("year", "2155", 2155, "int16", ""),
    ("date", "'9999-12-31'", dt.date(9999, 12, 31), "date32[day]", ""),
    ("time(6)", "'-838:59:59.000001'", "-838:59:59.000001", "string", ""),
    ("datetime(6)", "'2024-01-02 03:04:05.000001'", naive(2024, 1, 2, 3, 4, 5, 1), "timestamp[us]", ""),
    ("datetime", "'1000-01-01 00:00:00'", naive(1000, 1, 1), "timestamp[us]", ""),
    ("timestamp(6) null", "'2024-06-01 00:00:00.5'", dt.datetime(2024, 6, 1, 0, 0, 0, 500000, UTC), "timestamp[us, tz=UTC]", ""),
    ("char(5) character set utf8mb4", "'é'", "é", "string", ""),
    ("varchar(9) character set utf8mb4", "'日本 😀'", "日本 😀", "string", ""),
    ("varchar(9) character set latin1", "'é'", "é", "string", ""),
    ("longtext", "'x'", "x", "string", ""),
    ("binary(2)", "x'00ff'", b"\x00\xff", "binary", ""),
    ("longblob", "x'00'", b"\x00", "binary", ""),
    ("enum('a','b')", "'b'", "b", "string", ""),
    ("set('a','b')", "'a,b'", "a,b", "string", ""),
    ("json", "'{\"b\": 1.10}'", '{"b": 1.10}', "string", "json"),
]  # fmt: skip

SQLITE: list[Case] = [
    ("boolean", "1", True, "bool", ""),
    ("integer", "-9223372036854775808", -9223372036854775808, "int64", ""),
    ("unsigned big int", "9223372036854775807", 9223372036854775807, "int64", ""),
    ("decimal(10,2)", "12.3", Decimal("12.30"), "decimal128(10, 2)", ""),
    ("decimal(38,3)", "1234567890123456", Decimal("1234567890123456.000"), "decimal128(38, 3)", ""),
    ("numeric", "0.1", "0.1", "string", "number"),
    ("real", "1.7976931348623157e308", 1.7976931348623157e308, "double", ""),
    ("float", "3", 3.0, "double", ""),
    ("varchar(9)", "'日本 😀'", "日本 😀", "string", ""),
    ("text", "''", "", "string", ""),
    ("blob", "x'00ff'", b"\x00\xff", "binary", ""),
    ("date", "'2024-02-29'", dt.date(2024, 2, 29), "date32[day]", ""),
    ("date", "'2024-02-29 00:00:00'", dt.date(2024, 2, 29), "date32[day]", ""),
    ("time", "'23:59:59.999999'", dt.time(23, 59, 59, 999999), "time64[us]", ""),
    ("datetime", "'2024-01-02 03:04:05.000001'", naive(2024, 1, 2, 3, 4, 5, 1), "timestamp[us]", ""),
    ("datetime", "'2024-01-02T03:04:05+02:00'", naive(2024, 1, 2, 1, 4, 5), "timestamp[us]", ""),
    ("timestamp with time zone", "'2024-01-02T03:04:05Z'", dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), "timestamp[us, tz=UTC]", ""),
    ("json", "'{\"a\": 1}'", '{"a": 1}', "string", "json"),
    ("uuid", "'00000000-0000-4000-8000-00000000000f'", "00000000-0000-4000-8000-00000000000f", "string", "uuid"),
]  # fmt: skip

DUCKDB: list[Case] = [
    ("boolean", "true", True, "bool", ""),
    ("utinyint", "255", 255, "uint8", ""),
    ("bigint", "-9223372036854775808", -9223372036854775808, "int64", ""),
    ("ubigint", "18446744073709551615", 18446744073709551615, "uint64", ""),
    ("hugeint", "-170141183460469231731687303715884105728", "-170141183460469231731687303715884105728", "string", "number"),
    ("decimal(38,10)", "-1234567890123456789012345678.0123456789", Decimal("-1234567890123456789012345678.0123456789"), "decimal128(38, 10)", ""),
    ("float", "0.5", 0.5, "float", ""),
    ("double", "1.7976931348623157e308", 1.7976931348623157e308, "double", ""),
    ("varchar", "'日本 😀'", "日本 😀", "string", ""),
    ("blob", "'\\x00\\xFF'::blob", b"\x00\xff", "binary", ""),
    ("bit", "'101'", "101", "string", ""),
    ("date", "'0001-01-01'", dt.date(1, 1, 1), "date32[day]", ""),
    ("time", "'23:59:59.999999'", dt.time(23, 59, 59, 999999), "time64[us]", ""),
    ("timestamp", "'2024-01-02 03:04:05.000001'", naive(2024, 1, 2, 3, 4, 5, 1), "timestamp[us]", ""),
    ("timestamptz", "'2024-01-02 03:04:05.000001+02'", dt.datetime(2024, 1, 2, 1, 4, 5, 1, UTC), "timestamp[us, tz=UTC]", ""),
    ("timestamp_s", "'2024-01-02 03:04:05'", naive(2024, 1, 2, 3, 4, 5), "timestamp[s]", ""),
    ("interval", "interval '14 months 2 days 3.5 seconds'", pa.MonthDayNano([14, 2, 3_500_000_000]), "month_day_nano_interval", ""),
    ("uuid", "'00000000-0000-4000-8000-00000000000f'", "00000000-0000-4000-8000-00000000000f", "string", "uuid"),
    ("json", "'{\"b\": 1.10}'", '{"b": 1.10}', "string", "json"),
    ("enum('a','b')", "'b'", "b", "string", ""),
    ("integer[]", "[1, null]", [1, None], "list<l: int32>", ""),
    ("struct(a integer, b varchar)", "{'a': 1, 'b': 'x'}", {"a": 1, "b": "x"}, "struct<a: int32, b: string>", ""),
    ("map(varchar, integer)", "map {'a': 1}", [("a", 1)], "map<string, int32>", ""),
    ("uuid[]", "['00000000-0000-4000-8000-00000000000f']", [UUID("00000000-0000-4000-8000-00000000000f")], "list<l: extension<arrow.uuid>>", ""),
]  # fmt: skip


def check(database: Database, cases: list[Case], extra: str = "") -> None:
    """A row of values and a row of nulls, as declared and as read."""
    declared = ", ".join(f"c{place} {declaration}" for place, (declaration, *_) in enumerate(cases))
    values = ", ".join(literal for _, literal, *_ in cases)
    database.run(f"create table types (id integer primary key, {declared}{extra})")
    database.run(f"insert into types values (1, {values})", "insert into types (id) values (2)")
    found = read(database.source(**FULL))
    schema = found.batches[0].rows.schema
    for place, (declaration, literal, expected, kind, meaning) in enumerate(cases):
        name = f"c{place}"
        assert found.rows[0][name] == expected, (declaration, literal)
        assert found.rows[1][name] is None, declaration
        assert str(schema.field(name).type) == kind, declaration
        assert ((schema.field(name).metadata or {}).get(b"connector", b"").decode()) == meaning, declaration


def test_postgresql(postgres_url: str) -> None:
    database = Database("postgresql", postgres_url)
    database.run(
        "create type mood as enum ('happy', 'sad')", "create type pair as (a int, b text)",
        "create domain short as varchar(5)",
    )  # fmt: skip
    check(database, POSTGRES)


def test_postgresql_infinities_become_null_and_are_counted(postgres_url: str) -> None:
    database = Database("postgresql", postgres_url)
    database.run(
        "drop table if exists types",
        "create table types (id int primary key, d date, t timestamp, z timestamptz, n numeric(9,2), u numeric)",
        "insert into types values (1, 'infinity', '-infinity', 'infinity', 'NaN', 'NaN')",
        "insert into types values (2, '-infinity', 'infinity', '-infinity', 1.5, 'Infinity')",
    )
    found = read(database.source(**FULL))
    assert [row["d"] or row["t"] or row["z"] for row in found.rows] == [None, None]
    assert [row["n"] for row in found.rows] == [None, Decimal("1.50")]
    assert [row["u"] for row in found.rows] == ["nan", "inf"]
    assert found.warnings == {"infinite_value": 7}


def test_mariadb(mariadb_url: str) -> None:
    check(Database("mysql", mariadb_url), MYSQL)


def test_mariadb_zero_dates_become_null_and_are_counted(mariadb_url: str) -> None:
    database = Database("mysql", mariadb_url)
    database.run(
        "drop table if exists types", "create table types (id int primary key, d date, t datetime)",
        "insert ignore into types values (1, '0000-00-00', '0000-00-00 00:00:00'), (2, '2024-01-00', '2024-01-02')",
    )  # fmt: skip
    found = read(database.source(**FULL))
    assert found.warnings.keys() == {"zero_date"}
    assert found.rows[1]["t"] == naive(2024, 1, 2)
    assert [row["d"] for row in found.rows] == [None, None]


def test_sqlite(tmp_path: Path) -> None:
    check(Database("sqlite", f"sqlite:///{tmp_path}/t.db"), SQLITE)


def test_duckdb(tmp_path: Path) -> None:
    check(Database("duckdb", f"duckdb:///{tmp_path}/t.duckdb"), DUCKDB)


def test_duckdb_infinities_become_null_and_are_counted(tmp_path: Path) -> None:
    database = Database("duckdb", f"duckdb:///{tmp_path}/t.duckdb")
    database.run(
        "create table types (id int primary key, d date, t timestamp)",
        "insert into types values (1, 'infinity', '-infinity'), (2, '2024-01-01', 'infinity')",
    )
    found = read(database.source(**FULL))
    assert [row["t"] for row in found.rows] == [None, None]
    assert found.warnings == {"infinite_value": 3}
