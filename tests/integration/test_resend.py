"""Rows that runs have passed are sent again where a person asks for it: all of them, and no others."""

from collections import Counter

import pytest

# Five orders a second, so that several have the last value of the cursor.
ROWS = range(1, 24)
ONE_SECOND = "update orders set created_at = '2024-01-01 00:00:' || printf('%02d', order_id / 5)"


def orders(shop, ids=ROWS):
    shop.orders(ids)
    shop.sql(ONE_SECOND)


@pytest.mark.parametrize("key", ["order_id", None])
def test_all_of_them_are_sent_again_then_what_is_new(shop, key):
    """Without a key too, and also of the last value of the cursor, of which more rows may have come since."""
    orders(shop)
    path = shop.write({"source.key": key, "destination.max_items": 5})
    shop.delivers(path, ROWS)
    orders(shop, range(24, 27))
    ended = shop.run("run", "--resend", "all", path)
    assert ended.code == 0, ended
    assert shop.received() == Counter(ROWS) + Counter(range(1, 27))
    shop.delivers(path, [*ROWS, *range(1, 27)])


@pytest.mark.parametrize("key", ["order_id", None])
def test_a_run_that_stopped_early_has_passed_what_it_sent(shop, key):
    orders(shop)
    path = shop.write({"source.key": key, "destination.max_items": 5})
    assert shop.run("run", "--limit", 12, path).code == 0
    sent = shop.received()
    assert shop.run("run", "--resend", "all", "--json", path).lines[0]["counts"]["read"] >= 12
    assert shop.received() == sent + Counter(ROWS)


def test_a_mapping_that_reads_other_columns_sends_nothing_by_itself(shop):
    """Without a key rows of the last value are told apart by what they hold: by what was read of them then."""
    orders(shop)
    shop.delivers(shop.write({"source.key": None}), ROWS)
    path = shop.write({"source.key": None, "mapping.data.score": "score", "mapping.data.seen": "label"})
    shop.delivers(path, ROWS)
    orders(shop, range(24, 27))
    shop.delivers(path, range(1, 27))


@pytest.mark.parametrize("key", ["order_id", None])
def test_a_full_pass(shop, key):
    orders(shop)
    changes = {"source.mode": "full", "source.cursor": None, "source.key": key}
    path = shop.write(changes)
    shop.delivers(path, ROWS)
    assert shop.run("run", "--resend", "all", path).code == 0
    assert set(shop.received()) == set(ROWS)
    assert min(shop.received().values()) >= 2


def test_files_that_a_start_of_now_left_out_stay_out(shop):
    shop.parts("a.parquet", range(5))
    path = shop.write({"source.start": "now"}, parquet=True)
    shop.delivers(path, [])
    shop.parts("b.parquet", range(5, 8))
    shop.delivers(path, map(str, range(5, 8)))
    assert shop.run("run", "--resend", "all", path).code == 0
    assert shop.received() == dict.fromkeys(map(str, range(5, 8)), 2)
