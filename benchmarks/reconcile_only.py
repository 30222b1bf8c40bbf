"""How long reconcile takes within a process that has been in use: modules are loaded, the source was opened once.

Usage: ``python -m benchmarks.reconcile_only SYNC.yaml STATE``. Prints rows and seconds as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from connector import wiring
from connector.config.reader import load_sync
from connector.reconciling import reconcile


def main(config: str, state: str) -> dict[str, float]:
    sync = load_sync(Path(config))
    wiring.open_extractor(sync).close()
    started = time.perf_counter()
    found = reconcile(sync, state, exact=False, between=(None, None))
    seconds = time.perf_counter() - started
    if not found.clean:
        raise SystemExit(f"not clean: {found.counts}")
    return {"rows": found.known, "seconds": seconds}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
