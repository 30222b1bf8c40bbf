"""One attempt at the Track API: the body, the credentials, and what an answer means."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any
from urllib.parse import quote

import httpx

from connector.config.models import TrackDestination
from connector.errors import ConnectorError, CredentialsError, DestinationError
from connector.load.pacing import retry_after
from connector.load.packing import Envelope, offsets_of
from connector.load.transport import NOTHING_SENT, Body, UntrustedServer
from connector.load.tuning import Sign
from connector.masking import MASK, forms
from connector.model import MappedBatch


class Verdict(Enum):
    """What the loader does with an answer."""

    ACKNOWLEDGE = "acknowledge"
    RETRY = "retry"
    SPLIT = "split"
    ISOLATE = "isolate"
    STOP = "stop"


# The response table. 2xx also needs an empty or JSON body; every 5xx not listed is retried, every other 4xx stops.
TABLE = {
    400: Verdict.ISOLATE,
    401: Verdict.STOP,
    403: Verdict.STOP,
    404: Verdict.STOP,
    408: Verdict.RETRY,
    413: Verdict.SPLIT,
    422: Verdict.ISOLATE,
    429: Verdict.RETRY,
}

# Answers after which nobody knows whether the items were taken: the server, or a gateway, gave up half-way.
DOUBTFUL = frozenset({500, 502, 504})

# First use of many new event names: the server cannot create their collections yet. A 400, but it passes.
_COLLECTION = "create collection"

# What a reject keeps of the server's words, in characters.
_WORDS = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt.

    Attributes:
        verdict: what to do.
        status: the HTTP status, or 0 without an answer.
        message: the server's words, for the reject only: they may echo a row.
        doubtful: whether the items may have been taken although no definite answer says so.
        retry_after: seconds the server asks to wait, or None.
        errors: index of an item in the body -> the error that a 2xx body states at its place.
        stop: why the run must end, when the verdict is STOP.
        timed_out: whether there is no answer because the time for it was over.
    """

    verdict: Verdict
    status: int
    message: str = ""
    doubtful: bool = False
    retry_after: float | None = None
    errors: tuple[tuple[int, str], ...] = ()
    stop: ConnectorError | None = None
    timed_out: bool = False

    @property
    def sign(self) -> Sign:
        """What it says about the load that the destination bears."""
        if self.verdict is Verdict.ACKNOWLEDGE:
            return Sign.ACCEPTED
        if self.verdict is Verdict.SPLIT:
            return Sign.TOO_LARGE
        return Sign.OVERLOADED if self.timed_out or self.status in (429, 503) else Sign.NOTHING

    @property
    def failed(self) -> bool:
        """Whether the destination seems to be away: no answer, or one of a server that cannot work."""
        return self.verdict is Verdict.RETRY and (self.status in (0, 408) or self.status >= 500)


def envelope(event: str | None) -> Envelope:
    """Return what stands around entries that are items of `event`, or whole entries of ``track`` for None."""
    if event is None:
        return Envelope(b'{"track":[', b"]}")
    name = json.dumps(event, ensure_ascii=False).encode()
    return Envelope(b'{"track":[{"name":' + name + b',"payload":[', b"]}]}")


Parts = tuple[bytes | memoryview, ...]


class Bodies:
    """Cuts the bodies of one batch out of its text buffer, without a copy."""

    def __init__(self, batch: MappedBatch) -> None:
        self.batch = batch
        self._envelope = envelope(batch.event)
        self._offsets = offsets_of(batch.entries)
        self._text = memoryview(batch.entries.buffers()[2])

    def size(self, first: int, last: int) -> int:
        """Return the length in bytes of the body of entries [first, last)."""
        return int(self._offsets[last] - self._offsets[first]) + self._envelope.size

    def parts(self, first: int, last: int) -> Parts:
        """Return the body of entries [first, last) as the buffers it consists of; its items stand in read order."""
        text = self._text[self._offsets[first] : self._offsets[last] - 1]
        return self._envelope.prefix, text, self._envelope.suffix

    def body(self, first: int, last: int) -> bytes:
        """Return the body of entries [first, last) in one piece."""
        return b"".join(self.parts(first, last))

    def items(self, first: int, last: int) -> int:
        """Return the number of items of entries [first, last)."""
        counts = self.batch.items
        return last - first if counts is None else int(counts[first:last].sum())


class Track:
    """The Track API as one function from a body to an answer.

    Args:
        destination: where, and with which key.
        transport: carries the bytes; never follows a redirect.
    """

    def __init__(self, destination: TrackDestination, transport: httpx.BaseTransport) -> None:
        self._transport = transport
        self._gzip = destination.compression == "gzip"
        self._timeout = dict.fromkeys(
            ("connect", "read", "write", "pool"), destination.timeout.total_seconds()
        )
        self._url, self._headers = endpoint(destination)
        key = destination.api_key.get_secret_value()
        found = {each.encode() for text in (key, key.partition(".")[2]) for each in forms(text)}
        self._secrets = sorted(found, key=len, reverse=True)

    def post(self, body: Parts) -> Answer:
        """Send `body` once and say what its answer means; never raises for what the network does."""
        if self._gzip:
            body = (gzip.compress(b"".join(body), compresslevel=1),)
        request = httpx.Request(
            "POST",
            self._url,
            headers=self._headers,
            stream=Body(*body),
            extensions={"timeout": self._timeout},
        )
        try:
            response = self._transport.handle_request(request)
            try:
                text = response.read()
            finally:
                response.close()
        except httpx.TransportError as error:
            return _unanswered(error)
        if response.status_code >= 300 or b'"error' in text:
            text = self._without_key(text)
        return judge(response.status_code, response.headers.get, text)

    def _without_key(self, text: bytes) -> bytes:
        """Return words that may be kept: a server can echo the address or the header with the key (invariant 5)."""
        for form in self._secrets:
            text = text.replace(form, MASK.encode())
        return text


