"""Every fault of the sandbox, seen from a client on a real socket."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime

import httpx
import pytest

from connector.errors import ConfigError
from connector.sandbox.process import Sandbox

KEY = {"apiKey": "sandbox.not-a-secret"}
USER = {"userId": "u"}


@pytest.fixture(scope="module")
def running():
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running):
    running.reset()
    return running


@pytest.fixture
def http(sandbox):
    with httpx.Client(trust_env=False, timeout=10) as client:
        yield client


def send(http, sandbox, *items, name="Purchase", **options):
    body = json.dumps({"track": [{"name": name, "payload": items or [USER]}]})
    return http.post(
        sandbox.track_url, params=KEY, content=body, headers={"Content-Type": "application/json"}, **options
    )


def statuses(http, sandbox, count):
    return [send(http, sandbox).status_code for _ in range(count)]


def test_status_by_sequence(sandbox, http):
    """The next two requests fail, then every third: nothing of them is stored."""
    sandbox.set_faults(
        {
            "rules": [
                {"fault": "status", "status": 503, "next": 2},
                {"fault": "status", "status": 429, "every": 3},
            ]
        }
    )

    assert statuses(http, sandbox, 6) == [503, 503, 429, 200, 200, 429]
    stats = sandbox.stats()
    assert (stats["items"], stats["statuses"]) == (2, {"200": 2, "429": 2, "503": 2})


def test_status_by_rate(sandbox, http):
    """About half of the requests fail at a rate of a half."""
    sandbox.set_faults({"rules": [{"fault": "status", "status": 500, "rate": 0.5}]})

    assert 20 < statuses(http, sandbox, 80).count(500) < 60


def test_key_stops_working_in_mid_run(sandbox, http):
    """From the third request on the answer is 401."""
    sandbox.set_faults({"rules": [{"fault": "status", "status": 401, "from_nth": 3}]})

    assert statuses(http, sandbox, 4) == [200, 200, 401, 401]


def test_retry_after_in_seconds_and_as_a_date(sandbox, http):
    """Both forms of Retry-After are sent; the date lies at least that far ahead."""
    rule = {"fault": "status", "status": 429, "retry_after": 7}
    sandbox.set_faults({"rules": [{**rule, "next": 1}, {**rule, "retry_after_form": "date"}]})

    assert send(http, sandbox).headers["retry-after"] == "7"
    before = time.time()
    date = parsedate_to_datetime(send(http, sandbox).headers["retry-after"]).timestamp()
    assert before + 7 <= date <= time.time() + 8


def test_status_with_a_body_of_its_own_after_storing(sandbox, http):
    """A 502 can come after the items were accepted, with any text."""
    sandbox.set_faults({"rules": [{"fault": "status", "status": 502, "body": "bad gateway", "stored": True}]})

    answer = send(http, sandbox)

    assert (answer.status_code, answer.text, sandbox.stats()["items"]) == (502, "bad gateway", 1)


def test_cannot_create_collection(sandbox, http):
    """The intermittent 400 says that it cannot create a collection, and passes."""
    sandbox.set_faults({"rules": [{"fault": "collection", "next": 1}]})

    first, second = send(http, sandbox), send(http, sandbox)

    assert first.status_code == 400
    assert "cannot create collection" in first.text.lower()
    assert second.status_code == 200


def test_login_page(sandbox, http):
    """A captive portal: 200, HTML, nothing stored."""
    sandbox.set_faults({"rules": [{"fault": "login_page"}]})

    answer = send(http, sandbox)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert sandbox.stats()["items"] == 0


def test_redirect(sandbox, http):
    """A 302 with a place to go."""
    sandbox.set_faults({"rules": [{"fault": "redirect"}]})

    answer = send(http, sandbox)

    assert (answer.status_code, answer.headers["location"]) == (302, "/login")


@pytest.mark.parametrize("stored", [False, True])
def test_hang(sandbox, http, stored):
    """No answer comes; the items are stored or not, as told."""
    sandbox.set_faults({"rules": [{"fault": "hang", "next": 1, "stored": stored}]})

    with pytest.raises(httpx.ReadTimeout):
        send(http, sandbox, timeout=0.2)

    assert sandbox.stats()["items"] == int(stored)
    assert send(http, sandbox).status_code == 200


def test_reset_in_mid_body(sandbox, http):
    """The connection is reset while the body is still being sent; nothing is stored."""
    sandbox.set_faults({"rules": [{"fault": "reset", "next": 1}]})
    head = (
        f"POST {sandbox.settings.track_path}?apiKey={KEY['apiKey']} HTTP/1.1\r\nHost: x\r\n"
        "Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"
    )

    with socket.create_connection(("127.0.0.1", sandbox.settings.port)) as connection:
        connection.sendall(head.encode() + b'{"track": [')
        with pytest.raises(ConnectionResetError):
            connection.recv(1)

    counters = sandbox.counters()
    assert (counters["outcomes"], counters["statuses"], counters["in_flight"]) == ({"reset": 1}, {"0": 1}, 0)
    assert send(http, sandbox).status_code == 200


def test_answer_lost_after_acceptance(sandbox, http):
    """The items are stored, the connection ends without an answer."""
    sandbox.set_faults({"rules": [{"fault": "lost_answer", "next": 1}]})

    with pytest.raises(httpx.RemoteProtocolError, match="disconnected"):
        send(http, sandbox)

    stats = sandbox.stats()
    assert (stats["items"], stats["statuses"], stats["outcomes"]) == (1, {"0": 1}, {"lost_answer": 1})


def test_slow_drip(sandbox, http):
    """The answer comes byte by byte, slower than the whole, faster than a read timeout."""
    sandbox.set_faults({"rules": [{"fault": "drip", "seconds": 0.5}]})

    started = time.monotonic()
    answer = send(http, sandbox, timeout=0.3)

    assert time.monotonic() - started >= 0.4
    assert (answer.json(), sandbox.stats()["items"]) == ({}, 1)


def test_latency_and_jitter(sandbox, http):
    """Answers take at least the latency, and not all the same."""
    sandbox.set_faults({"latency": 0.03, "jitter": 0.05})
    statuses(http, sandbox, 8)

    seconds = [request["seconds"] for request in sandbox.requests()]
    assert min(seconds) >= 0.03
    assert max(seconds) - min(seconds) > 0.01


def test_size_limits_are_413(sandbox, http):
    """More items or bytes than allowed are refused, the allowed sizes pass."""
    sandbox.set_faults({"max_items": 2})
    assert [send(http, sandbox, *[USER] * count).status_code for count in (2, 3)] == [200, 413]

    sandbox.set_faults({"max_bytes": 200})
    assert [send(http, sandbox, *[USER] * count).status_code for count in (1, 50)] == [200, 413]
    assert sandbox.counters()["refused"] == {"too_many_items": 3}


def test_concurrency_above_the_limit_is_429(sandbox, http):
    """Of five requests at one time a limit of two lets two through."""
    sandbox.set_faults({"max_concurrency": 2, "latency": 0.3, "retry_after": 3})

    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: send(http, sandbox), range(5)))

    assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429, 429]
    assert {answer.headers.get("retry-after") for answer in answers if answer.status_code == 429} == {"3"}
    assert sandbox.counters()["max_in_flight"] >= 3


def test_items_per_second_above_the_limit_are_429(sandbox, http):
    """A second's worth passes at once, then time must pass."""
    sandbox.set_faults({"max_items_per_second": 20})

    first, second = send(http, sandbox, *[USER] * 25), send(http, sandbox)
    assert (first.status_code, second.status_code) == (200, 429)
    deadline = time.monotonic() + 5
    while send(http, sandbox).status_code == 429:
        assert time.monotonic() < deadline


