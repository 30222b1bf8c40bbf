"""What tuning makes of destinations, in simulated time: exact, and at once."""

import pytest
from simulated import simulate

from connector.load.tuning import Sample, Sign, Tuning

LATENCY = 0.1
BEST = 20 * 400 / LATENCY


def limited(flying, items, now, *, halved=(1e9, 1e9)):
    """100 ms; at most 400 items a request and 20 requests at a time, half as many between two times."""
    places = 10 if halved[0] <= now < halved[1] else 20
    if flying > places:
        return 429, 0.001
    return (413, 0.002) if items > 400 else (200, LATENCY)


def test_hidden_limits_are_found_and_kept():
    """At least 85 % of the best fixed setting within 30 s, and next to no request is answered 429 or 413 then."""
    trace = simulate(Tuning(64, 2000, 10**6), limited, 60)
    assert trace.rate(10, 30) >= 0.95 * BEST
    assert trace.rate(30, 60) >= 0.95 * BEST
    assert trace.share(429, 30, 60) <= 0.005
    assert trace.share(413, 30, 60) <= 0.005


def test_a_limit_that_halves_for_a_while_is_followed_down_and_up():
    trace = simulate(Tuning(64, 2000, 10**6), lambda *a: limited(*a, halved=(30, 50)), 80)
    assert trace.rate(35, 50) >= 0.9 * BEST / 2
    assert trace.share(429, 35, 50) <= 0.02
    assert trace.rate(65, 80) >= 0.95 * BEST


@pytest.mark.parametrize("seed", range(5))
def test_what_is_learned_is_where_the_next_run_begins(seed):
    tuning = Tuning(64, 2000, 10**6)
    simulate(tuning, limited, 20, seed=seed)
    learned = tuning.learned()
    assert learned["in_flight"] == 20
    assert 380 <= learned["max_items"] <= 400
    assert learned["items_per_second"] == pytest.approx(BEST, rel=0.15)
    assert Tuning(64, 2000, 10**6, learned).learned()["items_per_second"] == learned["items_per_second"]
    again = simulate(Tuning(64, 2000, 10**6, learned), limited, 2, seed=seed)
    assert again.rate(0.2, 2) >= 0.9 * BEST


@pytest.mark.parametrize("triples", [1e9, 30.0])
def test_a_steady_server_is_not_made_to_swing(triples):
    """Also one whose latency triples: no two seconds differ by more than a fifth once settled."""
    trace = simulate(Tuning(64, 2000, 10**7), lambda f, n, now: (200, 0.02 if now < triples else 0.06), 60)
    for first in (10, 35) if triples < 60 else (10, 30):
        rates = [trace.rate(second, second + 1) for second in range(first, first + 18)]
        assert max(rates) <= 1.2 * min(rates)
    assert trace.answers[-1][3] == 64


def test_a_server_that_only_queues_gets_no_more_in_flight():
    """What takes so many items a second, however many requests wait, is not flooded."""
    tuning = Tuning(64, 500, 10**7)
    trace = simulate(tuning, lambda flying, items, _: (200, max(0.02, flying * items / 100_000)), 60)
    assert tuning.learned()["in_flight"] <= 10
    assert trace.rate(10, 60) == pytest.approx(100_000, rel=0.05)


def test_a_slow_source_is_no_reason_to_send_more_at_a_time():
    """Where requests come one by one there is nothing to gain."""
    tuning = Tuning(64, 500, 10**7)
    now = 0.0
    for _ in range(2000):
        tuning.sent(full=False)
        now += 0.02
        tuning.answered(Sample(500, 150_000, 0.02, Sign.ACCEPTED, tuning.change), now)
    assert tuning.in_flight == 8


def test_a_limit_in_bytes_is_told_from_one_in_items():
    """When so many items have passed before, a 413 is about their size."""
    tuning = Tuning(8, 500, 10**6)

    def by_bytes(size):
        def server(_, items, __):
            return (413, 0.002) if items * size > 100_000 else (200, 0.02)

        return server

    simulate(tuning, by_bytes(10), 5)
    assert tuning.next_size() == (500, 10**6)
    tuning.answered(Sample(500, 400_000, 0.02, Sign.TOO_LARGE, tuning.change), 6.0)
    assert tuning.next_size() == (500, 200_000)


def test_ceilings_hold():
    trace = simulate(Tuning(3, 100, 10**6), lambda *_: (200, 0.02), 10)
    assert {answer[3] for answer in trace.answers} == {3}
    assert {answer[4] for answer in trace.answers} == {100}
