"""A sandbox of one's own, as a real process beside the program."""

from __future__ import annotations

import dataclasses
import json
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import httpx

from connector.errors import ConfigError, DestinationError
from connector.sandbox.faults import Faults, parse_faults
from connector.sandbox.settings import SandboxSettings

_START_SECONDS = 30.0


@dataclasses.dataclass(frozen=True, slots=True)
class StoredItem:
    """An item as the sandbox keeps it.

    Attributes:
        seq: place in the order of arrival.
        request: number of the request that brought it.
        received: server's clock, epoch milliseconds.
        event: name of the event.
        timestamp: epoch milliseconds; what lay after 2040 is the server's clock; None when not given.
        raw: the item's JSON text, exactly as received.
    """

    seq: int
    request: int
    received: int
    event: str
    timestamp: int | None
    raw: str

    @property
    def item(self) -> dict[str, Any]:
        """The item parsed, numbers with a point or an exponent as Decimal, so that no digit is lost."""
        parsed: dict[str, Any] = json.loads(self.raw, parse_float=Decimal)
        return parsed


class Sandbox:
    """Starts a sandbox process and speaks to it; a context manager that ends it.

    Without a store in `settings` the items live in a temporary file, so that they outlast `restart` and
    `kill`, and go with `stop`. The process ends with this one, however this one ends.

    Args:
        settings: how to start it; a port of 0 takes a free one and keeps it across restarts. The default
            is a free port on 127.0.0.1.
    """

    def __init__(self, settings: SandboxSettings | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="sandbox-", ignore_cleanup_errors=True)
        settings = settings or SandboxSettings(port=0)
        if settings.store is None:
            settings = dataclasses.replace(settings, store=Path(self._folder.name) / "sandbox.db")
        self.settings = dataclasses.replace(settings, stop_with_stdin=True)
        self._faults = settings.faults
        self._process: subprocess.Popen[str] | None = None
        # It speaks to nobody but the process that it has started itself, so no certificate is checked.
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
        self._http = httpx.Client(verify=trust, trust_env=False, timeout=600)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The base URL, base path included: a sync's ``base_url``."""
        return self.settings.base_url(self.settings.port)

    @property
    def track_url(self) -> str:
        """The URL of the track endpoint, without a key."""
        return self.settings.origin(self.settings.port) + self.settings.track_path

    @property
    def pid(self) -> int:
        """Process id of the server."""
        if self._process is None:
            raise DestinationError("the sandbox is not running", hint="call start()")
        return self._process.pid

    def start(self) -> Self:
        """Start the process and wait until it takes requests.

        Raises:
            ConfigError: it does not start; the message is its own.
        """
        with (Path(self._folder.name) / "errors").open("w+", encoding="utf-8") as errors:
            process = subprocess.Popen(  # noqa: S603 - our own module, our own arguments
                [sys.executable, "-m", "connector.sandbox", *_arguments(self.settings)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
            line = _first_line(process)
            if not line.startswith("sandbox ready at "):
                process.kill()
                _reap(process)
                errors.seek(0)
                raise ConfigError(f"the sandbox did not start: {errors.read().strip() or line}")
        self._process = process
        port = int(line.split()[3].removesuffix(self.settings.base_path.rstrip("/")).rpartition(":")[2])
        self.settings = dataclasses.replace(self.settings, port=port)
        return self

    def restart(self) -> None:
        """End the process if it runs and start it again: same port, items and faults, fresh counters."""
        self._end()
        self.settings = dataclasses.replace(self.settings, faults=self._faults)
        self.start()

    def kill(self) -> None:
        """Kill the process (SIGKILL) and wait until it is gone."""
        if self._process:
            self._process.kill()
            _reap(self._process)
            self._process = None

    def stop(self) -> None:
        """End the process and remove what is temporary; a second call does nothing."""
        self._end()
        self._http.close()
        self._folder.cleanup()

    def stats(self) -> dict[str, Any]:
        """Return all counts, of the store too: items, distinct, duplicates, events; see ``counters``."""
        return dict(self._get("stats"))

    def counters(self) -> dict[str, Any]:
        """Return the counts since the start (see ``ledger.Ledger``); costs next to nothing."""
        return dict(self._get("counters"))

    def requests(self, limit: int = 5_000) -> list[dict[str, Any]]:
        """Return the last requests, oldest first, as ``ledger.Exchange`` describes them."""
        return list(self._get("requests", {"limit": limit}))

    def items(
        self, *, limit: int | None = None, newest: bool = False, after: int | None = None, **filters: str
    ) -> list[StoredItem]:
        """Return stored items in order of arrival.

        Args:
            limit: at most so many; None for all.
            newest: newest first.
            after: only those behind the item of this ``seq``.
            filters: ``event``, ``eventId``, ``userId``, ``profileId``, ``accountId``, ``productId``,
                ``request`` and the value that it must have.
        """
        query = filters if after is None else filters | {"after": str(after)}
        return list(self._items(limit, newest=newest, filters=query))

    def delete(self, **filters: str) -> int:
        """Delete items for good, filtered as in `items`, and return how many."""
        return int(self._call("DELETE", "items", params=filters)["deleted"])

    def set_faults(self, faults: Faults | dict[str, Any]) -> None:
        """Replace all faults, from the next request on; ``{}`` for none.

        Raises:
            ConfigError: a fault that does not exist.
        """
        self._faults = faults if isinstance(faults, Faults) else parse_faults(faults)
        self._call("PUT", "faults", content=self._faults.model_dump_json())

    def reset(self) -> None:
        """Forget items and counters and return to the faults of the start."""
        self._call("POST", "reset")
        self._faults = self.settings.faults

    def _items(self, limit: int | None, *, newest: bool, filters: dict[str, str]) -> Iterator[StoredItem]:
        wanted = {field.name for field in dataclasses.fields(StoredItem)}
        query: dict[str, Any] = {**filters, "order": "newest" if newest else "oldest"}
        while limit is None or limit > 0:
            page = self._get("items", {**query, "limit": limit} if limit else query)
            yield from (StoredItem(**{name: row[name] for name in wanted}) for row in page)
            if not page:
                return
            query["after"] = page[-1]["seq"]
            limit = None if limit is None else limit - len(page)

    def _get(self, name: str, query: dict[str, Any] | None = None) -> Any:
        return self._call("GET", name, params=query)

    def _call(self, method: str, name: str, **content: Any) -> Any:
        url = f"{self.settings.origin(self.settings.port)}/_sandbox/{name}"
        try:
            answer = self._http.request(method, url, **content)
        except httpx.TransportError as error:
            raise DestinationError(f"the sandbox does not answer: {error}", hint="is it running?") from None
        if answer.is_error:
            raise ConfigError(f"the sandbox refuses: {answer.json()['error']}")
        return answer.json()

    def _end(self) -> None:
        if self._process:
            self._process.terminate()
            _reap(self._process)
            self._process = None


def _arguments(settings: SandboxSettings) -> list[str]:
    """Return the command line that stands for `settings`."""
    arguments: list[str] = []
    for option in dataclasses.fields(settings):
        flag, value = f"--{option.name.replace('_', '-')}", getattr(settings, option.name)
        if isinstance(value, bool):
            arguments += [flag] if value else []
        elif isinstance(value, Faults):
            arguments.append(f"{flag}={value.model_dump_json(exclude_defaults=True)}")
        elif value is not None:
            arguments += [f"{flag}={one}" for one in (value if isinstance(value, tuple) else (value,))]
    return arguments


def _first_line(process: subprocess.Popen[str]) -> str:
    """Return the first line of standard output, "" when the process ends or takes too long."""
    timer = threading.Timer(_START_SECONDS, process.kill)
    timer.start()
    try:
        return process.stdout.readline() if process.stdout else ""
    finally:
        timer.cancel()


def _reap(process: subprocess.Popen[str]) -> None:
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()
