"""Who may send, and when: places, the line, the breaker."""

import threading
import time

import pytest

from connector.errors import Stopped
from connector.load.breaker import TRIP, Breaker
from connector.load.gate import Gate, GaveUp
from connector.load.tuning import Sample, Sign, Tuning

FAR = 1e8


def gate(in_flight=2, wait=0.05):
    return Gate(Tuning(in_flight, 100, 10**6), Breaker(wait, wait))


def sample(sign=Sign.ACCEPTED):
    return Sample(1, 100, 0.01, sign, 0)


def fail(gate, times):
    for _ in range(times):
        gate.leave(gate.enter(FAR), sample(Sign.NOTHING), failed=True)


def test_no_more_than_the_places_and_the_next_in_line_when_one_is_free():
    shared, came = gate(2), []
    turns = [shared.enter(FAR), shared.enter(FAR)]

    def third():
        came.append(shared.enter(FAR))

    thread = threading.Thread(target=third)
    thread.start()
    thread.join(0.05)
    assert came == []
    shared.leave(turns[0], sample())
    thread.join(5)
    assert len(came) == 1


def test_failures_in_a_row_leave_one_probe_at_a_time():
    """Others wait until it is answered; then all go on."""
    shared = gate(8)
    fail(shared, TRIP - 1)
    assert not shared.breaker.open
    fail(shared, 1)
    assert shared.breaker.open
    probe = shared.enter(FAR)
    assert probe.probe
    came = []
    threads = [threading.Thread(target=lambda: came.append(shared.enter(FAR))) for _ in range(3)]
    for thread in threads:
        thread.start()
    threads[0].join(0.2)
    assert came == []
    shared.leave(probe, sample())
    for thread in threads:
        thread.join(5)
    assert [turn.probe for turn in came] == [False] * 3


def test_what_was_in_flight_when_it_opened_makes_no_wait_longer():
    breaker = Breaker(1.0, 60.0)
    for _ in range(40):
        breaker.failed(100.0, probe=False)
    assert breaker.open
    assert breaker.due <= 101.0


def test_waits_between_probes_grow_and_the_server_may_say_how_long():
    breaker = Breaker(1.0, 60.0)
    for _ in range(TRIP):
        breaker.failed(0.0, probe=False)
    breaker.failed(0.0, probe=True, wait=30.0)
    assert breaker.due == 30.0
    for _ in range(20):
        breaker.failed(0.0, probe=True)
    assert breaker.due <= 60.0
    breaker.answered(70.0)
    assert (breaker.open, breaker.away) == (False, 70.0)


def test_when_one_gives_up_all_do():
    """The destination is away for all: nobody waits for the end of its own patience."""
    shared = gate(8, wait=30.0)
    fail(shared, TRIP)
    shared.breaker.due = time.monotonic() + 30
    gave_up = []

    def wait(deadline):
        try:
            shared.enter(deadline)
        except GaveUp:
            gave_up.append(deadline)

    patient = threading.Thread(target=wait, args=(FAR,))
    patient.start()
    wait(time.monotonic() + 0.05)
    patient.join(5)
    assert len(gave_up) == 2


def test_a_stop_sends_everybody_home():
    shared = gate(1)
    shared.enter(FAR)
    threading.Timer(0.05, shared.stop).start()
    with pytest.raises(Stopped):
        shared.enter(FAR)
    with pytest.raises(Stopped):
        shared.enter(FAR)


def test_a_turn_without_an_attempt_says_nothing():
    shared = gate(8)
    fail(shared, TRIP)
    shared.leave(shared.enter(FAR), None)
    assert shared.breaker.open
