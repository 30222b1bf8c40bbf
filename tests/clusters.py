"""A Dask scheduler and its workers as processes of this machine."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Dask:
    """A scheduler and workers, each of which can be lost and replaced."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = _free()
        self.address = f"tcp://127.0.0.1:{self._port}"
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", str(self._port))
        self.workers = [self._worker(), self._worker()]

    def lose_worker(self, place: int) -> None:
        """Kill a worker; another one comes."""
        _kill(self.workers[place])
        self.workers[place] = self._worker()

    def lose_scheduler(self) -> None:
        """Kill the scheduler; another one comes at its address. Workers end without theirs, and others come, too."""
        _kill(self.scheduler)
        for worker in self.workers:
            worker.wait(timeout=30)
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", str(self._port))
        self.workers = [self._worker(), self._worker()]

    def close(self) -> None:
        """End everything."""
        for process in (*self.workers, self.scheduler):
            _kill(process)

    def _worker(self) -> subprocess.Popen[bytes]:
        return self._start(
            "worker", self.address, "--nthreads", "1", "--no-nanny", "--host", "127.0.0.1", "--no-dashboard"
        )

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        quiet = ["--no-dashboard"] if words[0] == "scheduler" else ["--local-directory", str(self._folder)]
        with (self._folder / f"dask-{words[0]}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:], *quiet],
                stdout=log, stderr=log,
            )  # fmt: skip


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def dask(folder: Path) -> Iterator[Dask]:
    """Run a cluster as long as the block lasts."""
    cluster = Dask(folder)
    try:
        yield cluster
    finally:
        cluster.close()
