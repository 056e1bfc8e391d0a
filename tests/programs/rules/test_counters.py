"""A member that the environment gives a value where it is absent: a counter that does not exist is 0."""

from decimal import Decimal
from typing import Any

import pytest

from programs import rules
from programs.rulebook.vocabulary import ENVIRONMENT
from programs.rules import Decision, Environment, MissingField
from programs.rules.kinds import NUMBER, map_of

FACTS: dict[str, Any] = {
    "event": {"key": "visits", "other": "orders", "counters": {}},
    "participant": {"counters": {"visits": Decimal(9), "zero": Decimal(0)}},
}


@pytest.mark.parametrize("shortcuts", [True, False])
@pytest.mark.parametrize(
    ("text", "value"),
    [
        # Read directly.
        ("participant.counters.visits", 9),
        ("participant.counters.orders", 0),
        ('participant.counters["orders"]', 0),
        ("participant.counters.`orders-2026`", 0),
        ("participant.counters[event.key]", 9),
        ("participant.counters[event.other]", 0),
        ('participant["counters"].orders', 0),
        ("participant.counters.orders == 0", True),
        ("participant.counters.orders != 0", False),
        ("participant.counters.orders < 3", True),
        ("participant.counters.orders * 2 + 1", 1),
        ("round(participant.counters.orders, 2)", 0),
        ("participant.counters.visits + participant.counters.orders", 9),
        ("participant.counters.orders in [0]", True),
        ("(participant.counters).orders", 0),
        ("cel.bind(c, participant.counters, c.visits + c.orders)", 9),
        ("cel.bind(p, participant, p.counters.orders)", 0),
        ('["visits", "orders"].map(k, participant.counters[k])', [9, 0]),
        ("[participant].exists(p, p.counters.orders == 0)", True),
        # What is stored.
        ("has(participant.counters.orders)", False),
        ("has(participant.counters.zero)", True),
        ('"orders" in participant.counters', False),
        ('"zero" in participant.counters', True),
        ("participant.counters.size()", 2),
        ("size(participant.counters)", 2),
        ('get(participant.counters, "orders", 7)', 7),
        ('get(participant.counters, "zero", 7)', 0),
        ("participant.counters.?orders.orValue(7)", 7),
        ("participant.counters.?zero.orValue(7)", 0),
        ("participant.counters[?event.other].hasValue()", False),
        ("cel.bind(c, participant.counters, c.?orders.hasValue())", False),
        ("participant.counters.all(k, k in ['visits', 'zero'])", True),
        ("participant.counters.map(k, participant.counters[k])", [9, 0]),
        ("participant.counters.transformMap(k, v, v + 1)", {"visits": 10, "zero": 1}),
        ("participant.counters == {'visits': 9, 'zero': 0}", True),
        ("participant.?counters.orders.hasValue()", False),
    ],
)  # fmt: skip
def test_a_counter_that_does_not_exist_is_zero_where_it_is_read(
    text: str, value: Any, shortcuts: bool
) -> None:
    got = rules.compile(text, ENVIRONMENT, shortcuts=shortcuts).evaluate(FACTS)

    assert (got, type(got) is bool) == (value, type(value) is bool)


@pytest.mark.parametrize(
    "text",
    ["event.counters.visits", "participant.balances.PTS.available", "participant.attributes.plan"],
)
def test_what_else_the_facts_lack_is_missing(text: str) -> None:
    with pytest.raises(MissingField):
        rules.compile(text, ENVIRONMENT).evaluate({**FACTS, "participant": {"attributes": {}}})


def test_facts_without_any_counters_have_no_counter() -> None:
    expression = rules.compile("participant.counters.orders", ENVIRONMENT)

    with pytest.raises(MissingField, match=r"^participant\.counters is missing\.$"):
        expression.evaluate({"participant": {}})


def test_the_reason_tells_what_the_rule_saw() -> None:
    def reason(text: str) -> Decision:
        return rules.compile(text, ENVIRONMENT, "bool").decide(FACTS)

    assert reason("participant.counters.orders > 3") == Decision(
        False, "participant.counters.orders > 3 is false: it is 0"
    )
    assert reason('get(participant.counters, "orders", 2) > 3') == Decision(
        False,
        'get(participant.counters, "orders", 2) > 3 is false: it is 2, participant.counters.orders is missing',
    )


@pytest.mark.parametrize("shortcuts", [True, False])
def test_a_host_declares_what_is_absent_where_it_likes(shortcuts: bool) -> None:
    environment = Environment({"stock": map_of(NUMBER, absent=Decimal(5))})

    for text, value in (
        ("stock.tea", 5),
        ("stock.tea > 4", True),
        ("stock.tea * 2", 10),
        ("stock.cup", 1),
        ("'tea' in stock", False),
    ):
        expression = rules.compile(text, environment, shortcuts=shortcuts)
        assert expression.evaluate({"stock": {"cup": Decimal(1)}}) == value
