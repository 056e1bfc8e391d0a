"""Batches of events on their way in: in order, each stored once."""

import random
from functools import partial
from itertools import chain
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError
from django.utils import timezone
from psycopg import errors
from rest_framework.test import APIClient

from participants import state
from participants.events.ingest import Stored, _Batch, ingest, ingest_each
from participants.events.request import NewEvent
from participants.exceptions import IdempotencyConflict, UnknownParticipant
from participants.models import Enrollment, Event, Participant
from participants.state import Rights
from programs.exceptions import ProgramNotFound
from programs.kernel.exceptions import DomainError
from programs.models import Program
from tests.conftest import TESTER
from tests.participants.events.sent import a_body, an_event
from tests.threads import at_once

pytestmark = pytest.mark.django_db
at_the_same_moment = pytest.mark.django_db(transaction=True)


def test_a_batch_keeps_its_order_whoever_is_to_be_made(program: Program) -> None:
    state.change(
        state.Change(program_id=program.pk), to="known", by=TESTER, rights=state.ALL_RIGHTS
    )
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
    state.change_each([(f"p{n}", enrolled) for n in range(50)], by=TESTER, rights=state.ALL_RIGHTS)
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


def test_in_a_batch_who_may_not_be_made_stops_nobody_who_may_be_enrolled(program: Program) -> None:
    state.change(state.Change(), to="ana", by=TESTER, rights=state.ALL_RIGHTS)
    events = [an_event(program, "a", of="new"), an_event(program, "b", of="ana")]

    refused, stored = ingest_each(events, by=TESTER, rights=Rights(may_create=False))

    assert isinstance(refused, DomainError)
    assert isinstance(stored, Stored)
    assert Event.objects.get().participant.external_id == "ana"
