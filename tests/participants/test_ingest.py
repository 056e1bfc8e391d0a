"""Events on their way in: each stored once, with its participant and enrolment, or refused with nothing stored."""

import json
import random
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.utils import timezone
from psycopg import errors
from rest_framework.test import APIClient

from participants import state
from participants.events import process
from participants.events.ingest import Rights, Stored, _Batch, ingest, ingest_each
from participants.events.request import NewEvent
from participants.exceptions import (
    EnrollingNotAllowed,
    IdempotencyConflict,
    NotAllowed,
    ParticipantNotFound,
    UnknownParticipant,
)
from participants.models import Enrollment, Event, Participant, StateChange
from programs import rulebook
from programs.kernel.exceptions import DomainError, ProgramInactive, ProgramNotFound
from programs.models import Program
from tests.conftest import TESTER
from tests.participants.test_races import at_once

pytestmark = pytest.mark.django_db
at_the_same_moment = pytest.mark.django_db(transaction=True)

WHEN = "2026-01-15T10:30:00Z"


def an_event(program: Program, key: str = "k", of: str | UUID = "ana", **data: Any) -> NewEvent:
    return NewEvent(program.pk, of, key, datetime.fromisoformat(WHEN), data)


def send(event: NewEvent) -> Stored | DomainError:
    """What the call answers, a refusal too."""
    [result] = ingest_each([event], by=TESTER)
    return result


def a_body(program: Program, **rest: Any) -> dict[str, Any]:
    body = {
        "program_id": str(program.pk),
        "external_id": "ana",
        "idempotency_key": "k",
        "event_timestamp": WHEN,
        "event_data": {"amount": 5},
    }
    return {name: value for name, value in {**body, **rest}.items() if value is not ...}


def nothing_is_stored() -> bool:
    models = (Participant, Enrollment, Event, StateChange)
    return not any(model._default_manager.exists() for model in models)


# Once


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
        state.apply(state.Change(program_id=program.pk), to="ana", by=TESTER, may_create=True)
    event = an_event(program)

    results = at_once([partial(send, event) for _ in range(100)])
    while process.process_batch().events:
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


# Batches


def test_a_batch_keeps_its_order_whoever_is_to_be_made(program: Program) -> None:
    state.apply(state.Change(program_id=program.pk), to="known", by=TESTER, may_create=True)
    chance = random.Random(1)
    events = [
        an_event(program, f"k{n}", chance.choice(["known", "new", "other"])) for n in range(200)
    ]

    results = ingest_each(events, by=TESTER)

    assert [each.event.idempotency_key for each in results if isinstance(each, Stored)] == [
        f"k{n}" for n in range(200)
    ]
    in_order = Event.objects.order_by("sequence").values_list("idempotency_key", flat=True)
    assert list(in_order) == [f"k{n}" for n in range(200)]


def test_in_a_batch_a_key_that_comes_twice_is_stored_once(program: Program) -> None:
    events = [
        an_event(program, "a", n=1),
        an_event(program, "b"),
        an_event(program, "a", n=1),
        an_event(program, "a", n=2),
        an_event(program, "b"),
    ]

    results = ingest_each(events, by=TESTER)

    assert [each.is_new if isinstance(each, Stored) else type(each) for each in results] == [
        True,
        True,
        False,
        IdempotencyConflict,
        False,
    ]
    assert Event.objects.count() == 2


@pytest.mark.parametrize("somebody_is_to_be_enrolled", [False, True])
def test_in_a_batch_what_follows_a_refused_event_of_the_same_key_keeps_its_place(
    program: Program, somebody_is_to_be_enrolled: bool
) -> None:
    ingest(an_event(program, "0"), by=TESTER)
    Program.objects.filter(pk=program.pk).update(on_unknown_participant="REJECT")
    if somebody_is_to_be_enrolled:
        Participant.objects.create(external_id="new")
    events = [
        an_event(program, "a", of="nobody"),
        *([an_event(program, "b", of="new")] if somebody_is_to_be_enrolled else []),
        an_event(program, "a", of="nobody again"),
        an_event(program, "a", of="ana"),
        an_event(program, "c", of="ana"),
    ]

    results = ingest_each(events, by=TESTER)

    refused = [type(each) for each in results if isinstance(each, DomainError)]
    assert refused == [UnknownParticipant, UnknownParticipant]
    in_order = Event.objects.order_by("sequence").values_list("idempotency_key", flat=True)
    assert list(in_order) == ["0", *("b" * somebody_is_to_be_enrolled), "a", "c"]


