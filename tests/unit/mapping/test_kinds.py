"""What is kept of a source's columns, and what the same mapping makes of others."""

import pyarrow as pa
import pytest
from mappings import mapping

from connector.mapping.engine import Engine
from connector.mapping.kinds import described, schema_of
from connector.mapping.reads import reads
from connector.mapping.spec import MappingSpec

SCHEMA = pa.schema(
    [
        ("int", pa.int32()),
        ("dec", pa.decimal128(18, 2)),
        ("wide", pa.decimal256(60, 4)),
        ("real", pa.float64()),
        ("half", pa.float16()),
        ("flag", pa.bool_()),
        ("text", pa.string()),
        ("view", pa.string_view()),
        ("word", pa.dictionary(pa.int32(), pa.string())),
        ("id", pa.uuid()),
        ("bytes", pa.binary()),
        ("day", pa.date32()),
        ("clock", pa.time64("us")),
        ("naive", pa.timestamp("us")),
        ("nano", pa.timestamp("ns")),
        ("zoned", pa.timestamp("us", "Europe/Berlin")),
        ("span", pa.duration("us")),
        ("list", pa.list_(pa.int64())),
        ("map", pa.map_(pa.string(), pa.int64())),
        ("struct", pa.struct([("Name", pa.string()), ("a b", pa.int8())])),
        ("nothing", pa.null()),
        pa.field("doc", pa.string(), metadata={"connector": "json"}),
        pa.field("num", pa.string(), metadata={"connector": "number"}),
        pa.field("uid", pa.string(), metadata={"connector": "uuid"}),
    ]
)
WORDS = {
    "int": ("integer", "number"),
    "dec": ("decimal(18,2)", "number"),
    "wide": ("numeric", "number"),
    "real": ("double", "number"),
    "half": ("float", "number"),
    "flag": ("boolean", "boolean"),
    "text": ("text", "string"),
    "view": ("text", "string"),
    "word": ("text", "string"),
    "id": ("uuid", "string"),
    "bytes": ("blob", "base64"),
    "day": ("date", "date"),
    "clock": ("time", "time of day"),
    "naive": ("timestamp", "time without a zone"),
    "nano": ("timestamp_ns", "time without a zone"),
    "zoned": ("timestamp with time zone", "time with a zone"),
    "span": ("interval", "duration"),
    "list": ("BIGINT[]", "array"),
    "map": ("MAP(VARCHAR, BIGINT)", "object"),
    "struct": ('STRUCT("Name" VARCHAR, "a b" TINYINT)', "object"),
    "nothing": ("unknown", ""),
    "doc": ("json", "JSON"),
    "num": ("numeric", "number"),
    "uid": ("uuid", "string"),
}


@pytest.fixture
def engine():
    made = Engine()
    yield made
    made.close()


def spec(schema, **keys):
    return MappingSpec("orders", (mapping(**keys),), schema)


def words(schema, engine):
    return {name: (column.type, column.kind) for name, column in described(spec(schema), engine).items()}


def test_types_in_words(engine):
    """People read them, and the columns can be made of them again, with the same kinds."""
    found = words(SCHEMA, engine)
    assert found == WORDS
    again = schema_of({name: kind for name, (kind, _) in found.items()}, engine)
    assert again.names == SCHEMA.names
    assert words(again, engine) == found


def test_a_type_that_nobody_knows_is_left_out(engine):
    assert schema_of({"a": "bigint", "b": "sparse_union<x: int8=0>", "c": "text"}, engine).names == ["a", "c"]
    assert schema_of({}, engine).names == []


def test_kinds_of_values(engine):
    """Nested values have a kind each; a cast, a hash, a template and an identifier decide theirs."""
    data = {
        "struct": "struct",
        "list": {"list": ["list", "int"]},
        "map": "map",
        "cast": {"column": "int", "type": "string"},
        "when": {"column": "text", "type": "timestamp"},
        "hash": {"column": "int", "hash": "sha256"},
        "label": {"template": "{int}"},
        "sum": {"sql": "int + 1"},
        "always": {"value": 1},
    }
    found = reads(spec(SCHEMA, userId="int", timestamp="naive", data=data), engine)
    assert not found.mistakes
    assert found.kinds == {
        "mapping.userId": "string",
        "mapping.timestamp": "time without a zone",
        "mapping.data.struct": "object",
        "mapping.data.struct.Name": "string",
        "mapping.data.struct.a b": "number",
        "mapping.data.list[0]": "array",
        "mapping.data.list[0][]": "number",
        "mapping.data.list[1]": "number",
        "mapping.data.map": "object",
        "mapping.data.map.*": "number",
        "mapping.data.cast": "string",
        "mapping.data.when": "time",
        "mapping.data.hash": "string",
        "mapping.data.label": "string",
        "mapping.data.sum": "number",
    }


def test_past_every_mistake(engine):
    """What fits is known all the same."""
    found = reads(spec(SCHEMA, userId="user", data={"x": "int", "y": {"sql": "wat + 1"}}), engine)
    assert found.mistakes == {
        "mapping.userId": "there is no column 'user'",
        "mapping.data.y": "there is no column 'wat'",
    }
    assert found.columns == {"int"}
    assert found.kinds == {"mapping.timestamp": "number", "mapping.data.x": "number"}
