"""``connector demo``: what this program does, shown on a small shop and a local Track API."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from rich.markup import escape
from sqlalchemy.engine import URL

from connector import commands, console, rejecting, wiring
from connector.config.reader import load_sync
from connector.config.syncs import find_syncs, state_url
from connector.demo_shop import Shop, build_shop
from connector.errors import Bug, ConfigError, Stopped
from connector.sandbox.process import Sandbox
from connector.sandbox.settings import SandboxSettings

# The demo's syncs and the events that their items arrive as.
_EVENTS = {"orders": "Purchase", "customers": "Identify", "catalog": "ProductSync"}


def demo(folder: Path) -> None:
    """Build a shop, sync it into a sandbox, change ten rows, sync again, and compare the two sides each time.

    Leaves the shop, its state and what the sandbox received in `folder`, and nothing running.

    Raises:
        ConfigError: the folder is somebody else's, or a part of the demo is not installed.
        Stopped: a signal ended it, or a run did not finish and has said why.
        Bug: the two sides differ.
    """
    with _signals():
        _show(folder)


def _show(folder: Path) -> None:
    _step(1, f"A shop is built in {_short(folder)}: TPC-H's rows, 26 years younger")
    shop = build_shop(folder)
    for line in (
        f"{shop.count('orders'):,} orders and {shop.count('customers'):,} customers in {_short(shop.database)} (SQLite)",
        f"{shop.count_parts():,} parts in {_short(shop.catalog)} (Parquet)",
    ):
        console.say(f"   {line}")
    _step(2, "A sandbox is started: a local Track API that keeps what it receives")
    with Sandbox(SandboxSettings(port=0, store=shop.folder / "track.db")) as sandbox:
        console.say(f"   {sandbox.url}")
        configs = _configs(shop)
        variables = _variables(shop, sandbox, configs)
        _write_variables(shop, variables)
        with _environment(variables):
            _play(shop, sandbox, configs)
    _farewell(shop, sandbox, configs)


def _play(shop: Shop, sandbox: Sandbox, configs: Path) -> None:
    """Show a row, run, compare, change, run, compare."""
    orders = load_sync(configs / "orders.yaml")
    state = state_url(orders.file)
    _step(3, f"One order beside the item that {_short(configs / 'orders.yaml')} makes of it")
    _commands({"connector preview orders --limit 1": ""})
    commands.preview(orders, 1, json=False)

    _step(4, "All rows are sent")
    _run(configs)
    first = sandbox.stats()
    _compare(shop, first)

    _step(5, "Business goes on: ten rows are added or changed")
    changed = shop.change()
    console.say("   4 new orders, one of them a guest's: it names no customer")
    console.say("   2 customers have moved, 1 is new")
    console.say("   1 new Parquet file: 2 parts have a new price, 1 is new")

    _step(6, "The same command again: only the news goes")
    _run(configs)
    _commands({"connector rejects list orders": ""})
    rejecting.list_groups(orders, state, rejecting.Choice().of(orders), json=False)
    console.say(
        "   The guest's order is kept with its reason: a purchase has to be somebody's. The others went on."
    )
    _compare_again(state, changed, first, sandbox.stats())


def _run(configs: Path) -> None:
    _commands({"connector run": ""})
    code = commands.run(find_syncs(None, configs), commands.RunOptions(None, None, None, json=False))
    if code:
        raise Stopped("the demo ended early: a run did not finish", hint="what it printed above says why")


def _compare(shop: Shop, stats: Mapping[str, Any]) -> None:
    """Print what the shop holds beside what the sandbox received."""
    held = {
        "orders": shop.count("orders"),
        "customers": shop.count("customers"),
        "catalog": shop.count_parts(),
    }
    rows = [(sync, held[sync], _received(stats, sync), event) for sync, event in _EVENTS.items()]
    console.table("", ("sync", "rows in the shop", "items in the sandbox", "received as"), rows)
    _verdict(stats, all(there == arrived for _, there, arrived, _ in rows))


def _compare_again(
    state: str, changed: Mapping[str, int], before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    """Print what changed in the shop beside what arrived since the first run."""
    rows = []
    with wiring.open_store(state, read_only=True) as store:
        for sync in _EVENTS:
            earlier = _received(before, sync)
            rejected = sum(group.rejects for group in store.reject_groups(sync))
            rows.append((sync, changed[sync], earlier, _received(after, sync) - earlier, rejected))
    columns = ("sync", "rows new or changed", "items received before", "items received now", "rejected")
    console.table("", columns, rows)
    _verdict(after, all(new == now + rejected for _, new, _, now, rejected in rows))


def _received(stats: Mapping[str, Any], sync: str) -> int:
    return int(stats["events"].get(_EVENTS[sync], 0))


def _verdict(stats: Mapping[str, Any], equal: bool) -> None:
    if not equal or stats["duplicates"]:
        raise Bug("the sandbox did not receive what the shop holds", hint="please report it")
    console.out.print("   [green]Every row is accounted for, and nothing arrived twice.[/]")


def _farewell(shop: Shop, sandbox: Sandbox, configs: Path) -> None:
    _step(7, "What to look at next (the sandbox is stopped, nothing is left running)")
    store = _short(shop.folder / "track.db")
    _commands(
        {
            f". {_short(shop.folder / 'env.sh')}": "the variables of this demo",
            "connector preview customers": "other rows beside their items",
            "connector status": "when each sync ran, and what became of its rows",
            f"connector sandbox --port {sandbox.settings.port} --store {store} &": "the sandbox again",
            "connector check": "finds mistakes before a run does: try one in the YAML",
        }
    )
    console.say(f"   {_short(configs)} holds the three syncs, each line explained.")
    console.say(
        "   With INTEMPT_ORG, INTEMPT_PROJECT, INTEMPT_SOURCE_ID and INTEMPT_API_KEY of your own they run against "
        "the real service, unchanged."
    )


def _configs(shop: Shop) -> Path:
    """Return the folder of the example syncs: the repository's, or a copy of those that came with the package."""
    package = Path(__file__).parent
    repository = package.parent / "configs"
    if (repository / "orders.yaml").is_file():
        return repository
    if not (package / "examples").is_dir():
        raise ConfigError("the example syncs did not come with this package", hint="install it again")
    return Path(shutil.copytree(package / "examples", shop.folder / "configs"))


