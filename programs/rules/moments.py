"""Times and durations: reading, writing, and their range. Both are kept to the microsecond, times in UTC."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import ROUND_FLOOR, Decimal
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from programs.rules.arithmetic import CONTEXT, plain, to_integral
from programs.rules.budget import ZONE, Run
from programs.rules.calendars import MICROSECOND
from programs.rules.errors import EvaluationError, quoting

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# CEL's durations are 64-bit nanoseconds.
_MOST_NANOSECONDS: Final = 2**63 - 1
LONGEST: Final = timedelta(microseconds=_MOST_NANOSECONDS // 1000)
_FIRST_SECOND: Final = Decimal(-62_135_596_800)  # the year 1
_LAST_SECOND: Final = Decimal(253_402_300_800)  # the year 10,000

_TIMESTAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d{0,20})?(?:[Zz]|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
_OFFSET = re.compile(r"([+-]?)(\d\d):(\d\d)", re.ASCII)
_ZONE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,30}(/[A-Za-z0-9_+-]{1,30}){0,2}", re.ASCII)
# The one table of units: CEL's, and days and weeks. programs.kernel.durations reads its whole part.
_NANOSECONDS: Final = {
    "w": 604_800_000_000_000,
    "d": 86_400_000_000_000,
    "h": 3_600_000_000_000,
    "m": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
    "us": 1000,
    "µs": 1000,
    "ns": 1,
}
_DURATION = re.compile(
    rf"[+-]?(?:(?:\d{{1,20}}(?:\.\d{{0,20}})?|\.\d{{1,20}})(?:{'|'.join(_NANOSECONDS)}))+", re.ASCII
)
_DURATION_PART = re.compile(r"([\d.]+)([a-zµ]+)", re.ASCII)


def timestamp_from_text(text: str) -> datetime:
    """Read RFC 3339 ("2026-01-15T10:30:00Z"); digits beyond microseconds are dropped. Raises EvaluationError."""
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        raise quoting('"{}" is not a time. Write it like "2026-01-15T10:30:00Z".', text)
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    micro = int((match[7] or "")[:6].ljust(6, "0"))
    try:
        moment = datetime(year, month, day, hour, minute, second, micro, tzinfo=UTC)
        return moment - _offset(match[8], match[9], match[10]) if match[8] else moment
    except (ValueError, OverflowError):
        raise quoting('There is no such time as "{}".', text) from None


def timestamp_from_seconds(seconds: Decimal) -> datetime:
    """Take seconds since 1970; digits beyond microseconds are dropped. Raises EvaluationError."""
    if not _FIRST_SECOND <= seconds < _LAST_SECOND:
        raise out_of_range()
    return EPOCH + int(to_integral(seconds.scaleb(6, CONTEXT), ROUND_FLOOR)) * MICROSECOND


def duration_from_text(text: str) -> timedelta:
    """Read "1h30m", "60d", "-1.5s", "250ms"; a day is 24 hours, a week seven days. Raises EvaluationError."""
    if text in ("0", "+0", "-0"):
        return timedelta()
    if len(text) > 100 or not _DURATION.fullmatch(text):
        raise quoting('"{}" is not a duration. Write it like "60d", "36h" or "1h30m".', text)
    nanoseconds = Decimal()
    for amount, unit in _DURATION_PART.findall(text):
        part = CONTEXT.multiply(Decimal(amount), _NANOSECONDS[unit])
        nanoseconds = CONTEXT.add(nanoseconds, part)
    if nanoseconds > _MOST_NANOSECONDS:
        raise _too_long()
    duration = timedelta(microseconds=int(nanoseconds) // 1000)
    return -duration if text[0] == "-" else duration


def in_range(duration: timedelta) -> timedelta:
    """Return the duration. Raises EvaluationError beyond 292 years."""
    if -LONGEST <= duration <= LONGEST:
        return duration
    raise _too_long()


def moved(moment: datetime, duration: timedelta) -> datetime:
    try:
        return moment + duration
    except OverflowError:
        raise out_of_range() from None


def timestamp_text(moment: datetime) -> str:
    """Write RFC 3339 in UTC, without trailing zeros in the fraction."""
    text = f"{moment.replace(tzinfo=None).isoformat()}"
    return (text.rstrip("0") if "." in text else text) + "Z"


def seconds_text(duration: timedelta) -> str:
    """Write the duration in seconds: "5400s", "1.5s"."""
    return f"{plain(CONTEXT.scaleb(Decimal(duration // MICROSECOND), -6))}s"


def zone(name: str) -> ZoneInfo | timezone:
    """Find an IANA time zone ("Europe/Berlin") or a fixed offset ("+02:00"). Raises EvaluationError."""
    if fixed := _OFFSET.fullmatch(name):
        try:
            return timezone(_offset(fixed[1], fixed[2], fixed[3]))
        except ValueError:
            raise _no_zone(name) from None
    if not _ZONE_NAME.fullmatch(name):
        raise _no_zone(name)
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise _no_zone(name) from None


_kept_zone = lru_cache(maxsize=256)(zone)


def zone_of(run: Run) -> tzinfo:
    """The time zone that the host hands in; UTC where it hands in none. Raises EvaluationError."""
    name = run[ZONE]
    if name is None:
        return UTC
    if type(name) is str:
        return _kept_zone(name)
    raise EvaluationError("The time zone in the facts is not text.")


def _offset(sign: str, hours: str, minutes: str) -> timedelta:
    if int(hours) > 23 or int(minutes) > 59:
        raise ValueError
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return -offset if sign == "-" else offset


def _no_zone(name: str) -> EvaluationError:
    return quoting('"{}" is not a time zone. Write it like "Europe/Berlin" or "+02:00".', name)


def out_of_range() -> EvaluationError:
    return EvaluationError("The time is outside the years 1 to 9999.")


def _too_long() -> EvaluationError:
    return EvaluationError("The duration is longer than 292 years.")
