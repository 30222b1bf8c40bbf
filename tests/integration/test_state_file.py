"""State in an SQLite file: what can be wrong with a file, and who else may have it open."""

from __future__ import annotations

import datetime as dt
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from connector.errors import ConfigError, LeaseHeld, StateError, StateVersionError
from connector.model import Commit, Counts, Watermark
from connector.state import database, upgrading
from connector.state.store import StateStore

TTL = dt.timedelta(seconds=60)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state #1?" / "state.db"


def url(path: Path) -> str:
    return sa.URL.create("sqlite", database=str(path)).render_as_string()


def opened(path: Path, *, read_only: bool = False) -> StateStore:
    return StateStore.open(url(path), read_only=read_only)


def filled(path: Path) -> None:
    with opened(path) as store:
        store.set_watermark("orders", Watermark({"a": 1}))


def test_the_file_is_made_in_its_folder_for_its_owner_alone(path):
    filled(path)
    if os.name == "posix":
        assert [stat.S_IMODE(place.stat().st_mode) for place in (path, path.parent)] == [0o600, 0o700]
    with opened(path) as store:
        assert store.watermark("orders") == {"a": 1}
    assert [file.name for file in path.parent.iterdir()] == ["state.db"]


def test_reading_only_creates_nothing(path):
    with opened(path, read_only=True) as store:
        assert (store.syncs(), store.watermark("orders"), store.runs("orders")) == ([], {}, [])
        assert (store.reject_groups("orders"), store.last_runs(), store.fingerprint("orders")) == (
            [],
            {},
            None,
        )
        with pytest.raises(StateError, match="reading only"):
            store.acquire("orders", ttl=TTL)
    assert not path.parent.exists()


def test_an_empty_file_is_an_empty_store(path):
    path.parent.mkdir()
    path.touch()
    with opened(path, read_only=True) as store:
        assert store.syncs() == []
    assert path.stat().st_size == 0
    filled(path)


def test_reading_goes_on_while_another_writes(path):
    """A reader neither waits for a writer in the middle of a transaction nor stops it."""
    filled(path)
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("begin immediate")
    writer.execute("update connector_watermarks set value = '2'")
    with opened(path, read_only=True) as reader, opened(path) as other:
        assert reader.watermark("orders") == other.watermark("orders") == {"a": 1}
        writer.execute("commit")
        assert reader.watermark("orders") == {"a": 2}
    writer.close()


def test_a_writer_waits_for_another_and_then_says_so(path, monkeypatch):
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    filled(path)
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("begin immediate")
    with opened(path) as store:
        with pytest.raises(StateError, match=r"state.db is locked by another process \(SQLITE_BUSY\)"):
            store.acquire("orders", ttl=TTL)
        writer.execute("rollback")
        store.acquire("orders", ttl=TTL)
    writer.close()


FREEZE = """
import datetime as dt, os, signal, sys
from connector.state.store import StateStore
store = StateStore.open(sys.argv[1])
lease = store.acquire("orders", ttl=dt.timedelta(0))
store._database.write(lambda connection: os.kill(os.getpid(), signal.SIGSTOP))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs a system that can stop a process")
def test_a_holder_frozen_in_a_transaction_is_named(path, monkeypatch):
    """Its lease has run out, yet the file stays locked until a person ends it: the error says which process."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    child = subprocess.Popen([sys.executable, "-c", FREEZE, url(path)])
    try:
        os.waitid(os.P_PID, child.pid, os.WSTOPPED)
        with opened(path) as store:
            with pytest.raises(StateError, match=f"is locked; process {child.pid} runs orders"):
                store.acquire("orders", ttl=TTL)
            child.kill()
            child.wait()
            store.acquire("orders", ttl=TTL)
    finally:
        child.kill()
        child.wait()


def test_a_file_that_is_no_database_stays_as_it_is(path):
    path.parent.mkdir()
    path.write_text("sync: orders\n" * 100)
    for read_only in (False, True):
        with pytest.raises(StateError, match="is not an SQLite database") as refused:
            opened(path, read_only=read_only)
        assert refused.value.hint
    assert path.read_text() == "sync: orders\n" * 100


def test_a_database_of_something_else_stays_as_it_is(path):
    path.parent.mkdir()
    with sqlite3.connect(path) as shop:
        shop.execute("create table orders (id integer)")
    shop.close()
    before = path.read_bytes()
    for read_only in (False, True):
        with pytest.raises(StateError, match="not a state store"):
            opened(path, read_only=read_only)
    assert path.read_bytes() == before


def test_a_damaged_file_is_an_error(path):
    with opened(path) as store:
        store.set_watermark("orders", Watermark({f"part-{number}": "x" * 100 for number in range(500)}))
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(StateError, match=r"state.db is damaged \(SQLITE_CORRUPT"), opened(path) as store:
        store.watermark("orders")


def test_a_store_of_a_newer_version_is_refused(path, monkeypatch):
    with monkeypatch.context() as newer:
        newer.setattr(upgrading, "VERSION", 99)
        filled(path)
    for read_only in (False, True):
        with pytest.raises(StateVersionError, match="schema 99"):
            opened(path, read_only=read_only)


