"""One event over HTTP: stored once, waited for, explained."""

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone
from rest_framework.test import APIClient

from participants import state
from participants.models import Enrollment, Event, Participant
from participants.state import Change
from programs.api_keys import issue
from programs.kernel import instants
from programs.models import Program, ProgramStatus, Rule, Scope
from tests.conftest import TESTER
from tests.participants.api.events import make_rule, work_off
from tests.participants.ledger_world import World

EVENTS = "/v1/events"
NOON = "2026-01-15T12:00:00Z"
WAIT = {"Prefer": "wait=5"}
Send = Callable[..., Any]


def test_an_event_is_stored_and_waits(send: Send, world: World) -> None:
    response = send()

    event = Event.objects.get()
    assert response.status_code == 202
    assert response.json() == {
        "id": str(event.pk),
        "program_id": str(world.program.pk),
        "participant_id": str(Participant.objects.get().pk),
        "external_id": "ana",
        "idempotency_key": "order-1",
        "event_timestamp": "2026-01-15T12:00:00.000000Z",
        "status": "PENDING",
    }
    assert event.created_by.startswith("api_key:tests")
    assert not Participant.objects.get().balances.exists()


def test_who_waits_sees_what_came_of_it_and_why(send: Send, world: World) -> None:
    skipping = make_rule(
        world, name="Online", condition='event.channel == "web"', actions=[], order=20
    )
    failing = make_rule(world, name="Large", condition="event.amount > 100.0", actions=[], order=30)

    response = send(headers=WAIT)

    assert response.status_code == 200
    assert response["Preference-Applied"] == "wait=5"
    shown = response.json()
    asset, rule = str(world.asset.pk), Rule.objects.get(name="Points")
    [credit, _] = shown["rule_evaluations"][0]["actions"]
    assert shown["rule_evaluations"] == [
        {
            "rule_id": str(rule.pk),
            "rule_name": "Points",
            "rule_version": 1,
            "outcome": "matched",
            "reason": "",
            "actions": [
                {
                    "type": "CREDIT",
                    "asset_id": asset,
                    "amount": "12",
                    "bucket": "AVAILABLE",
                    "before": {"available": "0", "held": "0", "deferred": "0"},
                    "after": {"available": "12", "held": "0", "deferred": "0"},
                    "journal_entry_id": credit["journal_entry_id"],
                },
                {"type": "COUNTER", "key": "purchases", "value": "1", "before": None, "after": "1"},
            ],
        },
        {
            "rule_id": str(skipping.pk),
            "rule_name": "Online",
            "rule_version": 1,
            "outcome": "skipped",
            "reason": "event.channel is missing",
            "actions": [],
        },
        {
            "rule_id": str(failing.pk),
            "rule_name": "Large",
            "rule_version": 1,
            "outcome": "not_matched",
            "reason": "event.amount > 100.0 is false: it is 12.5",
            "actions": [],
        },
    ]
    assert next(iter(credit)) == "type"
    assert list(credit)[-3:] == ["before", "after", "journal_entry_id"]
    assert shown["status"] == "COMPLETED"
    assert shown["event_data"] == {"type": "purchase", "amount": 12.5}
    assert shown["failure"] is None
    assert shown["tier_changes"] == []
    assert shown["omitted_rules"] == 0
    assert world.balance() == ("12", "0", "0")


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("wait=5", 200),
        ("respond-async, wait=5", 200),
        ('WAIT = "5"', 200),
        ("wait=5; strict", 200),
        ("wait=99999", 200),
        ("wait=0", 202),
        ("wait", 202),
        ("wait=-1", 202),
        ("wait=x", 202),
        ("await=5", 202),
        ("", 202),
    ],
)
def test_how_a_client_asks_to_wait(send: Send, header: str, status: int) -> None:
    assert send(headers={"Prefer": header}).status_code == status


def test_who_waits_sees_earlier_events_processed_first(send: Send, world: World) -> None:
    for number in range(3):
        send(f"earlier-{number}")

    response = send("last", headers=WAIT)

    [credit, _] = response.json()["rule_evaluations"][0]["actions"]
    assert credit["before"]["available"] == "36"


def test_an_event_that_waits_for_its_next_attempt_is_not_waited_for_past_n(
    send: Send, world: World
) -> None:
    send("stuck")
    Event.objects.update(attempts=1, next_attempt_at=timezone.now() + timedelta(hours=1))

    response = send("after", headers={"Prefer": "wait=1"})

    assert response.status_code == 202
    assert response.json()["status"] == "PENDING"


def test_the_same_event_sent_again_is_the_same_event(send: Send) -> None:
    first = send()

    same_meaning = {
        "event_data": {"amount": 12.50, "type": "purchase"},
        "event_timestamp": "2026-01-15T13:00:00+01:00",
        "external_id": None,
        "participant_id": str(Participant.objects.get().pk),
    }
    again = send(**same_meaning)
    assert (again.status_code, again.json()) == (202, first.json())
    work_off()
    processed = send(**same_meaning)

    assert processed.status_code == 200
    assert processed.json()["id"] == first.json()["id"]
    assert processed.json()["status"] == "COMPLETED"
    assert Event.objects.count() == 1


