"""The JSON Schema that editors complete sync files and ``connector.yaml`` from.

It is made from the models; their field docstrings are its descriptions.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, get_args

from pydantic.json_schema import GenerateJsonSchema

from connector.config.mapping import FIELDS
from connector.config.models import Model, Sync, UrlParts
from connector.config.shared import MAPPING_DEFAULTS, OWN_KEYS
from connector.config.show import duration_text
from connector.config.values import REFERENCE, WORDS, ScalarType

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_VARIABLE = {"type": "string", "pattern": r"\$\{"}
_DROPPED = ("title", "discriminator")
_SCALARS = {"integer", "number", "boolean"}
_USE = "A name from connector.yaml; keys written beside it win."
_IDENTIFIERS = {
    "eventId": "The event's id; made from the sync, the key and the event's name unless mapped.",
    "profileId": "Who did it, as Track knows them; a copy of userId unless mapped, {value: null} leaves it out.",
    "userId": "Who did it, as your own systems know them.",
    "accountId": "The account it belongs to.",
    "sessionId": "The session it happened in.",
    "pageId": "The page it happened on.",
    "anotherUserId": "The other user of it.",
    "anotherAccountId": "The other account of it.",
    "productId": "The product that the item writes to the catalog.",
}
_FORMS = {
    "column": "The name of a column.",
    "sql": "A DuckDB scalar expression over the columns.",
    "value": "A constant; null for null.",
    "template": "Text with {column} in it; null when one of its columns is null or blank; {{ is a brace.",
    "object": "A nested object whose properties may have any name.",
    "list": "An array of values.",
}


_SOURCES = ("DatabaseSource", "ParquetSource", "DeltaSource", "IcebergSource")


class _Generator(GenerateJsonSchema):
    """Writes defaults as they stand in the YAML."""

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, Model):
            return {}
        return duration_text(dft) if isinstance(dft, dt.timedelta) else super().encode_default(dft)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a sync's file."""
    made = Sync.model_json_schema(by_alias=True, schema_generator=_Generator)
    parts = UrlParts.model_json_schema(by_alias=True, schema_generator=_Generator)
    definitions = made["$defs"] | _value_definitions() | {"UrlParts": parts}
    mapping, properties = definitions["Mapping"], made["properties"]
    mapping["properties"] |= {
        name: {"description": _IDENTIFIERS[name], REFERENCE: "Value"} for name in FIELDS
    }
    definitions["Deletion"] = {key: part for key, part in mapping.items() if key != "required"}
    for name in (*_SOURCES, "TrackDestination"):
        # Any key may come from connector.yaml, so none is required here: load_sync looks at all layers.
        definitions[name].pop("required")
        definitions[name]["properties"]["use"] = {"description": _USE, "type": "string"}
        if name != "TrackDestination":
            _either(
                definitions[name]["properties"]["on_delete"], [{"const": "ignore"}, {REFERENCE: "Deletion"}]
            )
    _either(properties["source"], [{REFERENCE: name} for name in _SOURCES])
    one = {REFERENCE: "Mapping"}
    _either(properties["mapping"], [one, {"type": "array", "items": one, "minItems": 1}])
    made |= {"$defs": definitions, "required": ["sync", "mapping"]}
    result: dict[str, Any] = _cleaned(made)
    return {"$schema": DIALECT, "title": "A sync", **result}


def shared_schema() -> dict[str, Any]:
    """Return the JSON Schema of ``connector.yaml``, where any part of a source, destination or sync may stand."""
    whole = schema()
    properties, mapping = whole["properties"], whole["$defs"]["Mapping"]["properties"]
    defaults = {key: part for key, part in properties.items() if key not in OWN_KEYS}
    defaults["mapping"] = _closed(
        "What every mapping takes.", {key: mapping[key] for key in MAPPING_DEFAULTS}
    )
    sections = {
        "sources": _named(
            "Sources by name: `source: {use: NAME}`.", {"anyOf": properties["source"]["anyOf"]}
        ),
        "destinations": _named(
            "Destinations by name: `destination: {use: NAME}`.", properties["destination"]
        ),
        "defaults": _closed("What every sync takes unless it says otherwise.", defaults),
    }
    environment = _closed("The sections of this file, as this environment has them.", sections)
    environments = _named("What --env NAME lays over the sections of this file.", environment)
    made = _closed(
        "Settings that the syncs of this folder and those below share.",
        {**sections, "environments": environments},
    )
    return {"$schema": DIALECT, "title": "Shared settings", **made, "$defs": whole["$defs"]}


