"""The transport against real servers on real sockets."""

import logging
import select
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from transport_servers import OK, Server, answer, read_request, url_of

from connector.load import connection
from connector.load.transport import NOTHING_SENT, Body, HttpTransport


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def transport():
    with HttpTransport(timeout=5) as made:
        yield made


@pytest.fixture(params=["kernel", "portable"])
def either_way(request, monkeypatch):
    """Run a test with the kernel's timeouts, and with what Windows has."""
    if request.param == "portable":
        monkeypatch.setattr(connection, "KERNEL_TIMEOUTS", False)
        monkeypatch.delattr(select, "poll", raising=False)


def post(server, body=b"{}", timeout=None, **more):
    timeouts = (
        {"extensions": {"timeout": dict.fromkeys(("connect", "read", "write"), timeout)}} if timeout else {}
    )
    return httpx.Request("POST", url_of(server), content=body, **timeouts, **more)


def test_a_body_in_parts_arrives_whole_with_its_length(transport):
    """Buffers are sent without being joined and arrive as one body."""
    middle = memoryview(b"x" * 3_000_000)
    with Server() as server:
        request = httpx.Request("POST", url_of(server), stream=Body(b"[", middle, b"", bytearray(b"]")))
        assert transport.handle_request(request).content == b"{}"
    head, body = server.requests[0]
    assert body == b"[" + bytes(middle) + b"]"
    assert b"\r\nContent-Length: 3000002\r\n" in head
    assert b"Host: 127.0.0.1:%d\r\n" % server.port in head


def test_a_body_in_parts_can_be_read_by_a_mock():
    """The same request works with httpx's own fake transport."""
    mock = httpx.MockTransport(lambda request: httpx.Response(200, content=request.content))
    request = httpx.Request("POST", "http://x/", stream=Body(b"a", memoryview(b"b")))
    assert mock.handle_request(request).content == b"ab"


def test_an_iterated_body_is_never_chunked(transport):
    """Bodies of unknown length get one."""
    with Server() as server:
        transport.handle_request(httpx.Request("POST", url_of(server), content=iter([b"a", b"b"])))
    head, body = server.requests[0]
    assert (body, b"chunked" in head) == (b"ab", False)


def test_through_a_client_uncompressed_answers_are_asked_for(transport):
    """httpx.Client asks for gzip by default; the transport does not let it."""
    with Server() as server:
        assert httpx.Client(transport=transport).post(url_of(server), content=b"{}").json() == {}
    assert server.requests[0][0].lower().count(b"accept-encoding") == 1
    assert b"Accept-Encoding: identity\r\n" in server.requests[0][0]


def test_one_connection_serves_many_requests(transport, either_way):
    """Connections are kept."""
    with Server() as server:
        for _ in range(5):
            assert transport.handle_request(post(server)).status_code == 200
    assert (len(server.requests), server.connections) == (5, 1)


def test_ipv6(transport):
    """An address in brackets is reached, and named so in Host."""
    with Server(host="::1") as server:
        assert transport.handle_request(post(server)).status_code == 200
    assert b"Host: [::1]:%d\r\n" % server.port in server.requests[0][0]


@pytest.mark.parametrize(
    ("reply", "status", "body"),
    [
        (answer(b"hello"), 200, b"hello"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n00a\r\n0123456789\r\n0\r\nT: 1\r\n\r\n",
            200,
            b"abc0123456789",
        ),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + answer(b"late"),
            200,
            b"late",
        ),
        (b"HTTP/1.1 201\r\nContent-Length:0\r\n\r\n", 201, b""),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}", 200, b"{}"),
        (b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n", 302, b""),
        (b"HTTP/1.0 503 Busy\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\n!", 503, b"!"),
    ],
    ids=["length", "204", "chunked", "interim", "no-reason", "bare-lf", "redirect", "http10"],
)
@pytest.mark.parametrize("drip", [False, True], ids=["at-once", "byte-by-byte"])
def test_answers_are_read_and_the_connection_kept(transport, reply, status, body, drip):
    """Every framing gives its body, is not followed anywhere, and leaves the connection in step."""
    with Server(reply, drip=drip) as server:
        responses = [transport.handle_request(post(server)) for _ in range(2)]
    assert [(r.status_code, r.content) for r in responses] == [(status, body)] * 2
    assert (len(server.requests), server.connections) == (2, 1)


