"""DuckDB files, through DuckDB's own Arrow reader."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy.engine import URL

from connector.errors import ConfigError, SourceError
from connector.extract.databases.duckdb_errors import translate
from connector.extract.databases.ordered import arrow_text
from connector.extract.databases.reader import CURSOR, OUTPUT, Chunk, Column, Raw, Reader, Statement, Traits
from connector.extract.databases.relation import Relation
from connector.extract.databases.typed import recast

# Rows DuckDB is asked for at a time where lists and structs say nothing of their width.
_STEP = 64
# Of text (whatever it is that the configuration declares to be text) and of bytes.
_LENGTH = ("strlen(cast({} as varchar))", "octet_length({})")
_MEANINGS = {"HUGEINT": "number", "UHUGEINT": "number", "BIGNUM": "number", "UUID": "uuid", "JSON": "json"}
_AS_TEXT = re.compile(
    r"HUGEINT|UHUGEINT|BIGNUM|UUID|JSON|BIT|ENUM\(.*|TIME WITH TIME ZONE|TIMETZ|GEOMETRY.*|\"NULL\""
)
_NO_ARROW = re.compile(r"UNION\(|VARIANT|GEOMETRY")
_UNFIT = re.compile(r"(FLOAT|DOUBLE)|(JSON|.*\[.*\]|STRUCT.*|MAP.*|UNION.*|VARIANT|INTERVAL|GEOMETRY.*)$")


# A sort larger than this goes to disk; options of the URL such as `?memory_limit=8GB` come before it.
_BOUNDS = {"memory_limit": "2GB", "temp_directory": tempfile.gettempdir()}


class DuckdbReader(Reader):
    """One file, opened for reading."""

    # Without an index that gives an order each page would sort again: one statement, spilled to disk if need be.
    traits = Traits(tuples=True, paged=False)
    undeclared: Sequence[str] = ()

    def __init__(self, url: URL) -> None:
        self._path = url.database or ""
        self._options = {name: str(value) for name, value in url.query.items()}
        self._connection: Any = None

    def connect(self) -> None:
        """Open the file.

        Raises:
            ConfigError: it is not there, or is no database of DuckDB's.
            SourceError: another process holds it.
        """
        if self._path in {"", ":memory:"} or not Path(self._path).is_file():
            named = (
                f"There is no DuckDB file {self._path}." if self._path else "The URL names no DuckDB file."
            )
            raise ConfigError(named, hint="write duckdb:///folder/file.duckdb", path="source.url")
        with self._translated():
            self._connection = duckdb.connect(self._path, read_only=True, config={**_BOUNDS, **self._options})
            self._connection.execute("set timezone = 'UTC'")
            # Within lists and structs, types that Arrow has not keep their meaning and all their digits.
            self._connection.execute("set arrow_lossless_conversion = true")

    def describe(self, relation: Relation, cursor_sql: str | None) -> tuple[Column, ...]:
        """Columns with the types that DuckDB gives them."""
        source = self._source(relation)
        extra = f", ({cursor_sql}) as {CURSOR}" if cursor_sql else ""
        described = self.fetch(f"describe select *{extra} from {source}")
        # Only a table says what is never null.
        nulls = dict(row[0:3:2] for row in self.fetch(f"describe {source}")) if relation.parts else {}
        found = []
        for name, native, *_ in described:
            sql = f"({cursor_sql})" if name == CURSOR else self.quote(name)
            found.append((name, native, sql, _output(native, sql), nulls.get(name) != "NO"))
        outputs = ", ".join(f"{output} as c{place}" for place, (*_, output, _) in enumerate(found))
        with self._translated():
            result = self._connected.sql(f"select {outputs} from {source} limit 0").to_arrow_reader(1)
            types = [_arrow_type(field.type) for field in result.schema]
            result.close()
        return tuple(_column(*row, kind) for row, kind in zip(found, types, strict=True))

    def _source(self, relation: Relation) -> str:
        if relation.parts:
            return ".".join(map(self.quote, relation.parts))
        return f"({relation.query}\n) connector_query"

    def indexes(self, relation: Relation) -> list[tuple[str, ...]]:
        """None that gives an order."""
        del relation
        return []

    def tables(self) -> list[str]:
        """Tables and views."""
        sql = (
            "select case when table_schema = 'main' then table_name else table_schema || '.' || table_name end"
            " from information_schema.tables where table_schema <> 'information_schema'"
        )
        return [name for (name,) in self.fetch(sql)]

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement with a small result."""
        with self._translated():
            rows: list[tuple[Any, ...]] = self._connected.execute(sql).fetchall()
            return rows

    def stream(self, statement: Statement) -> Generator[Chunk]:
        """Run a statement; few rows at a time where rows are wide."""
        with self._translated():
            cursor = self._connected.cursor()
            try:
                step = _step(cursor, statement)
                reader = cursor.sql(statement.sql).to_arrow_reader(step)
                for batch in _joined(reader, statement, step):
                    yield _chunk(batch, statement)
            finally:
                cursor.close()

    def raw(self, column: Column, array: pa.Array, row: int) -> Raw:
        """The type's own name and the value's text."""
        return column.native, arrow_text(array, row)

    def greatest(self, column: Column, statement: str) -> Raw | None:
        """The value that a statement finds."""
        ((text,),) = self.fetch(f"select cast(({statement}) as varchar)")
        return None if text is None else (column.native, text)

    def total(self, column: Column, base: str, *, near: bool) -> str | None:
        """Sum whole numbers, and times as microseconds where they have no finer ones."""
        if pa.types.is_timestamp(column.type) and column.type.unit == "us":
            return f"sum(epoch_us({column.sql}) - epoch_us({base}))"
        if pa.types.is_integer(column.type):
            return f"sum(cast({column.sql} as hugeint) - {base})"
        return super().total(column, base, near=near)

    def literal(self, raw: Raw) -> str:
        """Write a value as text with its type."""
        native, text = raw
        if native == "BLOB":
            return f"from_hex('{text}')"
        return "cast('" + text.replace("'", "''") + f"' as {native})"

    def estimate(self, relation: Relation, sql: str) -> int | None:
        """The number of rows of a table."""
        if not relation.parts or " where " in sql:
            return None
        name = relation.parts[-1].replace("'", "''")
        rows = self.fetch(f"select estimated_size from duckdb_tables() where table_name = '{name}'")
        return int(rows[0][0]) if len(rows) == 1 else None

    def cancel(self) -> None:
        """Interrupt the running statement."""
        if self._connection is not None:
            self._connection.interrupt()

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()

    @property
    def _connected(self) -> Any:
        if self._connection is None:
            raise SourceError("The source is not open.")
        return self._connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            raise translate(error, self._path) from None


