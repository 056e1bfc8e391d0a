"""Under HTTPS, what comes over plain HTTP with a key or an unsafe method is refused, never redirected."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client, override_settings

from participants.models import Participant
from programs import api_keys
from programs.models import ApiKey, Scope
from tests.conftest import TESTER

METHODS = ["GET", "HEAD", "OPTIONS", "TRACE", "POST", "PUT", "PATCH", "DELETE"]


@pytest.fixture(autouse=True)
def https() -> Iterator[None]:
    with override_settings(HTTPS=True, SECURE_SSL_REDIRECT=True):
        yield


@pytest.fixture
def issued(db: None) -> tuple[ApiKey, str]:
    return api_keys.issue(name="shop", scopes=Scope.values, by=TESTER)


def exposed_at(row: ApiKey) -> Any:
    row.refresh_from_db()
    return row.exposed_at


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", ["/v1/participants", "/admin/login/", "/docs"])
@pytest.mark.parametrize("header", [None, "X-API-Key", "Authorization"])
def test_only_a_keyless_read_is_redirected(
    client: Client, issued: tuple[ApiKey, str], method: str, path: str, header: str | None
) -> None:
    row, key = issued
    value = f"Bearer {key}" if header == "Authorization" else key
    response = client.generic(
        method, path, b'{"external_id": "ana"}', headers={header: value} if header else {}
    )

    if header is None and method in ("GET", "HEAD", "OPTIONS", "TRACE"):
        assert (response.status_code, response["Location"]) == (301, f"https://testserver{path}")
    else:
        assert response.status_code == 403
        assert b"https" in response.content or method == "HEAD"
        if path.startswith("/v1/") and method != "HEAD":
            assert response.json()["code"] == "https_required"
            assert response.json()["request_id"] == response["X-Request-ID"]
    assert not Participant.objects.exists()
    assert (exposed_at(row) is not None) == (header is not None)


def test_over_https_all_is_as_ever(client: Client, issued: tuple[ApiKey, str]) -> None:
    row, key = issued
    response = client.post(
        "/v1/participants",
        {"external_id": "ana"},
        content_type="application/json",
        headers={"X-API-Key": key},
        secure=True,
    )

    assert response.status_code == 201
    assert exposed_at(row) is None


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_come_over_plain_http(db: None, client: Client, path: str) -> None:
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("key", ["", "nonsense", "lrl_" + "0" * 38])
def test_a_key_that_is_none_marks_nothing(client: Client, issued: Any, key: str) -> None:
    response = client.get("/v1/programs", headers={"X-API-Key": key})

    assert response.status_code == (403 if key else 301)
    assert exposed_at(issued[0]) is None


def test_an_exposure_is_written_once_a_minute(
    client: Client, issued: tuple[ApiKey, str], queries: list[str]
) -> None:
    row, key = issued
    client.get("/v1/programs", headers={"X-API-Key": key})
    first = exposed_at(row)
    client.get("/v1/programs", headers={"X-API-Key": key})

    assert exposed_at(row) == first is not None


@pytest.mark.parametrize(
    ("proto", "is_marked"), [("http", True), ("HTTP", False), ("http,https", False), (None, False)]
)
def test_behind_a_proxy_the_proxy_says_how_the_key_came(
    client: Client, issued: tuple[ApiKey, str], proto: str | None, is_marked: bool
) -> None:
    row, key = issued
    headers = {"X-API-Key": key} | ({"X-Forwarded-Proto": proto} if proto else {})
    with override_settings(
        BEHIND_PROXY=True, SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https")
    ):
        response = client.post("/v1/events", headers=headers)

    assert response.json()["code"] == "https_required"
    assert ("X-Forwarded-Proto" in response.json()["message"]) == (proto is None)
    assert (exposed_at(row) is not None) == is_marked


def test_without_a_database_the_refusal_is_the_same(client: Client, issued: Any) -> None:
    def lost(*_: object) -> None:
        raise OperationalError("the connection is lost")

    with connection.execute_wrapper(lost):
        response = client.get("/v1/programs", headers={"X-API-Key": issued[1]})

    assert response.json()["code"] == "https_required"


def test_an_administrator_sees_and_clears_the_mark(
    admin_client: Client, issued: tuple[ApiKey, str]
) -> None:
    row, _ = issued
    api_keys.note_exposure(row)
    page = f"/admin/programs/apikey/{row.pk}/"

    shown = admin_client.get(f"{page}change/", secure=True).content.decode()
    listed = admin_client.get("/admin/programs/apikey/?state=exposed", secure=True)
    assert "This key came over plain HTTP" in shown
    assert "Clear the mark" in shown
    assert row.name in listed.content.decode()

    assert admin_client.get(f"{page}clear/", secure=True).status_code == 302
    assert exposed_at(row) is not None
    assert admin_client.post(f"{page}clear/", secure=True).status_code == 302
    assert exposed_at(row) is None
    assert "Clear the mark" not in admin_client.get(f"{page}change/", secure=True).content.decode()
