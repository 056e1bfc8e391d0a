"""Chores take turns with events."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from participants.models import Participant, TierStanding
from programs.models import TierTrack
from tests.participants.events.workers import (
    a_trigger,
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


def test_a_chore_that_fails_keeps_no_event_waiting() -> None:
    world = make_world()
    add_rule(world, COUNT)
    track = TierTrack.objects.create(program=world.program, key="club", display_name="Club")
    yesterday = timezone.now() - timedelta(days=1)
    TierStanding.objects.create(
        participant=Participant.objects.get(),
        track=track,
        level="gold",
        acquired_at=yesterday - timedelta(days=1),
        expires_at=yesterday,
    )
    happen(world)

    with (
        a_trigger("participants_tierstanding", "true", "RAISE EXCEPTION 'tripped'"),
        working() as ended,
    ):
        assert soon(lambda: statuses() == {"COMPLETED": 1})
        assert ended == []


def test_a_chore_that_takes_long_leaves_time_for_events(monkeypatch: pytest.MonkeyPatch) -> None:
    def mature_for_ever(**_: Any) -> Iterator[int]:
        while True:
            time.sleep(0.02)
            yield 1

    monkeypatch.setattr("participants.events.worker.CHORES", [mature_for_ever])
    monkeypatch.setattr("participants.events.worker.CHORES_FOR", 0.2)
    happen(make_world())

    with working():
        assert soon(lambda: statuses() == {"COMPLETED": 1}, 5)


def test_chores_are_done_however_many_events_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("participants.events.worker.CHORES_EVERY", 0.5)
    world = make_world("ana", "bo")
    add_rule(world, COUNT)
    stop = threading.Event()

    def keep_sending() -> None:
        n = 0
        while not stop.is_set():
            send([an_event(world, "bo", f"{n}-{m}") for m in range(100)])
            n += 1
        connections.close_all()

    sender = threading.Thread(target=keep_sending)
    sender.start()
    try:
        with working():
            time.sleep(0.5)
            world.credit("5", matures_at=timezone.now() + timedelta(seconds=0.2))
            assert soon(lambda: world.balance() == ("5", "0", "0"), 5)
    finally:
        stop.set()
        sender.join()
