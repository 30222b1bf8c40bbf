"""Invariant 5 under mistakes in files, rows and the program: nothing printed, logged or stored gives a canary away."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from canaries import (
    API_KEY,
    EMAIL,
    NAME,
    PASSWORD,
    PERSONAL,
    QUERY_KEY,
    S3_SECRET,
    SECRETS,
    Place,
    found,
    person,
)
from privacy_stage import Scenario, table_of

SCENARIOS: dict[str, Scenario] = {}
scenario = table_of(SCENARIOS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_is_given_away(scene, name):
    """The mistake is made, is told by its words and exit code, and no canary is found outside of where it may stand."""
    SCENARIOS[name].happens(scene)
    assert scene.leaks() == []


# ── that the search finds what there is ───────────────────────────────────────────────────────────────────


def test_every_form_of_a_canary_is_found():
    for canary in (*SECRETS, *PERSONAL):
        for form in canary.forms():
            assert found([Place("anywhere", f"x{form.upper()}x")])
            assert bool(found([Place("where rows may stand", form, rows=True)])) == canary.secret
    assert not found([Place("anywhere", "prefix and nothing else")])


def test_a_leak_is_found(scene):
    """A program that prints its key and logs a row is caught at both."""
    scene.bug, scene.aftermath = "printing", ()
    assert scene.play("run").code == 0
    leaks = "\n".join(scene.leaks())
    for words in ("stdout of run", "the API key", "log of run", "an e-mail of row 3"):
        assert words in leaks


def test_a_leak_into_the_state_is_found(scene):
    scene.aftermath = ()
    assert scene.play("run").code == 0
    with closing(sqlite3.connect(scene.shop.state)) as connection, connection:
        connection.execute("update connector_runs set notes = ?", [EMAIL.format(3)])
    assert any("state, connector_runs: an e-mail of row 3" in leak for leak in scene.leaks())


# ── the configuration ─────────────────────────────────────────────────────────────────────────────────────


@scenario(0, '"delivered": 12')
def all_is_well(scene):
    scene.changes["source.where"] = "id <> '${file:token}' and id <> '${SHOP_TOKEN}'"


@scenario(2, "is no database URL")
def a_port_that_is_none(scene):
    scene.changes["source.url"] = scene.url("postgresql", PASSWORD, "127.0.0.1:port")


@scenario(2, "dialect")
def a_dialect_that_is_none(scene):
    scene.changes["source.url"] = scene.url("postgrasql", PASSWORD, "127.0.0.1:1")


@scenario(2, "two @")
def a_password_that_is_not_escaped(scene):
    scene.changes["source.url"] = f"postgresql://me:{PASSWORD}@127.0.0.1:1/shop"


@scenario(2, "two @")
def a_password_that_is_not_escaped_for_mysql(scene):
    scene.environ["SHOP_URL"] = f"mysql+pymysql://me:{PASSWORD}@127.0.0.1:1/shop"
    scene.changes["source.url"] = "${SHOP_URL}"


@scenario(2, "source.url")
def a_password_where_no_url_is(scene):
    scene.changes["source.url"] = PASSWORD


@scenario(2, "source.url.port")
def parts_of_a_url_that_are_wrong(scene):
    scene.changes["source.url"] = {
        "driver": "postgresql",
        "host": "h",
        "port": PASSWORD,
        "password": PASSWORD,
    }


@scenario(2, "source.url.password")
def a_password_that_is_a_list(scene):
    scene.changes["source.url"] = {"driver": "postgresql", "host": "h", "password": [PASSWORD]}


@scenario(2, "NO_SUCH_HOST is not set")
def a_variable_that_is_not_set(scene):
    scene.changes["source.url"] = scene.url("postgresql", PASSWORD, "${NO_SUCH_HOST}:1")


@scenario(2, "no-such-file cannot be read")
def a_file_of_a_secret_that_is_not_there(scene):
    scene.changes["source.url"] = scene.url("postgresql", PASSWORD, "${file:no-such-file}:1")


@scenario(2, "this is no variable")
def a_variable_that_is_none(scene):
    scene.changes["source.where"] = f"x = '${{file:token}}' and y = '${{{API_KEY}}}'"


@scenario(2, "header needs a key of the form")
def a_key_of_the_wrong_form(scene):
    scene.changes |= {"destination.api_key": QUERY_KEY, "destination.auth": "header"}


@scenario(2, "destination.api_key")
def keys_in_a_list(scene):
    scene.changes["destination.api_key"] = [API_KEY, QUERY_KEY]


@scenario(2, "destination.base_url")
def a_base_url_with_credentials(scene):
    scene.changes["destination.base_url"] = f"https://me:{PASSWORD}@127.0.0.1/v1?apiKey={API_KEY}"


@scenario(2, "destination.source_id")
def a_key_where_an_id_belongs(scene):
    scene.changes |= {
        "destination.source_id": API_KEY,
        "destination.timeout": QUERY_KEY,
        "destination.auth": API_KEY,
    }


@scenario(2, "mapping.kind")
def secrets_where_words_belong(scene):
    scene.environ["SHOP_MISTAKE"] = QUERY_KEY
    scene.changes |= {
        "mapping.kind": "${SHOP_MISTAKE}",
        "source.mode": "${SHOP_MISTAKE}",
        "source.columns": {"id": "${SHOP_MISTAKE}"},
    }


@scenario(2, "is not YAML")
def a_quote_that_is_not_closed(scene):
    scene.text = (
        f'sync: people\ndestination:\n  api_key: "{API_KEY}\n  org: x\nsource: {{url: "{PASSWORD}"}}\n'
    )


@scenario(2, "is not YAML")
def a_secret_without_quotes(scene):
    scene.text = f"sync: people\ndestination:\n  api_key: @{API_KEY}\n"


@scenario(2, "twice")
def a_key_of_the_yaml_twice(scene):
    scene.text = f"sync: people\ndestination:\n  api_key: {API_KEY}x\n  api_key: '{QUERY_KEY}'\n"


@scenario(2, "is not YAML")
def an_alias_that_is_none(scene):
    scene.text = f"sync: people\ndestination:\n  api_key: *{API_KEY}\n"


@scenario(2, "tags")
def a_tag_that_is_none(scene):
    scene.text = f"sync: people\ndestination:\n  api_key: !Ak7zX {API_KEY}\n"


@scenario(3, "cannot be reached")
def a_bucket_that_is_away(scene):
    path = f"s3://AKID:{S3_SECRET}@bucket/people?endpoint_override=127.0.0.1:1&scheme=http&connect_timeout=1"
    scene.changes["source"] = {"type": "parquet", "path": path, "key": "id"}
    scene.aftermath = (("check", "--show"), ("status", "--json"))


@scenario(2, "1 failed", "test")
def a_test_that_fails(scene):
    """It prints rows of the file itself."""
    row = dict(zip(("id", "email", "name", "phone", "user_id", "profile"), person(1), strict=True))
    item = {"userId": "someone else", "data": {"email": row["email"]}}
    scene.changes |= {"tests": [{"row": {**row, "joined": "2024-01-01 00:00:00"}, "item": item}]}


# ── rows ──────────────────────────────────────────────────────────────────────────────────────────────────


@scenario(2, "There is no table")
def a_table_that_is_not_there(scene):
    scene.changes["source.table"] = "peopel"


@scenario(2, "emial")
def a_column_that_is_not_there(scene):
    scene.changes["source.where"] = f"emial = '{EMAIL.format(1)}'"


@scenario(2, "refuses the filter")
def a_filter_whose_quote_is_not_closed(scene):
    scene.changes["source.where"] = f"email = '{EMAIL.format(1)}"


@scenario(2, "refuses the filter")
def a_filter_without_quotes(scene):
    scene.changes["source.where"] = f"email = {EMAIL.format(1)}"


@scenario(2, "JSON path error near …")
def a_function_that_quotes_a_row(scene):
    bad = "select *, json_extract('{}', email) bad from people"
    scene.changes |= {"source.table": None, "source.query": bad, "source.columns": {"bad": "text"}}
    scene.changes["mapping.data"] = {"bad": "bad"}


@scenario(2, "has no value in 1 rows")
def a_null_key(scene):
    scene.people("update people set id = null where id like 'schluessel3%'")


@scenario(2, "not unique")
def a_key_twice(scene):
    scene.people("update people set email = 'anna.kanarek1@canary.example', joined = '2024-01-01 00:00:00'")
    scene.changes["source.key"] = "email"


@scenario(2, "SQLite orders those apart")
def storage_classes_that_are_mixed(scene):
    scene.people("update people set joined = 5 where id like 'schluessel3%'")


@scenario(2, "not UTF-8")
def text_that_is_not_utf8(scene):
    scene.people(
        "update people set email = cast(email as blob) || cast(x'ff' as text) where id like 'schluessel3%'"
    )


@scenario(2, "do not fit its type")
def text_where_a_number_is_declared(scene):
    scene.changes["source.columns"] = {"email": "integer"}


@scenario(4, "all 12 rows were rejected")
def an_expression_that_fails_on_each_row(scene):
    scene.changes["mapping.data"] = {"x": {"sql": "cast(email as integer)"}}


@scenario(2, "mapping.data.x")
def an_expression_that_quotes_a_value(scene):
    scene.changes["mapping.data"] = {
        "x": {"sql": f"lowre(email) = '{EMAIL.format(1)}'"},
        "y": {"sql": f"email = {EMAIL.format(1)}"},
    }


@scenario(2, "mapping.data.x")
def an_expression_whose_quote_is_not_closed(scene):
    scene.changes["mapping.data"] = {"x": {"sql": f"email = '{EMAIL.format(1)}"}}


@scenario(2, "mapping.data.x")
def an_expression_with_a_value_as_name(scene):
    scene.changes["mapping.data"] = {"x": {"sql": f'email = "{EMAIL.format(1)}"'}}


@scenario(4, "all 12 rows were rejected")
def an_expression_of_types_that_do_not_fit(scene):
    scene.changes["mapping.data"] = {"x": {"sql": f"date '{EMAIL.format(1)}' + interval '{EMAIL.format(2)}'"}}


@scenario(2, "mapping.data.x")
def an_expression_with_a_cast_that_fails_at_once(scene):
    scene.changes["mapping.data"] = {
        "x": {
            "sql": f"list_extract('{EMAIL.format(1)}'::integer[], 1) + regexp_extract(email, '(' || '{EMAIL.format(2)}')"
        }
    }


@scenario(2, "failed with ValueError")
def a_transform_that_quotes_rows(scene):
    _transform(scene, "if len(frame): raise ValueError(frame.to_string())")


@scenario(2, "returned other columns")
def a_transform_that_makes_columns_of_values(scene):
    _transform(scene, "frame = frame.assign(**{value: 1 for value in frame['email']})")


@scenario(2, "returned a column 'phone'")
def a_transform_that_changes_a_type(scene):
    _transform(
        scene, "frame['phone'] = frame['phone'] if len(frame) else frame['phone'].astype('int64[pyarrow]')"
    )


def _transform(scene, body):
    (scene.folder / "careless.py").write_text(f"def clean(frame):\n    {body}\n    return frame\n")
    scene.changes["source.transform"] = "careless:clean"


def _parquet(scene, **changes):
    columns = zip(*(person(n) for n in range(12)), strict=True)
    names = ("id", "email", "name", "phone", "user_id", "profile")
    table = pa.table(
        {**dict(zip(names, map(list, columns), strict=True)), "gap": [None, *map(str, range(11))]}
    )
    pq.write_table(table, scene.folder / "people.parquet")
    scene.changes |= {"source": {"type": "parquet", "path": "people.parquet", "key": "id", **changes}}
    scene.changes |= {"mapping.timestamp": None}


@scenario(2, "fails on a row")
def a_filter_that_fails_on_a_file(scene):
    _parquet(scene, where="cast(email as integer) > 5")


@scenario(2, "source.where")
def a_filter_of_a_file_with_an_open_quote(scene):
    _parquet(scene, where=f"email = '{EMAIL.format(1)}")


@scenario(2, "source.where")
def a_filter_of_a_file_with_a_value_as_name(scene):
    _parquet(scene, where=f'email = "{EMAIL.format(1)}"')


@scenario(2, "source.where")
def a_filter_of_a_file_with_a_wrong_type(scene):
    _parquet(scene, where=f"5 = '{EMAIL.format(1)}'")


@scenario(2, "fails on a row")
def a_cursor_that_fails_on_a_file(scene):
    _parquet(scene, cursor={"sql": "cast(email as timestamp)"})


@scenario(2, "a value that is no integer")
def a_type_that_does_not_fit_a_file(scene):
    _parquet(scene, columns={"email": "integer"})


@scenario(2, "people.parquet")
def a_key_without_a_value_in_a_file(scene):
    _parquet(scene, key="gap")


# ── the program ───────────────────────────────────────────────────────────────────────────────────────────


@scenario(1, "a mistake of the program (RuntimeError)")
def a_crash_over_a_row(scene):
    scene.bug = "mapping"


@scenario(1, "a mistake of the program (RuntimeError)")
def a_crash_over_the_key(scene):
    scene.bug = "sending"


@scenario(1, "a mistake of the program (ValueError)")
def a_crash_over_the_url(scene):
    scene.bug = "connecting"
    scene.environ["SHOP_TOKEN_URL"] = scene.changes["source.url"] = scene.url(
        "postgresql", PASSWORD, "127.0.0.1:1"
    )


def test_debug_shows_rows_and_no_secret(scene):
    """What --debug prints may hold values of rows, as its words say; here they are."""
    scene.bug, scene.aftermath = "mapping", ()
    ended = scene.play("--debug", "run")
    assert "Traceback" in ended.err
    assert "anna.kanarek0@canary.example" in ended.err
    assert scene.leaks() == []


def test_debug_masks_secrets(scene):
    scene.bug, scene.aftermath = "sending", ()
    ended = scene.play("--debug", "run")
    assert "cannot send to http://127.0.0.1" in ended.err
    assert "Basic ***" in ended.err
    assert scene.leaks() == []


# ── where rows are meant to stand ─────────────────────────────────────────────────────────────────────────


def test_commands_that_show_rows(scene):
    """preview, rejects show, state show and a dry run print rows or keys as their result, and nowhere else."""
    scene.shop.sandbox.set_faults({"poison": ["kanarek3"], "quote_refused": True})
    scene.aftermath = (
        ("preview", "--json"),
        ("run",),
        ("preview",),
        ("state", "show"),
        ("rejects", "list", "--json"),
    )
    assert scene.play("run", "--dry-run").code == 0
    [dry, as_json, _, shown, state, listed] = scene.places[0::3]
    for place in (shown, as_json, dry):
        assert NAME.format(3).split()[-1] in place.text
    assert "schluessel" in state.text
    with closing(sqlite3.connect(scene.shop.state)) as connection:
        [(event, message)] = connection.execute("select event_id, message from connector_rejects")
    assert EMAIL.format(3) in message
    assert event in listed.text
    scene.aftermath = (("rejects", "show", "EVENT", event),)
    scene.play("status")
    assert EMAIL.format(3) in scene.places[-3].text
    assert scene.leaks() == []
