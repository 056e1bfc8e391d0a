"""Functions on dates, in the time zone that the host hands in."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Final

from programs.rules import calendars
from programs.rules.budget import DATE, Run, charge
from programs.rules.calendars import Period, date_from_text
from programs.rules.functions.table import Implementation, function
from programs.rules.moments import out_of_range, zone_of
from programs.rules.values import Value

_PERIODS: Final = {each.capitalize(): each for each in Period}


def _within_the_years(calculate: Implementation) -> Implementation:
    """Charge for the function, and raise EvaluationError where it leaves the years 1 to 9999."""

    def apply(run: Run, *arguments: Value) -> Value:
        charge(run, DATE)
        try:
            return calculate(run, *arguments)
        except (OverflowError, ValueError):
            raise out_of_range() from None

    return apply


@function("date(string) -> timestamp", in_zone=True)
@_within_the_years
def date_(run: Run, text: str) -> datetime:
    return calendars.begin(date_from_text(text), zone_of(run))


def _start(period: Period) -> Callable[[Run, datetime], datetime]:
    return lambda run, time: calendars.start_of(period, time, zone_of(run))


def _end(period: Period) -> Callable[[Run, datetime], datetime]:
    return lambda run, time: calendars.end_of(period, time, zone_of(run))


# startOfDay to startOfYear, and endOfDay to endOfYear.
for _word, _make in (("start", _start), ("end", _end)):
    for _name, _period in _PERIODS.items():
        _signature = f"{_word}Of{_name}(timestamp) -> timestamp"
        function(_signature, in_zone=True)(_within_the_years(_make(_period)))


@function("addDays(timestamp, whole) -> timestamp", in_zone=True)
@_within_the_years
def add_days(run: Run, time: datetime, days: int) -> datetime:
    return calendars.plus(time, zone_of(run), days=days)


@function("addMonths(timestamp, whole) -> timestamp", in_zone=True)
@_within_the_years
def add_months(run: Run, time: datetime, months: int) -> datetime:
    return calendars.plus(time, zone_of(run), months=months)


@function("addYears(timestamp, whole) -> timestamp", in_zone=True)
@_within_the_years
def add_years(run: Run, time: datetime, years: int) -> datetime:
    return calendars.plus(time, zone_of(run), months=12 * years)


@function("daysBetween(timestamp, timestamp) -> number", in_zone=True)
@_within_the_years
def days_between(run: Run, one: datetime, other: datetime) -> Decimal:
    return Decimal(calendars.days_between(one, other, zone_of(run)))


@function("age(timestamp, timestamp) -> number", in_zone=True)
@_within_the_years
def age(run: Run, birth: datetime, now: datetime) -> Decimal:
    return Decimal(calendars.age(birth, now, zone_of(run)))
