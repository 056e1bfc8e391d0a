"""Hints that wake a worker."""

import time
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from participants.events import wake
from participants.events.retry import retry
from participants.events.worker import Worker
from participants.models import Event
from tests.conftest import TESTER
from tests.participants.events.workers import (
    add_rule,
    an_event,
    happen,
    send,
    soon,
    statuses,
    working,
)
from tests.participants.ledger_world import make_world

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = {"type": "COUNTER", "key": "n", "value": "1"}


@pytest.mark.parametrize("calls", [200])
def test_a_process_gives_the_hint_at_most_every_fifty_milliseconds(calls: int) -> None:
    world = make_world()
    happen(world)
    with connection.cursor() as cursor:
        cursor.execute(f"LISTEN {wake.CHANNEL}")
    heard: list[Any] = []
    began = time.monotonic()

    for n in range(calls):
        happen(world, key=f"key-{n}")
    heard.extend(connection.connection.notifies(timeout=0.5))

    took = time.monotonic() - began
    assert 1 <= len(heard) <= took / wake.INTERVAL + 1
    with connection.cursor() as cursor:
        cursor.execute(f"UNLISTEN {wake.CHANNEL}")


def test_a_worker_that_sleeps_wakes_when_an_event_comes() -> None:
    world = make_world()
    add_rule(world, COUNT)
    took = []

    with working():
        time.sleep(1)  # asleep
        for n in range(5):
            began = time.monotonic()
            event = happen(world, key=f"k{n}")
            assert soon(lambda pk=event.pk: statuses(pk=pk) == {"COMPLETED": 1})  # type: ignore[misc]
            took.append(time.monotonic() - began)
            time.sleep(0.4)

    assert sorted(took)[2] < 0.25  # it would look by itself every half second


def test_hints_that_came_while_a_worker_worked_wake_it_once() -> None:
    worker = Worker(by=TESTER)
    worker._listen()
    for _ in range(20):
        wake.hint()

    assert [worker._listen(), worker._listen()] == [True, False]
    with connection.cursor() as cursor:
        cursor.execute(f"UNLISTEN {wake.CHANNEL}")


def test_a_retry_gives_a_hint() -> None:
    event = happen(make_world())
    Event.objects.update(status="FAILED", processed_at=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(f"LISTEN {wake.CHANNEL}")

    retry(event.pk, by=TESTER)

    assert list(connection.connection.notifies(timeout=0.5, stop_after=1))
    with connection.cursor() as cursor:
        cursor.execute(f"UNLISTEN {wake.CHANNEL}")


def test_a_worker_with_events_before_it_does_not_listen_for_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("participants.events.worker.CHORES_EVERY", 0)  # called away from each batch
    monkeypatch.setattr(Worker, "_listen", lambda _: pytest.fail("It sleeps."))
    world = make_world("ana", "bo", "cleo")
    send([an_event(world, of, f"{of}-{n}") for of in ("ana", "bo", "cleo") for n in range(600)])

    with working() as ended:
        assert soon(lambda: "PENDING" not in statuses())
    assert ended == []
