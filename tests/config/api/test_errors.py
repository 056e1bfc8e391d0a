import re

import pytest
from django.db import OperationalError, connection
from django.test import override_settings
from rest_framework.test import APIClient

from participants import state
from participants.api.participants import ParticipantViewSet
from tests.conftest import TESTER


def test_an_error_repeats_the_callers_request_id(api: APIClient) -> None:
    response = api.get("/v1/participants/external:nobody", headers={"X-Request-ID": "abc-1.2:3"})

    assert response.headers["X-Request-ID"] == "abc-1.2:3"
    assert response.json() == {
        "code": "not_found",
        "message": "There is no participant with this id.",
        "request_id": "abc-1.2:3",
    }


@pytest.mark.parametrize("sent", ["", "x" * 129, "a b", 'a"b', "é", "a\tb"])
def test_an_insane_request_id_is_replaced(api: APIClient, sent: str) -> None:
    response = api.get("/v1/programs", headers={"X-Request-ID": sent})

    assert re.fullmatch(r"[0-9a-f-]{36}", response.headers["X-Request-ID"])


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("get", "/v1/nothing", 404, "not_found"),
        ("get", "/v1/participants/", 404, "not_found"),
        ("get", "/v1/participants/7", 404, "not_found"),
        ("get", "/v1/participants/external:", 404, "not_found"),
        ("get", "/v1/programs/00000000-0000-7000-8000-000000000000", 404, "not_found"),
        ("delete", "/v1/participants", 405, "method_not_allowed"),
        ("put", "/v1/participants/external:ana", 405, "method_not_allowed"),
        ("delete", "/v1/participants/external:ana", 405, "method_not_allowed"),
        ("get", "/v1/participants/batch", 405, "method_not_allowed"),
    ],
)
def test_what_is_not_there_is_told_in_the_apis_own_form(
    api: APIClient, method: str, path: str, status: int, code: str
) -> None:
    response = getattr(api, method)(path)

    assert response.status_code == status
    assert response.json().keys() == {"code", "message", "request_id"}
    assert response.json()["code"] == code
    assert response.json()["request_id"] == response.headers["X-Request-ID"]


def test_a_bug_tells_the_caller_nothing_of_itself(
    api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr(ParticipantViewSet, "retrieve", broken)
    api.raise_request_exception = False

    response = api.get("/v1/participants/external:ana")

    assert response.status_code == 500
    assert response.json()["code"] == "internal_error"
    assert b"secret inside" not in response.content


@override_settings(ALLOWED_HOSTS=["laurel.example"])
def test_a_foreign_host_header_is_400(api: APIClient) -> None:
    response = api.get("/v1/participants", headers={"Host": "evil.example"})

    assert response.status_code == 400


def test_a_lost_database_is_told_as_something_that_passes(api: APIClient) -> None:
    api.get("/v1/programs")

    def lost(*_: object) -> None:
        raise OperationalError("the connection is lost")

    with connection.execute_wrapper(lost):
        response = api.get("/v1/programs")

    assert response.status_code == 503
    assert response.json()["code"] == "unavailable"
    assert response.headers["Retry-After"] == "1"


def test_no_cache_on_the_way_may_keep_an_answer(api: APIClient) -> None:
    assert api.get("/v1/programs").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("sent", "external_id"),
    [
        ("/v1/participants/external:a%2Fstatus", "a/status"),
        ("/v1/participants/external:a%2fstate%2ftags", "a/state/tags"),
        ("/v1/participants/external:100%25", "100%"),
        ("/v1/participants/external:100%252F", "100%2F"),
        ("/v1/participants/external:%C3%A9%20%3F", "é ?"),
    ],
)
def test_an_encoded_slash_belongs_to_the_external_id(
    api: APIClient, sent: str, external_id: str
) -> None:
    state.change(state.Change(), to=external_id, by=TESTER, rights=state.ALL_RIGHTS)
    state.change(state.Change(), to="a", by=TESTER, rights=state.ALL_RIGHTS)

    # As gunicorn calls us: PATH_INFO is decoded already, RAW_URI is what was sent.
    response = api.get(sent, RAW_URI=sent)

    assert response.json()["external_id"] == external_id


@pytest.mark.parametrize(
    "sent", ["/anything%2F/v1/participants", "/x/v1/participants/external:a%2Fb", "//v1/a%2Fb"]
)
def test_a_foreign_prefix_does_not_lead_into_the_api(api: APIClient, sent: str) -> None:
    assert api.get(sent, RAW_URI=sent).status_code == 404


def test_json_is_answered_to_whoever_does_not_ask_for_a_page(api: APIClient) -> None:
    for accept in ("", "*/*", "application/json", "application/xml", "image/png"):
        response = api.get("/v1/programs", headers={"Accept": accept})

        assert response.status_code == 200
        assert response.headers["Content-Type"] == "application/json"