def endpoint(destination: TrackDestination) -> tuple[httpx.URL, httpx.Headers]:
    """Return the address and the headers of every request, credentials included."""
    base = destination.base_url.rstrip("/")
    parts = (destination.org, "projects", destination.project, "sources", destination.source_id, "track")
    url = httpx.URL("/".join((base, *(quote(part, safe="") for part in parts))))
    headers = httpx.Headers({"Content-Type": "application/json", "Accept": "application/json"})
    key = destination.api_key.get_secret_value()
    if destination.auth == "header":
        headers["Authorization"] = "Basic " + base64.b64encode(key.replace(".", ":", 1).encode()).decode()
    else:
        url = url.copy_with(params={"apiKey": key})
    headers["Host"] = url.netloc.decode("ascii")
    if destination.compression == "gzip":
        headers["Content-Encoding"] = "gzip"
    return url, headers


def _unanswered(error: httpx.TransportError) -> Answer:
    """Judge an attempt without an answer; one that failed while connecting cannot have been taken."""
    if isinstance(error, UntrustedServer):
        stop = DestinationError(
            "the destination's TLS certificate is not trusted",
            hint="set destination.ca_file to the PEM file of the authority that signed it",
        )
        return Answer(Verdict.STOP, 0, stop=stop)
    untouched = isinstance(error, NOTHING_SENT)
    return Answer(
        Verdict.RETRY,
        0,
        str(error) or type(error).__name__,
        doubtful=not untouched,
        timed_out=isinstance(error, httpx.TimeoutException),
    )


def judge(status: int, header: Callable[[str], str | None], text: bytes) -> Answer:
    """Say what an answer means: the response table of the Track API.

    Args:
        status: the HTTP status.
        header: looks up a header by its name.
        text: the body.
    """
    if 200 <= status < 300:
        return _accepted(status, text)
    words = " ".join(text[: 4 * _WORDS].decode("utf-8", "replace").split())[:_WORDS]
    verdict = TABLE.get(status, Verdict.RETRY if status >= 500 else Verdict.STOP)
    if status == 400 and _COLLECTION in words.lower():
        verdict = Verdict.RETRY
    wait = retry_after(header("retry-after"), datetime.now(UTC)) if verdict is Verdict.RETRY else None
    stop = _stop(status) if verdict is Verdict.STOP else None
    return Answer(verdict, status, words, doubtful=status in DOUBTFUL, retry_after=wait, stop=stop)


def _accepted(status: int, text: bytes) -> Answer:
    """Acknowledge an empty or JSON body; anything else is not the Track API."""
    stripped = text.strip()
    if stripped in (b"", b"{}"):
        return Answer(Verdict.ACKNOWLEDGE, status)
    try:
        body = json.loads(stripped)
    except ValueError:
        return Answer(Verdict.STOP, status, stop=_not_track(f"{status} with a body that is not JSON"))
    return Answer(
        Verdict.ACKNOWLEDGE, status, errors=tuple(_item_errors(body)) if b'"error' in stripped else ()
    )


def _item_errors(body: Any) -> list[tuple[int, str]]:
    """Return explicit errors at items' places in an echoed body; no other error format is guessed."""
    errors: list[tuple[int, str]] = []
    entries = body.get("track") if isinstance(body, dict) else None
    index = 0
    for entry in entries if isinstance(entries, list) else []:
        payload = entry.get("payload") if isinstance(entry, dict) else None
        for item in payload if isinstance(payload, list) else []:
            error = item.get("error") or item.get("errors") if isinstance(item, dict) else None
            if error:
                errors.append((index, (error if isinstance(error, str) else json.dumps(error))[:_WORDS]))
            index += 1
    return errors


def _stop(status: int) -> ConnectorError:
    if status in (401, 403):
        return CredentialsError(
            f"the destination refused the API key ({status})",
            hint="check destination.api_key, and that it belongs to this source",
        )
    if status == 404:
        return CredentialsError(
            "the destination knows no such organisation, project or source (404)",
            hint="check destination.org, destination.project, destination.source_id and destination.base_url",
        )
    if 300 <= status < 400:
        return _not_track(f"{status}, a redirect")
    return DestinationError(
        f"the destination answered {status}, which sending again cannot mend",
        hint="check destination.base_url, and any proxy between",
    )


def _not_track(what: str) -> ConnectorError:
    return DestinationError(
        f"what answers at destination.base_url is not the Track API ({what})",
        hint="a login page, a captive portal or a proxy may stand between: check destination.base_url; "
        "nothing was acknowledged",
    )
