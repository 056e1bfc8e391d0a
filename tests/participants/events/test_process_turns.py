"""Programs share the time of a worker, however dear the events of one of them are."""

import random
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.db.models import Value
from django.db.models.functions import Now
from django.utils import timezone

from participants.events import process, queue
from participants.events.apply import apply
from participants.events.request import NewEvent
from participants.events.turns import START, Round, Turns
from participants.models import Event, Participant
from tests.participants.events.workers import (
    a_bad_rule,
    a_trigger,
    add_rule,
    an_event,
    happen,
    send,
    statuses,
    work_off,
)
from tests.participants.ledger_world import World, make_world

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = {"type": "COUNTER", "key": "n", "value": "1"}
BAD_HISTORY = ("participants_statechange", "NEW.key = 'bad'", "RAISE EXCEPTION 'tripped'")


def worlds(*names: str) -> list[World]:
    return [make_world(f"{name}0", symbol=name.upper()) for name in names]


def make_dear(monkeypatch: pytest.MonkeyPatch, world: World, seconds: float) -> None:
    """Let the events of this program take so long."""

    def slowly(occurrence: Any, subject: Any, book: Any) -> Any:
        if book.program_id == world.program.pk:
            time.sleep(seconds)
        return apply(occurrence, subject, book)

    monkeypatch.setattr(process, "apply", slowly)


def pending(world: World) -> int:
    return Event.objects.pending().filter(program=world.program).count()


def test_a_new_event_is_processed_in_the_next_batch_however_many_dear_ones_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dear, cheap = worlds("a", "b")
    make_dear(monkeypatch, dear, 0.05)
    send([an_event(dear, f"a{n % 40}", f"a{n}") for n in range(200)])
    turns = Turns()
    one_round = Round(turns)
    process.process_batch(one_round)

    for n in range(5):
        happen(cheap, f"b{n}", f"b{n}")
        process.process_batch(one_round)
        assert pending(cheap) == 0

    assert pending(dear) > 150
    assert statuses(program=dear.program)["COMPLETED"] >= 5


def test_an_outcome_waits_in_no_transaction_for_a_dear_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dear, cheap = worlds("a", "b")
    make_dear(monkeypatch, dear, 0.1)
    send([an_event(dear, f"a{n}", f"a{n}") for n in range(20)])
    happen(cheap, "b0", "a")
    one_round = Round()
    process.process_batch(one_round)
    before = pending(dear)

    happen(cheap, "b0", "b")
    assert process.process_batch(one_round) == 1
    assert (pending(cheap), pending(dear)) == (0, before)

    assert process.process_batch(one_round) >= 1
    assert pending(dear) < before


def test_a_backlog_of_cheap_events_is_not_held_up_by_dear_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = worlds("a", "b")
    make_dear(monkeypatch, first, 0.02)
    send([an_event(first, f"a{n % 10}", f"a{n}") for n in range(100)])
    send([an_event(second, f"b{n % 10}", f"b{n}") for n in range(100)])
    one_round = Round()

    while pending(second):
        process.process_batch(one_round, most=50)

    assert 5 <= 100 - pending(first) <= 80  # by time, and so by the machine


@pytest.mark.parametrize("waits", ["for its retry", "behind another"])
def test_events_that_cannot_be_processed_do_not_keep_the_others_of_any_program(waits: str) -> None:
    """Thousands of them would fill each batch of the program that comes first, since it has spent no time."""
    stuck, other = worlds("a", "b")
    send([an_event(stuck, f"p{n}", f"a{n}") for n in range(60)])
    if waits == "behind another":
        send([an_event(other, f"p{n}", f"c{n}") for n in range(60)])
    soon = Now() + Value(timedelta(minutes=1))
    Event.objects.filter(idempotency_key__startswith="a").update(next_attempt_at=soon)
    send([an_event(other, f"q{n}", f"b{n}") for n in range(20)])
    one_round = Round()
    batches = 0

    while not one_round.is_over:
        process.process_batch(one_round, most=10)
        batches += 1
        assert batches < 300

    assert statuses(idempotency_key__startswith="b") == {"COMPLETED": 20}
    assert statuses(idempotency_key__startswith="a") == {"PENDING": 60}
    Event.objects.update(next_attempt_at=None)
    work_off()
    assert "PENDING" not in statuses()


