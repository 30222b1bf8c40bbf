"""The SQL that is written for each dialect: as the golden files have it, and such that a parser of that dialect takes it.

A parser is no server: that a statement runs is shown where there is one to run it on.
"""

from __future__ import annotations

import pytest
import sqlglot
from recorded_sql import GOLDEN, PARSERS, URLS, recorded, recorder, statements
from sqlglot import exp

FILES = sorted(GOLDEN.glob("*/*.sql"))
# The words that cut a result off, and those that compare two columns at once.
LIMITED = {
    "mssql": "fetch next",
    "oracle": "fetch first",
    "snowflake": None,
    "bigquery": None,
    "redshift": None,
    "duckdb": None,
}


@pytest.mark.parametrize("dialect", URLS)
def test_it_is_as_it_was(dialect: str) -> None:
    """After a change that is meant: python tests/recorded_sql.py --write."""
    kept = {path.name: path.read_text("utf-8") for path in (GOLDEN / dialect).glob("*.sql")}
    assert recorded(dialect) == kept


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_parser_of_the_dialect_takes_it(path) -> None:
    for sql in statements(path.read_text("utf-8")):
        (parsed,) = sqlglot.parse(sql, dialect=PARSERS[path.parent.name])
        assert isinstance(parsed, exp.Select | exp.SetOperation)
        assert parsed.find(exp.Command) is None


@pytest.mark.parametrize("dialect", URLS)
def test_one_statement_or_pages(dialect: str) -> None:
    """Where there is no index that gives an order, a page would cost as much as everything."""
    text = (GOLDEN / dialect / "next_page.sql").read_text("utf-8")
    *_, page = [sql for sql in statements(text) if "order by" in sql]
    wanted = LIMITED.get(dialect, "limit")
    limited = any(words in page for words in ("limit ", "fetch next", "fetch first"))
    assert limited == (wanted is not None)
    assert wanted is None or wanted in page


@pytest.mark.parametrize("dialect", URLS)
@pytest.mark.parametrize(
    "text", ["it's", "a\\b", "a\\'b", "\\", "'; drop table orders; --", "a%sb%%", "日本\n?:x"]
)
def test_a_text_stays_one_literal(dialect: str, text: str) -> None:
    """Whatever a row holds, it ends where the literal ends, and means what it meant."""
    reader, *_ = recorder(dialect)
    reader.connect()
    written = reader.literal((TEXT[dialect], text))
    parsed = sqlglot.parse_one(f"select {written} as x", dialect=PARSERS[dialect])
    assert len(parsed.expressions) == 1
    assert _meant(parsed.expressions[0].this) == text


TEXT = {
    "snowflake": "text",
    "bigquery": "string",
    "redshift": "text",
    "mssql": "text",
    "oracle": "text",
    "postgres": "text",
    "psycopg": "text",
    "mysql": "char",
    "sqlite": "text",
    "duckdb": "VARCHAR",
}


def _meant(node: exp.Expression) -> str:
    """The text that a parsed expression stands for."""
    if isinstance(node, exp.Paren | exp.Cast | exp.Introducer):
        return _meant(node.expression if isinstance(node, exp.Introducer) else node.this)
    if isinstance(node, exp.DPipe | exp.Concat):
        parts = node.flatten() if isinstance(node, exp.DPipe) else node.expressions
        return "".join(_meant(part) for part in parts)
    if isinstance(node, exp.Chr):
        return chr(int(node.expressions[0].this))
    if isinstance(node, exp.HexString):
        return bytes.fromhex(node.this).decode()
    assert isinstance(node, exp.Literal | exp.National), repr(node)
    return str(node.this)
