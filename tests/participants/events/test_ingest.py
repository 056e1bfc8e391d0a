"""Events on their way in: each stored once, with its participant and enrollment."""

import json
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from participants import state
from participants.events import process
from participants.events.ingest import Stored, ingest, ingest_each
from participants.events.request import NewEvent
from participants.exceptions import (
    EnrollingNotAllowed,
    IdempotencyConflict,
    NotAllowed,
    ParticipantNotFound,
    UnknownParticipant,
)
from participants.models import Enrollment, Event, Participant, StateChange
from participants.state import Rights
from programs import rulebook
from programs.exceptions import ProgramInactive, ProgramNotFound
from programs.kernel.exceptions import DomainError
from programs.models import Program
from tests.conftest import TESTER
from tests.participants.events.sent import a_body, an_event, nothing_is_stored, send
from tests.threads import at_once

pytestmark = pytest.mark.django_db
at_the_same_moment = pytest.mark.django_db(transaction=True)


def test_an_event_is_stored_with_whom_it_makes_and_enrols(api: APIClient, program: Program) -> None:
    response = api.post("/v1/events", a_body(program))

    event, ana = Event.objects.get(), Participant.objects.get()
    assert response.status_code == 202
    assert response.json() == {
        "id": str(event.pk),
        "program_id": str(program.pk),
        "participant_id": str(ana.pk),
        "external_id": "ana",
        "idempotency_key": "k",
        "event_timestamp": "2026-01-15T10:30:00.000000Z",
        "status": "PENDING",
    }
    assert (event.data, event.status, event.attempts) == ({"amount": 5}, "PENDING", 0)
    assert Enrollment.objects.get().status == "ACTIVE"


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ('{"a": 1, "b": [1, 2]}', '{"b" : [1,2], "a":1}'),
        ('{"a": 1.5}', '{"a": 1.50}'),
        ('{"a": 100}', '{"a": 1e2}'),
        ('{"a": 1}', '{"a": 1.0}'),
        ('{"a": 0}', '{"a": -0.0}'),
        ('{"a": "\\u00e9"}', '{"a": "é"}'),
        ("{}", "{ }"),
    ],
)
def test_the_same_event_in_another_spelling_is_the_same(
    api: APIClient, program: Program, first: str, again: str
) -> None:
    bodies = [
        json.dumps(a_body(program, event_data=...))[:-1] + f', "event_data": {data}}}'
        for data in (first, again)
    ]

    responses = [
        api.post("/v1/events", data=body, content_type="application/json") for body in bodies
    ]

    assert [response.status_code for response in responses] == [202, 202]
    assert responses[0].json() == responses[1].json()
    assert Event.objects.count() == 1


@pytest.mark.parametrize(
    "spelling",
    [
        "2026-01-15T10:30:00.000000000Z",
        "2026-01-15T12:30:00+02:00",
        "2026-01-15t10:30:00z",
        "2026-01-15 10:30:00.0000009Z",
    ],
)
def test_an_instant_is_the_same_however_it_is_written(
    api: APIClient, program: Program, spelling: str
) -> None:
    first = api.post("/v1/events", a_body(program))

    again = api.post("/v1/events", a_body(program, event_timestamp=spelling))

    assert (again.status_code, again.json()) == (202, first.json())


def test_it_does_not_matter_which_id_names_the_participant(
    api: APIClient, program: Program
) -> None:
    first = api.post("/v1/events", a_body(program))

    by_id = a_body(program, external_id=..., participant_id=first.json()["participant_id"].upper())
    again = api.post("/v1/events", by_id)

    assert (again.status_code, again.json()) == (202, first.json())


@pytest.mark.parametrize(
    "change",
    [
        {"event_data": {"amount": 6}},
        {"event_data": {"amount": "5"}},
        {"event_data": {"amount": 5, "more": None}},
        {"event_data": {}},
        {"event_timestamp": "2026-01-15T10:30:00.000001Z"},
        {"external_id": "bo"},
        {"external_id": "nobody"},
        {"external_id": ..., "participant_id": str(uuid4())},
    ],
)
def test_a_key_that_means_something_else_is_a_conflict(
    api: APIClient, program: Program, change: dict[str, Any]
) -> None:
    api.post("/v1/events", a_body(program, external_id="bo", idempotency_key="other"))
    api.post("/v1/events", a_body(program))

    response = api.post("/v1/events", a_body(program, **change))

    assert (response.status_code, response.json()["code"]) == (409, "idempotency_conflict")
    assert Event.objects.count() == Participant.objects.count() == 2


def test_keys_are_each_programs_own_and_are_compared_by_letter(program: Program) -> None:
    other = Program.objects.create(name="Other")
    events = [an_event(program), an_event(other), an_event(program, "K"), an_event(program, "k ")]

    results = ingest_each(events, by=TESTER)

    assert [isinstance(each, Stored) and each.is_new for each in results] == [True] * 4


def test_an_event_sent_again_answers_with_what_became_of_it(
    api: APIClient, program: Program
) -> None:
    api.post("/v1/events", a_body(program))
    process.process_batch()

    again = api.post("/v1/events", a_body(program))

    assert (again.status_code, again.json()["status"]) == (200, "COMPLETED")
    assert again.json()["rule_evaluations"] == []


