"""A counter has one window, whatever rule of whatever program counts it."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import pytest
from rest_framework.test import APIClient

from programs import rulebook
from programs.exceptions import CounterInUse
from programs.kernel.exceptions import DomainError
from programs.models import Program, Rule
from programs.rulebook.attention import check_unchecked
from tests.conftest import TESTER
from tests.programs.rulebook.changes import body, changed, made
from tests.threads import at_once


def counts(key: str = "visits", **window: str) -> dict[str, Any]:
    return {"type": "COUNTER", "key": key, "value": "1", **window}


@pytest.fixture
def other(db: None) -> Program:
    return Program.objects.create(name="Other")


DAY = {"reset": "DAY"}
HOURS = {"reset_after": "24h"}
WINDOWS: list[dict[str, str]] = [{}, HOURS, {"reset_after": "48h"}, DAY, {"reset": "MONTH"}]
SAME: list[tuple[dict[str, str], dict[str, str]]] = [
    *((window, window) for window in WINDOWS),
    (HOURS, {"reset_after": "1d"}),
]


@pytest.mark.parametrize(("one", "two"), SAME)
def test_rules_may_say_the_same_window(
    program: Program, other: Program, one: dict[str, str], two: dict[str, str]
) -> None:
    made(program, actions=[counts(**one)])

    assert made(other, actions=[counts(**two), counts("others", **DAY)]).version == 1


@pytest.mark.parametrize(
    ("one", "two"), [pair for pair in product(WINDOWS, WINDOWS) if pair[0] != pair[1]]
)
def test_a_rule_that_says_another_window_is_refused(
    program: Program, other: Program, one: dict[str, str], two: dict[str, str]
) -> None:
    made(program, name="First", actions=[counts(**one)])
    rule = made(other)

    for verb in (partial(made, other), partial(changed, rule)):
        with pytest.raises(CounterInUse, match=r"the rule “First” \(Club\)"):
            verb(actions=[{"type": "TAG", "tag": "x"}, counts(**two)])
    with pytest.raises(CounterInUse):
        made(program, actions=[counts("k", **one), counts("k", **two)])


def test_the_api_says_where_and_which(api: APIClient, program: Program, other: Program) -> None:
    made(program, name="Daily", actions=[counts(**DAY)])

    answer = api.post("/v1/rules", body(other, actions=[counts(**HOURS)]))

    message = "The counter visits has one window everywhere, and here it resets after 24h. In the rule “Daily” (Club) it resets each DAY."
    assert answer.status_code == 409
    assert answer.json()["code"] == "in_use"
    assert answer.json()["message"] == message
    [field] = answer.json()["details"]["fields"]
    assert field == {"field": "actions[0].reset_after", "reason": "in_use", "message": message}


def test_archived_rules_and_what_a_rule_said_before_stand_in_nobodys_way(
    program: Program, other: Program
) -> None:
    first = made(program, actions=[counts(**DAY)])
    second = made(other)
    Rule.objects.filter(pk=second.pk).update(actions=[counts()])

    assert changed(second, name="x", actions=[counts(), counts("more")]).version == 2
    with pytest.raises(CounterInUse):
        changed(second, actions=[counts(**HOURS)])
    rulebook.archive(first.pk, by=TESTER)
    assert changed(second, actions=[counts(**HOURS)]).version == 3
    with pytest.raises(CounterInUse):
        changed(first, status="ACTIVE")
    assert changed(first, actions=[counts(**HOURS)], status="ACTIVE").status == "ACTIVE"


def test_stored_rules_that_disagree_need_attention_until_they_agree(
    program: Program, other: Program
) -> None:
    for owner, window in ((program, DAY), (other, {})):
        actions = [counts(**window)]
        Rule.objects.create(
            program=owner, name="Old", condition="true", actions=actions, order=10, language=1
        )
    [*check_unchecked()]
    assert set(Rule.objects.values_list("needs_attention", flat=True)) == {True}

    changed(Rule.objects.get(program=other), actions=[counts(**DAY)])

    assert set(Rule.objects.values_list("needs_attention", flat=True)) == {False}


def outcome(verb: Callable[[], Any]) -> str:
    try:
        verb()
    except DomainError as error:
        return type(error).__name__
    return "done"


@pytest.mark.django_db(transaction=True)
def test_of_rules_of_two_programs_written_at_once_one_decides(program: Program) -> None:
    others = [Program.objects.create(name=f"P{number}") for number in range(6)]
    verbs = [
        partial(
            made, owner, actions=[counts("b", **DAY), counts("a", reset_after=f"{number + 1}h")]
        )
        for number, owner in enumerate(others)
    ]

    outcomes = at_once([partial(outcome, verb) for verb in verbs])

    assert Counter(outcomes) == {"done": 1, "CounterInUse": 5}
