"""Every way the sandbox can misbehave, as data.

A fault is set at start (``--faults``) or at runtime (``PUT /_sandbox/faults``) as JSON, for example::

    {"rules": [{"fault": "status", "status": 503, "every": 3, "retry_after": 2}], "latency": 0.1}
"""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from connector.errors import ConfigError

RetryAfterForm = Literal["seconds", "date"]
Texts = tuple[Annotated[str, Field(min_length=1)], ...]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(_Model):
    """One misbehaviour, and the requests it hits.

    Requests are counted from 1 when the faults are set; only those with a right path and key count.
    Without ``every``, ``next``, ``rate`` or ``from_nth`` each request is hit. The first rule that hits acts.

    Attributes:
        fault: what happens:
            ``status`` answers with `status`;
            ``collection`` answers 400 "cannot create collection", an intermittent state of the server;
            ``login_page`` answers 200 with HTML; ``redirect`` answers 302;
            ``hang`` never answers; ``reset`` cuts the connection (RST) in the middle of the body;
            ``lost_answer`` stores the items, then closes the connection without an answer;
            ``drip`` stores the items and lets the answer drip out over `seconds`.
        from_nth: the first request that can be hit.
        next: only so many requests from there on.
        every: only each n-th request from there on.
        rate: only this share of them, drawn at random.
        status: HTTP status of ``status``.
        body: the answer's text, in place of a JSON error.
        retry_after: seconds, sent as the header ``Retry-After``.
        retry_after_form: whether that header holds seconds or an HTTP date.
        stored: whether ``status`` and ``hang`` store the items first.
        seconds: how long a ``drip`` takes.
    """

    fault: Literal["status", "collection", "login_page", "redirect", "hang", "reset", "lost_answer", "drip"]
    from_nth: PositiveInt = 1
    next: int | None = Field(default=None, ge=0)
    every: PositiveInt | None = None
    rate: float = Field(default=1.0, ge=0, le=1)
    status: int | None = Field(default=None, ge=200, le=599)
    body: str | None = None
    retry_after: int | None = Field(default=None, ge=0)
    retry_after_form: RetryAfterForm = "seconds"
    stored: bool = False
    seconds: NonNegativeFloat = 2.0

    @model_validator(mode="after")
    def _status_is_given(self) -> Rule:
        if (self.fault == "status") != (self.status is not None):
            raise ValueError("`status` belongs to the fault `status`, and only there")
        return self

    @property
    def stores(self) -> bool:
        """Whether the items are stored before the rule acts."""
        return self.stored or self.fault in {"lost_answer", "drip"}

    def hits(self, nth: int, dice: random.Random) -> bool:
        """Return whether request number `nth`, counted from 1, is hit."""
        passed = nth - self.from_nth
        if passed < 0 or (self.next is not None and passed >= self.next):
            return False
        if self.every is not None and (passed + 1) % self.every:
            return False
        return self.rate >= 1 or dice.random() < self.rate


class Faults(_Model):
    """All that is wrong with the server at one time.

    Attributes:
        rules: misbehaviours of single requests.
        latency: seconds before each answer.
        jitter: up to so many seconds more, drawn at random.
        max_items: more items in a request are answered 413.
        max_bytes: more bytes in a body, as sent, are answered 413.
        max_concurrency: more requests at one time are answered 429.
        max_items_per_second: more are answered 429; up to a second's worth may come at once.
        retry_after: seconds, sent with those 429s as the header ``Retry-After``.
        retry_after_form: whether that header holds seconds or an HTTP date.
        poison: texts; an item with one of them in userId, eventId, productId or a value of ``data`` gets
            the whole request refused with 400.
        poison_500: the same with 500.
        poison_echo: the same, but the answer is an echo with an error in this item's place, and the
            other items are accepted.
        refusal: how a refusal of items says why: ``json``, ``text`` or ``empty``.
        quote_refused: a refusal quotes the refused item.
        close_idle_after: seconds after which an idle connection is closed, unannounced.
        close_each: each answer says ``Connection: close``.
        seed: of everything drawn at random.
    """

    rules: tuple[Rule, ...] = ()
    latency: NonNegativeFloat = 0.0
    jitter: NonNegativeFloat = 0.0
    max_items: PositiveInt | None = None
    max_bytes: PositiveInt | None = None
    max_concurrency: PositiveInt | None = None
    max_items_per_second: PositiveInt | None = None
    retry_after: int | None = Field(default=None, ge=0)
    retry_after_form: RetryAfterForm = "seconds"
    poison: Texts = ()
    poison_500: Texts = ()
    poison_echo: Texts = ()
    refusal: Literal["json", "text", "empty"] = "json"
    quote_refused: bool = False
    close_idle_after: NonNegativeFloat | None = None
    close_each: bool = False
    seed: int = 0


class FaultRun:
    """Faults at work: what has to be counted and drawn while they are set."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.dice = random.Random(faults.seed)  # noqa: S311 - draws faults, not secrets
        self._nth = 0
        self._room = float(faults.max_items_per_second or 0)
        self._at = time.monotonic()

    def draw(self) -> Rule | None:
        """Count a request and return the rule that hits it."""
        self._nth += 1
        hits = [rule for rule in self.faults.rules if rule.hits(self._nth, self.dice)]
        return hits[0] if hits else None

    def delay(self) -> float:
        """Return the seconds to wait before this answer."""
        return self.faults.latency + self.dice.uniform(0, self.faults.jitter)

    def takes(self, items: int) -> bool:
        """Return whether the limit of items per second lets `items` more through, and count them if so."""
        limit = self.faults.max_items_per_second
        if limit is None:
            return True
        now = time.monotonic()
        self._room = min(float(limit), self._room + (now - self._at) * limit)
        self._at = now
        if self._room <= 0:
            return False
        self._room -= items  # below zero for a large request, so that it passes once and is paid for after
        return True


def parse_faults(data: Any) -> Faults:
    """Return faults from parsed JSON.

    Raises:
        ConfigError: an unknown name or a value that cannot be, with its place.
    """
    try:
        return Faults.model_validate(data)
    except ValidationError as error:
        found = "; ".join(
            f"{'.'.join(str(part) for part in mistake['loc']) or 'faults'}: {mistake['msg']}"
            for mistake in error.errors(include_input=False, include_url=False)
        )
        raise ConfigError(
            f"the sandbox's faults are wrong: {found}", hint=f"names are {', '.join(Faults.model_fields)}"
        ) from None


def read_faults(text: str) -> Faults:
    """Return faults from `text`: JSON, or the path of a file with JSON.

    Raises:
        ConfigError: the file cannot be read, is no JSON, or names an unknown fault.
    """
    try:
        source = text if text.lstrip().startswith("{") else Path(text).read_text(encoding="utf-8")
        data = json.loads(source)
    except OSError as error:
        raise ConfigError(
            f"cannot read the faults file {text}: {error.strerror}", hint="give a path or JSON"
        ) from None
    except ValueError as error:
        raise ConfigError(
            f"the sandbox's faults are not JSON: {error}", hint='such as {"latency": 0.1}'
        ) from None
    return parse_faults(data)
