"""CEL's getters: what they read from times, in UTC or in a time zone, and from durations."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from programs.rules.arithmetic import counted
from programs.rules.budget import TIME, TIME_ZONE, Run, charge
from programs.rules.errors import EvaluationError
from programs.rules.functions.table import function
from programs.rules.moments import zone

Part = Callable[[datetime], int]

_HOUR: Final = timedelta(hours=1)
_MINUTE: Final = timedelta(minutes=1)
_SECOND: Final = timedelta(seconds=1)
_MILLISECOND: Final = timedelta(milliseconds=1)

# The part of a time, and the unit of a duration where durations have such a part too.
_GETTERS: Final[dict[str, tuple[Part, timedelta | None]]] = {
    "getFullYear": (lambda t: t.year, None),
    "getMonth": (lambda t: t.month - 1, None),
    "getDate": (lambda t: t.day, None),
    "getDayOfMonth": (lambda t: t.day - 1, None),
    "getDayOfYear": (lambda t: t.timetuple().tm_yday - 1, None),
    "getDayOfWeek": (lambda t: t.isoweekday() % 7, None),
    "getHours": (lambda t: t.hour, _HOUR),
    "getMinutes": (lambda t: t.minute, _MINUTE),
    "getSeconds": (lambda t: t.second, _SECOND),
    "getMilliseconds": (lambda t: t.microsecond // 1000, _MILLISECOND),
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


def _getter(part: Part, unit: timedelta | None) -> Callable[..., Decimal]:
    def read(run: Run, time: datetime | timedelta, zone_name: str | None = None) -> Decimal:
        if isinstance(time, datetime):
            return counted(part(_local(run, time, zone_name)))
        assert unit is not None
        whole = abs(time) // unit
        if unit is _MILLISECOND:
            whole %= 1000
        return counted(whole if time >= timedelta() else -whole)

    return read


for _name, (_part, _unit) in _GETTERS.items():
    function(
        f"timestamp.{_name}() -> number",
        f"timestamp.{_name}(string) -> number",
        *([f"duration.{_name}() -> number"] if _unit else []),
    )(_getter(_part, _unit))
