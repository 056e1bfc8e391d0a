"""Whether a rule matched, and why not: its false parts with the values they saw."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from programs import rules
from programs.rulebook import vocabulary
from programs.rules import BudgetExceeded, Decision, Environment, EvaluationError, MissingField
from programs.rules.kinds import ANY, map_of

FACTS: dict[str, Any] = {
    "event": {"type": "purchase", "amount": Decimal(20), "coupon": None, "items": [{"qty": 1}, {"qty": 3}], "vip": False, "sku": "B-1",
        "when": "2026-01-15T08:00:00Z", "prices": [Decimal(1), Decimal(5), Decimal(9)], "nothing": [],
        "lines": [{"sku": "A", "price": Decimal(20)}, {"sku": "B", "price": Decimal(120)}, {"sku": "C"}],
    },
    "participant": {
        "tags": ["new"],
        "attributes": {"plan": "free"},
        "balances": {"PTS": {"available": Decimal("5.00")}},
        "counters": {"visits": Decimal(2)},
    },
    "now": datetime(2026, 1, 15, 10, 30, tzinfo=UTC),
}  # fmt: skip


def decide(text: str) -> Decision:
    return vocabulary.compile(text, result="bool").decide(FACTS)


def test_a_condition_that_holds_matches() -> None:
    assert decide('event.type == "purchase" && event.amount > 10') == Decision(True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("event.amount > 50", "event.amount > 50 is false: it is 20"),
        (
            'event.type == "purchase" && event.amount > 50 && "vip" in participant.tags',
            'event.amount > 50 is false: it is 20; "vip" in participant.tags is false: participant.tags is ["new"]',
        ),
        (
            '(event.amount > 50 || participant.attributes.plan == "premium")',
            '(event.amount > 50 || participant.attributes.plan == "premium") is false'
            ': event.amount is 20, participant.attributes.plan is "free"',
        ),
        ("has(event.discount)", "has(event.discount) is false: event.discount is missing"),
        ("!has(event.coupon)", "!has(event.coupon) is false: event.coupon is null"),
        (
            "event.items.exists(i, i.qty > event.amount)",
            'event.items.exists(i, i.qty > event.amount) is false: none of 2 in event.items (i.qty is 1, 3; event.amount is 20)',
        ),
        ("participant.balances.PTS.available >= 10", "participant.balances.PTS.available >= 10 is false: it is 5"),
        ("event.amount < event.amount", "event.amount < event.amount is false: event.amount is 20"),
        ("1 > 2", "1 > 2 is false"),
        ('now.getDayOfWeek("Europe/Berlin") == 6', 'now.getDayOfWeek("Europe/Berlin") == 6 is false: it is 4'),
        ("50 < event.amount", "50 < event.amount is false: event.amount is 20"),
        ("event.amount > participant.counters.visits * 20", "event.amount > participant.counters.visits * 20 is false: event.amount is 20, participant.counters.visits * 20 is 40"),
        ("event.type in ['a', 'b']", "event.type in ['a', 'b'] is false: it is \"purchase\""),
        ("event.amount == null", "event.amount == null is false: it is 20"),
        ('!("new" in participant.tags)', '!("new" in participant.tags) is false: participant.tags is ["new"]'),
        ("size(event.items) > 2", "size(event.items) > 2 is false: it is 2"),
        ("now - timestamp(event.when) <= duration('2h')", "now - timestamp(event.when) <= duration('2h') is false: it is duration(\"9000s\")"),
        ("event.sku.startsWith('A')", "event.sku.startsWith('A') is false: event.sku is \"B-1\""),
        ("event.vip", "event.vip is false"),
        ("event.vip || event.amount > 50", "event.vip || event.amount > 50 is false: event.vip is false, event.amount is 20"),
        ("event.amount > 5 ? event.vip : true", "event.amount > 5 ? event.vip : true is false: event.amount is 20, event.vip is false"),
        ("cel.bind(x, event.amount, x > 50)", "cel.bind(x, event.amount, x > 50) is false: event.amount is 20"),
        # Of lists, the item that decided.
        ("event.lines.exists(l, has(l.price) && l.price > 1000)", "event.lines.exists(l, has(l.price) && l.price > 1000) is false: none of 3 in event.lines (l.price is 20, 120, missing)"),
        ("event.lines.all(l, l.price < 100)", "event.lines.all(l, l.price < 100) is false: event.lines[1]: l.price is 120"),
        ("event.lines.all(l, l.price < event.amount * 2)", "event.lines.all(l, l.price < event.amount * 2) is false: event.lines[1]: l.price is 120, event.amount * 2 is 40"),
        ("!event.lines.exists(l, l.price > 100)", "!event.lines.exists(l, l.price > 100) is false: event.lines[1]: l.price is 120"),
        ("!event.items.all(i, i.qty > 0)", "!event.items.all(i, i.qty > 0) is false: 2 of 2 in event.items (i.qty is 1, 3)"),
        ("event.prices.all(p, p < 5)", "event.prices.all(p, p < 5) is false: event.prices[1] is 5"),
        ("event.prices.filter(p, p > 1).all(p, p > 5)", "event.prices.filter(p, p > 1).all(p, p > 5) is false: event.prices.filter(p, p > 1)[0] is 5"),
        ("event.prices.exists_one(p, p < 6)", "event.prices.exists_one(p, p < 6) is false: 2 of 3 in event.prices (p is 1, 5, 9)"),
        ("event.nothing.exists(x, x > 1)", "event.nothing.exists(x, x > 1) is false: event.nothing is empty"),
        ("event.lines.all(l, l.sku.startsWith('A'))", "event.lines.all(l, l.sku.startsWith('A')) is false: event.lines[1]: l.sku is \"B\""),
        ("event.lines.all(l, has(l.price))", "event.lines.all(l, has(l.price)) is false: event.lines[2] is {\"sku\": \"C\"}"),
        ("participant.attributes.all(k, k == 'x')", "participant.attributes.all(k, k == 'x') is false: participant.attributes[\"plan\"] is \"plan\""),
        ("[1, 2].exists(x, x == event.amount)", "[1, 2].exists(x, x == event.amount) is false: none of 2 in [1, 2] (x is 1, 2; event.amount is 20)"),
        # What is false says more than what could not be known.
        ("event.discount > 5 && event.amount > 50", "event.amount > 50 is false: it is 20"),
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
        ("5 / (event.amount - 20) > 1", "5 / (event.amount - 20) > 1: Division by zero"),
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
    assert "event.b == '1' is false: it is \"yyyyyyyyyy" in decision.reason


@pytest.mark.parametrize(
    "text",
    [
        "customer.email == 'x'", "customer.email.lowerAscii() == 'x'", "'x' == customer['email']", "customer.exists(k, k == 'x')",
        "customer.name.first.startsWith('B')", "[customer.email].exists(e, e == 'x')", "['x'].exists(e, e == customer.email)",
        "customer == {}", "has(customer.email) && customer.email > 'z'", "cel.bind(e, customer.email, e == 'x')",
    ],
)  # fmt: skip
def test_no_reason_shows_what_is_private(text: str) -> None:
    private = Environment(
        {"customer": map_of(ANY)}, private=frozenset(["customer.email", "customer.name"])
    )
    facts = {"customer": {"email": "ana@example.com", "name": {"first": "ana@example.com"}}}

    decision = rules.compile(text, private, "bool").decide(facts)

    assert not decision.matched
    assert decision.reason.startswith(text.rpartition(" && ")[2] + " is false")
    assert "ana@" not in decision.reason


def test_what_an_expression_reads_is_known() -> None:
    text = 'event.amount > 1 && event.items.exists(i, i.qty > participant.counters.visits) && has(event["order-id"])'

    assert vocabulary.compile(text).reads == (
        "event.amount",
        "event.items",
        "participant.counters.visits",
        'event["order-id"]',
    )
