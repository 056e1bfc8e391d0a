"""An old version of a rule, made the newest."""

from functools import partial
from typing import Any

import pytest
from rest_framework.test import APIClient

from programs import rulebook
from programs.api_keys import issue
from programs.models import Asset, AssetLink, Program, Rule, RuleVersion, Scope
from programs.rulebook.bodies import FIELDS
from tests.conftest import TESTER
from tests.programs.api.refusals import refusals
from tests.threads import at_once

RULES = "/v1/rules"


def test_an_old_version_becomes_the_newest_with_all_that_it_was(api: APIClient, rule: str) -> None:
    original = api.get(rule).json()
    changed = {
        "name": "New",
        "description": "d",
        "condition": "event.amount > 1",
        "actions": [],
        "order": 7,
        "stop_after_match": True,
        "active_from": "2026-01-01T00:00:00Z",
        "active_to": "2026-02-01T00:00:00Z",
        "status": "SUSPENDED",
    }
    assert set(changed) == set(FIELDS)
    assert api.patch(rule, changed).status_code == 200

    response = api.post(f"{rule}/restore", {"version": 1})

    now = response.json()
    assert response.status_code == 200
    assert now["version"] == 3
    assert {name: now[name] for name in FIELDS} == {name: original[name] for name in FIELDS}
    newest, second, first = api.get(f"{rule}/history").json()["data"]
    assert [each["restored_from"] for each in (newest, second, first)] == [1, None, None]
    assert newest["snapshot"] == first["snapshot"]
    assert {change["field"] for change in newest["changes"]} == set(FIELDS)

    back = api.post(f"{rule}/restore", {"version": 2}).json()
    assert (back["version"], back["name"], back["status"]) == (4, "New", "SUSPENDED")
    assert back["active_from"] == "2026-01-01T00:00:00.000000Z"


@pytest.mark.parametrize("version", [3, 1])
def test_what_does_not_differ_is_not_written(api: APIClient, rule: str, version: int) -> None:
    api.patch(rule, {"name": "New"})
    api.patch(rule, {"name": "Welcome"})

    response = api.post(f"{rule}/restore", {"version": version})

    assert (response.status_code, response.json()["version"]) == (200, 3)
    assert RuleVersion.objects.count() == 3


def test_an_archived_rule_comes_back_with_an_old_version(api: APIClient, rule: str) -> None:
    api.delete(rule)

    assert api.post(f"{rule}/restore", {"version": 1}).json()["status"] == "ACTIVE"
    assert api.post(f"{rule}/restore", {"version": 2}).json()["status"] == "ARCHIVED"


def test_an_order_that_is_taken_by_now_is_a_conflict(
    api: APIClient, new: dict[str, Any], rule: str
) -> None:
    api.delete(rule)
    assert api.post(RULES, {**new, "name": "Heir", "order": 10}).status_code == 201

    response = api.post(f"{rule}/restore", {"version": 1})

    assert (response.status_code, response.json()["code"]) == (409, "order_taken")
    assert "Heir" in response.json()["message"]
    assert Rule.objects.get(name="Welcome").version == 2


def test_names_that_have_gone_are_refused_with_every_mistake(
    api: APIClient, program: Program, new: dict[str, Any], ladder: str
) -> None:
    asset = Asset.objects.create(name="Points", symbol="PTS", scale=2)
    link = AssetLink.objects.create(program=program, asset=asset)
    body = {
        **new,
        "condition": 'participant.tiers.status.level == "gold" && participant.balances.PTS.available > 1',
        "actions": [
            {"type": "CREDIT", "asset_id": str(asset.pk), "amount": "1"},
            {"type": "SET_TIER", "tier": "status", "level": "gold"},
        ],
    }
    rule = f"{RULES}/{api.post(RULES, body).json()['id']}"
    assert api.patch(rule, {"condition": "true", "actions": []}).status_code == 200
    assert api.delete(ladder).status_code == 204
    link.delete()

    response = api.post(f"{rule}/restore", {"version": 1})

    assert response.status_code == 400
    fields = {field for field, _ in refusals(response)}
    assert {"condition", "actions[0].asset_id", "actions[1].tier"} <= fields
    assert Rule.objects.get().version == 2


