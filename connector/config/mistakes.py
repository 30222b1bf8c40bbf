"""Mistakes of a configuration: collected with their places, told all at once, never with a secret.

What a user wrote is shown only where it is one of a few words or a number with a unit, no variable stands in
it, and the key is not one that holds credentials.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import ValidationError

from connector.config.document import Node, below
from connector.config.scalars import nearest
from connector.config.values import Model
from connector.errors import ConfigError, ConfigErrors

Loc = tuple[int | str, ...]

_SECRET_KEYS = {
    "url",
    "base_url",
    "api_key",
    "password",
    "user",
    "options",
    "row",
    "item",
    "value",
    "default",
}
_HARMLESS = re.compile(r"[\w .,%:+*-]{0,40}")
_EXPECTED = {  # pydantic's name of an error → what stands in its place
    "string_type": "text",
    "dict_type": "a mapping",
    "model_type": "a mapping of keys",
    "model_attributes_type": "a mapping of keys",
    "list_type": "a list",
    "tuple_type": "a list",
    "int_type": "a whole number",
}


class Mistakes:
    """All mistakes found so far."""

    def __init__(self) -> None:
        self._found: list[tuple[str, int, ConfigError]] = []

    def add(self, node: Node, message: str, hint: str = "", *, key: str = "") -> None:
        """Note a mistake at a node, or at a key that the node should have."""
        if node.broken:
            return
        path = below(node.path, key) if key else node.path
        error = ConfigError(message, hint=hint, file=f"{node.file}:{node.line}", path=path)
        self._found.append((str(node.file), node.line, error))

    def add_all(self, error: ValidationError, root: Node, model: type[Model]) -> None:
        """Note what pydantic found wrong with the values of a node."""
        seen: set[tuple[str, str]] = set()
        for detail in error.errors(include_url=False, include_input=False):
            place = _Place(root, detail["loc"])
            if (place.path, detail["type"]) not in seen:
                seen.add((place.path, detail["type"]))
                self._add_one(place, detail, model)

    def raise_any(self, first: Node) -> None:
        """Raise what was found, the sync's own file first, each file from top to bottom.

        Raises:
            ConfigErrors: there was something.
        """
        if self._found:
            main = str(first.file)
            ordered = sorted(self._found, key=lambda found: (found[0] != main, found[0], found[1]))
            raise ConfigErrors([error for _, _, error in ordered])

    def _add_one(self, place: _Place, detail: Any, model: type[Model]) -> None:
        kind, context = detail["type"], detail.get("ctx", {})
        node, key = place.node, place.missing
        if node.broken:
            return
        if kind == "missing":
            what = _description(model, detail["loc"])
            self.add(node, "is missing", f"add `{key}:`{what}", key=key)
        elif kind == "extra_forbidden":
            known = [name for name in _keys_at(model, detail["loc"]) if name[0] != "<"]
            hint = nearest(_last(place), known) or f"known here: {', '.join(known)}"
            self.add(node, "unknown key", hint)
        elif kind == "refused":
            self.add(node, context["message"], context["hint"])
        elif kind == "wrong":
            self.add(node, f"expected {context['expected']}, found {place.found()}", context["hint"])
        elif kind == "literal_error":
            self._add_choice(place, context["expected"])
        elif kind in _EXPECTED:
            self.add(node, f"expected {_EXPECTED[kind]}, found {place.found(shown=False)}")
        else:
            self.add(node, _limit(kind, context) + f", found {place.found()}")

    def _add_choice(self, place: _Place, expected: str) -> None:
        choices = re.findall(r"'([^']*)'", expected)
        if place.keys == ["source", "type"]:
            choices = ["database", "parquet", "delta", "iceberg"]
        text = place.node.value if isinstance(place.node.value, str) and place.harmless else ""
        words = ", ".join(choices[:-1]) + f" or {choices[-1]}" if len(choices) > 1 else choices[0]
        self.add(place.node, f"expected {words}, found {place.found()}", nearest(text, choices))


class _Place:
    """Where in the written tree a location of pydantic's lies; segments that no YAML has are left out."""

    def __init__(self, root: Node, loc: Loc) -> None:
        self.node, self.keys, self.missing = root, list[str](), ""
        for segment in loc:
            value = self.node.value
            if isinstance(segment, int):
                if isinstance(value, list) and segment < len(value):
                    self.node = value[segment]
            elif (
                isinstance(value, dict)
                and (key := "object" if segment == "<object>" else segment)[0:1] != "<"
            ):
                self.keys.append(key)
                if key not in value:
                    self.missing = key
                    break
                self.node = value[key]

    @property
    def path(self) -> str:
        return f"{self.node.path} {self.missing}"

    @property
    def harmless(self) -> bool:
        """Whether a message may show the value."""
        keys = {*self.keys, *re.split(r'[.\["\]]+', self.node.path)}
        return not (self.node.hidden or _SECRET_KEYS & keys)

    def found(self, *, shown: bool = True) -> str:
        value = self.node.value
        if value is None:
            return "nothing"
        if isinstance(value, (dict, list)):
            return "a mapping" if isinstance(value, dict) else "a list"
        kinds = {str: "text", bool: "a boolean", int: "an integer", float: "a decimal number"}
        kind = kinds[type(value)]
        if not shown or not self.harmless or not _HARMLESS.fullmatch(str(value)):
            return kind
        return f'the text "{value}"' if isinstance(value, str) else f"{kind}, {str(value).lower()}"


def _last(place: _Place) -> str:
    return place.keys[-1] if place.keys else ""


def _limit(kind: str, context: Mapping[str, Any]) -> str:
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    for name, word in words.items():
        if name in context:
            return f"must be {word} {context[name]:,}"
    if kind == "too_short":
        return "must not be empty"
    return f"is not right ({kind.replace('_', ' ')})"


def models_of(annotation: Any) -> list[type[Model]]:
    """Return the models that an annotation names, at any depth of unions and containers."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return [annotation]
    return [model for inner in get_args(annotation) for model in models_of(inner)]


def keys_of(model: type[Model]) -> dict[str, Any]:
    """Return the fields of a model by the keys that the YAML has for them."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _models_at(model: type[Model], loc: Iterable[int | str]) -> list[type[Model]]:
    """Return the models that the members of a location may belong to."""
    found = [model]
    for segment in loc:
        name = str(segment)
        if name[0] == "<":
            found = [each for each in found if name == f"<{each.__name__}>"] or found
        fields = [keys_of(each)[name] for each in found if name in keys_of(each)]
        found = [inner for field in fields for inner in models_of(_annotation(field))] or found
    return found


def _annotation(field: Any) -> Any:
    return (field.annotation, *field.metadata)[0]


def _keys_at(model: type[Model], loc: Loc) -> list[str]:
    keys: list[str] = []
    for each in _models_at(model, loc[:-1]):
        keys += keys_of(each)
        if each.__name__ == "Mapping":
            from connector.config.mapping import FIELDS

            keys += FIELDS
    return list(dict.fromkeys(keys))


def _description(model: type[Model], loc: Loc) -> str:
    for each in _models_at(model, loc[:-1]):
        field = keys_of(each).get(str(loc[-1]))
        if field is not None and field.description:
            text = str(field.description).rstrip(".")
            return f" ({text[0].lower()}{text[1:]})"
    return ""
