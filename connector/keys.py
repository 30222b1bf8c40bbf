"""Keys as people write them on the command line, and as the state has them."""

from __future__ import annotations

import json
from typing import Any, NoReturn


class _Digits(str):
    """A number that stands in JSON as it is written."""

    __slots__ = ()


def canonical_key(text: str) -> str:
    """Return a key in the canonical form that eventIds and rejects have it in: a JSON array.

    A JSON array is the whole key, ``[7,"a"]``. Anything else is the one part of it: ``17`` is a number, ``"17"`` and
    ``abc`` are texts. Numbers lose trailing zeros, so ``1.50`` is ``1.5``, as in an eventId.
    """
    try:
        value = json.loads(text, parse_float=_decimal, parse_constant=_refuse)
    except ValueError:
        value = text
    if isinstance(value, dict):  # a JSON column: its text is the part
        value = text
    parts = value if isinstance(value, list) else [value]
    return f"[{','.join(_part(part) for part in parts)}]"


def _part(part: Any) -> str:
    if isinstance(part, _Digits):
        return str(part)
    return json.dumps(part, ensure_ascii=False, separators=(",", ":"))


def _decimal(digits: str) -> _Digits:
    if "e" in digits.lower():
        return _Digits(digits)
    plain = digits.rstrip("0").rstrip(".")
    return _Digits("0" if plain == "-0" else plain)


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)  # NaN and Infinity are no JSON: such a word is a text
