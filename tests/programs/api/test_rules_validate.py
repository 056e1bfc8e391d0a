"""Rules judged without storing them."""

from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from programs import assets
from programs.models import Program, Rule, TierTrack
from tests.programs.api.refusals import refusals

JUDGE = "/v1/rules/validate"
TAG = {"type": "TAG", "tag": "vip"}


@pytest.mark.parametrize(
    "body",
    [
        {"condition": 'event.type == "purchase"'},
        {"actions": []},
        {"condition": "true", "actions": []},
        {"actions": [TAG]},
        {"actions": [{"type": "CREDIT", "asset_id": str(uuid4()), "amount": "1"}]},
        {"actions": [{"type": "SET_TIER", "tier": "status", "level": "gold"}]},
    ],
)
def test_what_is_right_is_valid_and_not_stored(api: APIClient, body: dict[str, Any]) -> None:
    response = api.post(JUDGE, body)

    assert response.status_code == 200
    assert response.json() == {"valid": True, "message": "", "errors": [], "warnings": []}
    assert not Rule.objects.exists()


def test_what_is_wrong_is_told_with_its_place(api: APIClient) -> None:
    counter = {"type": "COUNTER", "key": "", "value": "event.amount and 1"}

    response = api.post(JUDGE, {"actions": [TAG, counter, {"type": "GIFT"}]})

    answer = response.json()
    position = {"line": 1, "column": 14, "offending": "and"}
    assert response.status_code == 200
    assert answer["valid"] is False
    assert answer["message"] == "actions[1].key: Give more than white space. (and 2 more)"
    assert answer["position"] == position
    assert [(error["field"], error["reason"]) for error in answer["errors"]] == [
        ("actions[1].key", "blank"),
        ("actions[1].value", "syntax"),
        ("actions[2].type", "invalid"),
    ]
    assert [error.get("position") for error in answer["errors"]] == [None, position, None]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"condition": ""}, "blank"),
        ({"condition": "1 + 1"}, "syntax"),
        ({"condition": " " * 4097}, "blank"),
        ({"condition": "true" + " " * 4093}, "too_long"),
        ({"actions": [TAG] * 51}, "too_many"),
        ({"actions": [{}] * 50}, "required"),
        ({"actions": [[]]}, "type"),
    ],
)
def test_what_is_wrong_is_an_answer_and_no_refusal(
    api: APIClient, body: dict[str, Any], reason: str
) -> None:
    response = api.post(JUDGE, body)

    assert response.status_code == 200
    assert response.json()["valid"] is False
    assert response.json()["message"]
    assert response.json()["errors"][0]["reason"] == reason


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"condition": None}, "condition"),
        ({"condition": 7}, "condition"),
        ({"actions": None}, "actions"),
        ({"actions": {}}, "actions"),
        ({"actions": "[]"}, "actions"),
        ({"condition": "true", "program_id": None}, "program_id"),
        ({"condition": "true", "program_id": "club"}, "program_id"),
        ({"condition": "true", "order": 1}, "order"),
    ],
)
def test_a_question_of_another_shape_is_refused(
    api: APIClient, body: dict[str, Any], field: str
) -> None:
    assert [name for name, _ in refusals(api.post(JUDGE, body))] == [field]


def test_a_programs_own_assets_and_tiers_are_judged_where_it_is_named(
    api: APIClient, program: Program
) -> None:
    ours = assets.create({"name": "P", "symbol": "P"}, program_ids=[program.pk])
    theirs = assets.create({"name": "Q", "symbol": "Q"})
    TierTrack.objects.create(program=program, key="status")
    actions = [
        {"type": "CREDIT", "asset_id": str(asset.pk), "amount": "1"} for asset in (ours, theirs)
    ]
    actions.append({"type": "SET_TIER", "tier": "club", "level": ""})

    answer = api.post(JUDGE, {"program_id": str(program.pk), "actions": actions}).json()
    unknown = api.post(JUDGE, {"program_id": str(uuid4()), "actions": actions})

    assert [(error["field"], error["reason"]) for error in answer["errors"]] == [
        ("actions[1].asset_id", "not_linked"),
        ("actions[2].tier", "not_found"),
    ]
    assert unknown.status_code == 404
