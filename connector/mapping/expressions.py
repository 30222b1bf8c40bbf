"""Expressions of users: parsed by DuckDB, refused unless they are one scalar expression, names resolved by us.

DuckDB folds the case of names, so the columns of a batch are registered as c0 … cN and every reference is
rewritten here, where ``email`` and ``Email`` differ.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from connector.mapping.engine import Engine, Refused

_CLASSES = frozenset(
    [
        "FUNCTION",
        "COLUMN_REF",
        "CONSTANT",
        "CAST",
        "OPERATOR",
        "CASE",
        "CONJUNCTION",
        "COMPARISON",
        "BETWEEN",
        "COLLATE",
        "LAMBDA",
        "TYPE",
    ]
)
_REFUSED_CLASSES = {
    "SUBQUERY": "a subquery (also ANY and ALL)",
    "WINDOW": "a window function",
    "STAR": "a star",
    "PARAMETER": "a parameter",
    "POSITIONAL_REFERENCE": "a reference by position",
    "DEFAULT": "DEFAULT",
}
# What differs from run to run or says something about the program, beyond what DuckDB itself calls volatile.
_VARYING = frozenset(
    [
        "ago",
        "current_catalog",
        "current_localtime",
        "current_localtimestamp",
        "current_role",
        "current_time",
        "current_timestamp",
        "current_user",
        "getenv",
        "localtime",
        "localtimestamp",
        "pg_conf_load_time",
        "pg_postmaster_start_time",
        "pg_sleep",
        "session_user",
        "user",
        "version",
        "parse_duckdb_log_message",
        "json_serialize_plan",
    ]
)
# Macros whose bodies hold a subquery, an aggregate or an unnest.
_NOT_SCALAR = frozenset(
    [
        "unnest",
        "generate_subscripts",
        "regexp_split_to_table",
        "format_type",
        "get_block_size",
        "pg_get_constraintdef",
        "pg_get_expr",
        "pg_get_viewdef",
        "geomean",
        "geometric_mean",
        "json_group_array",
        "json_group_object",
        "json_group_structure",
        "wavg",
        "weighted_avg",
        "variant_group_array",
    ]
)
# Written by the parser for syntax; they are in no catalog.
_SYNTAX = frozenset({"row", "struct_pack", "list_value", "map"})


class Mistake(Exception):
    """What is wrong with a value of the mapping, and the remedy."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression ready for the SELECT, and the columns that it reads."""

    sql: str
    columns: tuple[str, ...]
    literals: tuple[str, ...]


def unknown_column(name: str, columns: Iterable[str]) -> Mistake:
    """Return the mistake of naming a column that is not there; a value in the wrong quotes is not repeated."""
    hint = nearest(name, columns)
    if not hint and not re.fullmatch(r"[\w$.-]+", name):
        return Mistake("a text stands where a column's name belongs", "write text in single quotes: 'text'")
    return Mistake(f"there is no column {name!r}", hint or "check the columns of the source")


def nearest(name: str, names: Iterable[str]) -> str:
    """Return ``did you mean …?`` with the nearest of `names`, or nothing."""
    folded: dict[str, str] = {}
    for known in names:
        folded.setdefault(known.casefold(), known)
    found = difflib.get_close_matches(name.casefold(), folded, n=1)
    return f"did you mean {folded[found[0]]!r}?" if found else ""


def compile_expression(text: str, columns: Mapping[str, str], engine: Engine) -> Expression:
    """Check a user's expression and rewrite its columns.

    Args:
        text: one DuckDB scalar expression.
        columns: the source's column -> its name in the registered batch.
        engine: parses and renders.

    Raises:
        Mistake: it does not parse, is more than a scalar expression, or names what is not there.
    """
    try:
        tree = engine.parse(text)
    except Refused as refused:
        raise Mistake(f"the expression does not parse: {refused}", "write one DuckDB expression") from None
    root = _only_expression(tree)
    walk = _Walk(columns, engine)
    walk.visit(root, frozenset())
    root["alias"] = ""
    sql = engine.render(tree)
    return Expression(f"({sql})", tuple(dict.fromkeys(walk.used)), tuple(walk.literals))


def _only_expression(tree: dict[str, Any]) -> dict[str, Any]:
    statements = tree.get("statements", [])
    node = statements[0]["node"] if len(statements) == 1 else {}
    plain = (
        node.get("type") == "SELECT_NODE"
        and node["from_table"]["type"] == "EMPTY"
        and len(node["select_list"]) == 1
        and not node["modifiers"]
        and not node["cte_map"]["map"]
        and not node["group_expressions"]
        and not any(node[clause] for clause in ("where_clause", "having", "sample", "qualify"))
    )
    if not plain:
        raise Mistake("this is more than one scalar expression", "no FROM, no second column, no statement")
    root: dict[str, Any] = node["select_list"][0]
    return root


