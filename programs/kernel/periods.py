"""Calendar periods of a time zone: which one a moment is in."""

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.db import models

from programs.rules import calendars

FIRST: Final = datetime.min.replace(tzinfo=UTC)
LAST: Final = datetime.max.replace(tzinfo=UTC)


class Period(models.TextChoices):
    DAY = "DAY"
    WEEK = "WEEK"  # from Monday
    MONTH = "MONTH"
    QUARTER = "QUARTER"
    YEAR = "YEAR"


def around(period: str, time_zone: str, moment: datetime) -> tuple[datetime, datetime]:
    """Return when the period of this moment begins and ends: `start <= moment < end`."""
    zone = ZoneInfo(time_zone)
    try:
        day = moment.astimezone(zone).date()
    except OverflowError:  # before the year 1 there, or after 9999
        day = moment.date()
    span = calendars.Period(period)
    first = span.first_day(day)
    start, end = _bounds(span, first, zone)
    # Where clocks are set back from just after midnight, yesterday's hour comes again. And a moment may be in the year 1
    # in UTC and before it in the zone.
    if moment >= end:
        start, end = _bounds(span, _first_day_after(span, first) or first, zone)
    elif moment < start:
        before = None if first == date.min else span.first_day(first - timedelta(days=1))
        start, end = FIRST if before is None else _begin(before, zone), start
    return start, end


def later(moment: datetime, length: timedelta) -> datetime:
    """Add the length to the moment; at most the end of the year 9999."""
    try:
        return moment + length
    except OverflowError:
        return LAST


def _bounds(period: calendars.Period, first: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    after = _first_day_after(period, first)
    return _begin(first, zone), LAST if after is None else _begin(after, zone)


def _first_day_after(period: calendars.Period, first: date) -> date | None:
    """The first day of the next period; None after the year 9999."""
    try:
        return period.day_after(first)
    except OverflowError:
        return None


def _begin(day: date, zone: ZoneInfo) -> datetime:
    try:
        return calendars.begin(day, zone)
    except OverflowError:
        return FIRST
