"""What a configuration that is right becomes."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.config.models import Column, Constant, ListOf, Object, Sql, Template
from connector.config.scalars import Duration, Share, Size
from connector.config.show import duration_text
from connector.config.values import Model, template_columns


class Units(Model):
    duration: Duration = dt.timedelta(0)
    size: Size = 0
    share: Share = 0


@pytest.mark.parametrize(
    ("field", "written", "value"),
    [
        ("duration", "500ms", dt.timedelta(milliseconds=500)),
        ("duration", "30s", dt.timedelta(seconds=30)),
        ("duration", "15m", dt.timedelta(minutes=15)),
        ("duration", "2h", dt.timedelta(hours=2)),
        ("duration", "1d", dt.timedelta(days=1)),
        ("duration", "1.5 h", dt.timedelta(minutes=90)),
        ("duration", 0, dt.timedelta(0)),
        ("duration", "0", dt.timedelta(0)),
        ("size", "1MB", 1_000_000),
        ("size", "500kB", 500_000),
        ("size", "1.5 GB", 1_500_000_000),
        ("size", 4096, 4096),
        ("size", "4096", 4096),
        ("share", "5%", 0.05),
        ("share", "0%", 0),
        ("share", "100 %", 1),
        ("share", 0.25, 0.25),
        ("share", "0.25", 0.25),
    ],
)
def test_units(field, written, value) -> None:
    assert getattr(Units.model_validate({field: written}), field) == value


@given(st.integers(0, 10**10))
def test_a_duration_survives_being_shown(milliseconds) -> None:
    duration = dt.timedelta(milliseconds=milliseconds)
    assert Units.model_validate({"duration": duration_text(duration)}).duration == duration


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("email", Column(column="email")),
        ("'*x'", Column(column="*x")),
        ("{column: a, hash: sha256}", Column(column="a", hash="sha256")),
        ("{column: a, type: string, default: x}", Column(column="a", type="string", default="x")),
        ("{sql: 'a + 1', type: integer}", Sql(sql="a + 1", type="integer")),
        ("{value: EUR}", Constant(value="EUR")),
        ("{value: null}", Constant(value=None)),
        ("{value: [1, {a: b}]}", Constant(value=[1, {"a": "b"}])),
        ("{value: 2024-01-01, type: date}", Constant(value="2024-01-01", type="date")),
        ("{value: NO}", Constant(value="NO")),
        ("{template: 'o-{id}'}", Template(template="o-{id}")),
        ("{list: [a, {value: 1}]}", ListOf(elements=(Column(column="a"), Constant(value=1)))),
        ("{city: c, zip: {sql: z}}", Object(members={"city": Column(column="c"), "zip": Sql(sql="z")})),
        (
            "{type: a, default: b}",
            Object(members={"type": Column(column="a"), "default": Column(column="b")}),
        ),
        ("{object: {value: a}}", Object(members={"value": Column(column="a")})),
        ("{}", Object(members={})),
        ("{'*': true, a: false}", Object(members={}, rest=True, without=frozenset({"a"}))),
    ],
)
def test_every_form_of_a_value(folder, written, value) -> None:
    sync = folder.sync(f"mapping: {{kind: event, event: x, userId: u, data: {{a: {written}}}}}")
    data = sync.mapping[0].data
    assert data is not None
    assert data.members["a"] == value


def test_a_property_may_have_the_name_of_a_form(folder) -> None:
    """The section itself is an object, so its properties may be called value, column or object."""
    sync = folder.sync(
        "mapping: {kind: event, event: x, userId: u, data: {value: a, column: b, object: c, members: d}}"
    )
    data = sync.mapping[0].data
    assert data == Object(
        members={
            n: Column(column=c) for n, c in zip(["value", "column", "object", "members"], "abcd", strict=True)
        }
    )


def test_the_rest_of_the_columns(folder) -> None:
    sync = folder.sync(
        'mapping: {kind: event, event: x, userId: u, data: {"*": true, password: false, a: b}}'
    )
    data = sync.mapping[0].data
    assert data == Object(members={"a": Column(column="b")}, rest=True, without=frozenset({"password"}))


@pytest.mark.parametrize(
    ("template", "columns"),
    [("order-{id}", ("id",)), ("{a}{b c}", ("a", "b c")), ("{{x}}", ()), ("{{{a}}}", ("a",)), ("", ())],
)
def test_columns_of_a_template(template, columns) -> None:
    assert template_columns(template) == columns


def test_identifiers_become_fields(folder) -> None:
    sync = folder.sync("mapping: {kind: product, productId: sku, eventId: {sql: 'md5(sku)'}, timestamp: at}")
    mapping = sync.mapping[0]
    assert mapping.fields == {"productId": Column(column="sku"), "eventId": Sql(sql="md5(sku)")}
    assert mapping.timestamp == Column(column="at")
    assert mapping.event is None


def test_an_event_is_a_constant_or_a_value(folder) -> None:
    sync = folder.sync(
        """
        mapping:
          - {kind: event, event: Purchase, userId: u, when: "a > 1"}
          - {kind: event, event: {column: name}, accountId: c}
          - {kind: event, event: x, profileId: p, identity: strict}
        """
    )
    assert [mapping.event for mapping in sync.mapping] == ["Purchase", Column(column="name"), "x"]


@pytest.mark.parametrize(
    ("source", "mode"),
    [
        ("{type: database, url: 'sqlite://', table: a, cursor: id}", "incremental"),
        ("{type: database, url: 'sqlite://', table: a, cursor: {sql: 'coalesce(a, b)'}}", "incremental"),
        ("{type: database, url: 'sqlite://', table: a}", "full"),
        ("{type: database, url: 'sqlite://', table: a, cursor: id, mode: full}", "full"),
        ("{type: parquet, path: a.parquet}", "incremental"),
        ("{type: parquet, path: a.parquet, mode: full}", "full"),
        ("{type: database, url: 'sqlite://', table: a, key: [a, b], mode: diff}", "diff"),
    ],
)
def test_the_mode_follows_from_cursor_and_type(folder, source, mode) -> None:
    assert folder.sync(f"source: {source}").source.mode == mode


@pytest.mark.parametrize(
    ("key", "auth"), [("abc.def", "header"), ("abcdef", "query"), (".def", "query"), ("abc.", "query")]
)
def test_auth_follows_from_the_key(folder, key, auth) -> None:
    destination = f"destination: {{org: a, project: b, source_id: '1', api_key: {key}}}"
    assert folder.sync(destination).destination.auth == auth


@pytest.mark.parametrize(
    ("settle", "value"),
    [("auto", "auto"), ("0", dt.timedelta(0)), ("none", dt.timedelta(0)), ("60s", dt.timedelta(seconds=60))],
)
def test_settle(folder, settle, value) -> None:
    url = "postgresql://h/d"
    sync = folder.sync(f"source: {{type: database, url: '{url}', table: a, cursor: c, settle: {settle}}}")
    assert sync.source.settle == value


def test_unset_settle_is_the_sources_own(folder) -> None:
    assert folder.sync().source.settle is None


def test_defaults(folder) -> None:
    """The defaults are those of the documentation."""
    sync = folder.sync()
    assert (sync.id, sync.freshness, sync.schedule, sync.tests) == ("orders", None, None, ())
    assert (sync.source.future, sync.source.timezone) == (dt.timedelta(days=1), "UTC")
    assert (sync.source.delete_guard, sync.source.start) == (0.05, "beginning")
    to = sync.destination
    assert (to.base_url, to.type, to.window) == ("https://api.intempt.com/v1", "track", 64)
    assert (to.max_items, to.max_bytes, to.concurrency) == (500, 1_000_000, 8)
    assert (to.retry.max_elapsed, to.retry.wait_max) == (dt.timedelta(minutes=15), dt.timedelta(seconds=60))
    assert (sync.rejects.max, sync.rejects.after, sync.rejects.retention) == (
        0.05,
        1000,
        dt.timedelta(days=30),
    )


def test_none_is_the_absence_of_an_option(folder) -> None:
    sync = folder.sync(
        "freshness: none",
        "schedule: none",
        "destination: {org: a, project: b, source_id: '1', api_key: k, ca_file: none, max_items_per_second: none}",
    )
    assert (sync.freshness, sync.schedule) == (None, None)
    assert (sync.destination.ca_file, sync.destination.max_items_per_second) == (None, None)
