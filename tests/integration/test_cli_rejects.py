"""What people do with rejects: the commands on the rejects of real runs."""

import datetime as dt
import json
import os
import stat
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from connector.model import Commit, Reject
from connector.state.store import StateStore

TTL = dt.timedelta(hours=1)


@pytest.fixture
def rejected(shop):
    """A sync with three rejects, of one reason before a pause and of another after it, and the path of its YAML."""
    shop.orders(range(1, 13))
    shop.sql("update orders set email = null where order_id in (2, 3)")
    path = shop.write({"rejects": {"max": "90%"}})
    assert shop.run("run", path).code == 0
    shop.sandbox.set_faults({"poison": ["user7@shop.example"]})
    shop.orders([7], minutes=30)
    shop.orders([8], minutes=31)
    assert shop.run("run", path).code == 0
    return path


def rows(shop, path, *options):
    ended = shop.run("rejects", "list", path, "--rows", "--json", *options)
    assert ended.code == 0, ended
    return ended.lines


def ids(shop, path, *options):
    return sorted(row["key"][0] for row in rows(shop, path, *options))


def test_rejects_are_listed_by_reason_and_one_by_one(shop, rejected):
    groups = shop.run("rejects", "list", rejected, "--json").lines
    assert {group["reason"]: group["rejects"] for group in groups} == {
        "missing_identity": 2,
        "refused_by_server": 1,
    }
    newest = rows(shop, rejected)[0]
    assert newest.keys() == {
        *("event_id", "reason", "key", "first_seen", "last_seen", "attempts", "closed"),
    }
    assert (newest["reason"], newest["key"], newest["attempts"]) == ("refused_by_server", [7], 1)
    table = shop.run("rejects", "list", rejected, "--rows")
    for words in (newest["event_id"], "refused_by_server", "[7]"):
        assert words in table.out
    few = shop.run("rejects", "list", rejected, "--rows", "--limit", "1")
    assert newest["event_id"] in few.out
    assert "2 older rejects are not shown" in few.err


def test_rejects_are_filtered(shop, rejected):
    """By reason, key and time, all together, single ones and groups."""
    late = rows(shop, rejected)[0]["last_seen"]
    assert ids(shop, rejected, "--reason", "missing_identity") == [2, 3]
    assert ids(shop, rejected, "--key", "7") == ids(shop, rejected, "--key", "[7]") == [7]
    assert ids(shop, rejected, "--key", '"7"') == []
    assert ids(shop, rejected, "--since", late) == [7]
    assert ids(shop, rejected, "--until", late) == [2, 3]
    assert ids(shop, rejected, "--until", late, "--key", "3", "--reason", "missing_identity") == [3]
    assert ids(shop, rejected, "--until", "2024-01-01") == []
    [group] = shop.run("rejects", "list", rejected, "--since", late, "--json").lines
    assert (group["reason"], group["rejects"]) == ("refused_by_server", 1)
    assert shop.run("rejects", "list", rejected, "--key", "99").out == "orders: no such rejects\n"


def test_closed_rejects_are_shown_on_demand(shop, rejected):
    with StateStore.open(f"sqlite:///{shop.state}") as store:
        store.close_rejects("orders", [rows(shop, rejected)[0]["event_id"]])
    assert ids(shop, rejected) == [2, 3]
    assert ids(shop, rejected, "--closed") == [2, 3, 7]


def test_a_mistake_in_an_option_is_said(shop, rejected):
    shop.refuses(shop.run("rejects", "list", rejected, "--since", "yesterday"), 2, "--since")
    shop.refuses(shop.run("rejects", "list", rejected, "--limit", "3"), 2, "--rows")
    shop.refuses(shop.run("rejects", "drop", rejected, "--all-rejects", "--key", "3"), 2, "--all-rejects")


def test_show_tells_everything(shop, rejected):
    shown = shop.run("rejects", "show", rejected, rows(shop, rejected)[0]["event_id"])
    reject = json.loads(shown.out)
    assert (reject["reason"], reject["key"], reject["row"]["order_id"]) == ("refused_by_server", [7], 7)
    assert reject["message"]
    assert '"total": 7.25' in shown.out
    assert {"version", "mapping", "run_id", "lane", "first_seen", "last_seen", "attempts", "closed"} <= set(
        reject
    )
    shop.refuses(shop.run("rejects", "show", rejected, "nothing"), 2, "no reject", "list")


# ── export ───────────────────────────────────────────────────────────────────────────────────────────


def test_export(shop, rejected):
    """As NDJSON to standard output or a file, as Parquet, with filters; a file is for its owner alone."""
    printed = shop.run("rejects", "export", rejected, "--reason", "missing_identity")
    assert sorted(row["row"]["order_id"] for row in printed.lines) == [2, 3]
    assert shop.run("rejects", "export", rejected, "--reason", "missing_identity", "--to", "-") == printed
    ndjson, parquet = shop.folder / "rejects.ndjson", shop.folder / "rejects.parquet"
    for file in (ndjson, parquet):
        file.write_text("old")
        told = shop.run("rejects", "export", rejected, "--to", file)
        assert (told.code, told.out) == (0, f"orders: 3 rejects written to {file}\n")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    lines = [json.loads(line) for line in ndjson.read_text().splitlines()]
    table = pq.read_table(parquet).to_pylist()
    assert [row["event_id"] for row in lines] == [row["event_id"] for row in table]
    assert [json.loads(row["key"]) for row in table] == [row["key"] for row in lines]
    assert [json.loads(row["row"])["order_id"] for row in table] == [row["row"]["order_id"] for row in lines]
    assert [row["last_seen"].isoformat() for row in table] == [row["last_seen"] for row in lines]
    assert {row["attempts"] for row in table} == {1}
    assert sorted(file.name for file in shop.folder.glob(".*.part")) == []


