"""A small shop beside a sandbox, and the program as people start it: whole, on real files and sockets."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from connector.cli import app
from connector.sandbox.process import Sandbox
from connector.sandbox.settings import SandboxSettings

# What a careless program would break on or print: every sign that ends a part of a URL.
SECRET = "p@ss/w#rd"
KEY = f"prefix.{SECRET}"


# Every form in which the secret travels or might be printed.
_FORMS = (SECRET, quote(SECRET, safe=""), quote(SECRET), b64encode(f"prefix:{SECRET}".encode()).decode())


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    """A sandbox process that takes KEY and is shared by all tests of a worker."""
    with Sandbox(SandboxSettings(port=0, key=KEY)) as running:
        yield running


@pytest.fixture
def shop(running_sandbox: Sandbox, tmp_path: Path) -> Shop:
    """An empty shop, and a sandbox that has received nothing and behaves."""
    wait_for(lambda: not running_sandbox.counters()["in_flight"])  # of a run that an earlier test has killed
    running_sandbox.reset()
    return Shop(tmp_path, running_sandbox)


@dataclass(frozen=True)
class Ended:
    """A command that ended: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Standard output read as one JSON object a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def counts(self) -> dict[str, int]:
        """The accounting of the one run that ``run --json`` printed."""
        [report] = self.lines
        return dict(report["counts"])


