"""All who send to a destination keep its pace together, and backfills take what live syncs leave."""

from __future__ import annotations

import itertools

import pytest
from shop import Shop, end, wait_for

PACE = {"destination.max_items_per_second": 400, "destination.max_items": 40}


@pytest.mark.timeout(120)
def test_workers_share_the_pace_with_each_other_and_with_live_syncs(shop: Shop) -> None:
    """The destination never has to refuse, and most of what it takes while a live sync sends is the live sync's."""
    shop.orders(range(1, 4_001))
    shop.orders(range(10_001, 11_201))
    past = shop.write({**PACE, "source.where": "order_id <= 4000"})
    today = shop.write(
        {**PACE, "sync": "today", "source.where": "order_id > 10000", "mapping.event": "Today"}
    )
    shop.sandbox.set_faults({"max_items_per_second": 480})
    process = shop.start("backfill", past, "--workers", "3", "--slice-rows", "500", "--json")
    wait_for(lambda: shop.sandbox.counters()["accepted"] > 800)
    assert shop.run("run", today).code == 0
    ended = end(process)
    assert ended.code == 0, ended
    assert set(shop.sandbox.counters()["statuses"]) == {"200"}
    names = [stored.event for stored in shop.sandbox.items()]
    assert (names.count("Today"), len(names)) == (1_200, 5_200)
    first, last = names.index("Today"), len(names) - 1 - names[::-1].index("Today")
    meanwhile = list(itertools.islice(names, first, last))
    assert meanwhile.count("Today") > 0.6 * len(meanwhile)
