"""Where the value of a field comes from: the forms that a mapping knows."""

from __future__ import annotations

import difflib
import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, WithJsonSchema

from connector.config.scalars import Text, refuse, wrong

ScalarType = Literal["string", "integer", "number", "boolean", "timestamp", "date", "json"]


class Model(BaseModel):
    """Frozen, and strict about unknown keys.

    An alias in angle brackets is a field that no key of the YAML has: readers fill it from other keys.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )


def template_columns(template: str) -> tuple[str, ...]:
    """Return the columns of a template, in order.

    Raises:
        ValueError: a brace is not closed, not opened, or holds no name.
    """
    columns: list[str] = []
    position = 0
    while position < len(template):
        char = template[position]
        if char in "{}" and template[position : position + 2] == char * 2:
            position += 2
        elif char == "{":
            end = template.find("}", position)
            name = template[position + 1 : end]
            if end < 0 or not name.strip() or "{" in name:
                raise ValueError(template)
            columns.append(name)
            position = end + 1
        elif char == "}":
            raise ValueError(template)
        else:
            position += 1
    return tuple(columns)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        wrong("a finite number")
    if isinstance(value, (dict, list)):
        for child in value.values() if isinstance(value, dict) else value:
            _finite(child)
    return value


def _template(value: Any) -> Any:
    if isinstance(value, str):
        try:
            template_columns(value)
        except ValueError:
            refuse(
                "a brace of the template does not fit", "write {column} for a column, {{ and }} for a brace"
            )
    return value


class Column(Model):
    """The value of a column."""

    column: Text
    type: ScalarType | None = None
    default: Any = None
    hash: Literal["sha256"] | None = None


class Sql(Model):
    """A DuckDB scalar expression over the columns."""

    sql: Text
    type: ScalarType | None = None
    default: Any = None
    hash: Literal["sha256"] | None = None


class Constant(Model):
    """A constant; None is null."""

    value: Annotated[Any, BeforeValidator(_finite)]
    type: ScalarType | None = None
    default: Any = None
    hash: Literal["sha256"] | None = None


class Template(Model):
    """Text with ``{column}`` in it; null when any of its columns is null or blank; ``{{`` is a brace."""

    template: Annotated[Text, BeforeValidator(_template)]
    type: ScalarType | None = None
    default: Any = None
    hash: Literal["sha256"] | None = None


class Object(Model):
    """A nested object. `rest` (``"*": true``) takes every column used nowhere else but those in `without`."""

    members: dict[str, ValueField] = Field(alias="<members>")
    rest: bool = Field(default=False, alias="<rest>")
    without: frozenset[str] = Field(default=frozenset(), alias="<without>")


class ListOf(Model):
    """An array of values."""

    elements: tuple[ValueField, ...] = Field(alias="list")


Value = Column | Sql | Constant | Template | Object | ListOf
# In schemas: the written shape of these is schema.py's own definition, of this name.
REFERENCE = "x-ref"

# The words that make a mapping a form; a property of one of these names needs {object: {...}}.
_SCALAR_FORMS: dict[str, type[Model]] = {
    "column": Column,
    "sql": Sql,
    "value": Constant,
    "template": Template,
}
WORDS = (*_SCALAR_FORMS, "object", "list")
_OPTIONS = ("type", "default", "hash")


def members_from_yaml(value: Any) -> Any:
    """Turn the members of an object, as written, into the fields of `Object`."""
    if isinstance(value, Object):
        return value
    if not isinstance(value, dict):
        wrong("a mapping of properties", "write each property as `name: column`")
    rest = value.get("*", False)
    if "*" in value and rest is not True:
        refuse(
            '"*" takes only true', 'write `"*": true` for every column not used elsewhere, or leave it out'
        )
    without = {name for name, member in value.items() if member is False}
    if without and not rest:
        name = min(without)
        refuse(
            f'{name}: false leaves a column out of `"*": true`, which is not there',
            f"for a constant write {name}: {{value: false}}",
        )
    members = {name: member for name, member in value.items() if name != "*" and name not in without}
    return {"<members>": members, "<rest>": rest, "<without>": without}


def _checked(value: Any) -> Any:
    """Let through what has the shape of one form; whatever else it is gets its own message."""
    if isinstance(value, (Model, str)):
        return value
    if isinstance(value, list):
        refuse(
            "a list stands where a value should be", "write {list: [column_a, column_b]} or {value: [...]}"
        )
    if value is None:
        refuse("is empty", "write a column's name, or {value: null} for null")
    if not isinstance(value, dict):
        refuse(
            "a constant stands where a column's name should be",
            "write {value: ...} for a constant; put a column's name in quotes",
        )
    words = [word for word in WORDS if word in value]
    if len(words) > 1:
        refuse(f"{words[0]} and {words[1]} exclude each other", _property_hint())
    if words:
        allowed = (words[0], *_OPTIONS) if words[0] in _SCALAR_FORMS else (words[0],)
        extra = next((key for key in value if key not in allowed), None)
        if extra is not None:
            near = difflib.get_close_matches(extra, allowed, 1)
            hint = f"did you mean {near[0]}? " if near else ""
            refuse(f"{extra} cannot stand beside {words[0]}", hint + _property_hint())
    return value


def _property_hint() -> str:
    return f"{', '.join(WORDS)} are words of a form; for properties of these names write {{object: {{...}}}}"


def _form(value: Any) -> str:
    """Return the tag of a value's form."""
    if isinstance(value, Model):
        return f"<{type(value).__name__}>"
    if isinstance(value, str):
        return "<Column>"
    word = next((word for word in WORDS if word in value), None)
    if word is None:
        return "<Object>"
    return "<object>" if word == "object" else f"<{_SCALAR_FORMS.get(word, ListOf).__name__}>"


ValueField = Annotated[
    Annotated[Column, BeforeValidator(lambda v: {"column": v} if isinstance(v, str) else v), Tag("<Column>")]
    | Annotated[Sql, Tag("<Sql>")]
    | Annotated[Constant, Tag("<Constant>")]
    | Annotated[Template, Tag("<Template>")]
    | Annotated[Object, BeforeValidator(members_from_yaml), Tag("<Object>")]
    | Annotated[Object, BeforeValidator(lambda v: members_from_yaml(v["object"])), Tag("<object>")]
    | Annotated[ListOf, Tag("<ListOf>")],
    Discriminator(_form),
    BeforeValidator(_checked),
    WithJsonSchema({REFERENCE: "Value"}),
]
Members = Annotated[Object, BeforeValidator(members_from_yaml), WithJsonSchema({REFERENCE: "Members"})]

Object.model_rebuild()
ListOf.model_rebuild()
