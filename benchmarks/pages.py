"""How fast ADBC reads the pages that a run reads, when nothing else is done.

Usage: ``python -m benchmarks.pages record SYNC.yaml STATEMENTS.json`` writes down the statements that a run of SYNC
streams; ``… replay SYNC.yaml STATEMENTS.json`` runs them with ADBC and nothing else; ``… read SYNC.yaml`` reads with
the extractor. Prints rows and seconds, without imports and connecting, as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from adbc_driver_postgresql import dbapi

from connector import wiring
from connector.config.reader import load_sync
from connector.extract.databases.postgres import PostgresReader
from connector.extract.databases.reader import Chunk, Statement
from connector.model import EMPTY_WATERMARK


def read(config: str) -> dict[str, float]:
    """Read all rows with the extractor, as a run does."""
    sync = load_sync(Path(config))
    extractor = wiring.open_extractor(sync)
    mapper = wiring.open_mapper(sync, extractor)
    started = time.perf_counter()
    rows = sum(batch.rows.num_rows for batch in extractor.read(mapper.columns, EMPTY_WATERMARK))
    seconds = time.perf_counter() - started
    mapper.close()
    extractor.close()
    return {"rows": rows, "seconds": seconds}


def record(config: str, file: str) -> dict[str, float]:
    """Read all rows and write down the statements that bring them."""
    statements: list[str] = []
    stream = PostgresReader.stream

    def recorded(reader: PostgresReader, statement: Statement) -> Iterator[Chunk]:
        statements.append(statement.sql)
        return stream(reader, statement)

    PostgresReader.stream = recorded  # type: ignore[method-assign] # the same, and it is heard
    done = read(config)
    Path(file).write_text(json.dumps(statements))
    return {**done, "pages": len(statements)}


def replay(config: str, file: str) -> dict[str, float]:
    """Run the statements and drop the rows."""
    url = load_sync(Path(config)).source.url.get_secret_value()
    statements = json.loads(Path(file).read_text())
    rows = 0
    with dbapi.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        started = time.perf_counter()
        for statement in statements:
            cursor.execute(statement)
            rows += sum(batch.num_rows for batch in cursor.fetch_record_batch())
        seconds = time.perf_counter() - started
    return {"rows": rows, "seconds": seconds}


if __name__ == "__main__":
    print(json.dumps({"read": read, "record": record, "replay": replay}[sys.argv[1]](*sys.argv[2:])))
