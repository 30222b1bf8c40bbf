"""Prints of rows: what tells each one apart from the others, and whether it has changed (see `connector/synced.py`)."""

from __future__ import annotations

import binascii
import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connector.mapping.typed import Typed
from connector.model import Reject, SourceBatch
from connector.synced import PRINT, Prints, key_hash, whole_hashes

Indexes = npt.NDArray[np.int64]
_HEX = 32  # digits of an MD5
_INT64 = ("tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger")


def prints_of(result: pa.Table, kept: Indexes, batch: SourceBatch, said: tuple[str, str | None]) -> Prints:
    """Return a print for each row of `batch`, those of rows that were not mapped being zero.

    Args:
        result: what the SELECT gave; `is_printed`.
        kept: the indexes of the rows that it is for.
        batch: the rows.
        said: kind of the mapping, and the one name of all its events or None.
    """
    prints = np.zeros(batch.rows.num_rows, PRINT)
    prints["high"][kept], prints["low"][kept] = _keys(result)
    # Where a row is one event it is known by its key alone: the hash that is at hand will do, though another release
    # of DuckDB may have another.
    if "item" in result.column_names:
        item = _bytes(result["item"]).view(">u8").reshape(-1, 2)[:, 0].astype(np.uint64)
    else:
        item = result["digest"].to_numpy().astype(np.uint64)
    prints["item"][kept] = item ^ _salt(said)
    prints["version"] = _numbers(batch.version, batch.rows.num_rows)
    return prints


def known_by(key: str, parts: Sequence[Typed]) -> dict[str, str]:
    """Return SQL of what the hash of a key is made of, by name.

    Args:
        key: SQL of the canonical key.
        parts: its columns.
    """
    if len(parts) > 1 or parts[0].form not in ("integer", "decimal", "number", "float"):
        return {"known": f"md5({key})"}
    return {"whole": f"{parts[0].sql}::BIGINT"} if str(parts[0].type.id) in _INT64 else hashed(key)


def hashed(key: str) -> dict[str, str]:
    """Return SQL of what the hash of a key of any type is made of: that it is one whole number its text says."""
    whole = f"CASE WHEN regexp_full_match({key}, '\\[(0|-?[1-9][0-9]{{0,18}})\\]') THEN {key}[2:-2] END"
    return {"known": f"md5({key})", "whole": f"TRY_CAST({whole} AS BIGINT)"}


def is_printed(result: pa.Table) -> bool:
    """Tell whether a SELECT was made for tracked rows."""
    return "known" in result.column_names or "whole" in result.column_names


def _keys(result: pa.Table) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Return `high` and `low` of the hashes of keys."""
    if "whole" not in result.column_names:
        known = _bytes(result["known"]).view(">u8").reshape(-1, 2).astype(np.uint64)
        return known[:, 0], known[:, 1] >> np.uint64(32)
    whole = result["whole"].combine_chunks()
    high, low = whole_hashes(_int64(whole))
    if not whole.null_count:
        return high, low
    others = whole.is_null().to_numpy(zero_copy_only=False)
    if "known" in result.column_names:
        high[others], low[others] = _keys(result.select(["known"]).filter(pa.array(others)))
    else:
        high[others], low[others] = key_hash("[null]")
    return high, low


def add_unmapped(
    prints: Prints,
    places: Indexes,
    keys: tuple[pa.Table, Indexes],
    describe: Callable[[Sequence[int]], list[Reject]],
) -> pa.Array:
    """Fill in the keys of rows that were read and not mapped, and return them: they are there, whatever became of them.

    Args:
        prints: of a batch; changed.
        places: the rows, ascending.
        keys: of all rows, with the indexes of those that it is for.
        describe: names the others.
    """
    found, readable = keys
    prints["high"][places], prints["low"][places] = 0, 0
    told = found.filter(pa.array(np.isin(readable, places)))
    there = places[np.isin(places, readable)]
    prints["high"][there], prints["low"][there] = _keys(told)
    names = told["row_key"].combine_chunks().cast(pa.string())
    lost = np.setdiff1d(places, there)
    if not len(lost):
        return names
    others = [row.key for row in describe(lost.tolist())]
    for place, key in zip(lost, others, strict=True):
        prints["high"][place], prints["low"][place] = key_hash(key)
    order = np.argsort(np.concatenate([there, lost]))
    return pa.concat_arrays([names, pa.array(others, pa.string())]).take(pa.array(order))


def _salt(said: tuple[str, str | None]) -> np.uint64:
    """Stand for what all items of a mapping share and their text does not hold: its event is not the same without it."""
    if said[1] is None:
        return np.uint64(0)
    digest = hashlib.md5(json.dumps(said).encode(), usedforsecurity=False).digest()
    return np.uint64(int.from_bytes(digest[:8], "big"))


def _bytes(column: pa.ChunkedArray) -> npt.NDArray[np.uint8]:
    """Return the bytes that a column of hexadecimal MD5s stands for."""
    text = column.combine_chunks().cast(pa.string())
    if not len(text):
        return np.empty(0, np.uint8)
    _, offsets, data = text.buffers()
    first = int(np.frombuffer(offsets, np.int32)[text.offset])
    digits = memoryview(data)[first : first + len(text) * _HEX]
    return np.frombuffer(binascii.unhexlify(digits), np.uint8)


def _numbers(version: pa.Array | str, count: int) -> npt.NDArray[np.int64]:
    """Return versions as numbers: whole ones as they are, of others a hash, as they are only ever compared."""
    if isinstance(version, str):
        return np.full(count, int(version) if version.isdecimal() and len(version) < 19 else 0, np.int64)
    try:
        return _int64(version.cast(pa.int64()))
    except pa.ArrowInvalid:
        return _read(version.cast(pa.string()))


def _read(texts: pa.Array) -> npt.NDArray[np.int64]:
    """Return texts as numbers, each by its own form: whole numbers, times in microseconds since 1970, else a hash."""
    numbers = np.zeros(len(texts), np.int64)
    left = np.ones(len(texts), np.bool_)
    for form, kind in ((_WHOLE, pa.int64()), (_TIME, pa.timestamp("us"))):
        fits = pc.fill_null(pc.match_substring_regex(texts, form), False).to_numpy(zero_copy_only=False)
        chosen = pc.utf8_rtrim(texts.filter(pa.array(fits)), "Z")
        with suppress(pa.ArrowInvalid):  # the thirtieth of February
            numbers[fits] = _int64(chosen.cast(kind).cast(pa.int64()))
            left &= ~fits
    others = texts.filter(pa.array(left)).to_pylist()
    numbers[left] = np.array([key_hash(text or "")[0] for text in others], np.uint64).view(np.int64)
    return numbers


def _int64(array: pa.Array) -> npt.NDArray[np.int64]:
    found: npt.NDArray[np.int64] = pc.fill_null(array, 0).to_numpy(zero_copy_only=False)
    return found


_WHOLE = r"^-?\d{1,18}$"
_TIME = r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?Z?$"
