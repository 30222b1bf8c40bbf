"""What a mapping is compiled from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from connector.config import models


@dataclass(frozen=True, slots=True)
class MappingSpec:
    """The mappings of one sync and the source they read.

    Attributes:
        sync_id: the sync's ``id``, which eventIds hang on.
        mappings: in the order of the YAML; a row may become one item of each.
        schema: the source's columns, all of them. Field metadata ``connector`` = ``json`` marks text that holds
            JSON, ``number`` text that holds a number of unbounded digits.
        key: the columns that make a row unique; empty when there are none.
        timezone: the IANA name of the zone that naive timestamps and dates are read in.
        keep_rows: whether a reject holds its row.
        transform: DataFrame → DataFrame, or its ``module:function``.
        declared: DuckDB types of columns whose type the source does not tell.
        folder: the folder of the YAML file, where a transform's module is looked up.
        file: the path of the YAML file as the user gave it, for messages.
        forgotten: (kind, digest) of keys and users that must not be sent any more, see `connector/mapping/forgotten.py`.
        place: where the mappings stand in the YAML.
        tracked: whether what becomes of rows is kept, so that batches have prints.
        keyed: whether their canonical keys are kept too.
        threads, memory: what DuckDB may use.
    """

    sync_id: str
    mappings: tuple[models.Mapping, ...]
    schema: pa.Schema
    key: tuple[str, ...] = ()
    timezone: str = "UTC"
    keep_rows: bool = True
    transform: Callable[..., Any] | str | None = None
    declared: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    file: str = ""
    forgotten: frozenset[tuple[str, str]] = frozenset()
    place: str = "mapping"
    tracked: bool = False
    keyed: bool = False
    threads: int = 1
    memory: str = "2GB"

    def path(self, mapping: int) -> str:
        """Return where a mapping stands in the YAML: ``mapping``, or ``mapping[1]`` among several."""
        return self.place if len(self.mappings) == 1 else f"{self.place}[{mapping}]"

    @property
    def fingerprint(self) -> str:
        """A digest of everything here that changes what is sent; the schema, what is forgotten and resources are not part of it."""
        transform = self.transform
        if transform is not None and not isinstance(transform, str):
            transform = f"{transform.__module__}:{transform.__qualname__}"
        said = {
            "id": self.sync_id,
            "mappings": [mapping.model_dump(mode="json", by_alias=True) for mapping in self.mappings],
            "key": self.key,
            "timezone": self.timezone,
            "transform": transform,
            "declared": dict(self.declared),
        }
        return hashlib.sha256(json.dumps(said, sort_keys=True, default=_stable).encode()).hexdigest()


def _stable(value: object) -> object:
    return sorted(value) if isinstance(value, (set, frozenset)) else str(value)
