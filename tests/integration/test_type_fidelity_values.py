"""What the mapping makes of a source's values: times by zone, identifiers, forms, nulls, and what is counted."""

from __future__ import annotations

import datetime as dt
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from database_sources import DIALECTS, Database
from type_pipe import Pipe, pipe

__all__ = ["pipe"]
BERLIN = "Europe/Berlin"
NAIVE = {"sqlite": "datetime", "duckdb": "timestamp", "postgresql": "timestamp", "mysql": "datetime(6)"}
SERVERS = {"postgresql": "postgres_url", "mysql": "mariadb_url"}
SUMMER, WINTER = "2024-07-01 12:00:00.123456", "2024-01-01 12:00:00.123456"


def database_of(dialect: str, request: pytest.FixtureRequest, folder: Path) -> Database:
    if dialect in {"sqlite", "duckdb"}:
        return Database(dialect, f"{dialect}:///{folder}/values.{dialect}")
    database = Database(
        dialect, request.getfixturevalue(f"{dialect.replace('mysql', 'mariadb').removesuffix('ql')}_url")
    )
    database.run("drop table if exists samples")
    return database


def times(dialect: str, request: pytest.FixtureRequest, folder: Path) -> dict[str, Any]:
    """A source of two naive times, their days, and the first in milliseconds."""
    if dialect == "parquet":
        stamps = [dt.datetime.fromisoformat(text) for text in (SUMMER, WINTER)]
        columns = {
            "id": [1, 2],
            "t": stamps,
            "d": [stamp.date() for stamp in stamps],
            "ms": [1719835200123] * 2,
        }
        pq.write_table(pa.table(columns), folder / "samples.parquet")
        return {"type": "parquet", "path": "samples.parquet"}
    database = database_of(dialect, request, folder)
    database.run(
        f"create table samples (id int primary key, t {NAIVE[dialect]}, d date, ms bigint)",
        f"insert into samples values (1, '{SUMMER}', '2024-07-01', 1719835200123)",
        f"insert into samples values (2, '{WINTER}', '2024-01-01', 1719835200123)",
    )
    return {"type": "database", "url": database.url, "table": "samples"}


@pytest.mark.parametrize("dialect", [*DIALECTS, "parquet"])
def test_naive_times_by_zone(
    pipe: Pipe, request: pytest.FixtureRequest, tmp_path: Path, dialect: str
) -> None:
    """Naive times are read in the zone of the source, in summer and in winter, in `timestamp` and elsewhere."""
    source = {**times(dialect, request, tmp_path), "timezone": BERLIN}
    names = {"Stamp": "t", "Day": "d", "Number": "ms", "Text": {"sql": "t::varchar", "type": "timestamp"}}
    pipe.run(
        source,
        *({"event": name, "timestamp": value, "data": {"t": "t", "d": "d"}} for name, value in names.items()),
    )
    stamps = {name: [int(item["timestamp"]) for item in pipe.items(name)] for name in names}
    assert stamps == {
        "Stamp": [1719828000123, 1704106800123],
        "Day": [1719784800000, 1704063600000],
        "Number": [1719835200123, 1719835200123],
        "Text": [1719828000123, 1704106800123],
    }
    assert [item["data"] for item in pipe.items("Stamp")] == [
        '{"t":"2024-07-01T10:00:00.123456Z","d":"2024-07-01"}',
        '{"t":"2024-01-01T11:00:00.123456Z","d":"2024-01-01"}',
    ]


def test_zoned_times_do_not_move(pipe: Pipe, postgres_url: str) -> None:
    """A time that names its zone is the same instant whatever the zone of the source."""
    Database("postgresql", postgres_url).run(
        "drop table if exists samples", "create table samples (id int primary key, z timestamptz, t timestamp[])",
        "insert into samples values (1, '2024-07-01 12:00:00.123456+02', '{2024-07-01 12:00,2024-01-01 12:00}')",
    )  # fmt: skip
    source = {"type": "database", "url": postgres_url, "table": "samples", "timezone": BERLIN}
    pipe.run(source, {"timestamp": "z"})
    (item,) = pipe.items()
    assert item["timestamp"] == "1719828000123"
    assert item["data"] == '{"t":["2024-07-01T10:00:00.000000Z","2024-01-01T11:00:00.000000Z"]}'


IDENTIFIERS = (
    "profileId", "userId", "accountId", "sessionId", "pageId", "anotherUserId", "anotherAccountId", "productId",
)  # fmt: skip


