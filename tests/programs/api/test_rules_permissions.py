"""Who may call what about rules, and the forms that staff have for it."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from rest_framework.test import APIClient

from programs.api_keys import issue
from programs.models import Rule, RuleVersion, Scope
from tests.conftest import TESTER

RULES = "/v1/rules"
JUDGE = "/v1/rules/validate"
TAG = {"type": "TAG", "tag": "vip"}


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
