"""Every kind of cursor on every database that has it: each row once, in the order of the source, from any place on."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from cursor_kinds import KINDS, Kind
from database_sources import Database, fresh_database, read, resumed

from connector.extract import Limits

SMALL = Limits(rows=2, bytes=1_000_000)


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


@pytest.fixture
def database(request: pytest.FixtureRequest, kind: Kind, tmp_path: Path) -> Database:
    request.param = kind.dialect
    return kind.fill(fresh_database(request, tmp_path))


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
