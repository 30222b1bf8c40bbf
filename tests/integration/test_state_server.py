"""State in PostgreSQL: connections that are cut at the worst moment, and servers that are not there."""

from __future__ import annotations

import datetime as dt
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest
import sqlalchemy as sa

from connector.errors import LeaseLost, StateError
from connector.model import Commit, Counts, Intent, Reject, RunReport, Watermark
from connector.state import database
from connector.state.store import StateStore

TTL = dt.timedelta(seconds=60)
NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def url(postgres_server) -> Iterator[str]:
    with postgres_server.database() as made:
        yield made


@pytest.fixture
def wire(url: str) -> Iterator[Wire]:
    with closing(Wire(url)) as made:
        yield made


class Wire:
    """The connection between a store and its server, to be cut around the next COMMIT."""

    def __init__(self, url: str) -> None:
        self._server = sa.make_url(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.cut = ""
        self.cuts = 0
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        port = self._listener.getsockname()[1]
        through = self._server.set(
            host="127.0.0.1", port=port, query={"sslmode": "disable", "gssencmode": "disable"}
        )
        return through.render_as_string(hide_password=False)

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # closing alone would not wake who waits in accept
        self._listener.close()

    def _upstream(self) -> socket.socket:
        folder = self._server.query.get("host")
        if not folder:
            return socket.create_connection((self._server.host or "localhost", self._server.port or 5432))
        upstream = socket.socket(socket.AF_UNIX)
        upstream.connect(f"{folder}/.s.PGSQL.{self._server.port or 5432}")
        return upstream

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                pair = client, self._upstream()
                threading.Thread(target=self._forward, args=(*pair, True), daemon=True).start()
                threading.Thread(target=self._forward, args=(*reversed(pair), False), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket, to_server: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if to_server and b"COMMIT" in data and self.cut == "before":
                    break
                if to_server and b"COMMIT" in data and self.cut == "after":
                    self.cut = "answer"
                elif not to_server and self.cut == "answer" and b"COMMIT" in data:
                    break
                target.sendall(data)
        self.cuts += bool(self.cut)
        self.cut = ""
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def committed(store: StateStore) -> tuple[object, ...]:
    run = store.runs("orders")[0]
    attempts = [one.attempts for one in store.list_rejects("orders")]
    return store.watermark("orders"), run.counts.read, attempts


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_lost_answer_to_a_commit_is_settled(wire, url, cut):
    """Whether the connection breaks before or after the server has committed, the commit happens exactly once."""
    with StateStore.open(wire.url) as store:
        lease = store.acquire("orders", ttl=TTL)
        store.start_run(lease, "run-1")
        store.commit(lease, "run-1", Commit(intents=(Intent(1, 2, 3),)))
        wire.cut = cut
        reject = Reject("missing_identity", "none", "e1")
        second = Commit((Intent(2, 1, 5),), {}, 1, Watermark({"a": 1}), (reject,), counts=Counts(read=2))
        store.commit(lease, "run-1", second)
        assert (wire.cuts, wire.connections) == (1, 2)
        assert committed(store) == ({"a": 1}, 2, [1])
        store.commit(lease, "run-1", Commit(watermark=Watermark({"a": 2}), counts=Counts(read=3)))
        assert lease.seq == 4
    with StateStore.open(url) as later:
        assert committed(later) == ({"a": 2}, 3, [1])
        run_out(later)
        assert later.recover(later.acquire("orders", ttl=TTL)).in_doubt_items == 5


def run_out(store: StateStore) -> None:
    with store._database.engine.begin() as connection:
        connection.execute(sa.text("update connector_leases set expires = 0"))


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_lost_answer_to_anything_else_is_settled(wire, cut):
    """Taking a lease, entering and ending a run, renewing and releasing survive a cut just as well."""
    with StateStore.open(wire.url) as store:
        wire.cut = cut
        lease = store.acquire("orders", ttl=TTL)
        for act in (
            lambda: store.start_run(lease, "run-1"),
            lease.renew,
            lambda: store.finish_run(
                lease, RunReport("run-1", "orders", "live", NOW, NOW, 0, Counts(read=1)), clear_recovered=True
            ),
            lease.release,
            lambda: store.set_watermark("orders", Watermark({"a": 1})),
        ):
            wire.cut = cut
            act()
        assert wire.cuts == 6
        assert (lease.token, store.watermark("orders")) == (1, {"a": 1})
        assert [(run.run_id, run.exit_code) for run in store.runs("orders")] == [("run-1", 0)]


def test_a_session_that_was_ended_is_opened_again(url):
    """An idle connection that the server or a proxy drops costs nothing."""
    with StateStore.open(url) as store, StateStore.open(url) as other:
        lease = store.acquire("orders", ttl=TTL)
        store.start_run(lease, "run-1")
        terminate_others(other)
        store.commit(lease, "run-1", Commit(watermark=Watermark({"a": 1})))
        terminate_others(other)
        assert store.watermark("orders") == {"a": 1}


def terminate_others(store: StateStore) -> None:
    ended = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
    store._database.read(
        lambda connection: connection.execute(sa.text(f"{ended} and pid <> pg_backend_pid()")).all()
    )


def test_a_lane_taken_over_while_the_connection_was_lost_stays_lost(url):
    """A commit that needs a new connection does not pass the fence of another holder."""
    with StateStore.open(url) as store, StateStore.open(url) as other:
        lease = store.acquire("orders", ttl=TTL)
        store.start_run(lease, "run-1")
        terminate_others(other)
        run_out(other)
        other.acquire("orders", ttl=TTL)
        with pytest.raises(LeaseLost):
            store.commit(lease, "run-1", Commit(watermark=Watermark({"a": 1})))
        assert other.watermark("orders") == {}


def test_a_server_that_stays_away_is_an_error_in_the_end(wire, monkeypatch):
    """A run waits a while for its store to come back, then ends with what happened and what to do."""
    monkeypatch.setattr(database, "RECONNECT_SECONDS", 0.3)
    with StateStore.open(wire.url) as store:
        lease = store.acquire("orders", ttl=TTL)
        store.start_run(lease, "run-1")
        wire.cut = "before"
        wire.close()
        with pytest.raises(StateError, match="cannot be reached") as refused:
            store.commit(lease, "run-1", Commit(watermark=Watermark({"secret": "value"})))
        assert refused.value.hint
        assert "value" not in str(refused.value)


FREEZE = """
import datetime as dt, os, signal, sys
from connector.state import database
from connector.state.lease import fenced
from connector.state.store import StateStore
database._POSTGRESQL_SETTINGS = ("idle_in_transaction_session_timeout = '300ms'",)
store = StateStore.open(sys.argv[1])
lease = store.acquire("orders", ttl=dt.timedelta(0))
fenced(lease, lambda connection: os.kill(os.getpid(), signal.SIGSTOP))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs a system that can stop a process")
def test_a_holder_frozen_in_a_transaction_is_passed_by(url):
    """The server ends the frozen session, its transaction with it, and whoever waits goes on."""
    child = subprocess.Popen([sys.executable, "-c", FREEZE, url])
    try:
        os.waitid(os.P_PID, child.pid, os.WSTOPPED)
        with StateStore.open(url) as store:
            assert store.acquire("orders", ttl=TTL).token == 2
    finally:
        child.kill()
        child.wait()


def test_a_commit_that_collides_with_another_transaction_is_made_again(url):
    """Two transactions that wait for each other's rejects: the server ends one, and the run goes on."""
    patient = url + ("&" if "?" in url else "?") + "options=-c%20deadlock_timeout%3D3s"
    with StateStore.open(patient) as store, store.acquire("orders", ttl=TTL) as lease:
        store.start_run(lease, "run-1")
        both = Commit(rejects=(Reject("r", "m", "e1"), Reject("r", "m", "e2")))
        store.commit(lease, "run-1", both)
        engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.NullPool)
        with engine.connect() as other, engine.connect() as watching:
            other.execute(sa.text("set deadlock_timeout = '1min'"))  # so that the store's is ended
            other.execute(sa.text("delete from connector_rejects where event_id = 'e2'"))
            committing = threading.Thread(target=store.commit, args=(lease, "run-1", both))
            committing.start()
            waits = sa.text("select count(*) from pg_locks where not granted")
            while not watching.execute(waits).scalar_one():
                pass
            other.execute(sa.text("delete from connector_rejects where event_id = 'e1'"))
            other.commit()
            committing.join()
        assert [one.attempts for one in store.list_rejects("orders")] == [1, 1]
