"""The transport over TLS and through proxies, on real sockets."""

import base64
import contextlib
import shutil
import socket
import ssl
import subprocess
import time

import httpx
import pytest
import trustme
from transport_servers import Proxy, Server, url_of

from connector.errors import ConfigError
from connector.load.transport import NOTHING_SENT, HttpTransport, UntrustedServer

TINYPROXY = shutil.which("tinyproxy")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def server_tls(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "::1", "localhost").configure_cert(context)
    return context


@pytest.fixture(scope="module")
def ca_file(authority, tmp_path_factory):
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture
def transport(ca_file):
    with HttpTransport(ca_file=ca_file, timeout=5) as made:
        yield made


def post(server, scheme="https", body=b"{}", timeout=5):
    timeouts = dict.fromkeys(("connect", "read", "write"), timeout)
    return httpx.Request("POST", url_of(server, scheme), content=body, extensions={"timeout": timeouts})


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_private_authority_is_trusted(transport, server_tls, host):
    """A server whose certificate the CA file vouches for is spoken to over one kept connection."""
    body = bytes(range(256)) * 5000
    with Server(host=host, tls=server_tls) as server:
        assert [transport.handle_request(post(server, body=body)).status_code for _ in range(3)] == [200] * 3
    assert [received for _, received in server.requests] == [body] * 3
    assert server.connections == 1


def test_an_unknown_authority_is_refused(server_tls):
    """A certificate that nobody vouches for: a clear error, nothing sent."""
    with HttpTransport(timeout=5) as transport, Server(tls=server_tls) as server:
        with pytest.raises(
            UntrustedServer, match=r"certificate of 127\.0\.0\.1.*not trusted.*destination\.ca_file"
        ) as caught:
            transport.handle_request(post(server))
        assert isinstance(caught.value, NOTHING_SENT)
    assert server.requests == []


def test_a_certificate_for_another_name_is_refused(transport, authority):
    """The name in the certificate must be the server's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("elsewhere.example").configure_cert(context)
    with Server(tls=context) as server, pytest.raises(UntrustedServer):
        transport.handle_request(post(server))


def test_a_server_without_tls_is_a_connect_error(transport):
    """An http server behind an https URL: nothing of the request was sent."""
    with (
        Server(reply=b"HTTP/1.1 400 Bad Request\r\n\r\n", take=1) as server,
        pytest.raises(httpx.ConnectError),
    ):
        transport.handle_request(post(server))


def test_a_handshake_that_hangs_times_out(transport):
    """A server that accepts and stays silent: ConnectTimeout."""
    with Server(take=0, hold=True) as server, pytest.raises(httpx.ConnectTimeout):
        transport.handle_request(post(server, timeout=0.1))


def test_timeouts_over_tls(transport, server_tls):
    """Reads and writes over TLS time out as httpx's exceptions."""
    with Server(tls=server_tls, hold=True) as server, pytest.raises(httpx.ReadTimeout):
        transport.handle_request(post(server, timeout=0.2))
    with (
        Server(tls=server_tls, handler=lambda _: server.stopping.wait()) as server,
        pytest.raises(httpx.WriteTimeout),
    ):
        transport.handle_request(post(server, body=b"x" * 20_000_000, timeout=0.2))


def test_an_idle_tls_connection_that_the_server_closed_is_replaced(transport, server_tls):
    """The end of a TLS connection is seen before it is used again."""
    with Server(tls=server_tls, requests_each=1) as server:
        for _ in range(3):
            assert transport.handle_request(post(server)).status_code == 200
            server.closed.acquire()
    assert len(server.requests) == 3


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_ca_file_that_is_none(tmp_path, content):
    """A missing or senseless file is the user's mistake, named with its place in the YAML."""
    path = tmp_path / "ca.pem"
    if content:
        path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        HttpTransport(ca_file=path)
    assert caught.value.path == "destination.ca_file"
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_https_goes_through_a_tunnel(transport, server_tls, monkeypatch, variable, host):
    """CONNECT with the proxy's credentials, which the server behind never sees; one tunnel for all requests."""
    with Server(host=host, tls=server_tls) as server, Proxy() as proxy:
        monkeypatch.setenv(variable, f"http://us%20er:p%40ss@127.0.0.1:{proxy.port}")
        assert [transport.handle_request(post(server)).status_code for _ in range(2)] == [200] * 2
    target = url_of(server).split("/")[2]
    credentials = base64.b64encode(b"us er:p@ss").decode()
    assert [head.decode() for head in proxy.seen] == [
        f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nProxy-Authorization: Basic {credentials}\r\n\r\n"
    ]
    assert b"Proxy-Authorization" not in server.requests[0][0]
    assert server.requests[0][0].startswith(b"POST /v1/track HTTP/1.1\r\n")


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "all_proxy"])
def test_http_goes_in_absolute_form(transport, monkeypatch, variable):
    """Without TLS the proxy gets the whole URL and its credentials, on a connection for each request."""
    with Proxy() as proxy:
        monkeypatch.setenv(variable, f"u:p@127.0.0.1:{proxy.port}")
        request = httpx.Request("POST", "http://track.invalid:8080/v1?a=b", content=b"{}")
        assert [transport.handle_request(request).content for _ in range(2)] == [b"by proxy"] * 2
    assert proxy.seen[0].startswith(b"POST http://track.invalid:8080/v1?a=b HTTP/1.1\r\n")
    assert b"\r\nHost: track.invalid:8080\r\n" in proxy.seen[0]
    assert b"\r\nProxy-Authorization: Basic dTpw\r\n" in proxy.seen[0]
    assert b"\r\nConnection: close\r\n" in proxy.seen[0]
    assert proxy.connections == 2


