"""The statements that an extractor writes, dialect by dialect, recorded without a server.

What is under test are the parts of a dialect: its literals, its quotes, its form of a keyset, how it cuts a result off.
The statements stand in tests/golden/sql; after a change that is meant: python tests/recorded_sql.py --write
"""

from __future__ import annotations

import datetime as dt
import itertools
import sys
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.dialects import mssql, oracle
from sqlalchemy_redshift.dialect import SUPER

from connector.config.models import DatabaseSource
from connector.extract import Limits
from connector.extract.database import DatabaseExtractor
from connector.extract.databases import bigquery_types, snowflake_types
from connector.extract.databases.dialects import reader_for, url_of
from connector.extract.databases.postgres_types import Described
from connector.extract.databases.postgres_types import column_of as postgres_column
from connector.extract.databases.ranges import Ranges
from connector.extract.databases.reader import CURSOR, Auto, Chunk, Column, Reader, Statement
from connector.extract.databases.relation import Relation
from connector.model import EMPTY_WATERMARK, Watermark

GOLDEN = Path(__file__).parent / "golden" / "sql"
NOW = dt.datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=dt.UTC)
# A text that each dialect has to escape in its own way.
ODD = 'O\'Brien\\n%s :x "q" `b` 日本'

URLS = {
    "snowflake": "snowflake://reader:secret@acct/SHOP/PUBLIC?warehouse=WH",
    "bigquery": "bigquery://project/shop",
    "redshift": "redshift+psycopg2://reader:secret@host:5439/shop",
    "mssql": "mssql+pymssql://reader:secret@host/shop",
    "oracle": "oracle+oracledb://reader:secret@host/?service_name=shop",
    "postgres": "postgresql://reader:secret@host/shop",
    "psycopg": "postgresql+psycopg://reader:secret@host/shop",
    "mysql": "mysql://reader:secret@host/shop",
    "sqlite": "sqlite:///shop.db",
    "duckdb": "duckdb:///shop.duckdb",
}
# What sqlglot calls them.
PARSERS = {"mssql": "tsql", "psycopg": "postgres"} | {
    name: name for name in URLS if name not in {"mssql", "psycopg"}
}

_MICRO, _ZONED = pa.timestamp("us"), pa.timestamp("us", "UTC")


def _snowflake(name: str, kind: pa.DataType, native: str) -> Column:
    field = pa.field(name, kind, metadata={"SNOWFLAKE_TYPE": native})
    return snowflake_types.column_of(field, f'"{name}"')


def _bigquery(name: str, kind: pa.DataType, extension: str = "") -> Column:
    metadata = {"ARROW:extension:name": f"google:sqlType:{extension}"} if extension else None
    return bigquery_types.column_of(pa.field(name, kind, metadata=metadata), f"`{name}`")


def _postgres(name: str, kind: str, arrow: pa.DataType, native: str = "", modifier: int = -1) -> Column:
    return postgres_column(
        Described(name, kind, modifier, arrow, True), native or kind, f'"{name}"', nullable=True
    )


def _plain(name: str, kind: pa.DataType, native: str, quote: str = '"') -> Column:
    quoted = f"{quote}{name}{quote}"
    return Column(name, kind, native, quoted, quoted)


def columns(dialect: str, reader: Reader) -> tuple[Column, ...]:
    """A table with every type that a cursor or a key can have, as the dialect's own reader describes it."""
    return tuple(_TABLES[dialect](reader))


def _generic(kinds: Mapping[str, sa.types.TypeEngine[Any]]) -> Callable[[Any], list[Column]]:
    return lambda reader: [reader._column(name, kind, True) for name, kind in kinds.items()]


