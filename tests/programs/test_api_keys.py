import base64
import string
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest
import time_machine
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from programs import api_keys
from programs.models import ApiKey, Scope
from tests.conftest import TESTER

SOME_ID = "00000000-0000-7000-8000-000000000000"
CHARACTERS = string.ascii_letters + string.digits


def get(key: str) -> int:
    status: int = APIClient(headers={"X-API-Key": key}).get("/v1/programs").status_code
    return status


def test_a_key_is_stored_as_its_digest_only(key: str) -> None:
    row = ApiKey.objects.values().get()

    assert len(key) == 42
    assert key.startswith("lrl_")
    assert all(key not in str(value) and key[8:-4] not in str(value) for value in row.values())
    assert (row["prefix"], row["suffix"]) == (key[:8], key[-4:])


def test_a_key_is_taken_from_either_header(key: str) -> None:
    as_bearer = APIClient(headers={"Authorization": f"Bearer {key}"}).get("/v1/programs")

    assert get(key) == 200
    assert as_bearer.status_code == 200


def test_a_key_in_the_url_is_not_taken(key: str, client: APIClient) -> None:
    assert client.get(f"/v1/programs?api_key={key}&X-API-Key={key}").status_code == 401


def test_without_a_key_the_answer_says_how_to_send_one(db: None) -> None:
    response = APIClient().get("/v1/programs")

    assert response.status_code == 401
    assert response.json()["code"] == "unauthorized"
    assert "X-API-Key" in response.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "mistake",
    [
        lambda key: key[:-1],
        lambda key: key + "0",
        lambda key: key.replace("lrl_", "lrm_"),
        lambda key: key[:10] + ("a" if key[10] != "a" else "b") + key[11:],
        lambda key: key[:-1] + ("a" if key[-1] != "a" else "b"),
        lambda key: key.swapcase(),
        lambda key: "é" * 42,
        lambda key: base64.b64encode(key.encode()).decode(),
        lambda key: " ",
        lambda key: "x" * 100_000,
    ],
)
def test_a_malformed_key_costs_no_query(mistake: object, key: str, queries: list[str]) -> None:
    response = APIClient(headers={"X-API-Key": mistake(key)}).get("/v1/programs")  # type: ignore[operator]

    assert response.status_code == 401
    assert queries == []


@given(st.text(CHARACTERS, min_size=38, max_size=38))
def test_a_guess_hardly_ever_has_the_right_checksum(body: str) -> None:
    assert not api_keys.is_well_formed("lrl_" + body)


def test_a_well_formed_key_that_nobody_issued_is_refused(key: str) -> None:
    ApiKey.objects.all().delete()

    assert get(key) == 401


def test_a_known_key_costs_no_query_for_four_seconds(key: str, queries: list[str]) -> None:
    get(key)
    queries.clear()

    get(key)

    assert len(queries) == 1  # the list itself
    assert "apikey" not in queries[0]


