"""What clocks on a wall still can show: the hour that they show twice is settled when it is over."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.extract.databases.horizon import stamp
from connector.extract.databases.reader import Column
from connector.extract.databases.wallclock import goes_back, least_shown

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana", "Asia/Kolkata")


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("zone", "instant", "expected"),
    [
        ("Europe/Berlin", "2024-10-26 23:59:59", "2024-10-27 01:59:59"),
        ("Europe/Berlin", "2024-10-27 00:00:00", "2024-10-27 02:00:00"),
        # The first 02:30: the second one is still to come.
        ("Europe/Berlin", "2024-10-27 00:30:00", "2024-10-27 02:00:00"),
        ("Europe/Berlin", "2024-10-27 00:59:59.999999", "2024-10-27 02:00:00"),
        ("Europe/Berlin", "2024-10-27 01:00:00", "2024-10-27 02:00:00"),
        ("Europe/Berlin", "2024-10-27 01:30:00.5", "2024-10-27 02:30:00.5"),
        ("Europe/Berlin", "2024-10-27 02:00:00", "2024-10-27 03:00:00"),
        ("Europe/Berlin", "2024-03-31 00:59:59", "2024-03-31 01:59:59"),
        ("Europe/Berlin", "2024-03-31 01:00:00", "2024-03-31 03:00:00"),
        ("Australia/Lord_Howe", "2024-04-06 14:59:00", "2024-04-07 01:30:00"),
        ("UTC", "2024-10-27 00:30:00", "2024-10-27 00:30:00"),
    ],
)
def test_the_hour_before_clocks_go_back_is_not_settled(zone: str, instant: str, expected: str) -> None:
    assert least_shown(utc(instant), ZoneInfo(zone)) == dt.datetime.fromisoformat(expected)


@settings(max_examples=40)
@given(zone=st.sampled_from(ZONES), minute=st.integers(0, 366 * 24 * 60), micro=st.integers(0, 59_999_999))
def test_nothing_less_is_shown_ever_after(zone: str, minute: int, micro: int) -> None:
    """Looked at each minute of the day that follows, and at the instant itself."""
    start = utc("2024-01-01") + dt.timedelta(minutes=minute, microseconds=micro)
    whole = start.replace(second=0, microsecond=0)
    later = [start, *(whole + dt.timedelta(minutes=n) for n in range(1, 24 * 60))]
    shown = [instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0) for instant in later]
    assert least_shown(start, ZoneInfo(zone)) == min(shown)


def test_stamps_with_a_zone_go_on() -> None:
    cursor = Column("moved", pa.timestamp("us", "UTC"), "timestamptz", "moved", "moved")
    assert stamp(utc("2024-10-27 00:30:00"), cursor, "Europe/Berlin")[1] == "2024-10-27 00:30:00.000000Z"


@pytest.mark.parametrize(
    ("zone", "expected"), [("UTC", False), ("Europe/Berlin", True), ("Asia/Kolkata", False)]
)
def test_zones_whose_clocks_go_back_are_known(zone: str, expected: bool) -> None:
    assert goes_back(utc("2024-05-01"), ZoneInfo(zone)) is expected
