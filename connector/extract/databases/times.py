"""Times as a source writes them: text whose form must not change, because the source may order it as text."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

_FORM = re.compile(
    r"(\d{4}-\d\d-\d\d)"
    r"(?:([ Tt])(\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)( ?(?:[Zz]|[+-]\d\d(?::?\d\d)?))?)?"
)
# Digits of a fraction that Python counts in; what is written behind them stays as it is.
_COUNTED = 6
_FIRST = dt.datetime(1, 1, 1)  # noqa: DTZ001 - what a clock shows, in whichever zone


@dataclass(frozen=True, slots=True)
class Written:
    """A time and the form it was written in.

    Attributes:
        local: what the clock of its zone shows, to the microsecond.
        separator: what stands between day and time, empty for a day alone.
        digits: how many signs of the time of day are written: ``hh:mm``, ``hh:mm:ss`` or with a fraction.
        point: of the fraction.
        rest: digits of the fraction beyond microseconds.
        zone: as it is written, empty where none is.
    """

    local: dt.datetime
    separator: str
    digits: int
    point: str
    rest: str
    zone: str

    def instant(self, timezone: str) -> dt.datetime:
        """When that is; `timezone` counts where none is written."""
        return self.local.replace(tzinfo=self._offset() or ZoneInfo(timezone))

    def at(self, instant: dt.datetime, timezone: str) -> str:
        """Write `instant` in this form, in this zone, cut off at its precision."""
        return self.text(instant.astimezone(self._offset() or ZoneInfo(timezone)).replace(tzinfo=None))

    def before(self, duration: dt.timedelta) -> str:
        """Write the time that lies `duration` earlier in this form, cut off at its precision."""
        try:
            return self.text(self.local - duration)
        except OverflowError:
            return self.text(_FIRST)

    def text(self, local: dt.datetime) -> str:
        """Write another time in this form."""
        day = local.date().isoformat()
        if not self.separator:
            return day
        clock = local.time().isoformat("microseconds").replace(".", self.point)
        return day + self.separator + clock[: self.digits] + self.rest + self.zone

    def _offset(self) -> dt.tzinfo | None:
        zone = self.zone.strip()
        if not zone:
            return None
        if zone in "Zz":
            return dt.UTC
        digits = zone[1:].replace(":", "")
        offset = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
        return dt.timezone(-offset if zone[0] == "-" else offset)


def written(text: str) -> Written | None:
    """Read a time: ISO 8601 with dashes and colons, as databases write it; None where `text` is none."""
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    day, separator, clock, zone = match.groups("")
    point = "," if "," in clock else "."
    head = len("hh:mm:ss") + 1 + _COUNTED
    try:
        at = dt.time.fromisoformat(clock[:head].replace(",", ".")) if clock else dt.time()
        local = dt.datetime.combine(dt.date.fromisoformat(day), at)
    except ValueError:
        return None
    found = Written(local, separator, len(clock[:head]), point, clock[head:], zone)
    try:
        found.instant("UTC").astimezone(dt.UTC)
    except (
        ValueError,
        OverflowError,
    ):  # no zone is a day away, and some times of the first and last day are none
        return None
    return found