def _variables(shop: Shop, sandbox: Sandbox, configs: Path) -> dict[str, str]:
    """Return the variables that the syncs and the commands read."""
    settings = sandbox.settings
    return {
        "SHOP_URL": URL.create("sqlite", database=str(shop.database)).render_as_string(),
        "SHOP_CATALOG": str(shop.catalog),
        "INTEMPT_BASE_URL": sandbox.url,
        "INTEMPT_ORG": settings.org,
        "INTEMPT_PROJECT": settings.project,
        "INTEMPT_SOURCE_ID": settings.source_id,
        "INTEMPT_API_KEY": settings.key,
        "CONNECTOR_CONFIGS": str(configs),
        "CONNECTOR_STATE": str(shop.folder / "state.db"),
        # Whatever proxy this machine needs, the sandbox is not behind it.
        "NO_PROXY": ",".join(filter(None, (os.environ.get("NO_PROXY"), settings.host))),
        "no_proxy": ",".join(filter(None, (os.environ.get("no_proxy"), settings.host))),
    }


def _write_variables(shop: Shop, variables: Mapping[str, str]) -> None:
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    if shutil.which("connector") is None:
        lines.append(f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"')
    (shop.folder / "env.sh").write_text("\n".join(lines) + "\n", encoding="utf-8")


@contextmanager
def _signals() -> Iterator[None]:
    """While inside, SIGINT and SIGTERM raise Stopped, so that the sandbox ends in order; runs hear them themselves."""

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise Stopped("the demo was stopped", hint="it starts afresh: connector demo")

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables of this process, for as long as inside."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _step(number: int, text: str) -> None:
    console.out.print(f"\n[bold cyan]{number}[/]  [bold]{escape(text)}[/]")


def _commands(meanings: Mapping[str, str]) -> None:
    """Print commands to type, each with what it does."""
    width = max(map(len, meanings))
    for text, meaning in meanings.items():
        line = f"   [dim]$[/] [green]{escape(text)}[/]{' ' * (width - len(text))}"
        console.out.print(f"{line}  [dim]{escape(meaning)}[/]" if meaning else line)


def _short(path: Path) -> str:
    """Return a path as a person here would type it."""
    absolute, here = path.expanduser().absolute(), Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)