@pytest.mark.parametrize("rights", [Rights(may_create=False), Rights(may_enroll=False)])
def test_what_follows_somebody_who_may_not_be_made_keeps_its_place(
    program: Program, rights: Rights
) -> None:
    ingest(an_event(program, "0"), by=TESTER)
    events = [
        an_event(program, "a", of="stranger"),
        an_event(program, "a", of="ana"),
        an_event(program, "b", of="ana"),
    ]

    refused, *_ = ingest_each(events, by=TESTER, rights=rights)

    assert isinstance(refused, DomainError)
    in_order = Event.objects.order_by("sequence").values_list("idempotency_key", flat=True)
    assert list(in_order) == ["0", "a", "b"]


def test_many_bad_rows_with_one_key_take_no_more_statements_than_one(
    program: Program, queries: list[str]
) -> None:
    strict = Program.objects.create(name="Strict", on_unknown_participant="REJECT")
    ingest(an_event(program, "known"), by=TESTER)
    queries.clear()
    missing = uuid4()
    bad = [
        [NewEvent(missing, "ana", "a", timezone.now(), {}) for _ in range(100)],
        [an_event(strict, "a", of=f"stranger {n}") for n in range(100)],
        [an_event(program, "known", n=n) for n in range(1, 101)],
    ]
    events = [*chain.from_iterable(bad), an_event(program, "new"), an_event(program, "b", of="bo")]

    *refused, new, made = ingest_each(events, by=TESTER)

    assert {type(each) for each in refused} == {
        ProgramNotFound,
        UnknownParticipant,
        IdempotencyConflict,
    }
    assert isinstance(new, Stored)
    assert isinstance(made, Stored)
    assert len(queries) < 10


@pytest.mark.parametrize("rights", [Rights(may_create=False), Rights(may_enroll=False)])
def test_many_strangers_with_one_key_take_no_more_statements_than_one(
    program: Program, rights: Rights, queries: list[str]
) -> None:
    events = [an_event(program, of=f"stranger {n}") for n in range(100)]

    results = ingest_each(events, by=TESTER, rights=rights)

    assert all(isinstance(each, DomainError) for each in results)
    assert len(queries) == 1


@pytest.mark.parametrize("people", [1, 50])
def test_in_a_batch_a_key_may_come_any_number_of_times(
    program: Program, people: int, queries: list[str]
) -> None:
    events = [an_event(program, of=f"p{n % people}") for n in range(50)]

    results = ingest_each(events, by=TESTER)

    assert len(queries) < 15
    assert Event.objects.count() == Participant.objects.count() == 1
    assert sum(isinstance(each, Stored) for each in results) == 50 // people
    assert sum(type(each) is IdempotencyConflict for each in results) == 50 - 50 // people


@pytest.mark.parametrize("reverse", [False, True])
def test_in_a_batch_a_row_that_is_refused_for_its_key_makes_nobody(
    program: Program, reverse: bool
) -> None:
    events = [an_event(program, of="ana"), an_event(program, of="bo")]

    results = ingest_each(events[::-1] if reverse else events, by=TESTER)

    assert [type(each) for each in results] == [Stored, IdempotencyConflict]
    assert Participant.objects.get().external_id == ("bo" if reverse else "ana")


