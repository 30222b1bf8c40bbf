"""Canaries: secrets and personal values that may never be seen, the forms they take, and how they are found."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, quote_plus

# ── what must not be seen ─────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Canary:
    """A value to look for.

    Attributes:
        name: what it is.
        text: the value as it is.
        secret: whether nothing at all may show it; a personal value may stand where rows may.
        parts: pieces of it that occur nowhere else: what is left of it when it was cut up or escaped.
    """

    name: str
    text: str
    secret: bool
    parts: tuple[str, ...] = ()

    def forms(self) -> set[str]:
        """Return every text that gives the value away, in lower case."""
        plain = self.text
        texts = {
            plain,
            quote(plain, safe=""),
            quote(plain),
            quote_plus(plain),
            json.dumps(plain)[1:-1],
            repr(plain)[1:-1],
            plain.replace("'", "''"),
            plain.replace("%", "%%"),
            plain.encode().hex(),
            *self.parts,
            *_base64(plain),
        }
        prefix, dot, rest = plain.partition(".")
        if self.secret and dot:
            texts |= {*_base64(f"{prefix}:{rest}"), *_base64(rest)}
        return {text.lower() for text in texts}


def _base64(text: str) -> Iterator[str]:
    """Yield base64 of a text, alone and within a longer one, where it begins at any of three places."""
    yield base64.b64encode(text.encode()).decode()
    yield base64.urlsafe_b64encode(text.encode()).decode()
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + text.encode()).decode()
        yield whole[4 if shift else 0 : len(text.encode()) // 3 * 4 - 4]


def _secret(name: str, text: str) -> Canary:
    parts = re.split(r"[^A-Za-z0-9]+", text.removeprefix("prefix."))
    return Canary(name, text, secret=True, parts=tuple(part for part in parts if len(part) > 4))


# Every sign that ends a part of a URL stands in them, and no piece of one is a word.
PASSWORD = "Pw9qT@Xk7vM/Gh3bR#Lc5yW:Qf8jZ%Zt2rK?Nd6eH&Hu4oS+Vm1aB Bs0iC"
STATE_PASSWORD = "Sq4wE@Tr5yU/Op6lK#Jh7gF:Ds8aZ%Xc9vB?Nm1qW&Er2tY+Ui3oP As4dF"
API_KEY = "prefix.Ak7zX@Bq2wC/Cv5eD#Dn8rE:Ej3tF%Fm6yG?Gp9uH&Hs1iI+It4oJ Jw7pK"
QUERY_KEY = "Zk7zX@Yq2wC/Xv5eD#Wn8rE:Vj3tF%Um6yG?Tp9uH&Ss1iI+Rt4oJ Qw7pK"
PROXY_PASSWORD = "Px1aS@Dy2sD/Fz3dF#Gb4fG:Hc5gH%Jd6hJ?Kf7jK&Lg8kL+Mh9lM Nj1zN"
TOKEN = "Tk1qA@Tk2wS/Tk3eD#Tk4rF:Tk5tG%Tk6yH?Tk7uJ&Tk8iK+Tk9oL Tk0pM"
S3_SECRET = "s3Kq8Wz1Rv6Lm4"
SECRETS = [
    _secret("the database's password", PASSWORD),
    _secret("the state's password", STATE_PASSWORD),
    _secret("the API key", API_KEY),
    _secret("the API key for a query", QUERY_KEY),
    _secret("the proxy's password", PROXY_PASSWORD),
    _secret("the token of a file", TOKEN),
    _secret("the key of a bucket", S3_SECRET),
]

# A person for each row: the same words in all rows, and numbers of their own.
ROWS = 12
EMAIL, NAME, PHONE = "anna.kanarek{}@canary.example", 'Anna "Vogelsang" O\'Hara {}', "+49 151 555077{:02d}"
ROW_KEY, USER, PROFILE = "schluessel{}@keys.example", "nutzer-4711-{}", '{{"note": "diagnose-{}"}}'
_WORDS = {
    "an e-mail": (EMAIL, "kanarek"),
    "a name": (NAME, "vogelsang"),
    "a phone number": (PHONE, "151 555077"),
    "a key": (ROW_KEY, "schluessel"),
    "a userId": (USER, "nutzer-4711"),
    "a value in JSON": (PROFILE, "diagnose"),
}
PERSONAL = [
    Canary(f"{name} of row {n}", text.format(n), secret=False, parts=(word,))
    for name, (text, word) in _WORDS.items()
    for n in range(ROWS)
]
CANARIES = [*SECRETS, *PERSONAL]
_FORMS = {form: canary for canary in CANARIES for form in canary.forms()}


def person(n: int) -> tuple[str, ...]:
    """Return the row of a person: key, e-mail, name, phone number, userId, profile."""
    return tuple(text.format(n) for text in (ROW_KEY, EMAIL, NAME, PHONE, USER, PROFILE))


# ── where they are looked for ─────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Place:
    """A text that was searched for canaries; `rows` says whether values of rows are meant to stand in it."""

    name: str
    text: str
    rows: bool = False


def found(places: Iterable[Place]) -> list[str]:
    """Return what was given away, and where."""
    leaks = []
    for place in places:
        text = place.text.lower()
        seen = {
            (canary.name, form)
            for form, canary in _FORMS.items()
            if form in text and (canary.secret or not place.rows)
        }
        leaks += [f"{place.name}: {name}, as {form}: …{around(text, form)}…" for name, form in sorted(seen)]
    return leaks


def around(text: str, form: str) -> str:
    """Return a form with what stands around it in a text."""
    at = text.index(form)
    return text[max(0, at - 80) : at + len(form) + 40]


def stored(state: Path) -> Iterator[Place]:
    """Yield all of an SQLite state: its tables but the rejects, and its bytes once rejects and watermarks are deleted."""
    if not state.is_file():
        return
    copy = state.with_name("copy.db")
    for suffix in ("", "-wal"):
        if (side := state.with_name(state.name + suffix)).exists():
            copy.with_name(copy.name + suffix).write_bytes(side.read_bytes())
    try:
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            tables = [
                name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")
            ]
            for table in tables:
                rows = connection.execute(f'select * from "{table}"').fetchall()
                yield Place(
                    f"state, {table}", repr(rows), rows=table in ("connector_rejects", "connector_watermarks")
                )
            connection.execute("pragma secure_delete = on")
            for table in {"connector_rejects", "connector_watermarks"} & set(tables):
                connection.execute(f'delete from "{table}"')
            connection.execute("pragma wal_checkpoint(truncate)")
            yield Place(
                "bytes of the state without rejects and watermarks", copy.read_bytes().decode("latin-1")
            )
    except sqlite3.DatabaseError:
        pass  # a test has broken it: its bytes are still searched for secrets
    for side in state.parent.glob("*"):
        if side.is_file() and side != copy:
            yield Place(f"bytes of {side.name}", side.read_bytes().decode("latin-1"), rows=True)
    for side in state.parent.glob("copy.db*"):
        side.unlink()
