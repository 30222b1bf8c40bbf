"""What the configuration asks of a Parquet source, held against the columns that are there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.types as pat

from connector.config.models import ParquetSource, SourceSettings
from connector.errors import ConfigError, ConfigErrors, DataError
from connector.extract.files.batches import ROW_KEY
from connector.extract.files.footers import Footer
from connector.extract.files.listing import Dataset, File
from connector.extract.files.sql import Expression, Sql, nearest
from connector.extract.files.types import Conflict, emitted, unify


@dataclass(frozen=True, slots=True)
class Resolved:
    """Names and expressions of the source, found right.

    Attributes:
        where: the filter as a boolean expression without nulls, or None.
        cursor: a column or an expression, or None.
        cursor_type: the type of its values.
        start: rows with a cursor below it are never read, or None.
    """

    where: Expression | None = None
    cursor: str | Expression | None = None
    cursor_type: pa.DataType | None = None
    start: pa.Scalar | None = None


def declared_fields(source: SourceSettings, partitions: Sequence[str], sql: Sql) -> dict[str, pa.Field]:
    """Return the fields whose types the configuration gives; partition columns are text unless declared.

    Raises:
        ConfigErrors: a type that is none, or a partition column that no folder names.
    """
    problems: list[ConfigError] = []
    fields = {name: pa.field(name, pa.string()) for name in partitions}
    folders = source.partitions if isinstance(source, ParquetSource) else {}
    places = [("partitions", folders), ("columns", source.columns)]
    for place, types in places:
        for name, type_name in types.items():
            where = f"source.{place}.{name}"
            if place == "partitions" and name not in partitions:
                hint = nearest(name, partitions) if partitions else "partition folders are named column=value"
                problems.append(ConfigError(f"no folder gives a column {name!r}", hint=hint, path=where))
                continue
            try:
                fields[name] = sql.named(name, type_name, where)
            except ConfigError as error:
                problems.append(error)
    raise_all(problems)
    return fields


def resolve(source: SourceSettings, plain: pa.Schema, sql: Sql) -> Resolved:
    """Find what the source's settings name among the columns.

    Raises:
        ConfigErrors: every setting that is wrong.
    """
    schema = pa.schema([emitted(field) for field in plain])
    problems = list(_wrong_names(source, schema))
    resolved = Resolved()
    steps = [_where, _cursor] if source.mode == "incremental" else [_where]
    for step in steps:
        try:
            resolved = step(source, plain, sql, resolved)
        except ConfigError as error:
            problems.append(error)
    raise_all(problems)
    return resolved


def unified(
    found: Sequence[tuple[File, Footer]],
    dataset: Dataset,
    declared: Mapping[str, pa.Field],
    earlier: pa.Schema | None,
) -> pa.Schema:
    """Return one plain schema of the files, then of earlier runs, with the folders' columns behind.

    Raises:
        ConfigErrors: columns whose types cannot be one.
    """
    seen: dict[int, tuple[str, pa.Schema]] = {}
    for file, footer in found:
        seen.setdefault(id(footer.schema), (file.path, footer.schema))
    schema, conflicts = unify(seen.values(), declared, earlier)
    if conflicts:
        raise _conflict_error(conflicts, dataset.name)
    own = [field for field in schema if field.name not in dataset.partition_names]
    return pa.schema([*own, *(declared[name] for name in dataset.partition_names)])


def _conflict_error(conflicts: Sequence[Conflict], name: str) -> ConfigErrors:
    return ConfigErrors(
        [
            ConfigError(
                f"{name}: column {c.column!r} is {c.types[0]} in {c.files[0]} and {c.types[1]} in {c.files[1]}",
                hint=f"declare its type under source.columns, such as {c.column}: varchar, or read the files by two syncs",
                path="source.path",
            )
            for c in conflicts
        ]
    )


def raise_all(problems: Sequence[ConfigError]) -> None:
    """Raise all problems as one error, if there are any."""
    if problems:
        raise ConfigErrors(problems)


def _wrong_names(source: SourceSettings, schema: pa.Schema) -> Iterator[ConfigError]:
    for name in source.columns:
        if name not in schema.names:
            yield ConfigError(
                f"no column {name!r}", hint=nearest(name, schema.names), path=f"source.columns.{name}"
            )
    for name in source.key:
        if name not in schema.names:
            yield ConfigError(f"no column {name!r}", hint=nearest(name, schema.names), path="source.key")
    if not source.key and ROW_KEY in schema.names:
        message = f"a column is named {ROW_KEY}, which rows without a key get as theirs"
        yield ConfigError(message, hint="name the columns that make a row unique", path="source.key")


def _where(source: SourceSettings, plain: pa.Schema, sql: Sql, resolved: Resolved) -> Resolved:
    if source.where is None:
        return resolved
    where = sql.compile(source.where, plain.names, "source.where")
    where = replace(where, sql=f"coalesce(cast(({where.sql}) as boolean), false)")
    sql.type_of(where, pa.schema([emitted(field) for field in plain]))
    return replace(resolved, where=where)


def _cursor(source: SourceSettings, plain: pa.Schema, sql: Sql, resolved: Resolved) -> Resolved:
    if source.cursor is None:
        if source.start not in ("beginning", "now"):
            hint = "add a cursor, or use beginning or now"
            raise ConfigError("a value to start from needs a cursor", hint=hint, path="source.start")
        return resolved
    cursor: str | Expression
    if isinstance(source.cursor, str):
        cursor = source.cursor
        if cursor not in plain.names:
            raise ConfigError(
                f"no column {cursor!r}", hint=nearest(cursor, plain.names), path="source.cursor"
            )
        cursor_type = plain.field(cursor).type
    else:
        cursor = sql.compile(source.cursor.sql, plain.names, "source.cursor.sql")
        cursor_type = sql.type_of(cursor, pa.schema([emitted(field) for field in plain]))
    if not any(
        test(cursor_type) for test in (pat.is_integer, pat.is_decimal, pat.is_date32, pat.is_timestamp)
    ):
        raise ConfigError(
            f"a cursor cannot be of type {cursor_type}: its order or its ties are not exact",
            hint="use a timestamp, date, integer or decimal; source.columns can declare one, such as timestamp",
            path="source.cursor",
        )
    start = _start(source, cursor_type, sql)
    return replace(resolved, cursor=cursor, cursor_type=cursor_type, start=start)


def _start(source: SourceSettings, cursor_type: pa.DataType, sql: Sql) -> pa.Scalar | None:
    if source.start in ("beginning", "now"):
        return None
    try:
        return sql.cast(pa.array([str(source.start)]), sql.type_name(cursor_type), "source.start")[0].cast(
            cursor_type
        )
    except (DataError, pa.ArrowException) as error:
        hint = f"the cursor is of type {cursor_type}"
        raise ConfigError(
            f"{source.start!r} is no value of the cursor", hint=hint, path="source.start"
        ) from error


def partition_scalars(
    fields: Mapping[str, pa.Field], values: Mapping[str, set[str | None]], types: Mapping[str, str], sql: Sql
) -> dict[tuple[str, str | None], pa.Scalar]:
    """Return the typed value of each partition folder, by (column, text).

    Raises:
        DataError: a folder's value is none of the declared type.
    """
    scalars: dict[tuple[str, str | None], pa.Scalar] = {}
    for name, texts in values.items():
        ordered = sorted(text for text in texts if text is not None)
        typed = pa.array(ordered, pa.string())
        if name in types:
            typed = sql.cast(typed, types[name], f"partition column {name!r}").cast(fields[name].type)
        scalars.update({(name, text): typed[i] for i, text in enumerate(ordered)})
        scalars[name, None] = pa.scalar(None, fields[name].type)
    return scalars
