"""What becomes of a request under every answer that the Track API may give."""

import datetime as dt
import json
import math
import threading

import httpx
import pytest
from batches import batch_of, items_of
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.config.models import Retry, TrackDestination
from connector.errors import CredentialsError, DestinationError, Stopped
from connector.load.attempts import Attempts
from connector.load.breaker import Breaker
from connector.load.gate import Gate
from connector.load.pacing import Pacing
from connector.load.sending import Sending
from connector.load.track import Bodies, Track
from connector.load.tuning import Tuning

NO_WAIT = Retry(
    max_elapsed=dt.timedelta(seconds=5),
    wait_initial=dt.timedelta(microseconds=1),
    wait_max=dt.timedelta(microseconds=1),
)


class Server:
    """A Track API as a function, which counts what it is asked."""

    def __init__(self, answer, **changes):
        self.requests, self.accepted = 0, []
        self._answer = answer
        values = {
            "org": "o",
            "project": "p",
            "source_id": "1",
            "api_key": "a.b",
            "auth": "header",
            "retry": NO_WAIT,
        }
        destination = TrackDestination(**{**values, **changes})
        self.stop = threading.Event()
        track = Track(destination, httpx.MockTransport(self._handle))
        retry = destination.retry
        breaker = Breaker(retry.wait_initial.total_seconds(), retry.wait_max.total_seconds())
        tuning = Tuning(destination.concurrency, destination.max_items, destination.max_bytes)
        gate = Gate(tuning, breaker)
        self.attempts = Attempts(track, destination, Pacing(self.stop), gate, lambda: True)

    def _handle(self, request):
        self.requests += 1
        ids = [item["t"] for item in items_of(request.read())]
        answer = self._answer(ids, self.requests)
        response = (
            answer
            if isinstance(answer, httpx.Response)
            else httpx.Response(answer, text="{}" if answer < 300 else "no")
        )
        if response.status_code < 300:
            self.accepted += ids
        return response

    def send(self, count, **changes):
        self.tally = self.attempts.begin()
        batch = batch_of([json.dumps({"t": n}) for n in range(count)], **changes)
        try:
            refusals = Sending(self.attempts, Bodies(batch), self.tally).send(0, count)
        finally:
            self.attempts.end()
        return {refusal.entry: refusal.reason for refusal in refusals}


@settings(max_examples=200)
@given(st.integers(2, 600), st.data())
def test_a_lone_bad_item_costs_no_more_than_its_logarithm(count, data):
    bad = data.draw(st.integers(0, count - 1))
    server = Server(lambda ids, _: 400 if bad in ids else 200)
    assert server.send(count) == {bad: "refused_by_server"}
    assert sorted(server.accepted) == [n for n in range(count) if n != bad]
    assert server.requests - 1 <= math.ceil(math.log2(count)) + 2


@settings(max_examples=200)
@given(st.integers(1, 60), st.sets(st.integers(0, 59)))
def test_bad_items_and_only_they_are_refused_and_the_rest_goes_once(count, bad):
    bad = {n for n in bad if n < count}
    server = Server(lambda ids, _: 422 if bad & set(ids) else 201)
    assert set(server.send(count)) == bad
    assert sorted(server.accepted) == [n for n in range(count) if n not in bad]


@settings(max_examples=100)
@given(st.integers(2, 60), st.data())
def test_an_item_that_always_gets_500_is_isolated_while_others_pass(count, data):
    bad = data.draw(st.integers(0, count - 1))
    server = Server(lambda ids, _: 500 if bad in ids else 200)
    assert server.send(count) == {bad: "server_error"}
    assert sorted(server.accepted) == [n for n in range(count) if n != bad]


def test_an_outage_rejects_nothing():
    server = Server(
        lambda ids, _: 503,
        retry=Retry(
            max_elapsed=dt.timedelta(seconds=0.3),
            wait_initial=dt.timedelta(milliseconds=1),
            wait_max=dt.timedelta(milliseconds=5),
        ),
    )
    with pytest.raises(DestinationError, match="did not take a request"):
        server.send(8)
    assert server.accepted == []


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 507])
def test_what_is_not_now_is_retried(status):
    server = Server(lambda _, number: status if number <= 3 else 200)
    assert server.send(5) == {}
    assert (server.tally.attempts, server.accepted) == (4, [0, 1, 2, 3, 4])
    assert server.tally.resent == (15 if status in (500, 502, 504) else 0)


