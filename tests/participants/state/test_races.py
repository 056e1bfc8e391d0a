"""What happens at the same moment: threads with connections of their own, on committed data."""

import random
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected
from rest_framework.test import APIClient

from participants import state
from participants.models import Enrollment, Participant, StateChange
from programs.models import Program
from tests.conftest import TESTER
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def test_fifty_calls_with_one_new_external_id_make_one_participant(
    api: APIClient, program: Program
) -> None:
    body = {"external_id": "ana", "program_id": str(program.id), "tags": ["vip"]}

    responses = at_once([lambda: api.post("/v1/participants", body) for _ in range(50)])

    assert Counter(response.status_code for response in responses) == {201: 1, 200: 49}
    assert Participant.objects.count() == 1
    assert Enrollment.objects.count() == 1
    assert StateChange.objects.count() == 3  # status, tags, enrollment
    assert len({response.content for response in responses}) == 1


def test_batches_and_single_calls_with_the_same_new_people_make_each_once(api: APIClient) -> None:
    people = [{"external_id": f"p{n}", "tags": ["x"]} for n in range(20)]
    batches: list[Callable[[], Any]] = [
        lambda: api.post("/v1/participants/batch", {"participants": people}) for _ in range(8)
    ]
    singles: list[Callable[[], Any]] = [
        partial(api.post, "/v1/participants", body) for body in people
    ]

    responses = at_once([*batches, *singles])

    assert Participant.objects.count() == 20
    assert StateChange.objects.count() == 40
    created = 0
    for response in responses:
        if "results" in response.json():
            assert response.json()["error_count"] == 0
            created += sum(row["status"] == "created" for row in response.json()["results"])
        else:
            created += response.status_code == 201
    assert created == 20


def test_batches_that_hold_the_same_people_in_opposite_order_do_not_deadlock() -> None:
    known = [f"known{n}" for n in range(30)]
    state.change_each(
        [(name, state.Change()) for name in known], by=TESTER, rights=state.ALL_RIGHTS
    )
    names = [*known, *(f"new{n}" for n in range(30))]

    def batch(seed: int) -> set[str]:
        mine = random.Random(seed).sample(names, len(names))
        results = []
        for turn in range(4):
            change = state.Change(tags=[f"t{seed}-{turn}"])
            # Not upsert_each: @retried would hide a deadlock outside a transaction, inside one it does not.
            with transaction.atomic():
                results += state.change_each(
                    [(name, change) for name in mine], by=TESTER, rights=state.ALL_RIGHTS
                )
        return {result.status for result in results}

    outcomes = at_once([partial(batch, seed) for seed in range(6)])

    assert set().union(*outcomes) <= {"created", "updated"}
    assert Participant.objects.count() == 60


def test_batches_that_make_the_same_people_in_different_order_do_not_deadlock() -> None:
    names = [f"new{n}" for n in range(200)]

    def batch(seed: int) -> set[str]:
        mine = random.Random(seed).sample(names, len(names))
        with transaction.atomic():
            results = state.change_each(
                [(name, state.Change()) for name in mine], by=TESTER, rights=state.ALL_RIGHTS
            )
        return {result.status for result in results}

    outcomes = at_once([partial(batch, seed) for seed in range(6)])

    assert set().union(*outcomes) == {"created", "updated"}
    assert Participant.objects.count() == 200


def test_a_second_look_that_is_tried_again_does_not_forget_who_was_created() -> None:
    state.change(state.Change(), to="known", by=TESTER, rights=state.ALL_RIGHTS)
    held, let_go = threading.Event(), threading.Event()
    failures = iter([True])

    def hold() -> None:
        with transaction.atomic():
            state.change(state.Change(add_tags=["first"]), to="known", by=TESTER)
            held.set()
            let_go.wait(0.3)

    def fail_once(execute: Any, sql: str, *rest: Any) -> Any:
        if "FOR NO KEY UPDATE" in sql and "WITH given" not in sql and next(failures, False):
            raise OperationalError from DeadlockDetected()
        return execute(sql, *rest)

    def batch() -> list[state.Upserted]:
        held.wait()
        change = state.Change(add_tags=["second"])
        with connection.execute_wrapper(fail_once):
            return state.change_each(
                [("known", change), ("new", change)], by=TESTER, rights=state.ALL_RIGHTS
            )

    _, results = at_once([hold, batch])

    assert next(failures, "failed once") == "failed once"
    assert [result.status for result in results or []] == ["updated", "created"]
    assert Participant.objects.get(external_id="known").tags == ["first", "second"]


