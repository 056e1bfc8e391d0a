"""Working events off: in order, once, all or nothing, and whatever one of them does, the others go on."""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from unittest.mock import Mock

import pytest
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.db.models import F
from django.utils import timezone

from participants import ledger, state
from participants.events import process, wait, wake
from participants.events.ingest import ingest, ingest_each
from participants.events.request import NewEvent
from participants.events.retry import retry
from participants.events.worker import Worker
from participants.exceptions import NotRetryable
from participants.ledger import verify
from participants.models import (
    ActionType,
    Balance,
    Event,
    JournalEntry,
    Maturity,
    Participant,
    StateChange,
    TierStanding,
)
from participants.models import Counter as StoredCounter
from programs import rulebook
from programs.models import Program, Rule, TierTrack
from programs.rulebook import cache
from tests.conftest import TESTER
from tests.participants.ledger_world import World, make_world
from tests.participants.test_races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def add_rule(world: World, *actions: dict[str, Any], condition: str = "true", **rest: Any) -> Rule:
    body = {
        "program_id": str(world.program.pk),
        "name": rest.pop("name", "R"),
        "condition": condition,
        "actions": list(actions),
        **rest,
    }
    return rulebook.create(rulebook.clean_new(body), by=TESTER)


def credit(world: World, amount: str, **rest: Any) -> dict[str, Any]:
    return {"type": "CREDIT", "asset_id": str(world.asset.pk), "amount": amount, **rest}


def set_attribute(key: str, expression: str) -> dict[str, Any]:
    return {"type": "SET_ATTRIBUTE", "key": key, "expression": expression}


COUNT = {"type": "COUNTER", "key": "n", "value": "1"}


def an_event(world: World, of: str, key: str, **data: Any) -> NewEvent:
    return NewEvent(world.program.pk, of, key, timezone.now(), data)


def happen(world: World, of: str = "ana", key: str | None = None, **data: Any) -> Event:
    key = key or f"k{Event.objects.count()}"
    return Event.objects.get(pk=ingest(an_event(world, of, key, **data), by=TESTER).id)


def send(events: list[NewEvent]) -> None:
    for first in range(0, len(events), 1000):
        ingest_each(events[first : first + 1000], by=TESTER)


def work_off() -> int:
    return sum(process.drain())


def statuses(**conditions: Any) -> dict[str, int]:
    return dict(Counter(Event.objects.filter(**conditions).values_list("status", flat=True)))


def faults() -> list[str]:
    return [str(fault) for fault in verify.faults()]


@contextmanager
def working(count: int = 1) -> Iterator[list[str]]:
    """Workers, each in a thread; yields what has ended one of them."""
    workers = [Worker(by=TESTER) for _ in range(count)]
    ended: list[str] = []

    def run(worker: Worker) -> None:
        try:
            worker.run()
        except BaseException as error:
            ended.append(repr(error))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[worker]) for worker in workers]
    for thread in threads:
        thread.start()
    try:
        yield ended
    finally:
        for worker in workers:
            worker.stop()
        for thread in threads:
            thread.join(30)


