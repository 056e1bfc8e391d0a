"""Rules changed at the same moment."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import connections, transaction

from programs import rulebook
from programs.kernel.exceptions import DomainError
from programs.models import Program, Rule, RuleVersion
from tests.conftest import TESTER
from tests.programs.rulebook.changes import made, revision
from tests.threads import at_once


@pytest.mark.django_db(transaction=True)
def test_rules_that_are_created_at_once_get_an_order_each(program: Program) -> None:
    before = revision(program)

    rules = at_once([partial(made, program) for _ in range(20)])

    assert sorted(rule.order for rule in rules) == list(range(10, 201, 10))
    assert revision(program) != before


def outcome(verb: Any) -> str:
    try:
        verb()
    except DomainError as error:
        return type(error).__name__
    return "done"


@pytest.mark.django_db(transaction=True)
def test_of_rules_that_take_one_order_at_once_one_gets_it(program: Program) -> None:
    outcomes = at_once([partial(outcome, partial(made, program, order=5))] * 20)

    assert Counter(outcomes) == {"done": 1, "OrderTaken": 19}
    assert (Rule.objects.count(), RuleVersion.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_an_order_that_somebody_takes_past_the_lock_is_taken_all_the_same(
    program: Program,
) -> None:
    def create() -> str:
        try:
            return outcome(partial(made, program, order=5))
        finally:
            connections.close_all()

    with ThreadPoolExecutor() as pool:
        with transaction.atomic():
            Rule.objects.create(program=program, name="x", condition="true", actions=[], order=5)
            waiting = pool.submit(create)
            threading.Event().wait(0.5)
        assert waiting.result() == "OrderTaken"

    assert Rule.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_reorderings_at_once_leave_one_of_the_two(program: Program) -> None:
    ids = [made(program).pk for _ in range(8)]
    wanted = [ids[::-1], ids[3:] + ids[:3]]

    at_once([partial(rulebook.reorder, program.pk, each, by=TESTER) for each in wanted * 5])

    listed = Rule.objects.filter(program=program).in_order()
    assert [rule.pk for rule in listed] in wanted
    for rule in listed:
        newest = rulebook.history(rule)[0]
        assert (newest.version, newest.snapshot) == (rule.version, rule.snapshot())


@pytest.mark.django_db(transaction=True)
def test_changes_at_once_with_reorderings_lose_nothing(program: Program) -> None:
    ids = [made(program).pk for _ in range(6)]
    turns = [ids[turn:] + ids[:turn] for turn in range(6)]
    calls: list[Any] = [partial(rulebook.reorder, program.pk, turn, by=TESTER) for turn in turns]
    calls += [
        partial(rulebook.change, pk, {field: value}, by=TESTER)
        for pk in ids
        for field, value in (("name", "New"), ("description", "new"))
    ]

    at_once(calls)

    rules = list(Rule.objects.filter(program=program).in_order())
    assert [rule.pk for rule in rules] in turns
    for rule in rules:
        assert (rule.name, rule.description) == ("New", "new")
        versions = list(rulebook.history(rule))
        assert [each.version for each in versions] == list(range(rule.version, 0, -1))
        assert versions[0].snapshot == rule.snapshot()
        assert all(rulebook.changes(each) for each in versions)
