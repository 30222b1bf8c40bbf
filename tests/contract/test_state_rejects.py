"""Rejects as people work with them, and what must not be sent again: the same on every kind of store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from connector.errors import LeaseLost
from connector.model import Commit, Reject, Watermark
from connector.state import schema
from connector.state.lease import Lease
from connector.state.rejects import RejectFilter
from connector.state.store import StateStore

TTL = dt.timedelta(seconds=60)


@pytest.fixture
def store(state_url: str) -> Iterator[StateStore]:
    with StateStore.open(state_url) as opened:
        yield opened


@pytest.fixture
def lease(store: StateStore) -> Lease:
    lease = store.acquire("orders", ttl=TTL)
    store.start_run(lease, "run-1")
    return lease


def put(store: StateStore, lease: Lease, *rejects: Reject, **rest: object) -> None:
    store.commit(lease, "run-1", Commit(rejects=rejects, **rest))


def refused(event_id: str, key: str = "", reason: str = "refused_by_server") -> Reject:
    return Reject(reason, "no", event_id, key)


def events(store: StateStore, **filters: object) -> set[str]:
    return {one.reject.event_id for one in store.list_rejects(RejectFilter("orders", **filters))}


def test_a_reject_comes_back_whole(store, lease):
    """Version and mapping are those of the last time."""
    put(store, lease, Reject("expression_error", "no", "e1", "[1]", "{}", "2024-01-01", "print-1"))
    again = Reject("expression_error", "still no", "e1", "[1]", '{"a":1}', "2024-01-02", "print-2")
    put(store, lease, again)
    assert [one.reject for one in store.list_rejects("orders")] == [again]


@pytest.fixture
def several(store: StateStore, lease: Lease) -> list[dt.datetime]:
    """Three open rejects and a closed one, and when each was seen last."""
    put(store, lease, refused("e1", "[1]"))
    put(store, lease, refused("e2", "[2]"))
    put(store, lease, refused("e3", '["a",2]', "item_too_large"))
    put(store, lease, refused("e4", "[1]", "item_too_large"))
    store.close_rejects("orders", ["e4"])
    everything = store.iterate_rejects(RejectFilter("orders", closed=True))
    return [one.last_seen for one in everything]


def test_filters(store, several):
    """All that is given must hold; the end of a time is outside it."""
    assert events(store) == {"e1", "e2", "e3"}
    assert events(store, closed=True) == {"e1", "e2", "e3", "e4"}
    assert events(store, reason="item_too_large") == {"e3"}
    assert events(store, key="[1]") == {"e1"}
    assert events(store, key="[1]", closed=True) == {"e1", "e4"}
    assert events(store, key='["a",2]', reason="refused_by_server") == set()
    assert events(store, event_id="e2") == {"e2"}
    assert events(store, since=several[1]) == {"e2", "e3"}
    assert events(store, until=several[1]) == {"e1"}
    assert events(store, since=several[1], until=several[2], key="[2]") == {"e2"}


def test_filters_are_the_same_for_groups_and_counts_and_deleting(store, several):
    late = RejectFilter("orders", since=several[1])
    assert [(group.reason, group.rejects, group.example) for group in store.reject_groups(late)] == [
        ("item_too_large", 1, "e3"),
        ("refused_by_server", 1, "e2"),
    ]
    assert store.count_rejects(late) == 2
    assert store.delete_rejects(late) == 2
    assert events(store, closed=True) == {"e1", "e4"}
    assert store.delete_rejects(RejectFilter("customers", closed=True)) == 0
    assert store.delete_rejects("orders") == 1
    assert events(store, closed=True) == {"e4"}


def test_only_a_filter_that_names_something_leaves_anything_out():
    assert RejectFilter("orders").whole
    assert RejectFilter("orders", closed=True).whole
    for given in ({"reason": "r"}, {"key": "[1]"}, {"event_id": "e"}, {"since": dt.datetime.now(dt.UTC)}):
        assert not RejectFilter("orders", **given).whole


@pytest.mark.parametrize("page", [1, 2, 7, 1000])
def test_rejects_are_iterated_in_one_order_whatever_the_page(store, lease, page):
    """Also where one eventId was rejected for several reasons, and while rejects go away meanwhile."""
    names = [(f"e{n}", reason) for n in range(5) for reason in ("a", "b")]
    put(store, lease, *(refused(event_id, reason=reason) for event_id, reason in names))
    found = store.iterate_rejects("orders", page=page)
    assert [(one.reject.event_id, one.reject.reason) for one in found] == names
    found = store.iterate_rejects("orders", page=page)
    first = next(found)
    store.delete_rejects("orders")
    assert first.reject.event_id == "e0"
    assert len(list(found)) == page - 1 if page < len(names) else len(names) - 1


def test_a_delivered_key_closes_its_rejects(store, lease):
    """All open ones of the key, of this sync alone, in the commit that settles the delivery."""
    long = f'["{"k" * 10_000}"]'
    put(store, lease, refused("e1", "[1]"), refused("e2", "[1]"), refused("e3", "[2]"), refused("e4", long))
    other = store.acquire("customers", ttl=TTL)
    store.start_run(other, "run-2")
    store.commit(other, "run-2", Commit(rejects=(refused("c1", "[1]"),)))
    assert set(store.open_reject_keys("orders")) == {"[1]", "[2]", long}
    put(store, lease, closed=("[1]", "[9]", long), watermark=Watermark({"a": 1}))
    assert events(store) == {"e3"}
    assert store.open_reject_keys("orders") == ["[2]"]
    assert store.open_reject_keys("customers") == ["[1]"]
    assert store.watermark("orders") == {"a": 1}


def test_rejects_and_closed_keys_of_one_commit(store, lease):
    """What is delivered closes what is rejected by the same commit: the caller leaves out what was rejected last."""
    put(store, lease, refused("e1", "[1]"), refused("e2", "[2]"), closed=("[1]",))
    assert events(store) == {"e2"}


def test_a_reject_without_a_key_has_none_to_be_delivered(store, lease):
    put(store, lease, refused("e1"))
    assert store.open_reject_keys("orders") == []


@pytest.mark.parametrize("latest", ["by_key", "by_time"])
def test_the_keys_of_open_rejects_are_found_by_an_index(store, lease, latest):
    """However many closed ones there are; the same holds for closing those of a key.

    Of two indexes that seem as good SQLite takes the latest.
    """
    engine = store._database.engine
    [index] = [each for each in schema.rejects.indexes if each.name == f"connector_rejects_{latest}"]
    with engine.begin() as connection:
        index.drop(connection)
        index.create(connection)
    said: list[tuple[str, object]] = []

    @sa.event.listens_for(engine, "before_cursor_execute")
    def _listen(_connection, _cursor, statement, parameters, *_rest):
        if "connector_rejects" in statement and "INSERT" not in statement:
            said.append((statement, parameters))

    put(store, lease, refused("e1", "[1]"))
    store.open_reject_keys("orders")
    put(store, lease, closed=("[1]",))
    sa.event.remove(engine, "before_cursor_execute", _listen)
    assert len(said) == 2
    for statement, parameters in said:
        assert "connector_rejects_by_key" in plan(engine, statement, parameters)


def plan(engine: sa.Engine, statement: str, parameters: object) -> str:
    """Return how the database finds the rows, also where there are too few for an index to pay."""
    given = parameters[0] if isinstance(parameters, list) else parameters
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            return str(connection.exec_driver_sql(f"explain query plan {statement}", given).all())
        connection.exec_driver_sql("set local enable_seqscan = off")
        return str(connection.exec_driver_sql(f"explain {statement}", given).all())


# ── what was forgotten, what was learned ─────────────────────────────────────────────────────────────


def test_what_is_forgotten_stays_so(store, lease):
    """It is kept once, with the sync, through a reset and a rename."""
    put(store, lease, refused("e1", "[1]"), refused("e2", "[2]"))
    pairs = [("user", "bb"), ("key", "aa")]
    purge = [RejectFilter("orders", key="[1]", closed=True)]
    assert store.forget(lease, pairs, purge) == 1
    assert store.forget(lease, [("key", "aa"), ("key", "cc")]) == 0
    forgotten = (("key", "aa"), ("key", "cc"), ("user", "bb"))
    assert store.forgotten("orders") == forgotten
    assert store.forgotten("customers") == ()
    assert events(store) == {"e2"}
    lease.release()
    store.reset("orders")
    assert store.forgotten("orders") == forgotten
    with store.acquire("purchases", ttl=TTL) as other:
        store.forget(other, [("key", "aa"), ("key", "dd")])
    store.rename("orders", "purchases")
    assert store.forgotten("orders") == ()
    assert store.forgotten("purchases") == (("key", "aa"), ("key", "cc"), ("key", "dd"), ("user", "bb"))


def test_who_lost_the_lane_forgets_nothing(store, lease):
    put(store, lease, refused("e1", "[1]"))
    with store._database.engine.begin() as connection:
        connection.execute(sa.text("update connector_leases set expires = 0"))
    store.acquire("orders", ttl=TTL)
    with pytest.raises(LeaseLost):
        store.forget(lease, [("key", "aa")], [RejectFilter("orders")])
    assert (store.forgotten("orders"), events(store)) == ((), {"e1"})


def test_what_was_learned_is_kept_for_each_destination(store):
    assert store.learned("https://a/1") == {}
    values = {"max_items": 400, "latency": 0.25, "name": "ünïcode \0"}
    store.learn("https://a/1", {"old": True})
    store.learn("https://a/1", values)
    store.learn("https://b/1", {})
    assert (store.learned("https://a/1"), store.learned("https://b/1")) == (values, {})


def test_old_rejects_are_pruned(store, lease):
    put(store, lease, refused("e1"), refused("e2"))
    store.close_rejects("orders", ["e2"])
    store.prune("orders", dt.timedelta(days=30))
    assert events(store, closed=True) == {"e1", "e2"}
    store.prune("orders", dt.timedelta(0))
    assert events(store, closed=True) == set()


@pytest.mark.parametrize("rows", [{"keys": ["[1]", "[9]"]}, {"event_ids": ["e1", "e4", "e9"]}], ids=str)
def test_what_a_run_has_dealt_with_is_settled_but_for_what_it_rejects_again(store, lease, rows):
    put(store, lease, refused("e1", "[1]"), refused("e4", "[1]", "item_too_large"), refused("e2", "[2]"))
    store.start_run(lease, "run-2")
    store.commit(lease, "run-2", Commit(rejects=(refused("e1", "[1]"), refused("e1", "[1]", "server_error"))))
    store.settle_rejects(lease, "run-2", **rows)
    left = [(one.reject.event_id, one.reject.reason) for one in store.list_rejects("orders")]
    assert sorted(left) == [("e1", "refused_by_server"), ("e1", "server_error"), ("e2", "refused_by_server")]
