"""Points in time as the API writes them: RFC 3339 in UTC, to the microsecond."""

import re
from datetime import UTC, datetime

_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def read(value: object) -> datetime:
    """Read a time with its offset; fractions of a microsecond are dropped. Raises ValueError for anything else."""
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise ValueError("Not a time of RFC 3339.")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except OverflowError as error:  # an offset that leads before year 1 or after year 9999
        raise ValueError(str(error)) from error


def written(moment: datetime) -> str:
    """Write a time: 2026-01-15T10:30:00.000000Z."""
    # strftime drops the leading zeros of the year 0001.
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
