"""Days of a program, in its time zone, and the slots of a quarter of an hour that make them up. No SQL knows calendars."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from participants.models.figures import SLOT

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def zone_named(name: str) -> ZoneInfo:
    """The time zone with this name; UTC for one that this machine does not know, or where there is no name."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def number_of_slot(moment: datetime) -> int:
    """The number of the slot that the moment falls into, counted from 1970."""
    return (moment - _EPOCH) // SLOT


def slot_numbered(number: int) -> datetime:
    """When the slot begins."""
    return _EPOCH + number * SLOT


def day_of(moment: datetime, zone: ZoneInfo) -> date:
    try:
        return moment.astimezone(zone).date()
    except OverflowError:  # at either end of time
        return moment.astimezone(UTC).date()


def bounds(first: date, last: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When the first of these days begins, and the day after the last."""
    begin, end = (datetime.combine(day, time(), zone) for day in (first, last + timedelta(days=1)))
    return begin.astimezone(UTC), end.astimezone(UTC)
