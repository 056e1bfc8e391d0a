import json
from collections import Counter
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from rest_framework.test import APIClient

from programs import assets
from programs.api_keys import issue
from programs.models import Program, Rule, RuleVersion, Scope, TierTrack
from tests.conftest import TESTER
from tests.participants.test_races import at_once

RULES = "/v1/rules"
JUDGE = "/v1/rules/validate"
TAG = {"type": "TAG", "tag": "vip"}


@pytest.fixture
def new(program: Program) -> dict[str, Any]:
    """A body that creates a rule."""
    return {
        "program_id": str(program.id),
        "name": "Welcome",
        "condition": "true",
        "actions": [TAG],
    }


@pytest.fixture
def rule(api: APIClient, new: dict[str, Any]) -> str:
    """The address of a rule."""
    created = api.post(RULES, new)
    assert created.status_code == 201, created.json()
    return f"{RULES}/{created.json()['id']}"


def refusals(response: Any) -> list[tuple[str, str]]:
    assert response.status_code == 400, response.json()
    assert response.json()["code"] == "validation_failed"
    return [(each["field"], each["reason"]) for each in response.json()["details"]["fields"]]


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
        "created_at": f"{rule.created_at:%Y-%m-%dT%H:%M:%S.%fZ}",
        "updated_at": f"{rule.updated_at:%Y-%m-%dT%H:%M:%S.%fZ}",
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

    assert created.content == shown.content == same.content
    spelled = ["type", "asset_id", "amount", "bucket", "description", "matures_at"]
    assert list(created.json()["actions"][0]) == spelled
    assert created.json()["active_from"] == "0001-01-01T00:00:00.000000Z"
    assert created.json()["active_to"] == "2026-01-15T10:30:00.000000Z"
    assert changed.json()["order"] == 2
    [row] = api.get(RULES).json()["data"]
    assert row == changed.json()
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


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ({"program_id": str(uuid4())}, ("program_id", "read_only")),
        ({"program_id": None}, ("program_id", "read_only")),
        ({"order": None}, ("order", "type")),
        ({"condition": "event."}, ("condition", "syntax")),
        ({"actions": None}, ("actions", "required")),
        ({"status": "OPEN"}, ("status", "invalid")),
        ({"version": 1}, ("version", "unknown")),
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


def test_a_change_leaves_what_it_does_not_name(api: APIClient, rule: str) -> None:
    before = api.get(rule).json()

    after = api.patch(rule, {"stop_after_match": True, "description": "d"})

    assert after.status_code == 200
    assert after.json() == api.get(rule).json()
    assert after.json() == {
        **before,
        "stop_after_match": True,
        "description": "d",
        "version": 2,
        "updated_at": after.json()["updated_at"],
    }


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


# Lists