def test_a_bad_row_of_a_batch_stops_no_other(api: APIClient, program: Program) -> None:
    archived = Program.objects.create(name="Old", status="ARCHIVED")
    strict = Program.objects.create(name="Strict", on_unknown_participant="REJECT")
    rows: list[Any] = [
        a_body(program, idempotency_key="1"),
        a_body(program, idempotency_key=""),
        a_body(archived, idempotency_key="3", external_id="bo"),
        a_body(strict, idempotency_key="4", external_id="eve"),
        "no object",
        a_body(program, idempotency_key="6", program_id=str(uuid4())),
        a_body(program, idempotency_key="7", external_id=..., participant_id=str(uuid4())),
        a_body(strict, idempotency_key="8"),
        a_body(program, idempotency_key="9"),
    ]

    response = api.post("/v1/events/batch", {"events": rows})

    body = response.json()
    assert response.status_code == 202
    assert (body["total"], body["success_count"], body["error_count"]) == (9, 2, 7)
    told = [row.get("error", {}).get("code", row["status"]) for row in body["results"]]
    assert (
        told
        == [
            "accepted",
            "validation_failed",
            "program_inactive",
            "unknown_participant",
            "validation_failed",
            "not_found",
            "not_found",
            "unknown_participant",  # looked at before the first row has made her
            "accepted",
        ]
        or told[7] == "accepted"
    )
    assert set(Participant.objects.values_list("external_id", flat=True)) == {"ana"}


@at_the_same_moment
def test_two_batches_in_opposite_order_store_each_event_once(program: Program) -> None:
    events = [an_event(program, f"k{n}", f"p{n % 30}") for n in range(300)]

    def batch(mine: list[NewEvent]) -> list[Stored | DomainError]:
        return ingest_each(mine, by=TESTER)

    there, back = at_once([partial(batch, events), partial(batch, events[::-1])])

    assert all(isinstance(each, Stored) for each in [*there, *back])
    assert [one.id for one in there if isinstance(one, Stored)] == [
        one.id for one in back[::-1] if isinstance(one, Stored)
    ]
    assert Event.objects.count() == 300
    assert Participant.objects.count() == Enrollment.objects.count() == 30


@at_the_same_moment
@pytest.mark.slow
def test_many_batches_of_the_same_known_people_in_any_order_store_each_event_once(
    program: Program,
) -> None:
    enrolled = state.Change(program_id=program.pk)
    state.apply_each([(f"p{n}", enrolled) for n in range(50)], by=TESTER, may_create=True)
    events = [an_event(program, f"k{n}", f"p{n % 50}") for n in range(400)]

    def batch(seed: int) -> int:
        mine = random.Random(seed).sample(events, len(events))
        results = ingest_each(mine, by=TESTER)
        assert all(isinstance(each, Stored) for each in results)
        return sum(isinstance(each, Stored) and each.is_new for each in results)

    new = at_once([partial(batch, seed) for seed in range(6)])

    assert sum(new) == Event.objects.count() == 400


