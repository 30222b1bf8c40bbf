"""What a configuration means on a source's real columns, and every mistake in it at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from connector.config.models import DatabaseSource, Sql
from connector.errors import ConfigError
from connector.extract.databases.declared import declare
from connector.extract.databases.reader import CURSOR, OUTPUT, Column, Reader
from connector.extract.databases.relation import Relation, one_statement
from connector.extract.naming import nearest, raise_all


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns on offer, and which of them are cursor and key."""

    relation: Relation
    columns: tuple[Column, ...]
    cursor: Column | None
    key: tuple[Column, ...]

    @property
    def schema(self) -> pa.Schema:
        """What is on offer, as an Arrow schema."""
        return pa.schema([column.field for column in self.columns])

    @property
    def order(self) -> tuple[Column, ...]:
        """Cursor, then key; a cursor that is part of the key stands once."""
        if self.cursor is None:
            return self.key
        cursor = self.cursor
        return (cursor, *(column for column in self.key if column.name != cursor.name))


def shape_of(reader: Reader, relation: Relation, source: DatabaseSource) -> Shape:
    """Describe the source and look up everything that the configuration names.

    Raises:
        ConfigError: something is not there, or cannot be what it must be; several as ConfigErrors.
    """
    cursor_sql = (
        source.cursor.sql if isinstance(source.cursor, Sql) and source.mode == "incremental" else None
    )
    if cursor_sql:
        one_statement(cursor_sql, "source.cursor.sql")
    described = _described(reader, relation, cursor_sql)
    hidden = next((column for column in described if column.name == CURSOR), None)
    offered = tuple(column for column in described if column.name != CURSOR)
    columns, errors = declare(offered, source.columns, reader.undeclared)
    errors += _reserved(columns)
    # Order is a matter of the source's own types, whatever is declared for the rows that leave.
    key = [_column(name, offered, "source.key", errors) for name in source.key]
    cursor = hidden
    if source.mode == "incremental" and isinstance(source.cursor, str):
        cursor = _column(source.cursor, offered, "source.cursor", errors)
    elif source.mode == "incremental" and source.cursor is None:
        errors.append(
            ConfigError(
                "Mode incremental needs a cursor.",
                hint="set source.cursor, or mode: full",
                path="source.cursor",
            )
        )
    errors += [_unfit(column, "key") for column in key if column and column.unfit]
    if cursor and cursor.unfit:
        errors.append(_unfit(cursor, "cursor"))
    elif cursor and _is_plain_text(cursor) and cursor.name not in source.columns:
        errors.append(_text_cursor(cursor))
    raise_all(errors)
    return Shape(relation, columns, cursor, tuple(column for column in key if column))


def _described(reader: Reader, relation: Relation, cursor_sql: str | None) -> tuple[Column, ...]:
    try:
        described = reader.describe(relation, cursor_sql)
    except ConfigError:
        tables = reader.tables() if relation.parts else []
        if relation.parts and not any(name.split(".")[-1] == relation.parts[-1] for name in tables):
            raise _unknown_table(relation, tables) from None
        raise
    if not described:  # what SQLite answers
        raise _unknown_table(relation, reader.tables())
    return described


def _unknown_table(relation: Relation, tables: Sequence[str]) -> ConfigError:
    hint = nearest(relation.name, tables)
    return ConfigError(f"There is no table {relation.name!r}.", hint=hint, path="source.table")


def _column(name: str, columns: Sequence[Column], path: str, errors: list[ConfigError]) -> Column | None:
    found = next((column for column in columns if column.name == name), None)
    if found is None:
        known = [column.name for column in columns]
        errors.append(ConfigError(f"There is no column {name!r}.", hint=nearest(name, known), path=path))
    return found


def _unfit(column: Column, role: str) -> ConfigError:
    name = "The expression" if column.name == CURSOR else f"Column {column.name!r}"
    return ConfigError(
        f"{name} is {column.unfit}, which cannot be the {role}: its values do not compare exactly.",
        hint="choose an integer, decimal, text, date or timestamp column",
        path=f"source.{role}",
    )


def _is_plain_text(column: Column) -> bool:
    return bool(pa.types.is_string(column.type)) and not column.meaning


def _text_cursor(column: Column) -> ConfigError:
    """The error for a cursor whose order may not be the order in which rows change."""
    what = "The expression is" if column.name == CURSOR else f"Column {column.name!r} is"
    hint = (
        "cast it to the type it has in cursor.sql"
        if column.name == CURSOR
        else f"declare what it holds, for example source.columns: {{{column.name}: timestamp}}, or varchar if the order "
        "of its texts is the order in which rows change"
    )
    return ConfigError(f"{what} text, which rarely sorts as rows change.", hint=hint, path="source.cursor")


def _reserved(columns: Sequence[Column]) -> list[ConfigError]:
    errors = []
    seen: set[str] = set()
    prefix = OUTPUT.format("")
    for column in columns:
        if column.name.startswith(prefix):
            message = f"Column {column.name!r} has a name that is reserved."
            errors.append(ConfigError(message, hint="select it under another name", path="source.query"))
        if column.name in seen:
            message = f"Two columns are called {column.name!r}."
            errors.append(
                ConfigError(message, hint="give one another name in source.query", path="source.query")
            )
        seen.add(column.name)
    return errors
