"""Events stored at the same moment as other calls."""

import random
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction

from participants import state
from participants.events.ingest import Stored, ingest
from participants.models import Enrollment, Event, Participant, StateChange
from programs.exceptions import ProgramInactive
from programs.kernel.exceptions import DomainError
from programs.models import Program
from tests.conftest import TESTER
from tests.participants.events.sent import an_event, send
from tests.threads import at_once

pytestmark = pytest.mark.django_db
at_the_same_moment = pytest.mark.django_db(transaction=True)


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
    state.change(state.Change(), to="ana", by=TESTER, rights=state.ALL_RIGHTS)

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
            state.change(change, to="ana", by=TESTER)

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
        state.change(
            state.Change(program_id=program.pk), to="ana", by=TESTER, rights=state.ALL_RIGHTS
        )
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