@pytest.mark.parametrize(
    "reply",
    [
        answer(b"{}", b"Connection: close\r\n"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n\r\n{}",
        answer(b"{}") + b"HTTP/1.1 200 OK\r\n\r\nnobody asked",
    ],
    ids=["close", "http10", "until-end", "stray-bytes"],
)
def test_answers_that_end_the_connection(transport, reply):
    """A connection that cannot be in step is not used again."""
    with Server(reply, requests_each=None if b"Content-Length" in reply else 1) as server:
        responses = [transport.handle_request(post(server)) for _ in range(2)]
    assert [r.content for r in responses] == [b"{}"] * 2
    assert server.connections == 2


@pytest.mark.parametrize(
    "reply",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n folded: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 200_000,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        b"",
    ],
)  # fmt: skip
def test_what_is_not_http_is_in_doubt(transport, reply):
    """A senseless or unfinished answer is RemoteProtocolError, and the request is not sent again."""
    with Server(reply, requests_each=1) as server, pytest.raises(httpx.RemoteProtocolError):
        transport.handle_request(post(server))
    assert len(server.requests) == 1


@pytest.mark.parametrize("framing", ["length", "chunked", "until-end"])
def test_a_long_answer_is_cut_and_its_connection_closed(framing):
    """At most max_response bytes are kept, marked, and the next request has its own connection."""
    head, frame = {
        "length": (b"Content-Length: 1000000\r\n", b"x" * 1000),
        "chunked": (b"Transfer-Encoding: chunked\r\n", b"3e8\r\n" + b"x" * 1000 + b"\r\n"),
        "until-end": (b"", b"x" * 1000),
    }[framing]
    reply = b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + frame * 1000
    with HttpTransport(max_response=2_500, timeout=5) as transport, Server(reply, requests_each=1) as server:
        responses = [transport.handle_request(post(server)) for _ in range(2)]
    assert [(r.content, r.extensions["truncated"]) for r in responses] == [(b"x" * 2_500, True)] * 2
    assert server.connections == 2


def test_an_answer_of_exactly_the_limit_is_whole():
    """The limit itself is allowed, in every framing."""
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    for reply in (answer(b"hello"), chunked):
        with HttpTransport(max_response=5, timeout=5) as transport, Server(reply) as server:
            responses = [transport.handle_request(post(server)) for _ in range(2)]
        assert [r.extensions["truncated"] for r in responses] == [False, False]
        assert server.connections == 1


def test_an_idle_connection_that_the_server_closed_is_replaced(transport, either_way):
    """A request never meets a connection whose end is already known, over and over."""
    with Server(OK, requests_each=1) as server:
        for count in range(1, 6):
            assert transport.handle_request(post(server)).status_code == 200
            server.closed.acquire()  # the server has closed this connection, without a word in the answer
            assert len(server.requests) == count
    assert server.connections == 5


def test_a_connection_idle_for_long_is_replaced(transport, monkeypatch):
    """Connections are left before servers usually close them."""
    monkeypatch.setattr(connection, "MAX_IDLE", 0.0)
    with Server() as server:
        for _ in range(2):
            transport.handle_request(post(server))
    assert server.connections == 2


def test_a_reset_in_the_answer_is_in_doubt(transport):
    """A server that takes the body and resets: ReadError, sent once."""
    with Server(None) as server, pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)) as caught:
        transport.handle_request(post(server, b"x" * 100_000))
    assert not isinstance(caught.value, NOTHING_SENT)
    assert len(server.requests) == 1


def test_a_server_that_hangs_up_in_the_body_is_in_doubt(transport, either_way):
    """Part of the body was sent: never one of NOTHING_SENT."""
    with Server(take=1000, reply=b"") as server:
        with pytest.raises(httpx.TransportError) as caught:
            transport.handle_request(post(server, b"x" * 20_000_000))
        assert not isinstance(caught.value, NOTHING_SENT)
    assert server.connections == 1


def test_a_refusal_before_the_body_was_taken_is_heard(transport):
    """413 may come, and the connection end, while the body is still being sent."""
    reply = answer(b"too large", status=b"413 Content Too Large")
    with Server(reply, take=1000) as server:
        response = transport.handle_request(post(server, b"x" * 20_000_000))
    assert (response.status_code, response.content) == (413, b"too large")


def test_success_before_the_body_was_taken_is_no_success(transport):
    """A 200 to half a body acknowledges nothing."""
    with Server(OK, take=1000) as server, pytest.raises(httpx.WriteError):
        transport.handle_request(post(server, b"x" * 20_000_000))


