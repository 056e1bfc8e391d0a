"""Sessions, CSRF and the rules for pages are for browsers; a call with a key goes without them."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from participants.models import Participant


@pytest.fixture
def boss(db: None) -> Client:
    """Staff who may do everything, signed in, and whose forms are checked for their token."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("boss", password="-"))
    return client


def test_a_call_with_a_key_looks_for_no_session(boss: Client, key: str, queries: list[str]) -> None:
    boss.get("/v1/participants", headers={"X-API-Key": key})
    queries.clear()

    boss.get("/v1/participants", headers={"X-API-Key": key})

    assert len(queries) == 1
    assert "participants_participant" in queries[0]


@pytest.mark.parametrize(
    "header",
    [
        {"X-API-Key": "lrl_wrong"},
        {"Authorization": "Bearer lrl_wrong"},
        {"X-API-Key": "lrl_wrong", "Accept": "text/html"},
    ],
)
def test_a_session_does_not_help_a_key_that_is_refused(
    boss: Client, header: dict[str, str]
) -> None:
    assert boss.get("/v1/participants", headers=header).status_code == 401


@pytest.mark.parametrize(
    "header", [{"X-API-Key": ""}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer "}]
)
def test_without_a_key_a_session_needs_its_csrf_token(boss: Client, header: dict[str, str]) -> None:
    response = boss.post(
        "/v1/participants", {"external_id": "ana"}, content_type="application/json", headers=header
    )

    assert response.status_code == 403
    assert "CSRF" in response.json()["message"]
    assert not Participant.objects.exists()


@pytest.mark.parametrize("address", ["/v1/participants?format=api", "/v1/participants"])
def test_a_page_is_protected_whoever_asks_for_it(api: APIClient, address: str) -> None:
    response = api.get(address, headers={"Accept": "text/html" if "?" not in address else "*/*"})

    assert response["Content-Type"].startswith("text/html")
    assert "default-src 'self'" in response["Content-Security-Policy"]
    assert response["X-Frame-Options"] == "DENY"


def test_json_is_never_taken_for_a_page(api: APIClient) -> None:
    response = api.get("/v1/participants")

    assert response["Content-Type"] == "application/json"
    assert response["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/admin/login/", "/docs"])
def test_a_key_changes_nothing_outside_the_api(api: APIClient, path: str) -> None:
    assert "Content-Security-Policy" in api.get(path).headers
