"""A rule is checked for its program where it is written, and nowhere else."""

from decimal import Decimal
from typing import Any

import pytest

from programs import assets, rulebook, tracks
from programs.kernel.exceptions import ValidationFailed
from programs.models import Asset, Program, Rule
from programs.tracks import Level, NewTrack
from tests.conftest import TESTER
from tests.programs.rulebook.changes import body, changed, made

TAG = {"type": "TAG", "tag": "vip"}
GOLD = 'participant.tiers.status.level == "gold"'


@pytest.fixture
def points(program: Program) -> Asset:
    asset: Asset = assets.create(
        {"name": "Points", "symbol": "PTS", "scale": 2, "max_transaction_amount": Decimal(500)},
        program_ids=[program.pk],
    )
    return asset


@pytest.fixture
def status(program: Program) -> None:
    levels = [Level(key, rank, "", None, []) for rank, key in enumerate(["silver", "gold"], 1)]
    tracks.create(program.pk, NewTrack("status", "", levels), by=TESTER)


def refused(program: Program, **parts: Any) -> list[tuple[str, int, str]]:
    with pytest.raises(ValidationFailed) as error:
        made(program, **parts)
    return [
        (each.field, each.position.column if each.position else 0, each.message)
        for each in error.value.fields
    ]


def credit(asset: Asset, amount: str) -> list[dict[str, Any]]:
    return [{"type": "CREDIT", "asset_id": str(asset.pk), "amount": amount}]


@pytest.mark.usefixtures("points", "status")
@pytest.mark.parametrize(
    ("parts", "field", "column", "message"),
    [
        ({"condition": "participant.balances.PTSS.available > 1"}, "condition", 1, "This program has no asset with the symbol PTSS. Did you mean PTS?"),
        ({"condition": 'participant.tiers.status.level == "Gold"'}, "condition", 35, 'The track status has no level "Gold". Did you mean "gold"?'),
        ({"condition": 'participant.status == "Active"'}, "condition", 23, 'participant.status is never "Active". Did you mean "ACTIVE"?'),
        ({"actions": [{"type": "COUNTER", "key": "k", "value": "participant.tiers.statos.rank"}]}, "actions[0].value", 1, "This program has no tier track statos. Did you mean status?"),
        ({"actions": [TAG, {"type": "SET_ATTRIBUTE", "key": "k", "expression": '"VIP" in participant.tags'}]}, "actions[1].expression", 1, 'Tags are trimmed and in lower case, so none is "VIP". Did you mean "vip"?'),
    ],
)  # fmt: skip
def test_names_that_the_program_does_not_have_are_refused_where_they_stand(
    program: Program, parts: dict[str, Any], field: str, column: int, message: str
) -> None:
    said = f"Line 1, column {column}: {message}"

    assert refused(program, **parts) == [(field, column, said)]
    rule = made(program)
    with pytest.raises(ValidationFailed):
        changed(rule, **parts)
    draft = rulebook.clean_draft({"program_id": str(program.pk), **parts})
    assert [each.message for each in rulebook.findings_in(draft).errors] == [said]
    assert rulebook.findings_in(rulebook.clean_draft(parts)).errors == []  # for no program


def test_what_a_rule_does_not_change_is_not_refused_until_it_is_brought_back(
    program: Program,
) -> None:
    rule = made(program)
    Rule.objects.filter(pk=rule.pk).update(condition=GOLD)

    assert changed(rule, name="Other", actions=[]).name == "Other"
    with pytest.raises(ValidationFailed):
        changed(rule, condition=f"{GOLD} && true")
    rulebook.archive(rule.pk, by=TESTER)
    with pytest.raises(ValidationFailed):
        changed(rule, status="ACTIVE")
    assert rulebook.duplicate(rule.pk, by=TESTER).condition == GOLD


@pytest.mark.parametrize(
    ("amount", "reason"),
    [
        ("-1", "negative"),
        ("1 - 2", "negative"),
        ("-round(2.5, 0)", "negative"),
        ("1000000000000.0 * 100000000000", "out_of_range"),
        ("-(5 > 3 ? 1 : 2)", "negative"),
    ],
)
def test_an_amount_that_is_never_allowed_is_refused(
    program: Program, points: Asset, amount: str, reason: str
) -> None:
    with pytest.raises(ValidationFailed) as error:
        made(program, actions=credit(points, amount))

    assert [(each.field, each.reason) for each in error.value.fields] == [
        ("actions[0].amount", reason)
    ]


