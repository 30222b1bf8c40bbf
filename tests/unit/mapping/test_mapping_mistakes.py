"""Mistakes of a mapping: found before anything is sent, all at once, with place and remedy."""

import datetime as dt

import pyarrow as pa
import pytest
from mappings import USER, field, mapper_of, rows_of

from connector.errors import ConfigErrors

COLUMNS = rows_of(
    [
        field("order_id", pa.array([1])),
        field("Email", pa.array(["e"])),
        field("price", pa.array([1.5])),
        field("tags", pa.array([["t"]])),
        field("day", pa.array([dt.date(2024, 1, 2)])),
        field("total", pa.array(["1.50"]), "number"),
    ]
)


def mistakes(*yaml, **spec) -> list[tuple[str, str, str]]:
    """Return (path, message, hint) of every mistake."""
    with pytest.raises(ConfigErrors) as caught:
        mapper_of(COLUMNS, *yaml, **spec)
    return [(error.path, error.message, error.hint) for error in caught.value.errors]


@pytest.mark.parametrize(
    ("keys", "path", "message", "hint"),
    [
        ({"data": {"a": "email"}}, "mapping.data.a", "no column 'email'", "'Email'"),
        ({"data": {"a": {"b": "order_idd"}}}, "mapping.data.a.b", "no column 'order_idd'", "'order_id'"),
        ({"data": {"a": {"list": ["Email", "x"]}}}, "mapping.data.a[1]", "no column 'x'", ""),
        ({"data": {"a": {"template": "{emial}"}}}, "mapping.data.a", "no column 'emial'", "'Email'"),
        ({"data": {"*": True, "nope": False}}, "mapping.data.nope", "no column 'nope'", ""),
        ({"data": {"a": {"sql": "orderid + 1"}}}, "mapping.data.a", "no column 'orderid'", "'order_id'"),
        ({"data": {"a": {"sql": "upper(email)"}}}, "mapping.data.a", "no column 'email'", "'Email'"),
        ({"data": {"a": {"sql": "uper(Email)"}}}, "mapping.data.a", "no function uper()", "'upper'"),
        ({"data": {"a": {"sql": "Email.upper()"}}}, "mapping.data.a", "qualified", "upper("),
        ({"data": {"a": {"sql": "main.upper(Email)"}}}, "mapping.data.a", "qualified", "upper("),
        ({"data": {"a": {"sql": "1 +"}}}, "mapping.data.a", "does not parse", ""),
        ({"data": {"a": {"sql": "1; select 2"}}}, "mapping.data.a", "one scalar expression", ""),
        ({"data": {"a": {"sql": "drop table x"}}}, "mapping.data.a", "", ""),
        ({"data": {"a": {"sql": "1, 2"}}}, "mapping.data.a", "one scalar expression", ""),
        ({"data": {"a": {"sql": "price from batch"}}}, "mapping.data.a", "one scalar expression", ""),
        ({"data": {"a": {"sql": "1 where true"}}}, "mapping.data.a", "one scalar expression", ""),
        ({"data": {"a": {"sql": "1 union select 2"}}}, "mapping.data.a", "one scalar expression", ""),
        ({"data": {"a": {"sql": "1 order by 1"}}}, "mapping.data.a", "one scalar expression", ""),
        ({"data": {"a": {"sql": "1 limit 1"}}}, "mapping.data.a", "one scalar expression", ""),
        ({"data": {"a": {"sql": "distinct 1"}}}, "mapping.data.a", "one scalar expression", ""),
        ({"data": {"a": {"sql": "(select 1)"}}}, "mapping.data.a", "subquery", ""),
        ({"data": {"a": {"sql": "order_id in (select 1)"}}}, "mapping.data.a", "subquery", ""),
        ({"data": {"a": {"sql": "exists(select 1)"}}}, "mapping.data.a", "subquery", ""),
        ({"data": {"a": {"sql": "array(select 1)"}}}, "mapping.data.a", "subquery", ""),
        ({"data": {"a": {"sql": "case when true then (select 1) end"}}}, "mapping.data.a", "subquery", ""),
        ({"data": {"a": {"sql": "sum(order_id)"}}}, "mapping.data.a", "more than one row", "aggregate in the source"),
        ({"data": {"a": {"sql": "count(*)"}}}, "mapping.data.a", "more than one row", ""),
        ({"data": {"a": {"sql": "row_number() over ()"}}}, "mapping.data.a", "window", ""),
        ({"data": {"a": {"sql": "lag(order_id) over (order by order_id)"}}}, "mapping.data.a", "window", ""),
        ({"data": {"a": {"sql": "unnest(tags)"}}}, "mapping.data.a", "more than one row", ""),
        ({"data": {"a": {"sql": "generate_subscripts(tags, 1)"}}}, "mapping.data.a", "more than one row", ""),
        ({"data": {"a": {"sql": "regexp_split_to_table(Email, 'a')"}}}, "mapping.data.a", "more than one row", ""),
        ({"data": {"a": {"sql": "columns('.*')"}}}, "mapping.data.a", "star", ""),
        ({"data": {"a": {"sql": "*"}}}, "mapping.data.a", "star", ""),
        ({"data": {"a": {"sql": "concat(*columns(*))"}}}, "mapping.data.a", "cannot stand", ""),
        ({"data": {"a": {"sql": "$1"}}}, "mapping.data.a", "parameter", ""),
        ({"data": {"a": {"sql": "?"}}}, "mapping.data.a", "parameter", ""),
        ({"data": {"a": {"sql": "#1"}}}, "mapping.data.a", "position", ""),
        ({"data": {"a": {"sql": "default"}}}, "mapping.data.a", "DEFAULT", ""),
        ({"data": {"a": {"sql": "read_text('/etc/passwd')"}}}, "mapping.data.a", "no function read_text()", ""),
        ({"data": {"a": {"sql": "list_transform(tags, x -> x)"}}}, "mapping.data.a", "no column 'x'", ""),
        ({"data": {"a": {"sql": "list_transform(tags, lambda c1: c1 || Email)"}}}, "mapping.data.a", "parameter", "another name"),
        ({"data": {"a": {"sql": "Email + 1"}}}, "mapping.data.a", "does not fit", "types"),
        ({"data": {"a": {"sql": "total * 2"}}}, "mapping.data.a", "does not fit", "total::DECIMAL(38, 9)"),
        ({"data": {"a": {"sql": "Email::nosuchtype"}}}, "mapping.data.a", "does not fit", ""),
        ({"data": {"a": {"column": "tags", "type": "integer"}}}, "mapping.data.a", "cannot become integer", ""),
        ({"data": {"a": {"column": "day", "type": "boolean"}}}, "mapping.data.a", "cannot become boolean", ""),
        ({"when": "order_id"}, "mapping.when", "not BOOLEAN", "compare"),
        ({"when": "nope = 1"}, "mapping.when", "no column 'nope'", ""),
        ({"userId": "price"}, "mapping.userId", "DOUBLE is no identifier", "type: string"),
        ({"userId": "tags"}, "mapping.userId", "no identifier", ""),
        ({"eventId": "price"}, "mapping.eventId", "no identifier", ""),
        ({"userId": {"a": "Email"}}, "mapping.userId", "an object or a list cannot stand here", ""),
        ({"timestamp": "Email"}, "mapping.timestamp", "text", "type: timestamp"),
        ({"timestamp": "price"}, "mapping.timestamp", "no timestamp", ""),
        ({"timestamp": "total"}, "mapping.timestamp", "no timestamp", ""),
        ({"timestamp": "tags"}, "mapping.timestamp", "no timestamp", ""),
        ({"event": "Identify"}, "mapping.event", "reserved", "kind: identify"),
        ({"event": "intempt:page"}, "mapping.event", "reserved", ""),
        ({"event": {"value": "intempt:page"}}, "mapping.event", "reserved", ""),
        ({"event": {"value": " "}}, "mapping.event", "blank", ""),
        ({"event": {"column": "price"}}, "mapping.event", "no identifier", ""),
        ({"identity": "strict", "userId": "Email"}, "mapping", "needs a mapped profileId", ""),
    ],
)  # fmt: skip
def test_a_mistake_says_where_what_and_what_to_do(keys, path, message, hint):
    """A mistake names its place in the YAML, what was found and the remedy."""
    found = mistakes(USER | keys)
    assert [place for place, _, _ in found] == [path]
    assert message in found[0][1]
    assert hint in found[0][2]
    assert found[0][2]


