"""What a mapping reads of a source and makes of it, also of columns that are not there (any more)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from connector.errors import ConfigError
from connector.mapping.engine import Engine
from connector.mapping.items import ItemCompiler
from connector.mapping.scope import Scope
from connector.mapping.spec import MappingSpec
from connector.mapping.transform import Transform


@dataclass(frozen=True, slots=True)
class Reads:
    """What comes of mappings on certain columns.

    Attributes:
        columns: those that the mappings read; behind a transform, those that it returns.
        kinds: place in the YAML, and within the value -> its kind in an item.
        mistakes: place in the YAML -> what does not fit there.
    """

    columns: frozenset[str] = frozenset()
    kinds: Mapping[str, str] = field(default_factory=dict)
    mistakes: Mapping[str, str] = field(default_factory=dict)


def reads(spec: MappingSpec, engine: Engine) -> Reads:
    """Compile the mappings of `spec`, past every mistake."""
    schema = spec.schema
    if spec.transform is not None:
        try:
            schema = Transform(spec.transform, schema, spec.folder).schema
        except ConfigError as error:
            return Reads(mistakes={error.path: error.message})
    scope = Scope(spec, schema, engine)
    kinds: dict[str, str] = {}
    for index in range(len(spec.mappings)):
        compiler = ItemCompiler(scope, index, lean=False)
        compiler.compile()
        kinds |= compiler.found.kinds
    mistakes = {mistake.path: mistake.message for mistake in scope.mistakes}
    return Reads(frozenset(scope.used), kinds, mistakes)
