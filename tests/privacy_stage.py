"""The connector on a stage: real processes with all logs on, and everything they say or keep is searched for canaries.

Run as a program this is the connector with Python's logging at DEBUG: a process that has imported everything forks
for each plan that it reads from standard input, so that tests pay for the start of a process only once.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import pkgutil
import resource
import sqlite3
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from canaries import API_KEY, EMAIL, ROWS, TOKEN, Place, found, person, stored
from shop import Shop, wait_for

import connector
from connector.sandbox.process import Sandbox
from connector.sandbox.settings import SandboxSettings

# ── the connector with all logs on ────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Played:
    """What a command of a plan said: its exit code, its output, and what it logged."""

    arguments: tuple[str, ...]
    code: int
    out: str
    err: str
    log: str


class Stage:
    """A process that plays plans: commands one after the other, in a fresh copy of a process that imported all."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    def play(
        self, folder: Path, commands: Iterable[Iterable[object]], environ: Mapping[str, str], bug: str = ""
    ) -> list[Played]:
        """Run commands with `environ` added to the environment, and with a bug of `BUGS` in the program."""
        written = [list(map(str, command)) for command in commands]
        plan = {"folder": str(folder), "commands": written, "environ": dict(environ), "bug": bug}
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(plan) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer.strip() == "0", f"the stage broke: {answer!r}"
        return [Played(tuple(command), **_results(folder, n)) for n, command in enumerate(written)]

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=30)


def _results(folder: Path, n: int) -> dict[str, Any]:
    code = int((folder / f"{n}.code").read_text())
    texts = {name: (folder / f"{n}.{name}").read_text("utf-8", "replace") for name in ("out", "err", "log")}
    return {"code": code, **texts}


def _serve() -> None:
    for name in (
        "adbc_driver_postgresql.dbapi",
        "psycopg",
        "pymysql",
        "sqlalchemy.dialects.postgresql.psycopg",
    ):
        importlib.import_module(name)
    for module in pkgutil.walk_packages(connector.__path__, "connector."):
        if not module.name.startswith("connector.sandbox") and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _perform(json.loads(line))
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()


def _perform(plan: dict[str, Any]) -> None:
    os.environ.update(plan["environ"])
    folder = Path(plan["folder"])
    if plan["bug"]:
        BUGS[plan["bug"]]()
    warnings.simplefilter("always")
    for n, command in enumerate(plan["commands"]):
        logging.basicConfig(filename=folder / f"{n}.log", level=logging.DEBUG, force=True)
        for logger in (
            "sqlalchemy",
            *LOGGERS,
        ):  # a logger's own level wins over the root's, as SQLAlchemy knows
            logging.getLogger(logger).setLevel(logging.DEBUG)
        for number, name in ((1, "out"), (2, "err")):
            with (folder / f"{n}.{name}").open("wb") as file:
                os.dup2(file.fileno(), number)
        (folder / f"{n}.code").write_text(str(_command(command)))
    os._exit(0)


def _command(arguments: list[str]) -> int:
    from connector.cli import main

    sys.argv = ["connector", *arguments]
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException:  # noqa: BLE001 - whatever leaves the program would be printed in this way
        sys.excepthook(*sys.exc_info())
        return 99
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


# What anyone may turn on.
LOGGERS = (
    "sqlalchemy.engine",
    "sqlalchemy.pool",
    "sqlalchemy.dialects",
    "psycopg",
    "httpx",
    "httpcore",
    "asyncio",
)


# ── mistakes of the program ───────────────────────────────────────────────────────────────────────────────


def _mapping_bug() -> None:
    from connector.mapping.mapper import Mapper

    def broken(_: object, batch: Any) -> None:
        raise RuntimeError(f"cannot map {batch.rows.to_pylist()[0]}")

    Mapper.map = broken  # type: ignore[method-assign,assignment]


