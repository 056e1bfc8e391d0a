"""Batches of events over HTTP."""

import json
import math
from typing import Any

import pytest
from rest_framework.test import APIClient

from participants.models import Event
from programs.models import Program
from tests.participants.ledger_world import World

EVENTS = "/v1/events"
NOON = "2026-01-15T12:00:00Z"


def test_a_batch_answers_for_each_in_its_place(api: APIClient, world: World) -> None:
    good = {
        "program_id": str(world.program.pk),
        "external_id": "ana",
        "idempotency_key": "a",
        "event_timestamp": NOON,
        "event_data": {"n": 1},
    }
    events = [
        good,
        {**good, "idempotency_key": ""},
        {**good, "idempotency_key": "b", "external_id": "bob"},
        good,
        {**good, "event_data": {"n": 2}},
        "nonsense",
        {**good, "idempotency_key": "c", "program_id": "01980000-0000-7000-8000-000000000000"},
    ]

    response = api.post(f"{EVENTS}/batch", {"events": events})

    body = response.json()
    assert response.status_code == 202
    assert (body["total"], body["success_count"], body["error_count"]) == (7, 3, 4)
    told = [
        (row["index"], row["status"], row.get("error", {}).get("code")) for row in body["results"]
    ]
    assert told == [
        (0, "accepted", None),
        (1, "error", "validation_failed"),
        (2, "accepted", None),
        (3, "accepted", None),
        (4, "error", "idempotency_conflict"),
        (5, "error", "validation_failed"),
        (6, "error", "not_found"),
    ]
    assert body["results"][0]["event"] == body["results"][3]["event"]
    assert Event.objects.count() == 2


def test_a_batch_arrives_in_its_order_whoever_has_to_be_enrolled(
    api: APIClient, world: World
) -> None:
    other = Program.objects.create(name="Other")
    events = [
        {
            "program_id": str((other if number % 2 else world.program).pk),
            "external_id": f"p{number % 3}",
            "idempotency_key": f"k{number:02}",
            "event_timestamp": NOON,
            "event_data": {},
        }
        for number in range(20)
    ]

    response = api.post(f"{EVENTS}/batch", {"events": events})

    assert response.json()["success_count"] == 20
    arrived = Event.objects.order_by("sequence").values_list("idempotency_key", flat=True)
    assert list(arrived) == [f"k{number:02}" for number in range(20)]


@pytest.mark.parametrize("events", [[], None, {}, [{}] * 1001])
def test_a_batch_has_1_to_1000_events(api: APIClient, events: Any) -> None:
    assert api.post(f"{EVENTS}/batch", {"events": events}).status_code == 400


def test_a_batch_of_known_people_takes_one_statement(
    api: APIClient, world: World, queries: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("participants.events.wake.INTERVAL", math.inf)  # the hint is one of its own

    def batch(name: str) -> dict[str, Any]:
        rest = {"event_timestamp": NOON, "event_data": {}, "program_id": str(world.program.pk)}
        return {
            "events": [
                {**rest, "external_id": f"p{number}", "idempotency_key": f"{name}{number}"}
                for number in range(100)
            ]
        }

    api.post(f"{EVENTS}/batch", batch("first"))
    before = len(queries)
    api.post(f"{EVENTS}/batch", batch("second"))

    assert len(queries) - before == 1


def test_an_event_in_a_batch_has_as_much_room_as_by_itself(api: APIClient, world: World) -> None:
    body = {
        "program_id": str(world.program.pk),
        "external_id": "ana",
        "event_timestamp": "2026-01-02T00:00:00Z",
    }
    rows = [
        {**body, "idempotency_key": str(size), "event_data": {"note": "x" * size}}
        for size in (900_000, 1_000_000)
    ]
    rows.append({**body, "idempotency_key": "digits", "event_data": {"digits": ["1e39"]}})
    sent = json.dumps({"events": rows}).replace('"1e39"', ", ".join(["1e39"] * 30_000))

    answer = api.post(f"{EVENTS}/batch", data=sent, content_type="application/json").json()

    assert [row["status"] for row in answer["results"]] == ["accepted", "error", "error"]
    for row in answer["results"][1:]:
        [error] = row["error"]["details"]["fields"]
        assert (error["field"], error["reason"]) == ("event_data", "too_long")
