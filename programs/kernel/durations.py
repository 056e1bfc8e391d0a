"""Durations as the API writes them: whole hours, minutes and seconds."""

import re
from datetime import timedelta

LONGEST_WINDOW = timedelta(days=36_500)
_PARTS = re.compile(r"(?=\d)(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", re.ASCII)


def read(value: object) -> timedelta:
    """Read a duration above zero and of at most a hundred years: "24h", "1h30m", "90s". Raises ValueError for anything else."""
    match = _PARTS.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("Not a duration of hours, minutes and seconds.")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    try:
        window = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError as error:
        raise ValueError(str(error)) from error
    if not timedelta(0) < window <= LONGEST_WINDOW:
        raise ValueError("Not above zero and at most a hundred years.")
    return window


def written(window: timedelta) -> str:
    """Write a duration: 24h, 1h30m."""
    minutes, seconds = divmod(int(window.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (seconds, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)
