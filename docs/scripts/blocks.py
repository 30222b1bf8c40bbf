"""The blocks of the pages: found by their markers, and those whose text hangs on the code alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from scripts import commands

_BLOCK = re.compile(r"(<!-- made: (?P<name>[^>]+?) -->\n).*?(<!-- end: (?P=name) -->)", re.DOTALL)
_RESULTS = re.compile(r"<!-- results.*?-->(?P<table>.*?)<!-- end of results -->", re.DOTALL)


def pages(root: Path) -> list[Path]:
    """Return every page of the documentation, those of the root first."""
    return [*sorted(root.glob("*.md")), *sorted((root / "docs").rglob("*.md"))]


def named(text: str) -> dict[str, str]:
    """Return the blocks of a page by their names."""
    return {
        match["name"]: match[0].split("\n", 1)[1].rsplit("\n<!--", 1)[0] for match in _BLOCK.finditer(text)
    }


def filled(text: str, made: Mapping[str, str]) -> str:
    """Return a page with its blocks replaced by those of `made`; others stay as they are."""

    def block(match: re.Match[str]) -> str:
        body = made.get(match["name"])
        return match[0] if body is None else f"{match[1]}\n{body.strip()}\n\n{match[3]}"

    return _BLOCK.sub(block, text)


def fixed(root: Path) -> dict[str, str]:
    """Return the blocks that are made without running a command, by their names."""
    return {
        "commands": commands.reference(),
        "command table": commands.table(),
        "exit codes": commands.exit_codes(),
        "performance": performance(root / "docs" / "performance.md"),
    } | {
        f"configs/{file.name}": f"```yaml\n{file.read_text(encoding='utf-8').rstrip()}\n```"
        for file in sorted((root / "configs").glob("*.yaml"))
    }


def performance(page: Path) -> str:
    """Return the table of results that the benchmarks wrote into `page`."""
    found = _RESULTS.search(page.read_text(encoding="utf-8")) if page.is_file() else None
    lines = [line for line in found["table"].splitlines() if line.startswith("|")] if found else []
    if not lines:
        return "No results are written up yet: `make bench` runs the benchmarks."
    return "\n".join(lines)
