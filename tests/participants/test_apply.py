"""What an event does to somebody in memory: rules in, effects and reasons out, without a database."""

import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from participants.events import outcome as outcome_json
from participants.events.apply import LONGEST_RUN, Occurrence, apply
from participants.events.clock import own_time
from participants.events.outcome import Outcome
from participants.events.subject import Subject
from participants.ledger.book import Amounts, Book, Waiting
from participants.state.person import CounterState, Person, Standing
from programs.kernel import exact_json
from programs.kernel.cleaning import Errors
from programs.kernel.decimals import LARGEST, written
from programs.models import Rule, RuleStatus
from programs.rulebook.actions import clean_actions
from programs.rulebook.compiled import (
    CompiledLevel,
    CompiledRule,
    CompiledTrack,
    LinkedAsset,
    Rulebook,
    compile_level,
    compile_rule,
)

MOMENT = datetime(2026, 11, 23, 12, tzinfo=UTC)  # of processing
HAPPENED = MOMENT - timedelta(days=1)
PROGRAM, EVENT, ANA = UUID(int=7), UUID(int=8), UUID(int=9)
POINTS, WEI, CAPPED, FOREIGN = (UUID(int=number) for number in range(1, 5))
ASSETS = {
    POINTS: LinkedAsset(POINTS, "PTS", 2, None),
    WEI: LinkedAsset(WEI, "WEI", 18, None),
    CAPPED: LinkedAsset(CAPPED, "CAP", 0, Decimal(100)),
}
TRACK, OTHER_TRACK = UUID(int=20), UUID(int=21)
NOTHING = {"available": "0.00", "held": "0.00", "deferred": "0.00"}


def a_rule(*actions: dict[str, Any], condition: str = "true", **fields: Any) -> CompiledRule:
    errors = Errors()
    cleaned = clean_actions(list(actions), errors)
    errors.raise_if_any()
    name = fields.pop("name", "R")
    rule = Rule(program_id=PROGRAM, name=name, condition=condition, actions=cleaned, **fields)
    return compile_rule(rule)


def a_track(*levels: CompiledLevel, track_id: UUID = TRACK, key: str = "club") -> CompiledTrack:
    return CompiledTrack(track_id, key, 3, PROGRAM, levels)


def a_level(
    key: str, rank: int, *criteria: tuple[str, str, str], needs_all: bool = True
) -> CompiledLevel:
    return compile_level(
        key,
        rank,
        {
            "mode": "ALL" if needs_all else "ANY",
            "criteria": [
                {"counter": counter, "operator": operator, "threshold": threshold}
                for counter, operator, threshold in criteria
            ],
        },
    )


def a_rulebook(*rules: CompiledRule, tracks: tuple[CompiledTrack, ...] = ()) -> Rulebook:
    return Rulebook(
        program_id=PROGRAM,
        program_name="Club",
        revision=UUID(int=6),
        rules=rules,
        tracks=tracks,
        assets=ASSETS,
        facts={"id": str(PROGRAM), "name": "Club"},
    )


def somebody(
    *,
    available: str = "0",
    held: str = "0",
    deferred: str = "0",
    asset: UUID = POINTS,
    **person: Any,
) -> Subject:
    """Ana, who has of one asset what is given."""
    status = person.pop("status", "ACTIVE")
    book = Book(ANA, MOMENT, 5, b"\0" * 32)
    if (available, held, deferred) != ("0", "0", "0"):
        book.amounts[asset] = Amounts(Decimal(available), Decimal(held), Decimal(deferred))
    return Subject(Person(ANA, "ana", status, MOMENT, **person), book, MOMENT)


def happening(data: dict[str, Any] | None = None, at: datetime = HAPPENED) -> Occurrence:
    return Occurrence(EVENT, at, data or {})


def run(
    subject: Subject,
    *rules: CompiledRule,
    data: dict[str, Any] | None = None,
    tracks: tuple[CompiledTrack, ...] = (),
) -> Outcome:
    return apply(happening(data), subject, a_rulebook(*rules, tracks=tracks))


