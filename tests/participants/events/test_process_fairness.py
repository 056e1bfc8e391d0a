"""However much comes of some, nobody else waits for it."""

import os
from typing import Any

import pytest
from django.utils import timezone

from participants.events import process
from participants.events.ingest import ingest
from participants.events.request import NewEvent
from participants.events.turns import START, Round
from participants.models import Counter as StoredCounter
from participants.models import Event
from programs.models import Program, Rule
from tests.conftest import TESTER
from tests.participants.events.workers import (
    a_bad_rule,
    a_trigger,
    add_rule,
    an_event,
    happen,
    send,
    soon,
    statuses,
    work_off,
    working,
)
from tests.participants.ledger_world import World, make_world

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = {"type": "COUNTER", "key": "n", "value": "1"}
BAD_HISTORY = ("participants_statechange", "NEW.key = 'bad'", "RAISE EXCEPTION 'tripped'")


def done_promptly(world: World, people: list[str], seconds: float) -> None:
    """One new event of each of these, beside whatever else waits, is done in time."""
    keys = [f"prompt-{who}" for who in people]
    send([an_event(world, who, key) for who, key in zip(people, keys, strict=True)])
    mine = {"idempotency_key__in": keys}
    assert soon(lambda: statuses(**mine) == {"COMPLETED": len(people)}, seconds), statuses(**mine)


def test_twenty_thousand_events_of_one_participant_keep_nobody_waiting() -> None:
    world = make_world("flood", *(f"p{n}" for n in range(20)))
    add_rule(world, COUNT)
    send([an_event(world, "flood", f"k{n}") for n in range(20_000)])

    with working(2):
        done_promptly(world, [f"p{n}" for n in range(20)], 1.5)


def test_rules_that_go_over_their_budget_keep_nobody_waiting() -> None:
    world = make_world("greedy", *(f"p{n}" for n in range(10)))
    every = "event.many.all({}, "
    greedy = "".join(every.format(name) for name in "abc") + "a + b + c >= 0" + ")" * 3
    add_rule(world, condition=f"has(event.many) && {greedy}")
    add_rule(world, COUNT)
    send([an_event(world, "greedy", f"k{n}", many=list(range(100))) for n in range(60)])

    with working():
        done_promptly(world, [f"p{n}" for n in range(10)], 5)
        assert soon(lambda: statuses(participant__external_id="greedy") == {"COMPLETED": 60}, 30)


def test_an_event_that_fails_unexpectedly_keeps_nobody_waiting_for_what_else_waits() -> None:
    """Its batch is done again in parts; those who come after it in the round do not wait for all that the others have."""
    people = [f"p{n}" for n in range(60)]
    world = make_world(*people, "bad", "prompt")
    a_bad_rule(world)
    add_rule(world, COUNT)
    send([an_event(world, "bad", "bad", bad=True)])
    send([an_event(world, who, f"{who}-{n}") for n in range(60) for who in people])

    with a_trigger(*BAD_HISTORY), working():
        done_promptly(world, ["prompt"], 6)
        assert soon(lambda: Event.objects.get(idempotency_key="bad").attempts > 0)


def test_events_that_take_long_keep_nobody_waiting() -> None:
    """Longer than a batch may take; whose they are comes first in the round."""
    people = ["slow", *(f"p{n}" for n in range(10))]
    world = make_world(*people)
    for _ in range(100):
        add_rule(world, condition="has(event.many) && event.many.exists(x, x < 0)")
    send([an_event(world, "slow", f"k{n}", many=list(range(4000))) for n in range(30)])
    send([an_event(world, who, who) for who in people[1:]])

    # Two rounds, as one worker makes them.
    one_round, rounds = Round(), 0
    while rounds < 2:
        process.process_batch(one_round)
        rounds += one_round.after(world.program.pk) == START

    assert statuses(participant__external_id__startswith="p") == {"COMPLETED": 10}
    assert statuses()["PENDING"] > 20


def test_large_payloads_of_some_keep_nobody_waiting() -> None:
    """As large as they may be, of what cannot be compressed; whose they are come first in the round."""
    people = ["large", "larger", *(f"p{n}" for n in range(10))]
    world = make_world(*people)
    noise = [os.urandom(480_000).hex() for _ in range(5)]
    send(
        [
            an_event(world, who, f"{who}{n}", noise=noise[n % 5])
            for n in range(25)
            for who in people[:2]
        ]
    )
    send([an_event(world, who, who) for who in people[2:]])
    small = {"participant__external_id__startswith": "p"}

    # Two rounds, as one worker makes them.
    one_round, rounds = Round(), 0
    while rounds < 2:
        process.process_batch(one_round)
        rounds += one_round.after(world.program.pk) == START

    assert statuses(**small) == {"COMPLETED": 10}
    assert statuses()["PENDING"] > 30


@pytest.mark.slow
def test_thousands_of_rules_of_one_program_hold_up_the_others_for_seconds_at_most() -> None:
    world = make_world("ana", "bo")
    other = Program.objects.create(name="Other")
    Rule.objects.bulk_create(
        Rule(
            program=world.program,
            name=f"R{n}",
            condition=f'event.kind == "k{n}" && event.amount > {n}',
            actions=[COUNT],
            order=n + 1,
        )
        for n in range(4_000)
    )
    Program.objects.filter(pk=world.program.pk).revised()
    send([an_event(world, "ana", f"k{n}", kind="k3999", amount=20_000) for n in range(20)])
    ingest(NewEvent(other.pk, "bo", "small", timezone.now(), {}), by=TESTER)

    with working():
        assert soon(lambda: statuses(program=other) == {"COMPLETED": 1}, 90)
        assert soon(lambda: statuses() == {"COMPLETED": 21}, 90)

    assert StoredCounter.objects.get().value == 20
    outcome = Event.objects.filter(program=world.program).latest("sequence").outcome
    assert outcome["rule_evaluations"][-1]["outcome"] == "matched"
    assert outcome["omitted_rules"] == 4_000 - len(outcome["rule_evaluations"])


@pytest.mark.parametrize(
    "action",
    [
        {"type": "SET_ATTRIBUTE", "key": "k", "expression": "event.list"},
        {"type": "SET_ATTRIBUTE", "key": "k", "expression": "event['\\x00']"},
        {"type": "COUNTER", "key": "k", "value": "int(event.text + '\\x00')"},
    ],
)
def test_what_cannot_be_stored_fails_its_rule_at_once_and_is_no_unexpected_error(
    action: dict[str, Any],
) -> None:
    world = make_world()
    add_rule(world, action)
    event = happen(world, list=[1], text="x")

    work_off()

    event.refresh_from_db()
    assert (event.status, event.attempts, event.rule_errors) == ("COMPLETED", 0, 1)
