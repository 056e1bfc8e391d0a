"""Counters go by the time at which events happened, whenever and in whatever order they arrive.

Each case is a list of times at which somebody came, in the order of arrival, and what a rule that rewards the first visit
of a window has paid for each; times without a zone are in UTC.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from participants.events.apply import apply
from participants.events.subject import Subject
from participants.state import windows
from participants.state.windows import CounterState, Window
from programs.rulebook.compiled import Rulebook
from tests.participants.events.in_memory import (
    MOMENT,
    a_level,
    a_rule,
    a_rulebook,
    a_track,
    count,
    credit,
    effects,
    happening,
    somebody,
)

FIRST_OF = {"condition": 'get(participant.counters, "visits", 0) == 0'}


def at(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def happen(subject: Subject, book: Rulebook, *times: str) -> list[dict[str, Any]]:
    """The last effect of each event."""
    told = [effects(apply(happening(at=at(time)), subject, book)) for time in times]
    return [each[-1] if each else {} for each in told]


def rewards(times: list[str], zone: str = "UTC", **window: str) -> str:
    """Y for each event that was the first of its window, and n for others; L where it was late."""
    ana = somebody()
    book = a_rulebook(
        a_rule(credit("1"), name="reward", **FIRST_OF),
        a_rule(count("1", **window), name="count"),
        time_zone=zone,
    )
    paid = ""
    for time in times:
        told = effects(apply(happening(at=at(time)), ana, book))
        late = "L" if told[-1].get("late") else ""
        paid += ("Y" if told[0]["type"] == "CREDIT" else "n") + late
    return paid


DAY_OF_EACH_MONTH = [f"2025-{month:02}-15T10:00" for month in range(1, 13)]


@pytest.mark.parametrize(
    ("reset_after", "times", "paid"),
    [
        # The three daily visits that were imported together and earned one reward.
        ("24h", ["2025-05-01T10:00", "2025-05-02T10:00", "2025-05-03T10:00"], "YYY"),
        # A window begins with the event that opens it.
        ("24h", ["2025-05-01T10:00", "2025-05-02T09:59:59", "2025-05-02T10:00"], "YnY"),
        ("24h", ["2025-05-01T23:00", "2025-05-02T01:00", "2025-05-02T23:30"], "YnY"),
        ("1s", ["2025-05-01T10:00", "2025-05-01T10:00:00.999999", "2025-05-01T10:00:01"], "YnY"),
        # All at one instant.
        ("24h", ["2025-05-01T10:00"] * 3, "Ynn"),
        # Late: the window that an event belonged to is gone, and it counts in the one that stands.
        ("24h", ["2025-05-02T10:00", "2025-05-01T10:00", "2025-05-02T11:00"], "YnLn"),
        ("24h", ["2025-05-03T10:00", "2025-05-01T10:00", "2025-05-04T10:00"], "YnLY"),
        ("24h", ["2025-05-03T10:00", "2020-01-01T00:00", "2025-05-03T09:59:59"], "YnLnL"),
        # Later than the window, and then between both: late for the second.
        ("24h", ["2025-05-01T10:00", "2025-05-09T10:00", "2025-05-05T10:00"], "YYnL"),
        # In no order at all.
        ("24h", ["2025-05-02T10:00", "2025-05-04T10:00", "2025-05-03T10:00", "2025-05-05T10:00"], "YYnLY"),
        # A day in which the clocks change is no window of 24 hours.
        ("24h", ["2026-03-28T12:00+01:00", "2026-03-29T12:00+02:00", "2026-03-29T13:00+02:00"], "YnY"),
        ("720h", DAY_OF_EACH_MONTH, "YYnYYYYYYYYY"),  # February is short
        ("8760h", DAY_OF_EACH_MONTH, "Ynnnnnnnnnnn"),
    ],
)  # fmt: skip
def test_a_window_goes_by_the_time_of_events(reset_after: str, times: list[str], paid: str) -> None:
    assert rewards(times, reset_after=reset_after) == paid


@pytest.mark.parametrize(
    ("reset", "zone", "times", "paid"),
    [
        ("DAY", "UTC", ["2025-05-01T10:00", "2025-05-02T10:00", "2025-05-03T10:00"], "YYY"),
        ("DAY", "UTC", ["2025-05-01T23:59:59.999999", "2025-05-02T00:00"], "YY"),
        ("DAY", "UTC", ["2025-05-01T00:00", "2025-05-01T23:59:59.999999", "2025-05-01T12:00"], "Ynn"),
        # Earlier on the day that stands is not late.
        ("DAY", "UTC", ["2025-05-01T18:00", "2025-05-01T09:00"], "Yn"),
        ("DAY", "UTC", ["2025-05-02T18:00", "2025-05-01T09:00", "2025-05-02T20:00"], "YnLn"),
        ("DAY", "UTC", ["2025-05-02T18:00", "2025-05-01T23:59:59.999999"], "YnL"),
        # The day is that of the program's zone, whatever the offset of the time that was sent.
        ("DAY", "Europe/Berlin", ["2025-05-01T21:59", "2025-05-01T22:00"], "YY"),
        ("DAY", "Europe/Berlin", ["2025-05-01T22:00", "2025-05-02T21:59"], "Yn"),
        ("DAY", "America/New_York", ["2025-05-01T23:00", "2025-05-02T03:59", "2025-05-02T04:00"], "YnY"),
        ("DAY", "Pacific/Auckland", ["2025-05-01T23:00+02:00", "2025-05-02T13:00+02:00"], "Yn"),
        ("DAY", "Pacific/Auckland", ["2025-05-01T13:00+02:00", "2025-05-01T14:00+02:00"], "YY"),
        # Days of 23 and 25 hours.
        ("DAY", "Europe/Berlin", ["2026-03-28T23:00", "2026-03-29T21:59", "2026-03-29T22:00"], "YnY"),
        ("DAY", "Europe/Berlin", ["2026-10-24T22:00", "2026-10-25T22:59", "2026-10-25T23:00"], "YnY"),
        # In the hour that comes twice, and in the one that never comes.
        ("DAY", "Europe/Berlin", ["2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00"], "Yn"),
        ("DAY", "America/Sao_Paulo", ["2018-11-04T02:59", "2018-11-04T03:00", "2018-11-05T01:59"], "YYn"),
        ("DAY", "Pacific/Apia", ["2011-12-30T09:59", "2011-12-30T10:00", "2011-12-31T10:00"], "YYY"),
        ("WEEK", "UTC", ["2025-05-05T00:00", "2025-05-11T23:59", "2025-05-12T00:00"], "YnY"),
        ("WEEK", "UTC", ["2025-12-29T00:00", "2026-01-04T23:59", "2026-01-05T00:00"], "YnY"),
        ("WEEK", "Asia/Tokyo", ["2025-05-11T14:59", "2025-05-11T15:00"], "YY"),
        # The year of monthly visits.
        ("MONTH", "UTC", DAY_OF_EACH_MONTH, "Y" * 12),
        ("MONTH", "UTC", ["2025-01-31T12:00", "2025-02-01T12:00", "2025-02-28T12:00", "2025-03-01T00:00"], "YYnY"),
        ("MONTH", "UTC", ["2028-02-29T23:59", "2028-03-01T00:00"], "YY"),
        ("MONTH", "Europe/Berlin", ["2025-05-31T21:59", "2025-05-31T22:00", "2025-06-30T21:59"], "YYn"),
        ("MONTH", "UTC", ["2025-02-01T00:00", "2025-01-31T23:59:59", "2025-02-28T23:59"], "YnLn"),
        ("QUARTER", "UTC", DAY_OF_EACH_MONTH, "YnnYnnYnnYnn"),
        ("QUARTER", "UTC", ["2025-03-31T23:59", "2025-04-01T00:00"], "YY"),
        ("YEAR", "UTC", DAY_OF_EACH_MONTH, "Y" + "n" * 11),
        ("YEAR", "UTC", ["2025-12-31T23:59:59", "2026-01-01T00:00"], "YY"),
        ("YEAR", "Pacific/Kiritimati", ["2025-12-31T09:59", "2025-12-31T10:00", "2026-12-31T09:59"], "YYn"),
        ("YEAR", "UTC", ["2026-01-01T00:00", "2025-12-31T23:59", "2026-06-01T00:00"], "YnLn"),
    ],
)  # fmt: skip
def test_a_calendar_period_goes_by_the_time_of_events(
    reset: str, zone: str, times: list[str], paid: str
) -> None:
    assert rewards(times, zone, reset=reset) == paid


def test_the_effect_of_a_late_event_says_which_window_it_counts_in() -> None:
    ana = somebody()
    book = a_rulebook(a_rule(count("2", reset="MONTH")), time_zone="Europe/Berlin")

    _, late = happen(ana, book, "2025-06-15T10:00", "2025-05-31T21:59")

    assert late == {
        "type": "COUNTER",
        "key": "visits",
        "value": "2",
        "before": "2",
        "after": "4",
        "late": True,
        "last_reset_at": "2025-05-31T22:00:00.000000Z",
    }


def test_a_counter_without_a_window_is_never_late() -> None:
    effect = happen(somebody(), a_rulebook(a_rule(count("1"))), "2025-06-15", "2020-01-01")[1]

    assert "late" not in effect


def test_what_is_imported_reads_as_it_was_then_and_counts_as_over_now() -> None:
    ana = somebody()
    book = a_rulebook(a_rule(count("1", reset="MONTH")))

    happen(ana, book, "2025-05-01", "2025-05-20", "2025-05-31")

    assert ana.person.counters_at(at("2025-05-31")) == {"visits": 3}
    assert ana.person.counters_at(at("2025-06-01")) == {"visits": 0}
    assert ana.person.counters_at(MOMENT) == {"visits": 0}
    assert [(row.old_value, row.new_value) for row in ana.person.noted] == [
        (None, "1"), ("1", "2"), ("2", "3"),
    ]  # fmt: skip


GOLD = a_track(a_level("gold", 1, ("visits", ">=", "12")))


@pytest.mark.parametrize(
    ("window", "times", "level"),
    [
        # Twelve separate months are no gold, and a year of a hundred visits is.
        ({"reset": "MONTH"}, DAY_OF_EACH_MONTH, ""),
        ({"reset_after": "720h"}, DAY_OF_EACH_MONTH, ""),
        ({"reset": "YEAR"}, DAY_OF_EACH_MONTH, "gold"),
        ({"reset_after": "8760h"}, DAY_OF_EACH_MONTH, "gold"),
        ({}, DAY_OF_EACH_MONTH, "gold"),
        ({"reset": "MONTH"}, [f"2020-05-{day:02}" for day in range(1, 13)], "gold"),
        ({"reset": "DAY"}, ["2020-05-01"] * 12, "gold"),
        ({"reset": "DAY"}, ["2020-05-01"] * 11 + ["2020-05-02"], ""),
    ],
)
def test_levels_are_reached_by_what_counted_at_the_events_time(
    window: dict[str, str], times: list[str], level: str
) -> None:
    ana = somebody()

    happen(ana, a_rulebook(a_rule(count("1", **window)), tracks=(GOLD,)), *times)

    assert ana.level_on(GOLD)[0] == level


def counter(window: Window, began: str) -> CounterState:
    return windows.opened(Decimal(5), window, at(began))


@pytest.mark.parametrize(
    ("known", "action", "after", "began", "ends"),
    [
        # The period that stands goes on to its end in its own zone; the next one is in the program's.
        (Window(None, "DAY", "UTC"), {"reset": "DAY"}, 6, "2025-05-01T00:00", "2025-05-02T00:00"),
        (Window(None, "MONTH", "Asia/Tokyo"), {"reset": "MONTH"}, 6, "2025-04-30T15:00", "2025-05-31T15:00"),
        # A rule that says nothing of a window keeps what is there.
        (Window(None, "DAY", "UTC"), {}, 6, "2025-05-01T00:00", "2025-05-02T00:00"),
        (Window(timedelta(days=1)), {}, 6, "2025-05-01T10:00", "2025-05-02T10:00"),
        # One that gives another kind begins such a window, with what was counted.
        (Window(None, "DAY", "UTC"), {"reset": "YEAR"}, 6, "2024-12-31T23:00", "2025-12-31T23:00"),
        (Window(None, "DAY", "UTC"), {"reset_after": "1h"}, 6, "2025-05-01T12:00", "2025-05-01T13:00"),
        (Window(timedelta(days=1)), {"reset": "DAY"}, 6, "2025-04-30T22:00", "2025-05-01T22:00"),
        (Window(), {"reset": "DAY"}, 6, "2025-04-30T22:00", "2025-05-01T22:00"),
    ],
)  # fmt: skip
def test_a_window_that_stands_meets_an_action(
    known: Window, action: dict[str, str], after: int, began: str, ends: str
) -> None:
    ana = somebody(counters={"visits": counter(known, "2025-05-01T10:00")})
    book = a_rulebook(a_rule(count("1", **action)), time_zone="Europe/Berlin")

    happen(ana, book, "2025-05-01T12:00")

    stored = ana.person.counters["visits"]
    assert stored.value == after
    assert (stored.began, stored.ends) == (at(began), at(ends))


@pytest.mark.parametrize(
    ("action", "began", "ends"),
    [
        ({"reset": "DAY"}, "2025-05-02T22:00", "2025-05-03T22:00"),
        ({}, "2025-05-03T00:00", "2025-05-04T00:00"),
    ],
)
def test_a_change_of_the_time_zone_applies_from_the_next_period_on(
    action: dict[str, str], began: str, ends: str
) -> None:
    ana = somebody(counters={"visits": counter(Window(None, "DAY", "UTC"), "2025-05-01T10:00")})
    book = a_rulebook(a_rule(count("1", **action)), time_zone="Europe/Berlin")

    happen(ana, book, "2025-05-03T01:00")

    stored = ana.person.counters["visits"]
    assert stored.value == 1
    assert (stored.began, stored.ends) == (at(began), at(ends))


def test_a_time_at_the_end_of_all_times_opens_windows_too() -> None:
    for window in ({"reset_after": "876000h"}, {"reset": "YEAR"}, {"reset": "DAY"}):
        ana = somebody()
        rule = a_rule(credit("1", matures_at="876000h"), count("1", **window))
        happen(ana, a_rulebook(rule), "9999-12-31T23:59:59.999999", "0001-01-01")

        assert ana.person.counters["visits"].value == 2