def _sending_bug() -> None:
    """A library that is careless with what it is given: the address, and the headers with the key."""
    from connector.load.transport import HttpTransport

    def broken(_: object, request: Any) -> None:
        raise RuntimeError(f"cannot send to {request.url!s} with {request.headers['authorization']}")

    HttpTransport.handle_request = broken  # type: ignore[method-assign,assignment]


def _connecting_bug() -> None:
    """A driver that says what it was given."""
    from connector import wiring

    def broken(sync: Any, *_: Any) -> None:
        raise ValueError(f"bad url {sync.source.url.get_secret_value()!r} in {os.environ['SHOP_TOKEN_URL']}")

    wiring.open_extractor = broken  # type: ignore[assignment]


def _printing_bug() -> None:
    from connector import console

    reports = console.reports

    def careless(runs: Any) -> None:
        reports(runs)
        sys.stdout.write(f"sent with {os.environ['SHOP_KEY']}\n")
        logging.getLogger("careless").debug("row of %s", EMAIL.format(3))

    console.reports = careless


def _full_disk() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))


BUGS: dict[str, Callable[[], None]] = {
    "mapping": _mapping_bug,
    "sending": _sending_bug,
    "connecting": _connecting_bug,
    "printing": _printing_bug,
    "full disk": _full_disk,
}

# ── a scene ───────────────────────────────────────────────────────────────────────────────────────────────

# What people look at once something went wrong.
AFTERMATH = (("--debug", "run"), ("check",), ("check", "--show"), ("status", "--json"), ("rejects", "list"))
# Commands whose results are rows or keys, or what a file says about some, by their first words.
_SHOWING = (
    ("check", "--show"),
    ("preview",),
    ("rejects", "show"),
    ("state", "show"),
    ("run", "--dry-run"),
    ("test",),
)


@dataclass
class Scene:
    """A sync of personal rows, and what is done to it.

    Attributes:
        shop: folder, sync and sandbox.
        stage: where commands are played.
        request: gives fixtures that only some scenes need.
        stack: closes what a scene has opened.
        changes: of the sync, by dotted places.
        options: of each command that knows them, such as --state.
        bug: a mistake of the program, by its name in BUGS.
        aftermath: the commands that follow the first.
        places: everything that is searched in the end.
    """

    shop: Shop
    stage: Stage
    request: pytest.FixtureRequest
    stack: ExitStack
    changes: dict[str, Any] = field(default_factory=dict)
    options: list[str] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=dict)
    bug: str = ""
    aftermath: tuple[tuple[str, ...], ...] = AFTERMATH
    places: list[Place] = field(default_factory=list)
    text: str = ""

    @property
    def folder(self) -> Path:
        """The folder of the sync."""
        return self.shop.folder

    def people(self, *statements: str) -> None:
        """Make the table of the source again by statements, and fill it as the first scene found it."""
        with sqlite3.connect(self.folder / "shop.db") as connection:
            connection.execute("drop table if exists people")
            connection.execute(TABLE.format(json="json"))
            connection.executemany(f"insert into people values ({', '.join('?' * 7)})", rows())
            for statement in statements:
                connection.execute(statement)
        connection.close()

    def url(self, driver: str, password: str, place: str) -> str:
        """Return the URL of a database, its password escaped as the docs say."""
        return f"{driver}://me:{quote(password, safe='')}@{place}/shop"

    def open(self, resource: Any) -> Any:
        """Enter a context that lasts as long as the scene."""
        return self.stack.enter_context(resource)

    def write(self) -> Path:
        """Write the sync."""
        if self.text:
            path = self.folder / "people.yaml"
            path.write_text(self.text, "utf-8")
            return path
        people = dict(_PEOPLE)
        if "source" in self.changes:  # another one altogether
            people = {place: value for place, value in people.items() if not place.startswith("source.")}
        return self.shop.write({**people, **self.changes})

    def play(self, *command: str) -> Played:
        """Play a command, then the aftermath; keep what is to be searched, and return the first command."""
        path = self.write()
        commands = [self._arguments(each, path) for each in (command, *self.aftermath)]
        environ = {**self._environ(), **self.environ}
        played = self.stage.play(self.folder, commands, environ, self.bug)
        for each in played:
            words = [word for word in each.arguments if word != "--debug"]
            shows = any(tuple(words[: len(first)]) == first for first in _SHOWING)
            name = " ".join(each.arguments)
            self.places += [
                Place(f"stdout of {name}", each.out, rows=shows),
                Place(f"stderr of {name}", each.err, rows="--debug" in each.arguments),
                Place(f"log of {name}", each.log),
            ]
        return played[0]

    def leaks(self) -> list[str]:
        """Search everything that was printed, logged and stored."""
        return found([*self.places, *stored(self.shop.state)])

    def _arguments(self, command: Iterable[str], path: Path) -> list[str]:
        words = list(command)
        place = words.index("EVENT") if "EVENT" in words else len(words)
        return [*words[:place], str(path), *words[place + 1 :], *self.options]

    def _environ(self) -> dict[str, str]:
        return {"SHOP_KEY": API_KEY, "SHOP_TOKEN": TOKEN}