def effects(outcome: Outcome) -> list[dict[str, Any]]:
    """Of all rules, without the ids of the entries, which are new each time."""
    told = [effect for each in outcome.rule_evaluations for effect in each["actions"]]
    return [
        {name: value for name, value in effect.items() if name != "journal_entry_id"}
        for effect in told
    ]


def outcomes(outcome: Outcome) -> list[str]:
    return [each["outcome"] for each in outcome.rule_evaluations]


def amounts(subject: Subject, asset: UUID = POINTS) -> tuple[str, ...]:
    """Available, held and deferred."""
    has = subject.amounts_of(asset)
    return tuple(map(written, (has.available, has.held, has.deferred)))


def credit(amount: str, **rest: Any) -> dict[str, Any]:
    return {"type": "CREDIT", "asset_id": str(rest.pop("asset", POINTS)), "amount": amount, **rest}


def move(kind: str, amount: str, **rest: Any) -> dict[str, Any]:
    return {**credit(amount, **rest), "type": kind}


def count(value: str, key: str = "visits", **rest: Any) -> dict[str, Any]:
    return {"type": "COUNTER", "key": key, "value": value, **rest}


def set_attribute(expression: str, key: str = "k") -> dict[str, Any]:
    return {"type": "SET_ATTRIBUTE", "key": key, "expression": expression}


def tag(name: str) -> dict[str, Any]:
    return {"type": "TAG", "tag": name}


def counter(
    value: str, window: timedelta | None = None, age: timedelta = timedelta(0)
) -> CounterState:
    return CounterState(Decimal(value), window, MOMENT - age)


# Value


@pytest.mark.parametrize(
    ("action", "after", "bucket"),
    [
        (credit("1.5"), ("11.5", "5", "0"), "AVAILABLE"),
        (credit("1.5", bucket="HELD"), ("10", "6.5", "0"), "HELD"),
        (move("DEBIT", "10"), ("0", "5", "0"), None),
        (move("DEBIT", "10.01", allow_negative=True), ("-0.01", "5", "0"), None),
        (move("HOLD", "4"), ("6", "9", "0"), None),
        (move("RELEASE", "4"), ("14", "1", "0"), None),
        (move("FORFEIT", "4"), ("6", "5", "0"), "AVAILABLE"),
        (move("FORFEIT", "5", bucket="HELD"), ("10", "0", "0"), "HELD"),
    ],
)
def test_a_movement_changes_the_buckets_and_tells_before_and_after(
    action: dict[str, Any], after: tuple[str, ...], bucket: str | None
) -> None:
    ana = somebody(available="10", held="5")

    outcome = run(ana, a_rule(action))

    assert outcome.status == "COMPLETED"
    assert amounts(ana) == after
    available, held, deferred = (f"{Decimal(each):.2f}" for each in after)
    [effect] = effects(outcome)
    assert effect == {
        "type": action["type"],
        "asset_id": str(POINTS),
        "amount": f"{Decimal(action['amount']):.2f}",
        **({"bucket": bucket} if bucket else {}),
        "before": {"available": "10.00", "held": "5.00", "deferred": "0.00"},
        "after": {"available": available, "held": held, "deferred": deferred},
    }
    [entry] = ana.book.entries
    told = outcome.rule_evaluations[0]["actions"][0]
    assert told["journal_entry_id"] == str(entry.id)
    assert (entry.sequence, entry.reason.event_id) == (6, EVENT)
    assert (entry.reason.description, str(entry.reason.by)) == ("R", "rule:R v1")


