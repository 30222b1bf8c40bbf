"""Runs that are stopped, killed or started twice: everything acknowledged is committed, and nothing is lost."""

import os
import signal
import socket
import time
from contextlib import contextmanager

import pytest
from shop import end, wait_for

ROWS = range(1, 401)
SLOW = {"latency": 0.15}


@contextmanager
def running(shop, path, *options, accepted=40):
    """A run in a process of its own, in the middle of a slow delivery."""
    shop.sandbox.set_faults(SLOW)
    process = shop.start("run", "--json", *options, path)
    try:
        wait_for(lambda: process.poll() is not None or shop.sandbox.counters()["accepted"] >= accepted)
        assert process.poll() is None
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop(shop, number):
    """A signal ends the run after what is in flight, with exit 3; the next run delivers the rest, and nothing twice."""
    shop.orders(ROWS)
    path = shop.write({"destination.concurrency": 4})
    with running(shop, path) as process:
        process.send_signal(number)
        ended = end(process)
    shop.refuses(ended, 3, "orders: stopped by a signal", "run again")
    assert 0 < ended.counts["delivered"] == len(shop.received()) < len(ROWS)
    assert ended.counts["read"] == ended.counts["delivered"] + ended.counts["unfinished"]
    shop.sandbox.set_faults({})
    rest = shop.run("run", "--json", path)
    assert rest.counts["delivered"] == len(ROWS) - ended.counts["delivered"]
    assert (rest.counts["in_doubt"], rest.counts["resent"]) == (0, 0)
    assert shop.received() == dict.fromkeys(ROWS, 1)


def test_a_stop_of_several_syncs(shop):
    """The syncs that have not begun do not begin, and the exit code says that something is left."""
    shop.orders(ROWS)
    shop.parts("a.parquet", range(10))
    shop.write({"sync": "a-first", "destination.concurrency": 4})
    shop.write(parquet=True)
    with running(shop, shop.folder) as process:
        process.terminate()
        ended = end(process)
    assert (ended.code, [line["sync"] for line in ended.lines]) == (3, ["a-first"])
    assert "productId" not in "".join(stored.raw for stored in shop.sandbox.items())


def test_a_stop_while_waiting_to_retry(shop):
    """A stop ends a wait at once, however long the destination asked to wait (invariant 8)."""
    shop.orders(ROWS)
    path = shop.write({"destination.retry": {"max_elapsed": "1h"}})
    shop.sandbox.set_faults({"rules": [{"fault": "status", "status": 503, "retry_after": 600}]})
    process = shop.start("run", "--json", path)
    wait_for(lambda: process.poll() is not None or shop.sandbox.counters()["statuses"].get("503"))
    began = time.monotonic()
    process.terminate()
    ended = end(process)
    assert time.monotonic() - began < 5
    shop.refuses(ended, 3, "orders: stopped")
    shop.sandbox.set_faults({})
    shop.write()
    shop.delivers(path, ROWS)


def test_a_stop_of_a_server_that_hangs(shop):
    """A server that never answers holds a stop up for shutdown_timeout and no longer."""
    shop.orders(ROWS)
    path = shop.write(
        {"destination.timeout": "10m", "shutdown_timeout": "300ms", "destination.concurrency": 2}
    )
    shop.sandbox.set_faults({"rules": [{"fault": "hang"}]})
    process = shop.start("run", "--json", path)
    wait_for(lambda: process.poll() is not None or shop.sandbox.counters()["in_flight"] >= 2)
    began = time.monotonic()
    process.terminate()
    ended = end(process)
    assert time.monotonic() - began < 5
    shop.refuses(ended, 3, "orders: stopped")
    shop.sandbox.set_faults({})
    again = shop.run("run", "--json", path)
    assert (again.code, again.counts["in_doubt"]) == (0, 20)
    assert shop.received() == dict.fromkeys(ROWS, 1)


@pytest.mark.parametrize("waits", ["source", "state"])
def test_a_stop_while_a_server_is_opened(shop, waits):
    """A server that takes the connection and says nothing holds no stop up (invariant 8)."""
    shop.orders(ROWS)
    path = shop.write()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        address = f"me:secret@127.0.0.1:{silent.getsockname()[1]}/shop"
        if waits == "source":
            shop.write({"source.url": f"mysql+pymysql://{address}"})
            process = shop.start("run", "--json", path)
        else:
            process = shop.start("run", "--json", "--state", f"postgresql://{address}", path)
        accepted, _ = silent.accept()
        began = time.monotonic()
        process.terminate()
        ended = end(process)
        accepted.close()
    assert time.monotonic() - began < 5
    shop.refuses(ended, 3, "orders: stopped by a signal", "run again")
    shop.write()
    shop.delivers(path, ROWS)


def test_a_second_signal(shop):
    """It ends the process at once; what was in flight is then in doubt, as after a crash, and nothing is lost."""
    shop.orders(ROWS)
    path = shop.write({"destination.concurrency": 2})
    with running(shop, path) as process:
        shop.sandbox.set_faults({"rules": [{"fault": "hang"}]})
        wait_for(lambda: shop.sandbox.counters()["in_flight"] >= 2)
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)  # two signals at one moment are one
        process.send_signal(signal.SIGINT)
        assert end(process).code == 128 + signal.SIGINT
    shop.sandbox.set_faults({})
    assert shop.run("run", path).code == 0
    assert set(shop.received()) == set(ROWS)


