"""The track endpoint: one request from its head to its answer."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import sqlite3
import struct
import time
import zlib
from dataclasses import dataclass
from socket import SO_LINGER, SOL_SOCKET, socket
from typing import Any

from starlette.types import Receive, Scope, Send

from connector.sandbox.answers import Answer, misbehaviour, refused, send_answer
from connector.sandbox.envelope import cut, rebuild
from connector.sandbox.faults import FaultRun, Rule
from connector.sandbox.head import check_head
from connector.sandbox.ledger import Exchange, Ledger
from connector.sandbox.rules import Refusal, check, holds, parse
from connector.sandbox.settings import SandboxSettings
from connector.sandbox.store import Store


@dataclass(slots=True)
class State:
    """Everything that one running sandbox is made of."""

    settings: SandboxSettings
    store: Store
    ledger: Ledger
    faults: FaultRun
    requests: int


class NoAnswer(Exception):
    """The connection ends without an answer."""


class Track:
    """ASGI application of ``POST …/track``."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request; whatever becomes of it is in the ledger."""
        ledger = self._state.ledger
        self._state.requests += 1
        exchange = ledger.opened(self._state.requests, time.time())
        started = time.monotonic()
        try:
            answer = await Attempt(self._state, exchange, scope, receive).answer()
            exchange.status = answer.status
            # A body that was not asked for is not waited for either.
            await send_answer(
                answer, send, close=self._state.faults.faults.close_each or answer.status == 411
            )
        except NoAnswer:
            pass
        finally:
            exchange.seconds = time.monotonic() - started
            ledger.closed(exchange)


class Attempt:
    """One request on its way through the checks and faults."""

    def __init__(self, state: State, exchange: Exchange, scope: Scope, receive: Receive) -> None:
        self._state = state
        self._run = state.faults
        self._faults = state.faults.faults
        self._exchange = exchange
        self._scope = scope
        self._receive = receive
        self._body = b""
        self._refused_alone: set[tuple[int, int]] = set()

    async def answer(self) -> Answer:
        """Return what to answer.

        Raises:
            NoAnswer: the connection was ended instead.
        """
        try:
            headers = check_head(self._scope, self._state.settings)
            rule = self._run.draw()
            if rule and rule.fault == "reset":
                await self._reset()
            await self._read(headers.get("content-encoding", "identity").lower())
            self._check_limits()
            await asyncio.sleep(self._run.delay())
            if rule is None or rule.stores:
                self._accept()
            return await self._misbehave(rule) if rule else self._accepted()
        except Refusal as refusal:
            self._exchange.outcome = refusal.reason
            return refused(refusal, self._faults, self._quote(refusal))

    async def _read(self, encoding: str) -> None:
        """Read the body and undo its encoding."""
        pieces, more = [], True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._exchange.outcome = "client_left"
                raise NoAnswer
            pieces.append(message["body"])
            more = message["more_body"]
        self._body = b"".join(pieces)
        self._exchange.bytes = len(self._body)
        if encoding not in {"identity", "gzip"}:
            raise Refusal("wrong_encoding", "Content-Encoding may be gzip", status=415)
        if encoding == "gzip":
            try:
                self._body = gzip.decompress(self._body)
            except (OSError, EOFError, zlib.error):
                raise Refusal("not_gzip", "the body is not gzip") from None

    def _check_limits(self) -> None:
        """Check what is known before the body is parsed."""
        if self._faults.max_concurrency and self._exchange.in_flight > self._faults.max_concurrency:
            raise Refusal("too_many_requests", "too many requests at one time", status=429)
        if self._faults.max_bytes and self._exchange.bytes > self._faults.max_bytes:
            raise Refusal("too_many_bytes", "the body is too large", status=413)

    def _accept(self) -> None:
        """Check the items and make them durable.

        Raises:
            Refusal: a rule is broken, or the store failed.
        """
        if self._state.settings.no_store:
            # Counted by the text, for there is no time to parse; inside a value these quotes would be escaped.
            self._count(self._body.count(b'"eventId":'))
            self._exchange.accepted = self._exchange.items
            return
        track = parse(self._body)
        self._count(sum(len(entry["payload"]) for entry in track))
        notes = check(track, self._state.settings.identity)
        self._check_poison(track)
        stored = (
            rebuild(self._body, dict.fromkeys(self._refused_alone)) if self._refused_alone else self._body
        )
        try:
            self._state.store.accept(self._exchange.request, int(time.time() * 1000), stored)
        except sqlite3.Error as error:
            raise Refusal("store_failed", f"the store failed: {error}", status=503) from None
        self._state.ledger.notes.update(notes)
        self._exchange.accepted = self._exchange.items - len(self._refused_alone)

    def _count(self, items: int) -> None:
        self._exchange.items = items
        if self._faults.max_items and items > self._faults.max_items:
            raise Refusal("too_many_items", "too many items in one request", status=413)
        if not self._run.takes(items):
            raise Refusal("too_fast", "too many items per second", status=429)

    def _check_poison(self, track: list[dict[str, Any]]) -> None:
        faults = self._faults
        if not (faults.poison or faults.poison_500 or faults.poison_echo):
            return
        for number, entry in enumerate(track):
            for index, item in enumerate(entry["payload"]):
                if holds(item, faults.poison_500):
                    raise Refusal("poison_500", "internal server error", status=500)
                if holds(item, faults.poison):
                    raise Refusal("poison", "an item cannot be processed", place=(number, index))
                if holds(item, faults.poison_echo):
                    self._refused_alone.add((number, index))

    def _accepted(self) -> Answer:
        if self._refused_alone:
            mark = json.dumps({"error": "this item cannot be processed"})
            return Answer(body=rebuild(self._body, dict.fromkeys(self._refused_alone, mark)))
        return Answer(body=self._body) if self._state.settings.echo else Answer()

    def _quote(self, refusal: Refusal) -> str | None:
        if refusal.place is None or not self._faults.quote_refused:
            return None
        entry, index = refusal.place
        return cut(self._body.decode())[entry][1][index][1]

    async def _misbehave(self, rule: Rule) -> Answer:
        """Do what `rule` says, in place of the proper answer."""
        self._exchange.outcome = rule.fault
        if rule.fault in {"lost_answer", "hang"}:
            if rule.fault == "lost_answer":
                self._scope["sandbox.transport"].close()
            await self._until_gone()
        return misbehaviour(rule)

    async def _reset(self) -> None:
        """Read a first piece of the body, then cut the connection."""
        await self._receive()
        self._exchange.outcome = "reset"
        transport: asyncio.Transport = self._scope["sandbox.transport"]
        connection: socket = transport.get_extra_info("socket")
        linger = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)  # RST instead of FIN
        connection.setsockopt(SOL_SOCKET, SO_LINGER, linger)
        transport.abort()
        await self._until_gone()

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        raise NoAnswer
