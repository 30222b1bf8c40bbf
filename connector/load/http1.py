"""Reading HTTP/1 answers off a connection.

By hand, because `http.client` spends three quarters of an answer in a parser of e-mail headers. It is strict instead
of clever: what is not plainly HTTP/1 raises `httpx.RemoteProtocolError`, and the connection is given up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import httpx

_MAX_LINE = 65_536
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9]\d\d)(?: .*)?")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,12})[ \t]*(?:;.*)?")


class Answer(NamedTuple):
    """What a server said.

    Attributes:
        status: from 101 on; interim answers are passed over.
        headers: names and values as they came.
        body: its first bytes, up to the limit that was set.
        truncated: whether there was more than that.
        reusable: whether the connection can take another request.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    truncated: bool
    reusable: bool


class AnswerReader:
    """Reads answers one after the other.

    Args:
        receive: returns the next bytes of the connection, none at its end.
    """

    def __init__(self, receive: Callable[[], bytes]) -> None:
        self._receive = receive
        self._buffer = bytearray()
        self._ended = False

    def read(self, method: str, limit: int) -> Answer:
        """Read the answer to a request of `method`, at most `limit` bytes of its body.

        Raises:
            httpx.RemoteProtocolError: it is not HTTP/1, or the connection ends before it does.
        """
        version, status, headers, fields = self._read_head()
        while 100 <= status < 200 and status != 101:
            version, status, headers, fields = self._read_head()
        body, truncated = b"", False
        if method not in {"HEAD", "CONNECT"} and status not in {204, 304}:
            body, truncated = self._read_body(fields, limit)
        connection = fields.get(b"connection", b"").lower()
        persistent = b"close" not in connection if version == b"1" else b"keep-alive" in connection
        unread = truncated or self._ended or self._buffer or status == 101
        return Answer(status, headers, body, truncated, reusable=persistent and not unread)

    def _read_head(self) -> tuple[bytes, int, list[tuple[bytes, bytes]], dict[bytes, bytes]]:
        """Return HTTP's minor version, the status, the headers, and their values by lower-case name."""
        while not (end := _BLANK_LINE.search(self._buffer)):
            self._fill()
        lines = self._take(end.end()).replace(b"\r\n", b"\n").split(b"\n")
        match = _STATUS.fullmatch(lines[0])
        if not match:
            raise httpx.RemoteProtocolError("the answer is not HTTP/1")
        headers, fields = [], dict[bytes, bytes]()
        for line in lines[1:-2]:
            name, colon, value = line.partition(b":")
            if not colon or not name or name != name.strip():
                raise httpx.RemoteProtocolError("the answer has a malformed header")
            value = value.strip()
            headers.append((name, value))
            key = name.lower()
            fields[key] = b"%b, %b" % (fields[key], value) if key in fields else value
        return match[1], int(match[2]), headers, fields

    def _read_body(self, fields: Mapping[bytes, bytes], limit: int) -> tuple[bytes, bool]:
        """Return the body up to `limit` bytes, and whether there is more."""
        if fields.get(b"content-encoding", b"identity").lower() != b"identity":
            raise httpx.RemoteProtocolError("the answer is compressed, which was not asked for")
        if coding := fields.get(b"transfer-encoding"):
            if coding.lower() != b"chunked":
                raise httpx.RemoteProtocolError("the answer has an unknown transfer coding")
            return self._read_chunks(limit)
        length = fields.get(b"content-length")
        if length is None:
            while len(self._buffer) <= limit and self._receive_more():
                pass
            truncated = len(self._buffer) > limit
            return self._take(limit), truncated
        if not length.isdigit() or len(length) > 18:
            raise httpx.RemoteProtocolError("the answer has a malformed Content-Length")
        return self._read_exactly(min(int(length), limit)), int(length) > limit

    def _read_chunks(self, limit: int) -> tuple[bytes, bool]:
        body = bytearray()
        while size := self._read_chunk_size():
            room = limit - len(body)
            body += self._read_exactly(min(size, room))
            if size > room:
                return bytes(body), True
            if self._read_line():
                raise httpx.RemoteProtocolError("the answer's chunks are malformed")
        while self._read_line():
            pass  # trailers
        return bytes(body), False

    def _read_chunk_size(self) -> int:
        match = _CHUNK_SIZE.fullmatch(self._read_line())
        if not match:
            raise httpx.RemoteProtocolError("the answer's chunks are malformed")
        return int(match[1], 16)

    def _read_line(self) -> bytes:
        while (end := self._buffer.find(b"\n")) < 0:
            self._fill()
        return self._take(end + 1).rstrip(b"\r\n")

    def _read_exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            if not self._receive_more():
                raise httpx.RemoteProtocolError("the connection ended in the middle of the answer")
        return self._take(size)

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _fill(self) -> None:
        """Receive more of a head or a line."""
        if len(self._buffer) > _MAX_LINE:
            raise httpx.RemoteProtocolError("the answer's head is too long, or it is not HTTP")
        if not self._receive_more():
            where = "in the middle of the answer" if self._buffer else "without an answer"
            raise httpx.RemoteProtocolError(f"the connection ended {where}")

    def _receive_more(self) -> bool:
        data = self._receive()
        self._buffer += data
        self._ended = not data
        return bool(data)
