"""Rules put in another order, and copied."""

from collections import Counter
from itertools import combinations, pairwise
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs import rulebook
from programs.exceptions import ProgramNotFound
from programs.kernel.exceptions import ValidationFailed
from programs.models import Program, Rule, RuleVersion
from programs.models.rules import MAX_ORDER
from programs.rulebook.write import _orders
from tests.conftest import TESTER
from tests.programs.rulebook.changes import changed, made, refusals, revision

WINDOW = {"active_from": "2026-01-01T00:00:00Z", "active_to": "2026-02-01T00:00:00Z"}


def orders(program: Program) -> dict[str, int]:
    current = Rule.objects.filter(program=program).current().in_order()
    return dict(current.values_list("name", "order"))


def test_rules_are_put_in_another_order(program: Program) -> None:
    rules = {name: made(program, name=name, order=order) for name, order in zip("abcd", (10, 20, 25, 30), strict=True)}  # fmt: skip
    changed(rules["d"], status="SUSPENDED")
    gone = made(program)
    rulebook.archive(gone.pk, by=TESTER)
    before = revision(program)

    result = rulebook.reorder(program.pk, [rules[name].pk for name in "cbad"], by=TESTER)

    assert orders(program) == {"c": 3, "b": 6, "a": 10, "d": 30}
    assert [(rule.name, rule.order) for rule in result] == list(orders(program).items())
    assert revision(program) != before
    versions = Counter(RuleVersion.objects.values_list("rule__name", flat=True))
    assert versions == {"a": 1, "b": 2, "c": 2, "d": 2, "Welcome": 2}
    newest = rulebook.history(rules["c"])[0]
    assert rulebook.changes(newest) == [{"field": "order", "old": 25, "new": 3}]
    assert newest.snapshot == rulebook.found(rules["c"].pk).snapshot()
    assert rulebook.found(gone.pk).order == gone.order


def test_a_reordering_that_changes_nothing_writes_nothing(program: Program) -> None:
    rules = [made(program), made(program)]
    before = revision(program)

    rulebook.reorder(program.pk, [rule.pk for rule in rules], by=TESTER)

    assert RuleVersion.objects.count() == 2
    assert revision(program) == before


def test_rules_move_out_of_the_way_of_the_largest_orders(program: Program) -> None:
    rules = [made(program, order=MAX_ORDER - number) for number in range(5)][::-1]
    rules += [made(program, order=order) for order in (20, 10, 30)]

    rulebook.reorder(program.pk, [rule.pk for rule in rules], by=TESTER)

    listed = Rule.objects.filter(program=program).in_order()
    assert [rule.pk for rule in listed] == [rule.pk for rule in rules]
    assert [rule.order for rule in listed] == [1, 2, 4, 5, 7, 8, 10, 30]


def test_moving_one_rule_makes_no_version_of_others(program: Program) -> None:
    rules = [made(program) for _ in range(6)]
    for move in ((5, 0), (0, 3), (2, 4), (1, 5)):
        rules.insert(move[1], rules.pop(move[0]))
        before = dict(Rule.objects.values_list("pk", "version"))

        rulebook.reorder(program.pk, [rule.pk for rule in rules], by=TESTER)

        after = dict(Rule.objects.values_list("pk", "version"))
        assert [pk for pk in after if after[pk] != before[pk]] == [rules[move[1]].pk]
        assert list(Rule.objects.in_order()) == rules


@given(st.lists(st.integers(1, 12) | st.integers(MAX_ORDER - 5, MAX_ORDER), max_size=9))
def test_as_few_orders_change_as_can_be(now: list[int]) -> None:
    orders = _orders(now)

    assert all(low < high for low, high in pairwise([0, *orders, MAX_ORDER + 1]))
    stay = sum(new == old for new, old in zip(orders, now, strict=True))
    for kept in range(len(now), stay, -1):
        for places in combinations(range(-1, len(now) + 1), kept + 2):
            if (places[0], places[-1]) == (-1, len(now)):
                ends = [
                    (0 if at < 0 else now[at]) if at < len(now) else MAX_ORDER + 1 for at in places
                ]
                gaps = zip(pairwise(places), pairwise(ends), strict=True)
                assert any(right - left > high - low for (left, right), (low, high) in gaps)


def test_a_reordering_names_every_rule_once(program: Program) -> None:
    first, second = made(program), made(program)
    archived = made(program, status="ARCHIVED")
    stranger = made(Program.objects.create(name="Other"))

    for wrong in (
        [],
        [first],
        [first, first],
        [first, second, second],
        [first, second, archived],
        [first, stranger],
        [first, second, stranger],
    ):
        with pytest.raises(ValidationFailed) as refused:
            rulebook.reorder(program.pk, [rule.pk for rule in wrong], by=TESTER)
        assert refusals(refused) == [("rule_ids", "invalid")]
    with pytest.raises(ProgramNotFound):
        rulebook.reorder(uuid4(), [], by=TESTER)
    assert RuleVersion.objects.count() == 4


def test_a_reordering_costs_the_same_however_many_rules_there_are(
    program: Program, queries: list[str]
) -> None:
    costs = set()
    for count in (3, 40):
        for _ in range(count):
            made(program)
        ids = list(Rule.objects.order_by("-order").values_list("pk", flat=True))
        queries.clear()
        rulebook.reorder(program.pk, ids, by=TESTER)
        costs.add(len(queries))

    assert len(costs) == 1


def test_a_copy_is_suspended_and_comes_last(program: Program) -> None:
    rule = made(program, name="x" * 255, description="d", stop_after_match=True, **WINDOW)

    copy = rulebook.duplicate(rule.pk, by=TESTER)

    assert copy.pk != rule.pk
    assert copy.snapshot() == {
        **rule.snapshot(),
        "name": f"Copy of {'x' * 247}",
        "order": 20,
        "status": "SUSPENDED",
    }
    assert RuleVersion.objects.filter(rule=copy).count() == 1
