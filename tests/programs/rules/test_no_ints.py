"""No int of Python's is ever a value of the language: "Cannot add a Python int and a number" would be the next error."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import pytest

from programs import rules
from programs.rulebook.reference import EXAMPLES, FORMS, WORKED_RULES, changed_facts
from programs.rulebook.vocabulary import ENVIRONMENT
from programs.rules import EvaluationError, RuleSyntaxError, TypeName
from programs.rules.budget import new_run
from programs.rules.functions import FUNCTIONS, Function
from programs.rules.kinds import WHOLE
from programs.rules.values import NONE, Optional

TYPES = {Decimal, bool, str, bytes, type(None), datetime, timedelta, TypeName, list, dict, Optional}
SAMPLES: dict[str, list[Any]] = {
    "number": [Decimal(3), Decimal("-2.5")],
    "whole": [0, 2],  # which the implementation gets as an int
    "string": [
        "3",
        "a,b",
        "2026-01-15",
        "2026-01-15T10:30:00Z",
        "90m",
        "true",
        "%d %s",
        "Europe/Berlin",
    ],
    "bytes": [b"YQ=="],
    "bool": [True, False],
    "list": [[Decimal(3), Decimal(1)], ["a", "b"], [True], []],
    "map": [{"a": Decimal(1)}, {Decimal(2): "b"}],
    "timestamp": [datetime(2026, 1, 15, 10, 30, tzinfo=UTC)],
    "duration": [timedelta(hours=1, milliseconds=5)],
    "optional_type": [NONE, Optional(Decimal(3))],
}
SAMPLES["any"] = [each for name, samples in SAMPLES.items() if name != "whole" for each in samples]
EXPRESSIONS = [
    *((form.example, {}) for form in FORMS),
    *((example.text, example.changed) for example in EXAMPLES),
    *((rule.condition, rule.changed) for rule in WORKED_RULES),
    *((action.expression or "true", rule.changed) for rule in WORKED_RULES for action in rule.actions),
]  # fmt: skip


def strangers(value: Any) -> Iterator[Any]:
    """The parts of the value that are of no type of the language."""
    if type(value) not in TYPES:
        yield value
    if type(value) is Optional:
        yield from strangers(value.value if value.has_value else None)
    for part in value if type(value) is list else ():
        yield from strangers(part)
    for key, part in value.items() if type(value) is dict else ():
        yield from (*strangers(key), *strangers(part))


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_no_function_gives_an_int(function: Function) -> None:
    tried = 0
    for signature in function.signatures:
        for arguments in product(*(SAMPLES[each.name] for each in signature.parameters)):
            try:
                value = function.implementation(new_run(0), *arguments)
            except EvaluationError:
                continue
            tried += 1
            assert [*strangers(value)] == [], (signature.text, arguments)
    assert tried
    assert all(signature.result is not WHOLE for signature in function.signatures)


@pytest.mark.parametrize("shortcuts", [True, False])
@pytest.mark.parametrize(("text", "changed"), EXPRESSIONS)
def test_no_example_gives_an_int(text: str, changed: Any, shortcuts: bool) -> None:
    # In a list, so that nothing of it is prepared for the caller.
    try:
        expression = rules.compile(f"[{text}\n]", ENVIRONMENT, shortcuts=shortcuts)
        value = expression.evaluate(changed_facts(changed))
    except (EvaluationError, RuleSyntaxError):
        return
    assert [*strangers(value)] == []


@pytest.mark.parametrize("shortcuts", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        "event.n", "event['n']", "event.list", "event.list[0]", "event.list[1].n", "event.map", "event.map.n", "event",
        "event.map[1]", "event.map[1.0]", "get(event, 'n', 0)", "get(event.map, 'n', 0)", "get(event.map, 1, 0)",
        "-event.n", "event.n + 1", "true ? event.n : 0", "[event.n]", "{'a': event.n}", "{event.n: 1}", "dyn(event.n)",
        "event.list.map(x, x)", "event.list.filter(x, true)", "event.list.transformList(i, x, [i, x])",
        "event.list.transformMap(i, x, [i, x])", "event.list.transformMapEntry(i, x, {i: x})", "event.map.map(k, k)",
        "event.map.filter(k, true)", "event.map.transformList(k, v, [k, v])", "event.map.transformMap(k, v, [k, v])",
        "event.map.transformMapEntry(k, v, {k: v})", "cel.bind(x, event.n, x)", "cel.bind(x, event.list, x[0])",
        "cel.bind(x, event.map, x.map(k, k))", "event.list + event.list", "event.list == [1, {'n': 2}] ? event.list : []",
        "math.abs(event.n)", "round(event.n, 0)", "round(event.n, event.digits)", "min(event.n, 7)", "max([event.n, 7])",
        "event.list.exists(x, x == 1) ? event.n : 0", "[1, 2, 3][event.digits]", "'%d'.format([event.n])", "type(event.n)",
    ],
)  # fmt: skip
def test_no_int_of_the_facts_stays_one(text: str, shortcuts: bool) -> None:
    event = {"n": 5, "digits": 2, "list": [1, {"n": 2}], "map": {"n": 1, 1: 2, False: 3}}
    for environment in (ENVIRONMENT, None):
        expression = rules.compile(f"[{text}]", environment, shortcuts=shortcuts)
        assert [*strangers(expression.evaluate({"event": event}))] == []
