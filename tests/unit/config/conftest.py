"""A folder of YAML files, and what reading them says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from connector.config.models import Sync
from connector.config.reader import load_sync
from connector.errors import ConfigError, ConfigErrors

SOURCE = "source: {type: database, url: 'sqlite:///shop.db', table: orders, cursor: id, key: id}"
MAPPING = "mapping: {kind: event, event: Purchase, userId: email}"
DESTINATION = "destination: {org: acme, project: shop, source_id: '1841710181319290881', api_key: abc.def}"


class Folder:
    """Writes files and loads syncs from them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, text: str) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text), encoding="utf-8")
        return file

    def sync(self, *parts: str, environ: Mapping[str, str] | None = None, env: str | None = None) -> Sync:
        """Load a sync of these parts; sections that none of them has are filled in."""
        text = "\n".join(dedent(part) for part in parts)
        for key, part in (
            ("sync", "sync: orders"),
            ("source", SOURCE),
            ("mapping", MAPPING),
            ("destination", DESTINATION),
        ):
            if f"\n{key}:" not in f"\n{text}":
                text += f"\n{part}"
        return load_sync(self.write("orders.yaml", text), environ=environ or {}, environment=env)

    def mistakes(
        self, *parts: str, environ: Mapping[str, str] | None = None, env: str | None = None
    ) -> list[ConfigError]:
        with pytest.raises(ConfigError) as caught:
            self.sync(*parts, environ=environ, env=env)
        error = caught.value
        return list(error.errors) if isinstance(error, ConfigErrors) else [error]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)
