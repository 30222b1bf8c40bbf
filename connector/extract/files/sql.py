"""DuckDB expressions and casts over Arrow rows, in a database that reaches nothing outside itself."""

from __future__ import annotations

import contextlib
import difflib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from connector.errors import ConfigError, DataError, Stopped
from connector.extract.quotations import without_values

_TYPE_NAME = re.compile(r"[\w\s(),\[\]\"]+")
_KINDS = {"json": b"json", "uuid": b"uuid"}


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression: `sql` names `columns[i]` as ``c<i>``, for DuckDB folds the case of names.

    `place` is where it stands in the YAML, for messages.
    """

    sql: str
    columns: tuple[str, ...]
    place: str


class Sql:
    """Evaluates expressions; DuckDB's own error texts quote values and are never passed on."""

    def __init__(self) -> None:
        self._db = duckdb.connect(
            ":memory:",
            config={"enable_external_access": "false", "autoinstall_known_extensions": "false", "threads": 1},
        )
        self._db.execute("set timezone = 'UTC'")
        query = "select distinct function_name from duckdb_functions() where stability <> 'CONSISTENT'"
        self._changing = {name for (name,) in self._db.execute(query).fetchall()}
        self._db.execute("set lock_configuration = true")

    def compile(self, text: str, names: Sequence[str], place: str) -> Expression:
        """Check that `text` is one scalar expression over columns `names`, the same in every run.

        Raises:
            ConfigError: it is not.
        """
        row = self._db.execute("select json_serialize_sql($1)", [f"select ({text}\n)"]).fetchall()
        tree = json.loads(row[0][0])
        statements = tree.get("statements", [])
        if tree["error"] or len(statements) != 1 or len(statements[0]["node"]["select_list"]) != 1:
            reason = without_values(tree.get("error_message", "more than one expression"))
            raise ConfigError(f"no SQL expression: {reason}", hint="write one DuckDB expression", path=place)
        columns = self._name_columns(statements[0]["node"], names, place)
        sql = self._db.execute("select json_deserialize_sql($1)", [json.dumps(tree)]).fetchall()[0][0]
        return Expression(sql.removeprefix("SELECT "), columns, place)

    def _name_columns(self, node: dict[str, Any], names: Sequence[str], place: str) -> tuple[str, ...]:
        columns: list[str] = []
        nodes = list(_walk(node["select_list"]))
        parameters = {
            n["lhs"]["column_names"][0] for n in nodes if _is(n, "LAMBDA") and "column_names" in n["lhs"]
        }
        for part in nodes:
            if part["class"] in ("SUBQUERY", "WINDOW", "STAR"):
                raise ConfigError(
                    f"{part['class'].lower()} is not allowed", hint="use columns of the row", path=place
                )
            function = part.get("function_name", "").lower()
            if function in self._changing:
                hint = "use a constant, or filter in the mapping's `when`"
                raise ConfigError(f"{function}() differs from run to run", hint=hint, path=place)
            if _is(part, "COLUMN_REF") and part["column_names"][0] not in parameters:
                name = _resolve(part["column_names"][0], names, place)
                columns += [name] if name not in columns else []
                part["column_names"] = [f"c{columns.index(name)}", *part["column_names"][1:]]
        return tuple(columns)

    def type_of(self, expression: Expression, schema: pa.Schema) -> pa.DataType:
        """Return the Arrow type of the expression's values.

        Raises:
            ConfigError: it does not fit the columns' types.
        """
        empty = pa.Table.from_batches([], pa.schema([schema.field(name) for name in expression.columns]))
        try:
            # A filter takes one row's values; aggregates, windows and unnest, which would change rows, are refused.
            self._run("1", empty, condition=f"({expression.sql}) is null")
            return self._run(expression.sql, empty).type
        except duckdb.Error as error:
            # Nothing was read, so the text can only speak of the expression, its literals and types.
            reason = without_values(str(error).split("\n", 1)[0])
            raise ConfigError(
                f"the expression cannot be: {reason}", hint="see the columns' types", path=expression.place
            ) from error

    def evaluate(self, expression: Expression, rows: pa.RecordBatch, where: str) -> pa.Array:
        """Return the expression's value for each row, in order.

        Raises:
            DataError: it fails on a row; `where` names the file.
        """
        chosen = pa.Table.from_batches([rows.select(list(expression.columns))])
        try:
            return self._run(expression.sql, chosen, rows.num_rows)
        except duckdb.InterruptException as error:
            raise Stopped("reading was stopped") from error
        except duckdb.Error as error:
            raise DataError(
                f"{expression.place} fails on a row of {where}", hint="use try_cast, or TRY(…)"
            ) from error

    def named(self, name: str, type_name: str, place: str) -> pa.Field:
        """Return the field that a declared DuckDB type makes of column `name`.

        Raises:
            ConfigError: there is no such type.
        """
        hint = "use a DuckDB type such as bigint, decimal(18,2), varchar, timestamp, timestamptz, date, boolean, json"
        if not _TYPE_NAME.fullmatch(type_name):
            raise ConfigError(f"{type_name!r} is no type", hint=hint, path=place)
        try:
            data_type = self._run(f"cast(null as {type_name})", None).type
        except duckdb.Error as error:
            raise ConfigError(f"{type_name!r} is no type", hint=hint, path=place) from error
        kind = _KINDS.get(type_name.strip().lower())
        return pa.field(name, data_type, metadata={b"connector": kind} if kind else None)

    def cast(self, values: pa.Array, type_name: str, where: str) -> pa.Array:
        """Cast values to a DuckDB type.

        Raises:
            DataError: a value cannot be cast; `where` names column and file.
        """
        try:
            return self._run(f"cast(c0 as {type_name})", pa.table([values], ["c0"]), len(values))
        except duckdb.InterruptException as error:
            raise Stopped("reading was stopped") from error
        except duckdb.Error as error:
            raise DataError(
                f"{where} holds a value that is no {type_name}", hint="declare a type that fits"
            ) from error

    def type_name(self, data_type: pa.DataType) -> str:
        """Return DuckDB's name of an Arrow type."""
        empty = pa.table([pa.nulls(1, data_type)], ["c0"])
        return str(self._run("typeof(c0)", empty)[0].as_py())

    def interrupt(self) -> None:
        """End what is being computed, from any thread; nothing once closed."""
        with contextlib.suppress(duckdb.ConnectionException):
            self._db.interrupt()

    def close(self) -> None:
        """Let go of the database."""
        self._db.close()

    def _run(
        self, sql: str, table: pa.Table | None, rows: int | None = None, condition: str = "true"
    ) -> pa.Array:
        if table is None or not table.num_columns:
            source = "" if rows is None else f" from range({rows})"
            result = self._db.sql(f"select {sql} as value{source} where {condition}").to_arrow_table()
        else:
            renamed = table.rename_columns([f"c{i}" for i in range(table.num_columns)])
            self._db.register("batch", renamed)
            result = self._db.sql(f"select {sql} as value from batch where {condition}").to_arrow_table()
            self._db.unregister("batch")
        return result.column(0).combine_chunks()


