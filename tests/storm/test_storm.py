"""A short `make storm`: of all that many writers commit nothing is missed, and nothing repeated but by crashes."""

from dataclasses import replace

import pytest
from storm.dialects import MARIADB, POSTGRES
from storm.playing import Storm, Weather

from connector.sandbox.process import Sandbox

WEATHER = Weather(seconds=6, longest=2, crashes=1, rows=300, seed=20240101)
# A fixed settle lets nothing be read before it is over: only a storm that lasts longer shows rows in two versions.
LONGER = replace(WEATHER, seconds=14)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("dialect", "server"),
    [(POSTGRES, "postgres_server"), (MARIADB, "mariadb_server")],
    ids=["PostgreSQL", "MariaDB"],
)
def test_nothing_is_missed(dialect, server, request, tmp_path):
    """Transactions of all lengths, savepoints, rollbacks, equal stamps, crashes: each row's last version arrives."""
    with request.getfixturevalue(server).database() as url, Sandbox() as sandbox:
        found = Storm(dialect, url, WEATHER if dialect.auto else LONGER, tmp_path, sandbox).play()
    assert found.problems == ()
    assert found.missed == 0
    assert found.crashes == 1
    assert found.committed > 16
    assert found.undone > 0
    assert found.versions > found.rows
    # It was a storm: rows became visible behind those that had been read.
    assert found.plain_missed > 0
