"""SQL expressions with their DuckDB types, and conditions about the values within them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from duckdb.sqltypes import DuckDBPyType

from connector.mapping.engine import quote

Mark = Literal["", "json", "number", "uuid"]
MARKS: tuple[Mark, ...] = get_args(Mark)

SMALL_INTEGERS = frozenset(
    {"tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint"}
)
_FORMS = {
    "integer": SMALL_INTEGERS | {"hugeint", "uhugeint", "bignum"},
    "float": frozenset({"float", "double"}),
    "text": frozenset({"varchar", "enum", "bit", "time with time zone"}),
    "timestamp": frozenset({"timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns"}),
    "timestamptz": frozenset({"timestamp with time zone", "timestamptz_ns"}),
    "time": frozenset({"time", "time_ns"}),
    "list": frozenset({"list", "array"}),
    "struct": frozenset({"struct", "tuple"}),
}
NESTED = ("list", "struct", "map")
# What JSON has a form for; unions, variants and geometries must be cast by an expression.
_WRITABLE = frozenset(
    {*_FORMS, *NESTED, "null", "boolean", "decimal", "number", "json", "uuid", "blob", "date", "interval"}
)

_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_NOT_A_NUMBER = "('nan', 'inf', '+inf', '-inf', 'infinity', '+infinity', '-infinity')"
# json_valid lets NaN, Infinity and trailing commas pass. Strings may hold such text: they are blanked for the look.
_LAX = r"(?i)nan|inf|,\s*[\]}]"
_STRINGS = r'"(?:[^"\\]|\\.)*"'


@dataclass(frozen=True, slots=True)
class Typed:
    """An SQL expression, its DuckDB type, and what its text means where the type cannot say it."""

    sql: str
    type: DuckDBPyType
    mark: Mark = ""

    @property
    def form(self) -> str:
        """The family of types that are written alike: ``integer``, ``text``, ``json``, ``timestamp``, ``list``, ….

        Returns:
            A key of `_FORMS`, or the name of the type itself.
        """
        if self.mark in ("json", "number"):
            return self.mark
        if str(self.type) == "JSON":
            return "json"
        name = str(self.type.id)
        return next((form for form, names in _FORMS.items() if name in names), name)

    def child(self, name: str, sql: str) -> Typed:
        """Return the type called `name` within a list (``child``) or a map (``key``, ``value``), as that of `sql`."""
        return Typed(sql, dict(_inner(self.type))[name])

    def members(self) -> list[tuple[str, Typed]]:
        """Return the fields of a struct or tuple, by place: their names may differ by case only."""
        fields = enumerate(_inner(self.type), 1)
        return [(name, Typed(f"struct_extract_at({self.sql}, {n})", kind)) for n, (name, kind) in fields]

    @property
    def digits(self) -> tuple[int, int]:
        """Precision and scale of a decimal."""
        sizes = {name: size for name, size in self.type.children if isinstance(size, int)}
        return sizes["precision"], sizes["scale"]


def _inner(kind: DuckDBPyType) -> list[tuple[str, DuckDBPyType]]:
    return [(name, child) for name, child in kind.children if isinstance(child, DuckDBPyType)]


def unwritable(value: Typed) -> DuckDBPyType | None:
    """Return the type within `value` that has no JSON form, or None."""
    if value.form not in _WRITABLE:
        return value.type
    inner = _inner(value.type) if value.form in NESTED else []
    return next((found for _, kind in inner if (found := unwritable(Typed("", kind)))), None)


def anywhere(value: Typed, test: Callable[[Typed], str | None], depth: int = 0) -> str | None:
    """Return an SQL condition that is true where `test` is true of the value or of anything nested in it.

    Args:
        value: what to look into.
        test: gives the condition for a value that is not nested, or None where it cannot be.
        depth: how deep the value is nested already.
    """
    name = f"a{depth}"
    if value.form == "list":
        child = value.child("child", name)
        listed = value.sql if value.type.id == "list" else f"({value.sql})::{child.type}[]"
        return _any_of(listed, name, anywhere(child, test, depth + 1))
    if value.form == "map":
        return _any_of(
            f"map_values({value.sql})", name, anywhere(value.child("value", name), test, depth + 1)
        )
    if value.form == "struct":
        found = [anywhere(child, test, depth) for _, child in value.members()]
        conditions = [condition for condition in found if condition]
        return f"({' OR '.join(conditions)})" if conditions else None
    return test(value)


def _any_of(sql: str, name: str, condition: str | None) -> str | None:
    if condition is None:
        return None
    return f"coalesce(list_bool_or(list_transform({sql}, lambda {name}: {condition})), false)"


def invalid(value: Typed) -> str | None:
    """Return the condition that text is not the JSON or the number it is meant to be, or None."""
    if value.form == "json":
        return f"({value.sql} IS NOT NULL AND NOT {is_json(value.sql)})"
    if value.form == "number":
        return f"({value.sql} IS NOT NULL AND NOT {is_number(value.sql)} AND NOT {_is_nan(value.sql)})"
    return None


def not_a_number(value: Typed) -> str | None:
    """Return the condition that a number is NaN or infinite, or None where it cannot be."""
    if value.form == "float":
        return f"coalesce(NOT isfinite({value.sql}), false)"
    return f"coalesce({_is_nan(value.sql)}, false)" if value.form == "number" else None


def infinite_value(value: Typed) -> str | None:
    """Return the condition that a time is infinite or beyond the years of ISO 8601, or None where it cannot be."""
    if value.form not in ("date", "timestamp", "timestamptz"):
        return None
    return f"coalesce(NOT {within_years(value)}, false)"


def within_years(value: Typed) -> str:
    """Return the condition that a date or timestamp is within the years 1 to 9999, which ISO 8601 can write."""
    if str(value.type.id) in ("timestamp_ns", "timestamptz_ns"):
        return f"coalesce(epoch_ns({value.sql}) > -9223372036854775000, {value.sql} IS NULL)"
    zone = "+00" if value.form == "timestamptz" else ""
    kind = "DATE" if value.form == "date" else "TIMESTAMPTZ" if zone else "TIMESTAMP"
    last = "9999-12-31" if kind == "DATE" else f"9999-12-31 23:59:59.999999{zone}"
    first = "0001-01-01" if kind == "DATE" else f"0001-01-01 00:00:00{zone}"
    sql = (
        value.sql
        if kind != "TIMESTAMP" or value.type.id == "timestamp"
        else f"TRY_CAST({value.sql} AS TIMESTAMP)"
    )
    return f"({sql} BETWEEN {kind} '{first}' AND {kind} '{last}')"


def is_json(sql: str) -> str:
    """Return the condition that text is strict JSON."""
    bare = f"regexp_replace({sql}, {quote(_STRINGS)}, '\"\"', 'g')"
    # CASE, as AND computes both of its sides.
    lax = f"WHEN regexp_matches({sql}, {quote(_LAX)}) THEN NOT regexp_matches({bare}, {quote(_LAX)})"
    return f"(CASE WHEN NOT json_valid({sql}) THEN false {lax} ELSE true END)"


def is_number(sql: str) -> str:
    """Return the condition that text is a JSON number."""
    return f"regexp_full_match({sql}, {quote(_NUMBER)})"


def _is_nan(sql: str) -> str:
    return f"(lower({sql}) IN {_NOT_A_NUMBER})"