def _named(description: str, part: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "type": "object", "additionalProperties": part}


def _closed(description: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": description,
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }


def _either(part: dict[str, Any], choices: list[dict[str, Any]]) -> None:
    """Make a schema a choice, and keep nothing of it but its description."""
    description = part["description"]
    part.clear()
    part |= {"description": description, "anyOf": choices}


def _value_definitions() -> dict[str, Any]:
    """Return the schemas of values and members, which have another shape in the models than in the YAML."""
    column = {"description": "The name of a column.", "type": "string", "minLength": 1}
    no_word = {"not": {"anyOf": [{"required": [word]} for word in WORDS]}}
    left_out = {"description": 'Left out of "*": true.', "const": False}
    return {
        "Value": {
            "description": "A column's name, a form such as {sql: ...}, or a nested object.",
            "anyOf": [column, *_forms(), {"allOf": [no_word, {REFERENCE: "Members"}]}],
        },
        "Members": {
            "description": "Properties: `name: column`, a form, or a nested object.",
            "type": "object",
            "properties": {"*": {"description": "true: every column not used elsewhere.", "const": True}},
            "additionalProperties": {"anyOf": [{REFERENCE: "Value"}, left_out]},
        },
    }


def _forms() -> list[dict[str, Any]]:
    options = {
        "type": {"description": "The type to convert to.", "enum": list(get_args(ScalarType))},
        "default": {"description": "What stands in the place of null."},
        "hash": {"description": "sha256: the lower-case hex digest of the text.", "const": "sha256"},
    }
    text = {"type": "string", "minLength": 1}
    shapes: dict[str, dict[str, Any]] = {
        "value": {},
        "object": {REFERENCE: "Members"},
        "list": {"type": "array", "items": {REFERENCE: "Value"}},
    }
    forms: list[dict[str, Any]] = []
    for word in WORDS:
        only = {word: {"description": _FORMS[word], **shapes.get(word, text)}}
        properties = only if word in ("object", "list") else only | options
        forms.append({**_closed(_FORMS[word], properties), "required": [word]})
    return forms


def _cleaned(part: Any, *, names: bool = False) -> Any:
    """Drop what no YAML has, and let variables stand for any scalar.

    Args:
        part: a schema, or with `names` a mapping from names to schemas.
        names: the keys are the user's names, not words of JSON Schema.
    """
    if isinstance(part, list):
        return [_cleaned(each) for each in part]
    if not isinstance(part, dict):
        return part
    if names:
        return {key: _cleaned(each) for key, each in part.items() if key[0] != "<"}
    if part.get("type") == "null":
        return {"enum": [None, "none"]}
    made: dict[str, Any] = {}
    for key, each in part.items():
        if key not in _DROPPED and not (key == "default" and each is None):
            word, value = _word(key, each)
            made[word] = value
    return _with_variable(made)


def _word(key: str, value: Any) -> tuple[str, Any]:
    """Return one word of a schema and its value, as they are to stand there."""
    if key == REFERENCE:
        return "$ref", f"#/$defs/{value}"
    if key == "oneOf":  # a variable would match every choice
        return "anyOf", _cleaned(value)
    if key == "required":
        return key, [name for name in value if name[0] != "<"]
    return key, value if key == "enum" else _cleaned(value, names=key in ("properties", "$defs"))


def _with_variable(made: dict[str, Any]) -> dict[str, Any]:
    kinds = made.get("type", ())
    scalar = bool(_SCALARS & set([kinds] if isinstance(kinds, str) else kinds))
    constant = "enum" in made or made.get("const", False) is not False
    if not (scalar or constant or "pattern" in made):
        return made
    outer: dict[str, Any] = {key: made.pop(key) for key in ("description", "default") if key in made}
    return {**outer, "anyOf": [made, _VARIABLE]}
