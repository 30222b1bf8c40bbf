"""The watermark of a Parquet dataset: one part per file, and what a run has to do about each file."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from connector.errors import DataError
from connector.extract.files.footers import Footer
from connector.extract.files.listing import Dataset, File, nothing, partition_names
from connector.model import Watermark

# Parts that are no file: a path under the root never begins with a slash.
WHOLE = "/pass"
SCHEMA = "/schema"

Raw = int | Decimal
_TIMESTAMP = re.compile(r"timestamp\[(\w+)(?:, tz=(.+))?\]")
_COARSER = {"s": "second", "ms": "millisecond", "us": "microsecond", "day": "day"}
_DECIMAL = re.compile(r"decimal\d+\((\d+), (-?\d+)\)")


@dataclass(frozen=True, slots=True)
class Todo:
    """A file to read.

    Attributes:
        file, footer: what it is.
        start: first row to read.
        floor: only rows with a cursor above it are read, as stored; None for all.
        cursor: the highest cursor of the rows before `start`, as stored.
        stop: row to stop before; None for all.
        ceiling: only rows with a cursor up to it are read, as stored; None for all.
        above: what `start: now` left unread, up to this cursor, whatever is read of the file later; as stored.
    """

    file: File
    footer: Footer
    start: int = 0
    floor: list[str] | None = None
    cursor: list[str] | None = None
    stop: int | None = None
    ceiling: list[str] | None = None
    above: list[str] | None = None

    @property
    def end(self) -> int:
        """The row to stop before."""
        return self.footer.rows if self.stop is None else self.stop

    def part(self, rows: int, cursor: list[str] | None, number: int | None) -> dict[str, Any]:
        """The file's part of the watermark once `rows` rows are finished (`number`: of the pass)."""
        part: dict[str, Any] = {
            "digest": self.footer.digest,
            "size": self.file.size,
            "mtime": self.file.mtime,
            "rows": rows,
            "total": self.footer.rows,
        }
        optional = {
            "cursor": cursor,
            "floor": self.floor if rows < self.footer.rows else None,
            "above": self.above,
            "pass": number,
        }
        return part | {name: value for name, value in optional.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run reads.

    Attributes:
        todos: files to read, in path order.
        touched: parts of files that are the same under a new time.
        number: of the pass, or None when new files are what is read.
        begins: whether the pass is a new one.
    """

    todos: tuple[Todo, ...]
    touched: Mapping[str, dict[str, Any]]
    number: int | None
    begins: bool


def pass_number(watermark: Watermark) -> tuple[int, bool]:
    """Return the number of the pass that a run from `watermark` reads, and whether it is a new one."""
    last = watermark.get(WHOLE, {"pass": 0, "done": True})
    return (last["pass"] + 1, True) if last["done"] else (last["pass"], False)


def last_pass(watermark: Watermark | None) -> int:
    """Return the number of the pass that `watermark` stands in or behind, 0 for none."""
    return int(watermark[WHOLE]["pass"]) if watermark and WHOLE in watermark else 0


def news(todo: Plan, watermark: Watermark, schema: pa.Schema) -> dict[str, object]:
    """Return what holds from the start of a run on: touched files, the columns, the pass.

    Args:
        todo: what the run reads.
        watermark: from which it goes on.
        schema: the columns of the files, without those of folders.
    """
    found: dict[str, object] = dict(todo.touched)
    if not schema.equals(unpack_schema(watermark) or pa.schema([]), check_metadata=True):
        found[SCHEMA] = pack_schema(schema)
    if todo.begins:
        found[WHOLE] = {"pass": todo.number, "done": False}
    return found


def restarted(watermark: Watermark, *, anew: bool = False) -> Watermark:
    """Return the watermark of an unfinished pass without what it has read of the files; any other as it is."""
    if watermark.get(WHOLE, {"done": True})["done"]:
        return watermark
    kept = {name: value for name, value in watermark.items() if name == SCHEMA}
    return Watermark({**kept, WHOLE: {**watermark[WHOLE], "done": anew}})


def emptied(dataset: Dataset, watermark: Watermark, *, whole: bool) -> Dataset:
    """Return a dataset whose files were all removed, with the columns that their folders gave.

    Args:
        dataset: without files.
        watermark: how far runs have come.
        whole: whether all rows are read, as in a pass: one that finds no file would count every row as gone.

    Raises:
        ConfigError: no run has read any file, or nothing may be missing.
    """
    if SCHEMA not in watermark or whole:
        raise nothing(dataset)
    names = partition_names(name for name in watermark if not name.startswith("/"))
    return replace(dataset, partition_names=names)


def changed(files: Sequence[File], watermark: Watermark, number: int | None) -> list[File]:
    """Return the files that must be looked into: new, unfinished, or of another size or time than recorded."""
    return [file for file in files if not _settled(file, _part(file, watermark, number), number)]


def _settled(file: File, part: Mapping[str, Any] | None, number: int | None) -> bool:
    if part is None or part["rows"] < part["total"]:
        return False
    return number is not None or (part["size"] == file.size and part["mtime"] == file.mtime)


def _part(file: File, watermark: Watermark, number: int | None) -> Mapping[str, Any] | None:
    part: Mapping[str, Any] | None = watermark.get(file.path)
    return None if part is None or part.get("pass") != number else part


def plan(
    found: Sequence[tuple[File, Footer]], watermark: Watermark, number: int | None, *, begins: bool
) -> Plan:
    """Decide for each file that was looked into."""
    todos, touched = [], {}
    for file, footer in found:
        part = _part(file, watermark, number)
        if part is None:
            todos.append(Todo(file, footer))
            continue
        finished, same = part["rows"] >= part["total"], part["digest"] == footer.digest
        cursor, floor = part.get("cursor"), part.get("floor")
        above = cursor if part.get("unsent") else part.get("above")
        if same and finished:
            touched[file.path] = {**part, "size": file.size, "mtime": file.mtime}
        elif same:
            todos.append(Todo(file, footer, part["rows"], floor, cursor, above=above))
        elif finished:  # rewritten: with a cursor, only what is above its own last one
            todos.append(Todo(file, footer, 0, cursor, cursor, above=above))
        else:  # changed before it was finished: from its start
            todos.append(Todo(file, footer, 0, floor, floor, above=above))
    return Plan(tuple(todos), touched, number, begins)


def passed(
    found: Sequence[tuple[File, Footer]], watermark: Watermark | None, number: int | None
) -> Iterator[Todo]:
    """Yield what runs have read of each file, to read it again; what was rewritten since is left to the next run.

    Args:
        found: files that have a part in the watermark.
        watermark: how far runs have come; None for everything that is there.
        number: of the last pass, or None when new files are what is read.
    """
    for file, footer in found:
        part = None if watermark is None else _part(file, watermark, number)
        if part is None:
            if watermark is None:
                yield Todo(file, footer)
        elif part.get("unsent"):
            continue
        elif part["digest"] == footer.digest:
            yield Todo(file, footer, floor=part.get("above"), stop=part["rows"])
        elif ceiling := part.get("cursor") if part["rows"] >= part["total"] else part.get("floor"):
            # The next run reads only what lies above.
            yield Todo(file, footer, floor=part.get("above"), ceiling=ceiling)


def unsent(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return parts of files that count as read, and whose rows no run has passed."""
    return {path: {**part, "unsent": True} for path, part in parts.items()}


def pack_schema(schema: pa.Schema) -> str:
    """Return a schema as text for the watermark."""
    return base64.b64encode(schema.serialize().to_pybytes()).decode()


def unpack_schema(watermark: Watermark) -> pa.Schema | None:
    """Return the schema that earlier runs had."""
    text = watermark.get(SCHEMA)
    return None if text is None else pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))