def _column(name: str, native: str, sql: str, output: str, nullable: bool, kind: pa.DataType) -> Column:
    unfit = _UNFIT.match(native)
    words = "" if not unfit else "a floating-point number" if unfit[1] else f"of type {native}"
    meaning = "json" if output.startswith("to_json") else _MEANINGS.get(native, "")
    endless = native.startswith(("DATE", "TIMESTAMP"))
    return Column(
        name=name,
        type=kind,
        native=native,
        sql=sql,
        output=output,
        nullable=nullable,
        meaning=meaning,
        finite=f"isfinite({sql})" if endless else "",
        infinite=f"isinf({sql})" if endless else "",
        unfit=words,
        precision={"TIMESTAMP_S": 0, "TIMESTAMP_MS": 3}.get(native, 6),
    )


def _output(native: str, sql: str) -> str:
    if _AS_TEXT.fullmatch(native):
        return f"cast({sql} as varchar)"
    return f"to_json({sql})::varchar" if _NO_ARROW.search(native) else sql


def _arrow_type(kind: pa.DataType) -> pa.DataType:
    if isinstance(kind, pa.Bool8Type):
        return pa.bool_()
    return pa.timestamp(kind.unit, "UTC") if pa.types.is_timestamp(kind) and kind.tz else kind


def _step(cursor: Any, statement: Statement) -> int:
    """How many rows of the widest there is fit the limits: DuckDB's batches have a number of rows, whatever their size."""
    lengths = [
        f"coalesce({_LENGTH[pa.types.is_binary(column.type)].format(OUTPUT.format(place))}, 0)"
        for place, column in enumerate(statement.columns)
        if pa.types.is_string(column.type) or pa.types.is_binary(column.type)
    ]
    if any(pa.types.is_nested(column.type) for column in statement.columns):
        return min(_STEP, statement.limits.rows)
    if not lengths:
        return statement.limits.rows
    ((widest,),) = cursor.execute(f"select max({' + '.join(lengths)}) from ({statement.sql})").fetchall()
    return max(1, min(statement.limits.rows, statement.limits.bytes // (2 * (widest or 0) + 64)))


def _joined(reader: Any, statement: Statement, step: int) -> Iterator[pa.RecordBatch]:
    """Put small batches together, up to the limits."""
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in reader:
        held.append(batch)
        rows += batch.num_rows
        size += batch.nbytes
        if rows + step > statement.limits.rows or size >= statement.limits.bytes:
            yield pa.concat_batches(held)
            held, rows, size = [], 0, 0
    if held:
        yield pa.concat_batches(held)


def _chunk(batch: pa.RecordBatch, statement: Statement) -> Chunk:
    warnings: Counter[str] = Counter()
    arrays = [
        _finish(array, column, warnings)
        for array, column in zip(batch.columns, statement.columns, strict=True)
    ]
    rows = pa.RecordBatch.from_arrays(arrays[: statement.shown], schema=statement.schema)
    return Chunk(rows, tuple(arrays[place] for place in statement.ordering), warnings)


def _finish(array: pa.Array, column: Column, warnings: Counter[str]) -> pa.Array:
    if isinstance(array, pa.Bool8Array):
        array = array.storage.cast(pa.bool_())
    if pa.types.is_timestamp(array.type) or pa.types.is_date32(array.type):
        number = array.cast(pa.int64() if pa.types.is_timestamp(array.type) else pa.int32())
        most = 2**63 - 1 if pa.types.is_timestamp(array.type) else 2**31 - 1
        infinite = pc.is_in(number, value_set=pa.array([most, -most], number.type))
        if count := pc.sum(infinite).as_py():
            warnings["infinite_value"] += count
            array = pc.if_else(infinite, None, array)
    return array if array.type == column.type else recast(array, column)
