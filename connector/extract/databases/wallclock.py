"""Clocks on a wall: in a zone with summer time they show one hour twice."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from zoneinfo import ZoneInfo

# Hours; clocks go back by less than this, and not twice within one hour.
_AHEAD = 24
_HOUR = dt.timedelta(hours=1)
_SECOND = dt.timedelta(seconds=1)


def least_shown(instant: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """The least time of day and date that clocks in `zone` show at `instant` (aware) or ever after it, without a zone.

    It is what they show at `instant`, but for the hour before they go back: then it is where they go back to. A row
    that is stamped later may bear that stamp, so nothing above it is settled yet.
    """
    start = instant.astimezone(dt.UTC)
    shown = _shown(start, zone)
    for hour in range(_AHEAD):
        before = start + hour * _HOUR
        after = before + _HOUR
        if _shown(after, zone) - _shown(before, zone) < _HOUR:
            shown = min(shown, _shown(_turn(before, after, zone), zone))
    return shown


def goes_back(instant: dt.datetime, zone: ZoneInfo) -> bool:
    """Whether clocks in `zone` go back within a year of `instant`, which is aware."""
    months = [instant + dt.timedelta(days=30 * month) for month in range(13)]
    offsets = [month.astimezone(zone).utcoffset() or dt.timedelta() for month in months]
    return any(later < earlier for earlier, later in pairwise(offsets))


def _turn(before: dt.datetime, after: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """The first second in (`before`, `after`] with the offset of `after`; zones change at whole seconds."""
    offset = after.astimezone(zone).utcoffset()
    first, last = before.replace(microsecond=0), after.replace(microsecond=0)
    while last - first > _SECOND:
        middle = first + dt.timedelta(seconds=(last - first) // _SECOND // 2)
        if middle.astimezone(zone).utcoffset() == offset:
            last = middle
        else:
            first = middle
    return last


def _shown(instant: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)
