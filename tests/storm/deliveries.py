"""What has arrived in the sandbox, by (key, version)."""

from __future__ import annotations

import json

from connector.sandbox.process import Sandbox

Version = tuple[int, int]


class Deliveries:
    """Looks at each item once, in the order of arrival.

    Attributes:
        items: how many arrived.
        versions: (id, version) -> the sandbox's number of its last arrival.
        last: id -> version of the item that came last.
        marks: the labels of all items.
        backwards: items older than one of their row that came before.
        repeated: items whose (id, version) had arrived before.
        by_crash: those of them that a killed run had sent before.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._killed: list[tuple[int, int]] = []
        self.seq = 0
        self.items = self.repeated = self.by_crash = self.backwards = 0
        self.versions: dict[Version, int] = {}
        self.last: dict[int, int] = {}
        self.marks: set[str] = set()

    def update(self) -> None:
        """Take note of what is new."""
        for stored in self._sandbox.items(after=self.seq):
            self.seq = stored.seq
            data = json.loads(stored.raw)["data"]
            self._note(data["id"], data["version"])
            self.marks.add(data["label"])

    def crashed(self, since: int) -> None:
        """Say that everything behind the item `since` came from a run that was killed."""
        self._killed.append((since, self.seq))

    def _note(self, row: int, version: int) -> None:
        self.items += 1
        before = self.versions.get((row, version))
        if before is not None:
            self.repeated += 1
            self.by_crash += any(first < before <= last for first, last in self._killed)
        self.backwards += version < self.last.get(row, 0)
        self.versions[row, version] = self.seq
        self.last[row] = version
