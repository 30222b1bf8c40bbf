"""The window: any order of answers, one order of commits."""

import itertools

import numpy as np
from batches import batch_of

from connector.load.packing import Packer
from connector.load.track import envelope
from connector.model import Outcome
from connector.window import Window


def requests_of(batch, max_items=1):
    packer = Packer(batch, envelope("A"))
    return [packer.next(seq, max_items, 1000) for seq in range(1, 1 + -(-len(batch.entries) // max_items))]


def test_every_order_of_answers_commits_in_read_order():
    for order in itertools.permutations(range(4)):
        window = Window(places=lambda: 4, size=8)
        requests = requests_of(batch_of(["{}"] * 4))
        for request in requests:
            window.add(request)
        committed = []
        for index in order:
            window.settle(Outcome(requests[index]))
            committed += [outcome.request.seq for outcome in window.finished()]
        assert committed == [1, 2, 3, 4]


def test_an_outcome_frees_its_slot_and_is_recorded_once():
    window = Window(places=lambda: 2, size=8)
    first, second, _ = requests_of(batch_of(["{}"] * 3))
    window.add(first)
    window.add(second)
    assert not window.has_room()
    window.settle(Outcome(second))
    assert [outcome.request.seq for outcome in window.past_gap()] == [2]
    assert window.has_room()
    assert window.past_gap() == []
    assert window.finished() == []


def test_an_error_stops_the_commits_in_front_of_it_and_doubt_stays_unrecorded():
    window = Window(places=lambda: 3, size=8)
    requests = requests_of(batch_of(["{}"] * 3))
    for request in requests:
        window.add(request)
    window.settle(Outcome(requests[0]))
    window.settle(Outcome(requests[1], error=ValueError(), doubtful=True))
    window.settle(Outcome(requests[2]))
    assert [outcome.request.seq for outcome in window.finished()] == [1]
    assert [outcome.request.seq for outcome in window.past_gap()] == [3]


def test_items_of_one_entity_are_never_in_flight_together():
    batch = batch_of(["{}"] * 4, entity=np.array([7, 8, 7, 9], np.uint64))
    first, second, third, fourth = requests_of(batch)
    window = Window(places=lambda: 8, size=8)
    window.add(first)
    assert not window.waits_for_entities(second)
    assert window.waits_for_entities(third)
    assert not window.waits_for_entities(fourth)
    window.settle(Outcome(first))
    assert not window.waits_for_entities(third)