def soon(condition: Callable[[], bool], seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return condition()


@contextmanager
def a_trigger(table: str, when: str, does: str, *, deferred: bool = False) -> Iterator[None]:
    """Let the database raise for some rows, as a disk, an extension or a fault of ours might."""
    kind = "CONSTRAINT TRIGGER" if deferred else "TRIGGER"
    timing = "AFTER INSERT" if deferred else "BEFORE INSERT OR UPDATE OR DELETE"
    suffix = "DEFERRABLE INITIALLY DEFERRED" if deferred else ""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE FUNCTION trip() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN IF {when} THEN {does}; END IF; RETURN coalesce(NEW, OLD); END $$"
        )
        cursor.execute(
            f"CREATE {kind} trip {timing} ON {table} {suffix} FOR EACH ROW EXECUTE FUNCTION trip()"
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TRIGGER trip ON {table}")
            cursor.execute("DROP FUNCTION trip()")


BAD_HISTORY = ("participants_statechange", "NEW.key = 'bad'", "RAISE EXCEPTION 'tripped'")


def a_bad_rule(world: World) -> Rule:
    """What trips BAD_HISTORY, where the event asks for it."""
    return add_rule(world, set_attribute("bad", "true"), condition="event.bad == true", name="Bad")


def let_time_pass() -> None:
    Event.objects.update(next_attempt_at=F("next_attempt_at") - timedelta(seconds=60))


# In order


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
        retry(event.pk)
    assert work_off() == 3

    history = StateChange.objects.filter(key="last").order_by("id")
    assert list(history.values_list("new_value", flat=True)) == [1, 2, 3]
    assert statuses() == {"COMPLETED": 3}
    with pytest.raises(NotRetryable):
        retry(third.pk)


def test_of_many_retries_at_once_one_counts() -> None:
    world = make_world()
    add_rule(world, COUNT, credit(world, "event.amount"))
    event = happen(world)
    work_off()
    Event.objects.update(data={"amount": 1})

    def again() -> bool:
        try:
            retry(event.pk)
        except NotRetryable:
            return False
        return True

    with working(2):
        retried = at_once([again] * 10)
        assert soon(lambda: statuses() == {"COMPLETED": 1})

    assert retried.count(True) == 1
    assert world.balance() == ("1", "0", "0")


# All or nothing, and no longer than need be


def test_an_unexpected_error_is_tried_six_times_while_its_participants_later_events_wait() -> None:
    world = make_world("ana", "bo")
    a_bad_rule(world)
    add_rule(world, COUNT, credit(world, "1"))
    bad, later = happen(world, bad=True), happen(world)
    happen(world, "bo")

    with a_trigger(*BAD_HISTORY):
        for attempt in range(1, 6):
            before = timezone.now()
            work_off()
            bad.refresh_from_db()
            assert (bad.status, bad.attempts) == ("PENDING", attempt)
            assert bad.next_attempt_at is not None
            waits = (bad.next_attempt_at - before).total_seconds()
            assert 0 <= waits - 2**attempt < 2
            happen(world, "bo")
            assert work_off() == 1  # somebody else's goes on, and nothing of hers
            assert not StoredCounter.objects.filter(participant__external_id="ana").exists()
            let_time_pass()
        work_off()
    work_off()

    bad.refresh_from_db()
    later.refresh_from_db()
    assert (bad.status, bad.next_attempt_at, bad.attempts) == ("FAILED", None, 6)
    assert bad.outcome["failure"]["code"] == "internal_error"
    assert "tripped" not in str(bad.outcome)
    assert later.status == "COMPLETED"
    assert world.balance() == ("1", "0", "0")
    assert world.balance("bo") == ("6", "0", "0")
    assert faults() == []
    # The trigger is gone: the event can be tried again.
    retry(bad.pk)
    assert work_off() == 1
    assert world.balance() == ("2", "0", "0")


def test_an_error_that_shows_only_at_the_commit_is_put_off_and_ends_no_worker() -> None:
    world = make_world("ana", "bo")
    a_bad_rule(world)
    add_rule(world, COUNT)
    bad = happen(world, bad=True)
    happen(world, "bo")

    with a_trigger(*BAD_HISTORY, deferred=True), working() as ended:
        assert soon(lambda: statuses(participant__external_id="bo") == {"COMPLETED": 1})
        assert soon(lambda: Event.objects.get(pk=bad.pk).attempts > 0)
        assert ended == []


def test_an_event_that_cannot_even_be_put_off_stops_nobody_else() -> None:
    world = make_world("ana", "bo")
    add_rule(world, COUNT)
    bad = happen(world)
    happen(world, "bo")
    trigger = ("participants_event", f"NEW.id = '{bad.pk}'", "RAISE EXCEPTION 'tripped'")

    with a_trigger(*trigger), working() as ended:
        assert soon(lambda: statuses(participant__external_id="bo") == {"COMPLETED": 1})
        happen(world, "bo")
        assert soon(lambda: statuses(participant__external_id="bo") == {"COMPLETED": 2})
        assert ended == []


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


@pytest.mark.parametrize("code", ["40P01", "40001"])
def test_a_deadlock_or_serialization_failure_is_tried_again_at_once(code: str) -> None:
    world = make_world("ana", "bo")
    add_rule(world, COUNT)
    happen(world)
    happen(world, "bo")
    with connection.cursor() as cursor:
        cursor.execute("CREATE SEQUENCE trips")  # counts through what is rolled back
    trigger = (
        "participants_statechange",
        "nextval('trips') <= 3",
        f"RAISE EXCEPTION USING ERRCODE = '{code}'",
    )
    try:
        with a_trigger(*trigger):
            work_off()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP SEQUENCE trips")

    assert statuses(attempts=0) == {"COMPLETED": 2}
    assert set(StoredCounter.objects.values_list("value", flat=True)) == {Decimal(1)}


def test_a_killed_connection_in_the_middle_leaves_nothing_half_done() -> None:
    world = make_world("ana", "bo")
    add_rule(world, COUNT, credit(world, "1"))
    send([an_event(world, who, f"{who}{n}") for n in range(300) for who in ("ana", "bo")])
    me = connection.connection.info.backend_pid

    with working(2) as ended:
        for _ in range(40):
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                    "AND pid <> %s AND backend_type = 'client backend' AND random() < 0.5",
                    [me],
                )
            time.sleep(0.03)
        assert soon(lambda: statuses() == {"COMPLETED": 600}, 30)
        assert ended == []

    assert set(StoredCounter.objects.values_list("value", flat=True)) == {Decimal(300)}
    assert world.balance() == world.balance("bo") == ("300", "0", "0")
    assert statuses(attempts__gt=0) == {}
    assert faults() == []


