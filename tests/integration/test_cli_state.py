"""Where state lies, and how it is moved: a sync goes on at the new place where it stopped at the old one."""

import tempfile
from pathlib import Path

import pytest
from servers import state_place

from connector.state.store import StateStore

ROWS = range(1, 41)


@pytest.fixture(params=["sqlite", "postgresql"])
def new(request, shop):
    with state_place(request.param, request, shop.folder / "new") as url:
        yield url


def test_a_sync_goes_on_at_the_copy(shop, new):
    """Some rows at the old store, the rest at the new one, and back again: each arrives once."""
    shop.orders(ROWS)
    shop.sql("update orders set email = null where order_id = 3")
    path = shop.write()
    assert shop.run("run", "--limit", "15", path).code == 0
    told = shop.run("state", "copy", "--to", new, "--configs", shop.folder)
    assert (told.code, "watermarks" in told.out) == (0, True)
    ended = shop.run("run", "--json", "--limit", "15", "--state", new, path)
    assert (ended.code, ended.counts["read"]) == (0, 15)
    assert "no state yet" not in ended.err
    back = shop.folder / "back.db"
    told = shop.run("state", "copy", "--state", new, "--to", "back.db", "--configs", shop.folder, "--json")
    [copied] = told.lines
    assert (copied["rejects"], copied["runs"], copied["syncs"]) == (1, 2, 1)
    assert shop.run("run", "--state", back, path).code == 0
    assert shop.received() == dict.fromkeys(set(ROWS) - {3}, 1)
    [group] = shop.run("rejects", "list", "--json", "--state", back, path).lines
    assert group["rejects"] == 1


def test_a_copy_that_makes_no_sense_is_refused(shop):
    """Nothing there, something there already, no place at all, and a store of another kind."""
    shop.orders(ROWS)
    path = shop.write()
    copy = ("state", "copy", "--configs", shop.folder, "--to")
    shop.refuses(shop.run(*copy, "new.db"), 2, "there is no state", "--configs")
    assert not shop.state.exists()
    assert not (shop.folder / "new.db").exists()
    assert shop.run("run", path).code == 0
    assert shop.run(*copy, "new.db").code == 0
    shop.refuses(shop.run(*copy, "new.db"), 2, "new.db holds state already", "--to")
    shop.refuses(shop.run(*copy, shop.state), 2, "state.db holds state already")
    shop.refuses(shop.run(*copy, "mysql://me:p@host/db"), 2, "--to is neither")
    shop.refuses(shop.run(*copy, "://me:p@host"), 2, "--to is no database URL")


def test_a_copy_keeps_its_password(shop, postgres_server):
    """Where it says where the copy is, and where it cannot get there."""
    shop.orders(ROWS)
    assert shop.run("run", shop.write()).code == 0
    with postgres_server.database() as url:
        named = url.replace("postgres@", "postgres:s3cret-w0rd@")
        assert "s3cret" in named
        told = shop.run("state", "copy", "--configs", shop.folder, "--to", named)
    assert told.code == 0
    failed = shop.run("state", "copy", "--configs", shop.folder, "--to", named)
    assert failed.code == 3
    for text in (told.out, told.err, failed.out, failed.err):
        assert "s3cret" not in text


@pytest.mark.skipif(not Path("/dev/shm").exists(), reason="needs a file system in memory")
def test_a_state_that_will_not_last_is_mentioned(shop):
    """By `check` and by each run, which keeps it with its report."""
    shop.orders(ROWS)
    path = shop.write()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        shop.environ["CONNECTOR_STATE"] = f"{memory}/state.db"
        checked, ran = shop.run("check", path), shop.run("run", "--json", path)
        for ended in (checked, ran):
            assert ended.code == 0
            assert "lies in memory (tmpfs)" in ended.err
        assert any("lies in memory" in note for note in ran.lines[0]["notes"])
        [stored] = shop.run("status", "--json", path).lines
        assert stored["run"]["notes"] == ran.lines[0]["notes"]


def test_a_run_prunes_history(shop):
    """Rejects and runs older than `rejects.retention` go; the last run and the last good one stay."""
    shop.orders(ROWS)
    shop.sql("update orders set email = null where order_id = 3")
    path = shop.write()
    for _ in range(2):
        assert shop.run("run", path).code == 0
    shop.write({"rejects": {"retention": "1ms"}, "destination.base_url": "http://127.0.0.1:1/v1"})
    assert shop.run("run", path).code == 5  # another destination
    with StateStore.open(f"sqlite:///{shop.state}", read_only=True) as store:
        assert [run.exit_code for run in store.runs("orders")] == [5, 0]
        assert store.count_rejects("orders") == 0
