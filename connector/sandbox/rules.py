"""The Track API's rules on a request's items: one bad item refuses the whole request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal

from pydantic_core import from_json

IDS = (
    "eventId",
    "profileId",
    "userId",
    "accountId",
    "sessionId",
    "pageId",
    "anotherUserId",
    "anotherAccountId",
    "productId",
)
_TYPES: dict[str, type] = {
    **dict.fromkeys(IDS, str),
    "timestamp": int,
    "data": dict,
    "userAttributes": dict,
    "accountAttributes": dict,
}
_TYPE_NAMES = {str: "a string", int: "an integer in milliseconds", dict: "an object"}

EARLIEST_MS = 1_262_304_000_000  # 2010-01-01T00:00:00Z
LATEST_MS = 2_210_457_600_000  # 2040-01-18T00:00:00Z: what is later is replaced by the server's clock
RECOMMENDATION_EVENTS = {"Product viewed", "Added to cart", "Removed from cart", "Product ordered"}


class Refusal(Exception):
    """The request is refused as a whole.

    Args:
        reason: short code, counted in the statistics.
        message: for a person.
        status: HTTP status.
        place: (entry, index) of the bad item in ``track`` and ``payload``, where one item is to blame.
    """

    def __init__(
        self, reason: str, message: str, *, status: int = 400, place: tuple[int, int] | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.status = status
        self.place = place


def parse(body: bytes) -> list[dict[str, Any]]:
    """Return the entries of ``track``, their shape checked, their items not yet.

    Raises:
        Refusal: no JSON, or not ``{"track": [{"name": …, "payload": […]}]}`` with at least one item.
    """
    try:
        document = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise Refusal("not_json", f"the body is not JSON: {error}") from None
    track = document.get("track") if type(document) is dict else None
    if type(track) is not list:
        raise Refusal("no_track", 'the body must be {"track": […]}')
    for number, entry in enumerate(track):
        if type(entry) is not dict or type(entry.get("payload")) is not list:
            raise Refusal("no_payload", f"track[{number}] must have a name and a payload, an array")
        _check_name(entry.get("name"), number)
    if not any(entry["payload"] for entry in track):
        raise Refusal("no_items", "the request holds no items")
    return track


def _check_name(name: Any, number: int) -> None:
    if type(name) is not str or not name.strip():
        raise Refusal("missing_event_name", f"track[{number}].name must be an event's name")
    if name.startswith("intempt:"):
        raise Refusal(
            "reserved_event", f"track[{number}].name: names beginning intempt: are the platform's own"
        )


def check(track: list[dict[str, Any]], identity: Literal["any", "strict"]) -> Counter[str]:
    """Check every item.

    Args:
        track: entries as `parse` returns them.
        identity: whether a behavioural event needs any identity, or a profileId.

    Returns:
        How often something was noted that is accepted and yet seldom meant.

    Raises:
        Refusal: for the first item that breaks a rule.
    """
    notes: Counter[str] = Counter()
    for number, entry in enumerate(track):
        name = entry["name"]
        for index, item in enumerate(entry["payload"]):
            if type(item) is not dict:
                raise Refusal("wrong_type", "an item must be an object", place=(number, index))
            for field, value in item.items():
                expected = _TYPES.get(field)
                if expected is None:
                    notes["unknown_field"] += 1
                elif type(value) is not expected and value is not None:
                    raise Refusal(
                        "wrong_type", f"{field} must be {_TYPE_NAMES[expected]}", place=(number, index)
                    )
            fault = _broken_rule(name, item, identity)
            if fault:
                raise Refusal(*fault, place=(number, index))
        _note(name, entry["payload"], notes)
    return notes


def _given(value: str | None) -> bool:
    return value is not None and value.strip() != ""


def _broken_rule(name: str, item: dict[str, Any], identity: str) -> tuple[str, str] | None:
    """Return the reason and message of the rule that an item of right types breaks, if any."""
    timestamp = item.get("timestamp")
    if timestamp is not None and timestamp < EARLIEST_MS:
        return "timestamp_out_of_range", "timestamp lies before 2010: is it in milliseconds?"
    if (
        name == "Identify"
        and item.get("data")
        and not (item.get("userAttributes") or item.get("accountAttributes"))
    ):
        return (
            "reserved_event",
            "Identify writes userAttributes or accountAttributes; it is no ordinary event",
        )
    if _given(item.get("profileId")) or _given(item.get("productId")):
        return None
    if identity == "strict":
        return "missing_profile_id", "a behavioural event needs a profileId"
    if not (_given(item.get("userId")) or _given(item.get("accountId"))):
        return "missing_identity", "an event needs one of profileId, userId, accountId"
    return None


def _note(name: str, items: list[dict[str, Any]], notes: Counter[str]) -> None:
    """Count what is accepted and yet seldom meant."""
    late = sum(1 for item in items if (item.get("timestamp") or 0) > LATEST_MS)
    if late:
        notes["timestamp_replaced"] += late
    if name in RECOMMENDATION_EVENTS:
        notes["no_data_product_id"] += sum(1 for item in items if "productId" not in (item.get("data") or {}))
    if name == "Charge":
        notes["charge_incomplete"] += sum(
            1 for item in items if not {"amount", "status"} <= (item.get("data") or {}).keys()
        )


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for member in value.values():
            yield from _leaves(member)
    elif isinstance(value, list):
        for element in value:
            yield from _leaves(element)
    elif value is not None:
        yield str(value)


def holds(item: dict[str, Any], texts: tuple[str, ...]) -> bool:
    """Return whether userId, eventId, productId or a value in ``data`` contains one of `texts`."""
    for value in (item.get("userId"), item.get("eventId"), item.get("productId"), item.get("data")):
        for leaf in _leaves(value):
            if any(text in leaf for text in texts):
                return True
    return False