@pytest.mark.parametrize(
    ("dialect", "kind", "value", "expected"),
    [
        ("postgresql", "bigint", "9223372036854775807", "9223372036854775807"),
        ("postgresql", "uuid", "'00112233-4455-6677-8899-AABBCCDDEEFF'", "00112233-4455-6677-8899-aabbccddeeff"),
        ("postgresql", "numeric", "12345678901234567890123456789012345678901", "12345678901234567890123456789012345678901"),
        ("postgresql", "numeric(20)", "18446744073709551615", "18446744073709551615"),
        ("postgresql", "text", """'a "b" \\ 😀'""", 'a "b" \\ 😀'),
        ("mysql", "bigint unsigned", "18446744073709551615", "18446744073709551615"),
        ("sqlite", "bigint", "1841710181319290881", "1841710181319290881"),
        ("duckdb", "hugeint", "170141183460469231731687303715884105727", "170141183460469231731687303715884105727"),
        ("duckdb", "uhugeint", "340282366920938463463374607431768211455", "340282366920938463463374607431768211455"),
    ],
)  # fmt: skip
def test_identifiers_are_text(
    pipe: Pipe,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    dialect: str,
    kind: str,
    value: str,
    expected: str,
) -> None:
    """Each identifier is a JSON string with all digits, whatever the type of its column; a null one is left out."""
    database = database_of(dialect, request, tmp_path)
    database.run(
        f"create table samples (id int primary key, x {kind})", f"insert into samples values (1, {value})", "insert into samples values (2, null)"
    )  # fmt: skip
    source = {"type": "database", "url": database.url, "table": "samples"}
    pipe.run(
        source,
        {"eventId": "id", **dict.fromkeys(IDENTIFIERS, "x"), "userId": {"column": "x", "default": "nobody"}},
    )
    first, second = pipe.items()
    assert {name: json.loads(text) for name, text in first.items()} == {
        "eventId": "1", **dict.fromkeys(IDENTIFIERS, expected), "data": {},
    }  # fmt: skip
    assert second == {"eventId": '"2"', "userId": '"nobody"', "data": "{}"}


LOST = {
    # (dialect, type): values that JSON cannot hold, and what the report says of them
    ("sqlite", "real"): (["9e999", "-9e999"], {"not_a_number": 2}),
    ("duckdb", "double"): (["'nan'", "'inf'", "'-inf'"], {"not_a_number": 3}),
    ("duckdb", "timestamp"): (["'infinity'", "'-infinity'"], {"infinite_value": 2}),
    ("duckdb", "date"): (["'infinity'", "'-infinity'"], {"infinite_value": 2}),
    ("postgresql", "float4"): (["'NaN'", "'Infinity'"], {"not_a_number": 2}),
    ("postgresql", "float8[]"): (["'{1,NaN}'", "'{Infinity,NaN}'"], {"not_a_number": 2}),
    ("postgresql", "numeric"): (["'NaN'", "'Infinity'"], {"not_a_number": 2}),
    ("postgresql", "numeric(9,2)"): (["'NaN'"], {"infinite_value": 1}),
    ("postgresql", "date"): (["'infinity'", "'-infinity'", "'0044-03-15 BC'"], {"infinite_value": 3}),
    ("postgresql", "timestamptz"): (["'infinity'", "'-infinity'", "'10000-01-01'"], {"infinite_value": 3}),
    ("postgresql", "timestamptz[]"): (["'{infinity}'", "'{-infinity,2024-01-01}'"], {"infinite_value": 2}),
    ("mysql", "date"): (["'0000-00-00'", "'2024-01-00'"], {"zero_date": 2}),
    ("mysql", "datetime(6)"): (["'0000-00-00'"], {"zero_date": 1}),
}  # fmt: skip


@pytest.mark.parametrize(("dialect", "kind"), LOST)
def test_what_json_cannot_hold_is_counted(
    pipe: Pipe, request: pytest.FixtureRequest, tmp_path: Path, dialect: str, kind: str
) -> None:
    """NaN, infinities and zero dates are null, each row delivered, and the report counts them."""
    values, counts = LOST[dialect, kind]
    database = database_of(dialect, request, tmp_path)
    if dialect == "mysql":
        database.url += "&init_command=set sql_mode = ''"
    database.run(
        f"create table samples (id int primary key, x {kind})",
        *(f"insert into samples values ({n}, {value})" for n, value in enumerate([*values, "null"])),
    )
    report = pipe.run({"type": "database", "url": database.url, "table": "samples"})
    assert report.warnings == counts
    assert len(pipe.items()) == len(values) + 1