def test_a_counter_may_count_down(program: Program) -> None:
    down = {"type": "COUNTER", "key": "lives", "value": "-1"}

    assert made(program, actions=[down]).actions == [down]


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("event.items.map(x, x)", "a list"),
        ("{'a': 1}", "a map"),
        ("now", "a time"),
        ("null", "null"),
        ("duration('1h')", "a duration"),
        ("b'x'", "bytes"),
        ("type(1)", "a type"),
        ("participant.tags", "a list"),
        ("participant.counters", "a map"),
    ],
)
def test_an_attribute_takes_no_other_kind(program: Program, expression: str, words: str) -> None:
    action = {"type": "SET_ATTRIBUTE", "key": "k", "expression": expression}

    [(field, _, message)] = refused(program, actions=[action])

    assert field == "actions[0].expression"
    assert message == f"An attribute takes text, a number, or true or false, not {words}."


@pytest.mark.parametrize("expression", ["event.x", "1.5", "'a'", "true", "event.a ? 1 : 'b'"])
def test_an_attribute_takes_what_may_be_right(program: Program, expression: str) -> None:
    made(program, actions=[{"type": "SET_ATTRIBUTE", "key": "k", "expression": expression}])


@pytest.mark.parametrize(
    ("amount", "reason"),
    [
        ("0", "no_effect"), ("0.00", "no_effect"), ("1 - 1", "no_effect"), ("0.009", "no_effect"),
        ("500.01", "never_allowed"), ("500", None), ("0.01", None), ("event.amount", None),
    ],
)  # fmt: skip
def test_an_action_that_does_nothing_is_a_warning(
    program: Program, points: Asset, amount: str, reason: str | None
) -> None:
    rule = made(program, actions=credit(points, amount))

    found = [(each.field, each.reason) for each in rule.warnings]
    assert found == ([("actions[0].amount", reason)] if reason else [])
    assert [(each.field, each.reason) for each in changed(rule, name="Other").warnings] == found


def test_a_counter_to_which_nothing_is_added_is_a_warning(program: Program) -> None:
    rule = made(program, actions=[{"type": "COUNTER", "key": "k", "value": "0"}])

    assert [each.reason for each in rule.warnings] == ["no_effect"]


@pytest.mark.parametrize(
    ("first", "second", "is_reached"),
    [
        ({"stop_after_match": True}, {}, False),
        ({"stop_after_match": True, "condition": "1 < 2 || false"}, {}, False),
        ({"stop_after_match": True, "condition": "event.a"}, {}, True),
        ({"stop_after_match": False}, {}, True),
        ({"stop_after_match": True, "status": "SUSPENDED"}, {}, True),
        ({"stop_after_match": True}, {"status": "SUSPENDED"}, True),
        ({"stop_after_match": True, "active_to": "2026-01-15T10:30:00Z"}, {}, True),
        ({"stop_after_match": True}, {"order": 5}, True),
    ],
)
def test_a_rule_that_none_reaches_is_a_warning(
    program: Program, first: dict[str, Any], second: dict[str, Any], is_reached: bool
) -> None:
    made(program, name="All", **first)
    rule = made(program, **second)

    assert [(each.field, each.reason) for each in rule.warnings] == (
        [] if is_reached else [("order", "unreachable")]
    )


@pytest.mark.parametrize(
    ("condition", "reasons"),
    [
        ("false", ["unreachable"]),
        ("1 > 2", ["unreachable"]),
        ("true", []),
        ("event.a && false", []),
    ],
)
def test_a_condition_that_is_never_true_is_a_warning(
    program: Program, condition: str, reasons: list[str]
) -> None:
    assert [each.reason for each in made(program, condition=condition).warnings] == reasons


def test_a_rule_before_which_all_others_end_is_a_warning(program: Program) -> None:
    rule = made(program)
    made(program, name="Later")

    [warning] = changed(rule, stop_after_match=True).warnings

    assert (warning.field, warning.reason) == ("stop_after_match", "unreachable")
    assert "“Later” and what comes after it are never reached" in warning.message


def test_the_form_of_a_rule_for_another_program_is_its_own(program: Program, points: Asset) -> None:
    other = Program.objects.create(name="Other")
    condition = {"condition": "participant.balances.PTS.available > 1"}

    assert made(program, **condition).version == 1
    with pytest.raises(ValidationFailed, match="no asset with the symbol PTS"):
        rulebook.create(rulebook.clean_new(body(other, **condition)), by=TESTER)
