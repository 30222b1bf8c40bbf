"""Reading everything, again and again: one pass after the other, ordered by key so that a pass can go on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from connector.extract.databases.ordered import Scan, null_key
from connector.extract.databases.reader import Chunk, Column
from connector.model import SourceBatch, Watermark


@dataclass(frozen=True, slots=True)
class Passes:
    """One pass over a source; `scan` is ordered by the key, or not at all where there is none."""

    scan: Scan
    key: tuple[Column, ...]

    def batches(self, part: Mapping[str, Any] | None) -> Iterator[SourceBatch]:
        """Yield the rest of an interrupted pass, else a whole new one; the last batch is empty and ends it.

        Raises:
            DataError: a key is null or not unique.
        """
        done = part is None or bool(part.get("done", True))
        number = int(part["pass"]) if part else 0
        number += done
        after = (
            ()
            if done or part is None
            else tuple((str(kind), str(text)) for kind, text in part.get("key") or ())
        )
        for column in self.key:
            if column.nullable and (count := self.scan.keyset.count([f"{column.sql} is null"], 100_000)):
                raise null_key(column.name, count)
        last: Any = [list(raw) for raw in after] or None
        for chunk in self.scan.chunks([], after):
            batch = self._batch(chunk, number)
            last = batch.end["rows"]["key"]
            yield batch
        end = Watermark({"rows": {"pass": number, "key": last, "done": True}})
        # What vanished is told of under the number of the pass, too.
        yield replace(self.scan.empty(end), version=str(number))

    def _batch(self, chunk: Chunk, number: int) -> SourceBatch:
        def position(n: int) -> Watermark:
            key = [list(raw) for raw in self.scan.raws(chunk, n - 1)] or None
            return Watermark({"rows": {"pass": number, "key": key, "done": False}})

        return SourceBatch(
            rows=chunk.rows,
            position=position,
            version=str(number),
            end=position(chunk.rows.num_rows),
            key=self.scan.key,
            warnings=chunk.warnings,
        )
