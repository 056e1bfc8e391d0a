"""Rules changed, archived and brought back."""

from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from tests.programs.api.refusals import refusals

RULES = "/v1/rules"


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ({"program_id": str(uuid4())}, ("program_id", "read_only")),
        ({"program_id": None}, ("program_id", "read_only")),
        ({"order": None}, ("order", "type")),
        ({"condition": "event."}, ("condition", "syntax")),
        ({"actions": None}, ("actions", "required")),
        ({"status": "OPEN"}, ("status", "invalid")),
        ({"version": "1"}, ("version", "type")),
        ({"colour": "red"}, ("colour", "unknown")),
    ],
)
def test_a_change_outside_the_limits_is_refused(
    api: APIClient, rule: str, body: dict[str, Any], refused: tuple[str, str]
) -> None:
    before = api.get(rule).json()

    response = api.patch(rule, {"name": "New", **body})

    assert refusals(response) == [refused]
    assert api.get(rule).json() == before


def test_a_change_leaves_what_it_does_not_name(api: APIClient, rule: str) -> None:
    before = api.get(rule).json()

    after = api.patch(rule, {"stop_after_match": True, "description": "d"})

    assert after.status_code == 200
    assert after.json() == {**api.get(rule).json(), "warnings": []}
    assert after.json() == {
        **before,
        "warnings": [],
        "stop_after_match": True,
        "description": "d",
        "version": 2,
        "updated_at": after.json()["updated_at"],
    }


def test_deleting_archives_and_a_status_brings_back(api: APIClient, rule: str) -> None:
    first, second = api.delete(rule), api.delete(rule)

    assert (first.status_code, first.content, second.status_code) == (204, b"", 204)
    assert api.get(rule).json()["status"] == "ARCHIVED"
    assert api.get(rule).json()["version"] == 2
    assert api.patch(rule, {"status": "ACTIVE"}).json()["status"] == "ACTIVE"
    assert api.patch(rule, {"status": "ARCHIVED"}).json()["status"] == "ARCHIVED"


def test_an_unknown_rule_is_not_found(api: APIClient) -> None:
    path = f"{RULES}/{uuid4()}"

    responses = [
        api.get(path),
        api.patch(path, {"name": "x"}),
        api.delete(path),
        api.get(f"{path}/history"),
    ]

    for response in responses:
        assert response.status_code == 404
        assert response.json()["message"] == "There is no rule with this id."
