"""Waiting for an event to be processed."""

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from participants.events import wait
from participants.models import Counter as StoredCounter
from participants.models import Event, Participant, StateChange
from tests.participants.events.workers import (
    a_bad_rule,
    a_trigger,
    add_rule,
    happen,
    let_time_pass,
    set_attribute,
    statuses,
    work_off,
)
from tests.participants.ledger_world import make_world
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = {"type": "COUNTER", "key": "n", "value": "1"}
BAD_HISTORY = ("participants_statechange", "NEW.key = 'bad'", "RAISE EXCEPTION 'tripped'")


def test_waiting_does_the_earlier_events_first_and_the_later_ones_too() -> None:
    world = make_world()
    add_rule(world, set_attribute("n", "event.n"))
    first, second = happen(world, n=1), happen(world, n=2)

    assert wait.wait_for(second.pk, second.participant_id, 5)

    assert list(
        StateChange.objects.filter(key="n").order_by("id").values_list("new_value", flat=True)
    ) == [1, 2]
    assert statuses(pk=first.pk) == {"COMPLETED": 1}


def test_waiting_for_an_event_behind_one_that_is_to_be_tried_again_ends_in_time() -> None:
    world = make_world()
    a_bad_rule(world)
    happen(world, bad=True)
    with a_trigger(*BAD_HISTORY):
        work_off()
        behind = happen(world)
        began = time.monotonic()

        assert not wait.wait_for(behind.pk, behind.participant_id, 0.5)

    assert 0.4 < time.monotonic() - began < 2
    assert statuses() == {"PENDING": 2}


def test_waiting_while_somebody_else_is_at_it_sees_what_they_did() -> None:
    world = make_world()
    add_rule(world, COUNT)
    event = happen(world)
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            list(Participant.objects.select_for_update(no_key=True))
            held.set()
            let_go.wait(10)

    def wait_in_vain() -> bool:
        held.wait(10)
        in_vain = wait.wait_for(event.pk, event.participant_id, 0.3)
        let_go.set()
        return in_vain or wait.wait_for(event.pk, event.participant_id, 5)

    _, seen = at_once([hold, wait_in_vain])

    assert seen
    assert StoredCounter.objects.get().value == 1


@pytest.mark.parametrize(
    ("why", "most"),
    [
        # A look in the beginning and one in the end.
        ("the first event waits for its retry", 3),
        # With longer and longer pauses: a look, and three statements for the lock.
        ("somebody else has the lock", 40),
    ],
)
def test_waiting_for_a_second_sends_few_statements(why: str, most: int) -> None:
    world = make_world()
    behind = happen(world)
    event = happen(world)
    held, let_go = threading.Event(), threading.Event()
    if "retry" in why:
        soon = timezone.now() + timedelta(minutes=1)
        Event.objects.filter(pk=behind.pk).update(next_attempt_at=soon)
    sent: list[str] = []

    def note(execute: Any, sql: str, *call: Any) -> Any:
        sent.append(sql)
        return execute(sql, *call)

    def hold() -> None:
        with transaction.atomic():
            if "lock" in why:
                list(Participant.objects.select_for_update(no_key=True))
            held.set()
            let_go.wait(10)

    def wait_in_vain() -> bool:
        held.wait(10)
        with connection.execute_wrapper(note):
            in_time = wait.wait_for(event.pk, event.participant_id, 1)
        let_go.set()
        return in_time

    _, in_time = at_once([hold, wait_in_vain])

    assert not in_time
    assert 0 < len(sent) <= most, sent


def test_waiting_goes_on_as_soon_as_the_first_event_is_due() -> None:
    world = make_world()
    first, event = happen(world), happen(world)
    soon = timezone.now() + timedelta(seconds=0.4)
    Event.objects.filter(pk=first.pk).update(next_attempt_at=soon)

    assert wait.wait_for(event.pk, event.participant_id, 5)
    assert timezone.now() >= soon
    assert statuses() == {"COMPLETED": 2}


def test_when_too_many_wait_the_next_is_told_so_at_once(settings: Any) -> None:
    world = make_world()
    a_bad_rule(world)
    happen(world, bad=True)
    with a_trigger(*BAD_HISTORY):
        work_off()
    behind = happen(world)

    def call() -> float:
        began = time.monotonic()
        assert not wait.wait_for(behind.pk, behind.participant_id, 0.6)
        return time.monotonic() - began

    took = at_once([call] * (settings.WAITING_CALLS + 3))

    assert sum(seconds >= 0.5 for seconds in took) == settings.WAITING_CALLS
    assert sum(seconds < 0.3 for seconds in took) == 3
    # Their places are free again.
    let_time_pass()
    assert wait.wait_for(behind.pk, behind.participant_id, 5)
