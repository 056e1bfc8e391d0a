from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from programs import rulebook
from programs.exceptions import ChangedMeanwhile, OrderTaken, RuleNotFound
from programs.kernel.exceptions import ValidationFailed
from programs.models import Program, RuleVersion
from tests.conftest import TESTER
from tests.programs.rulebook.changes import changed, made, refusals, revision

WINDOW = {"active_from": "2026-01-01T00:00:00Z", "active_to": "2026-02-01T00:00:00Z"}


def test_each_change_keeps_a_version_and_revises_the_program(program: Program) -> None:
    rule = made(program)
    before = revision(program)

    after = changed(rule, name="New", order=7, **WINDOW)

    assert (after.version, after.name, after.order, after.condition) == (2, "New", 7, "true")
    assert after.updated_at > rule.updated_at
    newest, oldest = rulebook.history(after)
    assert rulebook.changes(newest) == [
        {"field": "name", "old": "Welcome", "new": "New"},
        {"field": "order", "old": 10, "new": 7},
        {"field": "active_from", "old": None, "new": "2026-01-01T00:00:00.000000Z"},
        {"field": "active_to", "old": None, "new": "2026-02-01T00:00:00.000000Z"},
    ]
    assert [change["field"] for change in rulebook.changes(oldest)] == list(rule.snapshot())
    assert revision(program) != before


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"name": "Welcome"},
        {"order": 10, "status": "ACTIVE", "stop_after_match": False},
        {"actions": [{"type": "TAG", "tag": "VIP"}]},
        {"active_from": None, "condition": "true"},
    ],
)
def test_a_change_of_nothing_writes_nothing(program: Program, values: dict[str, Any]) -> None:
    rule = made(program)
    before = revision(program)

    same = changed(rule, **values)

    assert (same.version, same.updated_at) == (1, rule.updated_at)
    assert RuleVersion.objects.count() == 1
    assert revision(program) == before


def test_a_window_ends_after_it_begins_whichever_of_both_a_change_names(program: Program) -> None:
    rule = made(program, **WINDOW)

    for values in (
        {"active_to": WINDOW["active_from"]},
        {"active_from": "2026-02-01T00:00:00Z"},
        {"active_from": "2027-01-02T00:00:00Z", "active_to": "2027-01-01T00:00:00Z"},
    ):
        with pytest.raises(ValidationFailed) as refused:
            changed(rule, **values)
        assert refusals(refused) == [("active_to", "invalid")]
    with pytest.raises(ValidationFailed):
        made(program, active_from=WINDOW["active_to"], active_to=WINDOW["active_from"])

    later = changed(rule, active_from="2026-03-01T00:00:00Z", active_to=None)
    assert (later.active_to, later.version) == (None, 2)


def test_a_change_of_a_version_that_is_no_longer_shown_is_refused(program: Program) -> None:
    rule = made(program)
    changed(rule, name="New")

    with pytest.raises(ChangedMeanwhile):
        rulebook.change(rule.pk, {"name": "Mine"}, by=TESTER, shown_version=1)

    assert rulebook.change(rule.pk, {"name": "Mine"}, by=TESTER, shown_version=2).version == 3


def test_an_order_is_judged_again_when_a_rule_becomes_active(program: Program) -> None:
    made(program, name="First", order=5)
    suspended = made(program, order=5, status="SUSPENDED")
    archived = made(program, order=5, status="ARCHIVED")

    for rule in (suspended, archived):
        with pytest.raises(OrderTaken, match="First"):
            changed(rule, status="ACTIVE")
        assert rulebook.found(rule.pk).version == 1

    assert changed(suspended, status="ACTIVE", order=6).order == 6
    assert changed(archived, status="SUSPENDED").status == "SUSPENDED"
    with pytest.raises(OrderTaken, match="First"):
        changed(suspended, order=5)


def test_an_archived_rule_frees_its_order_and_is_archived_once(program: Program) -> None:
    rule = made(program)

    rulebook.archive(rule.pk, by=TESTER)
    rulebook.archive(rule.pk, by=TESTER)

    assert rulebook.found(rule.pk).status == "ARCHIVED"
    assert RuleVersion.objects.filter(rule=rule).count() == 2
    assert made(program).order == 10


@pytest.mark.django_db
def test_a_rule_that_is_not_there_is_not_found() -> None:
    for verb in (
        rulebook.found,
        partial(rulebook.archive, by=TESTER),
        partial(rulebook.duplicate, by=TESTER),
        lambda rule_id: rulebook.change(rule_id, {}, by=TESTER),
    ):
        with pytest.raises(RuleNotFound):
            verb(uuid4())
