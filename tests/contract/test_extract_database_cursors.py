"""Every kind of cursor on every database that has it: each row once, in the order of the source, from any place on."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from cursor_kinds import KINDS, Kind
from database_sources import DIALECTS, Database, driver_url, fresh_database, read, resumed

from connector.errors import DataError
from connector.extract import Limits

SMALL = Limits(rows=2, bytes=1_000_000)


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


@pytest.fixture
def database(request: pytest.FixtureRequest, kind: Kind, tmp_path: Path) -> Database:
    request.param = kind.dialect
    return kind.fill(fresh_database(request, tmp_path))


# SQLAlchemy knows the others' types only with a warning.
THROUGH_SQLALCHEMY = [
    kind for kind in KINDS if kind.dialect == "postgresql" and kind.name not in {"pg_lsn", "xid8"}
]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=str, indirect=True)


@every_kind
def test_each_row_comes_once_in_the_order_of_the_source(kind: Kind, database: Database) -> None:
    """Ties stand on both sides of the ends of pages, and a run may end between any two rows."""
    expected = [id_ for (id_,) in database.rows(f"select id from orders order by {kind.order}, id")]
    source = kind.source(database)
    whole = read(source, ["id"], limits=SMALL)
    assert [row["id"] for row in whole.rows] == expected
    for done, rest in resumed(source, whole, ["id"]):
        assert [row["id"] for row in rest] == expected[done:]


@every_kind
def test_without_a_key_each_row_comes_once(kind: Kind, database: Database) -> None:
    """Values that the source calls equal are one value, however they are written."""
    source = kind.source(database, key=())
    whole = read(source, ["id"], limits=SMALL)
    expected = Counter(id_ for (id_,) in database.rows("select id from orders"))
    assert Counter(row["id"] for row in whole.rows) == expected
    for done, rest in resumed(source, whole, ["id"]):
        assert Counter(row["id"] for row in (*whole.rows[:done], *rest)) == expected, done


@pytest.mark.parametrize("kind", THROUGH_SQLALCHEMY, ids=str, indirect=True)
def test_sqlalchemy_reads_each_row_once(kind: Kind, database: Database) -> None:
    """The way to databases without a reader of their own."""
    expected = [id_ for (id_,) in database.rows(f"select id from orders order by {kind.order}, id")]
    through = Database("postgresql", driver_url(database.url))
    for source in (kind.source(through), kind.source(through, key=())):
        whole = read(source, ["id"], limits=SMALL)
        assert sorted(row["id"] for row in whole.rows) == sorted(expected)
        for done, rest in resumed(source, whole, ["id"]):
            found = [row["id"] for row in (*whole.rows[:done], *rest)]
            assert found == expected if source.key else sorted(found) == sorted(expected)


# Column types to which two different texts are one value, and to which they are two.
ONE = {
    "sqlite": ("text collate nocase", "'a'", "'A'"),
    "duckdb": ("varchar collate nocase", "'a'", "'A'"),
    "postgresql": ("numeric", "1.0", "1.00"),
    "mysql": ("varchar(9) character set utf8mb4 collate utf8mb4_general_ci", "'a'", "'\u00c4 '"),
}
TWO = {
    "sqlite": ("text", "'a'", "'A'"),
    "duckdb": ("varchar", "'a'", "'A'"),
    "postgresql": ('text collate "C"', "'1.0'", "'1.00'"),
    "mysql": ("varchar(9) character set utf8mb4 collate utf8mb4_bin", "'a'", "'\u00c4 '"),
}


def keyed(request: pytest.FixtureRequest, dialect: str, folder: Path, kinds: dict[str, Any]) -> Database:
    """A table with two rows whose keys differ in how they are written, between others."""
    request.param = dialect
    found = fresh_database(request, folder)
    kind, first, second = kinds[dialect]
    others = ("'0'", "'9'") if "'" in first else ("0", "9")
    rows = ", ".join(f"({key}, 7)" for key in (others[0], first, second, others[1]))
    found.run(
        f"create table orders (id {kind}, moved bigint)",
        "create index orders_moved_id on orders (moved, id)",
        f"insert into orders values {rows}",
    )
    return found


@pytest.mark.parametrize("page", [1, 2, 3, 50])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_keys_that_the_source_calls_equal_are_not_unique(
    dialect: str, page: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """A page that ends between them would lose the second."""
    database = keyed(request, dialect, tmp_path, ONE)
    with pytest.raises(DataError, match="not unique"):
        read(database.source(), limits=Limits(rows=page, bytes=10**6))


@pytest.mark.parametrize("page", [1, 2])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_keys_that_only_look_alike_are_read(
    dialect: str, page: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    database = keyed(request, dialect, tmp_path, TWO)
    assert len(read(database.source(), limits=Limits(rows=page, bytes=10**6)).rows) == 4


@pytest.mark.parametrize(
    ("moved", "paged"), [("moved", True), ('moved collate "POSIX"', False), ("moved text_pattern_ops", False)]
)
def test_an_index_in_another_order_gives_no_pages(postgres_url: str, moved: str, paged: bool) -> None:
    """Each page would sort all rows that are left."""
    database = Database("postgresql", postgres_url)
    database.run(
        "drop table if exists orders",
        'create table orders (id varchar(9), moved text collate "C")',
        f"create index orders_moved_id on orders ({moved}, id)",
        "insert into orders values ('1', 'a')",
    )
    found = read(database.source(columns={"moved": "varchar"}))
    assert any("one long statement" in note for note in found.notes) is not paged