def test_history_is_a_chain_without_a_gap_however_many_write() -> None:
    state.change(state.Change(), to="ana", by=TESTER, rights=state.ALL_RIGHTS)

    def set_numbers(thread: int) -> None:
        for turn in range(10):
            state.change(
                state.Change(
                    attributes={"n": f"{thread}-{turn}"}, profile={"phone": f"{thread}-{turn}"}
                ),
                to="ana",
                by=TESTER,
            )

    at_once([partial(set_numbers, thread) for thread in range(10)])

    for key in ("n", "phone"):
        values = [None]
        for change in StateChange.objects.filter(key=key).order_by("id"):
            assert change.old_value == values[-1]
            values.append(change.new_value)
        assert len(values) == 101
    person = Participant.objects.get()
    assert person.attributes == {"n": values[-1]}
    assert person.updated_at == StateChange.objects.latest("id").changed_at


def test_enrolments_in_many_programs_at_once_are_all_there_and_all_answered() -> None:
    state.change(state.Change(), to="ana", by=TESTER, rights=state.ALL_RIGHTS)
    programs = [Program.objects.create(name=str(n)).id for n in range(12)]

    at_once(
        [
            partial(state.change, state.Change(program_id=program_id), to="ana", by=TESTER)
            for program_id in programs
        ]
    )

    assert Enrollment.objects.filter(status="ACTIVE").count() == 12
    assert StateChange.objects.filter(state_type="enrollment", operation="ADD").count() == 12


def test_an_enrolment_that_flips_under_many_hands_has_an_unbroken_history(
    program: Program,
) -> None:
    state.change(state.Change(), to="ana", by=TESTER, rights=state.ALL_RIGHTS)
    statuses = ["ACTIVE", "FROZEN", "LOCKED", "CLOSED"]

    def flip(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(15):
            change = state.Change(program_id=program.id, enrollment_status=chance.choice(statuses))
            state.change(change, to="ana", by=TESTER)

    at_once([partial(flip, seed) for seed in range(8)])

    old = None
    for change in StateChange.objects.filter(state_type="enrollment").order_by("id"):
        assert change.old_value == old
        old = change.new_value
    assert Enrollment.objects.get().status == old


def test_the_last_free_attribute_is_given_once() -> None:
    full: dict[str, Any] = {f"k{n}": n for n in range(99)}
    state.change(state.Change(attributes=full), to="ana", by=TESTER, rights=state.ALL_RIGHTS)

    def add(key: str) -> bool:
        [result] = state.change_each([("ana", state.Change(attributes={key: 1}))], by=TESTER)
        return result.refusal is None

    taken = at_once([partial(add, f"extra{n}") for n in range(10)])

    assert taken.count(True) == 1
    assert len(Participant.objects.get().attributes) == 100


def test_an_answer_that_waited_shows_what_the_other_did(program: Program) -> None:
    state.change(state.Change(), to="ana", by=TESTER, rights=state.ALL_RIGHTS)
    locked, answers = threading.Event(), []

    def hold() -> None:
        with transaction.atomic():
            state.change(state.Change(program_id=program.id), to="ana", by=TESTER)
            locked.set()
            threading.Event().wait(0.3)

    def follow() -> None:
        locked.wait()
        result: Any = state.change(state.Change(add_tags=["late"]), to="ana", by=TESTER)
        answers.append(bytes(result.document))

    at_once([hold, follow])

    assert str(program.id).encode() in answers[0]
