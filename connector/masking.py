"""Secrets that this process knows, and texts without them (invariant 5).

No message holds a secret to begin with. What this is for are texts that others have written: the traceback that
``--debug`` prints, where a library may quote what it was given, and the words of a server that echoes a request.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from urllib.parse import quote, quote_plus, unquote, urlsplit
from urllib.request import getproxies

MASK = "***"

# Shorter texts are words of everything, and protect nothing.
_SHORTEST = 3

_known: set[str] = set()


def remember(secrets: Iterable[str]) -> None:
    """Keep these texts out of what `masked` returns from here on."""
    _known.update(secrets)


def masked(text: str) -> str:
    """Return `text` with ``***`` for every secret that is known, in any of its forms."""
    found = {form for secret in {*_known, *_of_proxies()} for form in forms(secret)}
    for form in sorted(found, key=len, reverse=True):
        text = text.replace(form, MASK)
    return text


def forms(secret: str) -> set[str]:
    """Return the texts by which a secret travels: as it is, in URLs, quoted, and in the header of an API key."""
    if len(secret) < _SHORTEST:
        return set()
    pair = secret.replace(".", ":", 1)  # what Basic authorisation makes of a key prefix.secret
    return {
        secret,
        quote(secret, safe=""),
        quote(secret),
        quote(secret, safe=" +"),  # as SQLAlchemy writes it into a URL
        quote_plus(secret),
        repr(secret)[1:-1],
        json.dumps(secret)[1:-1],
        *(base64.b64encode(each.encode()).decode() for each in (secret, pair)),
    }


def _of_proxies() -> set[str]:
    """Return passwords of the proxies in the environment, alone and as they are sent."""
    found: set[str] = set()
    for proxy in getproxies().values():
        credentials, at, _ = proxy.rpartition("://")[2].rpartition("@")
        user, colon, password = credentials.partition(":")
        if at and colon:
            found |= {password, unquote(password), f"{unquote(user)}:{unquote(password)}"}
    return found


def passwords(address: str) -> set[str]:
    """Return the password of an address ``scheme://user:password@place``, as written and as meant."""
    _, _, password = urlsplit(address).netloc.rpartition("@")[0].partition(":")
    return {password, unquote(password)} - {""}
