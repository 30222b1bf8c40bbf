"""Kinds of cursors: columns of many types with values that are easily confused, and the sources to read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from database_sources import Database

from connector.config.models import DatabaseSource


@dataclass(frozen=True)
class Kind:
    """A column `moved` of one type on one database.

    `values` are SQL; each is stored by two rows, whose ids stand far apart. `order` is what the source orders by.
    """

    name: str
    dialect: str
    type: str
    values: Sequence[str]
    settings: dict[str, Any] = field(default_factory=dict)
    order: str = "moved"
    before: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.dialect}-{self.name}"

    def fill(self, database: Database) -> Database:
        """Make the table; the ids of equal values are 1 and 1 + the number of values, and so on."""
        twice = [*self.values, *self.values]
        rows = ", ".join(f"({id_}, {value})" for id_, value in enumerate(twice, 1))
        database.run(
            *self.before,
            f"create table orders (id bigint not null, moved {self.type})",
            "create index orders_moved_id on orders (moved, id)",
            f"insert into orders values {rows}",
        )
        return database

    def source(self, database: Database, **settings: Any) -> DatabaseSource:
        return database.source(**{**self.settings, **settings})


DECLARED = {"columns": {"moved": "varchar"}}
# The same word in many forms, words that sort apart by bytes and by language, and signs that literals must escape.
WORDS = ("'b'", "'B'", "'a'", "'A'", "'\u00e4'", "'a '", "'\u00df'", "'ss'", "'a''b'", "'\u65e5'")
UUIDS = [
    f"'018f{n:04x}-{low:04x}-7000-8000-{tail:012x}'"
    for n, low, tail in [(9, 1, 0), (9, 0, 2**48 - 1), (8, 65535, 1), (10, 0, 0), (9, 1, 1)]
]
BYTES = [
    "0000000000000802",
    "0000000000000801",
    "00000000000000ff",
    "7fffffffffffffff",
    "8000000000000000",
    "ff",
]
STAMPS = [
    "'2024-03-31 01:59:59.999999'", "'2024-03-31 01:59:59.999998'", "'2024-03-31 02:00:00'",
    "'2024-03-31 02:30:00.000001'", "'1969-12-31 23:59:59.5'", "'2024-10-27 02:30:00'", "'2024-10-27 02:30:00.1'",
]  # fmt: skip
NANOS = [f"'2024-03-31 02:00:00.{n:09d}'" for n in (1, 2, 0, 999, 1000, 999_999_999)]
DATES = ["'2024-02-29'", "'2024-03-01'", "'1969-12-31'", "'1000-01-01'", "'2024-12-31'"]
BIG = [str(2**53 + n) for n in (1, 0, 2)] + [str(2**63 - 1), str(-(2**63) + 1), "0"]
NUMBERS = [
    "0.1", "0.1000000001", "12345678901234567890.0000000001", "12345678901234567890.0000000002", "-5.5", "100",
]  # fmt: skip


# Where the server was built without ICU these sort by bytes.
COLLATION = """
do $$ begin create collation if not exists {name} ({options}, provider = icu);
exception when feature_not_supported then create collation if not exists {name} from "C"; end $$"""
COLLATIONS = (
    COLLATION.format(name="loose", options="locale = 'und-u-ks-level1', deterministic = false"),
    COLLATION.format(name="german", options="locale = 'de'"),
)


def _texts() -> Iterator[Kind]:
    types = {
        "sqlite": ["text", "text collate nocase", "text collate rtrim"],
        "duckdb": ["varchar", "varchar collate nocase", "varchar collate nocase.noaccent"],
        "postgresql": ['text collate "C"', "text", "text collate german", "text collate loose", "char(9)"],
        "mysql": [
            "varchar(50) character set utf8mb4",
            "varchar(50) character set utf8mb4 collate utf8mb4_bin",
            "varchar(50) character set utf8mb4 collate utf8mb4_unicode_ci",
            "varchar(50) character set utf8mb4 collate utf8mb4_nopad_bin",
            "varchar(50) character set ucs2",
        ],
    }
    for dialect, names in types.items():
        before = COLLATIONS if dialect == "postgresql" else ()
        for name in names:
            yield Kind(name, dialect, name, WORDS, DECLARED, before=before)


def _binary() -> Iterator[Kind]:
    def hexadecimal(form: str) -> list[str]:
        return [form.format(value) for value in BYTES]

    yield Kind("blob", "sqlite", "blob", hexadecimal("x'{}'"))
    yield Kind("blob", "duckdb", "blob", hexadecimal("from_hex('{}')"))
    yield Kind("bytea", "postgresql", "bytea", hexadecimal("'\\x{}'"))
    yield Kind("binary(8)", "mysql", "binary(8)", hexadecimal("x'{}'"))
    yield Kind("varbinary(8)", "mysql", "varbinary(8)", hexadecimal("x'{}'"))
    yield Kind("uuid", "sqlite", "uuid", UUIDS)
    yield Kind("uuid", "duckdb", "uuid", UUIDS)
    yield Kind("uuid", "postgresql", "uuid", UUIDS)
    yield Kind("uuid", "mysql", "uuid", UUIDS, DECLARED)
    yield Kind("pg_lsn", "postgresql", "pg_lsn", ["'0/9'", "'0/10'", "'1/0'", "'0/FFFFFFFF'"], DECLARED)
    yield Kind("xid8", "postgresql", "xid8", ["'9'", "'10'", "'18446744073709551615'"], DECLARED)
    mood = "do $$ begin create type mood as enum ('sad', 'ok', 'glad'); exception when duplicate_object then null; end $$"
    yield Kind("enum", "postgresql", "mood", ["'ok'", "'glad'", "'sad'"], DECLARED, before=(mood,))


def _numbers() -> Iterator[Kind]:
    for dialect in ("sqlite", "duckdb", "postgresql", "mysql"):
        yield Kind("bigint", dialect, "bigint", BIG)
    huge = [*BIG, str(2**64 - 1), str(2**63)]
    yield Kind("numeric(20)", "postgresql", "numeric(20)", huge)
    yield Kind("hugeint", "duckdb", "hugeint", [*huge, str(2**126), str(2**126 + 1)])
    positive = [value for value in huge if not value.startswith("-")]
    yield Kind("bigint unsigned", "mysql", "bigint unsigned", positive)
    yield Kind("ubigint", "duckdb", "ubigint", positive)
    yield Kind("decimal(38,10)", "duckdb", "decimal(38,10)", NUMBERS)
    yield Kind("decimal(38,10)", "mysql", "decimal(38,10)", NUMBERS)
    yield Kind("numeric(38,10)", "postgresql", "numeric(38,10)", NUMBERS)
    # Equal numbers that are written differently.
    yield Kind("numeric", "postgresql", "numeric", [*NUMBERS, "100.0", "0.10", "1e50", "100.00"])
    yield Kind("nanoseconds", "sqlite", "bigint", [str(1_700_000_000_123_456_789 + n) for n in (0, 2, 1, -1)])


def _times() -> Iterator[Kind]:
    types = {
        "sqlite": ["timestamp"],
        "duckdb": ["timestamp", "timestamptz"],
        "postgresql": ["timestamp", "timestamptz", "timestamp(3)"],
        "mysql": ["datetime(6)", "datetime", "datetime(3)"],
    }
    for dialect, names in types.items():
        for name in names:
            yield Kind(name, dialect, name, STAMPS)
        yield Kind("date", dialect, "date", DATES)
    later = [stamp for stamp in STAMPS if "1969" not in stamp]
    yield Kind("timestamp(6)", "mysql", "timestamp(6)", later)
    yield Kind("timestamp_ns", "duckdb", "timestamp_ns", NANOS)
    yield Kind("timestamp_ms", "duckdb", "timestamp_ms", STAMPS)
    yield Kind("timestamp_s", "duckdb", "timestamp_s", STAMPS)
    yield Kind("text with nanoseconds", "sqlite", "text", NANOS, DECLARED)


def _expressions() -> Iterator[Kind]:
    stamped = [*STAMPS, "null"]
    for dialect, kind in (
        ("duckdb", "timestamp"),
        ("postgresql", "timestamp"),
        ("mysql", "datetime(6)"),
        ("sqlite", "text"),
    ):
        other = "'2024-03-31 02:00:00'" if dialect == "sqlite" else "timestamp'2024-03-31 02:00:00'"
        sql = f"coalesce(moved, {other})"
        yield Kind("coalesce", dialect, kind, stamped, {"cursor": {"sql": sql}}, order=sql)


KINDS = tuple(kind for part in (_texts, _binary, _numbers, _times, _expressions) for kind in part())