def nearest(name: str, names: Iterable[str]) -> str:
    """Return a hint with the names that look like `name`, or all of them."""
    names = list(names)
    folded = {known.casefold(): known for known in names}
    close = [folded[known] for known in difflib.get_close_matches(name.casefold(), folded, n=3)]
    if close:
        return f"did you mean {' or '.join(close)}?"
    more = ", …" if len(names) > 20 else ""
    return f"the columns are {', '.join(names[:20])}{more}"


def _resolve(name: str, names: Sequence[str], place: str) -> str:
    """Find a column: as written, else the only one that differs in case alone."""
    if name in names:
        return name
    folded = [known for known in names if known.casefold() == name.casefold()]
    if len(folded) == 1:
        return folded[0]
    hint = nearest(name, names)
    if not re.fullmatch(r"[\w$.-]+", name) and not hint.startswith("did you mean"):
        hint = "text stands in single quotes: 'text'"
        raise ConfigError("a text stands where a column's name belongs", hint=hint, path=place)
    raise ConfigError(f"no column {name!r}", hint=hint, path=place)


def _walk(node: Any) -> Iterator[dict[str, Any]]:
    """Every expression of DuckDB's parse tree."""
    if isinstance(node, dict):
        if "class" in node:
            yield node
        for child in node.values():
            yield from _walk(child)
    elif isinstance(node, list):
        for child in node:
            yield from _walk(child)


def _is(node: dict[str, Any], name: str) -> bool:
    return bool(node["class"] == name)
