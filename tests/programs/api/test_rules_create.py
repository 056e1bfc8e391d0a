import json
from collections import Counter
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from rest_framework.test import APIClient

from programs import assets
from programs.models import Program, Rule
from tests.programs.api.refusals import refusals
from tests.threads import at_once

RULES = "/v1/rules"
JUDGE = "/v1/rules/validate"
TAG = {"type": "TAG", "tag": "vip"}


def test_a_rule_is_created_with_its_defaults(api: APIClient, new: dict[str, Any]) -> None:
    response = api.post(RULES, new)

    rule = Rule.objects.get()
    assert response.status_code == 201
    assert response.json() == {
        "id": str(rule.id),
        **new,
        "description": "",
        "order": 10,
        "stop_after_match": False,
        "active_from": None,
        "active_to": None,
        "status": "ACTIVE",
        "version": 1,
        "needs_attention": False,
        "created_at": f"{rule.created_at:%Y-%m-%dT%H:%M:%S.%fZ}",
        "updated_at": f"{rule.updated_at:%Y-%m-%dT%H:%M:%S.%fZ}",
        "warnings": [],
    }


def test_a_rule_is_spelled_alike_behind_every_door(api: APIClient, new: dict[str, Any]) -> None:
    points = assets.create({"name": "P", "symbol": "P"}, program_ids=[new["program_id"]])
    credit = {
        "description": "Five percent.",
        "matures_at": "720h",
        "bucket": "AVAILABLE",
        "amount": "event.amount * 0.05",
        "asset_id": str(points.pk),
        "type": "CREDIT",
    }
    window = {"active_from": "0001-01-01T00:00:00Z", "active_to": "2026-01-15T11:30:00+01:00"}

    created = api.post(RULES, {**new, "actions": [credit], **window})
    shown = api.get(f"{RULES}/{created.json()['id']}")
    same = api.patch(f"{RULES}/{created.json()['id']}", {})
    changed = api.patch(f"{RULES}/{created.json()['id']}", {"order": 2.0})

    no_warnings = b',"warnings":[]}'
    assert created.content == same.content == shown.content.removesuffix(b"}") + no_warnings
    spelled = ["type", "asset_id", "amount", "bucket", "description", "matures_at"]
    assert list(created.json()["actions"][0]) == spelled
    assert created.json()["active_from"] == "0001-01-01T00:00:00.000000Z"
    assert created.json()["active_to"] == "2026-01-15T10:30:00.000000Z"
    assert changed.json()["order"] == 2
    [row] = api.get(RULES).json()["data"]
    assert {**row, "warnings": []} == changed.json()
    [newest, _] = api.get(f"{RULES}/{row['id']}/history").json()["data"]
    assert newest["snapshot"] == {name: row[name] for name in newest["snapshot"]}
    assert json.dumps(newest["snapshot"]["actions"]) == json.dumps(row["actions"])


def test_the_largest_rule_fits(api: APIClient, new: dict[str, Any]) -> None:
    expression = "1" + " + 1" * 1023 + "    "
    body = {
        **new,
        "name": "ü" * 255,
        "description": "ü" * 1000,
        "condition": f"true{' ' * 4092}",
        "actions": [{"type": "COUNTER", "key": "ü" * 100, "value": expression[:4096]}] * 50,
        "order": 2_147_483_647,
    }

    response = api.post(RULES, body)

    assert response.status_code == 201, response.json()
    assert {name: response.json()[name] for name in body} == body
    assert api.post(RULES, {**new, "actions": []}).status_code == 400  # no order is left


@pytest.mark.parametrize(
    ("more", "field", "reason"),
    [
        ({"program_id": None}, "program_id", "required"),
        ({"program_id": "club"}, "program_id", "invalid"),
        ({"name": None}, "name", "required"),
        ({"name": ""}, "name", "blank"),
        ({"name": " \u00a0"}, "name", "blank"),
        ({"name": 7}, "name", "type"),
        ({"name": "x" * 256}, "name", "too_long"),
        ({"description": None}, "description", "type"),
        ({"description": 7}, "description", "type"),
        ({"description": "x" * 1001}, "description", "too_long"),
        ({"condition": None}, "condition", "required"),
        ({"condition": ""}, "condition", "blank"),
        ({"condition": " \n"}, "condition", "blank"),
        ({"condition": True}, "condition", "type"),
        ({"condition": " " * 4093 + "true"}, "condition", "too_long"),
        ({"condition": "event.amount"}, "condition", "OK"),
        ({"condition": "1"}, "condition", "syntax"),
        ({"condition": "event.amount >"}, "condition", "syntax"),
        ({"condition": "event.amount > 'x"}, "condition", "syntax"),
        ({"actions": None}, "actions", "required"),
        ({"actions": {}}, "actions", "type"),
        ({"actions": "TAG"}, "actions", "type"),
        ({"actions": [TAG] * 51}, "actions", "too_many"),
        ({"actions": [TAG, 7]}, "actions[1]", "type"),
        ({"order": None}, "order", "type"),
        ({"order": 0}, "order", "out_of_range"),
        ({"order": -1}, "order", "out_of_range"),
        ({"order": 2_147_483_648}, "order", "out_of_range"),
        ({"order": 10**39}, "order", "out_of_range"),
        ({"order": 1.5}, "order", "type"),
        ({"order": "1"}, "order", "type"),
        ({"order": True}, "order", "type"),
        ({"stop_after_match": None}, "stop_after_match", "type"),
        ({"stop_after_match": 1}, "stop_after_match", "type"),
        ({"stop_after_match": "true"}, "stop_after_match", "type"),
        ({"active_from": ""}, "active_from", "invalid"),
        ({"active_from": 0}, "active_from", "invalid"),
        ({"active_from": "2026-01-15"}, "active_from", "invalid"),
        ({"active_to": "2026-01-15T10:30"}, "active_to", "invalid"),
        ({"active_to": "9999-12-31T23:59:59-05:00"}, "active_to", "invalid"),
        ({"status": None}, "status", "required"),
        ({"status": "active"}, "status", "invalid"),
        ({"status": []}, "status", "invalid"),
        ({"version": 7}, "version", "unknown"),
        ({"id": str(uuid4())}, "id", "unknown"),
    ],
)
def test_a_rule_outside_its_limits_is_refused(
    api: APIClient, new: dict[str, Any], more: dict[str, Any], field: str, reason: str
) -> None:
    response = api.post(RULES, {**new, **more})

    if reason == "OK":  # what an event says may be true or false
        assert response.status_code == 201
        return
    assert refusals(response) == [(field, reason)]
    assert not Rule.objects.exists()


