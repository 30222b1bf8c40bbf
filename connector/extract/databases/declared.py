"""Types that the configuration declares: DuckDB's names for them, as Arrow types."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from connector.errors import ConfigError
from connector.extract.databases.reader import Column
from connector.extract.naming import nearest

_TYPE_NAME = re.compile(r"[\w\s(),\[\]]+")
# What Arrow has no type for travels as text of that meaning.
_MEANINGS = {
    "json": "json",
    "uuid": "uuid",
    "interval": "interval",
    "hugeint": "number",
    "uhugeint": "number",
    "bignum": "number",
    "numeric": "number",
    "decimal": "number",
}
_PLAIN = {
    "text": pa.string(),
    "varchar": pa.string(),
    "string": pa.string(),
    "bigint": pa.int64(),
    "integer": pa.int32(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", "UTC"),
    "date": pa.date32(),
}


def declared_type(name: str) -> tuple[pa.DataType, str]:
    """The Arrow type that `name` stands for, and its meaning where Arrow has none.

    Raises:
        ConfigError: DuckDB knows no such type.
    """
    folded = " ".join(name.casefold().split())
    if meaning := _MEANINGS.get(folded):
        return pa.string(), meaning
    if (plain := _PLAIN.get(folded)) is not None:
        return plain, ""
    found = _ask_duckdb(folded)
    if found is None:
        raise ConfigError(
            f"{name!r} is not a type.", hint=nearest(name, [*_PLAIN, *_MEANINGS, "decimal(18,2)"])
        )
    if pa.types.is_timestamp(found) and found.tz:
        return pa.timestamp(found.unit, "UTC"), ""
    return found, ""


def _ask_duckdb(name: str) -> pa.DataType | None:
    import duckdb

    if not _TYPE_NAME.fullmatch(name):
        return None
    connection = duckdb.connect(config={"enable_external_access": "false"})
    try:
        return connection.sql(f"select cast(null as {name}) as x").to_arrow_table().schema.field(0).type
    except duckdb.Error:
        return None
    finally:
        connection.close()


def declare(
    columns: Sequence[Column], declared: Mapping[str, str], undeclared: Sequence[str]
) -> tuple[tuple[Column, ...], list[ConfigError]]:
    """Give columns the types that the configuration declares.

    Args:
        columns: as the source describes them.
        declared: column -> DuckDB type name.
        undeclared: names of columns whose type the source does not tell.

    Returns:
        The columns, and every mistake found: unknown columns and types, types that are missing.
    """
    errors = []
    known = [column.name for column in columns]
    types: dict[str, tuple[pa.DataType, str]] = {}
    for name, type_name in declared.items():
        path = f"source.columns.{name}"
        if name not in known:
            errors.append(ConfigError(f"There is no column {name!r}.", hint=nearest(name, known), path=path))
            continue
        try:
            types[name] = declared_type(type_name)
        except ConfigError as error:
            errors.append(ConfigError(error.message, hint=error.hint, path=path))
    if missing := [name for name in undeclared if name not in declared]:
        example = ", ".join(f"{name}: text" for name in missing)
        errors.append(
            ConfigError(
                f"The source does not tell the type of {', '.join(map(repr, missing))}.",
                hint=f"declare it, for example source.columns: {{{example}}}",
                path="source.columns",
            )
        )
    changed = (
        replace(column, type=types[column.name][0], meaning=types[column.name][1])
        if column.name in types
        else column
        for column in columns
    )
    return tuple(changed), errors
