"""Rejects that end by themselves when their row is delivered later."""

import numpy as np
from batches import batch_of

from connector.accounting import BatchAccounts
from connector.model import Outcome, Refusal, Reject, Request
from connector.open_rejects import OpenRejects

NONE = np.empty(0, np.uint64)


def settled(rejects, batch, *, first=0, last=None, refused=()):
    """Deliver entries [first, last) of a batch but those refused, and say which rejects end."""
    last = len(batch.entries) if last is None else last
    request = Request(1, batch, first, last, first, last, last - first, 0)
    refusals = tuple(Refusal(entry, "refused_by_server", "no") for entry in refused)
    rejects.settle(request, BatchAccounts(batch).settle(Outcome(request, refusals)))
    return rejects.closed()


def keyed(keys, **changes):
    return batch_of(["{}"] * len(keys), key=np.array(keys, np.uint64), **changes)


def test_a_delivered_row_closes_what_an_earlier_run_left_open():
    rejects = OpenRejects(np.array([5, 9], np.uint64))
    assert settled(rejects, keyed([1, 5, 9]), refused=[2]) == ("[1]",)


def test_a_delivered_row_closes_a_reject_of_this_run():
    rejects = OpenRejects(NONE)
    assert settled(rejects, keyed([7, 8]), refused=[0]) == ()
    assert settled(rejects, keyed([3, 7])) == ("[1]",)


def test_a_row_rejected_after_its_delivery_stays_open():
    """Both may be in one commit: the last word counts."""
    rejects = OpenRejects(np.array([4], np.uint64))
    batch = batch_of(
        ["{}"],
        total=2,
        key=np.array([4, 4], np.uint64),
        rejected={1: Reject("expression_error", "", "", "[0]")},
    )
    request = Request(1, batch, 0, 1, 0, 2, 1, 0)
    rejects.settle(request, BatchAccounts(batch).settle(Outcome(request)))
    assert rejects.closed() == ()


def test_a_row_that_an_interrupted_run_delivered_closes_too():
    rejects = OpenRejects(np.array([6], np.uint64))
    batch = batch_of([], total=2, key=np.array([2, 6], np.uint64), recovered=np.array([1], np.int64))
    request = Request(1, batch, 0, 0, 0, 2, 0, 0)
    rejects.settle(request, BatchAccounts(batch).settle(Outcome(request, attempts=0)))
    assert rejects.closed() == ("[1]",)


def test_many_rejects_of_one_run_are_all_known():
    """They are moved from the small array into the large one, and found in both."""
    rejects = OpenRejects(NONE)
    many = np.arange(1, 10_001, dtype=np.uint64)
    for first in range(0, 10_000, 2500):
        part = keyed(many[first : first + 2500])
        settled(rejects, part, refused=range(2500))
    assert len(settled(rejects, keyed(many))) == 10_000


def test_a_source_without_a_key_closes_nothing():
    assert settled(OpenRejects(np.array([1], np.uint64)), batch_of(["{}"])) == ()
