"""Events are all or nothing, and one that fails stops nobody else's."""

import time
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from participants.events.retry import retry
from participants.models import Counter as StoredCounter
from participants.models import Event
from programs import rulebook
from programs.models import Rule
from tests.conftest import TESTER
from tests.participants.events.workers import (
    a_bad_rule,
    a_trigger,
    add_rule,
    an_event,
    credit,
    faults,
    happen,
    let_time_pass,
    send,
    soon,
    statuses,
    work_off,
    working,
)
from tests.participants.ledger_world import make_world

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = {"type": "COUNTER", "key": "n", "value": "1"}
BAD_HISTORY = ("participants_statechange", "NEW.key = 'bad'", "RAISE EXCEPTION 'tripped'")


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
    retry(bad.pk, by=TESTER)
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


@pytest.mark.parametrize(
    "broken",
    [
        {"condition": "event.amount >"},
        {"actions": [{"type": "COUNTER", "key": "n", "value": "1 +"}]},
        {"actions": [{"type": "TELEPORT"}]},
    ],
)
def test_a_rule_that_does_not_compile_fails_alone_and_runs_once_it_is_put_right(
    broken: dict[str, Any],
) -> None:
    world = make_world("ana")
    add_rule(world, COUNT)
    stored = {"name": "Old", "condition": "true", "actions": [], "order": 5, **broken}
    old = Rule.objects.create(program=world.program, **stored)
    event = happen(world, "ana")

    work_off()

    event.refresh_from_db()
    assert (event.status, event.rule_errors) == ("COMPLETED", 1)
    evaluations = event.outcome["rule_evaluations"]
    assert [each["outcome"] for each in evaluations] == ["failed", "matched"]
    assert "The rule no longer compiles" in evaluations[0]["reason"]
    assert StoredCounter.objects.get().value == 1
    rulebook.change(old.pk, {"condition": "true", "actions": [COUNT]}, by=TESTER)
    retry(event.pk, by=TESTER)
    work_off()
    event.refresh_from_db()
    assert (event.status, event.rule_errors) == ("COMPLETED", 0)
    assert StoredCounter.objects.get().value == 2