@pytest.fixture
def words(tmp_path: Path) -> dict[str, Any]:
    """A source of two rows, the second of them all null or blank."""
    database = Database("sqlite", f"sqlite:///{tmp_path}/words.db")
    database.run(
        "create table words (id integer primary key, t text, n bigint, f double, d decimal(18,4), j json, b text)",
        """insert into words values (1, ' x', 1841710181319290881, 0.1, 12.5, '{"n": 1.10, "u": null}', 'true')""",
        "insert into words values (2, '  ', null, null, null, null, null)",
    )
    return {"type": "database", "url": database.url, "table": "words"}


FORMS: dict[str, tuple[Any, str | None, str | None]] = {
    # value, JSON of the first row, of the second
    "column": ("n", "1841710181319290881", None),
    "default": ({"column": "n", "default": 0}, "1841710181319290881", "0"),
    "defaultText": ({"column": "d", "default": "none"}, "12.5000", '"none"'),
    "string": ({"column": "n", "type": "string"}, '"1841710181319290881"', None),
    "decimalString": ({"column": "d", "type": "string"}, '"12.5000"', None),
    "integer": ({"sql": "'-0042'", "type": "integer"}, "-42", "-42"),
    "number": ({"sql": "'12345678901234567890.10'", "type": "number"}, "12345678901234567890.10", "12345678901234567890.10"),
    "boolean": ({"column": "b", "type": "boolean"}, "true", None),
    "timestamp": ({"sql": "'2024-07-01 12:00:00.000001+02'", "type": "timestamp"}, '"2024-07-01T10:00:00.000001Z"', '"2024-07-01T10:00:00.000001Z"'),
    "milliseconds": ({"value": 1719828000123, "type": "timestamp"}, '"2024-07-01T10:00:00.123000Z"', '"2024-07-01T10:00:00.123000Z"'),
    "date": ({"sql": "'2024-07-01'", "type": "date"}, '"2024-07-01"', '"2024-07-01"'),
    "json": ({"column": "j", "type": "json"}, '{"n": 1.10, "u": null}', None),
    "hash": ({"column": "n", "hash": "sha256"}, f'"{sha256(b"1841710181319290881").hexdigest()}"', None),
    "hashDefault": ({"column": "n", "hash": "sha256", "default": "x"}, f'"{sha256(b"1841710181319290881").hexdigest()}"', f'"{sha256(b"x").hexdigest()}"'),
    "sql": ({"sql": "n + 1"}, "1841710181319290882", None),
    "constant": ({"value": {"a": [1, None, 0.1]}}, '{"a":[1,null,0.1]}', '{"a":[1,null,0.1]}'),
    "template": ({"template": "{{{n}-{d}{t}}}"}, '"{1841710181319290881-12.5000 x}"', None),
    "list": ({"list": ["n", {"value": "x"}, {"column": "f", "default": -1}, {"list": ["d"]}]}, '[1841710181319290881,"x",0.1,[12.5000]]', '[null,"x",-1,[null]]'),
    "nested": ({"n": "n", "deep": {"f": "f", "j": "j"}}, '{"n":1841710181319290881,"deep":{"f":0.1,"j":{"n": 1.10, "u": null}}}', '{"deep":{}}'),
    "object": ({"object": {"column": "n"}}, '{"column":1841710181319290881}', "{}"),
}  # fmt: skip


def test_forms_of_values(pipe: Pipe, words: dict[str, Any]) -> None:
    """Each form of a value gives the JSON that it promises, with all digits; nulls are left out at every depth."""
    pipe.run(words, {"data": {name: value for name, (value, _, _) in FORMS.items()}})
    first, second = pipe.data()
    assert first == {name: text for name, (_, text, _) in FORMS.items()}
    assert second == {name: text for name, (_, _, text) in FORMS.items() if text is not None}


def test_nulls_are_sent(pipe: Pipe, words: dict[str, Any]) -> None:
    """`nulls: send` keeps members that are null at every depth."""
    data = {"n": "n", "deep": {"f": "f", "l": {"list": ["d"]}}, "template": {"template": "{t}"}}
    pipe.run(words, {"data": data, "nulls": "send"})
    _, second = pipe.items()
    assert second["data"] == '{"n":null,"deep":{"f":null,"l":[null]},"template":null}'
