"""Rows become items: the compiled mapping, run over one batch after another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connector.errors import Bug
from connector.mapping.arrow import registrable
from connector.mapping.compiler import VERSION, Plan, compile_plan
from connector.mapping.contract import Fault
from connector.mapping.engine import ROWS, Engine
from connector.mapping.keys import Keys
from connector.mapping.kinds import ColumnType, described
from connector.mapping.notes import notes
from connector.mapping.objects import HIDDEN
from connector.mapping.prints import add_unmapped, is_printed, prints_of
from connector.mapping.rejects import Shown
from connector.mapping.scope import Scope
from connector.mapping.selection import select
from connector.mapping.spec import MappingSpec
from connector.mapping.transform import Transform
from connector.model import MappedBatch, Reject, SourceBatch
from connector.synced import FILTERED, UNMAPPED, Prints

Indexes = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]


class Mapper:
    """The mappings of one sync, compiled once.

    Attributes:
        schema: all columns of the source.
        columns: the source columns that must be read, in the source's order.
        notes: what a person should know about the mapping; for ``check``.
        fingerprint: a digest of what is mapped and how.

    Raises:
        ConfigErrors: all mistakes of the mapping, each with its YAML path.
    """

    def __init__(self, spec: MappingSpec) -> None:
        self.schema = spec.schema
        self._spec = spec
        self._engine = Engine(spec.threads, spec.memory)
        try:
            self._compile()
        except BaseException:
            self.close()
            raise

    def _compile(self) -> None:
        spec = self._spec
        self._transform: Transform | None = None
        self._schema = spec.schema
        self._seen = spec
        if spec.transform is not None:
            self._transform = Transform(spec.transform, spec.schema, spec.folder)
            # Ids hang on the key as the source has it, whatever the transform makes of those columns.
            hidden = [
                spec.schema.field(name).with_name(HIDDEN + name)
                for name in spec.key
                if name in spec.schema.names
            ]
            self._schema = pa.schema([*self._transform.schema, *hidden])
            self._seen = replace(spec, key=tuple(HIDDEN + name for name in spec.key))
        self._keys: Keys | None = None
        self._plans: dict[bool, Plan] = {}
        plan = self._plan(lean=True)
        self.columns: tuple[str, ...] = tuple(spec.schema.names) if self._transform else tuple(plan.columns)
        self.fingerprint = spec.fingerprint
        self.notes: tuple[str, ...] = notes(self._seen, Scope(self._seen, self._schema, self._engine), plan)
        self._shown = Shown(spec, self.columns, self._engine)

    def _plan(self, *, lean: bool) -> Plan:
        if lean not in self._plans:
            self._plans[lean] = compile_plan(self._seen, self._schema, self._engine, lean=lean)
        return self._plans[lean]

    def map(self, batch: SourceBatch) -> MappedBatch:
        """Return the items of a batch, its rejects and its filtered rows.

        Raises:
            DataError: a transform returned what it may not.
            ConfigError: a transform failed.
            Stopped: `cancel` was called meanwhile.
        """
        rows, kept = self._rows(batch.rows)
        result, readable, plan = self._run(rows, batch, kept)
        lost = np.setdiff1d(kept, kept[readable]) if len(readable) < len(kept) else kept[:0]
        kept = kept[readable]
        fault = np.full(len(kept), -1, dtype=np.int64)
        if "fault" in result.column_names:
            fault = _single(pc.fill_null(result["fault"], -1)).to_numpy().astype(np.int64)
        forgotten = _numpy(result, "forgotten") if "forgotten" in result.column_names else fault < -1
        broken = np.flatnonzero((fault >= 0) & ~forgotten)
        accepted = (fault < 0) & ~forgotten
        if "items" in result.column_names:
            accepted &= _numpy(result, "items") > 0
        rejected = self._rejected(
            batch, kept[broken], result["event_id"].take(broken), [plan.faults[n] for n in fault[broken]]
        )
        rejected |= {
            int(place): self._placed(batch, place, self._shown.unreadable(batch.rows, int(place)))
            for place in lost
        }
        gone = np.ones(batch.rows.num_rows, dtype=bool)
        gone[[*kept[broken], *lost]] = False
        gone[kept[accepted]] = False
        taken = result if accepted.all() else result.filter(pa.array(accepted))
        mapped = self._mapped(batch, plan, taken, kept[accepted], (rejected, np.flatnonzero(gone)))
        if forgotten.any():
            mapped = replace(mapped, warnings={**mapped.warnings, "forgotten": int(forgotten.sum())})
        mapped = replace(mapped, key=_keys(result, kept, batch)) if self._spec.key else mapped
        return self._printed(mapped, result, kept, plan) if is_printed(result) else mapped

    def _printed(self, mapped: MappedBatch, result: pa.Table, kept: Indexes, plan: Plan) -> MappedBatch:
        """Add what is kept of rows: also of those that a transform dropped, as they are there."""
        batch = mapped.source
        prints = prints_of(result, kept, batch, (self._spec.mappings[0].kind, plan.event))
        prints["mark"][[*mapped.rejected]] = UNMAPPED
        prints["mark"][mapped.filtered] = FILTERED
        whole = len(kept) == batch.rows.num_rows
        others = kept[:0] if whole else np.setdiff1d(np.arange(batch.rows.num_rows), kept)
        told = self._unmapped(batch, prints, others) if len(others) else None
        if not self._spec.keyed:
            return replace(mapped, prints=prints)
        keys = _single(result["row_key"]).cast(pa.string())
        if told is not None:
            keys = pa.concat_arrays([keys, told])
            keys = keys.take(pa.array(np.argsort(np.concatenate([kept, others]))))
        return replace(mapped, prints=prints, keys=keys)

    def _unmapped(self, batch: SourceBatch, prints: Prints, others: Indexes) -> pa.Array:
        if self._keys is None:
            self._keys = Keys(self._spec, self._engine)
        return add_unmapped(prints, others, self._keys.of(batch.rows), self._describer(batch))

    def _rows(self, rows: pa.RecordBatch) -> tuple[pa.Table, Indexes]:
        if self._transform is None:
            return pa.Table.from_batches([rows]), np.arange(rows.num_rows)
        table, kept = self._transform(rows.select(list(self.columns)))
        for name in self._spec.key:
            table = table.append_column(
                self._spec.schema.field(name).with_name(HIDDEN + name), _taken(rows[name], kept)
            )
        return table, kept

    def _run(self, rows: pa.Table, batch: SourceBatch, kept: Indexes) -> tuple[pa.Table, Indexes, Plan]:
        plan = self._plan(lean=True)
        firm = [name for name, sql in plan.columns.items() if sql in plan.firm]
        if any(rows[name].null_count for name in firm):
            plan = self._plan(lean=False)
        read = registrable(rows.select(list(plan.columns)), list(plan.columns.values()))
        if plan.versioned:
            version = batch.version
            version = pa.repeat(version, len(kept)) if isinstance(version, str) else _taken(version, kept)
            read = read.append_column(VERSION, version)
        return *select(self._engine, plan.statement, read), plan

    def _mapped(
        self,
        batch: SourceBatch,
        plan: Plan,
        result: pa.Table,
        row: Indexes,
        others: tuple[Mapping[int, Reject], Indexes],
    ) -> MappedBatch:
        rejected, filtered = others
        text = _single(result["text"])
        if text.null_count or len(text) + len(rejected) + len(filtered) != batch.rows.num_rows:
            raise Bug("the mapping lost rows")
        event_id = _single(result["event_id"])
        items = _numpy(result, "items") if "items" in result.column_names else None
        warnings = {code: int(pc.sum(result[f"warn_{code}"]).as_py() or 0) for code in plan.warnings}
        return MappedBatch(
            source=batch,
            entries=text,
            event=plan.event,
            row=row,
            items=None if items is None or len(self._spec.mappings) == 1 else items.astype(np.int64),
            event_id=event_id.cast(pa.string()),
            digest=_numpy(result, "digest"),
            rejected=rejected,
            filtered=filtered,
            entity=_numpy(result, "entity") if "entity" in result.column_names else None,
            warnings={code: count for code, count in warnings.items() if count},
            describe=self._describer(batch),
        )

    def _rejected(
        self, batch: SourceBatch, index: Indexes, event_id: pa.ChunkedArray, said: Sequence[Fault]
    ) -> dict[int, Reject]:
        shown = self._shown.rejects(batch.rows, index, event_id.to_pylist())
        return {
            int(place): replace(self._placed(batch, place, reject), reason=why.reason, message=why.message)
            for place, why, reject in zip(index, said, shown, strict=True)
        }

    def _describer(self, batch: SourceBatch) -> Callable[[Sequence[int]], list[Reject]]:
        def describe(rows: Sequence[int]) -> list[Reject]:
            index = np.asarray(rows, np.int64)
            shown = self._shown.rejects(batch.rows, index, [""] * len(index))
            return [self._placed(batch, place, reject) for place, reject in zip(index, shown, strict=True)]

        return describe

    def _placed(self, batch: SourceBatch, place: int, reject: Reject) -> Reject:
        """Say which version of the row it is, and which mapping rejected it."""
        version = batch.version
        said = version if isinstance(version, str) else version[int(place)].as_py() or ""
        return replace(reject, version=said, mapping=self.fingerprint[:16])

    def key_hashes(self, keys: Sequence[str]) -> Hashes:
        """Return the hashes of canonical keys, as `MappedBatch.key` has them."""
        if not keys:
            return np.empty(0, np.uint64)
        found = self._engine.run(
            f"SELECT hash(key) AS key FROM {ROWS}", pa.table({"key": pa.array(keys, pa.string())})
        )
        return _numpy(found, "key").astype(np.uint64)

    def described(self) -> dict[str, ColumnType]:
        """Return the types of the source's columns, in words, and the kinds that they have in items."""
        return described(self._spec, self._engine)

    def cancel(self) -> None:
        """Interrupt a running `map`, which then raises Stopped; callable from any thread."""
        self._engine.interrupt()

    def close(self) -> None:
        """Free the connection."""
        self._engine.close()


def _keys(result: pa.Table, kept: Indexes, batch: SourceBatch) -> Hashes:
    found = _numpy(result, "key")
    if len(found) == batch.rows.num_rows:
        return found
    keys = np.zeros(batch.rows.num_rows, np.uint64)
    keys[kept] = found
    return keys


def _taken(column: pa.Array, kept: Indexes) -> pa.Array:
    if len(kept) == len(column):
        return column
    if pa.types.is_string_view(column.type):
        return pc.cast(column, pa.large_string()).take(pa.array(kept)).cast(column.type)
    return column.take(pa.array(kept))


def _single(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _numpy(result: pa.Table, name: str) -> npt.NDArray[Any]:
    found: npt.NDArray[Any] = _single(result[name]).to_numpy(zero_copy_only=False)
    return found