@pytest.mark.parametrize(
    ("host", "bypass"),
    [("127.0.0.1", "*"), ("127.0.0.1", "example.com, 127.0.0.1"), ("127.0.0.1", "127.0.0.1:{port}"), ("::1", "::1"), ("::1", "[::1]")],
)  # fmt: skip
def test_no_proxy_goes_direct(transport, monkeypatch, host, bypass):
    """NO_PROXY names hosts, with or without port, that are reached directly."""
    with Server(host=host) as server, Proxy() as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", bypass.format(port=server.port))
        assert transport.handle_request(post(server, "http")).content == b"{}"
    assert (len(server.requests), proxy.seen) == (1, [])


def test_no_proxy_for_others_changes_nothing(transport, monkeypatch):
    """A NO_PROXY that names another host leaves the proxy in place."""
    with Server() as server, Proxy() as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "7.0.0.1,127.0.0.1:1")
        assert transport.handle_request(post(server, "http")).content == b"by proxy"
    assert server.requests == []


@pytest.mark.parametrize(("status", "words"), [(b"407 Auth", "407.*credentials"), (b"502 Bad", "502")])
def test_a_refused_tunnel_is_a_proxy_error(transport, monkeypatch, status, words):
    """The proxy's status is named, its credentials are not, and nothing was sent."""
    with Proxy(status) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:hunter2@127.0.0.1:{proxy.port}")
        with pytest.raises(httpx.ProxyError, match=words) as caught:
            transport.handle_request(httpx.Request("POST", "https://track.invalid/v1", content=b"{}"))
    assert isinstance(caught.value, NOTHING_SENT)
    assert "hunter2" not in str(caught.value)


def test_a_proxy_that_is_none_is_a_proxy_error(transport, monkeypatch):
    """What answers CONNECT with something else than HTTP is no proxy."""
    with Server(reply=b"220 smtp ready\r\n\r\n", take=1) as server:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.port}")
        with pytest.raises(NOTHING_SENT):
            transport.handle_request(httpx.Request("POST", "https://track.invalid/v1", content=b"{}"))


def test_a_proxy_that_is_away_is_named(transport, monkeypatch):
    """The error says that it was on the way to the proxy."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
    with pytest.raises(httpx.ConnectError, match=f"through the proxy 127.0.0.1:{port}"):
        transport.handle_request(httpx.Request("POST", "https://track.invalid/v1", content=b"{}"))


@pytest.mark.parametrize(
    "proxy", ["socks5://127.0.0.1:1080", "https://127.0.0.1:1", "http://127.0.0.1:port", "http://"]
)
def test_proxies_of_other_kinds_are_refused(transport, monkeypatch, proxy):
    """Only http:// proxies exist here; the error says so without the URL."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises((httpx.UnsupportedProtocol, httpx.ProxyError), match=r"proxy|proxies"):
        transport.handle_request(httpx.Request("POST", "https://track.invalid/v1", content=b"{}"))


@pytest.mark.skipif(not TINYPROXY, reason="needs tinyproxy (apt-get install tinyproxy-bin)")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_tinyproxy(transport, server_tls, monkeypatch, tmp_path, scheme):
    """A proxy that others wrote, with credentials, for both kinds of targets."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = tmp_path / "tinyproxy.conf"
    config.write_text(
        f'Port {port}\nListen 127.0.0.1\nMaxClients 10\nBasicAuth user secret\nLogFile "{tmp_path}/log"\n'
    )
    process = subprocess.Popen([TINYPROXY, "-d", "-c", str(config)], stdout=subprocess.DEVNULL)
    try:
        for _ in range(500):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.02)
        monkeypatch.setenv(f"{scheme}_proxy", f"http://user:secret@127.0.0.1:{port}")
        with Server(tls=server_tls if scheme == "https" else None) as server:
            body = b"x" * 600_000
            assert [transport.handle_request(post(server, scheme, body)).status_code for _ in range(2)] == [
                200
            ] * 2
            assert [received for _, received in server.requests] == [body] * 2
    finally:
        process.terminate()
        process.wait()
