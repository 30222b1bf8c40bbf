"""Where slices are worked on: processes or threads of this machine, or a cluster; all are `concurrent.futures.Executor`s."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import wait
from typing import Literal

Kind = Literal["processes", "threads", "dask"]
Open = Callable[[], Executor]


def opening(kind: Kind, workers: int, scheduler: str | None = None) -> Open:
    """Return what opens an executor, anew should its processes be lost.

    Args:
        kind: which.
        workers: how many of this machine's.
        scheduler: the cluster's address, for ``dask``.
    """
    if kind == "dask":
        from connector.cluster import connect

        assert scheduler is not None  # noqa: S101 - asked for with the options
        return partial(connect, scheduler)
    if kind == "threads":
        return partial(ThreadPoolExecutor, workers, thread_name_prefix="slice")
    # Forked processes would inherit threads that are not there any more.
    context = multiprocessing.get_context("spawn")
    return partial(ProcessPoolExecutor, workers, mp_context=context, initializer=_begin)


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
