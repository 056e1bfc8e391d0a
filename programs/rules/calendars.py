"""Days, weeks, months and years of a time zone: where they begin and end, and how many lie between two moments.

A date is the first instant of its day. That is midnight, or the first instant after it where the clocks skip midnight;
where they are put back over it, a day begins at the first midnight and ends at the last. Moments are in UTC.
"""

import re
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from functools import lru_cache
from typing import Final

from programs.rules.errors import quoting

_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_DATE_AND_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:.*", re.ASCII)
MICROSECOND: Final = timedelta(microseconds=1)
_SECOND: Final = timedelta(seconds=1)


class Period(StrEnum):
    """A span of whole days. Weeks begin on Mondays (ISO 8601), quarters in January, April, July and October."""

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    QUARTER = "QUARTER"
    YEAR = "YEAR"

    def first_day(self, day: date) -> date:
        """The first day of the period that the day is in."""
        if self is Period.DAY:
            return day
        if self is Period.WEEK:
            return day - timedelta(days=day.weekday())
        if self is Period.MONTH:
            return day.replace(day=1)
        if self is Period.QUARTER:
            return day.replace(month=day.month - (day.month - 1) % 3, day=1)
        return day.replace(month=1, day=1)

    def day_after(self, day: date) -> date:
        """The first day of the period that follows."""
        first = self.first_day(day)
        if self in _DAYS:
            return first + timedelta(days=_DAYS[self])
        return plus_months(first, _MONTHS[self])


_DAYS: Final = {Period.DAY: 1, Period.WEEK: 7}
_MONTHS: Final = {Period.MONTH: 1, Period.QUARTER: 3, Period.YEAR: 12}


def date_from_text(text: str) -> date:
    """Read "2026-05-31". Raises EvaluationError."""
    match = _DATE.fullmatch(text)
    if match is None:
        also = " For a time, write timestamp(…)." if _DATE_AND_TIME.fullmatch(text) else ""
        raise quoting(f'"{{}}" is not a date. Write it like "2026-05-31".{also}', text)
    try:
        return date(*map(int, match.groups()))
    except ValueError:
        raise quoting('There is no such day as "{}".', text) from None


# What follows raises ValueError or OverflowError outside the years 1 to 9999.


def start_of(period: Period, moment: datetime, zone: tzinfo) -> datetime:
    """The first instant of the period that the moment is in."""
    return begin(period.first_day(moment.astimezone(zone).date()), zone)


def end_of(period: Period, moment: datetime, zone: tzinfo) -> datetime:
    """The last microsecond of the period that the moment is in."""
    following = period.day_after(moment.astimezone(zone).date())
    last = begin(following, zone, fold=1) - MICROSECOND
    if last.astimezone(zone).date() < following:
        return last
    return begin(following, zone) - MICROSECOND  # both midnights are of the day that follows


@lru_cache(maxsize=1024)  # most events are of the same few days
def begin(day: date, zone: tzinfo, *, fold: int = 0) -> datetime:
    """The first instant of the day. With fold 1, the second midnight where there are two."""
    midnight = datetime.combine(day, time())
    early, late = _offsets(midnight, zone)
    if early < late:  # midnight is skipped
        return _first_instant_with(late, midnight - late, midnight - early, zone)
    return (midnight - (late if fold else early)).replace(tzinfo=UTC)


def plus(moment: datetime, zone: tzinfo, *, days: int = 0, months: int = 0) -> datetime:
    """The same time of day, so many days and months later. A date stays one, in whatever way its day begins.

    Where the clocks skip that time it is as much later; where they show it twice it is in the offset of the moment, or
    else the first.
    """
    local = moment.astimezone(zone)
    day = plus_months(local.date(), months) + timedelta(days=days)
    if moment == begin(local.date(), zone):
        return begin(day, zone)
    wall = datetime.combine(day, local.time())
    early, late = _offsets(wall, zone)
    is_second = early > late and local.utcoffset() == late
    return (wall - (late if is_second else early)).replace(tzinfo=UTC, fold=0)


def plus_months(day: date, months: int) -> date:
    """The same day of another month, or that month's last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        raise OverflowError
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def days_between(one: datetime, other: datetime, zone: tzinfo) -> int:
    """How often midnight passes from the one moment to the other; negative if the other is earlier."""
    return (other.astimezone(zone).date() - one.astimezone(zone).date()).days


def age(birth: datetime, moment: datetime, zone: tzinfo) -> int:
    """The whole years from the day of birth to the day of the moment. Born on February 29: on March 1 of other years."""
    born, day = birth.astimezone(zone).date(), moment.astimezone(zone).date()
    if day < born:
        return -age(moment, birth, zone)
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def _offsets(wall: datetime, zone: tzinfo) -> tuple[timedelta, timedelta]:
    """From UTC, before and after a change of the clocks: the first is less where they skip this time, and greater where
    they show it twice.
    """
    early = zone.utcoffset(wall.replace(fold=0))
    late = zone.utcoffset(wall.replace(fold=1))
    assert early is not None
    assert late is not None
    return early, late


def _first_instant_with(
    offset: timedelta, before: datetime, after: datetime, zone: tzinfo
) -> datetime:
    """Find the change to this offset between two naive times in UTC, to the second."""
    low, high = 0, (after - before) // _SECOND
    while high - low > 1:
        middle = (low + high) // 2
        moment = (before + middle * _SECOND).replace(tzinfo=UTC)
        if moment.astimezone(zone).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return (before + high * _SECOND).replace(tzinfo=UTC)