@pytest.mark.parametrize(
    "call",
    [
        "random()", "uuid()", "gen_random_uuid()", "uuidv7()", "now()", "current_date", "current_timestamp", "today()",
        "current_localtimestamp()", "localtimestamp", "current_time", "get_current_time()", "transaction_timestamp()",
        "txid_current()", "nextval('s')", "getenv('HOME')", "current_setting('threads')", "current_user", "version()",
        "age(day)", "ago(interval 1 day)", "current_query()", "pg_sleep(1)", "getvariable('x')", "setseed(0.5)",
        "RANDOM()", '"now"()', "list_transform(tags, lambda x: x || random())", "current_schema()",
    ],
)  # fmt: skip
def test_what_differs_from_run_to_run_is_refused(call):
    """A row sent twice must be the same item."""
    ((path, message, _),) = mistakes(USER | {"data": {"a": {"sql": call}}})
    assert path == "mapping.data.a"
    assert "differs from run to run" in message


def test_columns_may_have_the_names_of_functions():
    """A quoted column wins over a keyword of the same name."""
    rows = rows_of({"current_date": [1], "user": ["x"], "random": [2]})
    mapper_of(rows, USER | {"data": {"a": {"sql": '"current_date" + random'}, "b": {"sql": '"user"'}}})


def test_all_mistakes_are_reported_at_once():
    """Every mapping is looked through to its end."""
    first = {
        "kind": "event",
        "event": "Identify",
        "userId": "x",
        "data": {"a": "y", "b": "order_id"},
        "when": "z",
    }
    second = {"kind": "product", "userId": "Email", "data": {"o": {"c": {"sql": "now()"}}}}
    paths = [path for path, _, _ in mistakes(first, second, key=("nokey",))]
    assert paths == [
        "mapping[0].when", "mapping[0].event", "mapping[0].userId", "mapping[0].data.a",
        "mapping[1]", "mapping[1].data.o.c", "source.key",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"kind": "event", "userId": "Email"}, "an event needs a name"),
        (
            {"kind": "event", "event": "P", "data": {"a": "Email"}},
            "kind event needs profileId or userId or accountId",
        ),
        ({"kind": "identify", "accountId": "Email"}, "kind identify needs profileId or userId"),
        ({"kind": "group", "userId": "Email"}, "kind group needs accountId"),
        ({"kind": "product", "userId": "Email"}, "kind product needs productId"),
        ({"kind": "product", "productId": {"value": None}}, "kind product needs productId"),
    ],
)
def test_a_mapping_without_what_its_kind_needs_is_refused(keys, words):
    """What would reject every row is a mistake of the configuration."""
    assert words in mistakes(keys)[0][1]


