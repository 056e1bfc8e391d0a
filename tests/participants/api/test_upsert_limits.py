"""What each limit of the contract refuses: its status, the field and the reason; and that nothing is stored."""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from participants.models import Participant


def refusal(response: Any) -> list[tuple[str, str]]:
    return [(field["field"], field["reason"]) for field in response.json()["details"]["fields"]]


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ({}, ("external_id", "required")),
        ({"external_id": ""}, ("external_id", "blank")),
        ({"external_id": " \t\u2003"}, ("external_id", "blank")),
        ({"external_id": "x" * 256}, ("external_id", "too_long")),
        ({"external_id": 7}, ("external_id", "type")),
        ({"external_id": "a", "program_id": "7"}, ("program_id", "invalid")),
        ({"external_id": "a", "program_id": None}, ("program_id", "invalid")),
        ({"external_id": "a", "status": "active"}, ("status", "invalid")),
        ({"external_id": "a", "status": []}, ("status", "invalid")),
        ({"external_id": "a", "tags": "vip"}, ("tags", "type")),
        ({"external_id": "a", "tags": ["ok", 1]}, ("tags[1]", "type")),
        ({"external_id": "a", "tags": [""]}, ("tags[0]", "blank")),
        ({"external_id": "a", "tags": ["x" * 256]}, ("tags[0]", "too_long")),
        ({"external_id": "a", "tags": ["İ" * 200]}, ("tags[0]", "too_long")),
        ({"external_id": "a", "tags": [str(n) for n in range(101)]}, ("tags", "too_many")),
        ({"external_id": "a", "attributes": []}, ("attributes", "type")),
        ({"external_id": "a", "attributes": {"x": {}}}, ("attributes.x", "type")),
        ({"external_id": "a", "attributes": {"x": [1]}}, ("attributes.x", "type")),
        ({"external_id": "a", "attributes": {"": 1}}, ("attributes.", "key")),
        ({"external_id": "a", "attributes": {"k" * 101: 1}}, (f"attributes.{'k' * 100}", "key")),
        ({"external_id": "a", "attributes": {"x": "y" * 1001}}, ("attributes.x", "too_long")),
        (
            {"external_id": "a", "attributes": {str(n): n for n in range(101)}},
            ("attributes", "too_many"),
        ),
        ({"external_id": "a", "email": "nobody"}, ("email", "invalid")),
        ({"external_id": "a", "email": f"{'x' * 250}@example.org"}, ("email", "too_long")),
        ({"external_id": "a", "email": 7}, ("email", "type")),
        ({"external_id": "a", "phone": "1" * 51}, ("phone", "too_long")),
        ({"external_id": "a", "first_name": "x" * 256}, ("first_name", "too_long")),
        ({"external_id": "a", "last_name": "x" * 256}, ("last_name", "too_long")),
        ({"external_id": "a", "display_name": "x" * 256}, ("display_name", "too_long")),
        ({"external_id": "a", "unknown": 1}, ("unknown", "unknown")),
        ({"external_id": "a", "id": "x"}, ("id", "unknown")),
        ({"external_id": "a", "counters": {}}, ("counters", "read_only")),
        ({"external_id": "a", "tiers": {}}, ("tiers", "read_only")),
        ({"external_id": "a", "balances": []}, ("balances", "read_only")),
    ],
)
def test_a_field_outside_its_limits_is_refused(
    api: APIClient, body: dict[str, Any], refused: tuple[str, str]
) -> None:
    response = api.post("/v1/participants", body)

    assert response.status_code == 400
    assert response.json()["code"] == "validation_failed"
    assert refusal(response) == [refused]
    assert not Participant.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        {"external_id": "x" * 255},
        {"external_id": "a", "tags": [str(n) for n in range(100)]},
        {"external_id": "a", "tags": ["x" * 255]},
        {"external_id": "a", "tags": ["VIP", "vip"] * 100},
        {"external_id": "a", "attributes": {f"{n:0100}": "y" * 1000 for n in range(100)}},
        {"external_id": "a", "attributes": {"quote": 'a"b\\c', "line": "a\nb", "é": "\u2028"}},
        {"external_id": "a", "phone": "1" * 50, "first_name": "x" * 255},
        {"external_id": "  a b  "},
    ],
)
def test_what_is_just_within_the_limits_is_stored_as_given(
    api: APIClient, body: dict[str, Any]
) -> None:
    response = api.post("/v1/participants", body)

    assert response.status_code == 201
    stored = api.get(f"/v1/participants/{response.json()['id']}").json()
    body["tags"] = list(dict.fromkeys(tag.lower() for tag in body.get("tags", [])))
    assert {name: stored[name] for name in body} == body


