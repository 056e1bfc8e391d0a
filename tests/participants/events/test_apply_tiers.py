"""Tiers that rise by themselves with the counters."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from participants.state.person import Standing
from tests.participants.events.in_memory import (
    a_level,
    a_rule,
    a_track,
    count,
    counter,
    run,
    somebody,
)

MOMENT = datetime(2026, 11, 23, 12, tzinfo=UTC)  # of processing
PROGRAM, EVENT, ANA = UUID(int=7), UUID(int=8), UUID(int=9)
TRACK, OTHER_TRACK = UUID(int=20), UUID(int=21)


LEVELS = (
    a_level("gold", 3, ("visits", ">=", "10"), ("spent", ">", "100")),
    a_level("silver", 2, ("visits", ">=", "5"), ("spent", ">", "50"), needs_all=False),
    a_level("given", 1),
)


@pytest.mark.parametrize(
    ("visits", "spent", "held", "level"),
    [
        ("4", "50", None, ""),
        ("5", "0", None, "silver"),
        ("0", "50.01", None, "silver"),
        ("10", "100", None, "silver"),
        ("10", "100.000000000000000001", None, "gold"),
        ("0", "0", "gold", "gold"),  # nobody falls
        ("5", "0", "gold", "gold"),
        ("0", "0", "given", "given"),
        ("5", "0", "given", "silver"),
        ("5", "0", "of another time", "silver"),
    ],
)
def test_counters_lift_to_the_highest_level_they_reach(
    visits: str, spent: str, held: str | None, level: str
) -> None:
    ana = somebody(standings={TRACK: Standing(held, MOMENT, None)} if held else {})

    outcome = run(ana, a_rule(count(visits), count(spent, "spent")), tracks=(a_track(*LEVELS),))

    assert ana.level_on(a_track(*LEVELS))[0] == level
    known = held if held in ("gold", "silver", "given") else ""
    rises = (
        [] if level == (known or "") else [{"tier": "club", "before": known or "", "after": level}]
    )
    assert outcome.tier_changes == rises
    if rises:
        row = ana.person.noted[-1]
        assert (row.state_type, row.key, row.new_value) == ("tier", "club", level)
        assert (row.changed_by, row.event_id, row.rule_id) == (
            "tier_track:club v3",
            EVENT,
            None,
        )


@pytest.mark.parametrize(
    ("operator", "reached"),
    [(">=", "01100"), (">", "00100"), ("<=", "11011"), ("<", "10011"), ("==", "01000")],
)
def test_each_operator_compares_exactly(operator: str, reached: str) -> None:
    """With 5: something below, 5, something above, nothing at all, and below zero."""
    track = a_track(a_level("gold", 1, ("visits", operator, "5")))
    values = ("4.999999999999999999", "5", "5.000000000000000001", None, "-5")

    rose = ""
    for value in values:
        ana = somebody(counters={"visits": counter(value)} if value else {})
        run(ana, a_rule(), tracks=(track,))
        rose += "1" if ana.level_on(track)[0] else "0"

    assert rose == reached


def test_a_level_held_for_a_while_is_kept_and_one_beyond_it_is_for_good() -> None:
    until = MOMENT + timedelta(days=1)
    ana = somebody(
        standings={TRACK: Standing("silver", MOMENT, until)}, counters={"visits": counter("5")}
    )

    run(ana, a_rule(), tracks=(a_track(*LEVELS),))
    assert ana.person.standings[TRACK] == Standing("silver", MOMENT, until)
    run(ana, a_rule(count("5"), count("101", "spent")), tracks=(a_track(*LEVELS),))

    assert ana.person.standings[TRACK] == Standing("gold", MOMENT, None)


def test_several_tracks_are_judged_each_by_itself() -> None:
    other = a_track(a_level("basic", 1, ("visits", ">=", "1")), track_id=OTHER_TRACK, key="shop")
    ana = somebody()

    outcome = run(ana, a_rule(count("5")), tracks=(a_track(*LEVELS), other))

    assert [(each["tier"], each["after"]) for each in outcome.tier_changes] == [
        ("club", "silver"),
        ("shop", "basic"),
    ]
