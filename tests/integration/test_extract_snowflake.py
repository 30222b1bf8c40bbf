"""Snowflake's reader through its own driver, over an emulator of the protocol: see snowflake_server for what that shows."""

from __future__ import annotations

import datetime as dt
import gzip
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from database_sources import Database, read
from pydantic import SecretStr
from servers import _free_port

from connector.config.models import DatabaseSource
from connector.errors import ConfigError, CredentialsError, SourceError
from connector.extract.database import open_database

UTC = dt.UTC


@pytest.fixture
def snow(snowflake_url: str) -> Database:
    found = Database("snowflake", snowflake_url)
    found.run("drop table if exists orders", "drop table if exists kinds")
    return found


def test_types_arrive_as_what_they_are(snow: Database) -> None:
    snow.run(
        "create table kinds (n number(38,0) not null, small number(9,0), amount number(38,4), x float, s varchar,"
        " bits binary, ok boolean, day date, clock time, naive timestamp_ntz, zoned timestamp_tz, v variant)",
        "insert into kinds select 9007199254740993, 7, 1234567890123456789.0001, 0.1, 'it''s', to_binary('00ff', 'HEX'),"
        " true, '2024-02-29'::date, '23:59:59.5'::time, '2024-01-01 00:00:00.123456'::timestamp_ntz,"
        " '2024-01-01 00:00:00 +0200'::timestamp_tz, parse_json('{\"deep\":[1,2]}')",
    )
    source = DatabaseSource(
        type="database",
        url=SecretStr(snow.url),
        mode="incremental",
        cursor="NAIVE",
        key=("N",),
        table="kinds",
    )
    extractor = open_database(source)
    extractor.open()
    schema = {field.name: field.type for field in extractor.schema()}
    extractor.close()
    assert schema["N"] == pa.decimal128(38, 0)
    assert schema["SMALL"] == pa.int64()
    assert (schema["NAIVE"], schema["ZONED"]) == (pa.timestamp("us"), pa.timestamp("us", "UTC"))
    (row,) = read(source).rows
    assert row == {
        "N": Decimal(9007199254740993),
        "SMALL": 7,
        "AMOUNT": Decimal("1234567890123456789.0001"),
        "X": 0.1,
        "S": "it's",
        "BITS": b"\x00\xff",
        "OK": True,
        "DAY": dt.date(2024, 2, 29),
        "CLOCK": dt.time(23, 59, 59, 500_000),
        "NAIVE": dt.datetime(2024, 1, 1, 0, 0, 0, 123_456),  # noqa: DTZ001 - it names no zone
        "ZONED": dt.datetime(2023, 12, 31, 22, tzinfo=UTC),
        "V": '{"deep":[1,2]}',
    }


@pytest.mark.parametrize("cursor", ["ZONED", "DAY", "AMOUNT", "N"])
def test_a_run_goes_on_after_a_cursor_of_every_kind(snow: Database, cursor: str) -> None:
    snow.run(
        "create table kinds (n number(38,0), zoned timestamp_tz, day date, amount number(20,2))",
        *(
            f"insert into kinds select {n}, '2024-01-0{n} 00:00:00 +0200'::timestamp_tz, '2024-01-0{n}'::date, {n}.50"
            for n in range(1, 6)
        ),
    )
    source = DatabaseSource(
        type="database", url=SecretStr(snow.url), mode="incremental", cursor=cursor, key=("N",), table="kinds",
        settle=0,
    )  # fmt: skip
    whole = read(source)
    assert [row["N"] for row in whole.rows] == [1, 2, 3, 4, 5]
    third = whole.batches[0].position(3)
    assert [row["N"] for row in read(source, watermark=third).rows] == [4, 5]


