"""Whom an error or a refusal fails: its rule alone, or the whole event."""

from copy import deepcopy
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from participants import exceptions as refusals
from participants.events import actions as carried_out
from participants.events.actions import Context, Facts, effect_of
from participants.events.outcome import Effect
from participants.events.subject import Subject
from participants.ledger.book import Maturity
from participants.state.standing import Standing
from programs import exceptions as refusals_of_programs
from programs.kernel.exceptions import DomainError, FieldError, ValidationFailed
from programs.models import Rule
from programs.rulebook.actions import Tag
from programs.rulebook.compiled import compile_rule
from programs.rules import EvaluationError
from tests.participants.events.in_memory import (
    CAPPED,
    EVENT,
    FOREIGN,
    MOMENT,
    POINTS,
    PROGRAM,
    TRACK,
    a_level,
    a_rule,
    a_track,
    amounts,
    count,
    counter,
    credit,
    effects,
    move,
    outcomes,
    run,
    set_attribute,
    somebody,
    tag,
)

# What concerns the event as a whole; every other refusal there is, and every other that will be, fails its rule alone.
OF_THE_EVENT = {
    refusals.InsufficientBalance,
    refusals.ParticipantInactive,
    refusals.NotEnrolled,
    refusals_of_programs.ProgramInactive,
}


def kinds_of(kind: type[Exception]) -> list[type[Exception]]:
    return [kind, *(each for below in kind.__subclasses__() for each in kinds_of(below))]


