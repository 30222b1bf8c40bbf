"""D. The state store fails: no watermark ahead of delivery, no corrupt file, a clear error."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from subprocess import Popen

from chaos.ground import Ground
from chaos.proxy import LossyProxy
from chaos.table import Line, Tally
from chaos.world import Shape, World, wait

_GROUP = 10
# The program waits for another writer for 5 s, which SQLite counts in naps: on a busy machine they take longer.
_TOO_LONG = 9
_DISK = 8_000_000


def locked(ground: Ground, rounds: int) -> Line:
    """Another process holds the write lock of the state's file, too long every other time."""
    name = "state: SQLite locked by another process"
    tally = Tally()
    with ground.world(name, Shape("sqlite", "sqlite", "products")) as world:
        world.run()
        while tally.rounds < rounds:
            tally.rounds += 1
            long = tally.rounds % 2 == 1
            _fill(world)
            with world.writer.live():
                process = world.start()
                held = _hold(world, process, _TOO_LONG if long else 1)
                ended = world.end(process, 0, 3)
            world.expect(ended.code == 0 or "is locked" in ended.errors, f"unclear: {ended.errors[-300:]}")
            world.expect(ended.code == 0 or long, "a short wait ended the run")
            tally.saw(f"held for {_TOO_LONG if long else 1} s" if held else "run was over first")
            _check(world, tally, ended.code)
        world.judge()
        return tally.line(name, world)


def _hold(world: World, process: Popen[str], seconds: float) -> bool:
    """Take the write lock in the middle of a run and keep it; return whether the run was still there."""
    world.somewhere(process)
    with closing(sqlite3.connect(_file(world), isolation_level=None, timeout=2)) as other:
        other.execute("begin immediate")
        there = process.poll() is None
        wait(process, seconds)
        other.execute("rollback")
    return there


def full(ground: Ground, rounds: int) -> Line:
    """The disk under the state's file is full: a small file system, or a limit on files where none can be mounted."""
    name = "state: disk full"
    tally = Tally()
    folder = ground.folder() / "disk"
    folder.mkdir()
    with _small_disk(folder) as mounted:
        state = f"sqlite:///{folder / 'state.db'}"
        with ground.world(name, Shape("sqlite", "sqlite", "events"), state=state) as world:
            world.run()
            while tally.rounds < rounds:
                tally.rounds += 1
                _fill(world)
                with world.writer.live(), _little_room(world, folder, mounted=mounted) as prefix:
                    ended = world.end(world.start(*prefix), 0, 3)
                world.expect(ended.code == 0 or "room" in ended.errors, f"unclear: {ended.errors[-300:]}")
                _check(world, tally, ended.code)
                world.run()
            world.judge()
            tally.saw("on a small file system" if mounted else "by a limit on files")
            return tally.line(name, world)


@contextmanager
def _small_disk(folder: Path) -> Iterator[bool]:
    options = ["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", str(folder)]
    mounted = (
        shutil.which("mount") is not None
        and not subprocess.run(options, check=False, capture_output=True).returncode
    )
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def _little_room(world: World, folder: Path, *, mounted: bool) -> Iterator[tuple[str, ...]]:
    """Leave room for some commits; yield a command to put before the program."""
    room = world.dice.randint(40_000, 200_000)
    if not mounted:
        grown = max(path.stat().st_size for path in folder.glob("state.db*"))
        yield "prlimit", f"--fsize={grown + room}"
        return
    filler = folder / "filler"
    disk = os.statvfs(folder)
    filler.write_bytes(b"\0" * max(0, disk.f_bavail * disk.f_frsize - room))
    try:
        yield ()
    finally:
        filler.unlink()


def restarted(ground: Ground, rounds: int) -> Line:
    """The PostgreSQL that holds the state crashes in mid-run and comes back."""
    name = "state: PostgreSQL restarted"
    tally = Tally()
    with ground.world(name, Shape("sqlite", "postgresql", "products")) as world:
        while tally.rounds < rounds:
            tally.rounds += 1
            _fill(world)
            with world.writer.live():
                process = world.start()
                world.somewhere(process)
                ground.postgres.restart()
                ended = world.end(process, 0, 3)
            world.expect(
                ended.code == 0 or "the state store" in ended.errors, f"unclear: {ended.errors[-300:]}"
            )
            _check(world, tally, ended.code)
        world.judge()
        return tally.line(name, world)


def unanswered(ground: Ground, rounds: int) -> Line:
    """The connection to the state is cut at a commit, mostly between the commit and its answer."""
    name = "state: connection cut between commit and answer"
    tally = Tally()
    database = ground.postgres.new_database()
    with tempfile.TemporaryDirectory(prefix="lossy-") as folder:
        proxy = LossyProxy(Path(folder), ground.postgres.sockets)
        state = ground.postgres.url(database, Path(folder))
        with ground.world(name, Shape("sqlite", "postgresql", "identify"), state=state) as world:
            while tally.rounds < rounds:
                tally.rounds += 1
                _fill(world)
                before, acts = proxy.lost, world.dice.random() < 0.75
                proxy.lose(world.dice.randint(1, 25), acts=acts)
                ended = world.run(0, 3)
                proxy.lose(0, acts=True)
                if proxy.lost > before:
                    tally.saw("commits cut after the server saw them" if acts else "commits cut before")
                _check(world, tally, ended.code)
            world.judge()
        proxy.close()
        return tally.line(name, world)


def _fill(world: World) -> None:
    world.writer.burst(world.dice.randint(200, 600))


def _check(world: World, tally: Tally, code: int) -> None:
    tally.saw("went on by itself" if code == 0 else "ended with 3")
    world.check_watermark()
    world.expect(not world.books.rejects(), "a broken state made rejects")
    if world.state.startswith("sqlite"):
        ((words,),) = world.books.read("pragma integrity_check")
        world.expect(words == "ok", f"the file is corrupt: {words}")
    if tally.rounds % _GROUP == 0:
        world.judge()


def _file(world: World) -> str:
    return world.state.removeprefix("sqlite:///")
