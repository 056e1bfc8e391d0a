"""Calendar periods of a time zone as the windows of counters: those that rules read with `startOfMonth()` and its like."""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from programs.rules import calendars
from programs.rules.calendars import MICROSECOND, Period

CHOICES: Final = [(period.value, period.capitalize()) for period in Period]
LAST: Final = datetime.max.replace(tzinfo=UTC)


def around(period: str, time_zone: str, moment: datetime) -> tuple[datetime, datetime]:
    """Return when the period of this moment begins and ends: `start <= moment < end`."""
    try:
        return _bounds(Period(period), moment, ZoneInfo(time_zone))
    except (OverflowError, ValueError):  # the period leaves the years 1 to 9999 there
        return _bounds(Period(period), moment, UTC)


def later(moment: datetime, length: timedelta) -> datetime:
    """Add the length to the moment; at most the end of the year 9999."""
    try:
        return moment + length
    except OverflowError:
        return LAST


def _bounds(period: Period, moment: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    start = calendars.start_of(period, moment, zone)
    try:
        return start, calendars.end_of(period, moment, zone) + MICROSECOND
    except (OverflowError, ValueError):
        return start, LAST