_TABLES: dict[str, Callable[[Any], list[Column]]] = {
    "snowflake": lambda _: [
        _snowflake("ID", pa.decimal128(38, 0), "fixed"),
        _snowflake("REGION", pa.string(), "text"),
        _snowflake("AMOUNT", pa.decimal128(38, 4), "fixed"),
        _snowflake("MOVED", _MICRO, "timestamp_ntz"),
        _snowflake("ZONED", _ZONED, "timestamp_tz"),
        _snowflake("LOCAL", _ZONED, "timestamp_ltz"),
        _snowflake("DAY", pa.date32(), "date"),
        _snowflake("VERSION", pa.binary(), "binary"),
        _snowflake("CLOCK", pa.time64("ns"), "time"),
        _snowflake("OPEN", pa.bool_(), "boolean"),
        _snowflake("PAYLOAD", pa.string(), "variant"),
        _snowflake("PLACE", pa.string(), "geography"),
    ],
    "bigquery": lambda _: [
        _bigquery("id", pa.int64()),
        _bigquery("region", pa.string()),
        _bigquery("amount", pa.decimal128(38, 9)),
        _bigquery("large", pa.decimal256(76, 38)),
        _bigquery("moved", _MICRO, "datetime"),
        _bigquery("zoned", _ZONED),
        _bigquery("day", pa.date32()),
        _bigquery("version", pa.binary()),
        _bigquery("clock", pa.time64("us")),
        _bigquery("open", pa.bool_()),
        _bigquery("payload", pa.string(), "json"),
        _bigquery("place", pa.string(), "geography"),
        _bigquery("lines", pa.list_(pa.struct([("sku", pa.string())]))),
    ],
    "mssql": _generic(
        {
            "id": sa.BigInteger(),
            "region": mssql.NVARCHAR(40),
            "amount": sa.Numeric(38, 4),
            "moved": mssql.DATETIME2(7),
            "zoned": mssql.DATETIMEOFFSET(7),
            "old": mssql.DATETIME(),
            "day": sa.Date(),
            "version": mssql.ROWVERSION(),
            "open": mssql.BIT(),
        }
    ),
    "oracle": _generic(
        {
            "id": sa.Integer(),
            "region": sa.String(40),
            "amount": oracle.NUMBER(38, 4),
            "moved": oracle.TIMESTAMP(),
            "zoned": oracle.TIMESTAMP(timezone=True),
            "local": oracle.TIMESTAMP(local_timezone=True),
            "old": oracle.DATE(),
            "version": oracle.RAW(8),
        }
    ),
    "redshift": _generic(
        {
            "id": sa.BigInteger(),
            "region": sa.String(40),
            "amount": sa.Numeric(38, 4),
            "moved": sa.DateTime(),
            "zoned": sa.DateTime(timezone=True),
            "day": sa.Date(),
            "open": sa.Boolean(),
            "payload": SUPER(),
        }
    ),
    "psycopg": _generic(
        {
            "id": sa.BigInteger(),
            "region": sa.String(40),
            "amount": sa.Numeric(38, 4),
            "moved": sa.DateTime(),
            "zoned": sa.DateTime(timezone=True),
            "day": sa.Date(),
            "version": sa.LargeBinary(),
            "open": sa.Boolean(),
        }
    ),
    "postgres": lambda _: [
        _postgres("id", "int8", pa.int64(), "bigint"),
        _postgres("region", "text", pa.string()),
        _postgres("amount", "numeric", pa.string()),
        _postgres("moved", "timestamp", _MICRO, "timestamp without time zone"),
        _postgres("zoned", "timestamptz", _ZONED, "timestamp with time zone"),
        _postgres("day", "date", pa.date32()),
        _postgres("version", "bytea", pa.binary()),
        _postgres("open", "bool", pa.bool_(), "boolean"),
        _postgres("payload", "jsonb", pa.string()),
    ],
    "mysql": lambda _: [
        _plain("id", pa.int64(), "number", "`"),
        _plain("region", pa.string(), "char", "`"),
        _plain("amount", pa.decimal128(38, 4), "number", "`"),
        _plain("moved", _MICRO, "datetime", "`"),
        _plain("zoned", _ZONED, "timestamp", "`"),
        _plain("day", pa.date32(), "date", "`"),
        _plain("version", pa.binary(), "binary", "`"),
    ],
    "sqlite": lambda _: [
        _plain("id", pa.int64(), "integer"),
        _plain("region", pa.string(), "text"),
        _plain("moved", _MICRO, "timestamp"),
        _plain("version", pa.binary(), "blob"),
    ],
    "duckdb": lambda _: [
        _plain("id", pa.int64(), "BIGINT"),
        _plain("region", pa.string(), "VARCHAR"),
        _plain("amount", pa.decimal128(38, 4), "DECIMAL(38,4)"),
        _plain("moved", _MICRO, "TIMESTAMP"),
        _plain("zoned", _ZONED, "TIMESTAMP WITH TIME ZONE"),
        _plain("day", pa.date32(), "DATE"),
        _plain("version", pa.binary(), "BLOB"),
    ],
}