# Poison harms nobody else


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
        assert soon(lambda: statuses(participant__external_id="greedy") == {"FAILED": 60}, 30)


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
    after, rounds = process.START, 0
    while rounds < 2:
        after = process.process_batch(after).after
        rounds += after == process.START

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
    after, rounds = process.START, 0
    while rounds < 2:
        after = process.process_batch(after).after
        rounds += after == process.START

    assert statuses(**small) == {"COMPLETED": 10}
    assert statuses()["PENDING"] > 30


@pytest.mark.slow
def test_ten_thousand_rules_of_one_program_hold_up_the_others_for_seconds_at_most() -> None:
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
        for n in range(10_000)
    )
    Program.objects.filter(pk=world.program.pk).revised()
    send([an_event(world, "ana", f"k{n}", kind="k9999", amount=20_000) for n in range(20)])
    ingest(NewEvent(other.pk, "bo", "small", timezone.now(), {}), by=TESTER)

    with working():
        assert soon(lambda: statuses(program=other) == {"COMPLETED": 1}, 30)
        assert soon(lambda: statuses() == {"COMPLETED": 21}, 30)

    assert StoredCounter.objects.get().value == 20
    outcome = Event.objects.filter(program=world.program).latest("sequence").outcome
    assert outcome["rule_evaluations"][-1]["outcome"] == "matched"
    assert outcome["omitted_rules"] == 10_000 - len(outcome["rule_evaluations"])


@pytest.mark.parametrize(
    "action",
    [
        {"type": "SET_ATTRIBUTE", "key": "k", "expression": "type(1)"},
        {"type": "SET_ATTRIBUTE", "key": "k", "expression": "event['\\x00']"},
        {"type": "COUNTER", "key": "k", "value": "int('\\x00')"},
    ],
)
def test_what_cannot_be_stored_fails_at_once_and_is_no_unexpected_error(
    action: dict[str, Any],
) -> None:
    world = make_world()
    add_rule(world, action)
    event = happen(world)

    work_off()

    event.refresh_from_db()
    assert (event.status, event.attempts) == ("FAILED", 0)


# At the same moment as others


