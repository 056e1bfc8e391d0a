"""Bodies of events that are refused, or kept digit for digit."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from participants.models import Event
from programs.models import Program
from tests.participants.events.sent import a_body, nothing_is_stored

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"program_id": ...}, "program_id", "required"),
        ({"program_id": 5}, "program_id", "invalid"),
        ({"program_id": "{00000000-0000-0000-0000-000000000000}"}, "program_id", "invalid"),
        ({"external_id": ...}, "external_id", "required"),
        ({"external_id": None}, "external_id", "required"),
        ({"external_id": " \t"}, "external_id", "blank"),
        ({"external_id": "x" * 256}, "external_id", "too_long"),
        ({"external_id": ["ana"]}, "external_id", "type"),
        ({"participant_id": str(uuid4())}, "external_id", "required"),
        ({"external_id": ..., "participant_id": "ana"}, "participant_id", "invalid"),
        ({"idempotency_key": ...}, "idempotency_key", "required"),
        ({"idempotency_key": ""}, "idempotency_key", "blank"),
        ({"idempotency_key": "x" * 256}, "idempotency_key", "too_long"),
        ({"idempotency_key": 7}, "idempotency_key", "type"),
        ({"event_timestamp": ...}, "event_timestamp", "required"),
        ({"event_timestamp": None}, "event_timestamp", "invalid"),
        ({"event_timestamp": 1700000000}, "event_timestamp", "invalid"),
        ({"event_timestamp": "2026-01-15"}, "event_timestamp", "invalid"),
        ({"event_timestamp": "2026-01-15T10:30:00"}, "event_timestamp", "invalid"),
        ({"event_timestamp": "2026-02-30T10:30:00Z"}, "event_timestamp", "invalid"),
        ({"event_timestamp": "0001-01-01T00:00:00+14:00"}, "event_timestamp", "invalid"),
        ({"event_timestamp": "9999-12-31T23:59:59-14:00"}, "event_timestamp", "invalid"),
        ({"event_timestamp": "9999-12-31T23:59:59Z"}, "event_timestamp", "future"),
        ({"event_data": ...}, "event_data", "required"),
        ({"event_data": None}, "event_data", "required"),
        ({"event_data": []}, "event_data", "type"),
        ({"event_data": "{}"}, "event_data", "type"),
        ({"data": {}}, "data", "unknown"),
        ({"status": "COMPLETED"}, "status", "unknown"),
        ({"x" * 5000: 1}, "x" * 100, "unknown"),
    ],
)
def test_a_body_that_is_wrong_is_refused_by_the_name_of_the_field(
    api: APIClient, program: Program, change: dict[str, Any], field: str, reason: str
) -> None:
    response = api.post("/v1/events", a_body(program, **change))

    assert response.status_code == 400
    assert (field, reason) in [
        (each["field"], each["reason"]) for each in response.json()["details"]["fields"]
    ]
    assert nothing_is_stored()


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        "null",
        "",
        "{",
        '{"event_data": {"a": NaN}}',
        '{"event_data": {"a": 1e400}}',
        '{"event_data": {"a": 1, "a": 2}}',
        '{"event_data": {"a": "\\u0000"}}',
        '{"event_data": {"\\ud800": 1}}',
        '{"event_data": ' + '{"a":' * 16 + "1" + "}" * 17,
        '{"event_data": {"a": ' + "1" * 41 + "}}",
        '{"idempotency_key": "\\u0000"}',
    ],
)
def test_hostile_json_is_refused(api: APIClient, program: Program, body: str) -> None:
    response = api.post("/v1/events", data=body, content_type="application/json")

    assert response.status_code == 400
    assert nothing_is_stored()


@pytest.mark.parametrize(
    "external_id", ["\u180e", "\u200b", "\ufeff", "\u2060", "\x85", "\x1f", "\u3000"]
)
def test_an_id_that_looks_like_nothing_is_stored_or_refused_and_never_an_error_of_ours(
    api: APIClient, program: Program, external_id: str
) -> None:
    response = api.post("/v1/events", a_body(program, external_id=external_id))

    assert response.status_code in (202, 400)
    assert Event.objects.exists() is (response.status_code == 202)


def test_names_with_quotes_and_backslashes_are_data(api: APIClient, program: Program) -> None:
    hostile = "'; DROP TABLE \\ $1 %s {} \"\N{WAVING HAND SIGN}"
    body = a_body(
        program, external_id=hostile, idempotency_key=hostile, event_data={hostile: hostile}
    )

    response = api.post("/v1/events", body)

    assert response.status_code == 202
    event = Event.objects.get()
    assert (event.idempotency_key, event.data) == (hostile, {hostile: hostile})
    assert event.participant.external_id == hostile


def test_data_comes_back_digit_for_digit(api: APIClient, program: Program) -> None:
    digits = [
        "0." + "0" * 39 + "1",
        "9" * 40,
        "-1.10",
        "1e39",
        "123456789012345678901234567890.1234567890",
    ]
    body = json.dumps(a_body(program, event_data=...))[:-1]
    body += f', "event_data": {{"numbers": [{", ".join(digits)}]}}}}'

    stored = api.post("/v1/events", data=body, content_type="application/json")
    event_id = stored.json()["id"]
    answer = api.get(f"/v1/events/{event_id}")

    numbers = answer.content.decode().partition('"numbers":[')[2].partition("]")[0].split(",")
    assert numbers == [*digits[:3], "1" + "0" * 39, digits[4]]


def test_a_moment_a_day_ahead_is_the_furthest(api: APIClient, program: Program) -> None:
    ahead = [timezone.now() + timedelta(hours=24, seconds=seconds) for seconds in (-5, 5)]

    responses = [
        api.post(
            "/v1/events",
            a_body(program, idempotency_key=f"k{n}", event_timestamp=f"{moment:%FT%TZ}"),
        )
        for n, moment in enumerate(ahead)
    ]

    assert [response.status_code for response in responses] == [202, 400]
