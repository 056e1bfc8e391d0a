"""Rules that failed, run again: each at most once with effect, whatever happens on the way."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from participants import state
from participants.events import outcome as outcome_json
from participants.events import process
from participants.events.retry import retry, retry_each
from participants.exceptions import NotEnrolled, NotRetryable
from participants.models import (
    Counter,
    Event,
    JournalEntry,
    Participant,
    ParticipantStatus,
    StateChange,
)
from programs import rulebook
from programs.exceptions import ProgramInactive
from programs.kernel.exceptions import DomainError
from programs.models import Program, Rule, TierLevel, TierTrack
from tests.conftest import TESTER
from tests.participants.events.workers import (
    a_trigger,
    add_rule,
    credit,
    faults,
    happen,
    let_time_pass,
    set_attribute,
    soon,
    statuses,
    work_off,
    working,
)
from tests.participants.ledger_world import World, make_world
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = {"type": "COUNTER", "key": "n", "value": "1"}
NOTHING = {"type": "COUNTER", "key": "never", "value": "event.nothing"}


def tag(name: str) -> dict[str, Any]:
    return {"type": "TAG", "tag": name}


def mend(rule: Rule, *actions: dict[str, Any], **rest: Any) -> None:
    values = {**({"actions": list(actions)} if actions else {}), **rest}
    rulebook.change(rule.pk, rulebook.clean_change(values), by=TESTER)


def told(event: Event) -> dict[str, str]:
    event.refresh_from_db()
    return {each["rule_name"]: each["outcome"] for each in event.outcome["rule_evaluations"]}


@pytest.fixture
def world() -> World:
    """A program in which the second of three rules fails."""
    world = make_world("ana")
    add_rule(world, COUNT, credit(world, "1"), name="First")
    add_rule(world, credit(world, "10"), NOTHING, name="Bad")
    add_rule(world, tag("seen"), name="Last")
    return world


@pytest.fixture
def bad(world: World) -> Rule:
    return Rule.objects.get(name="Bad")


@pytest.fixture
def event(world: World) -> Event:
    """An event in which it failed, and those of the others are paid."""
    event = happen(world)
    work_off()
    event.refresh_from_db()
    return event


def test_the_event_is_completed_and_knows_the_rule_that_failed(
    world: World, bad: Rule, event: Event
) -> None:
    assert (event.status, event.failed_rule_ids, event.rule_errors) == ("COMPLETED", [bad.pk], 1)
    assert event.only_failed_rules is False
    assert told(event) == {"First": "matched", "Bad": "failed", "Last": "matched"}
    assert world.balance() == ("1", "0", "0")
    assert list(Event.objects.with_rule_errors()) == [event]


def test_a_retry_runs_only_what_failed_and_merges_the_outcomes(
    world: World, bad: Rule, event: Event
) -> None:
    add_rule(world, credit(world, "1000"), name="New since")
    mend(bad, credit(world, "10"))
    before = event.outcome["rule_evaluations"]

    pending = retry(event.pk, by=TESTER)
    assert (pending.status, pending.only_failed_rules) == ("PENDING", True)
    assert told(event) == {"First": "matched", "Bad": "failed", "Last": "matched"}
    work_off()

    assert told(event) == {"First": "matched", "Bad": "matched", "Last": "matched"}
    assert (event.status, event.failed_rule_ids, event.only_failed_rules) == (
        "COMPLETED",
        None,
        False,
    )
    first, mended, last = event.outcome["rule_evaluations"]
    assert [first, last] == [before[0], before[2]]
    assert (mended["rule_version"], mended["actions"][0]["amount"]) == (2, "10.00")
    assert world.balance() == ("11", "0", "0")
    assert Counter.objects.get().value == 1
    with pytest.raises(NotRetryable):
        retry(event.pk, by=TESTER)
    assert faults() == []


def test_a_rule_that_fails_again_stays_failed_and_is_tried_as_often_as_one_likes(
    world: World, event: Event
) -> None:
    for _ in range(3):
        retry(event.pk, by=TESTER)
        work_off()
        assert (told(event)["Bad"], event.rule_errors) == ("failed", 1)
    assert world.balance() == ("1", "0", "0")
    assert Counter.objects.get().value == 1


def test_it_keeps_its_place_and_sees_the_state_of_now_and_its_own_time(
    world: World, bad: Rule, event: Event
) -> None:
    happened = datetime(2026, 1, 15, tzinfo=UTC)
    Event.objects.update(event_timestamp=happened)
    actions = [
        set_attribute("n", "participant.counters.n"),
        set_attribute("at", "string(now)"),
        {"type": "COUNTER", "key": "order", "value": "participant.counters.n"},
    ]
    happen(world)
    work_off()
    mend(bad, *actions)
    later = happen(world)
    retry(event.pk, by=TESTER)

    work_off()

    later.refresh_from_db()
    event.refresh_from_db()
    [of_event] = [each for each in event.outcome["rule_evaluations"] if each["rule_name"] == "Bad"]
    assert of_event["actions"][0]["after"] == 2  # and not the third, which is later
    assert of_event["actions"][1]["after"] == "2026-01-15T00:00:00Z"
    assert told(later)["Bad"] == "matched"
    rows = StateChange.objects.filter(key="order").order_by("id")
    assert [row.event_id for row in rows] == [event.pk, later.pk]


def test_the_place_of_the_rules_is_that_of_today_and_stopping_stops_only_those_retried(
    world: World, bad: Rule, event: Event
) -> None:
    Event.objects.all().delete()
    other = add_rule(world, tag("other"), NOTHING, name="Other")
    third = add_rule(world, tag("third"), NOTHING, name="Third")
    event = happen(world)
    work_off()
    assert told(event)["Other"] == told(event)["Third"] == "failed"
    mend(other, tag("other"), order=1, stop_after_match=True)
    mend(bad, NOTHING)
    mend(third, tag("third"))

    retry(event.pk, by=TESTER)
    work_off()

    assert told(event) == {
        "First": "matched",
        "Bad": "skipped",
        "Last": "matched",
        "Other": "matched",
        "Third": "skipped",
    }
    assert event.failed_rule_ids is None
    [of_bad] = [each for each in event.outcome["rule_evaluations"] if each["rule_name"] == "Bad"]
    assert "“Other”" in of_bad["reason"]
    assert Participant.objects.get().tags == ["seen", "other"]


@pytest.mark.parametrize("status", ["ARCHIVED", "SUSPENDED"])
def test_a_rule_that_is_there_no_more_drops_out(
    status: str, world: World, bad: Rule, event: Event
) -> None:
    mend(bad, status=status)

    retry(event.pk, by=TESTER)
    work_off()

    assert (told(event)["Bad"], event.failed_rule_ids) == ("skipped", None)
    [of_bad] = [each for each in event.outcome["rule_evaluations"] if each["rule_name"] == "Bad"]
    assert status.lower() in of_bad["reason"]
    assert of_bad["actions"] == []
    assert world.balance() == ("1", "0", "0")


def test_tracks_are_judged_after_the_rules_that_run_again(
    world: World, bad: Rule, event: Event
) -> None:
    track = TierTrack.objects.create(program=world.program, key="club")
    criteria = [{"counter": "spent", "operator": ">=", "threshold": "5"}]
    TierLevel.objects.create(
        track=track, key="gold", rank=1, qualification={"mode": "ALL", "criteria": criteria}
    )
    Program.objects.revised()
    mend(bad, {"type": "COUNTER", "key": "spent", "value": "5"})

    retry(event.pk, by=TESTER)
    work_off()

    event.refresh_from_db()
    assert event.outcome["tier_changes"] == [{"tier": "club", "before": "", "after": "gold"}]


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ({"type": "DEBIT", "amount": "1000"}, "AVAILABLE has 1"),
        ({"type": "CREDIT", "amount": "1"}, "suspended or closed"),
    ],
)
def test_what_would_fail_an_event_fails_only_the_rule_that_runs_again(
    action: dict[str, Any], reason: str, world: World, bad: Rule, event: Event
) -> None:
    """What the others did stays: FAILED would say that nothing was done, and a retry would run all of it."""
    mend(bad, tag("undone"), {**action, "asset_id": str(world.asset.pk)})
    if action["type"] == "CREDIT":
        state.change(state.Change(status=ParticipantStatus.SUSPENDED), to="ana", by=TESTER)

    retry(event.pk, by=TESTER)
    work_off()

    assert told(event) == {"First": "matched", "Bad": "failed", "Last": "matched"}
    assert (event.status, event.failed_rule_ids) == ("COMPLETED", [bad.pk])
    assert reason in event.outcome["rule_evaluations"][1]["reason"]
    assert "failure" not in event.outcome
    assert Participant.objects.get().tags == ["seen"]
    assert world.balance() == ("1", "0", "0")


def test_time_that_is_up_fails_the_rules_that_are_left(
    world: World, bad: Rule, event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_rule(world, tag("other"), NOTHING, name="Other")
    Event.objects.all().delete()
    event = happen(world)
    work_off()
    mend(bad, credit(world, "10"))
    monkeypatch.setattr("participants.events.apply.LONGEST_RUN", -1.0)

    retry(event.pk, by=TESTER)
    work_off()

    assert (told(event)["Bad"], told(event)["Other"], event.status) == (
        "failed",
        "failed",
        "COMPLETED",
    )
    assert event.rule_errors == 2
    assert world.balance() == ("2", "0", "0")


def test_unexpected_errors_put_it_off_and_leave_it_completed_in_the_end(
    world: World, bad: Rule, event: Event
) -> None:
    mend(bad, credit(world, "10"), set_attribute("bad", "true"))
    retry(event.pk, by=TESTER)
    later = happen(world)

    trigger = ("participants_statechange", f"NEW.event_id = '{event.pk}'", "RAISE EXCEPTION 'trip'")
    with a_trigger(*trigger):
        for attempt in range(1, 6):
            work_off()
            event.refresh_from_db()
            assert (event.status, event.attempts) == ("PENDING", attempt)
            assert statuses(pk=later.pk) == {"PENDING": 1}  # it waits for the one before
            let_time_pass()
        work_off()
    work_off()

    assert told(event) == {"First": "matched", "Bad": "failed", "Last": "matched"}
    assert (event.status, event.attempts, event.failed_rule_ids) == ("COMPLETED", 6, [bad.pk])
    assert "6 times unexpectedly" in event.outcome["rule_evaluations"][1]["reason"]
    assert statuses() == {"COMPLETED": 2}
    retry(event.pk, by=TESTER)
    work_off()
    assert (told(event)["Bad"], event.attempts) == ("matched", 0)
    assert world.balance() == ("22", "0", "0")


def test_of_many_retries_at_once_one_pays(world: World, bad: Rule, event: Event) -> None:
    mend(bad, credit(world, "10"))

    def again() -> bool:
        try:
            retry(event.pk, by=TESTER)
        except NotRetryable:
            return False
        return True

    with working(2):
        retried = at_once([again] * 10)
        assert soon(lambda: statuses(failed_rule_ids=None) == {"COMPLETED": 1})

    assert retried.count(True) == 1
    assert world.balance() == ("11", "0", "0")
    assert JournalEntry.objects.filter(event_id=event.pk, rule_id=bad.pk).count() == 1
    assert faults() == []


def test_a_worker_that_is_killed_between_the_writes_leaves_the_retry_to_the_next(
    world: World, bad: Rule, event: Event
) -> None:
    """The connection is cut when money and state are written and the event is not."""
    mend(bad, credit(world, "10"), tag("again"))
    retry(event.pk, by=TESTER)
    kill = f"NEW.id = '{event.pk}' AND NEW.status = 'COMPLETED'"

    with a_trigger("participants_event", kill, "PERFORM pg_terminate_backend(pg_backend_pid())"):
        with pytest.raises(Exception, match=r"terminat|closed"):
            process.process_batch()
        connection.close()
        assert world.balance() == ("1", "0", "0")
        assert statuses(only_failed_rules=True) == {"PENDING": 1}
    work_off()
    work_off()

    assert world.balance() == ("11", "0", "0")
    assert event.failed_rule_ids == [bad.pk]
    assert told(event)["Bad"] == "matched"
    assert faults() == []


def test_the_rules_to_run_again_are_known_where_the_outcome_was_cut(
    world: World, bad: Rule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcome_json, "MAX_STORED", 700)
    long = "x" * 150
    others = [add_rule(world, credit(world, "1"), NOTHING, name=f"{long}{n}") for n in range(4)]
    event = happen(world)
    work_off()
    event.refresh_from_db()
    kept = len(event.outcome["rule_evaluations"])
    assert event.outcome["omitted_rules"] == 7 - kept > 2
    assert event.rule_errors == 5
    for rule in (bad, *others):
        mend(rule, credit(world, "10"))
    monkeypatch.setattr(outcome_json, "MAX_STORED", 64_000)

    retry(event.pk, by=TESTER)
    work_off()

    assert world.balance() == ("51", "0", "0")
    assert event.rule_errors == 5
    names = told(event)
    assert {names[rule.name] for rule in (bad, *others)} == {"matched"}
    assert event.outcome.get("omitted_rules", 0) == 7 - len(names)
    assert event.rule_errors == 0


def suspend(world: World) -> None:
    Program.objects.filter(pk=world.program.pk).update(status="SUSPENDED")


def resume(world: World) -> None:
    Program.objects.filter(pk=world.program.pk).update(status="ACTIVE")


def freeze(world: World) -> None:
    change = state.Change(program_id=world.program.pk, enrollment_status="FROZEN")
    state.change(change, to="ana", by=TESTER)


def thaw(world: World) -> None:
    state.change(state.Change(program_id=world.program.pk), to="ana", by=TESTER)


INACTIVE = [(suspend, resume, ProgramInactive), (freeze, thaw, NotEnrolled)]
Change = Callable[[World], None]


@pytest.mark.parametrize(("end", "renew", "refusal"), INACTIVE)
def test_a_retry_where_nobody_takes_part_is_refused(
    end: Change, renew: Change, refusal: type[DomainError], world: World, event: Event
) -> None:
    end(world)

    with pytest.raises(refusal):
        retry(event.pk, by=TESTER)
    [page] = retry_each(Event.objects.all(), before=timezone.now() + timedelta(hours=1), by=TESTER)
    assert (page.ids, page.left_out) == ([], 1)

    assert statuses() == {"COMPLETED": 1}
    renew(world)
    retry(event.pk, by=TESTER)


@pytest.mark.parametrize(("end", "renew", "refusal"), INACTIVE)
def test_an_event_that_waits_while_program_or_enrollment_ends_fails_until_it_is_retried(
    end: Change, renew: Change, refusal: type[DomainError], world: World
) -> None:
    event = happen(world)
    end(world)

    work_off()

    assert told(event) == dict.fromkeys(("First", "Bad", "Last"), "skipped")
    assert (event.status, event.attempts, event.rule_errors) == ("FAILED", 0, 0)
    assert event.outcome["failure"] == {
        "rule_id": None,
        "rule_name": "",
        "action": None,
        "code": refusal.code,
        "message": refusal.message,
    }
    assert not JournalEntry.objects.exists()
    with pytest.raises(refusal):
        retry(event.pk, by=TESTER)
    renew(world)
    retry(event.pk, by=TESTER)
    work_off()
    assert told(event) == {"First": "matched", "Bad": "failed", "Last": "matched"}


@pytest.mark.parametrize(("end", "renew", "refusal"), INACTIVE)
def test_rules_that_wait_to_run_again_while_program_or_enrollment_ends_stay_failed(
    end: Change, renew: Change, refusal: type[DomainError], world: World, bad: Rule, event: Event
) -> None:
    mend(bad, credit(world, "10"))
    retry(event.pk, by=TESTER)
    end(world)

    work_off()

    assert told(event) == {"First": "matched", "Bad": "failed", "Last": "matched"}
    assert (event.status, event.failed_rule_ids) == ("COMPLETED", [bad.pk])
    assert event.outcome["rule_evaluations"][1]["reason"] == refusal.message
    renew(world)
    retry(event.pk, by=TESTER)
    work_off()
    assert told(event)["Bad"] == "matched"
    assert world.balance() == ("11", "0", "0")


@pytest.mark.parametrize(
    "values",
    [
        {"failed_rule_ids": []},
        {"failed_rule_ids": [UUID(int=1)], "status": "FAILED"},
        {"failed_rule_ids": [UUID(int=1)], "status": "PENDING"},
        {"failed_rule_ids": [UUID(int=1)], "only_failed_rules": True},
        {"failed_rule_ids": None, "only_failed_rules": True, "status": "PENDING"},
        {"failed_rule_ids": None, "only_failed_rules": True},
    ],
)
def test_failed_rules_are_kept_only_where_others_took_effect(
    values: dict[str, Any], event: Event
) -> None:
    with (
        pytest.raises(IntegrityError, match="event_keeps_failed_rules_if_others_took_effect"),
        transaction.atomic(),
    ):
        Event.objects.update(**values)


def test_a_worker_that_knows_of_no_failed_rules_cannot_end_such_an_event(event: Event) -> None:
    """One of the release before: it would run every rule again, and is kept from it while both run."""
    retry(event.pk, by=TESTER)

    with (
        pytest.raises(IntegrityError, match="event_keeps_failed_rules_if_others_took_effect"),
        transaction.atomic(),
    ):
        Event.objects.update(status="COMPLETED", processed_at="2026-01-15T00:00:00Z", outcome={})


def test_a_failed_event_is_retried_all_over(world: World) -> None:
    spend = add_rule(world, {**credit(world, "1000"), "type": "DEBIT"}, name="Spend")
    event = happen(world)
    work_off()
    event.refresh_from_db()
    assert (event.status, event.failed_rule_ids) == ("FAILED", None)
    assert not JournalEntry.objects.exists()
    mend(spend, credit(world, "1"))

    pending = retry(event.pk, by=TESTER)
    assert (pending.outcome, pending.only_failed_rules) == (None, False)
    work_off()

    assert told(event) == {
        "First": "matched",
        "Bad": "failed",
        "Last": "matched",
        "Spend": "matched",
    }
    assert event.rule_errors == 1
    assert world.balance() == ("2", "0", "0")