@pytest.mark.parametrize(
    "other",
    [
        {"event_data": {"type": "purchase", "amount": 12.51}},
        {"event_timestamp": "2026-01-15T12:00:01Z"},
        {"external_id": "bob"},
    ],
)
def test_another_event_with_a_known_key_is_a_conflict(send: Send, other: dict[str, Any]) -> None:
    send()

    response = send(**other)

    assert response.status_code == 409
    assert response.json()["code"] == "idempotency_conflict"
    assert Event.objects.count() == 1
    assert Participant.objects.count() == 1


def test_a_new_participant_is_made_and_enrolled(send: Send, world: World) -> None:
    response = send(external_id="bob")

    assert response.status_code == 202
    bob = Participant.objects.get(external_id="bob")
    assert Enrollment.objects.get(participant=bob).program == world.program


def test_a_program_may_refuse_who_is_not_known(send: Send, world: World) -> None:
    Program.objects.update(on_unknown_participant="REJECT")

    response = send(external_id="bob")

    assert response.status_code == 422
    assert response.json()["code"] == "unknown_participant"
    assert not Event.objects.exists()
    assert Participant.objects.count() == 1
    assert send().status_code == 202


@pytest.mark.parametrize("status", ["FROZEN", "LOCKED", "CLOSED"])
def test_an_event_makes_an_enrolment_active_again(send: Send, world: World, status: str) -> None:
    ended = Change(program_id=world.program.pk, enrollment_status=status)
    state.change(ended, to="ana", by=TESTER)

    assert send().status_code == 202
    assert Enrollment.objects.get().status == "ACTIVE"


@pytest.mark.parametrize("status", [ProgramStatus.SUSPENDED, ProgramStatus.ARCHIVED])
def test_an_inactive_program_takes_no_events(send: Send, status: ProgramStatus) -> None:
    send("before")
    Program.objects.update(status=status)

    response = send(external_id="bob")

    assert response.status_code == 409
    assert response.json()["code"] == "program_inactive"
    assert not Participant.objects.filter(external_id="bob").exists()
    assert send("before").status_code == 202  # known is known


def test_an_unknown_program_or_participant_is_not_found(send: Send) -> None:
    nobody = "01980000-0000-7000-8000-000000000000"

    assert send(program_id=nobody).status_code == 404
    assert send(external_id=None, participant_id=nobody).status_code == 404


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("program_id", {"program_id": "x"}),
        ("program_id", {"program_id": None}),
        ("external_id", {"external_id": None}),
        ("external_id", {"participant_id": "01980000-0000-7000-8000-000000000000"}),
        ("external_id", {"external_id": " "}),
        ("external_id", {"external_id": "x" * 256}),
        ("participant_id", {"external_id": None, "participant_id": "x"}),
        ("idempotency_key", {"key": " "}),
        ("idempotency_key", {"key": "x" * 256}),
        ("event_timestamp", {"event_timestamp": None}),
        ("event_timestamp", {"event_timestamp": "yesterday"}),
        ("event_timestamp", {"event_timestamp": "2026-01-15T12:00:00"}),
        ("event_data", {"event_data": None}),
        ("event_data", {"event_data": []}),
        ("event_data", {"event_data": "x"}),
        ("colour", {"colour": "red"}),
    ],
)
def test_what_an_event_cannot_be_is_refused_by_its_field(
    send: Send, field: str, given: dict[str, Any]
) -> None:
    response = send(**given)

    assert response.status_code == 400
    body = response.json()
    assert body["code"] == "validation_failed"
    assert [error["field"] for error in body["details"]["fields"]] == [field]
    assert not Event.objects.exists()


def test_an_event_may_be_at_most_a_day_ahead(send: Send) -> None:
    now = timezone.now()

    early = send("a", event_timestamp=instants.written(now + timedelta(hours=23, minutes=59)))
    late = send("b", event_timestamp=instants.written(now + timedelta(hours=24, minutes=1)))

    assert (early.status_code, late.status_code) == (202, 400)
    assert send("c", event_timestamp="0001-01-01T00:00:00Z").status_code == 202


def test_a_key_needs_the_scope(world: World) -> None:
    _, reading = issue(name="r", scopes=[Scope.PARTICIPANTS_READ, Scope.PROGRAMS_WRITE], by=TESTER)
    _, writing = issue(name="w", scopes=[Scope.EVENTS_WRITE], by=TESTER)

    refused = APIClient(headers={"X-API-Key": reading}).post(EVENTS, {})
    assert refused.status_code == 403
    assert "events:write" in refused.json()["message"]
    assert APIClient(headers={"X-API-Key": writing}).post(EVENTS, {}).status_code == 400
    assert APIClient(headers={"X-API-Key": writing}).get(EVENTS).status_code == 403


def test_staff_may_make_and_enrol_people_by_events_only_where_they_may_otherwise(
    world: World,
) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="add_event"))
    client = APIClient()
    client.force_login(clerk)
    body = {
        "program_id": str(world.program.pk),
        "idempotency_key": "k",
        "event_timestamp": NOON,
        "event_data": {},
    }

    assert client.post(EVENTS, {**body, "external_id": "bob"}).status_code == 403
    assert not Participant.objects.filter(external_id="bob").exists()
    assert client.post(EVENTS, {**body, "external_id": "ana"}).status_code == 202
    assert Event.objects.get().created_by == "staff:clerk"


def test_a_known_participants_event_takes_one_statement(
    send: Send, queries: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("participants.events.wake.INTERVAL", math.inf)  # the hint is one of its own
    send("first")
    del queries[:]

    send("second")

    assert len(queries) == 1