@pytest.mark.parametrize("accepted", [20, 120, 250])
def test_a_kill(shop, accepted):
    """After kill -9 every row arrives, and no more twice than the next run says are in doubt (invariant 3)."""
    shop.orders(ROWS)
    path = shop.write({"destination.concurrency": 4})
    with running(shop, path, accepted=accepted) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    shop.sandbox.set_faults({})
    before = len(shop.received())
    assert accepted <= before < len(ROWS)
    [cut_off] = shop.run("status", "--json", path).lines
    assert (cut_off["run"]["ended"], cut_off["run"]["exit_code"]) == (None, None)
    ended = shop.run("run", "--json", path)
    assert ended.code == 0
    assert set(shop.received()) == set(ROWS)
    duplicates = shop.sandbox.stats()["duplicates"]
    assert duplicates <= ended.counts["in_doubt"] <= 4 * 10
    assert ended.counts["in_doubt"] == 0 or "in doubt" in ended.err
    assert shop.run("run", "--json", path).counts["read"] == 0


def test_a_kill_with_doubtful_items_held(shop):
    """With on_doubt: hold nothing arrives twice: what is in doubt goes to the rejects, for a person to look at."""
    shop.orders(ROWS)
    path = shop.write({"destination.concurrency": 4, "destination.on_doubt": "hold"})
    with running(shop, path) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    shop.sandbox.set_faults({})
    ended = shop.run("run", "--json", path)
    [report] = ended.lines
    assert (ended.code, report["rejects"]) == (0, {"in_doubt": ended.counts["in_doubt"]})
    assert 0 < ended.counts["rejected"] <= 40
    received = shop.received()
    assert set(received.values()) == {1}
    held = {line["reason"]: line["rejects"] for line in shop.run("rejects", "list", "--json", path).lines}
    assert held == {"in_doubt": ended.counts["rejected"]}
    assert len(received) >= len(ROWS) - ended.counts["rejected"]


def test_a_full_disk(shop):
    """A state that cannot grow ends the run: what is not recorded counts as in doubt, and nothing is lost."""
    resource = pytest.importorskip("resource", reason="needs limits on files, which Windows has none of")
    shop.orders(ROWS)
    path = shop.write()
    assert shop.run("run", "--limit", 20, path).code == 0
    limit = shop.state.stat().st_size + 40_000  # room for some commits in the log beside it

    def no_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    ended = end(shop.start("run", "--json", path, preexec_fn=no_room))
    shop.refuses(ended, 3, "orders: the state store", "room")
    assert [line.split()[0] for line in ended.err.splitlines()] == ["error", "→"]
    assert ended.counts["rejected"] == 0
    assert ended.counts["delivered"] < len(ROWS) - 20
    rest = shop.run("run", "--json", path)
    assert rest.code == 0
    assert set(shop.received()) == set(ROWS)
    assert shop.sandbox.stats()["duplicates"] <= rest.counts["in_doubt"] <= 8 * 10


@pytest.mark.parametrize("store", ["file", "postgresql"])
def test_two_runs_at_once(shop, store, request):
    """The second run of a sync refuses, sends nothing, and says who holds it and since when."""
    shop.orders(ROWS)
    path = shop.write({"destination.concurrency": 4})
    options = ["--state", request.getfixturevalue("postgres_url")] if store == "postgresql" else []
    with running(shop, path, *options) as process:
        second = shop.run("run", "--json", *options, path)
        shop.refuses(second, 3, f"process {process.pid}", "since 20", "wait")
        assert second.counts["read"] == 0
        for change in (["reset", "--yes"], ["set"], ["rename"]):
            extra = {"set": ["{}"], "rename": ["old"]}.get(change[0], [])
            refused = shop.run("state", change[0], *options, *change[1:], path, *extra)
            assert refused.code in (2, 3), refused
            assert "error" in refused.err
        assert shop.run("status", *options, path).code == 0
        shop.sandbox.set_faults({})
        first = end(process)
    assert (first.code, first.counts["delivered"]) == (0, len(ROWS))
    assert shop.run("run", "--json", *options, path).counts["read"] == 0
    assert shop.received() == dict.fromkeys(ROWS, 1)


def test_a_run_that_waits_for_another(shop):
    """With --wait the second run says who holds the sync, and goes on when it is given back."""
    shop.orders(ROWS)
    path = shop.write({"destination.concurrency": 4})
    with running(shop, path) as process:
        shop.sandbox.set_faults({"latency": 5})  # the first goes on until the second has said that it waits
        second = shop.start("run", "--json", "--wait", path)
        said = second.stderr.readline()
        assert f"process {process.pid}" in said
        assert "since 20" in said
        shop.sandbox.set_faults({})
        first = end(process)
    assert (first.code, first.counts["delivered"]) == (0, len(ROWS))
    waited = end(second)
    assert (waited.code, waited.counts["read"]) == (0, 0)
    assert shop.received() == dict.fromkeys(ROWS, 1)


def test_a_stop_while_waiting_for_another(shop):
    shop.orders(ROWS)
    path = shop.write({"destination.concurrency": 4})
    with running(shop, path) as process:
        # The first goes on; what hangs ends with it, where what is merely late would keep the next test waiting.
        shop.sandbox.set_faults({"rules": [{"fault": "hang"}]})
        second = shop.start("run", "--wait", path)
        assert "waits" in second.stderr.readline()
        second.terminate()
        assert end(second).code == 3
        assert process.poll() is None
