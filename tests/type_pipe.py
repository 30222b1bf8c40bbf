"""A sync from any source into the sandbox, and what arrives there as it came over the wire."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from shop import KEY

import connector
from connector.model import RunReport
from connector.sandbox.process import Sandbox


class Pipe:
    """A sync from a source into an empty sandbox."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        sandbox.reset()
        self._folder = folder
        self._sandbox = sandbox

    def run(self, source: dict[str, Any], *mappings: dict[str, Any]) -> RunReport:
        """Run a sync whose rows are told apart by `id`; what a mapping leaves open makes all columns `data`."""
        plain = {"kind": "event", "event": "Typed", "userId": "id", "data": {"*": True}}
        config = {
            "sync": "types",
            "source": {"mode": "full", "key": "id", **source},
            "mapping": [{**plain, **mapping} for mapping in mappings or [{}]],
            "destination": {
                "type": "track",
                "base_url": self._sandbox.url,
                "org": "sandbox",
                "project": "sandbox",
                "source_id": "1000000000000000001",
                "api_key": KEY,
                "max_bytes": "9MB",
            },
        }
        path = self._folder / "types.yaml"
        path.write_text(json.dumps(config), "utf-8")  # JSON is YAML too
        report = connector.run(connector.load_sync(path))
        assert (report.exit_code, report.error, report.rejects) == (0, "", {})
        return report

    def items(self, event: str = "Typed") -> list[dict[str, str]]:
        """Return the items of an event in order of arrival: member -> its JSON text."""
        return [members(stored.raw) for stored in self._sandbox.items(event=event)]

    def data(self) -> list[dict[str, str]]:
        """Return the members of each item's `data`, as JSON texts."""
        return [members(item["data"]) for item in self.items()]


def members(text: str) -> dict[str, str]:
    """Return the members of a JSON object, each value as the text that it has in there."""
    decoder, found, at = json.JSONDecoder(), {}, 1
    while text[at] != "}":
        name, at = decoder.raw_decode(text, at + (text[at] == ","))
        _, end = decoder.raw_decode(text, at + 1)
        found[name] = text[at + 1 : end]
        at = end
    return found


@pytest.fixture
def pipe(running_sandbox: Sandbox, tmp_path: Path) -> Pipe:
    return Pipe(tmp_path, running_sandbox)
