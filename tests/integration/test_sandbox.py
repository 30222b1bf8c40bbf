"""The sandbox's endpoint and query side: a real process on a real socket."""

import base64
import gzip
import json
import socket
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from connector.errors import ConfigError
from connector.sandbox.process import Sandbox
from connector.sandbox.settings import SandboxSettings

SEED = Path(__file__).parents[1] / "unit" / "sandbox" / "seed"
KEY = {"apiKey": "sandbox.not-a-secret"}
USER = {"userId": "u"}


@pytest.fixture(scope="module")
def running():
    with Sandbox(SandboxSettings(port=0, revoked=("old.key",))) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running):
    running.reset()
    return running


@pytest.fixture(scope="module")
def http():
    with httpx.Client(trust_env=False) as client:
        yield client


def track(*items, name="Purchase"):
    return json.dumps({"track": [{"name": name, "payload": items}]}).encode()


def send(http, sandbox, content, **change):
    options = {"params": KEY, "headers": {"Content-Type": "application/json"}, **change}
    return http.post(sandbox.track_url, content=content, **options)


def test_seed_request_is_accepted_and_kept_to_the_letter(sandbox, http):
    """The documentation's own request is answered {} and kept exactly as it was sent."""
    text = (SEED / "request.json").read_bytes()

    answer = send(http, sandbox, text)

    (item,) = sandbox.items()
    assert (answer.status_code, answer.json()) == (200, {})
    assert item.raw.encode() in text
    assert item.item["data"]["locationLatitude"] == Decimal("51.509865")
    assert (item.event, item.timestamp) == ("Purchase", 1714631904000)


def test_digits_survive(sandbox, http):
    """Nineteen-digit integers, trailing zeros and escapes are read back as sent."""
    raw = '{"userId":"\\u00fc\\u0000","data":{"id":1841710181319290881,"price":10.10,"tiny":1E-400}}'

    send(http, sandbox, f'{{"track":[{{"name":"A","payload":[{raw}]}}]}}'.encode())

    assert [item.raw for item in sandbox.items()] == [raw]


def test_both_credentials_open_it(sandbox, http):
    """The key works as a query parameter and as Basic credentials split at its first point."""
    query = send(http, sandbox, track(USER))
    header = send(http, sandbox, track(USER), params={}, auth=("sandbox", "not-a-secret"))

    assert [query.status_code, header.status_code] == [200, 200]


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"params": {}}, 401, "wrong_key"),
        ({"params": {"apiKey": ""}}, 401, "wrong_key"),
        ({"params": {"apiKey": "sandbox.wrong"}}, 401, "wrong_key"),
        ({"auth": ("sandbox", "wrong")}, 401, "wrong_key"),
        ({"params": {}, "auth": ("sandbox.not-a-secret", "")}, 401, "wrong_key"),
        ({"params": {"apiKey": "old.key"}}, 403, "revoked_key"),
        ({"params": {}, "auth": ("old", "key")}, 403, "revoked_key"),
        ({"headers": {"Content-Type": "text/plain"}}, 415, "wrong_content_type"),
        ({"headers": {}}, 415, "wrong_content_type"),
        ({"headers": {"Content-Type": "application/json", "Content-Encoding": "br"}}, 415, "wrong_encoding"),
        ({"headers": {"Content-Type": "application/json", "Content-Encoding": "gzip"}}, 400, "not_gzip"),
    ],
)
def test_wrong_head_is_refused(sandbox, http, change, status, reason):
    """Keys and headers are checked, and nothing is stored."""
    answer = send(http, sandbox, track(USER), **change)

    assert (answer.status_code, answer.json()["reason"]) == (status, reason)
    assert sandbox.stats()["items"] == 0


@pytest.mark.parametrize(
    "text", ["Bearer x", "Basic !!!", f"Basic {base64.b64encode(b'nocolon').decode()}", "Basic"]
)
def test_unreadable_credentials_are_401(sandbox, http, text):
    """Whatever stands in Authorization, the answer is a clean 401."""
    headers = {"Content-Type": "application/json", "Authorization": text}

    assert send(http, sandbox, track(USER), params={}, headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("/sandbox/projects", "/x/projects"),
        ("projects/sandbox", "projects/x"),
        ("0001/", "0002/"),
        ("/v1", "/v2"),
    ],
)
def test_wrong_path_is_404(sandbox, http, part, other):
    """Another organisation, project, source or base path does not exist."""
    url = sandbox.track_url.replace(part, other)

    assert http.post(url, params=KEY, json={"track": []}).status_code == 404


def test_only_post_is_taken(sandbox, http):
    """GET on the endpoint is 405."""
    assert http.get(sandbox.track_url, params=KEY).status_code == 405


def test_chunked_body_is_411(sandbox, http):
    """A body without Content-Length is refused."""
    answer = send(http, sandbox, iter([track(USER)]))

    assert (answer.status_code, answer.headers["connection"]) == (411, "close")


def test_gzip_is_understood(sandbox, http):
    """A packed body counts as sent and is stored unpacked."""
    packed = gzip.compress(track(USER))
    headers = {"Content-Type": "application/json; charset=utf-8", "Content-Encoding": "gzip"}

    assert send(http, sandbox, packed, headers=headers).status_code == 200
    stats = sandbox.stats()
    assert (stats["items"], stats["bytes"]) == (1, len(packed))