def test_all_events_of_a_participant_are_processed_in_their_order_and_charged_to_their_programs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    all_of_them = worlds("a", "b", "c")
    make_dear(monkeypatch, all_of_them[0], 0.01)
    order: list[UUID | None] = []
    slow_or_not = vars(process)["apply"]

    def note(occurrence: Any, *rest: Any) -> Any:
        order.append(occurrence.event_id)
        return slow_or_not(occurrence, *rest)

    monkeypatch.setattr(process, "apply", note)
    chosen = random.Random(7)
    sent = [chosen.choice(all_of_them) for _ in range(60)]
    for n, world in enumerate(sent):
        send([NewEvent(world.program.pk, f"p{n % 4}", f"k{n}", timezone.now(), {})])
    turns = Turns()

    list(process.drain(most=7, turns=turns))

    assert statuses() == {"COMPLETED": 60}
    for participant in Participant.objects.filter(external_id__startswith="p"):
        own = list(Event.objects.filter(participant=participant).order_by("sequence"))
        ids = [event.pk for event in own]
        assert [event_id for event_id in order if event_id in ids] == ids
    dear = all_of_them[0].program.pk
    assert turns.in_order([world.program.pk for world in all_of_them])[-1] == dear


def test_a_program_whose_events_fail_unexpectedly_is_charged_for_it() -> None:
    bad, good = worlds("a", "b")
    a_bad_rule(bad)
    add_rule(good, COUNT)
    turns = Turns()
    with a_trigger(*BAD_HISTORY):
        send([an_event(bad, f"a{n}", f"a{n}", bad=True) for n in range(5)])
        send([an_event(good, "b0", "b")])
        list(process.drain(turns=turns))

    assert statuses(program=good.program) == {"COMPLETED": 1}
    assert pending(bad) == 5
    assert turns.in_order([bad.program.pk, good.program.pk])[0] == good.program.pk


@pytest.mark.parametrize("most", [1, 3, 10, 100])
@pytest.mark.parametrize("programs", [1, 3])
def test_claims_walk_through_all_queues_and_meet_everybody_once(programs: int, most: int) -> None:
    all_of_them = worlds(*"abc"[:programs])
    for world in all_of_them:
        send([an_event(world, f"{world.asset.symbol}{n % 7}", f"k{n}") for n in range(14)])
    ids = [world.program.pk for world in all_of_them]
    after = dict.fromkeys(ids, START)
    met: list[UUID] = []
    left = list(ids)
    assert queue.waiting_programs() == sorted(ids)

    while left:
        with transaction.atomic():
            claim = queue.claim([(each, after[each]) for each in left], most)
        assert list(claim.locked) == [
            each for walked in claim.walked for each in walked.participant_ids
        ]
        for walked in claim.walked:
            met += walked.participant_ids
            after[walked.program_id] = (walked.participant_ids or [after[walked.program_id]])[-1]
            if walked.is_at_end:
                left.remove(walked.program_id)

    assert len(met) == len(set(met)) == 7 * programs


def test_the_indexes_of_pending_events_are_what_is_read() -> None:
    world, _ = worlds("a", "b")
    add_rule(world, COUNT)
    send([an_event(world, f"a{n % 50}", f"k{n}") for n in range(2000)])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE participants_event")
        cursor.execute(f"EXPLAIN {queue._WAITING_PROGRAMS.sql}")
        plan = "\n".join(row for (row,) in cursor.fetchall())
    assert "event_pending_by_program" in plan
    assert "Seq Scan on participants_event" not in plan