# How each kind of cursor is kept in a watermark.
_TEXTS = {
    "moved": "2026-01-31 06:00:00.123456",
    "zoned": "2026-01-31 06:00:00.123456Z",
    "local": "2026-01-31 06:00:00.123456Z",
    "old": "2026-01-31 06:00:00",
    "day": "2026-01-31",
    "id": "9007199254740993",
    "amount": "12345678901234567890.1234",
    "large": "12345678901234567890123456789012345.1234567890123456789",
    "version": "00000000000007d1",
}


def recorder(dialect: str) -> tuple[Reader, list[str], list[int]]:
    """The dialect's reader without a server, the statements that it is given, and what it counts."""
    url = url_of(URLS[dialect])
    made = reader_for(url, "UTC")
    said: list[str] = []
    answers = [0]

    by_file = {"sqlite", "duckdb"}

    class Recorder(type(made)):  # type: ignore[misc]
        def connect(self) -> None:
            if hasattr(self, "_engine"):
                self._engine = sa.create_engine(self._url)

        def describe(self, relation: Relation, cursor_sql: str | None) -> tuple[Column, ...]:
            found = columns(dialect, self)
            if dialect == "snowflake":  # as if there were only such a table in capitals
                self._upper.add(relation.parts)
            if not cursor_sql:
                return found
            moved = next(column for column in found if column.name.lower() == "moved")
            return (*found, replace(moved, name=CURSOR, sql=f"({cursor_sql})", output=f"({cursor_sql})"))

        def indexes(self, relation: Relation) -> list[tuple[str, ...]]:
            names = [column.name for column in columns(dialect, self)]
            key = {name.lower(): name for name in names}
            tails = [(key["id"],), (key["region"], key["id"])]
            return [
                (name, *(part for part in tail if part != name)) for name in names for tail in tails
            ] + tails

        def tables(self) -> list[str]:
            return []

        def fetch(self, sql: str) -> list[tuple[Any, ...]]:
            said.append(sql)
            if "max(" in sql or "min(" in sql:
                return [(_TEXTS["moved"],)]
            places = sql.count(" union all ") + 1
            return [(n, 0, 0) for n in range(places)] if "count(*)," in sql else [(answers[0],)]

        def stream(self, statement: Statement) -> Generator[Chunk]:
            said.append(statement.sql)
            yield from ()

        def greatest(self, column: Column, statement: str) -> tuple[str, str] | None:
            if dialect not in by_file:
                return super().greatest(column, statement)
            said.append(statement)
            return _kept(column)

        def clock(self) -> dt.datetime:
            return NOW

        def auto(self) -> Auto | None:
            return Auto(NOW) if self.traits.settle == "auto" else None

        def origin(self) -> None:
            return None

        def advice(self, settle: dt.timedelta) -> Sequence[str]:
            return ()

    found = Recorder.__new__(Recorder)
    found.__dict__.update(made.__dict__)
    return found, said, answers


def _kept(column: Column) -> tuple[str, str]:
    name = column.name.lower()
    return (column.native, _TEXTS["moved" if name == CURSOR else name] if name in {*_TEXTS, CURSOR} else ODD)


