"""What the commands do once their words are parsed: call the parts, hand the result to the console."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from connector import console, wiring
from connector.config.models import Sync
from connector.config.reader import load_sync
from connector.config.syncs import state_url
from connector.errors import ConfigError, ConnectorError, Stopped, worst_exit_code
from connector.keys import canonical_key
from connector.model import RunReport
from connector.opening import Decided
from connector.progress import Progress
from connector.reading import News, Reading
from connector.resending import OfKeys, Resend
from connector.runner import run_sync
from connector.stopping import StopSignal
from connector.watching import Options, Watch


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of ``run``."""

    environment: str | None
    state: str | None
    limit: int | None
    json: bool
    wait: bool = False
    debug: bool = False
    accept: frozenset[str] = frozenset()
    adopt: bool = False

    @property
    def decided(self) -> Decided:
        """What a person lets pass."""
        return Decided(self.accept, self.adopt)


@dataclass(frozen=True, slots=True)
class Again:
    """What ``run`` sends again: everything up to the watermark or what changed of it, or the rows of some keys."""

    scope: Literal["changed", "all"] | None = None
    keys: tuple[str, ...] = ()

    def readings(self, sync: Sync, options: RunOptions) -> Iterator[Reading]:
        """Yield what is moved, one run after the other."""
        if self.keys:
            yield OfKeys([canonical_key(key) for key in self.keys])
            return
        if self.scope is not None and sync.source.mode == "incremental":
            yield Resend(self.scope)
        # A pass reads everything by itself, and sends what has changed, or all of it.
        yield News(options.limit, options.accept, anew=self.scope == "all")


def run(files: Sequence[Path], options: RunOptions, again: Again | None = None) -> int:
    """Run syncs one after the other, all of them, and return the worst exit code.

    A file with mistakes does not keep the others from running.
    """
    done: list[tuple[str, RunReport]] = []
    codes: list[int] = []
    stop = StopSignal()
    with stop.on_signals():
        for sync in _loaded(files, options.environment, codes):
            if stop.requested:
                codes.append(Stopped.exit_code)
                break
            for reading in (again or Again()).readings(sync, options):
                report = _run_one(sync, options, stop, reading)
                done.append((sync.sync, report))
                codes.append(report.exit_code or 0)
                if report.exit_code:
                    break
    if options.json:
        console.json_lines(console.as_json(report, name) for name, report in done)
    elif done:
        console.reports(done)
    return worst_exit_code(codes)


def _loaded(
    files: Sequence[Path], environment: str | None, codes: list[int], *, stand_in: bool = False
) -> Iterator[Sync]:
    """Yield the syncs of `files`; tell each mistake once, shared ones too, and add its exit code to `codes`."""
    told: set[str] = set()
    for file in files:
        try:
            sync = load_sync(file, environment=environment, stand_in=stand_in)
        except ConfigError as error:
            if str(error) not in told:
                console.fail(error)
            told.add(str(error))
            codes.append(error.exit_code)
        else:
            yield sync


def replay(sync: Sync, options: RunOptions, reading: Reading) -> int:
    """Move rejected rows again, as a run of its own, and return its exit code."""
    stop = StopSignal()
    with stop.on_signals():
        report = _run_one(sync, options, stop, reading)
    if options.json:
        console.json_lines([console.as_json(report, sync.sync)])
    else:
        console.reports([(sync.sync, report)])
    return report.exit_code or 0


def dry_replay(sync: Sync, state: str, reading: Reading) -> None:
    """Print the exact requests that a replay would send."""
    from connector.rehearsal import requests

    for body in requests(sync, state, reading, Decided()):
        console.raw(body.decode())


def _run_one(sync: Sync, options: RunOptions, stop: StopSignal, reading: Reading | None = None) -> RunReport:
    state = state_url(sync.file, options.state, environment=sync.environment)

    def failed(error: ConnectorError) -> None:
        console.fail(error, sync.sync)
        if options.debug:
            console.trace(error)

    with console.Live(sync.sync) as live:
        watch = Watch(live.watch, lambda text: console.note(f"{sync.sync}: {text}"), failed)
        added = Options(state, options.limit, options.wait, options.accept, options.adopt)
        return run_sync(sync, added, stop, watch, reading)


