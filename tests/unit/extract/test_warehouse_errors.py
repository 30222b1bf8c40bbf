"""What goes wrong with a warehouse, in this program's words: no secret and no value of a row in any of them."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from connector.errors import ConfigError, ConnectorError, CredentialsError, SourceError
from connector.extract.databases import bigquery, bigquery_errors, snowflake, snowflake_errors
from connector.extract.databases.dialects import place_of, reader_for, url_of

SNOW = url_of("snowflake://reader:hush@org-acct/SHOP/PUBLIC?warehouse=WH&role=R")
BIG = url_of("bigquery://my-project/shop?location=EU")


class Failure(Exception):
    """As the driver manager raises it."""

    def __init__(self, text: str, vendor_code: int = 0, sqlstate: str | None = None) -> None:
        super().__init__(text)
        self.vendor_code = vendor_code
        self.sqlstate = sqlstate


def snow(code: int, state: str, said: str) -> Failure:
    text = f"INTERNAL: [Snowflake] {code:06d} ({state}): {code:06d} ({state}): {said}. Vendor code: {code}. SQLSTATE: {state}"
    return Failure(text, code, state)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (snow(390_100, "08004", "Incorrect username or password was specified"), CredentialsError, "password"),
        (snow(390_144, "", "JWT token is invalid"), CredentialsError, "390144"),
        (snow(3001, "42501", "Insufficient privileges to operate on table 'T'"), CredentialsError, "refuses to read"),
        (snow(606, "57P03", "No active warehouse selected"), ConfigError, "No warehouse"),
        (snow(2003, "02000", "Object 'SHOP.PUBLIC.T' does not exist or not authorized"), ConfigError, "SHOP.PUBLIC.T"),
        (snow(904, "42000", "error line 1 at position 7\\ninvalid identifier 'NOPE'"), ConfigError, "'NOPE'"),
        (snow(100_038, "22018", "Numeric value 'secret value' is not recognized"), SourceError, "100038"),
        (snow(630, "57014", "Statement reached its statement or warehouse timeout"), SourceError, "ended"),
        (snow(300_005, "XX000", "Processing aborted by error 'secret value'"), SourceError, "300005"),
        (Failure('IO: Post "https://x?password=secret value": dial tcp: lookup x: no such host'), SourceError, "reached"),
        (Failure("INVALID_ARGUMENT: failed to parse private key"), CredentialsError, "private key"),
    ],
)  # fmt: skip
def test_snowflake(error: Failure, kind: type[ConnectorError], words: str) -> None:
    found = snowflake_errors.translate(error, SNOW)
    assert type(found) is kind
    assert words in str(found)
    assert "secret value" not in f"{found} {found.hint}"
    assert "hush" not in f"{found} {found.hint}"


def google(code: int, reason: str, said: str) -> Failure:
    return Failure(
        f"INTERNAL: [BigQuery] bigquery: executing query: googleapi: Error {code}: {said}, {reason}"
    )


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (Failure("UNKNOWN: [BigQuery] bigquery: constructing client: credentials: could not find default credentials."),
         CredentialsError, "No credentials"),
        (google(403, "accessDenied", "Access Denied: Project p: User does not have bigquery.jobs.create"), CredentialsError, "refuses"),
        (Failure('oauth2: "invalid_grant" "secret value"'), CredentialsError, "refuses"),
        (Failure("UNAUTHORIZED: [bigquery] Arrow reader requires roles/bigquery.readSessionUser, see https://x"),
         CredentialsError, "refuses"),
        (google(404, "notFound", "Not found: Table my-project:shop.t was not found in location EU"), ConfigError, "no such table"),
        (google(400, "invalidQuery", "Unrecognized name: nope at [1:8]"), ConfigError, "Unrecognized name: nope"),
        (google(400, "invalidQuery", 'Could not cast literal "secret value" to type DATE at [1:8]'), ConfigError, "refuses the statement"),
        (google(403, "quotaExceeded", "Quota exceeded: your project exceeded quota"), SourceError, "quotaExceeded"),
        (google(400, "bytesBilledLimitExceeded", "Query exceeded limit for bytes billed"), SourceError, "bytesBilled"),
        (Failure("rpc error: code = Unavailable desc = secret value"), SourceError, "Unavailable"),
        (Failure("dial tcp: i/o timeout secret value"), SourceError, "cannot be read"),
    ],
)  # fmt: skip
def test_bigquery(error: Failure, kind: type[ConnectorError], words: str) -> None:
    found = bigquery_errors.translate(error, BIG)
    assert type(found) is kind
    assert words in str(found)
    assert "secret value" not in f"{found} {found.hint}"


@pytest.mark.parametrize(
    "url", ["snowflake://user:hush@acct/db?privat_key=hush", "bigquery://project/shop?credentials=hush"]
)
def test_an_option_that_is_not_known_is_refused_without_its_value(url: str) -> None:
    parsed = url_of(url)
    settings = snowflake.settings_of if url.startswith("snow") else bigquery.settings_of
    with pytest.raises(ConfigError, match="is not known") as caught:
        settings(parsed)
    assert "hush" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("snowflake://acct/db", "no account or no user"),
        ("snowflake://u:p@acct/db?authenticator=okta", "authenticator"),
        ("snowflake://u@acct/db?private_key_file=/nowhere/key.p8", "private_key_file"),
        ("snowflake://u:p@acct/db?role=a&role=b", "more than once"),
        ("bigquery:///shop", "no project"),
        ("bigquery://user:pw@project/shop", "no user and no password"),
        ("bigquery://project/shop?credentials_file=/nowhere.json", "credentials_file"),
    ],
)
def test_what_a_url_must_hold(url: str, words: str) -> None:
    settings = snowflake.settings_of if url.startswith("snow") else bigquery.settings_of
    with pytest.raises(ConfigError, match=words):
        settings(url_of(url))


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [
        ("snowflake://u:p@acct/db", "adbc_driver_snowflake", "snowflake"),
        ("bigquery://project/shop", "adbc_driver_bigquery", "bigquery"),
        ("redshift://u:p@host/db", "sqlalchemy_redshift", "redshift"),
        ("redshift://u:p@host/db", "psycopg2", "redshift"),
        ("mssql://u:p@host/db", "pymssql", "mssql"),
        ("oracle://u:p@host/db", "oracledb", "oracle"),
    ],
)
def test_a_driver_that_is_not_there_is_named_with_its_extra(
    url: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match="is not installed") as caught:
        reader_for(url_of(url), "UTC").connect()
    assert f"intempt-connector[{extra}]" in caught.value.hint


@pytest.mark.parametrize(
    ("url", "place"),
    [
        (SNOW, "snowflake://org-acct/SHOP/PUBLIC"),
        (BIG, "bigquery://my-project/shop"),
    ],
)
def test_what_a_source_is_known_by_holds_no_credentials(url: Any, place: str) -> None:
    """Nor the warehouse or role it is read with: the rows are the same."""
    assert place_of(url) == place
