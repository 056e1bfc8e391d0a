"""Charts of days, as shapes that a template draws, with the table of the same numbers behind them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from programs.reader import amount

WIDTH: Final = 720
HEIGHT: Final = 100
GAP: Final = 0.2  # of the room of a day


class Series(NamedTuple):
    """One value for each day. `look` is the class of its color."""

    label: str
    values: Sequence[Decimal]
    look: str
    scale: int = 0


class Bar(NamedTuple):
    x: str
    y: str
    width: str
    height: str
    look: str


class Row(NamedTuple):
    day: date
    values: list[str]


@dataclass(frozen=True, slots=True)
class Chart:
    """`rows` are the days on which there was something, the latest first."""

    title: str
    series: Sequence[Series]
    first: date
    last: date
    highest: str
    bars: list[Bar]
    rows: list[Row]
    width: int = WIDTH
    height: int = HEIGHT


def number(value: Decimal | int, scale: int = 0) -> str:
    """The number with its decimals, in groups of three digits."""
    return amount(value, scale)


def of_days(
    title: str, days: Sequence[date], series: Sequence[Series], *, are_parts: bool = False
) -> Chart:
    """The chart of these series, side by side or, where each is a part of the one before, before it."""
    top = max((value for each in series for value in each.values), default=Decimal(0))
    rows = [
        Row(day, [number(each.values[place], each.scale) for each in series])
        for place, day in enumerate(days)
        if any(each.values[place] for each in series)
    ]
    return Chart(
        title=title,
        series=series,
        first=days[0],
        last=days[-1],
        highest=number(top, series[0].scale) if top > 0 else "",
        bars=_bars(series, len(days), top, are_parts) if top > 0 else [],
        rows=rows[::-1],
    )


def _bars(series: Sequence[Series], days: int, top: Decimal, are_parts: bool) -> list[Bar]:
    shown = [each for each in series if any(each.values)]
    room = WIDTH / days
    width = room * (1 - GAP) / (1 if are_parts else len(shown))
    bars = []
    for place, each in enumerate(shown):
        for day, value in enumerate(each.values):
            # What is above nothing is seen, however small.
            height = max(float(value / top) * HEIGHT, 1.0) if value > 0 else 0.0
            if height:
                x = day * room + room * GAP / 2 + (0 if are_parts else place * width)
                bars.append(
                    Bar(
                        f"{x:.2f}",
                        f"{HEIGHT - height:.2f}",
                        f"{width:.2f}",
                        f"{height:.2f}",
                        each.look,
                    )
                )
    return bars
