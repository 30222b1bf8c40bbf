"""How fast rows are read and mapped by the two threads of a run, when nothing follows.

Usage: ``python -m benchmarks.feed_only SYNC.yaml``. Prints the rows and the seconds they took, without the imports and
opening, and the bytes that were read and made, as JSON.
"""

from __future__ import annotations

import json
import queue
import sys
import time
from pathlib import Path

from connector import wiring
from connector.config.reader import load_sync
from connector.feed import End, Feed
from connector.model import EMPTY_WATERMARK, MappedBatch


def main() -> None:
    sync = load_sync(Path(sys.argv[1]))
    started = time.perf_counter()  # as in the report of a run: from the opening of the source on
    extractor = wiring.open_extractor(sync)
    mapper = wiring.open_mapper(sync, extractor)
    inbox: queue.SimpleQueue[MappedBatch | End] = queue.SimpleQueue()
    feed = Feed(extractor.read(mapper.columns, EMPTY_WATERMARK), extractor.cancel, mapper, inbox.put)
    feed.start()
    rows = read = made = 0
    while isinstance(message := inbox.get(), MappedBatch):
        rows += message.source.rows.num_rows
        read += message.source.rows.nbytes
        made += message.entries.nbytes
        feed.used()
    seconds = time.perf_counter() - started
    if message.error is not None:
        raise message.error
    mapper.close()
    extractor.close()
    print(json.dumps({"rows": rows, "seconds": seconds, "read_bytes": read, "item_bytes": made}))


if __name__ == "__main__":
    main()
