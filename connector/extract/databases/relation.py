"""What is read: a table, or a query wrapped so that it can stand for one."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from connector.config.models import DatabaseSource
from connector.errors import ConfigError

# Everything in which a semicolon is not the end of a statement.
_OPAQUE = re.compile(
    r"""'(?:[^'\\]|''|\\.)*' | "(?:[^"]|"")*" | `(?:[^`]|``)*` | --[^\n]* | /\*.*?\*/ | \$(\w*)\$.*?\$\1\$""",
    re.DOTALL | re.VERBOSE,
)
_NAME_PART = re.compile(r'"((?:[^"]|"")+)"|`([^`]+)`|\[([^\]]+)\]|([^."`\[]+)')


@dataclass(frozen=True, slots=True)
class Relation:
    """A table by its parts (``("shop", "orders")``), or the text of one query."""

    parts: tuple[str, ...] = ()
    query: str = ""

    @property
    def name(self) -> str:
        """How messages call it."""
        return ".".join(self.parts) if self.parts else "source.query"

    @property
    def identity(self) -> str:
        """What tells it apart from others in the same database."""
        if self.parts:
            return self.name
        return "query:" + hashlib.sha256(" ".join(self.query.split()).encode()).hexdigest()[:16]


def relation_of(source: DatabaseSource) -> Relation:
    """Read ``table`` or ``query``.

    Raises:
        ConfigError: neither or both are given, the name cannot be one, or the query is more than one statement.
    """
    if bool(source.table) == bool(source.query):
        raise ConfigError(
            "A database source needs either a table or a query.",
            hint="set source.table: schema.name, or source.query: select …",
            path="source.table",
        )
    if source.table:
        return Relation(parts=_table_parts(source.table))
    return Relation(query=one_statement(source.query or "", "source.query"))


def one_statement(sql: str, path: str) -> str:
    """Return `sql` without the semicolon at its end.

    Raises:
        ConfigError: a semicolon stands elsewhere, or nothing is left.
    """
    # Comments become blanks, so one after the last token goes with the semicolon; literals keep their place.
    bare = _OPAQUE.sub(lambda match: (" " if match[0][:2] in {"--", "/*"} else "x") * len(match[0]), sql)
    end = len(bare.rstrip("; \t\r\n"))
    if ";" in bare[:end]:
        raise ConfigError("Found several statements where one is allowed.", hint="keep one select", path=path)
    if not bare[:end].strip():
        raise ConfigError("Found no statement.", hint="write a select", path=path)
    return sql[:end]


def _table_parts(table: str) -> tuple[str, ...]:
    text = table.strip()
    matches = list(_NAME_PART.finditer(text))
    # The parts and the dots between them must be all there is.
    whole = ".".join(match[0] for match in matches) == text
    if not whole or not 1 <= len(matches) <= 3:
        raise ConfigError(
            f"{table!r} is not the name of a table.",
            hint="write schema.name, with double quotes around parts that hold dots",
            path="source.table",
        )
    return tuple(_unquoted(match) for match in matches)


def _unquoted(match: re.Match[str]) -> str:
    quoted, backticked, bracketed, plain = match.groups()
    return quoted.replace('""', '"') if quoted else backticked or bracketed or plain
