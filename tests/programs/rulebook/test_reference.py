"""Every example of the documentation gives what the documentation says."""

from typing import Any

import pytest

from programs.rulebook import vocabulary
from programs.rulebook.actions import ACTION_TYPES
from programs.rulebook.reference import (
    EXAMPLES,
    FACTS,
    FORMS,
    LIMITS,
    VARIABLES,
    WORKED_RULES,
    Action,
    Ending,
    Example,
    Form,
    Limit,
    WorkedRule,
    changed_facts,
)
from programs.rules import Decision, EvaluationError, RuleSyntaxError
from programs.rules.budget import new_run
from programs.rules.expression import Result
from programs.rules.functions import FUNCTIONS, Function
from programs.rules.functions.table import DOCUMENTATION
from programs.rules.macros import MACROS
from programs.rules.paths import spelled
from programs.rules.values import equal, written


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_functions_example_gives_its_value(function: Function) -> None:
    value = vocabulary.compile(function.example).evaluate(dict(FACTS))

    assert equal(value, vocabulary.compile(function.gives).evaluate({}), new_run(0)), written(value)


def test_nothing_else_is_documented_as_a_function() -> None:
    assert DOCUMENTATION.keys() == FUNCTIONS.keys()


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.written)
def test_an_operators_or_macros_example_gives_its_value(form: Form) -> None:
    assert written(vocabulary.compile(form.example).evaluate(dict(FACTS))) == form.gives


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
def test_an_example_comes_out_as_it_says(example: Example) -> None:
    facts = changed_facts(example.changed)

    assert outcome(example.text, example.result, facts) == (example.ending, example.gives)


@pytest.mark.parametrize("rule", WORKED_RULES, ids=lambda rule: rule.name)
def test_a_worked_rule_matches_when_it_says_so(rule: WorkedRule) -> None:
    condition = vocabulary.compile(rule.condition, result="bool")

    assert condition.decide(changed_facts(rule.changed)) == Decision(True)
    assert condition.decide(changed_facts(rule.otherwise)) == Decision(False, rule.reason)


WORKED_ACTIONS = [
    pytest.param(rule, action, id=f"{rule.name}-{place}")
    for rule in WORKED_RULES
    for place, action in enumerate(rule.actions)
]


@pytest.mark.parametrize(("rule", "action"), WORKED_ACTIONS)
def test_a_worked_rules_action_gives_what_it_says(rule: WorkedRule, action: Action) -> None:
    if not action.expression:
        assert not action.gives
        return
    result: Result | None = None if action.type == "SET_ATTRIBUTE" else "number"

    assert outcome(action.expression, result, changed_facts(rule.changed)) == (
        Ending.VALUE,
        action.gives,
    )


@pytest.mark.parametrize(("rule", "action"), WORKED_ACTIONS)
def test_a_worked_rules_action_says_what_such_actions_may_say(
    rule: WorkedRule, action: Action
) -> None:
    declared = ACTION_TYPES[action.type]
    # An asset is named by its symbol where a person reads it.
    said = ["asset_id" if name == "asset" else name for name in action.says]

    assert {*said} <= {*declared.fields}
    assert {name for name, field in declared.fields.items() if field.required} <= {*said}
    assert declared.either is None or len({*declared.either} & {*said}) == 1


def test_the_worked_rules_use_every_action() -> None:
    used = {action.type for rule in WORKED_RULES for action in rule.actions}

    assert used == {*ACTION_TYPES}


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.subject)
def test_what_goes_beyond_a_limit_is_refused(limit: Limit) -> None:
    came, said = outcome(limit.beyond, None, dict(FACTS))

    assert came is not Ending.VALUE
    assert said == limit.says


def outcome(text: str, result: Result | None, facts: dict[str, Any]) -> tuple[Ending, str]:
    try:
        return Ending.VALUE, written(vocabulary.compile(text, result=result).evaluate(facts))
    except RuleSyntaxError as error:
        return Ending.REFUSED, error.message
    except EvaluationError as error:
        return Ending.NO_VALUE, str(error)


@pytest.mark.parametrize("path", [each.path for each in VARIABLES])
def test_a_described_variable_is_one(path: str) -> None:
    assert vocabulary.compile(path).evaluate(dict(FACTS)) is not None


def test_every_function_and_macro_of_the_contract_is_there() -> None:
    named = (
        "contains startsWith endsWith matches size lowerAscii upperAscii trim split replace substring indexOf charAt"
        " join timestamp duration int double string bool type sets.contains sets.intersects sets.equivalent math.least"
        " math.greatest math.abs math.ceil math.floor math.round round min max get getFullYear getMonth getDate"
        " orValue hasValue optional.of optional.none getDayOfMonth getDayOfYear getDayOfWeek getHours getMinutes getSeconds getMilliseconds"
        " sum sort distinct first last flatten slice reverse date startOfDay startOfWeek startOfMonth startOfQuarter"
        " startOfYear endOfDay endOfWeek endOfMonth endOfQuarter endOfYear addDays addMonths addYears daysBetween age"
    )
    assert [name for name in named.split() if name not in FUNCTIONS] == []
    assert ("sortBy", 2) in MACROS


def test_a_path_is_spelled_as_the_grammar_reads_it() -> None:
    for name in ("in", "true", "false", "null", "1PTS", "order-id", "is", "plan"):
        path = spelled(("event", name))
        assert vocabulary.compile(path).evaluate({"event": {name: "x"}}) == "x", path
