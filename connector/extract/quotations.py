"""The words of a database without the values that they quote: rows, and what a filter compares them with (invariant 5)."""

from __future__ import annotations

import re

_QUOTES = "\"'`"
# A name, as a mistake in a name is told: letters, digits and what joins a schema and a table.
_NAME = re.compile(r"[\w$.]{1,128}")
# Between two letters a quote is an apostrophe.
_OPENED = re.compile(rf"(?<!\w)[{_QUOTES}]")
_CLOSED = re.compile(rf"(?<!\w)([{_QUOTES}])(.*?)\1(?!\w)", re.DOTALL)
# What SQLite says without quotes, up to the end of its words.
_UNQUOTED = re.compile(
    r"(no such (?:column|table|function|collation sequence): |unrecognized token: )(.*)", re.DOTALL
)


def without_values(text: str) -> str:
    """Return the words with `…` for each quotation that is more than a name.

    Where a quotation may hold quotes itself, nobody can tell where it ends: all up to the last quote goes.
    """
    if (unquoted := _UNQUOTED.search(text)) and not _is_name(unquoted[2]):
        return text[: unquoted.start(2)] + "…"
    place = 0
    while found := _CLOSED.search(text, place):
        if not _is_name(found[2]):
            last = max(map(text.rfind, _QUOTES))
            return f"{text[: found.start()]}…{text[last + 1 :]}"
        place = found.end()
    unclosed = _OPENED.search(text, place)
    return text[: unclosed.start()] + "…" if unclosed else text


def _is_name(text: str) -> bool:
    return bool(_NAME.fullmatch(text.strip(_QUOTES)))