def test_a_name_in_small_letters_finds_the_table_in_capitals(snow: Database) -> None:
    """As in Snowflake itself, where names without quotes are capitals; one in quotes goes before it."""
    snow.run(
        "create table KINDS (ID number(9,0), AT_ timestamp_ntz)", "insert into KINDS select 1, sysdate()"
    )
    source = DatabaseSource(
        type="database", url=SecretStr(snow.url), mode="full", key=("ID",), table="s.kinds"
    )
    assert [row["ID"] for row in read(source).rows] == [1]


def test_a_table_that_is_not_there_is_named(snow: Database) -> None:
    snow.run("create table KINDS (ID number(9,0))")
    source = DatabaseSource(type="database", url=SecretStr(snow.url), mode="full", key=("ID",), table="kindz")
    with pytest.raises(ConfigError, match="no table 'kindz'") as caught:
        read(source)
    assert "KINDS" in caught.value.hint


def test_a_column_that_is_not_there_is_named(snow: Database) -> None:
    snow.run("create table KINDS (ID number(9,0))")
    source = DatabaseSource(type="database", url=SecretStr(snow.url), mode="full", key=("ID",), table="KINDS",
                            where="nothing > 1")  # fmt: skip
    with pytest.raises(ConfigError, match="refuses the filter"):
        read(source)


def test_nobody_who_listens() -> None:
    url = f"snowflake://reader:hush-hush@acct/DB/S?host=127.0.0.1&port={_free_port()}&protocol=http"
    source = DatabaseSource(type="database", url=SecretStr(url), mode="full", key=("ID",), table="t")
    with pytest.raises(SourceError, match="account acct cannot be reached") as caught:
        read(source)
    assert "hush-hush" not in f"{caught.value} {caught.value.hint}"


@contextmanager
def login(answer: dict[str, Any]) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """A server that answers each login in one way, and keeps what it was told."""
    seen: list[dict[str, Any]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            seen.append({"path": self.path, **json.loads(body or b"{}").get("data", {})})
            said = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port, seen
    finally:
        server.shutdown()
        server.server_close()


REFUSED = {
    "success": False,
    "code": "390100",
    "message": "Incorrect username or password was specified.",
    "data": {},
}


def test_a_refused_password_is_a_matter_of_credentials_and_arrives_as_it_is() -> None:
    with login(REFUSED) as (port, seen):
        url = f"snowflake://r%40x:p%40ss%2F%3F%25w@my-acct/SHOP/PUBLIC?warehouse=WH&role=READER&host=127.0.0.1&port={port}&protocol=http"
        source = DatabaseSource(type="database", url=SecretStr(url), mode="full", key=("ID",), table="t")
        with pytest.raises(CredentialsError, match=r"my-acct refuses the user.*390100") as caught:
            read(source)
    assert "p@ss" not in str(caught.value)
    told = seen[0]
    assert (told["LOGIN_NAME"], told["PASSWORD"], told["ACCOUNT_NAME"]) == ("r@x", "p@ss/?%w", "my-acct")
    for part in ("databaseName=SHOP", "schemaName=PUBLIC", "warehouse=WH", "roleName=READER"):
        assert part in told["path"]
    session = {name.upper(): value for name, value in told["SESSION_PARAMETERS"].items()}
    assert session["TIMEZONE"] == "UTC"
    assert session["TIMESTAMP_INPUT_FORMAT"] == "AUTO"


def test_a_key_stands_for_a_password(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(65537, 2048)
    path = tmp_path / "key.p8"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"open sesame"),
        )
    )
    refused = {**REFUSED, "code": "390144", "message": "JWT token is invalid."}
    with login(refused) as (port, seen):
        url = (
            f"snowflake://reader@acct/SHOP?host=127.0.0.1&port={port}&protocol=http"
            f"&private_key_file={path}&private_key_passphrase=open%20sesame"
        )
        source = DatabaseSource(type="database", url=SecretStr(url), mode="full", key=("ID",), table="t")
        with pytest.raises(CredentialsError, match="390144"):
            read(source)
    assert seen[0]["AUTHENTICATOR"] == "SNOWFLAKE_JWT"
    assert seen[0]["TOKEN"].count(".") == 2