def test_migration_is_one_transaction_after_a_backup(path, monkeypatch):
    """A migration that breaks half-way changes nothing; one that succeeds leaves the old file beside the new."""
    filled(path)
    version = upgrading.VERSION

    def breaks(connection: sa.Connection) -> None:
        connection.exec_driver_sql("alter table connector_syncs add column extra text")
        connection.exec_driver_sql("select * from nowhere")

    def works(connection: sa.Connection) -> None:
        connection.exec_driver_sql("alter table connector_syncs add column extra text")

    monkeypatch.setattr(upgrading, "VERSION", version + 1)
    with pytest.raises(StateError, match=f"older schema {version}"):
        opened(path, read_only=True)
    monkeypatch.setattr(upgrading, "MIGRATIONS", {version: breaks})
    with pytest.raises(StateError):
        opened(path)
    monkeypatch.setattr(upgrading, "MIGRATIONS", {version: works})
    with opened(path) as store:
        assert store.watermark("orders") == {"a": 1}
    backup = path.with_name(f"state.db.v{version}.bak")
    assert columns(path) == [*columns(backup), "extra"]
    monkeypatch.setattr(upgrading, "VERSION", version)
    with opened(backup) as store:
        assert store.watermark("orders") == {"a": 1}


def columns(path: Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        found = [row[1] for row in connection.execute("pragma table_info(connector_syncs)")]
    connection.close()
    return found


def test_a_place_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match="cannot be created"):
        opened(tmp_path / "file" / "state.db")
    with pytest.raises(StateError, match="cannot be created"):
        opened(tmp_path)


@pytest.mark.parametrize("given", ["state.db", "mysql://user:secret@host/db", "oops://", ""])
def test_a_url_of_another_kind_is_refused(given):
    with pytest.raises(ConfigError) as refused:
        StateStore.open(given)
    assert "secret" not in str(refused.value)
    assert "sqlite:///" in refused.value.hint


FILL = """
import datetime as dt, resource, sys
from connector.errors import StateError
from connector.model import Commit, Counts, Watermark
from connector.state.store import StateStore
store = StateStore.open(sys.argv[1])
lease = store.acquire("orders", ttl=dt.timedelta(hours=1))
store.start_run(lease, "run-1")
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
done = 0
try:
    while True:
        parts = {f"part-{done}": "personal " * 2000, "last": done}
        store.commit(lease, "run-1", Commit(watermark=Watermark(parts), counts=Counts(read=done)))
        done += 1
except StateError as error:
    print(done, error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.commit(lease, "run-1", Commit(watermark=Watermark({"after": True})))
"""


@pytest.mark.skipif(os.name != "posix", reason="needs a limit on the size of files")
def test_a_full_disk_loses_nothing(path):
    """What was committed before the disk was full is there, nothing of what failed is, and room lets it go on."""
    child = subprocess.run(
        [sys.executable, "-c", FILL, url(path)], capture_output=True, text=True, check=True
    )
    done, _, message = child.stdout.partition(" ")
    assert "state.db" in message
    assert "disk" in message
    assert "personal" not in message
    with opened(path) as store:
        watermark = store.watermark("orders")
        assert (watermark["last"], len(watermark), watermark["after"]) == (int(done) - 1, int(done) + 2, True)
        assert int(done) > 5


def test_what_was_committed_survives_the_death_of_the_process(path):
    """A process that is killed after a commit, without closing anything, has committed it."""
    code = FILL.split("resource.setrlimit", maxsplit=1)[0] + (
        "store.commit(lease, 'run-1', Commit(watermark=Watermark({'a': 7}), counts=Counts(read=7)))\n"
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL if os.name == 'posix' else signal.SIGTERM)"
    )
    code = code.replace("import datetime as dt, resource, sys", "import datetime as dt, sys")
    assert subprocess.run([sys.executable, "-c", code, url(path)], check=False).returncode != 0
    with opened(path) as store:
        assert (store.watermark("orders"), store.runs("orders")[0].counts) == ({"a": 7}, Counts(read=7))


def test_many_processes_write_to_one_file(path):
    """Several syncs of one state file run at once, each on its own lane."""
    code = """
import datetime as dt, sys
from connector.model import Commit, Watermark
from connector.state.store import StateStore
with StateStore.open(sys.argv[1]) as store, store.acquire(sys.argv[2], ttl=dt.timedelta(hours=1)) as lease:
    store.start_run(lease, sys.argv[2])
    for number in range(100):
        store.commit(lease, sys.argv[2], Commit(watermark=Watermark({"n": number})))
"""
    children = [
        subprocess.Popen([sys.executable, "-c", code, url(path), f"sync-{number}"]) for number in range(3)
    ]
    assert [child.wait() for child in children] == [0, 0, 0]
    with opened(path, read_only=True) as store:
        assert [store.watermark(f"sync-{number}") for number in range(3)] == [{"n": 99}] * 3


def test_a_store_in_memory_works(monkeypatch):
    with StateStore.open("sqlite://") as store:
        lease = store.acquire("orders", ttl=TTL)
        store.start_run(lease, "run-1")
        store.commit(lease, "run-1", Commit(watermark=Watermark({"a": 1})))
        assert store.watermark("orders") == {"a": 1}
        with pytest.raises(LeaseHeld):
            store.acquire("orders", ttl=TTL)