def raw(scalar: pa.Scalar) -> Raw | None:
    """Return a cursor's value as an exact, comparable number: units since 1970 for times."""
    if not scalar.is_valid:
        return None
    value: Raw = scalar.value if isinstance(scalar, pa.TimestampScalar | pa.Date32Scalar) else scalar.as_py()
    return value


def pack_cursor(value: Raw | None, data_type: pa.DataType) -> list[str] | None:
    """Return a cursor as [type, text], exact to the last digit."""
    return None if value is None else [str(data_type), str(value)]


def unpack_cursor(stored: list[str] | None, data_type: pa.DataType) -> pa.Scalar | None:
    """Return a stored cursor in the type that the cursor has now.

    Raises:
        DataError: it has no value in that type.
    """
    if stored is None:
        return None
    name, text = stored
    if stamp := _TIMESTAMP.fullmatch(name):
        scalar = pa.scalar(int(text), pa.timestamp(stamp[1], stamp[2]))
    elif number := _DECIMAL.fullmatch(name):
        scalar = pa.scalar(Decimal(text), pa.decimal256(int(number[1]), int(number[2])))
    elif name.startswith("date32"):
        scalar = pa.scalar(int(text), pa.int32()).cast(pa.date32())
    else:
        scalar = pa.scalar(int(text), name)
    return scalar if scalar.type == data_type else _cast(scalar, data_type)


def _cast(cursor: pa.Scalar, data_type: pa.DataType) -> pa.Scalar:
    """A cursor in another type; rounded down in a coarser one, in which what lies above stays above."""
    try:
        return cursor.cast(data_type)
    except pa.ArrowInvalid:
        pass
    try:
        if pat.is_timestamp(cursor.type):
            return pc.floor_temporal(cursor, unit=_COARSER[getattr(data_type, "unit", "day")]).cast(data_type)
        scale = data_type.scale if pat.is_decimal(data_type) else 0
        return pc.round(cursor, ndigits=scale, round_mode="down").cast(data_type)
    except (pa.ArrowException, KeyError) as error:
        raise DataError(
            f"the cursor is now of type {data_type}, in which the last one, a {cursor.type}, has no value",
            hint="declare the type it had under source.columns, or begin anew (connector state reset)",
        ) from error