def dry_run(files: Sequence[Path], options: RunOptions, again: Again | None = None) -> int:
    """Print the exact requests that runs would send, one JSON body a line."""
    from connector.rehearsal import requests

    codes = [0]
    for sync in _loaded(files, options.environment, codes):
        state = state_url(sync.file, options.state, environment=sync.environment)
        try:
            for reading in (again or Again()).readings(sync, options):
                for body in requests(sync, state, reading, options.decided):
                    console.raw(body.decode())
        except ConnectorError as error:
            console.fail(error)
            codes.append(error.exit_code)
    return worst_exit_code(codes)


def plan(files: Sequence[Path], options: RunOptions, again: Again, samples: int) -> int:
    """Print what runs would do, and return the exit code that they would end with."""
    from connector import console_plan, planning

    found: list[planning.Plan] = []
    codes: list[int] = []
    stop = StopSignal()
    with stop.on_signals(), stop.interrupting():
        for sync in _loaded(files, options.environment, codes):
            state = state_url(sync.file, options.state, environment=sync.environment)
            wanted = planning.Options(state, options.decided, options.limit, samples)
            progress = Progress()
            with console.Live(sync.sync) as live:
                live.watch(progress)
                foreseen = planning.plan(sync, wanted, again.readings(sync, options), progress)
            found.append(foreseen)
            for text in foreseen.notes:
                console.note(f"{sync.sync}: {text}")
            for error in foreseen.errors:
                console.fail(error, sync.sync)
            if stop.requested:
                break
    if options.json:
        console.json_lines(map(console_plan.as_json, found))
    else:
        console_plan.plans(found)
    return worst_exit_code([*codes, *(each.exit_code for each in found)])


def test(files: Sequence[Path], environment: str | None) -> int:
    """Run the tests of the YAML files and print what differs."""
    from connector.testing import run_tests

    failed = total = 0
    codes: list[int] = []
    for sync in _loaded(files, environment, codes, stand_in=True):
        for number, difference in enumerate(run_tests(sync)):
            total += 1
            if difference:
                failed += 1
                console.say(f"{sync.file}: tests[{number}] {difference}")
    console.say(f"{total - failed} passed, {failed} failed")
    return worst_exit_code([*codes, 2 if failed else 0])


def preview(sync: Sync, limit: int, *, json: bool) -> None:
    """Print rows beside their items."""
    from connector.rehearsal import preview as rehearse

    for shown in rehearse(sync, limit):
        if json:
            console.json_lines([asdict(shown)])
        else:
            console.beside(shown.row, shown.items, f"{shown.reject} {shown.message}".strip())


def status(files: Sequence[Path], environment: str | None, state: str | None, *, json: bool) -> int:
    """Print each sync's last run."""
    rows: list[tuple[str, RunReport | None]] = []
    codes: list[int] = []
    for sync in _loaded(files, environment, codes):
        with wiring.open_store(state_url(sync.file, state, environment=environment), read_only=True) as store:
            runs = store.runs(sync.id, limit=1)
            rows.append((sync.sync, runs[0] if runs else None))
    if json:
        console.json_lines(
            {"sync": name, "run": console.as_json(report, name) if report else None} for name, report in rows
        )
    else:
        console.status(rows)
    return worst_exit_code(codes)


def print_schema(*, shared: bool) -> None:
    """Print a JSON Schema."""
    from connector.config.schema import schema, shared_schema

    console.raw(jsonlib.dumps(shared_schema() if shared else schema(), indent=2))


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """The options of ``sandbox``; None takes the sandbox's own default."""

    host: str
    port: int
    store: Path | None
    key: str | None
    faults: str | None


def sandbox(options: SandboxOptions) -> None:
    """Serve a local Track API until a signal ends it."""
    from connector.sandbox.faults import read_faults
    from connector.sandbox.server import serve
    from connector.sandbox.settings import SandboxSettings

    settings = SandboxSettings(host=options.host, port=options.port, store=options.store)
    if options.key:
        settings = replace(settings, key=options.key)
    if options.faults:
        settings = replace(settings, faults=read_faults(options.faults))
    serve(settings)
