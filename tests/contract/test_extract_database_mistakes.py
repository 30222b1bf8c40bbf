"""What every database must say the same about a configuration that is wrong, and how reading is stopped."""

from __future__ import annotations

import threading
from pathlib import Path

import pyarrow as pa
import pytest
from database_sources import ALL_DIALECTS, Database, fresh_database, orders, read

from connector.errors import ConfigError, ConfigErrors, SourceError, Stopped
from connector.extract import Limits
from connector.extract.database import open_database
from connector.model import EMPTY_WATERMARK


@pytest.fixture(params=ALL_DIALECTS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    return fresh_database(request, tmp_path)


def test_every_unknown_name_is_reported_at_once(database: Database) -> None:
    orders(database, [])
    with pytest.raises(ConfigErrors) as caught:
        read(database.source(cursor="movd", key=("idd",), columns={"noted": "text"}))
    told = str(caught.value)
    assert all(name in told for name in ("'movd'", "'idd'", "'noted'", "'moved'", "'id'", "'note'"))


def test_an_unknown_table_names_the_nearest(database: Database) -> None:
    orders(database, [])
    with pytest.raises(ConfigError, match="orders") as caught:
        read(database.source(table="ordres"))
    assert "'ordres'" in str(caught.value)


def test_a_float_cursor_is_refused(database: Database) -> None:
    database.run("create table orders (id integer, moved double precision)")
    with pytest.raises(ConfigError, match="floating-point"):
        read(database.source())


def test_a_text_cursor_is_refused_unless_its_order_is_declared(database: Database) -> None:
    database.run("create table orders (id integer, moved varchar(20))")
    with pytest.raises(ConfigError, match="'moved' is text") as caught:
        read(database.source())
    assert "source.columns: {moved: timestamp}" in caught.value.hint
    assert read(database.source(columns={"moved": "varchar"})).rows == []


def test_a_broken_filter_is_a_mistake_of_the_configuration(database: Database) -> None:
    orders(database, [])
    with pytest.raises(ConfigError):
        read(database.source(where="no_such_column = 1"))


def test_several_statements_are_refused(database: Database) -> None:
    orders(database, [])
    with pytest.raises(ConfigError, match="several statements"):
        read(database.source(query="select 1 as id; drop table orders"))


def test_declared_columns_take_their_type(database: Database) -> None:
    orders(database, [(1, 1)])
    source = database.source(
        query="select id, moved, '12.50' as total from orders", columns={"total": "decimal(10,2)"}
    )
    (batch,) = read(source).batches
    assert batch.rows.schema.field("total").type == pa.decimal128(10, 2)
    assert str(batch.rows["total"][0]) == "12.50"


def test_cancel_ends_a_read(database: Database) -> None:
    orders(database, [(n, n) for n in range(20)])
    extractor = open_database(database.source(), Limits(rows=3, bytes=10**6))
    extractor.open()
    batches = extractor.read(("id",), EMPTY_WATERMARK)
    next(batches)
    stopper = threading.Thread(target=extractor.cancel)
    stopper.start()
    stopper.join()
    with pytest.raises(Stopped):
        list(batches)
    extractor.close()


def test_a_read_before_open_says_so(database: Database) -> None:
    orders(database, [])
    with pytest.raises(SourceError):
        open_database(database.source()).schema()
