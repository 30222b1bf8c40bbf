"""The rules of the Track API, as conditions of the SELECT, and what ``check`` says about a mapping.

A row that breaks a rule is rejected with the rule's code; the rest of the batch goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from connector.config import models
from connector.config.models import Constant
from connector.mapping.engine import quote
from connector.mapping.expressions import Mistake
from connector.mapping.objects import is_null

DEFAULT_EVENTS = {"identify": "Identify", "group": "Identify", "product": "ProductSync"}
RESERVED = "Identify"
PLATFORM = "intempt:"
RECOMMENDATION = ("Product viewed", "Added to cart", "Removed from cart", "Product ordered")
CHARGE = "Charge"

# The platform refuses the whole request before the first, and puts its own clock in place after the second.
EARLIEST_MS = 1_262_304_000_000  # 2010-01-01T00:00:00Z
LATEST_MS = 2_210_457_600_000  # 2040-01-18T00:00:00Z

IDENTITIES = ("profileId", "userId", "accountId")
NEEDED = {
    "event": IDENTITIES,
    "identify": ("profileId", "userId"),
    "group": ("accountId",),
    "product": ("productId",),
}
_MISSING = {"group": "missing_account_id", "product": "missing_product_id"}


@dataclass(frozen=True, slots=True)
class Fault:
    """A condition of the SELECT under which a row is rejected, with the code and words of the reject."""

    condition: str
    reason: str
    message: str


def rules(
    mapping: models.Mapping, identifiers: Mapping[str, str], timestamp: str, name: str
) -> Iterator[Fault]:
    """Yield the rules that rows of a mapping can break.

    Args:
        mapping: the mapping.
        identifiers: field -> SQL of its text, null where blank; only the mapped fields.
        timestamp: SQL of the epoch milliseconds; empty when not mapped.
        name: SQL of the event's name by row; empty when it is constant.
    """
    needed = NEEDED[mapping.kind]
    held = [identifiers[field] for field in needed if field in identifiers]
    missing = " AND ".join(f"{sql} IS NULL" for sql in dict.fromkeys(held)) or "true"
    words = needed[0] if len(needed) == 1 else f"{', '.join(needed[:-1])} or {needed[-1]}"
    yield Fault(missing, _MISSING.get(mapping.kind, "missing_identity"), f"the item has no {words}")
    if mapping.identity == "strict" and mapping.kind in ("event", "identify"):
        strict = f"{identifiers.get('profileId', 'NULL')} IS NULL"
        yield Fault(strict, "missing_profile_id", "identity: strict needs a profileId")
    if timestamp:
        yield Fault(f"{timestamp} IS NULL", "missing_timestamp", "the timestamp is null")
        outside = f"{timestamp} NOT BETWEEN {EARLIEST_MS} AND {LATEST_MS}"
        yield Fault(
            outside, "timestamp_out_of_range", "the timestamp is before 2010-01-01 or after 2040-01-18"
        )
    if name:
        reserved = f"starts_with({name}, {quote(PLATFORM)})"
        if mapping.kind == "event":
            reserved = f"({name} = {quote(RESERVED)} OR {reserved})"
        yield Fault(reserved, "reserved_event", "the event's name is reserved")
        yield Fault(f"{name} IS NULL", "missing_event_name", "the event's name is null or blank")


def check_event(mapping: models.Mapping) -> str | None:
    """Return the constant name of a mapping's event, or None where it differs by row.

    Raises:
        Mistake: there is none, or it is reserved.
    """
    name = mapping.event if mapping.event is not None else DEFAULT_EVENTS.get(mapping.kind)
    if isinstance(name, Constant) and name.type is None and name.hash is None:
        name = name.value if name.value is not None else name.default
    if name is None:
        raise Mistake("an event needs a name", "add `event: Purchase`, or `event: {column: …}`")
    if not isinstance(name, str):
        return None
    if not name.strip():
        raise Mistake("the event's name is blank", "name the event")
    if name.startswith(PLATFORM) or (mapping.kind == "event" and name == RESERVED):
        hint = "use `kind: identify` to write attributes" if name == RESERVED else "choose another name"
        raise Mistake(f"the event name {name!r} is reserved", hint)
    return name


def check_identity(mapping: models.Mapping) -> None:
    """Check that a mapping maps what every row of its kind needs.

    Raises:
        Mistake: it does not, so every row would be rejected.
    """
    mapped = {field for field, form in mapping.fields.items() if not is_null(form)}
    needed = NEEDED[mapping.kind]
    if not mapped & set(needed):
        words = " or ".join(needed)
        raise Mistake(f"kind {mapping.kind} needs {words}", f"map one, as in `{needed[-1]}: some_column`")
    if mapping.identity == "strict" and mapping.kind in ("event", "identify") and "profileId" not in mapped:
        raise Mistake("identity: strict needs a mapped profileId", "map profileId, or leave `identity` out")


def copies_profile(mapping: models.Mapping) -> bool:
    """Tell whether the profileId of a mapping is a copy of its userId."""
    return (
        mapping.kind in ("event", "identify")
        and "profileId" not in mapping.fields
        and "userId" in mapping.fields
    )


def incomplete(event: str | None) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield (warning code, event name, members of data it should have) for the events that Track knows."""
    if event in (None, CHARGE):
        yield "charge_incomplete", CHARGE, ("amount", "status")
    for name in RECOMMENDATION:
        if event in (None, name):
            yield "recommendation_without_product_id", name, ("productId",)


def notes(mapping: models.Mapping, event: str | None) -> Iterator[str]:
    """Yield what a person should know about a mapping."""
    for _, name, members in incomplete(event) if event is not None else ():
        absent = [member for member in members if mapping.data is None or member not in mapping.data.members]
        if absent and not (mapping.data and mapping.data.rest):
            yield f"{name} should have data.{' and data.'.join(absent)}: Track does little with it otherwise"
    if mapping.kind != "event":
        return
    if mapping.timestamp is None:
        yield "no timestamp is mapped: Track takes the time of arrival, and a backfill is refused"
    if (mapping.user_attributes or mapping.account_attributes) and not mapping.ordered:
        yield (
            "the events write attributes, and their order is not promised with concurrency above 1: "
            "the last writer wins; `ordered: true` keeps the order of one identity"
        )