@pytest.mark.parametrize(
    ("action", "code"),
    [
        (move("DEBIT", "10.01"), "insufficient_balance"),
        (move("HOLD", "10.01"), "insufficient_balance"),
        (move("RELEASE", "5.01"), "insufficient_balance"),
        (move("FORFEIT", "10.01"), "insufficient_balance"),
        (move("FORFEIT", "5.01", bucket="HELD"), "insufficient_balance"),
        (move("FORFEIT", "0.01", bucket="DEFERRED"), "insufficient_balance"),
        (credit("-0.001"), "validation_failed"),
        (move("DEBIT", "0 - 5"), "validation_failed"),
        (credit("1", asset=FOREIGN), "asset_not_linked"),
        (credit("101", asset=CAPPED), "max_transaction_exceeded"),
        (move("DEBIT", "101", asset=CAPPED), "max_transaction_exceeded"),
        (credit("99999999999999999990"), "amount_out_of_range"),
        (credit("100000000000000000000.0 * 1.0"), "amount_out_of_range"),
        (credit("1.0e900"), "amount_out_of_range"),
        (credit("event.nothing"), "evaluation_failed"),
        (credit("1 / 0"), "evaluation_failed"),
        (credit("event.word"), "evaluation_failed"),
    ],
)
def test_a_movement_that_is_refused_fails_the_event_and_says_which_and_why(
    action: dict[str, Any], code: str
) -> None:
    ana = somebody(available="10", held="5")
    before = deepcopy((ana.person, ana.book))

    outcome = run(ana, a_rule(tag("x"), action), data={"word": "ten", "long": "x" * 9})

    assert outcome.status == "FAILED"
    assert outcome.failure is not None
    assert (outcome.failure["code"], outcome.failure["action"]) == (code, 1)
    assert outcome.failure["rule_name"] == "R"
    assert outcome.failure["message"].startswith(f"{action['type']}: ")
    assert outcomes(outcome) == ["failed"]
    [tagged, refused] = effects(outcome)
    assert tagged["undone"] is True
    assert (refused["type"], refused["error"]["code"]) == (action["type"], code)
    assert (ana.person, ana.book) == before


@pytest.mark.parametrize(
    ("amount", "asset", "moved"),
    [
        ("0.019", POINTS, "0.01"),
        ("0.999999999999999999", POINTS, "0.99"),
        ("1.0 / 3.0", POINTS, "0.33"),
        ("2.0 / 3.0", WEI, "0.666666666666666666"),
        ("12345678901234567890.99999", POINTS, "12345678901234567890.99"),
        # 25 digits and more: nothing of it goes through Python's own 28 digits
        ("9999999999999999999.9999999", POINTS, "9999999999999999999.99"),
        ("12345678901234567890.123456789012345678", WEI, "12345678901234567890.123456789012345678"),
        (
            "1234567890123456789.0 * 1.000000000000000001",
            WEI,
            "1234567890123456790.234567890123456789",
        ),
        ("event.amount * 0.05", POINTS, "61728394506172.83"),
    ],
)
def test_an_amount_is_rounded_down_to_the_scale_and_loses_no_other_digit(
    amount: str, asset: UUID, moved: str
) -> None:
    ana = somebody()

    outcome = run(
        ana, a_rule(credit(amount, asset=asset)), data={"amount": Decimal("1234567890123456.78")}
    )

    assert outcome.failure is None
    assert effects(outcome)[0]["amount"] == written(Decimal(moved), ASSETS[asset].scale)
    assert amounts(ana, asset)[0] == moved


@pytest.mark.parametrize("kind", ["CREDIT", "DEBIT", "HOLD", "RELEASE", "FORFEIT"])
@pytest.mark.parametrize("amount", ["0", "0.009", "0.0 * 5.0", "1.0e-900"])
def test_nothing_moves_where_the_amount_is_zero_or_rounds_to_it(kind: str, amount: str) -> None:
    ana = somebody()
    before = deepcopy((ana.person, ana.book))

    outcome = run(ana, a_rule(move(kind, amount)))

    assert outcome.status == "COMPLETED"
    [effect] = outcome.rule_evaluations[0]["actions"]
    assert (effect["amount"], effect["journal_entry_id"]) == ("0.00", None)
    assert (effect["before"], effect["after"]) == (NOTHING, NOTHING)
    assert (ana.person, ana.book) == before


def test_the_largest_amount_fits_and_one_more_does_not() -> None:
    ana = somebody()
    largest = f"{LARGEST:f}"

    assert run(ana, a_rule(credit(largest, asset=WEI))).failure is None
    outcome = run(ana, a_rule(credit("0.000000000000000001", asset=WEI)))

    assert outcome.failure is not None
    assert outcome.failure["code"] == "amount_out_of_range"
    assert amounts(ana, WEI)[0] == largest


