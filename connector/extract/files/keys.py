"""What a key promises, held against the rows of Parquet files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connector.errors import DataError


class KeyCheck:
    """Follows the batches of one run."""

    def __init__(self, key: Sequence[str]) -> None:
        self._key = tuple(key)
        self._last: tuple[str, list[pa.Array]] = ("", [])

    def check(
        self, rows: pa.RecordBatch, cursor: pa.Array | None, paths: Sequence[str], path: npt.NDArray[np.int64]
    ) -> None:
        """Look for missing keys, and for neighbours in one file with the same cursor and key.

        Args:
            rows: of one batch.
            cursor: of the rows, or None.
            paths: of the files they come from.
            path: for each row the index of its file in `paths`.

        Raises:
            DataError: a key part is null, or two such neighbours cannot be told apart.
        """
        keys = [rows.column(name) for name in self._key]
        for name, values in zip(self._key, keys, strict=True):
            if nulls := values.null_count:
                named = " and ".join(dict.fromkeys((paths[0], paths[-1])))
                raise DataError(
                    f"{nulls} rows in {named} have no value in key column {name!r}",
                    hint="choose a key without nulls, or leave such rows out with `where`",
                )
        if not rows.num_rows:
            return
        told_by = keys if cursor is None else [cursor, *keys]
        if self._last == (paths[path[0]], [values.slice(0, 1) for values in told_by]):
            raise self._not_unique(paths[path[0]])
        same = path[1:] == path[:-1]
        for values in told_by:
            if same.any():
                equal = pc.equal(values.slice(1), values.slice(0, len(values) - 1))
                same &= equal.to_numpy(zero_copy_only=False)
        if same.any():
            raise self._not_unique(paths[path[int(same.argmax())]])
        self._last = paths[path[-1]], [values.slice(len(values) - 1) for values in told_by]

    def _not_unique(self, path: str) -> DataError:
        return DataError(
            f"neighbouring rows of {path} have the same ({', '.join(self._key)}): the key is not unique",
            hint="add the columns to source.key that tell such rows apart",
        )
