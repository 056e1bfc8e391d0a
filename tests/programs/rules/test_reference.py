"""Every example of the documentation gives what the documentation says."""

import pytest

from programs import rules
from programs.rules import EvaluationError
from programs.rules.budget import new_run
from programs.rules.functions import FUNCTIONS, Function
from programs.rules.reference import DESCRIBED, EXAMPLES, FACTS, FORMS, Example, Form
from programs.rules.values import equal, written


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_functions_example_gives_its_value(function: Function) -> None:
    value = rules.compile(function.example).evaluate(dict(FACTS))

    assert equal(value, rules.compile(function.gives).evaluate({}), new_run(0)), written(value)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.written)
def test_an_operators_or_macros_example_gives_its_value(form: Form) -> None:
    assert written(rules.compile(form.example).evaluate(dict(FACTS))) == form.gives


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
def test_a_worked_rule_does_what_it_says(example: Example) -> None:
    facts = {**FACTS, "event": {**FACTS["event"], **example.changed}}
    expression = rules.compile(example.text, result=example.result)

    try:
        assert written(expression.evaluate(facts)) == example.gives
    except EvaluationError:
        assert expression.decide(facts).reason == example.gives


@pytest.mark.parametrize("path", [each.path for each in DESCRIBED])
def test_a_described_variable_is_one(path: str) -> None:
    assert rules.compile(path).evaluate(dict(FACTS)) is not None


def test_every_function_and_macro_of_the_contract_is_there() -> None:
    named = (
        "contains startsWith endsWith matches size lowerAscii upperAscii trim split replace substring indexOf charAt"
        " join timestamp duration int double string bool type sets.contains sets.intersects sets.equivalent math.least"
        " math.greatest math.abs math.ceil math.floor math.round round min max get getFullYear getMonth getDate"
        " getDayOfMonth getDayOfYear getDayOfWeek getHours getMinutes getSeconds getMilliseconds"
    )
    assert [name for name in named.split() if name not in FUNCTIONS] == []
