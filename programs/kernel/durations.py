"""Durations as the API and the commands read them: those of the rule language that are above zero, in
whole seconds.

Written, they are hours, minutes and seconds.
"""

import re
from datetime import timedelta
from typing import Final

from programs.rules import EvaluationError
from programs.rules.moments import duration_from_text

LONGEST_WINDOW: Final = timedelta(days=36_500)
PATTERN: Final = r"^(\d{1,9}(\.\d{1,9})?[wdhms]){1,10}$"  # as JSON Schema has it too


def read(value: object) -> timedelta:
    """Read a duration of at most a hundred years: "24h", "1h30m", "1.5h", "1w2d". Raises ValueError for anything else."""
    if not isinstance(value, str) or not re.fullmatch(PATTERN, value, re.ASCII):
        raise ValueError("Not a duration of weeks, days, hours, minutes and seconds.")
    try:
        duration = duration_from_text(value)
    except EvaluationError as error:
        raise ValueError(f"Not a duration: {error}") from error
    if duration % timedelta(seconds=1):
        raise ValueError("Not whole seconds.")
    if not timedelta(0) < duration <= LONGEST_WINDOW:
        raise ValueError("Not above zero and at most a hundred years.")
    return duration


def written(window: timedelta) -> str:
    """Write a duration: 24h, 1h30m."""
    minutes, seconds = divmod(int(window.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (seconds, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)
