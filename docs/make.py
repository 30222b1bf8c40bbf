#!/usr/bin/env python
"""Writes what the docs show of the program: commands, exit codes, examples, pictures and output.

``python docs/make.py`` runs the demo and the commands whose output is shown; ``--quick`` writes only what needs no run.
What stands between ``<!-- made: NAME -->`` and ``<!-- end: NAME -->`` in a page is written here and nowhere else.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from scripts import blocks, flow, seam, shown, timeline

from connector import console

DOCS = Path(__file__).parent
ROOT = DOCS.parent


def main(arguments: list[str]) -> int:
    """Write the pictures and every block of every page; return the exit code."""
    made = blocks.fixed(ROOT) | shown.without_demo(ROOT)
    for name, svg in {"flow": flow.picture(), **timeline.pictures(), **seam.pictures()}.items():
        (DOCS / "images" / f"{name}.svg").write_text(svg, encoding="utf-8")
    if "--quick" not in arguments:
        with tempfile.TemporaryDirectory(prefix="connector-docs-") as folder:
            texts, pictures = shown.with_demo(ROOT, Path(folder))
        made |= texts
        for name, svg in pictures.items():
            (DOCS / "images" / f"{name}.svg").write_text(svg, encoding="utf-8")
    for page in blocks.pages(ROOT):
        before = page.read_text(encoding="utf-8")
        after = blocks.filled(before, made)
        if after != before:
            page.write_text(after, encoding="utf-8")
            console.say(f"wrote {page.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
