"""Who may call what about tracks, and the forms that staff have for it."""

import json
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from programs.api_keys import issue
from programs.models import Program, Scope, TierTrackVersion
from tests.conftest import TESTER
from tests.programs.api.tracks import GOLD


@pytest.mark.parametrize(
    ("scope", "method", "place", "status"),
    [
        (Scope.PROGRAMS_READ, "get", "", 200),
        (Scope.PROGRAMS_READ, "get", "/status", 200),
        (Scope.PROGRAMS_READ, "post", "", 403),
        (Scope.PROGRAMS_READ, "patch", "/status", 403),
        (Scope.PROGRAMS_READ, "delete", "/status", 403),
        (Scope.PROGRAMS_WRITE, "get", "", 403),
        (Scope.PROGRAMS_WRITE, "post", "", 400),
        (Scope.PROGRAMS_WRITE, "patch", "/status", 200),
        (Scope.PROGRAMS_WRITE, "delete", "/status", 204),
        (Scope.BALANCES_WRITE, "patch", "/status", 403),
    ],
)
def test_each_call_needs_its_scope(
    path: str, ladder: str, scope: Scope, method: str, place: str, status: int
) -> None:
    _, secret = issue(name="tests", scopes=[scope], by=TESTER)

    response = getattr(APIClient(headers={"X-API-Key": secret}), method)(path + place, {})

    assert response.status_code == status


# By hand, in the browser


def test_the_forms_of_tracks_create_and_change_them(
    admin_client: Client, path: str, program: Program
) -> None:
    page = Client.get
    browser: Any = {"headers": {"Accept": "text/html"}}
    form = {"key": "status", "display_name": "", "levels": json.dumps([GOLD])}

    created = admin_client.post(path, form, **browser)
    broken = admin_client.post(path, {"key": "other", "levels": "[{]"}, **browser)
    refused = admin_client.post(path, {"key": "other", "levels": "[{}]"}, **browser)
    shown = page(admin_client, f"{path}/status", **browser).content.decode()

    assert (created.status_code, broken.status_code, refused.status_code) == (201, 400, 400)
    assert "The text is not JSON" in broken.content.decode()
    assert "levels[0].key: This field is required." in refused.content.decode()
    assert '<textarea name="levels"' in shown
    assert TierTrackVersion.objects.get().changed_by == "staff:admin"
