"""Where slices are worked on: processes or threads of this machine, or a cluster; all are `concurrent.futures.Executor`s."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Literal

from connector.errors import ConfigError

Kind = Literal["processes", "threads", "dask"]


@dataclass(frozen=True, slots=True)
class Workplace:
    """Where slices are worked on, and by how many at once.

    Args:
        kind: of workers.
        workers: how many.
        scheduler: the address of the cluster, for ``dask`` alone.

    Raises:
        ConfigError: one of both without the other.
    """

    kind: Kind
    workers: int
    scheduler: str | None = None

    def __post_init__(self) -> None:
        if self.far != (self.scheduler is not None):
            raise ConfigError(
                "--executor dask and --scheduler go together",
                hint="--executor dask --scheduler tcp://host:8786",
            )

    @property
    def far(self) -> bool:
        """Whether workers may be on other machines: they see no file of this one."""
        return self.kind == "dask"

    def open(self) -> Executor:
        """Open an executor; anew, should its workers be lost.

        Raises:
            ConfigError, ClusterError: as `cluster.connect`.
        """
        if self.scheduler is not None:
            from connector.cluster import connect

            return connect(self.scheduler)
        if self.kind == "threads":
            return ThreadPoolExecutor(self.workers, thread_name_prefix="slice")
        # Forked processes would inherit threads that are not there any more.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self.workers, mp_context=context, initializer=_begin)


def _begin() -> None:
    """Leave signals to the driver, and end once it is gone: what runs then stops by itself, as nobody drives it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_outlive, args=(parent.sentinel,), name="orphan", daemon=True).start()


def _outlive(parent: int) -> None:
    wait([parent])
    for thread in threading.enumerate():
        if thread.name == "overseer":  # a slice is being worked on
            thread.join()
    os._exit(3)
