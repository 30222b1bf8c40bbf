"""What ``check`` says about a mapping that is right but may surprise."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from connector.config.models import Column, Mapping, Object
from connector.mapping.compiler import Plan
from connector.mapping.contract import notes as contract_notes
from connector.mapping.objects import forms, rest_columns
from connector.mapping.scope import Scope
from connector.mapping.spec import MappingSpec


def notes(spec: MappingSpec, scope: Scope, plan: Plan) -> tuple[str, ...]:
    """Return the notes of all mappings, each once."""
    found = [*_all(spec, scope, plan)]
    return tuple(dict.fromkeys(found))


def _all(spec: MappingSpec, scope: Scope, plan: Plan) -> Iterator[str]:
    for n, item in enumerate(plan.items):
        for note in contract_notes(item.mapping, item.event):
            yield f"{spec.path(n)}: {note}"
        wide = sorted(
            name for name in _numbers(item.mapping, scope) if _beyond_doubles(scope.schema.field(name).type)
        )
        if wide:
            yield (
                f"{spec.path(n)}: {', '.join(wide)} may hold integers beyond 2^53: they are sent with all their digits, "
                "but a reader that keeps numbers as doubles rounds them; `type: string` sends text"
            )
    if not spec.key:
        yield "the source has no key: an eventId hangs on all columns that are read, so equal rows are one event"
    if plan.one_entity:
        yield (
            "a row makes items of several entities whose order is kept: only one request is in flight at a time; "
            "a sync of its own for each kind is faster"
        )


def _numbers(mapping: Mapping, scope: Scope) -> Iterator[str]:
    """Yield the columns that go out as JSON numbers within objects."""
    for top in (mapping.data, mapping.user_attributes, mapping.account_attributes):
        if top is None:
            continue
        inner = mapping.model_copy(update={"fields": {}, "timestamp": None, "event": None})
        for form in forms(inner):
            if isinstance(form, Column) and form.type in (None, "integer", "number") and form.hash is None:
                yield form.column
            elif isinstance(form, Object) and form.rest:
                yield from (name for name in rest_columns(mapping, scope) if name not in form.without)


def _beyond_doubles(kind: pa.DataType) -> bool:
    if pa.types.is_decimal(kind):
        return bool(kind.scale <= 0 and kind.precision > 15)
    return kind in (pa.int64(), pa.uint64())
