"""CEL's getters: what they read from times, in UTC or in a time zone, and from durations."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from programs.rules.budget import TIME, TIME_ZONE, Run, charge
from programs.rules.errors import EvaluationError
from programs.rules.functions.table import function
from programs.rules.moments import MICROSECOND, zone

_function = partial(function, subject="Times")

Part = Callable[[datetime], int]

_OF_TIMES: Final[dict[str, tuple[Part, str, str]]] = {
    "getFullYear": (lambda time: time.year, "The year.", "2026"),
    "getMonth": (lambda time: time.month - 1, "The month; January is 0.", "0"),
    "getDate": (lambda time: time.day, "The day of the month; the first is 1.", "15"),
    "getDayOfMonth": (
        lambda time: time.day - 1,
        "The day of the month; the first is 0.",
        "14",
    ),
    "getDayOfYear": (
        lambda time: time.timetuple().tm_yday - 1,
        "The day of the year; the first is 0.",
        "14",
    ),
    "getDayOfWeek": (
        lambda time: time.isoweekday() % 7,
        "The day of the week; Sunday is 0.",
        "4",
    ),
}
_OF_BOTH: Final[dict[str, tuple[Part, timedelta, str, str]]] = {
    "getHours": (
        lambda time: time.hour,
        timedelta(hours=1),
        "The hour of a time, or the whole hours of a duration.",
        "11",
    ),
    "getMinutes": (
        lambda time: time.minute,
        timedelta(minutes=1),
        "The minute of a time, or the whole minutes of a duration.",
        "30",
    ),
    "getSeconds": (
        lambda time: time.second,
        timedelta(seconds=1),
        "The second of a time, or the whole seconds of a duration.",
        "0",
    ),
    "getMilliseconds": (
        lambda time: time.microsecond // 1000,
        timedelta(milliseconds=1),
        "The milliseconds within the second.",
        "0",
    ),
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


def _of_time(part: Part) -> Callable[[Run, datetime, str | None], int]:
    def read(run: Run, time: datetime, zone_name: str | None = None) -> int:
        return part(_local(run, time, zone_name))

    return read


def _of_both(part: Part, unit: timedelta) -> Callable[..., int]:
    def read(run: Run, time: datetime | timedelta, zone_name: str | None = None) -> int:
        if isinstance(time, datetime):
            return part(_local(run, time, zone_name))
        whole = abs(time) // unit
        if unit == 1000 * MICROSECOND:
            whole %= 1000
        return whole if time >= timedelta() else -whole

    return read


for _name, (_part, _says, _gives) in _OF_TIMES.items():
    _function(
        f"timestamp.{_name}() -> int",
        f"timestamp.{_name}(string) -> int",
        says=f"{_says} In UTC, or in the named time zone.",
        example=f'timestamp("2026-01-15T10:30:00Z").{_name}("Europe/Berlin")',
        gives=_gives,
    )(_of_time(_part))

for _name, (_part, _unit, _says, _gives) in _OF_BOTH.items():
    _function(
        f"timestamp.{_name}() -> int",
        f"timestamp.{_name}(string) -> int",
        f"duration.{_name}() -> int",
        says=f"{_says} For a time in UTC, or in the named time zone.",
        example=f'timestamp("2026-01-15T10:30:00Z").{_name}("Europe/Berlin")',
        gives=_gives,
    )(_of_both(_part, _unit))
