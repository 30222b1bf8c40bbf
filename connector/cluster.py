"""A Dask cluster as an executor: the same slices on many machines.

What a worker needs is the connector, the source, the destination and the state store within its reach; what it does
stands in the ledger. So a worker, or the scheduler, may be lost at any time: others go on from what is committed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from contextlib import suppress
from importlib import import_module
from typing import Any

import connector
from connector.errors import ClusterError, ConfigError, ConnectorError

# How long a scheduler that is away is waited for; seconds.
_PATIENCE = 60.0
_ATTEMPT = 5.0


def connect(address: str, patience: float = _PATIENCE) -> Executor:
    """Return an executor whose calls are made by the workers of a scheduler.

    Args:
        address: of the scheduler, such as ``tcp://host:8786`` or, with certificates in Dask's configuration, ``tls://…``.
        patience: seconds that it may be away, or without workers.

    Raises:
        ConfigError: Dask is not installed here, or the workers have not this version of the connector.
        ClusterError: there is no scheduler, or no worker, in time.
    """
    try:
        distributed = import_module("distributed")
    except ImportError:
        raise ConfigError(
            "--executor dask needs the package distributed",
            hint="pip install 'intempt-connector[dask]'",
        ) from None
    # It writes to the terminal what this program says in its own words.
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    deadline = time.monotonic() + patience
    while True:
        try:
            client = distributed.Client(address, timeout=_ATTEMPT, set_as_default=False)
        except (OSError, ValueError, RuntimeError) as error:
            if isinstance(error, ValueError):
                raise ConfigError(
                    f"--scheduler {address} is no address", hint="write tcp://host:8786"
                ) from None
            if time.monotonic() > deadline:
                raise _unreachable(address) from None
            time.sleep(0.2)
            continue
        try:
            _check(client, address, max(_ATTEMPT, deadline - time.monotonic()))
        except BaseException:
            client.close()
            raise
        return Cluster(client)


def _check(client: Any, address: str, patience: float) -> None:
    """Make sure that there are workers, and that they do what this process would."""
    try:
        client.wait_for_workers(1, timeout=patience)
        versions = client.run(_version)
    except ModuleNotFoundError:
        raise ConfigError(
            f"the workers of {address} have no connector", hint="install intempt-connector on each of them"
        ) from None
    except (OSError, CancelledError):
        raise ClusterError(
            f"the scheduler at {address} has no workers", hint="start some: dask worker ADDRESS --nthreads 1"
        ) from None
    others = {str(version) for version in versions.values()} - {connector.__version__}
    if others:
        raise ConfigError(
            f"workers of {address} have version {', '.join(sorted(others))} of the connector, this is"
            f" {connector.__version__}",
            hint="install the same version everywhere",
        )


def _version() -> str:
    return connector.__version__


class Cluster(Executor):
    """The workers of a cluster.

    What is lost with a worker or the scheduler is reported as BrokenExecutor, as by the pools of this machine.

    Args:
        client: of the scheduler.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        # One worker's death is told at once: the ledger knows better than Dask what is to be done again.
        self._executor = client.get_executor(pure=False, retries=0)

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Let a worker call a function."""
        told: Future[Any] = Future()
        told.set_running_or_notify_cancel()
        try:
            made = self._executor.submit(function, *arguments, **named)
        except Exception as error:  # noqa: BLE001 - a connection may break in many ways
            told.set_exception(BrokenExecutor(str(error)))
            return told
        made.add_done_callback(lambda future: _pass_on(future, told))
        return told

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let go of the cluster; its workers go on with what they have unless that is cancelled."""
        with suppress(Exception):  # the scheduler may be gone, and then there is nothing to let go of
            self._executor.shutdown(wait=wait, cancel_futures=cancel_futures)
            self._client.close(timeout=_ATTEMPT)


def _pass_on(done: Future[Any], told: Future[Any]) -> None:
    error = None if done.cancelled() else done.exception()
    if done.cancelled():
        told.set_exception(BrokenExecutor("the scheduler has forgotten it"))
    elif error is None:
        told.set_result(done.result())
    elif isinstance(error, ConnectorError):
        told.set_exception(error)
    else:  # KilledWorker, CommClosedError, …
        told.set_exception(BrokenExecutor(type(error).__name__))


def _unreachable(address: str) -> ClusterError:
    return ClusterError(
        f"the scheduler at {address} cannot be reached", hint="see whether it runs: dask scheduler"
    )