def test_all_refusals_of_a_body_come_at_once(api: APIClient) -> None:
    response = api.post("/v1/participants", {"status": "x", "email": "y", "zz": 1})

    assert response.json()["details"] == {
        "fields": [
            {"field": "external_id", "reason": "required", "message": "This field is required."},
            {
                "field": "status",
                "reason": "invalid",
                "message": "Give one of ACTIVE, SUSPENDED, CLOSED.",
            },
            {"field": "email", "reason": "invalid", "message": "This is not an e-mail address."},
            {"field": "zz", "reason": "unknown", "message": "There is no such field here."},
        ]
    }


@pytest.mark.parametrize(
    "body",
    [
        {"external_id": "a", "tags": [1] * 100_000},
        {"external_id": "a", "attributes": {f"k{n}": [] for n in range(20_000)}},
        {"external_id": "a", **{f"k{n}": 1 for n in range(20_000)}},
    ],
)
def test_very_many_refusals_are_not_all_told(api: APIClient, body: dict[str, Any]) -> None:
    response = api.post("/v1/participants", body)

    assert response.status_code == 400
    assert len(refusal(response)) == 51
    assert refusal(response)[-1] == ("body", "too_many_errors")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"external_id": ', "The text is not JSON"),
        (b'{"external_id": "a"} trailing', "The text is not JSON"),
        (b'{"external_id": "\xff"}', "The text is not UTF-8"),
        (b'{"external_id": "a\\u0000"}', "NUL"),
        (b'{"external_id": "a\x00"}', "The text is not JSON"),
        (b'{"external_id": "\\ud800"}', "surrogate"),
        (b'{"external_id": "a", "attributes": {"\\udc00": 1}}', "surrogate"),
        (b'{"external_id": "a", "external_id": "b"}', "stands twice"),
        (b'{"external_id": "a", "attributes": {"n": NaN}}', "NaN"),
        (b'{"external_id": "a", "attributes": {"n": -Infinity}}', "-Infinity"),
        (b'{"external_id": "a", "attributes": {"n": 1e400}}', "40 digits"),
        (b'{"external_id": "a", "attributes": {"n": 1e40}}', "40 digits"),
        (b'{"external_id": "a", "attributes": {"n": 1e130000000}}', "40 digits"),
        (b'{"external_id": "a", "attributes": {"n": ' + b"9" * 41 + b"}}", "40 digits"),
        (b'{"external_id": "a", "attributes": {"n": 0.' + b"1" * 41 + b"}}", "40 digits"),
        (b'{"external_id": ' + b"[" * 17 + b"]" * 17 + b"}", "16 levels"),
        (b"[" * 100_000, "16 levels"),
    ],
)
def test_a_body_that_is_not_exact_json_is_400(api: APIClient, body: bytes, words: str) -> None:
    response = api.post("/v1/participants", body, content_type="application/json")

    assert response.status_code == 400
    assert response.json()["code"] == "bad_request"
    assert words in response.json()["message"]
    assert not Participant.objects.exists()


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        (b"[]", ("body", "type")),
        (b'"ana"', ("body", "type")),
        (b"7", ("body", "type")),
        (b"null", ("body", "null")),
        (b"", ("external_id", "required")),
    ],
)
def test_a_body_that_is_no_object_is_400(
    api: APIClient, body: bytes, refused: tuple[str, str]
) -> None:
    response = api.post("/v1/participants", body, content_type="application/json")

    assert response.status_code == 400
    assert refusal(response) == [refused]


def test_a_body_of_two_megabytes_is_413(api: APIClient) -> None:
    body = json.dumps({"external_id": "ana", "display_name": "x" * 2_000_000})

    response = api.post("/v1/participants", body, content_type="application/json")

    assert response.status_code == 413
    assert response.json()["code"] == "payload_too_large"


def test_a_batch_may_be_ten_megabytes_and_no_more(api: APIClient) -> None:
    attributes = {f"k{n}": "x" * 1000 for n in range(90)}
    people = [{"external_id": f"p{n}", "attributes": attributes} for n in range(100)]
    nine = json.dumps({"participants": people})

    fits = api.post("/v1/participants/batch", nine, content_type="application/json")
    over = api.post(
        "/v1/participants/batch", nine + " " * 1_000_000, content_type="application/json"
    )

    assert 9_000_000 < len(nine) < 10_000_000
    assert fits.status_code == 200
    assert over.status_code == 413


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded"]
)
def test_another_content_type_is_415(api: APIClient, content_type: str) -> None:
    response = api.post("/v1/participants", '{"external_id": "a"}', content_type=content_type)

    assert response.status_code == 415
    assert response.json()["code"] == "unsupported_media_type"
    assert not Participant.objects.exists()
