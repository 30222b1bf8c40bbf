"""The JSON Schemas: what is right validates, typos do not, and every key is described."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.config.document import read_document
from connector.config.mapping import FIELDS
from connector.config.mistakes import keys_of, models_of
from connector.config.models import Sync, UrlParts
from connector.config.schema import schema, shared_schema
from connector.config.values import Model

jsonschema = pytest.importorskip("jsonschema", reason="pip install jsonschema")

ORDERS = Path(__file__).parent / "orders.yaml"


def errors(made: dict[str, Any], document: Any) -> list[str]:
    return [error.json_path for error in jsonschema.Draft202012Validator(made).iter_errors(document)]


def read(folder, text: str) -> Any:
    return read_document(folder.write("a.yaml", text)).plain()


def test_both_are_schemas() -> None:
    for made in (schema(), shared_schema()):
        jsonschema.Draft202012Validator.check_schema(made)


def test_the_documented_sync_validates() -> None:
    assert errors(schema(), read_document(ORDERS).plain()) == []


@pytest.mark.parametrize(
    "text",
    [
        "source: {use: warehouse, table: a}",
        "source: {type: parquet, path: 's3://a/*', partitions: {year: integer}, stable_for: 0}",
        "source: {type: database, url: {driver: mysql, options: {a: 1}}, query: select 1, cursor: {sql: a}, key: [a, b]}",
        "source: {type: database, settle: none, on_delete: {event: x, userId: {column: a}}, mode: '${MODE}'}",
        "destination: {use: intempt, concurrency: '${N:-8}', compression: '${C}', ca_file: none, max_bytes: 4096}",
        "destination: {api_key: '${file:/run/secrets/x}', max_items_per_second: '${RATE}', timeout: '${T}'}",
        "schedule: {cron: '@daily', timezone: Europe/Berlin, jitter: 0}",
        "freshness: none",
        "rejects: {max: 0.5, keep_rows: '${KEEP}'}",
        "tests: [{row: {a: 1}, item: [{userId: a}]}, {row: {}, reject: in_doubt}]",
    ],
)
def test_what_may_be_written_validates(folder, text) -> None:
    document = read(folder, f"sync: a\nmapping: {{kind: group, accountId: b}}\n{text}\n")
    assert errors(schema(), document) == []


@pytest.mark.parametrize(
    "value",
    ["a", "{column: a, type: date, default: x}", "{value: null}", "{value: [1]}", "{list: [a, {b: c}]}", "{object: {sql: a}}", "{a: {b: {sql: c}}}", "{'*': true, a: false}", "{type: a}"],
)  # fmt: skip
def test_every_form_of_a_value_validates(folder, value) -> None:
    document = read(
        folder, f"sync: a\nmapping: [{{kind: event, event: {{column: b}}, data: {{c: {value}}}}}]\n"
    )
    assert errors(schema(), document) == []


@pytest.mark.parametrize(
    "text",
    [
        "source: {tpe: database}",
        "source: {type: databse}",
        "source: {mode: incrementl}",
        "source: {lookback: 5}",
        "source: {url: {drver: a}}",
        "source: {on_delete: ignor}",
        "destination: {source_id: 1841710181319290881}",
        "destination: {api_ky: a}",
        "destination: {max_bytes: 1MiB}",
        "destination: {retry: {max: 5s}}",
        "rejects: {max: 5}",
        "schedule: {evry: 5m}",
        "frehness: 2h",
        "tests: [{row: {}, reject: missing_identiy}]",
        "mapping: {knd: event}",
        "mapping: {kind: evnt}",
        "mapping: {kind: event, userid: a}",
        "mapping: {kind: event, user_attributes: {a: b}}",
        "mapping: {kind: event, data: {a: 5}}",
        "mapping: {kind: event, data: {a: {sql: x, column: y}}}",
        "mapping: {kind: event, data: {a: {value: 1, currency: c}}}",
        "mapping: {kind: event, data: {a: {column: x, hash: md5}}}",
        "file: a",
        "environment: b",
    ],
)
def test_a_typo_does_not_validate(folder, text) -> None:
    base = "" if text.startswith("mapping") else "mapping: {kind: group, accountId: b}\n"
    assert errors(schema(), read(folder, f"sync: a\n{base}{text}\n"))


def test_shared_settings(folder) -> None:
    """Any part of a source, a destination or a sync may stand in connector.yaml, a typo may not."""
    good = """
        sources: {warehouse: {type: database, url: '${URL}'}, files: {type: parquet, path: x}}
        destinations: {intempt: {org: a, api_key: '${KEY}'}}
        defaults: {source: {use: warehouse}, rejects: {max: 1%}, mapping: {nulls: send}}
        environments: {staging: {destinations: {intempt: {org: b}}, defaults: {freshness: 1h}}}
    """
    assert errors(shared_schema(), read(folder, good)) == []
    for typo in (
        "sorces: {}",
        "sources: {a: {tpe: b}}",
        "defaults: {sync: a}",
        "defaults: {mapping: {kind: event}}",
        "environments: {a: {source: {}}}",
    ):
        assert errors(shared_schema(), read(folder, typo))


def models(model: type[Model], seen: set[type[Model]]) -> Iterator[type[Model]]:
    if model not in seen:
        seen.add(model)
        yield model
        for field in keys_of(model).values():
            for inner in models_of(field.annotation):
                yield from models(inner, seen)


def test_every_key_is_described() -> None:
    """Whatever key the models know has a description in the schema that editors show."""
    made = schema()
    described: dict[str, set[str]] = {}
    for name, definition in {"Sync": made, **made["$defs"]}.items():
        forms = [definition, *definition.get("anyOf", [])]
        for form in forms:
            known = {key for key, part in form.get("properties", {}).items() if part.get("description")}
            described.setdefault(name, set()).update(known)
    assert set(FIELDS) <= described["Mapping"]
    for model in (*models(Sync, set()), UrlParts):
        keys = {key for key in keys_of(model) if key[0] != "<"}
        assert keys <= described.get(model.__name__, set()) | described["Value"], model.__name__


def test_defaults_stand_as_they_are_written() -> None:
    made = schema()
    assert made["$defs"]["Retry"]["properties"]["max_elapsed"]["default"] == "15m"
    assert made["$defs"]["TrackDestination"]["properties"]["concurrency"]["default"] == 8
