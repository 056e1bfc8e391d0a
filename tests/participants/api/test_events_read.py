"""Events read by id and key, and listed."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from participants.models import LONGEST_SHOWN, Event, Participant
from programs.models import Rule
from tests.participants.api.events import work_off
from tests.participants.ledger_world import World

EVENTS = "/v1/events"
WAIT = {"Prefer": "wait=5"}
Send = Callable[..., Any]


def test_an_event_is_read_by_id_and_by_key(api: APIClient, send: Send, world: World) -> None:
    sent = send(headers=WAIT).json()
    query = {"program_id": str(world.program.pk), "idempotency_key": "order-1"}

    assert api.get(f"{EVENTS}/{sent['id']}").json() == sent
    assert api.get(f"{EVENTS}/by-key", query).json() == sent
    assert api.get(f"{EVENTS}/by-key", {**query, "idempotency_key": "x"}).status_code == 404
    assert api.get(f"{EVENTS}/by-key", {"idempotency_key": "x"}).status_code == 400
    assert api.get(f"{EVENTS}/by-key", {**query, "program_id": "x"}).status_code == 400
    assert api.get(f"{EVENTS}/01980000-0000-7000-8000-000000000000").status_code == 404


def test_events_are_listed_newest_first_and_filtered(
    api: APIClient, send: Send, world: World
) -> None:
    ana = str(Participant.objects.get().pk)
    send("a", event_timestamp="2026-01-01T00:00:00Z")
    send("b", event_timestamp="2026-02-01T00:00:00Z", headers=WAIT)
    send("c", external_id="bob", event_timestamp="2026-03-01T00:00:00Z")
    Event.objects.filter(idempotency_key="a").update(created_at=datetime(2026, 1, 1, tzinfo=UTC))
    Event.objects.filter(idempotency_key="b").update(created_at=datetime(2026, 1, 2, tzinfo=UTC))

    def listed(path: str = EVENTS, **query: str) -> list[str]:
        response = api.get(path, query)
        assert response.status_code == 200, response.json()
        return [row["idempotency_key"] for row in response.json()["data"]]

    assert listed() == ["c", "b", "a"]
    assert listed(status="COMPLETED") == ["b", "a"]
    assert listed(status="PENDING") == ["c"]
    assert listed(participant_id=ana) == ["b", "a"]
    assert listed(external_id="bob") == ["c"]
    assert listed(external_id="nobody") == []
    assert listed(program_id=str(world.program.pk)) == ["c", "b", "a"]
    assert listed(program_id=ana) == []
    assert listed(**{"from": "2026-01-02T00:00:00Z"}) == ["c", "b"]
    assert listed(to="2026-01-02T00:00:00Z") == ["a"]
    assert listed(event_from="2026-02-01T00:00:00Z") == ["c", "b"]
    assert listed(event_to="2026-02-01T00:00:00Z") == ["a"]
    assert listed("/v1/participants/external:ana/activity/events") == ["b", "a"]
    assert listed("/v1/participants/external:ana/activity/events", status="PENDING") == []
    assert api.get(EVENTS, {"status": "DONE"}).status_code == 400
    assert api.get("/v1/participants/external:no/activity/events").status_code == 404


def test_a_list_says_what_was_sent_and_not_what_each_rule_said(
    api: APIClient, send: Send, queries: list[str]
) -> None:
    for number in range(20):
        send(f"k{number}")
    work_off()
    del queries[:]

    rows = api.get(EVENTS).json()["data"]

    assert len(rows) == 20
    assert rows[0]["event_data"] == {"type": "purchase", "amount": 12.5}
    assert "rule_evaluations" not in rows[0]
    assert len(queries) == 1


@pytest.mark.parametrize("path", [EVENTS, "/v1/participants/external:ana/activity/events"])
def test_a_list_leaves_out_what_is_long(api: APIClient, send: Send, path: str) -> None:
    data = {"type": "purchase", "note": "x" * LONGEST_SHOWN}
    event = send(event_data=data).json()

    [row] = api.get(path).json()["data"]

    assert row["event_data"] is None
    assert api.get(f"{EVENTS}/{event['id']}").json()["event_data"] == data


def test_movements_and_changes_name_their_event_and_rule(
    api: APIClient, send: Send, world: World
) -> None:
    event = send(headers=WAIT).json()
    rule = str(Rule.objects.get().pk)

    [entry] = api.get("/v1/journal-entries", {"event_id": event["id"]}).json()["data"]
    assert (entry["rule_id"], entry["created_by"]) == (rule, "rule:Points v1")
    changes = api.get("/v1/participants/external:ana/activity/state-history").json()["data"]
    assert (changes[0]["key"], changes[0]["event_id"]) == ("purchases", event["id"])
    assert (changes[0]["rule_id"], changes[0]["changed_by"]) == (rule, "rule:Points v1")