def test_one_bad_item_refuses_the_whole_request(sandbox, http):
    """The answer names the reason and the place, nothing is stored, and the refused items are counted."""
    answer = send(http, sandbox, track(USER, {**USER, "timestamp": 1714631904}, USER))

    error = answer.json()
    assert answer.status_code == 400
    assert (error["reason"], error["entry"], error["index"]) == ("timestamp_out_of_range", 0, 1)
    stats = sandbox.stats()
    assert (stats["items"], stats["refused"], stats["statuses"]) == (
        0,
        {"timestamp_out_of_range": 3},
        {"400": 1},
    )


def test_body_that_is_not_json_is_refused(sandbox, http):
    """A torn body is a 400 that says so."""
    answer = send(http, sandbox, track(USER)[:-2])

    assert (answer.status_code, answer.json()["reason"]) == (400, "not_json")


def test_timestamp_after_2040_becomes_the_servers_clock(sandbox, http):
    """Microseconds sent for milliseconds are accepted, replaced and noted."""
    send(http, sandbox, track({**USER, "timestamp": 1714631904000000}))

    (item,) = sandbox.items()
    assert item.timestamp == item.received
    assert sandbox.stats()["notes"] == {"timestamp_replaced": 1}


def test_stats_count_events_and_duplicates(sandbox, http):
    """Items, distinct eventIds, duplicates and events are counted over all requests."""
    send(http, sandbox, track({**USER, "eventId": "1"}, {**USER, "eventId": "2"}, USER))
    send(http, sandbox, track({**USER, "eventId": "2"}, {**USER, "eventId": "2"}, name="Charge"))

    stats = sandbox.stats()
    assert {
        name: stats[name] for name in ("items", "distinct", "duplicates", "events", "accepted", "requests")
    } == {
        "items": 5,
        "distinct": 2,
        "duplicates": 2,
        "events": {"Charge": 2, "Purchase": 3},
        "accepted": 5,
        "requests": 2,
    }


def test_items_are_filtered_ordered_and_limited(sandbox, http):
    """Each filter selects, newest first turns the order, a limit cuts."""
    for number in range(3):
        send(
            http,
            sandbox,
            track({"userId": f"u{number % 2}", "eventId": str(number)}, {"productId": "p", "accountId": "a"}),
        )

    ids = [item.item.get("eventId") for item in sandbox.items(userId="u0")]
    newest = [item.item["eventId"] for item in sandbox.items(userId="u0", newest=True, limit=1)]
    assert (ids, newest) == (["0", "2"], ["2"])
    assert [
        len(sandbox.items(**{name: value}))
        for name, value in [
            ("productId", "p"),
            ("accountId", "a"),
            ("eventId", "1"),
            ("event", "Purchase"),
            ("event", "x"),
        ]
    ] == [3, 3, 1, 6, 0]
    assert len(sandbox.items(event="Purchase", userId="u1", request=str(sandbox.items()[2].request))) == 1
    with pytest.raises(ConfigError, match="no such filter"):
        sandbox.items(user="u0")


@pytest.mark.parametrize("newest", [False, True])
def test_items_beyond_a_page_come_complete(sandbox, http, newest):
    """More items than one answer holds are fetched on, each once and in order."""
    for start in range(0, 12_000, 4_000):
        send(http, sandbox, track(*({"userId": str(n)} for n in range(start, start + 4_000))))

    users = [int(item.item["userId"]) for item in sandbox.items(newest=newest)]
    assert users == sorted(range(12_000), reverse=newest)
    assert len(sandbox.items(limit=5_001, newest=newest)) == 5_001


def test_delete_forgets_what_is_named(sandbox, http):
    """Items of one user go, the others stay, and a filter is needed."""
    send(http, sandbox, track({"userId": "gone"}, {"userId": "gone"}, {"userId": "stays"}))

    assert sandbox.delete(userId="gone") == 2
    assert [item.item["userId"] for item in sandbox.items()] == ["stays"]
    with pytest.raises(ConfigError, match="filter"):
        sandbox.delete()


def test_requests_are_logged(sandbox, http):
    """Each request is on record with its status, items and outcome."""
    send(http, sandbox, track(USER, USER))
    send(http, sandbox, b"{}")

    first, second = sandbox.requests()
    assert (first["status"], first["items"], first["accepted"], first["outcome"]) == (200, 2, 2, "accepted")
    assert (second["status"], second["bytes"], second["outcome"]) == (400, 2, "no_track")
    assert sandbox.requests(limit=1) == [second]


def test_reset_forgets_everything(sandbox, http):
    """After a reset there are no items, no counts and no faults."""
    sandbox.set_faults({"rules": [{"fault": "status", "status": 503, "from_nth": 2}]})
    send(http, sandbox, track(USER))

    sandbox.reset()

    assert send(http, sandbox, track(USER)).status_code == 200
    assert send(http, sandbox, track(USER)).status_code == 200
    assert sandbox.stats()["items"] == sandbox.counters()["requests"] == 2


def test_pipelined_requests_are_answered_in_order(sandbox):
    """Two requests in one segment on one connection get two answers."""
    body = track(USER)
    head = f"POST {sandbox.settings.track_path}?apiKey={KEY['apiKey']} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    last = request.replace(b"Host: x", b"Host: x\r\nConnection: close")

    with socket.create_connection(("127.0.0.1", sandbox.settings.port)) as connection:
        connection.sendall(request + last)
        received = b"".join(iter(lambda: connection.recv(65536), b""))

    assert received.count(b"HTTP/1.1 200 OK") == 2