def test_a_text_that_the_language_refuses_by_now_is_refused_with_its_place(
    api: APIClient, rule: str
) -> None:
    RuleVersion.objects.bulk_create(
        [
            RuleVersion(
                rule=Rule.objects.get(),
                version=2,
                snapshot={**Rule.objects.get().snapshot(), "condition": "1 +"},
                changed_by="x",
            )
        ]
    )
    Rule.objects.update(version=2)

    response = api.post(f"{rule}/restore", {"version": 2})

    [error] = response.json()["details"]["fields"]
    assert (response.status_code, error["field"]) == (400, "condition")
    assert error["position"]["line"] == 1


def test_what_is_wrong_with_the_rest_does_not_hinder(api: APIClient, rule: str) -> None:
    api.patch(rule, {"name": "New"})
    broken = "no_such.thing > 1"
    Rule.objects.update(condition=broken)
    for version in RuleVersion.objects.all():
        RuleVersion.objects.filter(pk=version.pk).update(
            snapshot={**version.snapshot, "condition": broken}
        )

    response = api.post(f"{rule}/restore", {"version": 1})

    assert (response.status_code, response.json()["name"]) == (200, "Welcome")


def test_another_window_of_a_counter_is_a_conflict(
    api: APIClient, new: dict[str, Any], rule: str
) -> None:
    def counting(window: str) -> list[dict[str, str]]:
        return [{"type": "COUNTER", "key": "visits", "value": "1", "reset_after": window}]

    api.patch(rule, {"actions": counting("24h")})
    api.patch(rule, {"actions": []})
    assert api.post(RULES, {**new, "actions": counting("48h")}).status_code == 201

    response = api.post(f"{rule}/restore", {"version": 2})

    assert (response.status_code, response.json()["code"]) == (409, "in_use")


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ({}, ("version", "required")),
        ({"version": None}, ("version", "type")),
        ({"version": "1"}, ("version", "type")),
        ({"version": 1.5}, ("version", "type")),
        ({"version": True}, ("version", "type")),
        ({"version": 0}, ("version", "out_of_range")),
        ({"version": 10**20}, ("version", "out_of_range")),
        ({"version": 1, "name": "x"}, ("name", "unknown")),
        ([], ("body", "type")),
    ],
)
def test_a_body_that_names_no_version_of_the_rule_is_refused(
    api: APIClient, rule: str, body: Any, refused: tuple[str, str]
) -> None:
    response = api.post(f"{rule}/restore", body)

    assert response.status_code == 400
    assert refusals(response) == [refused]


def test_a_version_of_another_rule_is_not_restored(
    api: APIClient, new: dict[str, Any], rule: str
) -> None:
    other = f"{RULES}/{api.post(RULES, {**new, 'name': 'Other'}).json()['id']}"
    api.patch(other, {"name": "Others"})

    response = api.post(f"{rule}/restore", {"version": 2})
    assert response.status_code == 404
    assert response.json()["message"] == "The rule has no version 2; its newest is 1."
    assert (
        api.post(
            f"{RULES}/{Rule.objects.get(order=10).program_id}/restore", {"version": 1}
        ).status_code
        == 404
    )


@pytest.mark.django_db(transaction=True)
def test_of_restorings_at_once_one_makes_a_version(api: APIClient, rule: str) -> None:
    api.patch(rule, {"name": "New"})

    answers = at_once([partial(api.post, f"{rule}/restore", {"version": 1}) for _ in range(6)])

    assert {(each.status_code, each.json()["version"]) for each in answers} == {(200, 3)}
    kept = RuleVersion.objects.order_by("version").values_list("version", "restored_from")
    assert list(kept) == [(1, None), (2, None), (3, 1)]


@pytest.mark.parametrize(
    ("scope", "status"), [(Scope.PROGRAMS_WRITE, 200), (Scope.PROGRAMS_READ, 403)]
)
def test_restoring_needs_the_right_to_change(rule: str, scope: Scope, status: int) -> None:
    _, secret = issue(name="tests", scopes=[scope], by=TESTER)
    rulebook.change(Rule.objects.get().pk, {"name": "New"}, by=TESTER)

    response = APIClient(headers={"X-API-Key": secret}).post(f"{rule}/restore", {"version": 1})

    assert response.status_code == status
    assert (Rule.objects.get().name == "Welcome") == (status == 200)