def test_rules_are_listed_filtered_and_sorted(api: APIClient, new: dict[str, Any]) -> None:
    other = Program.objects.create(name="Other")
    rules: dict[str, dict[str, Any]] = {
        "a": {"order": 30},
        "b": {"order": 20, "status": "SUSPENDED"},
        "c": {"order": 40, "status": "ARCHIVED"},
        "d": {"order": 10, "program_id": str(other.pk)},
    }
    for name, more in rules.items():
        assert api.post(RULES, {**new, "name": name, **more}).status_code == 201

    def names(**query: Any) -> str:
        answer = api.get(RULES, query).json()
        follow = answer["pagination"]["next_cursor"]
        rest = names(**{**query, "cursor": follow}) if follow else ""
        return "".join(row["name"] for row in answer["data"]) + rest

    assert names() == names(limit=1) == "dba"
    assert names(sort_dir="asc") == "abd"
    assert names(sort_by="order", sort_dir="asc") == "dba"
    assert names(sort_by="order", limit=2, include_archived="true") == "cabd"
    assert names(program_id=new["program_id"]) == "ba"
    assert names(program_id=new["program_id"], include_archived="true") == "cba"
    assert names(program_id=str(uuid4())) == ""
    assert names(status="ARCHIVED") == "c"
    assert names(status="SUSPENDED") == "b"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"program_id": "club"}, "program_id"),
        ({"status": "OPEN"}, "status"),
        ({"include_archived": "yes"}, "include_archived"),
        ({"sort_by": "name"}, "sort_by"),
        ({"cursor": "forged"}, "cursor"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(
    api: APIClient, query: dict[str, str], field: str
) -> None:
    assert [name for name, _ in refusals(api.get(RULES, query))] == [field]


@pytest.mark.parametrize("place", ["", "/{rule}/history"])
def test_a_list_costs_the_same_however_many_there_are(
    api: APIClient, new: dict[str, Any], rule: str, queries: list[str], place: str
) -> None:
    path = RULES + place.replace("/{rule}", rule.removeprefix(RULES))
    costs = set()
    for count in (1, 30):
        for number in range(count):
            api.post(RULES, new)
            api.patch(rule, {"name": f"{count} {number}"})
        queries.clear()
        rows = api.get(path).json()["data"]
        costs.add(len(queries))

    assert len(rows) == 32
    assert costs == {2 if place else 1}  # the rule and its versions, or the rules


# History


def test_the_history_tells_each_edit_and_who_made_it(
    api: APIClient, new: dict[str, Any], rule: str
) -> None:
    created = api.get(rule).json()
    api.patch(rule, {"name": "New", "actions": []})
    api.delete(rule)

    answer = api.get(f"{rule}/history").json()

    fields = ["name", "description", "condition", "actions", "order"]
    fields += ["stop_after_match", "active_from", "active_to", "status"]
    original = {name: created[name] for name in fields}
    now = {**original, "name": "New", "actions": []}
    moments = {version.version: version.changed_at for version in RuleVersion.objects.all()}
    by = RuleVersion.objects.filter(version=1).get().changed_by
    assert by.startswith("api_key:tests")
    assert answer["pagination"] == {"has_more": False, "next_cursor": None}
    assert answer["data"] == [
        {
            "version": version,
            "changed_by": by,
            "changed_at": f"{moments[version]:%Y-%m-%dT%H:%M:%S.%fZ}",
            "changes": [
                {"field": name, "old": old, "new": value} for name, (old, value) in changes.items()
            ],
            "snapshot": snapshot,
        }
        for version, changes, snapshot in (
            (3, {"status": ("ACTIVE", "ARCHIVED")}, {**now, "status": "ARCHIVED"}),
            (2, {"name": ("Welcome", "New"), "actions": ([TAG], [])}, now),
            (1, {name: (None, value) for name, value in original.items()}, original),
        )
    ]


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_changes_are_told_across_pages(api: APIClient, rule: str, direction: str) -> None:
    for name in "abc":
        api.patch(rule, {"name": name})

    asked: dict[str, Any] = {"limit": 2, "sort_dir": direction}
    first = api.get(f"{rule}/history", asked).json()
    follow = first["pagination"]["next_cursor"]
    second = api.get(f"{rule}/history", {**asked, "cursor": follow}).json()

    rows = [*first["data"], *second["data"]]
    told = {row["version"]: [change["field"] for change in row["changes"]] for row in rows}
    assert list(told) == ([1, 2, 3, 4] if direction == "asc" else [4, 3, 2, 1])
    assert [told[version] for version in (2, 3, 4)] == [["name"]] * 3
    assert len(told[1]) == 9


# Validation


@pytest.mark.parametrize(
    "body",
    [
        {"condition": 'event.type == "purchase"'},
        {"actions": []},
        {"actions": [TAG]},
        {"actions": [{"type": "CREDIT", "asset_id": str(uuid4()), "amount": "1"}]},
        {"actions": [{"type": "SET_TIER", "tier": "status", "level": "gold"}]},
    ],
)
def test_what_is_right_is_valid_and_not_stored(api: APIClient, body: dict[str, Any]) -> None:
    response = api.post(JUDGE, body)

    assert response.status_code == 200
    assert response.json() == {"valid": True, "message": "", "errors": []}
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
        ({"condition": "true", "actions": []}, "body"),
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


# Who may


@pytest.mark.parametrize(
    ("scope", "method", "path", "status"),
    [
        (Scope.PROGRAMS_READ, "get", RULES, 200),
        (Scope.PROGRAMS_READ, "get", "{rule}", 200),
        (Scope.PROGRAMS_READ, "get", "{rule}/history", 200),
        (Scope.PROGRAMS_READ, "post", JUDGE, 400),
        (Scope.PROGRAMS_READ, "post", RULES, 403),
        (Scope.PROGRAMS_READ, "patch", "{rule}", 403),
        (Scope.PROGRAMS_READ, "delete", "{rule}", 403),
        (Scope.PROGRAMS_WRITE, "get", RULES, 403),
        (Scope.PROGRAMS_WRITE, "get", "{rule}/history", 403),
        (Scope.PROGRAMS_WRITE, "post", JUDGE, 403),
        (Scope.PROGRAMS_WRITE, "post", RULES, 400),
        (Scope.PROGRAMS_WRITE, "patch", "{rule}", 200),
        (Scope.PROGRAMS_WRITE, "delete", "{rule}", 204),
        (Scope.EVENTS_WRITE, "patch", "{rule}", 403),
    ],
)
def test_each_call_needs_its_scope(
    rule: str, scope: Scope, method: str, path: str, status: int
) -> None:
    _, secret = issue(name="tests", scopes=[scope], by=TESTER)
    path = path.replace("{rule}", rule)

    response = getattr(APIClient(headers={"X-API-Key": secret}), method)(path, {})

    assert response.status_code == status


# By hand, in the browser


def browser(*permissions: str) -> Client:
    user = User.objects.create_user("rosa", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client(headers={"Accept": "text/html"})
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def submit(client: Client, method: str, path: str, form: dict[str, Any]) -> Any:
    body = encode_multipart(BOUNDARY, form)
    return client.generic(method, path, body, content_type=MULTIPART_CONTENT)


def test_the_forms_of_rules_create_change_and_judge_them(new: dict[str, Any], rule: str) -> None:
    rosa = browser("add_rule", "change_rule", "view_rule")
    form = {
        **new,
        "actions": json.dumps([TAG]),
        "description": "",
        "order": "7",
        "stop_after_match": "true",
        "active_from": "2026-01-01T10:30",
        "active_to": "",
        "status": "",
    }

    created = submit(rosa, "POST", RULES, form)
    changed = submit(rosa, "PATCH", rule, {"name": "", "stop_after_match": "true", "actions": "[]"})
    broken = submit(rosa, "POST", RULES, {**form, "actions": "[{]"})
    refused = submit(rosa, "POST", RULES, {**form, "actions": "[{}]"})
    taken = submit(rosa, "POST", RULES, {**form, "order": "10"})
    judged = submit(rosa, "POST", JUDGE, {"condition": "1 +", "actions": "", "program_id": ""})
    listed, shown = rosa.get(RULES).content.decode(), rosa.get(rule).content.decode()

    assert [response.status_code for response in (created, changed)] == [201, 200]
    assert [response.status_code for response in (broken, refused)] == [400, 400]
    assert (taken.status_code, judged.status_code) == (409, 200)
    made = Rule.objects.get(order=7)
    assert (made.stop_after_match, made.active_from is None, made.active_to) == (True, False, None)
    assert Rule.objects.get(order=10).actions == []
    assert RuleVersion.objects.filter(changed_by="staff:rosa").count() == 2
    assert "The text is not JSON" in broken.content.decode()
    assert "actions[0].type: Give one of CREDIT" in refused.content.decode()
    assert "has the order 10." in taken.content.decode()
    for page in (listed, shown):
        assert '<textarea name="actions"' in page
        assert '<textarea name="condition"' in page
        assert 'name="stop_after_match"' in page
        assert "checkbox" not in page


@pytest.mark.parametrize(
    ("permission", "method", "path", "status"),
    [
        ("view_rule", "GET", RULES, 200),
        ("view_rule", "GET", "{rule}", 200),
        ("view_rule", "GET", "{rule}/history", 200),
        ("view_rule", "POST", JUDGE, 400),
        ("view_rule", "POST", RULES, 403),
        ("view_rule", "PATCH", "{rule}", 403),
        ("add_rule", "POST", RULES, 400),
        ("add_rule", "POST", JUDGE, 403),
        ("change_rule", "PATCH", "{rule}", 200),
        ("change_rule", "DELETE", "{rule}", 403),
        ("delete_rule", "DELETE", "{rule}", 204),
        ("view_program", "GET", RULES, 403),
    ],
)
def test_staff_may_do_with_rules_what_their_permissions_say(
    rule: str, permission: str, method: str, path: str, status: int
) -> None:
    response = submit(browser(permission), method, path.replace("{rule}", rule), {})

    # DRF's page shows a 204 as a 200.
    assert response.status_code in ({204, 200} if status == 204 else {status})


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