@at_the_same_moment
def test_the_victim_of_a_deadlock_stores_its_events_all_the_same(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = OperationalError()
    victim.__cause__ = errors.DeadlockDetected()
    answers = iter([victim])
    is_new = _Batch._is_new

    def fail_once(batch: _Batch, position: int) -> bool:
        if error := next(answers, None):
            raise error
        return is_new(batch, position)

    monkeypatch.setattr(_Batch, "_is_new", fail_once)

    results = ingest_each([an_event(program), an_event(program, "b")], by=TESTER)

    assert [each.is_new for each in results if isinstance(each, Stored)] == [True, True]
    assert Event.objects.count() == 2


# Whom


@pytest.mark.parametrize("status", ["FROZEN", "LOCKED", "CLOSED"])
def test_an_enrolment_that_was_ended_is_active_again(program: Program, status: str) -> None:
    for enrolled in ("ACTIVE", status):
        change = state.Change(program_id=program.pk, enrollment_status=enrolled)
        state.apply(change, to="ana", by=TESTER, may_create=True)

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
    state.apply(change, to="ana", by=TESTER, may_create=True)
    new = [an_event(program, "c", of="bo")] if in_a_batch else []

    results = ingest_each([an_event(program), *new], by=TESTER)

    assert [each.is_new for each in results if isinstance(each, Stored)] == [
        False,
        *(True for _ in new),
    ]
    assert Participant.objects.get(external_id="ana").enrollments.get().status == "LOCKED"


@pytest.mark.parametrize("status", ["SUSPENDED", "CLOSED"])
def test_events_of_who_is_not_active_are_taken(program: Program, status: str) -> None:
    state.apply(state.Change(status=status), to="ana", by=TESTER, may_create=True)

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
    state.apply(state.Change(), to="ana", by=TESTER, may_create=True)

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
        state.apply(state.Change(), to="ana", by=TESTER, may_create=True)

    with pytest.raises(refusal):
        ingest(an_event(program), by=TESTER, rights=rights)

    assert not Event.objects.exists()
    assert not Enrollment.objects.exists()
    assert Participant.objects.exists() is known


def test_in_a_batch_who_may_not_be_made_stops_nobody_who_may_be_enrolled(program: Program) -> None:
    state.apply(state.Change(), to="ana", by=TESTER, may_create=True)
    events = [an_event(program, "a", of="new"), an_event(program, "b", of="ana")]

    refused, stored = ingest_each(events, by=TESTER, rights=Rights(may_create=False))

    assert isinstance(refused, DomainError)
    assert isinstance(stored, Stored)
    assert Event.objects.get().participant.external_id == "ana"


# At the same moment


@at_the_same_moment
def test_while_the_program_is_archived_an_event_is_whole_or_not_there(program: Program) -> None:
    started = threading.Event()

    def archive() -> None:
        started.wait()
        Program.objects.filter(pk=program.pk).update(status="ARCHIVED")

    def send_many(thread: int) -> list[tuple[str, Stored | DomainError]]:
        results = []
        for turn in range(25):
            name = f"p{thread}-{turn}"
            results.append((name, send(an_event(program, name, name))))
            if turn == 5:
                started.set()
        return results

    calls: list[Callable[[], Any]] = [partial(send_many, n) for n in range(6)]
    *sent, _ = at_once([*calls, archive])

    results = [pair for thread in sent for pair in thread]
    accepted = {name for name, each in results if isinstance(each, Stored)}
    assert {type(each) for _, each in results} == {Stored, ProgramInactive}
    assert set(Participant.objects.values_list("external_id", flat=True)) == accepted
    assert set(Event.objects.values_list("idempotency_key", flat=True)) == accepted
    assert Enrollment.objects.count() == len(accepted)


@at_the_same_moment
def test_events_upserts_and_closed_enrolments_of_one_person_break_nothing(
    program: Program,
) -> None:
    state.apply(state.Change(), to="ana", by=TESTER, may_create=True)

    def events(thread: int) -> None:
        for turn in range(15):
            ingest(an_event(program, f"{thread}-{turn}"), by=TESTER)

    def upserts(thread: int) -> None:
        for turn in range(15):
            change = state.Change(
                program_id=program.pk,
                add_tags=[f"{thread}-{turn}"],
                enrollment_status=random.choice(["ACTIVE", "CLOSED", "FROZEN"]),
            )
            state.apply(change, to="ana", by=TESTER)

    at_once([partial(call, n) for call in (events, upserts) for n in range(4)])

    assert Event.objects.count() == 60
    assert len(Participant.objects.get().tags) == 60
    old = None
    for change in StateChange.objects.filter(state_type="enrollment").order_by("id"):
        assert change.old_value == old
        old = change.new_value
    assert Enrollment.objects.get().status == old


@at_the_same_moment
@pytest.mark.parametrize("known", [True, False])
def test_a_key_whose_connection_was_killed_is_free_and_stored_by_the_next(
    program: Program, known: bool
) -> None:
    if known:
        state.apply(state.Change(program_id=program.pk), to="ana", by=TESTER, may_create=True)
    inside, killed = threading.Event(), threading.Event()
    pids: list[int] = []

    def killed_call() -> str:
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_backend_pid()")
                    pids.append(cursor.fetchone()[0])
                ingest(an_event(program), by=TESTER)
                inside.set()
                killed.wait(10)
        except OperationalError:
            return "killed"
        return "committed"

    def waiting_call() -> Stored | DomainError:
        inside.wait(10)
        timer = threading.Timer(0.3, kill)
        timer.start()
        try:
            return send(an_event(program))
        finally:
            timer.join()

    def kill() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", pids)
        killed.set()
        connections.close_all()

    first, second = at_once([killed_call, waiting_call])

    assert first == "killed"
    assert isinstance(second, Stored)
    assert second.is_new
    assert Event.objects.get().pk == second.id
    assert Participant.objects.count() == Enrollment.objects.count() == 1


# Bodies


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