@pytest.mark.parametrize(
    ("matures_at", "when"),
    [
        ("720h", MOMENT + timedelta(days=30)),  # by the time of processing, not the event's
        ("2026-12-24T00:00:00Z", datetime(2026, 12, 24, tzinfo=UTC)),
    ],
)
def test_a_credit_that_matures_later_is_deferred(matures_at: str, when: datetime) -> None:
    ana = somebody()

    outcome = run(ana, a_rule(credit("5", matures_at=matures_at)))

    assert amounts(ana) == ("0", "0", "5")
    assert effects(outcome)[0]["bucket"] == "DEFERRED"
    [waiting] = ana.book.touched.values()
    assert (waiting.amount, waiting.matures_at) == (Decimal(5), when)


@pytest.mark.parametrize("matures_at", ["2026-11-23T12:00:00Z", "2020-01-01T00:00:00Z"])
def test_a_time_that_has_passed_defers_nothing(matures_at: str) -> None:
    ana = somebody()

    outcome = run(ana, a_rule(credit("5", matures_at=matures_at)))

    assert amounts(ana) == ("5", "0", "0")
    assert effects(outcome)[0]["bucket"] == "AVAILABLE"
    assert ana.book.touched == {}


def test_a_forfeit_of_what_is_deferred_takes_what_matures_last() -> None:
    ana = somebody(deferred="8")
    soon, late = UUID(int=31), UUID(int=32)
    for credit_id, amount, days in ((soon, "5", 1), (late, "3", 2)):
        ana.book.waiting[credit_id] = Waiting(
            credit_id, credit_id, POINTS, PROGRAM, Decimal(amount), MOMENT + timedelta(days)
        )

    outcome = run(
        ana, a_rule(move("FORFEIT", "4", bucket="DEFERRED"), credit("1", matures_at="1h"))
    )

    assert outcome.failure is None
    assert amounts(ana) == ("0", "0", "5")
    assert {key: each.amount for key, each in ana.book.touched.items() if key in (soon, late)} == {
        late: 0,
        soon: 4,
    }


def test_two_programs_that_share_an_asset_see_one_balance_and_later_actions_see_earlier_ones() -> (
    None
):
    ana = somebody(available="1")

    outcome = run(
        ana,
        a_rule(
            credit("participant.balances.PTS.available * 2"),
            credit("participant.balances.PTS.available * 2"),
            move("HOLD", "participant.balances.PTS.available"),
            credit("participant.balances.PTS.held"),
        ),
        a_rule(
            count("participant.balances.PTS.available"),
            condition="participant.balances.PTS.held == 9",
        ),
    )

    assert outcomes(outcome) == ["matched", "matched"]
    assert amounts(ana) == ("9", "9", "0")
    assert ana.person.counters["visits"].value == 9


# Who may not


@pytest.mark.parametrize("status", ["SUSPENDED", "CLOSED"])
@pytest.mark.parametrize(
    "action",
    [
        *(move(kind, "1") for kind in ("CREDIT", "DEBIT", "HOLD", "RELEASE", "FORFEIT")),
        move("FORFEIT", "1", bucket="HELD"),
        credit("0"),
        count("1"),
    ],
)
def test_who_is_not_active_neither_earns_nor_spends(status: str, action: dict[str, Any]) -> None:
    ana = somebody(available="5", held="5", status=status)
    before = deepcopy((ana.person, ana.book))

    outcome = run(ana, a_rule(tag("seen"), action))

    assert outcome.failure is not None
    assert (outcome.failure["code"], outcome.failure["action"]) == ("participant_inactive", 1)
    assert (ana.person, ana.book) == before


@pytest.mark.parametrize("status", ["SUSPENDED", "CLOSED"])
def test_who_is_not_active_is_still_tagged_described_and_ranked(status: str) -> None:
    ana = somebody(tags=["old"], counters={"visits": counter("5")}, status=status)
    track = a_track(a_level("gold", 2, ("visits", ">=", "5")), a_level("silver", 1))
    actions = [
        tag("new"),
        {"type": "UNTAG", "tag": "old"},
        set_attribute("'x'"),
        {"type": "SET_TIER", "tier": "club", "level": "silver"},
    ]

    outcome = run(ana, a_rule(*actions), tracks=(track,))

    assert outcome.failure is None
    assert (ana.person.tags, ana.person.attributes) == (["new"], {"k": "x"})
    assert ana.level_on(track) == ("gold", 2)
    assert outcome.tier_changes == [{"tier": "club", "before": "silver", "after": "gold"}]


