"""The part of the YAML that says how a row becomes an item."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from connector.config.scalars import Flag, Text, wrong
from connector.config.values import Members, Model, Value, ValueField

Kind = Literal["event", "identify", "group", "product"]

# The fields of an item that hold one identifier each: always JSON strings, blank is null.
IDENTIFIERS = (
    "profileId",
    "userId",
    "accountId",
    "sessionId",
    "pageId",
    "anotherUserId",
    "anotherAccountId",
    "productId",
)
FIELDS = ("eventId", *IDENTIFIERS)

# Identify writes attributes and is no ordinary event's name; the prefix is the platform's own.
RESERVED_EVENT = "Identify"
RESERVED_PREFIX = "intempt:"

EventName = Annotated[
    Annotated[Text, Tag("<text>")] | Annotated[ValueField, Tag("<form>")],
    Discriminator(lambda value: "<form>" if isinstance(value, (dict, Model)) else "<text>"),
]


class Mapping(Model):
    """How a row becomes an item.

    `event` is a constant name or a column (or other value) per row; None takes the kind's own name.
    `fields` holds eventId (when mapped by hand) and the identifiers of `IDENTIFIERS` that are mapped.
    """

    kind: Kind
    """What the items are: event, identify, group or product."""
    when: Text | None = None
    """An expression: only rows for which it is true make an item here."""
    event: EventName | None = None
    """The event's name, or {column: ...} for a name by row; Identify for identify and group, ProductSync for product."""
    events: Literal["per_row", "per_version"] = "per_row"
    """per_row: a row is one event, whatever becomes of it later; per_version: each version of it is an event."""
    identity: Literal["any", "strict"] = "any"
    """any: one of profileId, userId, accountId is enough; strict: each item needs a mapped profileId."""
    nulls: Literal["omit", "send"] = "omit"
    """omit: members that are null are left out; send: they are sent as null."""
    ordered: Flag = False
    """Send the items of one identity in order, also for events."""
    fields: dict[str, ValueField] = Field(default_factory=dict, alias="<fields>")
    timestamp: ValueField | None = None
    """When it happened: a timestamp, a date, or integer milliseconds; text needs `type: timestamp`."""
    data: Members | None = None
    """The properties of the item: `name: column`, a form such as {sql: ...}, or a nested mapping."""
    user_attributes: Members | None = Field(default=None, alias="userAttributes")
    """The attributes that the item writes to the user."""
    account_attributes: Members | None = Field(default=None, alias="accountAttributes")
    """The attributes that the item writes to the account."""


def mapping_from_yaml(value: Any) -> Any:
    """Gather the identifiers, which the YAML has beside the other keys, into `fields`."""
    if isinstance(value, Mapping):
        return value
    if not isinstance(value, dict):
        wrong("a mapping of keys", "write `kind: event` and go on from there")
    fields = {name: value[name] for name in FIELDS if name in value}
    return {key: member for key, member in value.items() if key not in fields} | {"<fields>": fields}


def deletion_from_yaml(value: Any) -> Any:
    """Let `on_delete` be an event where it names no kind."""
    return mapping_from_yaml({"kind": "event"} | value if isinstance(value, dict) else value)


MappingField = Annotated[Mapping, BeforeValidator(mapping_from_yaml)]
OnDelete = Annotated[
    Annotated[Literal["ignore"], Tag("<ignore>")]
    | Annotated[Mapping, BeforeValidator(deletion_from_yaml), Tag("<Mapping>")],
    Discriminator(lambda value: "<Mapping>" if isinstance(value, (dict, Model)) else "<ignore>"),
]

__all__ = ["IDENTIFIERS", "Kind", "Mapping", "MappingField", "OnDelete", "Value"]
