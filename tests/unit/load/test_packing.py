"""Packing loses nothing, keeps order, and respects both ceilings."""

import json

import numpy as np
import pyarrow as pa
from batches import batch_of, items_of
from hypothesis import given
from hypothesis import strategies as st

from connector.load.packing import Packer, leave_out
from connector.load.track import Bodies, envelope
from connector.model import Recovery, Reject


def requests_of(batch, max_items, max_bytes):
    packer = Packer(batch, envelope(batch.event))
    seq, found = 1, []
    while (request := packer.next(seq, max_items, max_bytes)) is not None:
        found.append(request)
        seq += 1
    return found


texts = st.lists(st.text(max_size=40), max_size=60)


@given(texts, st.integers(1, 20), st.integers(60, 400))
def test_every_item_goes_out_once_and_in_order(values, max_items, max_bytes):
    batch = batch_of([json.dumps({"t": value}, ensure_ascii=False) for value in values])
    requests = requests_of(batch, max_items, max_bytes)
    bodies = Bodies(batch)
    sent = [
        item["t"]
        for request in requests
        if request.last > request.first
        for item in items_of(bodies.body(request.first, request.last))
    ]
    assert sent == values


@given(texts, st.integers(1, 20), st.integers(60, 400))
def test_no_request_is_over_a_ceiling_but_a_lone_item(values, max_items, max_bytes):
    batch = batch_of([json.dumps({"t": value}) for value in values])
    bodies = Bodies(batch)
    for request in requests_of(batch, max_items, max_bytes):
        if request.last > request.first:
            size = len(bodies.body(request.first, request.last))
            assert size == bodies.size(request.first, request.last)
            assert request.items <= max_items
            assert size <= max_bytes or request.items == 1


@given(st.sets(st.integers(0, 50)), st.integers(1, 7))
def test_every_source_row_is_finished_by_exactly_one_request(accepted, max_items):
    rows = sorted(accepted)
    batch = batch_of(["{}"] * len(rows), rows=rows, total=51)
    requests = requests_of(batch, max_items, 1000)
    covered = [row for request in requests for row in range(request.rows_first, request.rows_last)]
    assert covered == list(range(51))
    assert requests[-1].end == {"rows": 51}


def test_a_batch_without_rows_still_moves_the_watermark():
    [request] = requests_of(batch_of([]), 10, 1000)
    assert (request.first, request.last, request.items) == (0, 0, 0)
    assert request.end == {"rows": 0}


def test_an_entry_of_several_items_counts_with_all_of_them():
    batch = batch_of(["{}"] * 4, items=np.array([3, 3, 1, 9]))
    assert [(r.first, r.last, r.items) for r in requests_of(batch, 6, 1000)] == [
        (0, 2, 6),
        (2, 3, 1),
        (3, 4, 9),
    ]


def test_slices_of_an_array_keep_their_own_offsets():
    whole = pa.array(["x,", '{"t":1},', '{"t":2},'])
    batch = batch_of(["{}", "{}"], entries=whole.slice(1))
    assert items_of(Bodies(batch).body(0, 2)) == [{"t": 1}, {"t": 2}]


def test_whole_entries_travel_in_one_body():
    entries = ['{"name":"A","payload":[{"t":1}]}', '{"name":"B","payload":[{"t":2}]}']
    batch = batch_of(entries, event=None)
    body = json.loads(Bodies(batch).body(0, 2))
    assert [part["name"] for part in body["track"]] == ["A", "B"]


def test_an_event_name_is_written_as_json():
    batch = batch_of(['{"t":1}'], event='say "hé"')
    assert json.loads(Bodies(batch).body(0, 1))["track"][0]["name"] == 'say "hé"'


def test_what_an_interrupted_run_delivered_is_left_out_and_what_it_holds_is_rejected():
    batch = batch_of(['{"t":0}', '{"t":1}', '{"t":2}'])
    none = np.empty(0, np.uint64)
    recovery = Recovery(1, 1, acknowledged=batch.digest[[1]], held=batch.digest[[2]])
    left = leave_out(batch, recovery)
    assert left.entries.to_pylist() == ['{"t":0},']
    assert left.recovered.tolist() == [1]
    assert left.rejected == {2: Reject("in_doubt", "sent, and never answered", "id-2", "[2]")}
    assert leave_out(batch, Recovery(0, 0, none, none)) is batch