@dataclass(frozen=True)
class Scenario:
    """Something that goes wrong: how it is provoked, and what the first command must end with and say."""

    arrange: Callable[[Scene], None]
    code: int
    words: str
    command: tuple[str, ...]

    def happens(self, scene: Scene) -> None:
        """Let it go wrong, and see that it did."""
        self.arrange(scene)
        ended = scene.play(*self.command)
        assert (ended.code, self.words in ended.out + ended.err) == (self.code, True), ended


def table_of(scenarios: dict[str, Scenario]) -> Callable[..., Callable[[Callable[[Scene], None]], None]]:
    """Return a decorator that enters a scenario under the name of its function."""

    def scenario(code: int, words: str, *command: str) -> Callable[[Callable[[Scene], None]], None]:
        def enter(arrange: Callable[[Scene], None]) -> None:
            scenarios[arrange.__name__] = Scenario(arrange, code, words, command or ("run", "--json"))

        return enter

    return scenario


def rows() -> list[tuple[str, ...]]:
    """Return all rows of the table people."""
    return [(*person(n), f"2024-01-01 00:00:{n:02d}") for n in range(ROWS)]


TABLE = (
    "create table people(id varchar(99) primary key, email varchar(99), name varchar(99), phone varchar(99),"
    " user_id varchar(99), profile {json}, joined timestamp not null)"
)
_PEOPLE: dict[str, Any] = {
    "sync": "people",
    "source.table": "people",
    "source.cursor": "joined",
    "source.key": "id",
    "mapping.userId": "user_id",
    "mapping.timestamp": "joined",
    "mapping.data": {
        "orderId": "id",
        "email": "email",
        "name": "name",
        "phone": "phone",
        "profile": "profile",
    },
    "destination.max_items": 5,
    "destination.timeout": "300ms",
    "destination.retry": {"max_elapsed": "200ms", "wait_initial": "5ms", "wait_max": "20ms"},
}


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """A process that has imported the connector."""
    made = Stage()
    yield made
    made.close()


@pytest.fixture(scope="session")
def discreet_sandbox() -> Iterator[Sandbox]:
    """A sandbox whose key is a canary."""
    with Sandbox(SandboxSettings(port=0, key=API_KEY)) as running:
        yield running


@pytest.fixture
def scene(
    discreet_sandbox: Sandbox, stage: Stage, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Scene]:
    """A shop with people in it, beside a sandbox that behaves."""
    wait_for(lambda: not discreet_sandbox.counters()["in_flight"])
    discreet_sandbox.reset()
    (tmp_path / "token").write_text(TOKEN + "\n")
    with ExitStack() as stack:
        made = Scene(Shop(tmp_path, discreet_sandbox, {"SHOP_KEY": API_KEY}), stage, request, stack)
        made.people()
        yield made


if __name__ == "__main__":
    _serve()
