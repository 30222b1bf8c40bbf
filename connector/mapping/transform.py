"""A user's own ``transform: module:function``: a DataFrame of Arrow dtypes in, a DataFrame out, before the mapping."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from connector.errors import ConfigError, DataError

if TYPE_CHECKING:
    import pandas as pd

_PATH = "source.transform"


class Transform:
    """Calls the function and holds it to one schema for the run, learnt from an empty frame.

    Args:
        function: the function, or its ``module:function``.
        schema: the columns of the source.
        folder: where the module is looked up first; the folder of the YAML file.

    Raises:
        ConfigError: the function cannot be imported or does not take an empty frame, or a column that it
            returns has no type there.
    """

    def __init__(self, function: Callable[..., Any] | str, schema: pa.Schema, folder: Path | None) -> None:
        if isinstance(function, str):
            self.name = function
            self._function = _imported(function, folder)
        else:
            self.name = f"{function.__module__}:{function.__qualname__}"
            self._function = function
        self._source = schema
        learnt = pa.Schema.from_pandas(self._call(pa.Table.from_batches([], schema)), preserve_index=False)
        self.schema = pa.schema([self._learnt(field) for field in learnt])

    def __call__(self, rows: pa.RecordBatch) -> tuple[pa.Table, npt.NDArray[np.int64]]:
        """Transform a batch.

        Returns:
            The rows that are left, in the order of the source, and the index of each in `rows`.

        Raises:
            DataError: the frame that the function returns does not fit its schema, or lost its index.
            ConfigError: the function failed.
        """
        frame = self._call(pa.Table.from_batches([rows]))
        kept = self._kept(frame, rows.num_rows)
        if list(frame.columns) != self.schema.names:
            missing = [name for name in self.schema.names if name not in frame.columns]
            # New names may be values: a pivot makes columns of them.
            extra = sum(name not in self.schema.names for name in frame.columns)
            raise DataError(
                f"transform {self.name} returned other columns than for an empty frame"
                f" (missing: {missing}, new: {extra})",
                hint="return the same columns, in the same order, for every frame",
            )
        arrays = [self._column(frame, field) for field in self.schema]
        table = pa.Table.from_arrays(arrays, schema=self.schema)
        order = np.argsort(kept, kind="stable")
        if not np.array_equal(order, np.arange(len(order))):
            table, kept = table.take(pa.array(order)), kept[order]
        return table, kept

    def _call(self, rows: pa.Table) -> pd.DataFrame:
        import pandas as pd

        frame = rows.to_pandas(types_mapper=pd.ArrowDtype)
        try:
            returned = self._function(frame)
        except Exception as error:  # noqa: BLE001 - a user's function may raise anything
            # The text of a user's exception may quote rows.
            raise ConfigError(
                f"transform {self.name} failed with {type(error).__name__}",
                hint="call it on a few rows in Python to see why; it must also take a frame without rows",
                path=_PATH,
            ) from None
        if not isinstance(returned, pd.DataFrame):
            raise ConfigError(
                f"transform {self.name} returned {type(returned).__name__}, not a DataFrame",
                hint="end it with `return frame`",
                path=_PATH,
            )
        return returned

    def _learnt(self, field: pa.Field) -> pa.Field:
        if pa.types.is_null(field.type):
            raise ConfigError(
                f"transform {self.name} gives the column {field.name!r} no type on an empty frame",
                hint='set one, as in frame["x"] = frame["x"].astype("string[pyarrow]")',
                path=_PATH,
            )
        known = self._source.field(field.name) if field.name in self._source.names else None
        alike = known is not None and (
            known.type == field.type or {_is_text(known.type), _is_text(field.type)} == {True}
        )
        return (
            field.with_metadata(known.metadata) if alike and known is not None else field.with_metadata(None)
        )

    def _kept(self, frame: pd.DataFrame, rows: int) -> npt.NDArray[np.int64]:
        hint = "keep the index: no reset_index, no concat of frames, no index of your own"
        try:
            kept = np.asarray(frame.index, dtype=np.int64)
        except (TypeError, ValueError):
            raise DataError(f"transform {self.name} returned another index", hint=hint) from None
        if len(kept) and (kept.min() < 0 or kept.max() >= rows):
            raise DataError(f"transform {self.name} returned index values that no row has", hint=hint)
        if len(np.unique(kept)) != len(kept):
            raise DataError(f"transform {self.name} returned an index value twice", hint=hint)
        return kept

    def _column(self, frame: pd.DataFrame, field: pa.Field) -> pa.Array | pa.ChunkedArray:
        try:
            found = pa.array(frame[field.name], from_pandas=True)
            return found if found.type == field.type else found.cast(field.type)
        except (pa.ArrowException, TypeError, ValueError):
            raise DataError(
                f"transform {self.name} returned a column {field.name!r} that is not {field.type}",
                hint="give the column one dtype, the same for every frame and for one without rows",
            ) from None


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _imported(name: str, folder: Path | None) -> Callable[..., Any]:
    module_name, _, function_name = name.partition(":")
    if not module_name or not function_name:
        raise ConfigError(
            f"transform {name!r} is not module:function", hint="as in my_module:clean", path=_PATH
        )
    place = [str(folder.resolve())] if folder is not None else []
    sys.path[:0] = place
    try:
        function = getattr(importlib.import_module(module_name), function_name)
    except AttributeError:
        hint = f"define it in {module_name}.py"
        raise ConfigError(f"module {module_name} has no {function_name}", hint=hint, path=_PATH) from None
    except Exception as error:  # noqa: BLE001 - a user's module may raise anything
        # Importing runs the user's code: whatever it raises is the user's mistake.
        raise ConfigError(
            f"module {module_name} of the transform cannot be imported: {type(error).__name__}",
            hint=f"put {module_name}.py beside the YAML file, or install it",
            path=_PATH,
        ) from None
    finally:
        for path in place:
            sys.path.remove(path)
    if not callable(function):
        raise ConfigError(f"transform {name} is not a function", hint="name a function", path=_PATH)
    return function  # type: ignore[no-any-return] # whatever the user's module holds