@pytest.mark.parametrize("seed", range(2))
def test_calls_and_events_of_the_same_people_lose_nothing_of_each_other(seed: int) -> None:
    people = ["ana", "bo", "eve"]
    world = make_world(*people)
    add_rule(
        world,
        credit(world, "2"),
        {"type": "HOLD", "asset_id": str(world.asset.pk), "amount": "1"},
        COUNT,
        set_attribute("by_rule", "event.n"),
    )

    def events(thread: int) -> None:
        chance = random.Random(f"{seed}{thread}")
        for n in range(40):
            who = chance.choice(people)
            ingest(an_event(world, who, f"{thread}-{n}", n=n), by=TESTER)
            if n % 10 == 0:
                process.process_now(Participant.objects.get(external_id=who).pk)

    def calls(thread: int) -> None:
        chance = random.Random(f"{seed}{thread}")
        for n in range(25):
            who = chance.choice(people)
            state.apply(
                state.Change(add_tags=[f"{thread}-{n}"], attributes={f"call{thread}": n}),
                to=who,
                by=TESTER,
            )
            world.move(ActionType.CREDIT, "0.01", of=who, idempotency_key=f"{thread}-{n}")
            if n % 5 == 0:
                world.credit("0.01", of=who, matures_at=timezone.now() + timedelta(seconds=1.5))
                list(ledger.mature_due(by=TESTER))

    with working(2) as ended:
        at_once([partial(call, n) for call in (events, calls) for n in range(4)])
        assert soon(lambda: statuses() == {"COMPLETED": 160}, 30)
        Maturity.objects.filter(matured_at=None).update(matures_at=timezone.now())
        list(ledger.mature_due(by=TESTER))
        assert ended == []

    tags = [tag for person in Participant.objects.all() for tag in person.tags]
    assert len(tags) == len(set(tags)) == 100
    totals = {
        "available": Decimal(160) + Decimal("1.20"),
        "held": Decimal(160),
        "deferred": Decimal(0),
    }
    for bucket, total in totals.items():
        assert sum(Balance.objects.values_list(bucket, flat=True)) == total
    assert sum(StoredCounter.objects.values_list("value", flat=True)) == 160
    assert JournalEntry.objects.filter(event_id__isnull=False).count() == 320
    for key in ("by_rule", "call0", "call1", "call2", "call3"):
        for person in Participant.objects.all():
            old = None
            for change in StateChange.objects.filter(participant=person, key=key).order_by("id"):
                assert change.old_value == old
                old = change.new_value
            assert person.attributes.get(key) == old
    assert faults() == []


def test_who_is_suspended_while_events_run_earns_nothing_from_then_on() -> None:
    world = make_world()
    add_rule(world, credit(world, "1"))
    send([an_event(world, "ana", f"k{n}") for n in range(600)])

    with working(2):
        time.sleep(0.05)
        state.apply(state.Change(status="SUSPENDED"), to="ana", by=TESTER)
        earned = world.balance()
        assert soon(lambda: "PENDING" not in statuses(), 20)

    assert world.balance() == earned
    assert statuses().get("COMPLETED", 0) == Decimal(earned[0])


def test_an_edit_of_a_rule_counts_for_every_event_that_comes_after_it() -> None:
    world = make_world()
    rule = add_rule(world, set_attribute("version", "0"))

    with working(2):
        for n in range(1, 30):
            rulebook.change(rule.pk, {"actions": [set_attribute("version", str(n))]}, by=TESTER)
            event = happen(world, key=f"k{n}")
            assert soon(lambda pk=event.pk: statuses(pk=pk) == {"COMPLETED": 1})  # type: ignore[misc]
            event.refresh_from_db()
            [told] = event.outcome["rule_evaluations"]
            assert (told["rule_version"], told["actions"][0]["after"]) == (n + 1, n)


# Waiting for it


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

    retry(event.pk)

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


def test_events_of_more_programs_than_a_process_keeps_are_worked_off_together(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(cache, "MAX_PROGRAMS", 2)
    read = Mock(wraps=cache._read)
    monkeypatch.setattr(cache, "_read", read)
    worlds = [make_world(f"p{n}", symbol=f"P{n}") for n in range(6)]
    for turn in range(2):
        add_rule(worlds[0], COUNT, name=f"R{turn}")
        for n, world in enumerate(worlds):
            happen(world, f"p{n}", key=f"{turn}")

        assert work_off() == 6

    assert caplog.messages == []
    assert read.call_count == 6 + 1


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
