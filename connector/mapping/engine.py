"""The locked DuckDB that mappings run in: no files, no network, no extensions, no settings to change."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from threading import Lock
from typing import Any, NewType

import duckdb
import pyarrow as pa
from duckdb.sqltypes import DuckDBPyType

from connector.errors import SourceError, Stopped
from connector.mapping.arrow import from_their_start

# A parsed expression as DuckDB serialises it.
Tree = NewType("Tree", dict[str, Any])

_SETTINGS = (
    "SET TimeZone = 'UTC'",
    "SET python_enable_replacements = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)
_CATALOG = """
    SELECT DISTINCT function_name, function_type, coalesce(stability, 'CONSISTENT') <> 'CONSISTENT'
    FROM duckdb_functions()
"""
# The same in every connection: nothing can add a function to a locked one.
_FUNCTIONS: dict[str, set[str]] = {}
ROWS = "batch"  # the table that the rows of a batch are registered as


class Unreadable(Exception):
    """A statement failed on a row, though every expression in it catches its own errors."""


class Refused(Exception):
    """DuckDB does not take an expression; the text is its reason, without its quotations of the statement."""


class Engine:
    """One in-memory connection. Any thread may `run` and `interrupt`; what compiles is used by one thread at a time.

    Args:
        threads: threads of DuckDB.
        memory: DuckDB's ``memory_limit``, such as ``2GB``.
    """

    def __init__(self, threads: int = 1, memory: str = "2GB") -> None:
        self._lock = Lock()
        self._config: dict[str, str | bool | int | float | list[str]] = {
            "threads": threads,
            "memory_limit": memory,
        }
        self._connection = self._open()

    def _open(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(config=self._config)
        for statement in _SETTINGS:
            connection.execute(statement)
        return connection

    def types(self, expressions: Sequence[str], rows: pa.Table) -> list[DuckDBPyType]:
        """Return the types of expressions over the columns of `rows`, without running them.

        Raises:
            Refused: one of them does not bind.
        """
        named = ", ".join(f"{expression} AS x{n}" for n, expression in enumerate(expressions))
        self._connection.register(ROWS, rows)
        try:
            return list(self._connection.sql(f"SELECT {named} FROM {ROWS}").types)
        except duckdb.Error as error:
            raise Refused(_reason(error)) from None
        finally:
            self._connection.unregister(ROWS)

    def run(self, statement: str, rows: pa.Table) -> pa.Table:
        """Run a compiled statement over `rows`; the order of rows is kept.

        Raises:
            Stopped: `interrupt` was called meanwhile.
            Unreadable: the statement failed on a row.
            SourceError: a batch needs more memory than DuckDB may use.
        """
        with self._lock:
            return self._run(statement, rows)

    def _run(self, statement: str, rows: pa.Table) -> pa.Table:
        connection = self._connection
        connection.register(ROWS, from_their_start(rows))
        try:
            return connection.sql(statement).to_arrow_table()
        except duckdb.InterruptException:
            raise Stopped("the mapping was interrupted") from None
        except duckdb.OutOfMemoryException:
            hint = "a row or its item is very large: leave large columns out of the mapping"
            raise SourceError(
                f"a batch needs more than {self._config['memory_limit']} to map", hint=hint
            ) from None
        except duckdb.FatalException:
            # DuckDB lets nothing run on the connection after this.
            self._connection = self._open()
            raise Unreadable from None
        except duckdb.Error:
            # The text of the error may quote a row.
            raise Unreadable from None
        finally:
            with suppress(duckdb.Error):
                connection.unregister(ROWS)

    def parse(self, expression: str) -> dict[str, Any]:
        """Parse ``SELECT expression`` and return DuckDB's tree of it, whatever the text really holds.

        Raises:
            Refused: it does not parse.
        """
        try:
            # The line end closes a comment.
            query = "SELECT json_serialize_sql($1)"
            rows = self._connection.execute(query, [f"SELECT {expression}\n"]).fetchall()
        except duckdb.Error as error:
            raise Refused(_reason(error)) from None
        tree: dict[str, Any] = json.loads(rows[0][0])
        if tree.get("error"):
            raise Refused(_first_line(str(tree.get("error_message", "it does not parse"))))
        return tree

    def render(self, tree: dict[str, Any]) -> str:
        """Turn a tree of `parse` back into the text of its expression."""
        rows = self._connection.execute("SELECT json_deserialize_sql($1)", [json.dumps(tree)]).fetchall()
        return str(rows[0][0]).removeprefix("SELECT ").removesuffix(";")

    @property
    def functions(self) -> dict[str, set[str]]:
        """Lower-case function name -> what it is: ``scalar``, ``macro``, ``aggregate``, ``table``, … or ``volatile``."""
        if not _FUNCTIONS:
            found: dict[str, set[str]] = {}
            for name, kind, varies in self._connection.execute(_CATALOG).fetchall():
                found.setdefault(name.lower(), set()).update({kind, "volatile"} if varies else {kind})
            _FUNCTIONS.update(found)
        return _FUNCTIONS

    def interrupt(self) -> None:
        """Make a running statement end with `Stopped`."""
        self._connection.interrupt()

    def close(self) -> None:
        """Free the connection."""
        self._connection.close()


def quote(text: str) -> str:
    """Return `text` as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _reason(error: duckdb.Error) -> str:
    return _first_line(str(error))


def _first_line(text: str) -> str:
    first = text.strip().split("\n", 1)[0]
    return re.sub(r"^[A-Z][A-Za-z ]* Error: ", "", first)
