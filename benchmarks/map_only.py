"""How fast rows become request bodies when nothing is sent: what a run could reach if delivery cost nothing.

Usage: ``python -m benchmarks.map_only SYNC.yaml``. Extractor, mapper and packer of a run, one after the other in one
thread. Prints the rows, requests and bytes, and the seconds they took, without the imports, as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from connector import wiring
from connector.config.models import Sync
from connector.config.reader import load_sync
from connector.extract.parquet import ParquetExtractor
from connector.load.packing import Packer
from connector.load.track import Bodies, envelope
from connector.model import EMPTY_WATERMARK

del ParquetExtractor  # imported where it is first used, which must not count


def cut(sync: Sync) -> dict[str, int]:
    """Cut all requests of a first run of `sync`."""
    rows = requests = size = 0
    limits = sync.destination
    extractor = wiring.open_extractor(sync)
    mapper = wiring.open_mapper(sync, extractor)
    for batch in extractor.read(mapper.columns, EMPTY_WATERMARK):
        mapped = mapper.map(batch)
        packer, text = Packer(mapped, envelope(mapped.event)), Bodies(mapped)
        while request := packer.next(requests + 1, limits.max_items, limits.max_bytes):
            size += sum(map(len, text.parts(request.first, request.last)))
            requests += 1
        rows += batch.rows.num_rows
    mapper.close()
    extractor.close()
    return {"rows": rows, "requests": requests, "bytes": size}


def main() -> None:
    sync = load_sync(Path(sys.argv[1]))
    started = time.perf_counter()
    done = cut(sync)
    print(json.dumps({**done, "seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
