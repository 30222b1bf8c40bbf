"""Times keep the form in which a source writes them, whatever is computed with them."""

from __future__ import annotations

import datetime as dt

import pytest

from connector.extract.databases.times import written

FORMS = [
    ("2024-03-01", "2024-02-29"),
    ("2024-03-01 00:30", "2024-02-29 23:30"),
    ("2024-03-01T00:30:05", "2024-02-29T23:30:05"),
    ("2024-03-01 00:30:05.5", "2024-02-29 23:30:05.5"),
    ("2024-03-01T00:30:05.123Z", "2024-02-29T23:30:05.123Z"),
    ("2024-03-01 00:30:05.123456+02:00", "2024-02-29 23:30:05.123456+02:00"),
    ("2024-03-01 00:30:05+00", "2024-02-29 23:30:05+00"),
    ("2024-03-01 00:30:05,123 -0330", "2024-02-29 23:30:05,123 -0330"),
    ("2024-03-01 00:30:05.123456789", "2024-02-29 23:30:05.123456789"),
    ("0001-01-01 00:30:00", "0001-01-01 00:00:00"),
]


@pytest.mark.parametrize(("text", "earlier"), FORMS)
def test_an_hour_earlier_is_written_in_the_same_form(text: str, earlier: str) -> None:
    """A day alone becomes the day before: cut off, never rounded up."""
    found = written(text)
    assert found is not None
    assert found.before(dt.timedelta(0)) == text
    assert found.before(dt.timedelta(hours=1)) == earlier


@pytest.mark.parametrize(
    ("form", "there"),
    [
        ("2099-01-01", "2024-07-01"),
        ("2099-01-01 00:00", "2024-07-01 14:00"),
        ("2099-01-01 00:00:00.000", "2024-07-01 14:00:01.987"),
        ("2099-01-01T00:00:00Z", "2024-07-01T12:00:01Z"),
        ("2099-01-01T00:00:00.0-05:00", "2024-07-01T07:00:01.9-05:00"),
    ],
)
def test_an_instant_is_written_as_another_time_is(form: str, there: str) -> None:
    """In the zone that is written, else in the one that naive times are in."""
    instant = dt.datetime(2024, 7, 1, 12, 0, 1, 987654, dt.UTC)
    found = written(form)
    assert found is not None
    assert found.at(instant, "Europe/Berlin") == there


@pytest.mark.parametrize(
    "text",
    ["", "soon", "12", "1714564800", "2024-13-01", "2024-02-30 00:00", "2024-01-01 25:00", "20240101T000000",
     "2024-01-01 00:00:00 UTC", "2024-01-01 00:00:00+99", "0001-01-01 00:00+01", "٢٠٢٤-01-01"],
)  # fmt: skip
def test_what_is_no_time_is_not_taken_for_one(text: str) -> None:
    assert written(text) is None