@at_the_same_moment
@pytest.mark.parametrize("new", [True, False])
def test_a_hundred_calls_with_one_key_store_one_event_and_one_effect(
    program: Program, new: bool
) -> None:
    action = {"type": "COUNTER", "key": "n", "value": "1"}
    body = {"program_id": str(program.pk), "name": "R", "condition": "true", "actions": [action]}
    rulebook.create(rulebook.clean_new(body), by=TESTER)
    if not new:
        state.change(
            state.Change(program_id=program.pk), to="ana", by=TESTER, rights=state.ALL_RIGHTS
        )
    event = an_event(program)

    results = at_once([partial(send, event) for _ in range(100)])
    while process.process_batch():
        pass

    stored = [each for each in results if isinstance(each, Stored)]
    assert len(stored) == 100
    assert sum(each.is_new for each in stored) == 1
    assert {each.id for each in stored} == {Event.objects.get().pk}
    assert Participant.objects.get().counters.get().value == 1
    assert StateChange.objects.filter(state_type="enrollment").count() == 1


@at_the_same_moment
def test_of_calls_with_one_key_and_other_people_one_is_stored_and_the_others_make_nobody(
    program: Program,
) -> None:
    """A refused event leaves nothing behind, not even somebody whom it would have made."""
    results = at_once([partial(send, an_event(program, of=f"p{n}")) for n in range(20)])

    winners = [each.external_id for each in results if isinstance(each, Stored)]
    assert len(winners) == 1
    assert {type(each) for each in results} == {Stored, IdempotencyConflict}
    assert [person.external_id for person in Participant.objects.all()] == winners


# Whom


@pytest.mark.parametrize("status", ["FROZEN", "LOCKED", "CLOSED"])
def test_an_enrolment_that_was_ended_is_active_again(program: Program, status: str) -> None:
    for enrolled in ("ACTIVE", status):
        change = state.Change(program_id=program.pk, enrollment_status=enrolled)
        state.change(change, to="ana", by=TESTER, rights=state.ALL_RIGHTS)

    ingest(an_event(program), by=TESTER)

    assert Enrollment.objects.get().status == "ACTIVE"
    [change_row] = StateChange.objects.filter(state_type="enrollment", old_value=status)
    assert (change_row.new_value, change_row.changed_by) == ("ACTIVE", str(TESTER))


@pytest.mark.parametrize("in_a_batch", [False, True])
def test_an_event_that_is_sent_again_enrols_nobody_again(
    program: Program, in_a_batch: bool
) -> None:
    ingest_each([an_event(program), an_event(program, "b", of="bo")], by=TESTER)
    change = state.Change(program_id=program.pk, enrollment_status="LOCKED")
    state.change(change, to="ana", by=TESTER, rights=state.ALL_RIGHTS)
    new = [an_event(program, "c", of="bo")] if in_a_batch else []

    results = ingest_each([an_event(program), *new], by=TESTER)

    assert [each.is_new for each in results if isinstance(each, Stored)] == [
        False,
        *(True for _ in new),
    ]
    assert Participant.objects.get(external_id="ana").enrollments.get().status == "LOCKED"


@pytest.mark.parametrize("status", ["SUSPENDED", "CLOSED"])
def test_events_of_who_is_not_active_are_taken(program: Program, status: str) -> None:
    state.change(state.Change(status=status), to="ana", by=TESTER, rights=state.ALL_RIGHTS)

    ingest(an_event(program), by=TESTER)

    assert Participant.objects.get().status == status
    assert Enrollment.objects.get().status == "ACTIVE"


@pytest.mark.parametrize(
    ("program_fields", "of", "refusal"),
    [
        ({"on_unknown_participant": "REJECT"}, "ana", UnknownParticipant),
        ({"on_unknown_participant": "REJECT"}, uuid4(), UnknownParticipant),
        ({}, uuid4(), ParticipantNotFound),
        ({"status": "SUSPENDED"}, "ana", ProgramInactive),
        ({"status": "ARCHIVED"}, "ana", ProgramInactive),
    ],
)
def test_what_is_refused_stores_nothing(
    program_fields: dict[str, str], of: str | UUID, refusal: type[DomainError]
) -> None:
    program = Program.objects.create(name="Club", **program_fields)

    assert type(send(an_event(program, of=of))) is refusal
    assert nothing_is_stored()


def test_an_unknown_program_is_refused(program: Program) -> None:
    event = NewEvent(uuid4(), "ana", "k", timezone.now(), {})

    assert type(send(event)) is ProgramNotFound
    assert nothing_is_stored()


def test_a_program_that_rejects_strangers_enrols_whom_it_knows() -> None:
    strict = Program.objects.create(name="Strict", on_unknown_participant="REJECT")
    state.change(state.Change(), to="ana", by=TESTER, rights=state.ALL_RIGHTS)

    assert isinstance(send(an_event(strict)), Stored)
    assert Enrollment.objects.get().status == "ACTIVE"


def test_an_event_that_was_stored_is_found_again_in_a_program_that_is_over(
    program: Program,
) -> None:
    ingest(an_event(program), by=TESTER)
    Program.objects.update(status="ARCHIVED")

    again = send(an_event(program))

    assert isinstance(again, Stored)
    assert not again.is_new
    assert type(send(an_event(program, "new"))) is ProgramInactive


@pytest.mark.parametrize(
    ("known", "rights", "refusal"),
    [
        (False, Rights(may_create=False), (ParticipantNotFound, NotAllowed)),
        (False, Rights(may_enroll=False), (EnrollingNotAllowed,)),
        (True, Rights(may_enroll=False), (EnrollingNotAllowed,)),
    ],
)
def test_who_may_not_make_or_enrol_stores_no_event_that_would(
    program: Program, known: bool, rights: Rights, refusal: tuple[type[DomainError], ...]
) -> None:
    if known:
        state.change(state.Change(), to="ana", by=TESTER, rights=state.ALL_RIGHTS)

    with pytest.raises(refusal):
        ingest(an_event(program), by=TESTER, rights=rights)

    assert not Event.objects.exists()
    assert not Enrollment.objects.exists()
    assert Participant.objects.exists() is known