def test_a_revoked_key_stops_within_five_seconds(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert get(key) == 200
    api_keys.revoke(ApiKey.objects.get())
    later = SimpleNamespace(monotonic=lambda: time.monotonic() + 4.9)
    monkeypatch.setattr(api_keys, "time", later)

    assert get(key) == 401


def test_an_expired_key_stops_at_once(key: str) -> None:
    row = ApiKey.objects.get()
    row.expires_at = timezone.now() + timedelta(seconds=60)
    row.save()

    with time_machine.travel(timezone.now(), tick=False) as clock:
        assert get(key) == 200
        clock.shift(61)
        assert get(key) == 401


def test_a_key_lacking_the_scope_is_told_which(db: None) -> None:
    _, key = api_keys.issue(name="reader", scopes=[Scope.PROGRAMS_READ], by=TESTER)
    api = APIClient(headers={"X-API-Key": key})

    response = api.post("/v1/programs", {"name": "Club"})

    assert api.get("/v1/programs").status_code == 200
    assert response.status_code == 403
    assert response.json()["code"] == "forbidden"
    assert "programs:write" in response.json()["message"]


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("get", "/v1/participants", "participants:read"),
        ("post", "/v1/participants", "participants:write"),
        ("post", "/v1/participants/batch", "participants:write"),
        ("get", "/v1/participants/external:a", "participants:read"),
        ("patch", "/v1/participants/external:a", "participants:write"),
        ("patch", "/v1/participants/external:a/status", "participants:write"),
        ("get", "/v1/participants/external:a/state/tags", "participants:read"),
        ("put", "/v1/participants/external:a/state/tags", "participants:write"),
        ("put", "/v1/participants/external:a/state/tags/x", "participants:write"),
        ("delete", "/v1/participants/external:a/state/tags/x", "participants:write"),
        ("get", "/v1/participants/external:a/state/attributes", "participants:read"),
        ("patch", "/v1/participants/external:a/state/attributes", "participants:write"),
        ("put", "/v1/participants/external:a/state/attributes/x", "participants:write"),
        ("delete", "/v1/participants/external:a/state/attributes/x", "participants:write"),
        ("get", "/v1/participants/external:a/activity/state-history", "participants:read"),
        ("get", f"/v1/participants/external:a/enrollments/{SOME_ID}", "participants:read"),
        ("put", f"/v1/participants/external:a/enrollments/{SOME_ID}", "participants:write"),
        ("delete", f"/v1/participants/external:a/enrollments/{SOME_ID}", "participants:write"),
        ("get", "/v1/programs", "programs:read"),
        ("post", "/v1/programs", "programs:write"),
        ("get", f"/v1/programs/{SOME_ID}", "programs:read"),
        ("patch", f"/v1/programs/{SOME_ID}", "programs:write"),
    ],
)
def test_each_call_asks_for_its_scope(db: None, method: str, path: str, scope: str) -> None:
    others = [other for other in Scope.values if other != scope]
    _, key = api_keys.issue(name="others", scopes=others, by=TESTER)

    response = getattr(APIClient(headers={"X-API-Key": key}), method)(path, {}, format="json")

    assert response.status_code == 403
    assert scope in response.json()["message"]


def test_the_last_use_is_written_once_a_minute(key: str, queries: list[str]) -> None:
    get(key)
    first = ApiKey.objects.get().last_used_at
    queries.clear()

    get(key)

    assert first is not None
    assert not any("UPDATE" in sql for sql in queries)


def test_a_use_a_minute_later_is_written_again(key: str) -> None:
    get(key)
    first = ApiKey.objects.get().last_used_at
    assert first is not None

    with time_machine.travel(first + timedelta(seconds=61)):
        get(key)

    assert ApiKey.objects.get().last_used_at >= first + timedelta(seconds=61)  # type: ignore[operator]


def test_rotation_makes_a_second_key_that_lives_beside_the_first_for_a_while(key: str) -> None:
    old = ApiKey.objects.get()

    new, new_key = api_keys.rotate(old, by=TESTER, overlap=timedelta(hours=1))

    assert (new.name, new.scopes) == (old.name, old.scopes)
    assert (get(key), get(new_key)) == (200, 200)
    with time_machine.travel(timezone.now() + timedelta(hours=1, seconds=1)):
        assert (get(key), get(new_key)) == (401, 200)


def test_rotation_does_not_prolong_a_key_that_ends_sooner(db: None) -> None:
    ends = timezone.now() + timedelta(minutes=5)
    old, _ = api_keys.issue(name="short", scopes=Scope.values, by=TESTER, expires_at=ends)

    new, _ = api_keys.rotate(old, by=TESTER, overlap=timedelta(hours=1))

    old.refresh_from_db()
    assert (old.expires_at, new.expires_at) == (ends, ends)


def test_a_revoked_key_cannot_be_rotated(key: str) -> None:
    row = ApiKey.objects.get()
    api_keys.revoke(row)

    with pytest.raises(ValueError, match="no longer works"):
        api_keys.rotate(row, by=TESTER, overlap=timedelta(0))


def test_a_key_shows_nothing_of_itself_in_its_name(key: str) -> None:
    assert key not in str(ApiKey.objects.get())
