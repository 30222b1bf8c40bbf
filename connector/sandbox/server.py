"""The sandbox as a server process: Starlette on uvicorn with h11, one process, one thread."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from connector.errors import ConfigError
from connector.sandbox.control import routes
from connector.sandbox.faults import FaultRun
from connector.sandbox.ledger import Ledger
from connector.sandbox.settings import SandboxSettings
from connector.sandbox.store import Store
from connector.sandbox.track import State, Track

_IDLE_SECONDS = 75


def serve(settings: SandboxSettings, ready: Callable[[str], None] | None = None) -> None:
    """Serve until SIGINT or SIGTERM, then end cleanly.

    Args:
        settings: what to serve, and where.
        ready: called once with one line, the base URL and the key, when requests are taken; prints by default.

    Raises:
        ConfigError: the address cannot be listened on, or the certificate cannot be read.
        StateError: the store cannot be opened.
    """
    store = Store(settings.store)
    try:
        listener = _listen(settings)
        state = State(settings, store, Ledger(), FaultRun(settings.faults), store.last_request())
        line = f"sandbox ready at {settings.base_url(listener.getsockname()[1])} key {settings.key}"
        server = _Server(_config(settings, state), lambda: (ready or _print)(line))
        if settings.stop_with_stdin:
            threading.Thread(target=_stop_with_stdin, args=(server,), daemon=True).start()
        with _signals_end(server):
            asyncio.run(server.serve(sockets=[listener]))
    finally:
        store.close()


def application(state: State) -> Starlette:
    """Return the ASGI application over `state`."""
    base = state.settings.base_path.rstrip("/")
    track = Route(f"{base}/{{org}}/projects/{{project}}/sources/{{source_id}}/track", Track(state))
    app = Starlette(routes=[track, *routes(state)], exception_handlers={HTTPException: _as_json})
    app.state.sandbox = state
    return app


def _as_json(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return JSONResponse({"error": error.detail if isinstance(error, HTTPException) else "bug"}, status)


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class _Connection(H11Protocol):
    """A connection that shows its transport to the application and obeys ``close_idle_after``."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        super().connection_made(transport)
        application = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            scope["sandbox.transport"] = transport
            await application(scope, receive, send)

        self.app = with_transport
        self._state: State = application.state.sandbox

    def on_response_complete(self) -> None:
        idle = self._state.faults.faults.close_idle_after
        self.timeout_keep_alive = _IDLE_SECONDS if idle is None else idle  # type: ignore[assignment]  # call_later takes floats
        super().on_response_complete()


class _Server(uvicorn.Server):
    """A server that says when it takes requests."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def _config(settings: SandboxSettings, state: State) -> uvicorn.Config:
    try:
        config = uvicorn.Config(
            application(state),
            http=_Connection,
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=1,
            ssl_certfile=settings.tls_cert,
            ssl_keyfile=settings.tls_key,
        )
        config.load()
    except OSError as error:
        raise ConfigError(
            f"cannot read the certificate {settings.tls_cert}: {error}", hint="give PEM files"
        ) from None
    return config


def _listen(settings: SandboxSettings) -> socket.socket:
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM
        )[0]
        # The protocol is named because asyncio turns Nagle's algorithm off only where it sees it.
        listener = socket.socket(family, kind, socket.IPPROTO_TCP)
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {settings.host} port {settings.port}: {error.strerror or error}",
            hint="another program may have the port; port 0 takes a free one",
        ) from None
    return listener


def _stop_with_stdin(server: uvicorn.Server) -> None:
    # Not through sys.stdin: a thread waiting there holds its lock when the interpreter shuts down.
    while os.read(0, 4096):
        pass
    server.should_exit = True


@contextmanager
def _signals_end(server: uvicorn.Server) -> Iterator[None]:
    """Let a signal end the server without a traceback, before and after the time when uvicorn handles it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(*_: object) -> None:
        server.should_exit = True

    before: dict[int, Any] = {
        number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