KINDS = [
    kind
    for base in (DomainError, EvaluationError)
    for kind in kinds_of(base)
    if kind.__module__.startswith(("participants.", "programs."))
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_kind_of_refusal_fails_its_rule_or_the_event(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carried_out, "_EFFECTS", dict(carried_out._EFFECTS))
    plain = carried_out._EFFECTS[Tag]

    @effect_of(Tag)
    def refuse(action: Tag, subject: Subject, facts: Facts, context: Context) -> Effect:
        if action.tag != "refused":
            return plain(action, subject, facts, context)
        if kind is ValidationFailed:
            raise ValidationFailed([FieldError("amount", "type", "Give a number.")])
        raise kind("It is refused.")

    ana = somebody()

    outcome = run(ana, a_rule(tag("before"), tag("refused"), name="Bad"), a_rule(tag("after")))

    first, second = outcome.rule_evaluations
    assert (first["outcome"], first["actions"][0]["undone"]) == ("failed", True)
    assert first["reason"].startswith("TAG: ")
    if kind in OF_THE_EVENT:
        assert (outcome.status, outcome.failed_rules) == ("FAILED", [])
        assert outcome.failure is not None
        assert (outcome.failure["rule_name"], outcome.failure["action"]) == ("Bad", 1)
        assert outcome.failure["message"] == first["reason"]
        assert (second["outcome"], ana.person.tags) == ("skipped", [])
    else:
        assert (outcome.status, outcome.failure) == ("COMPLETED", None)
        assert [str(rule_id) for rule_id in outcome.failed_rules] == [first["rule_id"]]
        assert (second["outcome"], ana.person.tags) == ("matched", ["after"])


def test_the_walk_meets_the_refusals_of_both_apps() -> None:
    assert {refusals.TooManyTags, refusals_of_programs.TierTrackNotFound} < set(KINDS)


MANY = {"many": list(range(100)), "word": "five", "none": None, "amount": 5}
GREEDY = "event.many.all(a, event.many.all(b, event.many.all(c, a + b + c >= 0)))"


@pytest.mark.parametrize(
    ("condition", "outcome"),
    [
        ("event.nothing > 5", "skipped"),
        ("event.nothing.at.all == 5", "skipped"),
        ("participant.attributes.plan == 'x'", "skipped"),
        ("event.nothing", "skipped"),
        ("!event.nothing", "skipped"),
        ("event.many[100] == 1", "skipped"),
        ('event.none.startsWith("SUM")', "skipped"),
        ("event.none > 5", "skipped"),
        ("event.none", "skipped"),
        ("event.none.code == 'x'", "skipped"),
        ("event.many.filter(x, event.none > x).size() > 0", "skipped"),
        ("event.none == 'SUM'", "not_matched"),
        ("has(event.none.code)", "not_matched"),
        ("event.none > 5 || event.amount > 4", "matched"),
        ("get(event, 'none', 5) == 5", "matched"),
        ("event.?nothing.?at.orValue(5) == 5", "matched"),
        ("event.?none.?at.orValue(5) == 5", "skipped"),
        ("participant.counters.visits > 0", "not_matched"),
        ("participant.counters.visits == 0", "matched"),
        ("has(participant.counters.visits)", "not_matched"),
        ("event.nothing > 5 || event.amount > 5", "skipped"),
        ("event.many.exists(x, event.nothing > x)", "skipped"),
        ("event.nothing > 5 || event.amount > 4", "matched"),
        ("event.nothing > 5 && event.amount > 5", "not_matched"),
        ("event.word > 5", "failed"),
        ("event.word", "failed"),
        ("int(event.word) == 1", "failed"),
        ("event.amount / (event.amount - 5) == 1", "failed"),
        ("event.amount + event.word == 1", "failed"),
        ("timestamp(event.word) < now", "failed"),
        ("now.getHours(event.word) == 1", "failed"),
        ("event.word.matches(event.word + '(')", "failed"),
        ("event.many.map(x, event.word)[0] > 1", "failed"),
        (GREEDY, "failed"),
    ],
)
def test_a_condition_skips_or_fails_its_rule_and_nothing_else(condition: str, outcome: str) -> None:
    ana = somebody()

    done = run(
        ana,
        a_rule(credit("5")),
        a_rule(tag("bad"), condition=condition, stop_after_match=outcome != "matched"),
        a_rule(tag("after")),
        data=MANY,
    )

    assert (done.status, done.failure) == ("COMPLETED", None)
    assert outcomes(done) == ["matched", outcome, "matched"]
    assert len(done.failed_rules) == (outcome == "failed")
    assert bool(done.rule_evaluations[1]["reason"]) is (outcome != "matched")
    assert ana.person.tags == (["bad", "after"] if outcome == "matched" else ["after"])
    assert amounts(ana) == ("5", "0", "0")


@pytest.mark.parametrize(
    ("action", "code"),
    [
        (credit("event.nothing"), "evaluation_failed"),
        (credit("event.nothing.at.all * 2"), "evaluation_failed"),
        (credit("participant.attributes.rate * 2"), "evaluation_failed"),
        (credit("event.amount / (event.amount - 5)"), "evaluation_failed"),
        (credit("event.word"), "evaluation_failed"),
        (credit("event.none"), "evaluation_failed"),
        (credit("event.amount * event.none"), "evaluation_failed"),
        (credit("event.?none.?at.orValue(5)"), "evaluation_failed"),
        (credit(f"{GREEDY} ? 1 : 2"), "budget_exceeded"),
        (credit("event.amount * -1"), "validation_failed"),
        (move("DEBIT", "0 - event.amount"), "validation_failed"),
        (credit("101", asset=CAPPED), "max_transaction_exceeded"),
        (credit("event.amount * 99999999999999999999.0"), "amount_out_of_range"),
        (credit("1", asset=FOREIGN), "asset_not_linked"),
        (count("event.nothing"), "evaluation_failed"),
        (count("event.amount * 99999999999999999999.0"), "amount_out_of_range"),
        (count("event.word"), "evaluation_failed"),
        (set_attribute("event.nothing"), "evaluation_failed"),
        (set_attribute("event.long"), "validation_failed"),
        (set_attribute("event.many"), "validation_failed"),
        (set_attribute("'x'", "one more"), "validation_failed"),
        (tag("one more"), "validation_failed"),
        ({"type": "SET_TIER", "tier": "club", "level": "iron"}, "not_found"),
        ({"type": "SET_TIER", "tier": "shop", "level": "gold"}, "not_found"),
    ],
)
def test_an_action_fails_its_rule_alone_and_what_the_rule_did_is_taken_back(
    action: dict[str, Any], code: str
) -> None:
    attributes = {f"k{n}": n for n in range(99)} | {"k": 1}
    ana = somebody(available="10", tags=[f"t{n}" for n in range(99)], attributes=attributes)
    earlier, later = a_rule(credit("1"), tag("t99")), a_rule(credit("2"))
    track = a_track(a_level("silver", 1, ("spent", ">=", "1")))
    one = deepcopy(ana)
    run(one, earlier, later)

    outcome = run(
        ana,
        earlier,
        a_rule(credit("100"), count("5", "spent"), action, tag("t1"), stop_after_match=True),
        later,
        data={**MANY, "long": "x" * 1001},
        tracks=(track,),
    )

    assert (outcome.status, outcome.tier_changes) == ("COMPLETED", [])
    assert outcomes(outcome) == ["matched", "failed", "matched"]
    assert outcome.rule_evaluations[1]["reason"].startswith(f"{action['type']}: ")
    credited, counted, refused = outcome.rule_evaluations[1]["actions"]
    assert credited["undone"] is counted["undone"] is True
    assert "journal_entry_id" not in credited
    assert refused["error"]["code"] == code
    assert "undone" not in outcome.rule_evaluations[0]["actions"][0]
    # Entries have ids of their own and hashes over them; all else is as if the rule had not been there.
    assert ana.person == one.person
    assert ana.book.amounts == one.book.amounts
    assert [entry.amount for entry in ana.book.entries] == [1, 2]
    assert [entry.sequence for entry in ana.book.entries] == [6, 7]


def test_later_rules_see_nothing_of_one_that_failed() -> None:
    ana = somebody()

    outcome = run(
        ana,
        a_rule(credit("7"), count("7"), tag("x"), credit("event.nothing")),
        a_rule(credit("1"), condition="participant.balances.PTS.available == 0"),
        a_rule(tag("none"), condition="participant.tags == []"),
    )

    assert outcomes(outcome) == ["failed", "matched", "matched"]
    assert amounts(ana) == ("1", "0", "0")


@pytest.mark.parametrize("failing", [1, 2, 5])
def test_a_rule_that_fails_the_event_after_others_failed_leaves_everything_as_it_was(
    failing: int,
) -> None:
    """The same state is gone back to again and again."""
    ana = somebody(available="10", tags=["a"])
    before = deepcopy((ana.person, ana.book))
    bad = [a_rule(credit("1"), tag("b"), credit("event.nothing")) for _ in range(failing)]

    outcome = run(ana, *bad, a_rule(credit("2"), tag("c")), a_rule(move("DEBIT", "100")))

    assert (outcome.status, outcome.failed_rules) == ("FAILED", [])
    assert outcomes(outcome) == [*["failed"] * failing, "matched", "failed"]
    assert all(each.get("undone") or "error" in each for each in effects(outcome))
    assert (ana.person, ana.book) == before


@pytest.mark.parametrize("broken", ["condition", "actions"])
def test_a_rule_that_no_longer_compiles_fails_alone(broken: str) -> None:
    """It was written for another version of the language. It must not count as one that matched and had nothing to do."""
    ana = somebody()
    fields: dict[str, Any] = {"condition": "true", "actions": [credit("event.amount * 1")]}
    if broken == "condition":
        fields["condition"] = "event.amount ="
    else:
        fields["actions"] = [credit("event.amount *")]
    old = compile_rule(Rule(program_id=PROGRAM, name="Old", stop_after_match=True, **fields))

    outcome = run(ana, old, a_rule(tag("after")))

    assert (outcome.status, outcome.failed_rules) == ("COMPLETED", [old.id])
    assert outcomes(outcome) == ["failed", "matched"]
    assert "no longer compiles" in outcome.rule_evaluations[0]["reason"]


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
    ana.book.maturities[EVENT] = Maturity(
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