def test_a_400_about_a_collection_is_retried():
    server = Server(
        lambda _, number: httpx.Response(400, text="Cannot create collection x") if number == 1 else 200
    )
    assert server.send(2) == {}


def test_413_splits_and_is_remembered():
    server = Server(lambda ids, _: 413 if len(ids) > 10 else 200)
    assert server.send(64) == {}
    assert sorted(server.accepted) == list(range(64))
    assert server.attempts.tuning.next_size()[0] <= 10


def test_an_item_that_is_too_large_alone_is_refused():
    assert Server(lambda ids, _: 413 if 3 in ids else 200).send(8) == {3: "item_too_large"}
    assert Server(lambda *_: 200, max_bytes=1000).send(1, entries=batch_of(["x" * 2000]).entries) == {
        0: "item_too_large"
    }


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(401), CredentialsError),
        (httpx.Response(403), CredentialsError),
        (httpx.Response(404), CredentialsError),
        (httpx.Response(405), DestinationError),
        (httpx.Response(302, headers={"location": "http://x"}), DestinationError),
        (httpx.Response(200, html="<html>sign in</html>"), DestinationError),
    ],
)
def test_what_sending_again_cannot_mend_stops_and_rejects_nothing(answer, error):
    with pytest.raises(error):
        Server(lambda *_: answer).send(3)


@pytest.mark.parametrize("body", ["", "{}", " {} ", '{"track":[]}', "[1]", '"ok"'])
def test_a_2xx_with_an_empty_or_json_body_acknowledges(body):
    server = Server(lambda *_: httpx.Response(201, text=body))
    assert server.send(3) == {}
    assert server.accepted == [0, 1, 2]


def test_an_error_at_an_items_place_in_an_echoed_body_refuses_that_item():
    echo = {"track": [{"name": "A", "payload": [{"t": 0}, {"t": 1, "error": "no such plan"}, {"t": 2}]}]}
    assert Server(lambda *_: httpx.Response(200, json=echo)).send(3) == {1: "refused_by_server"}


def test_a_run_that_has_everything_refused_is_a_wrong_configuration():
    with pytest.raises(DestinationError, match="refused each of the first 100 items"):
        Server(lambda *_: 400).send(500)


def test_a_doubtful_answer_is_held_where_the_settings_say_so():
    server = Server(lambda _, number: 504 if number == 1 else 200, on_doubt="hold")
    assert server.send(3) == dict.fromkeys(range(3), "in_doubt")
    assert server.accepted == []


def test_on_5xx_stop_stops():
    server = Server(lambda ids, _: 500, on_5xx="stop")
    with pytest.raises(DestinationError, match="keeps answering 500"):
        server.send(3)


def test_a_stop_interrupts_the_wait_for_a_retry():
    server = Server(
        lambda *_: httpx.Response(429, headers={"retry-after": "3600"}),
        retry=Retry(max_elapsed=dt.timedelta(hours=2)),
    )
    threading.Timer(0.1, server.stop.set).start()
    with pytest.raises(Stopped):
        server.send(1)


def test_the_key_stands_in_the_header_or_in_the_query():
    seen = []

    def answer(request):
        seen.append(request)
        return httpx.Response(200)

    for auth in ("header", "query"):
        destination = TrackDestination(
            org="o", project="p", source_id="1841710181319290881", api_key="pre.sec.ret", auth=auth
        )
        Track(destination, httpx.MockTransport(answer)).post((b"{}",))
    assert seen[0].headers["authorization"] == "Basic cHJlOnNlYy5yZXQ="
    assert str(seen[0].url) == "https://api.intempt.com/v1/o/projects/p/sources/1841710181319290881/track"
    assert seen[1].url.params["apiKey"] == "pre.sec.ret"
    assert "authorization" not in seen[1].headers