def test_nothing_was_sent_where_nobody_listens(transport):
    """A refused connection and an unknown name are ConnectError."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}/?apiKey=secret", "http://does-not-exist.invalid/?apiKey=secret"):
        with pytest.raises(httpx.ConnectError) as caught:
            transport.handle_request(httpx.Request("POST", url, content=b"{}"))
        assert isinstance(caught.value, NOTHING_SENT)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["ftp://x/", "http://x:99999/", "http://" + "a" * 70 + "/"])
def test_senseless_addresses_give_httpx_errors(transport, url):
    """Nothing else ever leaves the transport."""
    with pytest.raises(NOTHING_SENT):
        transport.handle_request(httpx.Request("POST", url, content=b"{}"))


def test_a_line_break_in_a_header_is_refused(transport):
    """A header cannot smuggle another one."""
    with Server() as server, pytest.raises(httpx.LocalProtocolError):
        transport.handle_request(post(server, headers={"Authorization": "x\r\nEvil: 1"}))
    assert server.requests == []


def test_a_server_that_never_answers(transport, either_way):
    """The read timeout is httpx's."""
    with Server(hold=True) as server, pytest.raises(httpx.ReadTimeout):
        transport.handle_request(post(server, timeout=0.1))


def test_a_server_that_drips(transport, either_way):
    """The read timeout limits the whole answer, not each byte of it."""
    with (
        Server(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000, drip=True) as server,
        pytest.raises(httpx.ReadTimeout),
    ):
        transport.handle_request(post(server, timeout=0.2))


def test_a_server_that_never_reads(transport, either_way):
    """The write timeout is httpx's."""
    with Server(take=0, hold=True) as server, pytest.raises(httpx.WriteTimeout):
        transport.handle_request(post(server, b"x" * 20_000_000, timeout=0.2))


def test_eight_requests_travel_at_once(transport):
    """With 100 ms of latency, 8 threads wait together."""
    with Server(delay=0.1) as server, ThreadPoolExecutor(8) as pool:
        begin = time.monotonic()
        statuses = list(
            pool.map(lambda _: transport.handle_request(post(server, b"x" * 130_000)).status_code, range(40))
        )
        elapsed = time.monotonic() - begin
    assert statuses == [200] * 40
    assert server.connections == 8
    assert elapsed < 2.0, "one after the other takes 4 s"


@pytest.mark.parametrize("blocked_in", ["read", "write"])
def test_close_interrupts_other_threads(transport, either_way, blocked_in):
    """A thread blocked in a send or a read fails at once when the transport closes."""
    server = Server(hold=True, take=0 if blocked_in == "write" else None)
    with server, ThreadPoolExecutor(1) as pool:
        future = pool.submit(transport.handle_request, post(server, b"x" * 20_000_000, timeout=60))
        server.held.wait()
        begin = time.monotonic()
        transport.close()
        error = future.exception(timeout=10)
        assert time.monotonic() - begin < 1
    assert isinstance(error, httpx.TransportError)
    assert not isinstance(error, NOTHING_SENT)


def test_close_interrupts_a_tls_handshake(transport):
    """So does one that is still connecting."""
    with Server(take=0, hold=True) as server, ThreadPoolExecutor(1) as pool:
        request = httpx.Request("POST", f"https://127.0.0.1:{server.port}/", content=b"{}")
        future = pool.submit(transport.handle_request, request)
        server.held.wait()
        transport.close()
        assert isinstance(future.exception(timeout=2), httpx.ConnectError)


def test_a_closed_transport_sends_nothing(transport):
    """After close() every request fails with nothing sent, and idle connections are gone."""
    with Server() as server:
        transport.handle_request(post(server))
        transport.close()
        server.closed.acquire()
        with pytest.raises(httpx.ConnectError):
            transport.handle_request(post(server))
    assert len(server.requests) == 1


def test_nothing_is_logged(transport, caplog):
    """URLs may carry a key, so no line of a log is written at any level."""
    caplog.set_level(logging.DEBUG)
    with Server() as server:
        transport.handle_request(httpx.Request("POST", url_of(server) + "?apiKey=secret", content=b"{}"))
    assert caplog.records == []


def test_threads_share_a_transport_without_mixing_answers():
    """Each request gets the answer to its own body, whatever thread sends it."""

    def echo(sock):
        while request := read_request(sock):
            sock.sendall(answer(request[1]))

    with HttpTransport(timeout=5) as transport, Server(handler=echo) as server, ThreadPoolExecutor(8) as pool:
        bodies = [b"%d" % number * 1000 for number in range(400)]
        echoed = list(pool.map(lambda body: transport.handle_request(post(server, body)).content, bodies))
        assert threading.active_count() >= 8
    assert echoed == bodies