def scenarios(dialect: str) -> Iterator[tuple[str, list[str]]]:
    """Each kind of statement: its name, and what is said."""
    reader, said, answers = recorder(dialect)
    reader.connect()
    table = columns(dialect, reader)
    names = {column.name.lower(): column.name for column in table}
    by_name = {column.name: column for column in table}
    at, id_, region = names["moved"], names["id"], names["region"]
    columns_asked = tuple(names[name] for name in ("id", "region", "moved"))

    def extractor(**settings: Any) -> DatabaseExtractor:
        given: dict[str, Any] = {"mode": "incremental", "cursor": at, "key": (id_,), "table": "shop.orders"}
        given |= settings
        if "query" in settings:
            del given["table"]
        source = DatabaseSource(type="database", url=SecretStr(URLS[dialect]), **given)
        opened = DatabaseExtractor(source, Limits(), reader, url_of(URLS[dialect]))
        opened.open()
        return opened

    def taken() -> list[str]:
        found = list(said)
        said.clear()
        return found

    def watermark(cursor: str, key: Sequence[str]) -> Watermark:
        parts = [list(_kept(by_name[name])) for name in key]
        return Watermark({"rows": {"cursor": list(_kept(by_name[cursor])), "key": parts}})

    after, wide = watermark(at, [id_]), watermark(at, [region, id_])
    mixed = reader.traits.mixed

    one = extractor()
    list(one.read(columns_asked, EMPTY_WATERMARK))
    yield "first_page", taken()
    list(one.read(columns_asked, after))
    yield "next_page", taken()
    two = extractor(key=(region, id_))
    list(two.read(columns_asked, wide))
    yield "next_page_composite_key", taken()
    list(one.read(tuple(names.values()), after))
    yield "all_types", taken()
    for name in [*_TEXTS, "region"]:
        if name in names and not mixed and not by_name[names[name]].unfit:
            cursor = extractor(
                cursor=names[name],
                key=(id_,) if name != "id" else (region,),
                settle=0,
                columns={names[name]: "varchar"} if name == "region" else {},
            )
            list(cursor.read((id_,), watermark(names[name], [id_ if name != "id" else region])))
            yield f"cursor_{name}", taken()
    list(extractor(query="select * from shop.orders", settle=0).read(columns_asked, after))
    yield "query", taken()
    list(extractor(where="1 = 1", cursor={"sql": at}, settle=0).read(columns_asked, after))
    yield "filter_and_expression", taken()
    if not mixed:
        list(extractor(start="2026-01-01T00:00:00").read((id_,), EMPTY_WATERMARK))
        yield "start_value", taken()
    list(extractor(start="now", settle=0).read((id_,), EMPTY_WATERMARK))
    yield "start_now", taken()
    list(extractor(lookback=dt.timedelta(hours=2)).read(columns_asked, after))
    yield "lookback", taken()
    list(one.read_keys(columns_asked, ["[1]", "[9007199254740993]"], after))
    yield "keys", taken()
    list(two.read_keys(columns_asked, [f'["{name}",1]' for name in ("a", "b'c\\\\d")], wide))
    yield "keys_composite", taken()
    list(one.read_passed(columns_asked, after))
    yield "passed", taken()
    list(one.read_ahead(columns_asked, after))
    yield "ahead", taken()
    answers[0] = 1
    one.standing("[1]", after)
    answers[0] = 0
    yield "standing", taken()
    for name in ("id", "moved"):
        keyset = extractor(cursor=names[name], key=(region,), settle=0)._scan(()).keyset
        taken()
        low, high = 1_700_000_000_000_000, 1_800_000_000_000_000
        if Ranges(keyset, ["1 = 1"]).totals([(None, low), (low, high), (high, None)]) is not None:
            yield f"totals_{name}", taken()
    keyless = {
        "cursor": list(_kept(by_name[at])),
        "at": list(_kept(by_name[at])),
        "sent": {},
        "of": [id_, at],
    }
    list(extractor(key=(), settle=0).read((id_, at), Watermark({"rows": keyless})))
    yield "without_key", taken()
    full = extractor(mode="full", cursor=None, key=(region, id_))
    list(full.read(columns_asked, EMPTY_WATERMARK))
    yield "full_pass", taken()
    parts = [list(_kept(by_name[name])) for name in (region, id_)]
    list(full.read(columns_asked, Watermark({"rows": {"pass": 1, "key": parts, "done": False}})))
    yield "full_pass_resumed", taken()
    keyset = one._scan(()).keyset
    keyset.repeats([[_kept(by_name[at]), _kept(by_name[id_])]] * 2)
    yield "repeats", taken()


def recorded(dialect: str) -> dict[str, str]:
    """What each file of a dialect should hold."""
    return {f"{name}.sql": _written(said) for name, said in scenarios(dialect)}


def _written(said: Sequence[str]) -> str:
    return "".join(f"{sql.strip()};\n\n" for sql, _ in itertools.groupby(said)).rstrip("\n") + "\n"


def statements(text: str) -> list[str]:
    """The statements of a file."""
    return [part.strip().removesuffix(";") for part in text.split(";\n\n")]


def write() -> None:
    """Make the files anew."""
    for dialect in URLS:
        folder = GOLDEN / dialect
        folder.mkdir(parents=True, exist_ok=True)
        found = recorded(dialect)
        for old in folder.glob("*.sql"):
            if old.name not in found:
                old.unlink()
        for name, text in found.items():
            (folder / name).write_text(text, "utf-8")


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    write()