# State


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
    assert run(ana, a_rule(tag("last"), set_attribute("1", "last"))).failure is None
    before = deepcopy(ana.person)

    # What is there already, and what takes another's place, is no more than before.
    assert run(ana, a_rule(tag("t1"), set_attribute("2", "k1"))).failure is None
    swap = [{"type": "UNTAG", "tag": "t1"}, tag("new"), tag("t1")]
    too_many = [run(ana, a_rule(*swap)), run(ana, a_rule(set_attribute("1", "new")))]

    for outcome in too_many:
        assert outcome.failure is not None
        assert outcome.failure["code"] == "validation_failed"
        assert "100" in outcome.failure["message"]
    assert ana.person.tags == before.tags
    assert ana.person.attributes == before.attributes | {"k1": 2}


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ({"value": "free text, not an expression"}, "free text, not an expression"),
        ({"value": ""}, ""),
        ({"expression": "event.plan"}, "gold"),
        ({"expression": "1 + 1"}, 2),
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

    outcome = run(ana, a_rule(set_attribute("null"), set_attribute("null", "never")))

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
        "[1]",
        "{'a': 1}",
        "now",
        "duration('1h')",
        "b'x'",
        "type(1)",
        "event.long",
        "1.0e40",
        "1.0e-41",
        "'a\\x00b'",
    ],
)
def test_what_no_attribute_can_be_fails_the_event(expression: str) -> None:
    ana = somebody()

    outcome = run(ana, a_rule(tag("x"), set_attribute(expression)), data={"long": "x" * 1001})

    assert outcome.failure is not None
    assert (outcome.failure["code"], outcome.failure["action"]) == ("validation_failed", 1)
    assert (ana.person.tags, ana.person.attributes, ana.person.noted) == ([], {}, [])


