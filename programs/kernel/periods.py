"""Calendar periods of a time zone: which one a moment is in."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.db import models

FIRST: Final = datetime.min.replace(tzinfo=UTC)
LAST: Final = datetime.max.replace(tzinfo=UTC)


class Period(models.TextChoices):
    DAY = "DAY"
    WEEK = "WEEK"  # from Monday
    MONTH = "MONTH"
    QUARTER = "QUARTER"
    YEAR = "YEAR"


_MONTHS: Final = {Period.MONTH: 1, Period.QUARTER: 3, Period.YEAR: 12}


def around(period: str, time_zone: str, moment: datetime) -> tuple[datetime, datetime]:
    """Return when the period of this moment begins and ends: `start <= moment < end`."""
    zone = ZoneInfo(time_zone)
    try:
        day = moment.astimezone(zone).date()
    except OverflowError:  # before the year 1 there, or after 9999
        day = moment.date()
    first = _first_day(period, day)
    start, end = _bounds(period, first, zone)
    # Where clocks are set back from just after midnight, yesterday's hour comes again; where they are set forward from
    # just before it, midnight never comes.
    if moment >= end:
        start, end = _bounds(period, _first_day_after(period, first) or first, zone)
    elif moment < start:
        before = None if first == date.min else _first_day(period, first - timedelta(days=1))
        start, end = FIRST if before is None else _midnight(before, zone), start
    return start, end


def later(moment: datetime, length: timedelta) -> datetime:
    """Add the length to the moment; at most the end of the year 9999."""
    try:
        return moment + length
    except OverflowError:
        return LAST


def _bounds(period: str, first: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    after = _first_day_after(period, first)
    return _midnight(first, zone), LAST if after is None else _midnight(after, zone)


def _first_day(period: str, day: date) -> date:
    if period == Period.DAY:
        return day
    if period == Period.WEEK:
        return day - timedelta(days=day.weekday())
    months = _MONTHS[Period(period)]
    return day.replace(month=day.month - (day.month - 1) % months, day=1)


def _first_day_after(period: str, first: date) -> date | None:
    """The first day of the next period; None after the year 9999."""
    try:
        if period in (Period.DAY, Period.WEEK):
            return first + timedelta(days=1 if period == Period.DAY else 7)
        years, months = divmod(first.month - 1 + _MONTHS[Period(period)], 12)
        return date(first.year + years, months + 1, 1)
    except (OverflowError, ValueError):
        return None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    # Where midnight is skipped, this is the moment at which the clocks are set; where it comes twice, the first one.
    try:
        return datetime.combine(day, time(), zone).astimezone(UTC)
    except OverflowError:
        return FIRST
