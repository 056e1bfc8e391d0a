"""Events are processed in order, once."""

import random
from decimal import Decimal

import pytest
from django.core.management import call_command

from participants.events.retry import retry
from participants.exceptions import NotRetryable
from participants.models import Balance, Event, Participant, StateChange
from participants.models import Counter as StoredCounter
from programs import rulebook
from programs.rulebook import cache
from tests.conftest import TESTER
from tests.participants.events.workers import (
    add_rule,
    an_event,
    credit,
    faults,
    happen,
    send,
    set_attribute,
    soon,
    statuses,
    work_off,
    working,
)
from tests.participants.ledger_world import make_world
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = {"type": "COUNTER", "key": "n", "value": "1"}


@pytest.mark.slow
def test_ten_thousand_events_are_done_once_each_in_the_order_of_their_participant() -> None:
    people = [f"p{n}" for n in range(50)]
    world = make_world(*people)
    going_back = (
        "has(participant.attributes.number) && participant.attributes.number + 1 != event.number"
    )
    add_rule(world, {"type": "COUNTER", "key": "out of order", "value": "1"}, condition=going_back)
    add_rule(world, set_attribute("number", "event.number"), credit(world, "0.01"), COUNT)
    rounds = [[an_event(world, who, f"{who}-{n}", number=n) for who in people] for n in range(200)]

    with working(4):
        for mine in rounds:
            random.shuffle(mine)
            send(mine)
        assert soon(lambda: statuses() == {"COMPLETED": 10_000}, 60)

    assert not StoredCounter.objects.filter(key="out of order").exists()
    assert set(StoredCounter.objects.values_list("key", "value")) == {("n", Decimal(200))}
    assert set(Balance.objects.values_list("available", flat=True)) == {Decimal(2)}
    for person in Participant.objects.all():
        history = StateChange.objects.filter(participant=person, key="number").order_by("id")
        assert list(history.values_list("new_value", flat=True)) == list(range(200))
    assert faults() == []


@pytest.mark.parametrize("batch", [1, 2, 3, 7])
def test_once_ends_only_when_nothing_is_left(batch: int) -> None:
    world = make_world("ana", "bo", "eve")
    add_rule(world, COUNT)
    send([an_event(world, who, f"{who}{n}") for n in range(11) for who in ("ana", "bo", "eve")])

    call_command("process_events", once=True, batch=batch)

    assert statuses() == {"COMPLETED": 33}
    assert set(StoredCounter.objects.values_list("value", flat=True)) == {Decimal(11)}


def test_a_failed_event_lets_later_ones_run_and_keeps_its_place_when_it_is_tried_again() -> None:
    world = make_world()
    rule = add_rule(world, {"type": "DEBIT", "asset_id": str(world.asset.pk), "amount": "5"})
    first, second = happen(world), happen(world)
    assert work_off() == 2
    assert statuses() == {"FAILED": 2}
    rulebook.change(rule.pk, {"actions": [set_attribute("last", "event.n")]}, by=TESTER)
    Event.objects.filter(pk=first.pk).update(data={"n": 1})
    Event.objects.filter(pk=second.pk).update(data={"n": 2})
    third = happen(world, n=3)

    for event in (second, first):  # whatever order they are asked for in
        retry(event.pk, by=TESTER)
    assert work_off() == 3

    history = StateChange.objects.filter(key="last").order_by("id")
    assert list(history.values_list("new_value", flat=True)) == [1, 2, 3]
    assert statuses() == {"COMPLETED": 3}
    with pytest.raises(NotRetryable):
        retry(third.pk, by=TESTER)


def test_of_many_retries_at_once_one_counts() -> None:
    world = make_world()
    add_rule(world, COUNT, credit(world, "event.amount"))
    event = happen(world)
    work_off()
    Event.objects.update(data={"amount": 1})

    def again() -> bool:
        try:
            retry(event.pk, by=TESTER)
        except NotRetryable:
            return False
        return True

    with working(2):
        retried = at_once([again] * 10)
        assert soon(lambda: statuses() == {"COMPLETED": 1})

    assert retried.count(True) == 1
    assert world.balance() == ("1", "0", "0")


def test_events_of_more_programs_than_a_process_keeps_are_worked_off_together(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(cache, "MAX_BYTES", 1)
    worlds = [make_world(f"p{n}", symbol=f"P{n}") for n in range(6)]
    for turn in range(2):
        add_rule(worlds[0], COUNT, name=f"R{turn}")
        for n, world in enumerate(worlds):
            happen(world, f"p{n}", key=f"{turn}")

        assert work_off() == 6

    assert caplog.messages == []