@dataclass
class Shop:
    """A folder with a source, a sync and its state, and the sandbox that the sync sends to."""

    folder: Path
    sandbox: Sandbox
    environ: dict[str, str] = field(default_factory=dict)

    # ── what is there ─────────────────────────────────────────────────────────────────────────────────

    def orders(self, ids: Iterable[int], minutes: int = 0) -> None:
        """Put orders into the SQLite database shop.db, a second apart, `minutes` after those put in without."""
        with sqlite3.connect(self.folder / "shop.db") as connection:
            connection.execute(
                "create table if not exists orders(order_id integer primary key, email text, total decimal(18,2),"
                " score real, label text, created_at timestamp not null, seen_at timestamp)"
            )
            connection.execute("create index if not exists orders_new on orders(created_at, order_id)")
            connection.executemany(
                "insert or replace into orders values (?, ?, ?, 0.5, 'same', ?, ?)",
                [(i, f"user{i}@shop.example", f"{i}.25", *[_stamp(i + 60 * minutes)] * 2) for i in ids],
            )
        connection.close()

    def sql(self, *statements: str) -> None:
        """Run statements on shop.db."""
        with sqlite3.connect(self.folder / "shop.db") as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()

    def parts(self, name: str, ids: Iterable[int], **columns: Any) -> Path:
        """Write a Parquet file of parts into the folder parts."""
        numbers = list(ids)
        table = pa.table({"part_id": numbers, "name": [f"part {i}" for i in numbers], **columns})
        path = self.folder / "parts" / name
        path.parent.mkdir(exist_ok=True)
        pq.write_table(table, path)
        return path

    # ── the sync ──────────────────────────────────────────────────────────────────────────────────────

    def config(self, changes: Mapping[str, Any] | None = None, *, parquet: bool = False) -> dict[str, Any]:
        """Return a sync; `changes` maps dotted places to values, None takes a place out."""
        config = _CATALOG if parquet else _ORDERS
        config = json.loads(json.dumps({**config, "destination": _DESTINATION}))
        config["destination"]["base_url"] = self.sandbox.url
        for place, value in (changes or {}).items():
            *parents, last = place.split(".")
            node = config
            for parent in parents:
                node = node[parent]
            if value is None:
                del node[last]
            else:
                node[last] = value
        return config

    def write(self, changes: Mapping[str, Any] | None = None, *, parquet: bool = False) -> Path:
        """Write the sync into a file named after it; JSON is YAML too."""
        config = self.config(changes, parquet=parquet)
        path = self.folder / f"{config['sync']}.yaml"
        path.write_text(json.dumps(config, indent=2), "utf-8")
        return path

    # ── the program ───────────────────────────────────────────────────────────────────────────────────

    def run(self, *arguments: object, typed: str | None = None) -> Ended:
        """Run a command inside this process, which spares its start; `typed` is what it reads."""
        words = [str(each) for each in arguments]
        result = CliRunner().invoke(app, words, env=self._environ(), input=typed)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ended(result.exit_code, result.stdout, result.stderr)

    def start(self, *arguments: object, **options: Any) -> subprocess.Popen[str]:
        """Start a command as a process of its own, with `options` of Popen."""
        environ = {
            name: value for name, value in {**os.environ, **self._environ()}.items() if value is not None
        }
        return subprocess.Popen(
            [sys.executable, "-m", "connector", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environ,
            **options,
        )

    def execute(self, *arguments: object) -> Ended:
        """Run a command as a process of its own."""
        return end(self.start(*arguments))

    def refuses(self, ended: Ended, code: int, *words: str) -> None:
        """Assert that a command ended as bad input should end one: said well, and nothing given away."""
        assert ended.code == code, ended
        for word in words:
            assert word in ended.err
        assert "\n  → " in ended.err
        self.keeps_secrets(ended)

    def keeps_secrets(self, ended: Ended) -> None:
        """Assert that neither what was printed nor the state holds a secret, and that no traceback was printed."""
        printed = ended.out + ended.err
        assert "Traceback" not in printed
        stored = self.stored()
        for form in _FORMS:
            assert form not in printed
            assert form.encode() not in stored

    def delivers(self, path: Path, ids: Iterable[object]) -> None:
        """Assert that a run ends well, and that the sandbox then has each of `ids` exactly once."""
        ended = self.run("run", path)
        assert ended.code == 0, ended
        assert self.received() == Counter(ids)

    def _environ(self) -> dict[str, str | None]:
        return {"SHOP_KEY": KEY, "CONNECTOR_STATE": None, "CONNECTOR_CONFIGS": None, **self.environ}

    # ── what came of it ───────────────────────────────────────────────────────────────────────────────

    def received(self) -> Counter[Any]:
        """Return how often the sandbox has each order or part."""
        items = [stored.item for stored in self.sandbox.items()]
        return Counter(
            item["data"]["orderId"] if "orderId" in item["data"] else item["productId"] for item in items
        )

    @property
    def state(self) -> Path:
        """The state's file."""
        return self.folder / ".connector" / "state.db"

    def stored(self) -> bytes:
        """Return all bytes of the state: its file and what lies beside it."""
        return b"".join(path.read_bytes() for path in sorted(self.state.parent.glob("*")) if path.is_file())


def wait_for(condition: Callable[[], object]) -> None:
    """Wait for something that another process does and tells nobody of."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def end(process: subprocess.Popen[str]) -> Ended:
    """Wait for a process."""
    out, err = process.communicate(timeout=60)
    return Ended(process.returncode, out, err)


def _stamp(seconds: int) -> str:
    return f"2024-01-01 {seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


_DESTINATION = {
    "type": "track",
    "org": "sandbox",
    "project": "sandbox",
    "source_id": "1000000000000000001",
    "api_key": "${SHOP_KEY}",
    "max_items": 10,
    "retry": {"max_elapsed": "10s", "wait_initial": "5ms", "wait_max": "20ms"},
}
_ORDERS = {
    "sync": "orders",
    "source": {
        "type": "database",
        "url": "sqlite:///shop.db",
        "table": "orders",
        "cursor": "created_at",
        "key": "order_id",
    },
    "mapping": {
        "kind": "event",
        "event": "Purchase",
        "userId": "email",
        "timestamp": "created_at",
        "data": {"orderId": "order_id", "amount": "total"},
    },
}
_CATALOG = {
    "sync": "catalog",
    "source": {"type": "parquet", "path": "parts", "key": "part_id"},
    "mapping": {"kind": "product", "productId": "part_id", "data": {"title": "name"}},
}