@pytest.mark.parametrize(("fault", "status"), [("poison", 400), ("poison_500", 500)])
def test_poison_refuses_the_whole_request(sandbox, http, fault, status):
    """Each request with a poisoned item is refused, always; without it the others pass."""
    sandbox.set_faults({fault: ["bad"]})
    poisoned = {**USER, "data": {"list": ["very bad"]}}

    answers = [send(http, sandbox, USER, poisoned) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [status] * 3
    assert send(http, sandbox, USER).status_code == 200
    assert sandbox.stats()["items"] == 1
    if status == 400:
        assert (answers[0].json()["entry"], answers[0].json()["index"]) == (0, 1)


def test_poison_echo_refuses_only_the_item(sandbox, http):
    """The echo holds an error in the bad item's place; the others are stored."""
    sandbox.set_faults({"poison_echo": ["bad"]})

    answer = send(http, sandbox, {"userId": "a"}, {"userId": "bad"}, {"userId": "c"})

    ((entry,), stats) = answer.json()["track"], sandbox.stats()
    assert entry["payload"][::2] == [{"userId": "a"}, {"userId": "c"}]
    assert "error" in entry["payload"][1]
    assert [item.item["userId"] for item in sandbox.items()] == ["a", "c"]
    assert (stats["accepted"], stats["items"]) == (2, 2)


@pytest.mark.parametrize(
    ("refusal", "kind", "quoted"),
    [("json", "application/json", True), ("text", "text/plain", True), ("empty", "application/json", False)],
)
def test_refusals_are_worded_as_told(sandbox, http, refusal, kind, quoted):
    """A refusal is JSON, text or empty, and quotes the refused item like a careless server."""
    sandbox.set_faults({"refusal": refusal, "quote_refused": True})

    answer = send(http, sandbox, USER, {"eventId": "canary", "userId": " "})

    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (400, kind)
    assert ("canary" in answer.text) is quoted


def test_idle_connections_are_closed_unannounced(sandbox, http):
    """A kept connection is gone after the idle time, and the client was not told."""
    sandbox.set_faults({"close_idle_after": 0.05})
    first = send(http, sandbox)
    connection = first.extensions["network_stream"].get_extra_info("socket")

    assert "connection" not in first.headers
    connection.settimeout(5)
    assert connection.recv(1) == b""


def test_each_answer_closes_its_connection(sandbox, http):
    """The answer announces the end of the connection."""
    sandbox.set_faults({"close_each": True})

    assert [send(http, sandbox).headers["connection"] for _ in range(2)] == ["close", "close"]


def test_wrong_faults_are_refused_and_change_nothing(sandbox, http):
    """A misspelt fault is an error on both sides of the wire; what was set stays set."""
    sandbox.set_faults({"max_items": 1})

    with pytest.raises(ConfigError, match="max_itms"):
        sandbox.set_faults({"max_itms": 1})
    answer = http.put(f"{sandbox.url.removesuffix('/v1')}/_sandbox/faults", content='{"max_itms": 1}')

    assert (answer.status_code, "max_itms" in answer.json()["error"]) == (400, True)
    assert send(http, sandbox, USER, USER).status_code == 413
