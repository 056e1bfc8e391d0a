"""Each call of the API has one row in the tables of rights, and is held to it."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.urls import URLPattern
from rest_framework.test import APIClient

import participants.api.permissions
import participants.api.urls
import programs.api.permissions
import programs.api.urls
from programs.api.permissions import DECLARED as REQUIREMENTS
from programs.api_keys import issue
from programs.models import Scope
from tests.conftest import TESTER

NAMES = {"participant": "external:ana", "tag": "vip", "key": "plan", "counter": "spent"}


def calls() -> Iterator[tuple[str, str, str]]:
    """Every call: its name, its method and an address of it."""
    for pattern in [*participants.api.urls.urlpatterns, *programs.api.urls.urlpatterns]:
        assert isinstance(pattern, URLPattern)
        route = re.sub(r"<id:\w+>", str(UUID(int=7)), str(pattern.pattern))
        route = re.sub(r"<\w+:(\w+)>", lambda found: NAMES.get(found[1], "status"), route)
        view: Any = pattern.callback
        for method, action in list(view.actions.items()):  # a call adds HEAD to them
            yield f"{view.cls.__name__}.{action}", method, f"/v1/{route}"


def test_each_call_has_one_row_and_no_row_is_unused() -> None:
    patterns: list[Any] = [*participants.api.urls.urlpatterns, *programs.api.urls.urlpatterns]
    views = {pattern.callback.cls for pattern in patterns}
    tables = [programs.api.permissions.REQUIREMENTS, participants.api.permissions.REQUIREMENTS]

    assert {name for name, _, _ in calls()} | {"RootViewSet.retrieve"} == REQUIREMENTS.keys()
    assert len({view.__name__ for view in views}) == len(views)
    assert sum(map(len, tables)) + 1 == len(REQUIREMENTS)


@pytest.mark.django_db
def test_a_key_without_the_scope_is_told_which_it_lacks() -> None:
    clients = {}
    for lacking in Scope:
        _, key = issue(name=lacking, scopes=[*{*Scope.values} - {lacking}], by=TESTER)
        clients[lacking] = APIClient(headers={"X-API-Key": key})

    for name, method, path in calls():
        scope = REQUIREMENTS[name].scope
        assert scope, name
        response = getattr(clients[scope], method)(path)
        assert response.status_code == 403, (name, method)
        assert method == "head" or str(scope) in response.json()["message"], (name, method)


@pytest.mark.django_db
def test_staff_without_the_permission_are_told_which_they_lack() -> None:
    client = APIClient()
    client.force_authenticate(User.objects.create_user("rosa", is_staff=True))

    for name, method, path in calls():
        requirement = REQUIREMENTS[name]
        response = getattr(client, method)(path)
        assert response.status_code == 403, (name, method)
        for permission in () if method == "head" else requirement.all_of + requirement.any_of:
            assert permission in response.json()["message"], (name, method)


@pytest.mark.django_db
def test_each_permission_exists() -> None:
    boss = User.objects.create_superuser("boss")
    known = boss.get_all_permissions()

    for name, requirement in REQUIREMENTS.items():
        assert requirement.scope is None or requirement.all_of or requirement.any_of, name
        assert known.issuperset(requirement.all_of + requirement.any_of), name