class _Walk:
    """Visits a tree, refuses what may not stand in it, and rewrites its columns in place."""

    def __init__(self, columns: Mapping[str, str], engine: Engine) -> None:
        self.columns = columns
        self.functions = engine.functions
        self.used: list[str] = []
        self.literals: list[str] = []

    def visit(self, node: Any, bound: frozenset[str]) -> None:
        """Visit a node; `bound` are the parameters of the lambdas around it."""
        if isinstance(node, list):
            for child in node:
                self.visit(child, bound)
            return
        if not isinstance(node, dict):
            return
        kind = node.get("class")
        if kind is not None:
            _refuse_class(node)
        if kind == "COLUMN_REF":
            self._column(node, bound)
        elif kind == "CONSTANT":
            self.literals.append(str(node.get("literal", {}).get("text", "")))
        elif kind == "LAMBDA" and node.get("syntax_type") != "SINGLE_ARROW":
            # `a -> 'x'` is JSON's arrow; `lambda x: …` binds x.
            self.visit(node["expr"], bound | self._parameters(node["lhs"]))
        else:
            if kind == "FUNCTION":
                self._function(node)
            self.visit(list(node.values()), bound)

    def _parameters(self, lhs: dict[str, Any]) -> frozenset[str]:
        names = _parameters(lhs)
        if taken := sorted(names & frozenset(self.columns.values())):
            raise Mistake(f"a lambda's parameter cannot be called {taken[0]}", "choose another name")
        return names

    def _column(self, node: dict[str, Any], bound: frozenset[str]) -> None:
        path: list[str] = node["column_names"]
        name = path[0]
        if name.casefold() in bound:
            return
        if name not in self.columns:
            if len(path) == 1 and self._varies(name.casefold()):
                raise _varying(name)
            raise unknown_column(name, self.columns)
        self.used.append(name)
        node["column_names"] = [self.columns[name], *path[1:]]

    def _function(self, node: dict[str, Any]) -> None:
        name = str(node["function_name"]).casefold()
        path = node.get("qualified_name", {}).get("path", [name])
        if len(path) > 1:
            raise Mistake(f"the function {'.'.join(path)!r} is qualified", f"write {path[-1]}(…)")
        if self._varies(name) or (name == "age" and len(node["arguments"]) == 1):
            raise _varying(name)
        kinds = self.functions.get(name, set())
        if (
            name in _NOT_SCALAR
            or kinds & {"aggregate", "window"}
            or node.get("filter")
            or node.get("distinct")
        ):
            raise Mistake(
                f"{name}() takes or gives more than one row",
                "an expression sees one row; aggregate in the source",
            )
        if not kinds & {"scalar", "macro"} and name not in _SYNTAX:
            known = [known for known, kinds in self.functions.items() if kinds & {"scalar", "macro"}]
            raise Mistake(f"there is no function {name}()", nearest(name, known) or "see DuckDB's functions")

    def _varies(self, name: str) -> bool:
        return name in _VARYING or "volatile" in self.functions.get(name, ())


def _refuse_class(node: dict[str, Any]) -> None:
    kind = str(node["class"])
    if kind not in _CLASSES or node.get("type") in ("GROUPING_FUNCTION", "OPERATOR_UNPACK"):
        what = _REFUSED_CLASSES.get(kind, kind.lower().replace("_", " "))
        raise Mistake(f"{what} cannot stand in an expression over one row", "use a scalar expression")


def _parameters(lhs: dict[str, Any]) -> frozenset[str]:
    if lhs["class"] == "COLUMN_REF":
        return frozenset(name.casefold() for name in lhs["column_names"])
    return frozenset().union(*(_parameters(argument["expression"]) for argument in lhs["arguments"]))


def _varying(name: str) -> Mistake:
    return Mistake(
        f"{name} differs from run to run, so a row sent again would be another item",
        "take the value from a column of the source",
    )


def redacted(message: str, expression: Expression, columns: Mapping[str, str]) -> str:
    """Return DuckDB's message with the columns' own names and without the literals of the expression."""
    for literal in sorted(expression.literals, key=len, reverse=True):
        if len(literal) > 1:
            message = message.replace(literal, "…")
    names = {internal: name for name, internal in columns.items()}
    return re.sub(r"\bc\d+\b", lambda found: names.get(found[0], found[0]), message)
