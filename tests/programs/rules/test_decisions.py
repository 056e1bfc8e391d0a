"""Whether a rule matched, and why not: its false parts with the values they saw."""

from decimal import Decimal
from typing import Any

import pytest

from programs.rulebook import vocabulary
from programs.rules import BudgetExceeded, Decision, EvaluationError, MissingField

FACTS: dict[str, Any] = {
    "event": {"type": "purchase", "amount": Decimal(20), "coupon": None, "items": [{"qty": 1}, {"qty": 3}]},
    "participant": {
        "tags": ["new"],
        "attributes": {"plan": "free"},
        "balances": {"PTS": {"available": Decimal("5.00")}},
    },
}  # fmt: skip


def decide(text: str) -> Decision:
    return vocabulary.compile(text, result="bool").decide(FACTS)


def test_a_condition_that_holds_matches() -> None:
    assert decide('event.type == "purchase" && event.amount > 10') == Decision(True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("event.amount > 50", "event.amount > 50 is false (event.amount is 20)"),
        (
            'event.type == "purchase" && event.amount > 50 && "vip" in participant.tags',
            'event.amount > 50 is false (event.amount is 20); "vip" in participant.tags is false (participant.tags is ["new"])',
        ),
        (
            '(event.amount > 50 || participant.attributes.plan == "premium")',
            '(event.amount > 50 || participant.attributes.plan == "premium") is false'
            ' (event.amount is 20, participant.attributes.plan is "free")',
        ),
        ("has(event.discount)", "has(event.discount) is false (event.discount is missing)"),
        ("!has(event.coupon)", "!has(event.coupon) is false (event.coupon is null)"),
        (
            "event.items.exists(i, i.qty > event.amount)",
            'event.items.exists(i, i.qty > event.amount) is false (event.items is [{"qty": 1}, {"qty": 3}], event.amount is 20)',
        ),
        ("participant.balances.PTS.available >= 10", "participant.balances.PTS.available >= 10 is false (participant.balances.PTS.available is 5)"),
        ("event.amount < event.amount", "event.amount < event.amount is false (event.amount is 20)"),
        ("1 > 2", "1 > 2 is false"),
        # What is false says more than what could not be known.
        ("event.discount > 5 && event.amount > 50", "event.amount > 50 is false (event.amount is 20)"),
    ],
)  # fmt: skip
def test_the_false_parts_are_named_with_what_they_saw(text: str, reason: str) -> None:
    assert decide(text) == Decision(False, reason)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("event.discount == 0", "event.discount is missing"),
        ("event.discount != 0", "event.discount is missing"),
        ("!(event.discount == 0)", "event.discount is missing"),
        ("event.order.total > 5", "event.order is missing"),
        ("event.amount > 5 && program.name == 'Club'", "program is missing"),
        ("event.items[2].qty > 1", "event.items[2] is missing: the list has 2 elements"),
        ('event["order-id"] == "x"', 'event["order-id"] is missing'),
        ("event.a == 1 && event.b == 2", "event.a is missing; event.b is missing"),
    ],
)
def test_a_missing_field_makes_a_condition_false_with_a_reason(text: str, reason: str) -> None:
    decision = decide(text)

    assert (decision.matched, decision.reason) == (False, reason)
    assert isinstance(decision.failure, MissingField)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("event.type > 5", "event.type > 5: Cannot compare text with a number"),
        ("event.amount / 0 > 1", "event.amount / 0 > 1: Division by zero"),
        ("event.amount", "event.amount: A condition takes true or false, not a number"),
        ("event.type.qty == 1", 'event.type.qty == 1: event.type: text has no field "qty"'),
    ],
)
def test_a_part_in_error_says_what_went_wrong(text: str, reason: str) -> None:
    decision = decide(text)

    assert (decision.matched, decision.reason) == (False, reason)
    assert type(decision.failure) is EvaluationError


def test_a_condition_that_takes_too_long_says_so() -> None:
    facts = {"event": {"many": list(range(1000))}}

    decision = vocabulary.compile("event.many.all(x, event.many.all(y, true))").decide(facts)

    assert not decision.matched
    assert decision.reason == "The rule takes too many steps."
    assert isinstance(decision.failure, BudgetExceeded)


def test_a_reason_is_short_whatever_it_saw() -> None:
    shared: list[Any] = ["x" * 100_000]
    for _ in range(40):
        shared = [shared, shared]
    facts = {"event": {"a": shared, "b": "y" * 900_000, "c": {"k": ["z"] * 50_000}}}
    text = " && ".join(["event.b == '1' && event.c.k[0] == '2'"] * 40)

    decision = vocabulary.compile(text).decide(facts)

    assert not decision.matched
    assert len(decision.reason) <= 1000
    assert 'event.b is "yyyyyyyyyy' in decision.reason


def test_what_an_expression_reads_is_known() -> None:
    text = 'event.amount > 1 && event.items.exists(i, i.qty > participant.counters.visits) && has(event["order-id"])'

    assert vocabulary.compile(text).reads == (
        "event.amount",
        "event.items",
        "participant.counters.visits",
        'event["order-id"]',
    )
