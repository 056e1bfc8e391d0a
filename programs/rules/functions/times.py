"""CEL's getters: what they read from times, in UTC or in a time zone, and from durations."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from programs.rules.budget import TIME, TIME_ZONE, Run, charge
from programs.rules.errors import EvaluationError
from programs.rules.functions.table import function
from programs.rules.moments import zone

_function = partial(function, subject="Times")

Part = Callable[[datetime], int]


def _day_of_year(time: datetime) -> int:
    return time.timetuple().tm_yday - 1


def _millisecond(time: datetime) -> int:
    return time.microsecond // 1000


_HOUR: Final = timedelta(hours=1)
_MINUTE: Final = timedelta(minutes=1)
_SECOND: Final = timedelta(seconds=1)
_MILLISECOND: Final = timedelta(milliseconds=1)

# The part of a time; the unit of a duration, where durations have such a part too; and what the reference says.
_GETTERS: Final[dict[str, tuple[Part, timedelta | None, str, str]]] = {
    "getFullYear": (lambda t: t.year, None, "The year.", "2026"),
    "getMonth": (lambda t: t.month - 1, None, "The month; January is 0.", "0"),
    "getDate": (lambda t: t.day, None, "The day of the month; the first is 1.", "15"),
    "getDayOfMonth": (lambda t: t.day - 1, None, "The day of the month; the first is 0.", "14"),
    "getDayOfYear": (_day_of_year, None, "The day of the year; the first is 0.", "14"),
    "getDayOfWeek": (lambda t: t.isoweekday() % 7, None, "The day of the week; Sunday is 0.", "4"),
    "getHours": (lambda t: t.hour, _HOUR, "The hour, or a duration's whole hours.", "11"),
    "getMinutes": (lambda t: t.minute, _MINUTE, "The minute, or a duration's whole minutes.", "30"),
    "getSeconds": (lambda t: t.second, _SECOND, "The second, or a duration's whole seconds.", "0"),
    "getMilliseconds": (_millisecond, _MILLISECOND, "The milliseconds within the second.", "0"),
}


def _local(run: Run, time: datetime, zone_name: str | None) -> datetime:
    charge(run, TIME)
    if zone_name is None:
        return time
    charge(run, TIME_ZONE)
    try:
        return time.astimezone(zone(zone_name))
    except OverflowError:
        raise EvaluationError("The time is outside the years 1 to 9999 there.") from None


def _getter(part: Part, unit: timedelta | None) -> Callable[..., int]:
    def read(run: Run, time: datetime | timedelta, zone_name: str | None = None) -> int:
        if isinstance(time, datetime):
            return part(_local(run, time, zone_name))
        assert unit is not None
        whole = abs(time) // unit
        if unit is _MILLISECOND:
            whole %= 1000
        return whole if time >= timedelta() else -whole

    return read


for _name, (_part, _unit, _says, _gives) in _GETTERS.items():
    _function(
        f"timestamp.{_name}() -> int",
        f"timestamp.{_name}(string) -> int",
        *([f"duration.{_name}() -> int"] if _unit else []),
        says=f"{_says} Times are read in UTC, or in the named time zone.",
        example=f'timestamp("2026-01-15T10:30:00Z").{_name}("Europe/Berlin")',
        gives=_gives,
    )(_getter(_part, _unit))