def test_messages_hold_no_literal_of_the_expression():
    """A secret written into an expression does not come back in DuckDB's message."""
    ((_, message, _),) = mistakes(USER | {"data": {"a": {"sql": "tags + 'hunter2'::int"}}})
    assert "hunter2" not in message


def test_the_file_stands_before_the_path():
    """A mistake begins with the file that it is in."""
    with pytest.raises(ConfigErrors, match=r"configs/orders\.yaml: mapping\.data\.a: there is no column"):
        mapper_of(COLUMNS, USER | {"data": {"a": "x"}}, file="configs/orders.yaml")


def test_notes_name_what_may_surprise():
    """Big integers, a missing timestamp, a Charge without status, attributes out of order, no key."""
    yaml = {
        "kind": "event",
        "event": "Charge",
        "userId": "Email",
        "data": {"amount": "order_id"},
        "userAttributes": {"x": "Email"},
    }
    notes = " | ".join(mapper_of(COLUMNS, yaml).notes)
    for words in (
        "data.status",
        "no timestamp",
        "order_id may hold integers beyond 2^53",
        "write attributes",
        "no key",
    ):
        assert words in notes
    quiet = USER | {"data": {"amount": {"column": "order_id", "type": "string"}}}
    assert mapper_of(COLUMNS, quiet, key=("order_id",)).notes == ()
