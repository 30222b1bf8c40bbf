"""Every type of every source, read by the program and kept by the sandbox: the JSON text equals the expected one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from database_sources import Database
from type_matrix import DUCKDB, MARIADB, PARQUET, POSTGRES, POSTGRES_FIRST, SQLITE, Table
from type_pipe import Pipe, pipe

__all__ = ["pipe"]


def fill(database: Database, table: Table) -> int:
    """Make one wide table: a column a type, a row for the nth value of each; the last one is all null."""
    rows = max(map(len, table.values())) + 1
    columns = ", ".join(f"c{n} {declared}" for n, declared in enumerate(table))
    listed = [[*values, *["null"] * (rows - len(values))] for values in table.values()]
    key = "int primary key" if database.dialect == "mysql" else "integer primary key"
    database.run(
        f"create table matrix (id {key}, {columns})",
        *(
            f"insert into matrix values ({row}, {', '.join(part[row] for part in listed)})"
            for row in range(rows)
        ),
    )
    return rows


def compare(pipe: Pipe, table: Table, rows: int) -> None:
    received = pipe.data()
    assert len(received) == rows
    found = {
        declared: {sql: received[row].pop(f"c{n}", None) for row, sql in enumerate(values)}
        for n, (declared, values) in enumerate(table.items())
    }
    wrong = [
        f"{declared} {sql:.90}: {found[declared][sql]!s:.90} instead of {expected!s:.90}"
        for declared, values in table.items()
        for sql, expected in values.items()
        if found[declared][sql] != expected
    ]
    assert not wrong, "\n" + "\n".join(wrong)
    assert received == [{}] * rows, "nulls are left out"


def test_postgresql(pipe: Pipe, postgres_url: str) -> None:
    """Every type of PostgreSQL arrives to the last digit and microsecond."""
    database = Database("postgresql", postgres_url)
    database.run(*POSTGRES_FIRST)
    rows = fill(database, POSTGRES)
    pipe.run({"type": "database", "url": postgres_url, "table": "matrix"})
    compare(pipe, POSTGRES, rows)


def test_mariadb(pipe: Pipe, mariadb_url: str) -> None:
    """Every type of MariaDB arrives to the last digit and microsecond."""
    database = Database("mysql", mariadb_url + "&init_command=set sql_mode = ''")
    rows = fill(database, MARIADB)
    pipe.run({"type": "database", "url": mariadb_url, "table": "matrix"})
    compare(pipe, MARIADB, rows)


@pytest.mark.parametrize(("dialect", "table"), [("sqlite", SQLITE), ("duckdb", DUCKDB)])
def test_files(pipe: Pipe, tmp_path: Path, dialect: str, table: Table) -> None:
    """Every type of SQLite and DuckDB arrives to the last digit and microsecond."""
    database = Database(dialect, f"{dialect}:///{tmp_path}/matrix.db")
    rows = fill(database, table)
    pipe.run({"type": "database", "url": database.url, "table": "matrix"})
    compare(pipe, table, rows)


def stored(kind: pa.DataType) -> pa.DataType:
    """Return the type with the storage of extension types in it, from which Arrow makes arrays."""
    if isinstance(kind, pa.BaseExtensionType):
        return kind.storage_type
    if pa.types.is_list(kind):
        return pa.list_(stored(kind.value_type))
    return (
        pa.struct([field.with_type(stored(field.type)) for field in kind])
        if pa.types.is_struct(kind)
        else kind
    )


def test_parquet(pipe: Pipe, tmp_path: Path) -> None:
    """Every type of Parquet arrives to the last digit and microsecond."""
    rows = max(len(values) for _, values, _ in PARQUET) + 1
    padded = {
        f"c{n}": pa.array(values + [None] * (rows - len(values)), stored(kind)).cast(kind)
        for n, (kind, values, _) in enumerate(PARQUET)
    }
    pq.write_table(pa.table({"id": range(rows), **padded}), tmp_path / "matrix.parquet")
    pipe.run({"type": "parquet", "path": "matrix.parquet"})
    table = {
        f"{n} {kind}": {str(place): text for place, text in enumerate(texts)}
        for n, (kind, _, texts) in enumerate(PARQUET)
    }
    compare(pipe, table, rows)


@pytest.mark.parametrize(
    ("heading", "types"),
    [
        ("PostgreSQL", set(POSTGRES) - {"mood", "mood[]", "cents", "pair"}),
        ("MySQL and MariaDB", MARIADB),
        ("SQLite", SQLITE),
        ("DuckDB", DUCKDB),
        ("Parquet", [str(kind) for kind, _, _ in PARQUET if not isinstance(kind, pa.BaseExtensionType)]),
    ],
)
def test_every_type_is_documented(heading: str, types: Iterable[str]) -> None:
    """The page of types names each type, by its name before any parameters."""
    page = (Path(__file__).parents[2] / "docs" / "types.md").read_text("utf-8")
    section = page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    names = {re.split(r"[\[(<]| (?:unsigned|null|character)", declared)[0] for declared in types}
    assert {name for name in names if f"`{name}" not in section} == set()
