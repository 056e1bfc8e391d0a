"""Events over HTTP: stored once, processed in order, explained, tried again."""

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone
from rest_framework.test import APIClient

from participants import state
from participants.events import process
from participants.models import LONGEST_SHOWN, Enrollment, Event, EventStatus, Participant
from participants.state import Change
from programs import rulebook
from programs.api_keys import issue
from programs.kernel import instants
from programs.models import Program, ProgramStatus, Rule, Scope
from tests.conftest import TESTER
from tests.participants.ledger_world import World, make_world

EVENTS = "/v1/events"
NOON = "2026-01-15T12:00:00Z"
WAIT = {"Prefer": "wait=5"}

Send = Callable[..., Any]


@pytest.fixture
def world(db: None) -> World:
    """Ana takes part in a program whose one rule gives a point for each whole unit of a purchase."""
    world = make_world("ana", scale=0)
    make_rule(world)
    return world


@pytest.fixture
def send(api: APIClient, world: World) -> Send:
    """Send an event of ana's; what is given replaces what stands here, and None leaves it out."""

    def send(key: str = "order-1", *, headers: dict[str, str] | None = None, **given: Any) -> Any:
        body = {
            "program_id": str(world.program.pk),
            "external_id": "ana",
            "idempotency_key": key,
            "event_timestamp": NOON,
            "event_data": {"type": "purchase", "amount": 12.5},
            **given,
        }
        body = {name: value for name, value in body.items() if value is not None}
        return api.post(EVENTS, body, headers=headers or {})

    return send


def make_rule(world: World, **given: Any) -> Rule:
    body = {
        "program_id": str(world.program.pk),
        "name": "Points",
        "condition": 'event.type == "purchase"',
        "actions": [
            {"type": "CREDIT", "asset_id": str(world.asset.pk), "amount": "event.amount"},
            {"type": "COUNTER", "key": "purchases", "value": "1"},
        ],
        **given,
    }
    return rulebook.create(rulebook.clean_new(body), by=TESTER)


def work_off() -> int:
    return sum(process.drain())


# Sent


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
            "reason": "event.amount > 100.0 is false (event.amount is 12.5)",
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
    state.apply(ended, to="ana", by=TESTER)

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


# Many at once


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


# Read


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


# Failed and tried again


def test_a_failed_event_says_why_and_completes_once_the_rule_is_mended(
    api: APIClient, send: Send, world: World
) -> None:
    debit = {"type": "DEBIT", "asset_id": str(world.asset.pk), "amount": "100"}
    spending = make_rule(world, name="Spend", condition="true", actions=[debit])

    failed = send(headers=WAIT).json()
    after = send("after", headers=WAIT)

    assert failed["status"] == "FAILED"
    assert failed["failure"] == {
        "rule_id": str(spending.pk),
        "rule_name": "Spend",
        "action": 0,
        "code": "insufficient_balance",
        "message": "DEBIT: AVAILABLE has 12, and 100 are asked for.",
    }
    assert failed["rule_evaluations"][0]["actions"][0]["undone"] is True
    assert after.json()["status"] == "FAILED"
    assert not Participant.objects.get().balances.exists()
    assert not Participant.objects.get().counters.exists()

    rulebook.change(spending.pk, {"status": "SUSPENDED"}, by=TESTER)
    path = f"{EVENTS}/{failed['id']}/retry"
    retried = api.post(path)
    assert retried.status_code == 202
    assert retried.json()["status"] == "PENDING"
    again = api.post(path)
    assert again.status_code == 409
    assert again.json()["code"] == "not_retryable"
    work_off()

    assert api.get(f"{EVENTS}/{failed['id']}").json()["status"] == "COMPLETED"
    assert world.balance() == ("12", "0", "0")
    waited = api.post(f"{EVENTS}/{after.json()['id']}/retry", headers=WAIT)
    assert (waited.status_code, waited.json()["status"]) == (200, "COMPLETED")
    assert world.balance() == ("24", "0", "0")


def test_only_a_failed_event_is_tried_again(api: APIClient, send: Send) -> None:
    event = send(headers=WAIT).json()

    assert api.post(f"{EVENTS}/{event['id']}/retry").json()["code"] == "not_retryable"
    missing = "01980000-0000-7000-8000-000000000000"
    assert api.post(f"{EVENTS}/{missing}/retry").status_code == 404


def test_an_event_that_is_not_pending_has_a_time_of_processing(send: Send) -> None:
    send(headers=WAIT)

    event = Event.objects.get()
    assert event.status == EventStatus.COMPLETED
    assert event.processed_at is not None
