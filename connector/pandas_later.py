"""Keeps pandas, half a second of start-up, out of runs that do not use it.

The first array that pyarrow makes of a Python list imports pandas, if it is there, to see whether the list is one
of its own. Told once that pandas is missing, pyarrow asks no more; whoever imports pandas afterwards, and the
conversions between the two, work as ever.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

import pyarrow as pa


class _NotNow(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname, name=fullname)
        return None


def defer_pandas() -> None:
    """Have pyarrow take pandas for missing until somebody else imports it. Harmless when that has happened."""
    finder = _NotNow()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([])
    finally:
        sys.meta_path.remove(finder)
