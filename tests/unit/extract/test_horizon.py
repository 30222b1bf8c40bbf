"""How far a run may read, decided from what a source tells about its transactions."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from connector.errors import ConfigError
from connector.extract.databases.horizon import Policy, find_horizon, stamp
from connector.extract.databases.reader import Auto, Column, Traits

NOW = dt.datetime(2024, 5, 6, 7, 8, 9, 987654, dt.UTC)
DAY = dt.timedelta(days=1)


def column(kind: pa.DataType = pa.timestamp("us", "UTC"), precision: int = 6) -> Column:  # noqa: B008 - a constant
    return Column("moved", kind, "timestamptz", "moved", "moved", precision=precision)


def source(auto: Auto | None = None, settle: Any = "auto") -> Any:
    """A source that tells what it is told to."""
    return SimpleNamespace(
        traits=Traits(settle=settle), auto=lambda: auto, clock=lambda: NOW, advice=lambda _: ()
    )


def policy(settle: Any = None, timezone: str = "UTC") -> Policy:
    return Policy(settle, DAY, timezone)


def test_prepared_transactions_keep_the_recorded_horizon() -> None:
    """They may have stamped their rows at any time before."""
    recorded = ("timestamptz", "2024-01-01 00:00:00.000000Z")
    found = find_horizon(source(Auto(NOW, prepared=2)), column(), policy(), recorded)
    assert found.raw == recorded
    assert not found.held
    assert any("2 prepared transactions" in note for note in found.notes)


def test_prepared_transactions_without_a_recorded_horizon_hold_everything_back() -> None:
    assert find_horizon(source(Auto(NOW, prepared=1)), column(), policy(), None).held


def test_a_long_transaction_is_named() -> None:
    found = find_horizon(source(Auto(NOW, holder=(4711, 3600.0))), column(), policy(), None)
    assert any("Process 4711" in note and "3600 s" in note for note in found.notes)


@pytest.mark.parametrize("obstacle", ["the server is a standby", "track_activities is off"])
def test_an_obstacle_refuses_what_was_asked_for_and_weakens_the_default(obstacle: str) -> None:
    auto = Auto(NOW, obstacle=obstacle)
    with pytest.raises(ConfigError, match=obstacle):
        find_horizon(source(auto), column(), policy("auto"), None)
    found = find_horizon(source(auto), column(), policy(), None)
    assert found.raw == ("timestamptz", "2024-05-06 07:07:09.987654Z")
    assert obstacle in found.notes[0]


def test_auto_is_refused_where_a_source_does_not_tell() -> None:
    with pytest.raises(ConfigError, match="does not tell"):
        find_horizon(source(None, settle=dt.timedelta(seconds=60)), column(), policy("auto"), None)


def test_a_duration_is_refused_for_a_cursor_that_is_no_time() -> None:
    with pytest.raises(ConfigError, match="needs a cursor that is a time"):
        find_horizon(source(), column(pa.int64()), policy(dt.timedelta(seconds=5)), None)


def test_rows_beyond_the_future_are_measured_from_the_horizon() -> None:
    found = find_horizon(source(Auto(NOW)), column(), policy(), None)
    assert found.beyond == ("timestamptz", "2024-05-07 07:08:09.987654Z")


@pytest.mark.parametrize(
    ("kind", "precision", "timezone", "expected"),
    [
        (pa.timestamp("us", "UTC"), 6, "Europe/Berlin", "2024-05-06 07:08:09.987654Z"),
        (pa.timestamp("us", "UTC"), 3, "UTC", "2024-05-06 07:08:09.987Z"),
        (pa.timestamp("us"), 0, "UTC", "2024-05-06 07:08:09"),
        (pa.timestamp("us"), 6, "Europe/Berlin", "2024-05-06 09:08:09.987654"),
        (pa.date32(), 6, "Pacific/Kiritimati", "2024-05-06"),
    ],
)
def test_an_instant_is_cut_off_at_the_precision_of_the_cursor(
    kind: pa.DataType, precision: int, timezone: str, expected: str
) -> None:
    """Rounded up, it would pass a row that is stamped in the same second."""
    assert stamp(NOW, column(kind, precision), timezone)[1] == expected