def test_export_of_nothing(shop, rejected):
    """No reject makes an empty file, of Parquet one with its columns."""
    file = shop.folder / "none.parquet"
    assert shop.run("rejects", "export", rejected, "--key", "99", "--to", file).code == 0
    assert pq.read_table(file).num_rows == 0
    assert shop.run("rejects", "export", rejected, "--key", "99").out == ""


def test_an_export_that_fails_leaves_the_old_file(shop, rejected):
    """Where it cannot be written, and where the state breaks off half-way."""
    shop.refuses(shop.run("rejects", "export", rejected, "--to", shop.folder / "no" / "x"), 2, "cannot write")
    file = shop.folder / "rejects.ndjson"
    file.write_text("old")
    shop.state.write_bytes(shop.state.read_bytes()[:4096] + b"\xff" * 40_000)
    assert shop.run("rejects", "export", rejected, "--to", file).code == 3
    assert file.read_text() == "old"
    assert list(shop.folder.glob(".*.part")) == []


LARGE = """
import resource, sys
from connector.cli import app
try:
    app(sys.argv[1:])
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


@pytest.mark.parametrize("name", ["rejects.ndjson", "rejects.parquet"])
@pytest.mark.skipif(os.name != "posix", reason="needs a measure of memory")
def test_an_export_is_bounded_in_memory(shop, name):
    """150 MB of rejects are written with much less than that in memory."""
    path = shop.write()
    with (
        StateStore.open(f"sqlite:///{shop.state}") as store,
        store.acquire("orders", ttl=TTL) as lease,
    ):
        store.start_run(lease, "run-1")
        for first in range(0, 1500, 100):
            rejects = [
                Reject("r", "m", f"e{n:05}", f"[{n}]", json.dumps({"n": n, "text": "x" * 100_000}))
                for n in range(first, first + 100)
            ]
            store.commit(lease, "run-1", Commit(rejects=tuple(rejects)))
    few = peak(shop, path, name, "--key", "7")
    assert peak(shop, path, name) < few + 80_000
    assert (shop.folder / name).stat().st_size > (100_000_000 if name.endswith("ndjson") else 10_000)


def peak(shop, path, name, *options):
    """Export in a process of its own and return the most memory that it held, in kB."""
    arguments = ["rejects", "export", str(path), "--to", str(shop.folder / name), *options]
    ended = subprocess.run(
        [sys.executable, "-c", LARGE, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "SHOP_KEY": "k.k"},
    )
    return int(ended.stderr.splitlines()[-1])


def test_a_reader_that_has_seen_enough_is_no_mistake(shop, rejected):
    """`export | head -1` ends quietly."""
    process = shop.start("rejects", "export", rejected)
    process.stdout.close()
    assert process.wait(60) == 0
    assert process.stderr.read() == ""
    process.stderr.close()


# ── drop ─────────────────────────────────────────────────────────────────────────────────────────────


def test_drop(shop, rejected):
    """What the filter means goes, and it says how many."""
    told = shop.run("rejects", "drop", rejected, "--key", "2", "--yes")
    assert (told.code, told.out) == (0, "orders: 1 rejects deleted\n")
    assert ids(shop, rejected) == [3, 7]
    newest = rows(shop, rejected)[0]["event_id"]
    assert shop.run("rejects", "drop", rejected, "--event-id", newest, "--yes").code == 0
    assert ids(shop, rejected) == [3]
    assert shop.run("rejects", "drop", rejected, "--key", "2").out == "orders: no such rejects\n"


def test_drop_asks(shop, rejected):
    """Nobody there to answer is a no; all of them need more than a yes."""
    shop.refuses(shop.run("rejects", "drop", rejected, "--key", "2"), 2, "Delete 1 rejects", "--yes")
    shop.refuses(shop.run("rejects", "drop", rejected), 2, "all 3 rejects")
    shop.refuses(shop.run("rejects", "drop", rejected, "--yes"), 2, "all 3 rejects", "--all-rejects")
    assert ids(shop, rejected) == [2, 3, 7]
    for answer, left in (("y", [2, 3, 7]), ("all", [])):
        shop.run("rejects", "drop", rejected, typed=f"{answer}\n")
        assert ids(shop, rejected) == left


def test_drop_all_while_a_run_goes_on(shop, rejected):
    """Deleting needs no lane; closed ones go too."""
    with StateStore.open(f"sqlite:///{shop.state}") as store:
        store.close_rejects("orders", [rows(shop, rejected)[0]["event_id"]])
        with store.acquire("orders", ttl=TTL):
            told = shop.run("rejects", "drop", rejected, "--all-rejects", "--yes")
    assert (told.code, told.out) == (0, "orders: 3 rejects deleted\n")
    assert ids(shop, rejected, "--closed") == []
