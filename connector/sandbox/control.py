"""The query side, under ``/_sandbox/``: what was received, and the faults."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connector.errors import ConfigError
from connector.sandbox.faults import FaultRun, read_faults
from connector.sandbox.store import FILTERS
from connector.sandbox.track import State

_PAGE = 5_000


def routes(state: State) -> list[Route]:
    """Return the routes of the query side."""
    control = Control(state)
    table: list[tuple[str, str, Callable[[Request], Awaitable[Response]]]] = [
        ("GET", "health", control.health),
        ("GET", "counters", control.counters),
        ("GET", "stats", control.stats),
        ("GET", "items", control.items),
        ("DELETE", "items", control.delete),
        ("GET", "requests", control.requests),
        ("GET", "faults", control.get_faults),
        ("PUT", "faults", control.put_faults),
        ("POST", "reset", control.reset),
    ]
    return [Route(f"/_sandbox/{name}", endpoint, methods=[method]) for method, name, endpoint in table]


class Control:
    """Handlers of the query side."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def health(self, _request: Request) -> Response:
        """Say that the server is up."""
        return JSONResponse({"ok": True})

    async def counters(self, _request: Request) -> Response:
        """Return the counts since the start, without looking into the store."""
        return JSONResponse(self._state.ledger.counters())

    async def stats(self, _request: Request) -> Response:
        """Return the counters, and the counts over all stored items."""
        await self._unpacked()
        return JSONResponse(self._state.ledger.counters() | self._state.store.totals())

    async def items(self, request: Request) -> Response:
        """Return stored items.

        Query: ``event``, ``userId``, … to filter, ``order`` (oldest, newest), ``limit``, ``after`` (a ``seq``).
        """
        filters, options = _query(request, {"order", "limit", "after"})
        await self._unpacked()
        found = self._state.store.items(
            filters,
            newest=options.get("order") == "newest",
            limit=min(_number(options, "limit") or _PAGE, _PAGE),
            after=_number(options, "after"),
        )
        return JSONResponse(found)

    async def delete(self, request: Request) -> Response:
        """Delete stored items for good, those that the filters describe."""
        filters, _ = _query(request, set())
        if not filters:
            raise HTTPException(400, "a filter is needed; POST /_sandbox/reset forgets everything")
        await self._unpacked()
        return JSONResponse({"deleted": self._state.store.delete(filters)})

    async def requests(self, request: Request) -> Response:
        """Return the last requests to the track endpoint, oldest first; query: ``limit``."""
        _, options = _query(request, {"limit"})
        limit = _number(options, "limit")
        return JSONResponse(self._state.ledger.exchanges(_PAGE if limit is None else limit))

    async def get_faults(self, _request: Request) -> Response:
        """Return the faults that are set."""
        return JSONResponse(self._state.faults.faults.model_dump(exclude_defaults=True))

    async def put_faults(self, request: Request) -> Response:
        """Replace the faults; for them requests are counted anew."""
        try:
            faults = read_faults((await request.body()).decode())
        except (ConfigError, UnicodeDecodeError) as error:
            raise HTTPException(400, str(error)) from None
        self._state.faults = FaultRun(faults)
        return await self.get_faults(request)

    async def reset(self, _request: Request) -> Response:
        """Forget items and counts, and return to the faults of the start."""
        self._state.store.clear()
        self._state.ledger.clear()
        self._state.faults = FaultRun(self._state.settings.faults)
        return JSONResponse({"ok": True})

    async def _unpacked(self) -> None:
        more = True
        while more:
            more = self._state.store.unpack(8)
            await asyncio.sleep(0)  # small steps, so that requests are taken meanwhile


def _query(request: Request, options: set[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the query's filters and options."""
    filters: dict[str, str] = {}
    given: dict[str, str] = {}
    for name, value in request.query_params.items():
        if name not in options and name not in FILTERS:
            raise HTTPException(
                400, f"no such filter: {name}; there are {', '.join([*FILTERS, *sorted(options)])}"
            )
        (given if name in options else filters)[name] = value
    return filters, given


def _number(options: dict[str, str], name: str) -> int | None:
    text = options.get(name)
    if text is None:
        return None
    if not text.isdecimal():
        raise HTTPException(400, f"{name} must be a whole number")
    return int(text)