@pytest.mark.parametrize("body", [[], "rule", 7, [{}]])
def test_a_body_that_is_no_object_is_refused(api: APIClient, rule: str, body: Any) -> None:
    assert api.post(RULES, body).status_code == 400
    assert api.patch(rule, body).status_code == 400
    assert api.post(JUDGE, body).status_code == 400


def test_a_mistake_in_an_expression_is_told_with_its_place(
    api: APIClient, new: dict[str, Any]
) -> None:
    credit = {"type": "COUNTER", "key": "spent", "value": "event.amount *"}

    response = api.post(RULES, {**new, "actions": [TAG, credit]})

    [error] = response.json()["details"]["fields"]
    assert error == {
        "field": "actions[1].value",
        "reason": "syntax",
        "message": error["message"],
        "position": {"line": 1, "column": 15, "offending": ""},
    }
    assert error["message"].startswith("Line 1, column 15: The rule ends too early")


def test_an_order_that_is_taken_is_a_conflict(
    api: APIClient, new: dict[str, Any], rule: str
) -> None:
    other = api.post(RULES, {**new, "order": 7}).json()

    for response in (
        api.post(RULES, {**new, "order": 10}),
        api.patch(f"{RULES}/{other['id']}", {"order": 10}),
    ):
        assert response.status_code == 409
        assert response.json()["code"] == "order_taken"
        assert response.json()["message"] == "The rule “Welcome” has the order 10."
        assert [each["field"] for each in response.json()["details"]["fields"]] == ["order"]


def test_a_program_that_is_unknown_or_archived_takes_no_rules(
    api: APIClient, new: dict[str, Any], rule: str
) -> None:
    unknown = api.post(RULES, {**new, "program_id": str(uuid4())})
    Program.objects.update(status="ARCHIVED")
    archived = api.post(RULES, new)

    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    assert unknown.json()["message"] == "There is no program with this id."
    assert (archived.status_code, archived.json()["code"]) == (409, "program_inactive")
    assert api.patch(rule, {"name": "New"}).status_code == 200


@pytest.mark.parametrize("text", [r"\u0000", r"\ud800", "\0"])
@pytest.mark.parametrize("name", ["name", "description", "condition", "actions"])
def test_text_that_cannot_be_stored_is_refused(
    api: APIClient, new: dict[str, Any], name: str, text: str
) -> None:
    value: Any = [{"type": "TAG", "tag": "@"}] if name == "actions" else "@"
    body = json.dumps({**new, name: value}).replace("@", text)

    response = api.generic("POST", RULES, body, content_type="application/json")

    assert response.status_code == 400
    assert not Rule.objects.exists()


# At the same moment


@pytest.mark.django_db(transaction=True)
def test_of_calls_that_take_one_order_at_once_one_succeeds(
    api: APIClient, new: dict[str, Any]
) -> None:
    responses = at_once([partial(api.post, RULES, {**new, "order": 5})] * 20)

    assert Counter(response.status_code for response in responses) == {201: 1, 409: 19}


@pytest.mark.django_db(transaction=True)
def test_calls_without_an_order_get_one_each(api: APIClient, new: dict[str, Any]) -> None:
    responses = at_once([partial(api.post, RULES, new)] * 20)

    assert {response.status_code for response in responses} == {201}
    assert sorted(response.json()["order"] for response in responses) == list(range(10, 201, 10))


def test_what_is_blank_here_is_blank_in_the_database(db: None) -> None:
    texts = [chr(code) for code in range(1, 0x11000) if not 0xD800 <= code < 0xE000]

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT text FROM unnest(%s::text[]) AS given (text) WHERE text !~ '\\S'", [texts]
        )
        blank = {text for [text] in cursor.fetchall()}

    assert blank <= {text for text in texts if text.isspace()}
