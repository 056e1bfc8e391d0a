"""Windows of counters: a counter counts within one, and from zero in the next."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from participants.models import Counter
from programs.kernel import periods
from programs.kernel.decimals import ZERO


class Window(NamedTuple):
    """When a counter resets: some time after its first event, with a calendar period of a time zone, or never."""

    reset_after: timedelta | None = None
    reset: str = ""
    time_zone: str = ""

    def is_like(self, other: "Window") -> bool:
        """Whether both are of one kind. Another time zone applies from the next window on."""
        return (self.reset_after, self.reset) == (other.reset_after, other.reset)

    def opened(self, moment: datetime) -> tuple[datetime, datetime | None]:
        """Return when the window that this moment opens begins, and when it ends."""
        if self.reset:
            return periods.around(self.reset, self.time_zone, moment)
        return moment, _end(moment, self.reset_after)


NEVER = Window()


class CounterState(NamedTuple):
    """A counter as it is stored, with its window. From `ends` on it counts as zero."""

    value: Decimal
    window: Window
    began: datetime
    ends: datetime | None

    def has_ended(self, moment: datetime) -> bool:
        return self.ends is not None and moment >= self.ends

    def value_at(self, moment: datetime) -> Decimal:
        """Return what it counts at this moment. A moment from before the window counts in it, too."""
        return ZERO if self.has_ended(moment) else self.value

    def is_after(self, moment: datetime) -> bool:
        """Whether the window began only after this moment."""
        return self.ends is not None and moment < self.began


def stored(
    value: Decimal,
    reset_after: timedelta | None,
    reset: str,
    time_zone: str,
    last_reset_at: datetime,
    period_end: datetime | None,
) -> CounterState:
    """Return the counter that a row of the database holds."""
    if reset_after is None and not reset:
        return CounterState(value, NEVER, last_reset_at, None)
    window = Window(reset_after, reset, time_zone)
    return CounterState(
        value, window, last_reset_at, period_end or _end(last_reset_at, reset_after)
    )


def of(counter: Counter) -> CounterState:
    return stored(
        *(counter.value, counter.reset_after, counter.reset, counter.time_zone),
        *(counter.last_reset_at, counter.period_end),
    )


def opened(value: Decimal, window: Window, moment: datetime) -> CounterState:
    """Return a counter whose window this moment opens."""
    return CounterState(value, window, *window.opened(moment))


def _end(began: datetime, length: timedelta | None) -> datetime | None:
    return None if length is None else periods.later(began, length)
