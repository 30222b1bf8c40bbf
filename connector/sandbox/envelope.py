"""The text of each item in a request, exactly as it was received.

A JSON reader turns ``1841710181319290881.50`` into a float; what a test compares must keep each digit.
So the envelope is walked here, and each item is cut out of the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

_scan = json.JSONDecoder().raw_decode
_space = re.compile(r"[ \t\n\r]*").match

# A reader takes the text and the place where a value starts, and returns the value and the place after it.
Reader = Callable[[str, int], tuple[Any, int]]


def _skip(text: str, at: int) -> int:
    match = _space(text, at)
    return match.end() if match else at


def _array(text: str, at: int, read: Reader) -> tuple[Any, int]:
    if text[at] != "[":  # a member given twice, of which only the last counts
        return _scan(text, at)
    values: list[Any] = []
    at = _skip(text, at + 1)
    while text[at] != "]":
        value, at = read(text, at)
        values.append(value)
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return values, at + 1


def _object(text: str, at: int, readers: Mapping[str, Reader]) -> tuple[Any, int]:
    if text[at] != "{":
        return _scan(text, at)
    members: dict[str, Any] = {}
    at = _skip(text, at + 1)
    while text[at] != "}":
        name, at = _scan(text, at)
        at = _skip(text, _skip(text, at) + 1)
        members[name], at = readers.get(name, _scan)(text, at)
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return members, at + 1


def _item(text: str, at: int) -> tuple[tuple[dict[str, Any], str], int]:
    item, end = _scan(text, at)
    return (item, text[at:end]), end


_payload: Reader = partial(_array, read=_item)
_entry: Reader = partial(_object, readers={"payload": _payload})
_track: Reader = partial(_array, read=_entry)


def cut(text: str) -> list[tuple[str, list[tuple[dict[str, Any], str]]]]:
    """Cut the items out of a request body.

    Args:
        text: a body of the right shape, which ``rules.check`` has established.

    Returns:
        For each entry of ``track`` its event name and its items, each parsed and as text.
    """
    document, _ = _object(text, _skip(text, 0), {"track": _track})
    return [(entry["name"], entry["payload"]) for entry in document["track"]]


def rebuild(body: bytes, changed: Mapping[tuple[int, int], str | None]) -> bytes:
    """Return a request body with some items replaced by a text, or left out, and the others as they were.

    Args:
        body: a body of the right shape.
        changed: (entry, index) → JSON text to put there, or None to leave the item out.
    """
    entries = []
    for number, (name, items) in enumerate(cut(body.decode())):
        texts = [changed.get((number, index), raw) for index, (_, raw) in enumerate(items)]
        payload = ",".join(text for text in texts if text is not None)
        entries.append(f'{{"name": {json.dumps(name)}, "payload": [{payload}]}}')
    return f'{{"track": [{",".join(entries)}]}}'.encode()
