"""Shortcuts change how long an expression takes, and nothing that it gives."""

from decimal import Decimal
from typing import Any

import pytest

from programs import rules
from programs.rulebook.reference import EXAMPLES, FORMS, WORKED_RULES, changed_facts
from programs.rulebook.vocabulary import ENVIRONMENT
from programs.rules import Decision, EvaluationError, RuleSyntaxError
from programs.rules.functions import FUNCTIONS
from programs.rules.values import written

# What shortcuts serve, and what they leave to the plain closures: other types, nothing, too much.
USUAL = [
    'event.a == "x"', 'event.a.b == "x"', "event.a == 5", "event.a != 5", "event.a == true", "event.a != null",
    "event.a > 5", "event.a <= 5.5", "5 < event.a", "event.a * 2", "event.a * 0.015", "event.a + 1", "event.a * event.a",
    '"x" in event.a', "event.a in [5, 6]", "round(event.a, 2)", "round(event.a * 0.015, 1)", "round(event.a, -2)",
    "math.floor(event.a)", "string(event.a)", "size(event.a)", "event.a", "event.a[0] == 5", "event.a == b'x'",
]  # fmt: skip
VALUES = [
    "x", "", 5, "5", True, False, None, [], ["x"], [5, "x"], ["y"] * 20, {}, {"b": "x"}, {"b": 5}, {"x": 1}, 5.5,
    Decimal(5), Decimal("5.0"), Decimal("99.5"), Decimal("NaN"), Decimal("1e999"), Decimal("1e2000"), Decimal(0),
]  # fmt: skip
EXPRESSIONS = [
    *((function.example, {}) for function in FUNCTIONS.values()),
    *((form.example, {}) for form in FORMS),
    *((example.text, example.changed) for example in EXAMPLES),
    *((rule.condition, rule.changed) for rule in WORKED_RULES),
    *((rule.condition, rule.otherwise) for rule in WORKED_RULES),
    *((action.expression or "true", rule.changed) for rule in WORKED_RULES for action in rule.actions),
]  # fmt: skip


def outcome(text: str, facts: dict[str, Any], *, shortcuts: bool) -> tuple[str, Decision | None]:
    try:
        expression = rules.compile(text, ENVIRONMENT, shortcuts=shortcuts)
    except RuleSyntaxError as error:
        return str(error), None
    decision = expression.decide(facts)
    # A failure compares by identity; the reason tells the same.
    told = Decision(decision.matched, decision.reason)
    try:
        return written(expression.evaluate(facts), 10_000), told
    except EvaluationError as error:
        return f"{type(error).__name__}: {error}", told


@pytest.mark.parametrize(("text", "changed"), EXPRESSIONS)
def test_every_example_gives_the_same_without_shortcuts(text: str, changed: Any) -> None:
    facts = changed_facts(changed)

    assert outcome(text, facts, shortcuts=True) == outcome(text, facts, shortcuts=False)


@pytest.mark.parametrize("text", USUAL)
def test_no_value_that_an_event_may_have_is_treated_differently(text: str) -> None:
    some_facts: list[dict[str, Any]] = [{"event": {}}, {}, {"event": 5}]
    for facts in some_facts + [{"event": {"a": value}} for value in VALUES]:
        assert outcome(text, facts, shortcuts=True) == outcome(text, facts, shortcuts=False)
