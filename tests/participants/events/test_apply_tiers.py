"""Tiers that rise by themselves with the counters."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from participants.events.subject import Subject
from participants.state.standing import Standing
from tests.participants.events.in_memory import (
    a_level,
    a_rule,
    a_track,
    count,
    counter,
    effects,
    move,
    run,
    set_attribute,
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
    assert ana.person.standings[TRACK] == Standing("silver", MOMENT, until, False, "silver")
    run(ana, a_rule(count("5"), count("101", "spent")), tracks=(a_track(*LEVELS),))

    assert ana.person.standings[TRACK] == Standing("silver", MOMENT, until, False, "gold")
    assert ana.level_on(a_track(*LEVELS))[0] == "gold"


def test_several_tracks_are_judged_each_by_itself() -> None:
    other = a_track(a_level("basic", 1, ("visits", ">=", "1")), track_id=OTHER_TRACK, key="shop")
    ana = somebody()

    outcome = run(ana, a_rule(count("5")), tracks=(a_track(*LEVELS), other))

    assert [(each["tier"], each["after"]) for each in outcome.tier_changes] == [
        ("club", "silver"),
        ("shop", "basic"),
    ]


# SET_TIER, loans and pins

LATER, EARLIER = MOMENT + timedelta(days=1), MOMENT - timedelta(days=9)
HAPPENED = MOMENT - timedelta(days=1)
LADDER = (
    a_level("platinum", 4),
    a_level("gold", 3, ("visits", ">=", "10")),
    a_level("silver", 2, ("visits", ">=", "5")),
    a_level("bronze", 1, ("visits", ">=", "1")),
)


def earned(level: str, since: datetime = EARLIER) -> Standing:
    return Standing(level, since, earned_level=level)


def lent(level: str, beneath: str = "", until: datetime = LATER) -> Standing:
    return Standing(level, EARLIER, until, False, beneath)


def pinned(level: str, beneath: str = "", until: datetime | None = None) -> Standing:
    return Standing(level, EARLIER, until, True, beneath)


def set_tier(level: str, **rest: Any) -> dict[str, Any]:
    return {"type": "SET_TIER", "tier": "club", "level": level, **rest}


def history(ana: Subject) -> list[tuple[str, str, Any, Any]]:
    return [
        (row.key, str(row.operation), row.old_value, row.new_value)
        for row in ana.person.noted
        if row.state_type == "tier"
    ]


AT_LATER = "2026-11-24T12:00:00.000000Z"
PINNED = {"ignored": "Their level on this track is pinned."}
PAST = {"ignored": "It would have ended before the event was processed."}


@pytest.mark.parametrize(
    ("held", "action", "told", "stands", "then", "notes"),
    [
        # For good: what they have earned, in place of any loan.
        (None, set_tier("gold"), {}, "gold", earned("gold", MOMENT), [("club", "ADD", None, "gold")]),
        (earned("gold"), set_tier("bronze"), {}, "bronze", earned("bronze", MOMENT), [("club", "CHANGE", "gold", "bronze")]),
        (earned("gold"), set_tier(""), {}, "", None, [("club", "REMOVE", "gold", None)]),
        (earned("gold"), set_tier("gold"), {}, "gold", earned("gold"), []),
        (None, set_tier(""), {}, "", None, []),
        (lent("gold", "silver"), set_tier("bronze"), {}, "bronze", earned("bronze", MOMENT), [("club", "CHANGE", "gold", "bronze")]),
        (lent("gold", "silver"), set_tier("gold"), {}, "gold", earned("gold"), [("club.earned_level", "CHANGE", "silver", "gold"), ("club.expires_at", "REMOVE", AT_LATER, None)]),
        (lent("gold", "silver"), set_tier("silver"), {}, "silver", earned("silver", MOMENT), [("club", "CHANGE", "gold", "silver")]),
        # A loan keeps what was earned beneath it.
        (earned("silver"), set_tier("gold", expires_at="48h"), {"expires_at": AT_LATER}, "gold", Standing("gold", MOMENT, LATER, False, "silver"), [("club", "CHANGE", "silver", "gold")]),
        (None, set_tier("gold", expires_at="48h"), {"expires_at": AT_LATER}, "gold", Standing("gold", MOMENT, LATER), [("club", "ADD", None, "gold")]),
        (earned("gold"), set_tier("silver", expires_at=AT_LATER), {"expires_at": AT_LATER}, "gold", lent("silver", "gold"), [("club.expires_at", "ADD", None, AT_LATER)]),
        (lent("gold", "bronze"), set_tier("silver", expires_at="48h"), {"expires_at": AT_LATER}, "silver", Standing("silver", MOMENT, LATER, False, "bronze"), [("club", "CHANGE", "gold", "silver")]),
        (lent("gold", "bronze"), set_tier("gold", expires_at="49h"), {"expires_at": "2026-11-24T13:00:00.000000Z"}, "gold", lent("gold", "bronze", LATER + timedelta(hours=1)), [("club.expires_at", "CHANGE", AT_LATER, "2026-11-24T13:00:00.000000Z")]),
        # By the event's time, which was a day ago: what would be over by now does nothing.
        (earned("silver"), set_tier("gold", expires_at="24h"), {"expires_at": "2026-11-23T12:00:00.000000Z", **PAST}, "silver", earned("silver"), []),
        (lent("silver"), set_tier("gold", expires_at="23h"), {"expires_at": "2026-11-23T11:00:00.000000Z", **PAST}, "silver", lent("silver"), []),
        (earned("silver"), set_tier("gold", expires_at="2026-01-01T00:00:00Z"), {"expires_at": "2026-01-01T00:00:00.000000Z", **PAST}, "silver", earned("silver"), []),
        # A pin, and the actions that meet one.
        (earned("gold"), set_tier("bronze", pinned=True), {"pinned": True}, "bronze", Standing("bronze", MOMENT, None, True, "gold"), [("club", "CHANGE", "gold", "bronze"), ("club.pinned", "ADD", None, True)]),
        (earned("gold"), set_tier("gold", pinned=True), {"pinned": True}, "gold", pinned("gold", "gold"), [("club.pinned", "ADD", None, True)]),
        (None, set_tier("", pinned=True), {"pinned": True}, "", Standing("", MOMENT, None, True), [("club.pinned", "ADD", None, True)]),
        (None, set_tier("", pinned=True, expires_at="48h"), {"expires_at": AT_LATER, "pinned": True}, "", Standing("", MOMENT, LATER, True), [("club.pinned", "ADD", None, True), ("club.expires_at", "ADD", None, AT_LATER)]),
        (pinned("bronze", "gold"), set_tier("gold"), PINNED, "bronze", pinned("bronze", "gold"), []),
        (pinned("bronze", "gold"), set_tier("", expires_at="48h", pinned=True), {"expires_at": AT_LATER, "pinned": True, **PINNED}, "bronze", pinned("bronze", "gold"), []),
        (pinned("", "gold", LATER), set_tier("gold"), PINNED, "", pinned("", "gold", LATER), []),
        # The pin has ended at this very moment; it pins to a level that went.
        (pinned("bronze", "gold", MOMENT), set_tier("silver"), {"before": "gold"}, "silver", earned("silver", MOMENT), [("club", "CHANGE", "bronze", "gold"), ("club.pinned", "REMOVE", True, None), ("club", "CHANGE", "gold", "silver")]),
        (pinned("iron", "silver"), set_tier("gold"), {"before": "silver"}, "gold", earned("gold", MOMENT), [("club", "CHANGE", "iron", "silver"), ("club.pinned", "REMOVE", True, None), ("club", "CHANGE", "silver", "gold")]),
        # A loan that has ended: the history says so before it goes on.
        (lent("gold", "silver", MOMENT), set_tier("bronze"), {"before": "silver"}, "bronze", earned("bronze", MOMENT), [("club", "CHANGE", "gold", "silver"), ("club", "CHANGE", "silver", "bronze")]),
        (lent("gold", "", MOMENT), set_tier("gold"), {"before": ""}, "gold", earned("gold", MOMENT), [("club", "REMOVE", "gold", None), ("club", "ADD", None, "gold")]),
    ],
)  # fmt: skip
def test_set_tier_sets_what_is_earned_or_overrides_it(
    held: Standing | None,
    action: dict[str, Any],
    told: dict[str, Any],
    stands: str,
    then: Standing | None,
    notes: list[tuple[Any, ...]],
) -> None:
    track = a_track(*LADDER)
    ana = somebody(standings={TRACK: held} if held else {})
    before = ana.level_on(track)[0]

    outcome = run(ana, a_rule(action), tracks=(track,))

    change = {"before": before, "after": stands}
    given = {"type": "SET_TIER", "tier": "club", "level": action["level"]}
    assert effects(outcome) == [given | change | told]
    assert ana.level_on(track)[0] == stands
    assert ana.person.standings.get(TRACK) == then
    assert history(ana) == notes
    assert ana.person.touched_tracks == ({TRACK} if notes else set())


@pytest.mark.parametrize(
    ("held", "visits", "then", "changes", "notes"),
    [
        # What is earned rises by itself; where they stand only if it is higher.
        (lent("gold", "bronze"), "5", lent("gold", "silver"), [("gold", "gold", "silver")], [("club.earned_level", "CHANGE", "bronze", "silver")]),
        (lent("gold"), "5", lent("gold", "silver"), [("gold", "gold", "silver")], [("club.earned_level", "ADD", None, "silver")]),
        (lent("gold", "silver"), "10", lent("gold", "gold"), [("gold", "gold", "gold")], [("club.earned_level", "CHANGE", "silver", "gold")]),
        (lent("silver"), "10", Standing("silver", MOMENT, LATER, False, "gold"), [("silver", "gold", None)], [("club", "CHANGE", "silver", "gold")]),
        (lent("gold", "silver"), "5", lent("gold", "silver"), [], []),
        (lent("platinum", "gold"), "1", lent("platinum", "gold"), [], []),
        (pinned("bronze"), "10", pinned("bronze", "gold"), [("bronze", "bronze", "gold")], [("club.earned_level", "ADD", None, "gold")]),
        (pinned("", "silver"), "10", pinned("", "gold"), [("", "", "gold")], [("club.earned_level", "CHANGE", "silver", "gold")]),
        (pinned("", "gold"), "10", pinned("", "gold"), [], []),
        # What has ended, and what the track has no more.
        (lent("gold", "bronze", MOMENT), "5", Standing("silver", MOMENT, earned_level="silver"), [("bronze", "silver", None)], [("club", "CHANGE", "gold", "bronze"), ("club", "CHANGE", "bronze", "silver")]),
        (pinned("", "bronze", MOMENT), "5", Standing("silver", MOMENT, earned_level="silver"), [("bronze", "silver", None)], [("club", "ADD", None, "bronze"), ("club.pinned", "REMOVE", True, None), ("club", "CHANGE", "bronze", "silver")]),
        (lent("iron", "bronze"), "5", Standing("silver", MOMENT, earned_level="silver"), [("bronze", "silver", None)], [("club", "CHANGE", "iron", "bronze"), ("club", "CHANGE", "bronze", "silver")]),
        (lent("gold", "iron"), "5", lent("gold", "silver"), [("gold", "gold", "silver")], [("club.earned_level", "REMOVE", "iron", None), ("club.earned_level", "ADD", None, "silver")]),
        # Nothing happens to what has ended, until something is written; the level is read right at once.
        (lent("gold", "silver", MOMENT), "5", lent("gold", "silver", MOMENT), [], []),
        # A row of the version before.
        (Standing("bronze", EARLIER), "5", Standing("silver", MOMENT, earned_level="silver"), [("bronze", "silver", None)], [("club", "CHANGE", "bronze", "silver")]),
        (Standing("gold", EARLIER), "5", Standing("gold", EARLIER), [], []),
    ],
)  # fmt: skip
def test_counters_raise_what_is_earned_beneath_a_loan_or_pin(
    held: Standing,
    visits: str,
    then: Standing,
    changes: list[tuple[str, str, str | None]],
    notes: list[tuple[Any, ...]],
) -> None:
    ana = somebody(standings={TRACK: held}, counters={"visits": counter(visits)})

    outcome = run(ana, a_rule(), tracks=(a_track(*LADDER),))

    assert ana.person.standings[TRACK] == then
    assert [
        (each["before"], each["after"], each.get("earned_level")) for each in outcome.tier_changes
    ] == changes
    assert history(ana) == notes


@pytest.mark.parametrize(
    ("held", "actions", "stands", "rises"),
    [
        # Ten visits are enough for gold; the rule says otherwise, up and down, and has the last word.
        (earned("gold"), [set_tier("bronze")], "bronze", 0),
        (earned("gold"), [set_tier("")], "", 0),
        (None, [set_tier("silver")], "silver", 0),
        (None, [set_tier("platinum")], "platinum", 0),
        (None, [set_tier("silver", expires_at="48h")], "silver", 0),
        (None, [set_tier("silver", pinned=True)], "silver", 0),
        (earned("bronze"), [set_tier("bronze")], "bronze", 0),
        # One that did nothing leaves the track to the counters.
        (None, [set_tier("silver", expires_at="24h")], "gold", 1),
        (pinned("bronze"), [set_tier("silver")], "bronze", 1),
        (None, [set_tier("silver", expires_at="1h"), set_tier("bronze")], "bronze", 0),
    ],
)
def test_what_a_rule_sets_is_not_undone_within_its_event(
    held: Standing | None, actions: list[dict[str, Any]], stands: str, rises: int
) -> None:
    track = a_track(*LADDER)
    ana = somebody(standings={TRACK: held} if held else {}, counters={"visits": counter("9")})

    outcome = run(ana, a_rule(count("1"), *actions), tracks=(track,))

    assert ana.level_on(track)[0] == stands
    assert len(outcome.tier_changes) == rises


def test_the_next_event_judges_again_but_not_where_it_is_pinned() -> None:
    track = a_track(*LADDER)
    down, hold = somebody(), somebody()
    run(down, a_rule(count("10"), set_tier("bronze")), tracks=(track,))
    run(hold, a_rule(count("10"), set_tier("bronze", pinned=True)), tracks=(track,))

    for ana in (down, hold):
        run(ana, a_rule(), tracks=(track,))

    assert (down.level_on(track)[0], hold.level_on(track)[0]) == ("gold", "bronze")
    assert hold.person.standings[TRACK].earned == "gold"


def test_a_set_tier_concerns_its_own_track_alone() -> None:
    shop = a_track(a_level("basic", 1, ("visits", ">=", "1")), track_id=OTHER_TRACK, key="shop")
    ana = somebody()

    outcome = run(ana, a_rule(count("10"), set_tier("bronze")), tracks=(a_track(*LADDER), shop))

    assert [(each["tier"], each["after"]) for each in outcome.tier_changes] == [("shop", "basic")]


def test_ranks_that_change_while_a_loan_stands_decide_by_what_they_are_now() -> None:
    ana = somebody(standings={TRACK: lent("gold", "silver")})
    swapped = a_track(a_level("silver", 3), a_level("gold", 2))

    assert ana.level_on(a_track(*LADDER)) == ("gold", 3)
    assert ana.level_on(swapped) == ("silver", 3)


def test_rules_see_where_they_stand() -> None:
    ana = somebody(standings={TRACK: lent("gold", "silver")})
    rule = a_rule(
        set_attribute("participant.tiers.club.level + string(participant.tiers.club.rank)"),
        set_tier("bronze"),
        set_attribute("participant.tiers.club.level", "then"),
    )

    run(ana, rule, tracks=(a_track(*LADDER),))

    assert ana.person.attributes == {"k": "gold3", "then": "bronze"}


def test_two_events_at_once_each_judge_what_the_other_left() -> None:
    """In one batch: the first lends gold, the second earns silver beneath, the third asks for bronze."""
    track = a_track(*LADDER)
    ana = somebody()

    run(ana, a_rule(set_tier("gold", expires_at="48h")), tracks=(track,))
    run(ana, a_rule(count("5")), tracks=(track,))
    assert ana.person.standings[TRACK] == Standing("gold", MOMENT, LATER, False, "silver")
    run(ana, a_rule(set_tier("bronze")), tracks=(track,))

    assert ana.person.standings[TRACK] == Standing("bronze", MOMENT, earned_level="bronze")
    assert history(ana) == [
        ("club", "ADD", None, "gold"),
        ("club.earned_level", "ADD", None, "silver"),
        ("club", "CHANGE", "gold", "bronze"),
    ]


@pytest.mark.parametrize("failing", [move("DEBIT", "1"), set_attribute("event.nothing")])
def test_a_set_tier_that_was_taken_back_leaves_no_trace(failing: dict[str, Any]) -> None:
    ana = somebody(standings={TRACK: earned("gold")})

    run(ana, a_rule(set_tier("bronze", pinned=True), failing), tracks=(a_track(*LADDER),))

    assert ana.person.standings == {TRACK: earned("gold")}
    assert history(ana) == []
