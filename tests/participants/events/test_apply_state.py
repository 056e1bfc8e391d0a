"""What an event does to tags, attributes, counters and tiers in memory."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from participants.state.standing import Standing
from participants.state.windows import CounterState
from programs.kernel.decimals import LARGEST
from tests.participants.events.in_memory import (
    HAPPENED,
    a_level,
    a_rule,
    a_track,
    count,
    counter,
    effects,
    refusal,
    run,
    set_attribute,
    somebody,
    tag,
)

MOMENT = datetime(2026, 11, 23, 12, tzinfo=UTC)  # of processing
TRACK, OTHER_TRACK = UUID(int=20), UUID(int=21)


def test_tags_tell_whether_they_were_there() -> None:
    ana = somebody(tags=["a", "b"])
    rule = a_rule(tag("A"), tag("c"), {"type": "UNTAG", "tag": "b"}, {"type": "UNTAG", "tag": "b"})

    outcome = run(ana, rule)

    assert ana.person.tags == ["a", "c"]
    assert [(each["tag"], each["before"], each["after"]) for each in effects(outcome)] == [
        ("a", True, True),
        ("c", False, True),
        ("b", True, False),
        ("b", False, False),
    ]
    assert [(row.key, row.operation, row.old_value, row.new_value) for row in ana.person.noted] == [
        ("c", "ADD", None, "c"),
        ("b", "REMOVE", "b", None),
    ]


def test_the_hundredth_tag_and_attribute_fit_and_the_next_do_not() -> None:
    full: dict[str, Any] = {
        "tags": [f"t{n}" for n in range(99)],
        "attributes": {f"k{n}": n for n in range(99)},
    }
    ana = somebody(**deepcopy(full))
    assert refusal(run(ana, a_rule(tag("last"), set_attribute("1", "last")))) is None
    before = deepcopy(ana.person)

    # What is there already, and what takes another's place, is no more than before.
    assert refusal(run(ana, a_rule(tag("t1"), set_attribute("2", "k1")))) is None
    swap = [{"type": "UNTAG", "tag": "t1"}, tag("new"), tag("t1")]
    too_many = [run(ana, a_rule(*swap)), run(ana, a_rule(set_attribute("1", "new")))]

    for outcome in too_many:
        refused = refusal(outcome)
        assert refused is not None
        assert refused["code"] == "validation_failed"
        assert "100" in refused["message"]
    assert ana.person.tags == before.tags
    assert ana.person.attributes == before.attributes | {"k1": 2}


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ({"value": "free text, not an expression"}, "free text, not an expression"),
        ({"value": ""}, ""),
        ({"expression": "event.plan"}, "gold"),
        ({"expression": "1 + 1"}, Decimal(2)),
        ({"expression": "100 / 3 * 3"}, Decimal(100)),
        ({"expression": "-200 / 3"}, Decimal("-66." + "6" * 37 + "7")),
        ({"expression": "1 / 3"}, Decimal("0." + "3" * 40)),
        ({"expression": "1 / 300"}, Decimal("0.00" + "3" * 38)),
        ({"expression": "event.amount / 2.0"}, Decimal("0.05")),
        ({"expression": "event.amount > 1"}, False),
        ({"expression": "true"}, True),
        ({"expression": "'x' + string(size(event.plan))"}, "x4"),
    ],
)
def test_an_attribute_is_set_by_a_text_or_by_what_an_expression_gives(
    given: dict[str, str], value: object
) -> None:
    ana = somebody(attributes={"k": "old"})
    action = {"type": "SET_ATTRIBUTE", "key": "k", **given}

    outcome = run(ana, a_rule(action), data={"plan": "gold", "amount": Decimal("0.10")})

    assert ana.person.attributes == {"k": value}
    assert type(ana.person.attributes["k"]) is type(value)
    [effect] = effects(outcome)
    assert effect == {"type": "SET_ATTRIBUTE", "key": "k", "before": "old", "after": value}


def test_an_attribute_that_becomes_null_goes() -> None:
    ana = somebody(attributes={"k": 1})

    outcome = run(ana, a_rule(set_attribute("dyn(null)"), set_attribute("dyn(null)", "never")))

    assert ana.person.attributes == {}
    assert [(each["before"], each["after"]) for each in effects(outcome)] == [
        (1, None),
        (None, None),
    ]
    assert [(row.operation, row.old_value) for row in ana.person.noted] == [("REMOVE", 1)]


def test_true_and_one_are_two_values_and_one_with_a_zero_is_the_same() -> None:
    ana = somebody(attributes={"k": True, "n": Decimal("5.0")})

    run(ana, a_rule(set_attribute("1"), set_attribute("5", "n")))

    assert [(row.key, row.old_value, row.new_value) for row in ana.person.noted] == [("k", True, 1)]


@pytest.mark.parametrize(
    "expression",
    [
        "dyn([1])",
        "dyn({'a': 1})",
        "dyn(now)",
        "dyn(duration('1h'))",
        "dyn(b'x')",
        "dyn(type(1))",
        "event.long",
        "1.0e40",
        "1.0e-41",
        "'a\\x00b'",
    ],
)
def test_what_no_attribute_can_be_fails_its_rule(expression: str) -> None:
    ana = somebody()

    outcome = run(ana, a_rule(tag("x"), set_attribute(expression)), data={"long": "x" * 1001})

    refused = refusal(outcome)
    assert refused is not None
    assert refused["code"] == "validation_failed"
    assert (ana.person.tags, ana.person.attributes, ana.person.noted) == ([], {}, [])


@pytest.mark.parametrize(
    ("known", "action", "after"),
    [
        (None, count("1.5"), counter("1.5")),
        (None, count("100 / 3 * 3"), counter("100")),
        (None, count("1", reset_after="24h"), counter("1", timedelta(days=1))),
        (counter("2"), count("-5"), counter("-3")),
        (counter("2"), count("1.0 / 3.0"), counter("2.333333333333333333")),
        (counter("2"), count("-1.0 / 3.0"), counter("1.666666666666666667")),
        # A window goes on, where the action names the same or none.
        *(
            (
                counter("2", timedelta(days=1), timedelta(hours=23)),
                count("1", **rest),
                counter("3", timedelta(days=1), timedelta(hours=23)),
            )
            for rest in ({}, {"reset_after": "24h"})
        ),
        # It has ended, and another begins.
        *(
            (
                counter("2", timedelta(days=1), timedelta(hours=24)),
                count("1", **rest),
                counter("1", timedelta(days=1)),
            )
            for rest in ({}, {"reset_after": "24h"})
        ),
        # Another length begins another window and keeps what was counted.
        (
            counter("2", timedelta(days=1), timedelta(hours=23)),
            count("1", reset_after="48h"),
            counter("3", timedelta(days=2)),
        ),
        (
            counter("2", age=timedelta(days=9)),
            count("1", reset_after="1h"),
            counter("3", timedelta(hours=1)),
        ),
        (counter("99999999999999999998"), count("1.999999999999999999"), counter(f"{LARGEST:f}")),
    ],
)
def test_a_counter_adds_and_its_window_goes_on_or_begins_anew(
    known: CounterState | None, action: dict[str, Any], after: CounterState
) -> None:
    ana = somebody(counters={"visits": known} if known else {})

    outcome = run(ana, a_rule(action))

    assert refusal(outcome) is None
    assert ana.person.counters["visits"] == after
    assert ana.person.touched_counters == {"visits"}
    [row] = ana.person.noted
    assert row.new_value == f"{after.value:f}"
    assert row.old_value == (f"{known.value_at(HAPPENED):f}" if known else None)


@pytest.mark.parametrize(
    "value",
    ["0.000000000000000001", "1.0e30 * event.one", "-2.0 * 99999999999999999999.0 * event.one"],
)
def test_a_counter_that_would_be_too_large_fails_its_rule(value: str) -> None:
    ana = somebody(counters={"visits": counter(f"{LARGEST:f}")})

    outcome = run(ana, a_rule(count(value)), data={"one": 1})

    refused = refusal(outcome)
    assert refused is not None
    assert refused["code"] == "amount_out_of_range"
    assert ana.person.touched_counters == set()


@pytest.mark.parametrize(
    ("held", "level", "now"),
    [
        (None, "gold", "gold"),
        ("silver", "gold", "gold"),
        ("gold", "silver", "silver"),
        ("gold", "", ""),
    ],
)
def test_a_rule_puts_somebody_on_any_level_up_or_down(
    held: str | None, level: str, now: str
) -> None:
    track = a_track(a_level("gold", 2), a_level("silver", 1))
    since = MOMENT - timedelta(days=9)
    standings = {TRACK: Standing(held, since, MOMENT + timedelta(days=1))} if held else {}
    ana = somebody(standings=standings)

    outcome = run(
        ana, a_rule({"type": "SET_TIER", "tier": "club", "level": level}), tracks=(track,)
    )

    assert ana.level_on(track)[0] == now
    assert effects(outcome) == [
        {"type": "SET_TIER", "tier": "club", "level": level, "before": held or "", "after": level}
    ]
    assert ana.person.standings == ({TRACK: Standing(now, MOMENT, earned_level=now)} if now else {})
    assert ana.person.touched_tracks == {TRACK}


def test_a_level_that_is_held_already_is_held_for_good_and_since_then() -> None:
    track = a_track(a_level("gold", 2))
    since = MOMENT - timedelta(days=9)
    ana = somebody(standings={TRACK: Standing("gold", since, MOMENT + timedelta(days=1))})
    rule = a_rule({"type": "SET_TIER", "tier": "club", "level": "gold"})

    run(ana, rule, tracks=(track,))
    assert ana.person.standings == {TRACK: Standing("gold", since, earned_level="gold")}
    rows = len(ana.person.noted)
    run(ana, rule, tracks=(track,))

    assert len(ana.person.noted) == rows


@pytest.mark.parametrize(("tier", "level"), [("club", "iron"), ("shop", "gold"), ("shop", "")])
def test_a_level_or_track_that_is_not_there_fails_its_rule(tier: str, level: str) -> None:
    ana = somebody()
    track = a_track(a_level("gold", 1))

    outcome = run(ana, a_rule({"type": "SET_TIER", "tier": tier, "level": level}), tracks=(track,))

    refused = refusal(outcome)
    assert refused is not None
    assert refused["code"] == "not_found"