@pytest.mark.parametrize(
    ("known", "action", "after"),
    [
        (None, count("1.5"), counter("1.5")),
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
        # It has ended: the person was read as zero, and another begins.
        *(
            (
                counter("0", timedelta(days=1), timedelta(hours=24)),
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

    assert outcome.failure is None
    assert ana.person.counters["visits"] == after
    assert ana.person.touched_counters == {"visits"}
    [row] = ana.person.noted
    assert row.new_value == f"{after.value:f}"
    assert row.old_value == (f"{known.value:f}" if known else None)


@pytest.mark.parametrize(
    "value", ["0.000000000000000001", "1.0e30", "-2.0 * 99999999999999999999.0"]
)
def test_a_counter_that_would_be_too_large_fails_the_event(value: str) -> None:
    ana = somebody(counters={"visits": counter(f"{LARGEST:f}")})

    outcome = run(ana, a_rule(count(value)))

    assert outcome.failure is not None
    assert outcome.failure["code"] == "amount_out_of_range"
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
    assert ana.person.standings == ({TRACK: Standing(now, MOMENT, None)} if now else {})
    assert ana.person.touched_tracks == {TRACK}


def test_a_level_that_is_held_already_is_held_for_good_and_since_then() -> None:
    track = a_track(a_level("gold", 2))
    since = MOMENT - timedelta(days=9)
    ana = somebody(standings={TRACK: Standing("gold", since, MOMENT + timedelta(days=1))})
    rule = a_rule({"type": "SET_TIER", "tier": "club", "level": "gold"})

    run(ana, rule, tracks=(track,))
    assert ana.person.standings == {TRACK: Standing("gold", since, None)}
    rows = len(ana.person.noted)
    run(ana, rule, tracks=(track,))

    assert len(ana.person.noted) == rows


@pytest.mark.parametrize(("tier", "level"), [("club", "iron"), ("shop", "gold"), ("shop", "")])
def test_a_level_or_track_that_is_not_there_fails_the_event(tier: str, level: str) -> None:
    ana = somebody()
    track = a_track(a_level("gold", 1))

    outcome = run(ana, a_rule({"type": "SET_TIER", "tier": tier, "level": level}), tracks=(track,))

    assert outcome.failure is not None
    assert outcome.failure["code"] == "not_found"


# Rules one after the other


def test_later_rules_and_actions_see_what_earlier_ones_did() -> None:
    ana = somebody()

    outcome = run(
        ana,
        a_rule(count("1"), set_attribute("participant.counters.visits * 10"), tag("regular")),
        a_rule(count("participant.attributes.k"), condition="'regular' in participant.tags"),
        a_rule(tag("never"), condition="participant.counters.visits != 11"),
    )

    assert outcomes(outcome) == ["matched", "matched", "not_matched"]
    assert ana.person.counters["visits"].value == 11
    assert ana.person.tags == ["regular"]


def test_a_rule_that_matches_and_stops_lets_none_after_it_run() -> None:
    ana = somebody()

    outcome = run(
        ana,
        a_rule(tag("no"), condition="false", stop_after_match=True, name="First"),
        a_rule(tag("yes"), stop_after_match=True, name="Second"),
        a_rule(tag("late")),
        a_rule(credit("1 / 0")),
    )

    assert outcome.failure is None
    assert outcomes(outcome) == ["not_matched", "matched", "skipped", "skipped"]
    assert "“Second”" in outcome.rule_evaluations[3]["reason"]
    assert ana.person.tags == ["yes"]


@pytest.mark.parametrize(
    ("start", "end", "outcome"),
    [
        (None, None, "matched"),
        (HAPPENED, None, "matched"),
        (HAPPENED + timedelta(microseconds=1), None, "skipped"),
        (None, HAPPENED, "skipped"),
        (None, HAPPENED + timedelta(microseconds=1), "matched"),
        # Open now, and not when it happened: it is the event's time that counts.
        (MOMENT - timedelta(hours=1), MOMENT + timedelta(hours=1), "skipped"),
    ],
)
def test_a_rules_window_is_held_against_the_time_of_the_event(
    start: datetime | None, end: datetime | None, outcome: str
) -> None:
    ana = somebody()

    told = run(ana, a_rule(tag("x"), active_from=start, active_to=end))

    assert outcomes(told) == [outcome]
    assert ana.person.tags == (["x"] if outcome == "matched" else [])


def test_now_is_when_the_event_happened() -> None:
    ana = somebody()

    run(ana, a_rule(set_attribute("string(now)")))

    assert ana.person.attributes == {"k": "2026-11-22T12:00:00Z"}


def test_a_suspended_rule_is_told_and_does_nothing() -> None:
    ana = somebody()

    outcome = run(ana, a_rule(credit("1 / 0"), status=RuleStatus.SUSPENDED))

    assert outcome.status == "COMPLETED"
    assert outcomes(outcome) == ["skipped"]
    assert "suspended" in outcome.rule_evaluations[0]["reason"]


def test_a_rule_that_reads_what_is_missing_is_skipped_and_says_what() -> None:
    ana = somebody()

    outcome = run(ana, a_rule(tag("x"), condition="event.amount > 5"), a_rule(tag("y")))

    assert outcome.status == "COMPLETED"
    assert outcomes(outcome) == ["skipped", "matched"]
    assert "event.amount is missing" in outcome.rule_evaluations[0]["reason"]


@pytest.mark.parametrize(
    "condition", ["event.word > 5", "1 / 0 == 1", "event.word", "int(event.word) == 1"]
)
def test_a_condition_without_a_value_fails_the_event(condition: str) -> None:
    ana = somebody()

    outcome = run(
        ana,
        a_rule(credit("5")),
        a_rule(condition=condition, name="Bad"),
        a_rule(tag("x")),
        data={"word": "five"},
    )

    assert outcome.failure is not None
    assert outcome.failure == {
        "rule_id": outcome.rule_evaluations[1]["rule_id"],
        "rule_name": "Bad",
        "action": None,
        "code": "evaluation_failed",
        "message": outcome.rule_evaluations[1]["reason"],
    }
    assert outcomes(outcome) == ["matched", "failed", "skipped"]
    assert outcome.rule_evaluations[2]["reason"] == "An earlier rule failed."
    assert effects(outcome)[0]["undone"] is True
    assert amounts(ana) == ("0", "0", "0")


def test_a_rule_beyond_its_budget_fails_the_event() -> None:
    ana = somebody()
    greedy = "range.all(a, range.all(b, range.all(c, a + b + c >= 0)))".replace(
        "range", "event.many"
    )

    outcome = run(ana, a_rule(condition=greedy), data={"many": list(range(100))})

    assert outcome.failure is not None
    assert outcome.failure["code"] == "budget_exceeded"


@pytest.mark.parametrize("broken", ["condition", "actions"])
def test_a_rule_that_no_longer_compiles_fails_the_event(broken: str) -> None:
    """It was written for another version of the language. It must not count as one that matched and had nothing to do."""
    ana = somebody()
    fields: dict[str, Any] = {"condition": "true", "actions": [credit("event.amount * 1")]}
    if broken == "condition":
        fields["condition"] = "event.amount ="
    else:
        fields["actions"] = [credit("event.amount *")]

    outcome = run(ana, compile_rule(Rule(program_id=PROGRAM, name="Old", **fields)))

    assert outcome.status == "FAILED"
    assert outcome.failure is not None
    assert "no longer compiles" in outcome.failure["message"]


def heavy(seconds: float) -> tuple[list[CompiledRule], dict[str, Any]]:
    """Rules that take about so long together, and the event they take it with."""
    data = {"many": list(range(5000))}
    rule = a_rule(condition="event.many.exists(x, x < 0)")
    ana = somebody()
    began = own_time()
    for _ in range(10):
        run(ana, rule, data=data)
    each = (own_time() - began) / 10
    return [rule] * int(seconds / each), data


def test_more_than_a_second_of_rules_fails_the_event_soon_after() -> None:
    rules, data = heavy(2.5 * LONGEST_RUN)
    ana = somebody()
    began = own_time()

    outcome = run(ana, a_rule(credit("5")), *rules, data=data)

    assert outcome.failure is not None
    assert outcome.failure["code"] == "budget_exceeded"
    assert "1 s" in outcome.failure["message"]
    assert amounts(ana) == ("0", "0", "0")
    assert own_time() - began < 2 * LONGEST_RUN


@contextmanager
def a_busy_machine() -> Iterator[None]:
    stop = threading.Event()

    def spin() -> None:
        while not stop.is_set():
            sum(range(1000))

    threads = [threading.Thread(target=spin) for _ in range(5)]
    for thread in threads:
        thread.start()
    yield
    stop.set()
    for thread in threads:
        thread.join()


def test_an_event_does_not_fail_because_the_machine_has_other_things_to_do() -> None:
    """The second is of work: a process that was stopped, or has to share, fails nobody's event for good."""
    rules, data = heavy(0.3 * LONGEST_RUN)

    with a_busy_machine():
        outcome = run(somebody(), *rules, data=data)

    assert outcome.failure is None


def test_an_event_does_not_fail_because_garbage_is_collected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A collection takes the longer the more rules are compiled, and meets whoever has their turn."""
    monkeypatch.setattr("participants.events.apply.LONGEST_RUN", 0.02)
    monkeypatch.setattr(CompiledRule, "takes", lambda *_: [gc.collect() for _ in range(3)])
    began, all_began = own_time(), time.thread_time()

    outcome = run(somebody(), a_rule(credit("5")), a_rule(credit("5")))

    assert time.thread_time() - all_began > 0.02
    assert own_time() - began < 0.02
    assert outcome.failure is None


# All or nothing


def test_an_event_that_fails_leaves_everything_as_it_was() -> None:
    ana = somebody(
        available="10",
        held="5",
        deferred="3",
        tags=["a"],
        attributes={"k": 1},
        counters={"visits": counter("4", timedelta(days=1))},
        standings={TRACK: Standing("silver", MOMENT, None)},
    )
    ana.book.waiting[EVENT] = Waiting(
        EVENT, EVENT, POINTS, PROGRAM, Decimal(3), MOMENT + timedelta(1)
    )
    track = a_track(a_level("gold", 2, ("visits", ">=", "5")), a_level("silver", 1))
    # An event before it in the same batch: what that did has to stay.
    run(ana, a_rule(credit("1"), tag("first"), count("0.5")), tracks=(track,))
    before = deepcopy((ana.person, ana.book))
    everything = [
        credit("1"),
        credit("2", matures_at="1h"),
        move("HOLD", "1"),
        move("RELEASE", "2"),
        move("FORFEIT", "3", bucket="DEFERRED"),
        tag("b"),
        {"type": "UNTAG", "tag": "a"},
        set_attribute("2"),
        set_attribute("3", "new"),
        count("3", reset_after="48h"),
        count("3", "new"),
        {"type": "SET_TIER", "tier": "club", "level": "gold"},
    ]

    outcome = run(ana, a_rule(*everything), a_rule(move("DEBIT", "1000")), tracks=(track,))

    assert outcome.failure is not None
    assert outcome.failure["code"] == "insufficient_balance"
    assert outcome.tier_changes == []
    assert all("journal_entry_id" not in each for each in outcome.rule_evaluations[0]["actions"])
    assert all(each["undone"] for each in effects(outcome)[:-1])
    assert (ana.person, ana.book) == before
    # What rules see is as it was, too, and the next event carries on from there.
    after = run(
        ana,
        a_rule(
            credit("participant.counters.visits"), condition="participant.tags == ['a', 'first']"
        ),
    )
    assert outcomes(after) == ["matched"]
    assert ana.book.entries[-1].sequence == before[1].sequence + 1


# Tiers rise by themselves

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
        assert (str(row.cause.by), row.cause.event_id, row.cause.rule_id) == (
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


# What is kept of it


def test_an_outcome_of_many_rules_is_cut_and_keeps_who_matched_or_failed() -> None:
    quiet = [a_rule(condition="event.amount == 1", name=f"Quiet {n}") for n in range(2000)]
    loud = a_rule(credit("1"), name="Loud")
    failing = a_rule(credit("1 / 0"), name="Failing")
    ana = somebody()

    outcome = run(ana, *quiet[:1000], loud, *quiet[1000:], failing, data={"amount": 2})

    kept = exact_json.loads(outcome_json.dumps(outcome))
    assert len(exact_json.dumps(kept)) <= outcome_json.MAX_STORED
    told = {each["rule_name"]: each["outcome"] for each in kept["rule_evaluations"]}
    assert (told["Loud"], told["Failing"]) == ("matched", "failed")
    assert kept["omitted_rules"] == 2002 - len(told)
    assert kept["failure"]["rule_name"] == "Failing"
    names = [each["rule_name"] for each in kept["rule_evaluations"]]
    assert names == [
        each["rule_name"] for each in outcome.rule_evaluations if each["rule_name"] in told
    ]


def test_a_rule_whose_effects_alone_are_too_long_is_still_told_to_have_matched() -> None:
    data = {"long": "\N{WAVING HAND SIGN}" * 1000}
    actions = [set_attribute("event.long", f"k{n}") for n in range(50)]
    outcome = run(
        somebody(), a_rule(*actions, name="Long"), a_rule(tag("x"), name="Short"), data=data
    )

    kept = exact_json.loads(outcome_json.dumps(outcome))

    assert len(exact_json.dumps(kept)) <= outcome_json.MAX_STORED
    assert {each["rule_name"]: each["outcome"] for each in kept["rule_evaluations"]} == {
        "Long": "matched",
        "Short": "matched",
    }


@pytest.mark.parametrize(
    "condition",
    [
        'int("\\x00") == 1',
        'event["\\x00"] == 1',
        'timestamp("\\x00") == now',
        'now.getHours("\\x00") == 1',
    ],
)
def test_what_is_kept_can_be_stored_whatever_a_rule_says(condition: str) -> None:
    """PostgreSQL's jsonb takes no NUL, and then the event would fail unexpectedly, six times over."""
    outcome = run(somebody(), a_rule(condition=condition))

    assert b"\\u0000" not in outcome_json.dumps(outcome)


@pytest.mark.parametrize(
    "expression", ["int(event.long)", "timestamp(event.long)", "double(event.long)"]
)
def test_a_reason_is_short_however_long_what_it_tells_of(expression: str) -> None:
    ana = somebody()
    rule = a_rule(set_attribute(expression))

    outcome = run(ana, rule, data={"long": "x" * 500_000})

    assert outcome.failure is not None
    assert len(outcome_json.dumps(outcome)) < 8000
