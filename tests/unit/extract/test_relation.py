"""Tables and queries as people write them."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from connector.config.models import DatabaseSource
from connector.errors import ConfigError
from connector.extract.databases.relation import one_statement, relation_of


def relation(**settings: object) -> tuple[str, ...]:
    source = DatabaseSource(type="database", url=SecretStr("sqlite:///x"), mode="full", **settings)
    return relation_of(source).parts


@pytest.mark.parametrize(
    ("table", "parts"),
    [
        ("orders", ("orders",)),
        ("shop.orders", ("shop", "orders")),
        ('"My Shop"."order.items"', ("My Shop", "order.items")),
        ("`shop`.`orders`", ("shop", "orders")),
        ("[dbo].[orders]", ("dbo", "orders")),
        ('"a""b"', ('a"b',)),
        ("db.shop.orders", ("db", "shop", "orders")),
    ],
)
def test_a_table_is_known_by_its_parts(table: str, parts: tuple[str, ...]) -> None:
    assert relation(table=table) == parts


@pytest.mark.parametrize("table", ["a..b", ".a", "a.", "a.b.c.d", '"open'])
def test_what_is_no_name_is_refused(table: str) -> None:
    with pytest.raises(ConfigError):
        relation(table=table)


@pytest.mark.parametrize(
    ("sql", "kept"),
    [
        ("select 1", "select 1"),
        ("select 1 ;  \n", "select 1"),
        ("select ';' as a; -- done; really", "select ';' as a"),
        ("select 1 /* ; */ + 2;;", "select 1 /* ; */ + 2"),
        ("select $$;$$", "select $$;$$"),
        ('select "a;b"', 'select "a;b"'),
        ("select 'it''s;'", "select 'it''s;'"),
    ],
)
def test_a_semicolon_at_the_end_is_left_out(sql: str, kept: str) -> None:
    assert one_statement(sql, "source.query") == kept


@pytest.mark.parametrize("sql", ["select 1; select 2", "select 1; drop table x;", "", " ; ", "-- nothing"])
def test_anything_but_one_statement_is_refused(sql: str) -> None:
    with pytest.raises(ConfigError):
        one_statement(sql, "source.query")
