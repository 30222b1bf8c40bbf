"""Backoff, Retry-After and rate caps."""

import datetime as dt
import threading
import time

import pytest

from connector.load.pacing import Pacing, backoff, retry_after

NOW = dt.datetime(2026, 1, 1, 12, 0, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("attempt", "fraction", "expected"),
    [
        (1, 1.0, 0.2),
        (2, 1.0, 0.4),
        (3, 0.5, 0.4),
        (9, 1.0, 51.2),
        (10, 1.0, 60.0),
        (10_000, 1.0, 60.0),
        (5, 0.0, 0.0),
    ],
)
def test_backoff(attempt, fraction, expected):
    assert backoff(attempt, 0.2, 60.0, fraction) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("Thu, 01 Jan 2026 12:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-3", None),
    ],
)
def test_retry_after(value, expected):
    assert retry_after(value, NOW) == expected


def test_a_cap_on_items_spaces_requests_exactly():
    pacing = Pacing(threading.Event(), items_per_second=1000)
    started = time.monotonic()
    for _ in range(5):
        pacing.wait(50)
    assert 0.2 <= time.monotonic() - started < 0.3


def test_a_share_of_a_cap():
    pacing = Pacing(threading.Event(), items_per_second=1000)
    pacing.give(0.5)
    started = time.monotonic()
    for _ in range(3):
        pacing.wait(50)
    assert 0.2 <= time.monotonic() - started < 0.3
    assert pacing.used() == pytest.approx(0.15)
    assert pacing.used() == 0


def test_without_a_share_nothing_goes_until_there_is_one():
    pacing = Pacing(threading.Event(), requests_per_second=1000)
    pacing.give(0)
    went = threading.Event()
    sender = threading.Thread(target=lambda: (pacing.wait(1), went.set()))
    sender.start()
    assert not went.wait(0.3)
    pacing.give(1)
    assert went.wait(5)
    sender.join()


def test_a_hold_keeps_everyone_waiting():
    pacing = Pacing(threading.Event())
    pacing.hold(0.1)
    started = time.monotonic()
    pacing.wait(1)
    assert time.monotonic() - started >= 0.1
