"""``python -m benchmarks.cut FROM TO ROWS``: the first rows of a Parquet file as another, in row groups of a hundred thousand."""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb


def main() -> None:
    source, target, rows = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    unfinished = target.with_suffix(".part")
    duckdb.execute(
        f"copy (from '{source}' limit {rows}) to '{unfinished}' (format parquet, row_group_size 100000)"
    )
    unfinished.rename(target)


if __name__ == "__main__":
    main()
