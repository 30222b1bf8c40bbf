"""What the track endpoint answers, and how it goes over the wire."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, replace
from email.utils import formatdate

from starlette.types import Send

from connector.sandbox.faults import Faults, RetryAfterForm, Rule
from connector.sandbox.rules import Refusal

JSON = "application/json"
_HTML = "text/html; charset=utf-8"
Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """A response; its body drips over `seconds` if that is more than 0."""

    status: int = 200
    body: bytes = b"{}"
    content_type: str = JSON
    headers: tuple[Header, ...] = ()
    seconds: float = 0.0


def _error(status: int, message: str) -> Answer:
    return Answer(status, json.dumps({"error": message}).encode())


def retry_after(seconds: int | None, form: RetryAfterForm) -> tuple[Header, ...]:
    """Return the header ``Retry-After`` for so many seconds from now, or no header for None."""
    if seconds is None:
        return ()
    # The date has whole seconds: round up, or the client is told to come too early.
    value = str(seconds) if form == "seconds" else formatdate(int(time.time()) + 1 + seconds, usegmt=True)
    return (("retry-after", value),)


def misbehaviour(rule: Rule) -> Answer:
    """Return the answer that `rule` gives in place of the proper one."""
    match rule.fault:
        case "collection":
            answer = _error(400, "Cannot create collection for a new event")
        case "login_page":
            answer = Answer(body=b"<!doctype html><title>Sign in</title><form></form>", content_type=_HTML)
        case "redirect":
            answer = Answer(302, b"", _HTML, (("location", "/login"),))
        case "drip":
            answer = Answer(body=b"{" + b" " * 30 + b"}", seconds=rule.seconds)
        case _:
            answer = _error(rule.status or 500, f"the sandbox was told to answer {rule.status}")
    body = answer.body if rule.body is None else rule.body.encode()
    headers = answer.headers + retry_after(rule.retry_after, rule.retry_after_form)
    return replace(answer, body=body, headers=headers)


def refused(refusal: Refusal, faults: Faults, item: str | None) -> Answer:
    """Return the answer to a refused request.

    Args:
        refusal: why.
        faults: how a refusal is worded today.
        item: the text of the item to blame, if it is to be quoted.
    """
    headers = retry_after(faults.retry_after, faults.retry_after_form) if refusal.status == 429 else ()
    if refusal.status == 400 and faults.refusal == "empty":
        return Answer(400, b"")
    if refusal.status == 400 and faults.refusal == "text":
        quoted = f": {item}" if item else ""
        return Answer(400, f"{refusal.message}{quoted}".encode(), "text/plain; charset=utf-8")
    error: dict[str, str | int] = {"error": refusal.message, "reason": refusal.reason}
    if refusal.place:
        error["entry"], error["index"] = refusal.place
    if item:
        error["item"] = item
    return Answer(refusal.status, json.dumps(error).encode(), headers=headers)


async def send_answer(answer: Answer, send: Send, *, close: bool) -> None:
    """Send `answer`; with `close` the connection is announced to end after it."""
    headers = [
        ("content-type", answer.content_type),
        ("content-length", str(len(answer.body))),
        *answer.headers,
    ]
    if close:
        headers.append(("connection", "close"))
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [(name.encode(), value.encode()) for name, value in headers],
        }
    )
    rest = answer.body
    while answer.seconds and len(rest) > 1:
        await send({"type": "http.response.body", "body": rest[:1], "more_body": True})
        await asyncio.sleep(answer.seconds / len(answer.body))
        rest = rest[1:]
    await send({"type": "http.response.body", "body": rest, "more_body": False})
