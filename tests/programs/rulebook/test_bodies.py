"""The bodies of rules: read with defaults, or refused with the place of every mistake."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from programs import rulebook
from programs.kernel.exceptions import ValidationFailed
from tests.programs.rulebook.changes import body, refusals

TAG = {"type": "TAG", "tag": "vip"}


def test_a_body_is_read_with_its_defaults() -> None:
    program_id = uuid4()

    assert rulebook.clean_new(body(program_id)) == rulebook.NewRule(
        program_id=program_id,
        name="Welcome",
        description="",
        condition="true",
        actions=[TAG],
        order=None,
        stop_after_match=False,
        active_from=None,
        active_to=None,
        status="ACTIVE",
    )


def test_a_change_says_only_what_the_body_names() -> None:
    given = {"order": 2, "active_from": None, "active_to": "2026-01-01T01:00:00+01:00"}

    assert rulebook.clean_change({}) == {}
    assert rulebook.clean_change(given) == {
        "order": 2,
        "active_from": None,
        "active_to": datetime(2026, 1, 1, tzinfo=UTC),
    }


ATTRIBUTE = {"type": "SET_ATTRIBUTE", "key": "plan", "value": "free"}


def test_all_mistakes_are_told_at_once_and_what_is_known_is_listed() -> None:
    actions = [
        {"type": "CREDIT", "amount": "1 +", "target": 1},
        {"type": "GIFT"},
        {**ATTRIBUTE, "value": 5},
    ]

    with pytest.raises(ValidationFailed) as refused:
        rulebook.clean_new({"actions": actions, "condition": "event.x =", "colour": "red"})

    assert refusals(refused) == [
        ("program_id", "required"),
        ("condition", "syntax"),
        ("actions[0].asset_id", "required"),
        ("actions[0].amount", "syntax"),
        ("actions[0].target", "unknown"),
        ("actions[1].type", "invalid"),
        ("actions[2].value", "type"),
        ("colour", "unknown"),
        ("name", "required"),
    ]
    words = {error.field: error.message for error in refused.value.fields}
    assert "it has asset_id, amount, bucket, description, matures_at" in words["actions[0].target"]
    assert "CREDIT, DEBIT, HOLD, RELEASE, FORFEIT, TAG, UNTAG, COUNTER" in words["actions[1].type"]
    assert "`expression`" in words["actions[2].value"]


def test_a_mistake_in_an_expression_has_its_place() -> None:
    with pytest.raises(ValidationFailed) as refused:
        rulebook.clean_change({"condition": "event.x > 1 &&\n  event.y ="})

    [error] = refused.value.fields
    assert error.as_dict() == {
        "field": "condition",
        "reason": "syntax",
        "message": error.message,
        "position": {"line": 2, "column": 11, "offending": "="},
    }
    assert error.message.startswith("Line 2, column 11: ")


def test_very_many_mistakes_are_answered_with_the_first() -> None:
    with pytest.raises(ValidationFailed) as refused:
        rulebook.clean_new(body(uuid4(), actions=[{"type": "CREDIT"}] * 50))

    assert len(refusals(refused)) == 51
