"""Replays: events under the current rules and under a draft, whatever the steps, and nothing stored but the report."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User

from participants.jobs import replay, steps
from participants.jobs.worker import Worker
from participants.models import Balance, Counter, Event, Job, JobStatus, JournalEntry, StateChange
from programs import rulebook, tracks
from programs.exceptions import RuleNotFound
from programs.kernel.database import uuid7
from programs.kernel.exceptions import ValidationFailed
from programs.models import Program, Rule
from tests.conftest import TESTER
from tests.participants.events.workers import (
    add_rule,
    an_event,
    credit,
    send,
    set_attribute,
    work_off,
)
from tests.participants.ledger_world import World, make_world

PEOPLE = ("ana", "bo", "cy")


@pytest.fixture
def world(db: None) -> World:
    """Three people with ten purchases each, processed: 1, 2, .. 10 points and some more for the third and each after it."""
    world = make_world(*PEOPLE, scale=2)
    criteria = [{"counter": "visits", "operator": ">=", "threshold": "5"}]
    gold = tracks.Level("gold", 1, "", {"mode": "ALL", "criteria": criteria}, [])
    tracks.create(world.program.pk, tracks.NewTrack("status", levels=[gold]), by=TESTER)
    count = {"type": "COUNTER", "key": "visits", "value": "1", "reset": "YEAR"}
    add_rule(world, credit(world, "event.amount"), count, name="Points")
    add_rule(
        world,
        credit(world, "0.25", matures_at="30d"),
        {"type": "TAG", "tag": "regular"},
        set_attribute("spent", "get(participant.attributes, 'spent', 0.0) + event.amount / 3"),
        condition="participant.counters.visits >= 3",
        name="Regulars",
    )
    add_rule(
        world,
        credit(world, "1"),
        condition="participant.tiers.status.level == 'gold' && 'regular' in participant.tags",
        name="Gold",
    )
    send([
        an_event(world, person, f"{person}{number}", amount=number)
        for number in range(1, 11)
        for person in PEOPLE
    ])  # fmt: skip
    return world


def asked(world: World, *drafts: replay.Draft, **rest: Any) -> Job:
    return replay.request(world.program, drafts, title="Replay", by=TESTER, user=None, **rest)


def replayed(world: World, *drafts: replay.Draft, **rest: Any) -> dict[str, Any]:
    job = asked(world, *drafts, **rest)
    Worker().drain()
    job.refresh_from_db()
    assert job.failure == ""
    return dict(job.report)


def rule_named(name: str) -> Rule:
    return Rule.objects.get(name=name)


def by_name(report: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {rule["name"]: (rule["current"], rule["draft"]) for rule in report["rules"]}


def draft(name: str, **values: Any) -> replay.Draft:
    return replay.Draft(values, rule_named(name).pk)


def test_the_current_side_is_what_processing_gives_and_the_draft_side_what_it_would(
    world: World,
) -> None:
    bonus = draft("Gold", actions=[credit(world, "3")])

    report = replayed(world, bonus)
    work_off()

    issued = sum(balance.available + balance.deferred for balance in Balance.objects.all())
    [row] = [each for each in report["effects"] if each["type"] == "CREDIT"]
    gold = by_name(report)["Gold"][0][0]
    assert Decimal(row["current"][1]) == issued
    assert row["current"][0] == JournalEntry.objects.count()
    assert Decimal(row["draft"][1]) == issued + 2 * gold
    assert Decimal(row["difference"]) == 2 * gold
    assert (report["events"], report["participants"], report["different"]) == (30, 3, gold)
    assert report["current"] == {"matched": 30, "failed": 0}
    assert len(report["examples"]) == 10
    [first, *_] = report["examples"]
    assert first["current"]["rules"][-1]["actions"][0]["amount"] == "1.00"
    assert first["draft"]["rules"][-1]["actions"][0]["amount"] == "3.00"


def test_a_job_that_stops_after_each_event_comes_to_the_same_report(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = draft("Regulars", condition="participant.counters.visits >= 2")
    at_once = replayed(world, change, events=12)

    monkeypatch.setattr(replay, "STEP_SECONDS", 0.0)
    job = asked(world, change, events=12)
    for _ in range(7):
        steps.take()
    job.refresh_from_db()
    assert (job.done, job.total, job.status) == (7, 12, JobStatus.RUNNING)
    Worker().drain()

    job.refresh_from_db()
    assert job.report == at_once
    assert at_once["different"] > 0
    whole = b"".join(part.content for part in job.parts.all()).decode().splitlines()
    assert len(whole) == 1 + at_once["different"]
    assert whole[0] == "event_id,external_id,event_timestamp,current,draft"


def test_nothing_is_stored_but_the_report(world: World) -> None:
    before = StateChange.objects.count()

    replayed(world, draft("Points", condition="false"))

    assert StateChange.objects.count() == before
    assert not JournalEntry.objects.exists()
    assert not Counter.objects.exists()
    assert set(Event.objects.values_list("status", flat=True)) == {"PENDING"}


def test_balances_and_counters_begin_empty_and_tags_and_attributes_as_they_are(
    world: World,
) -> None:
    work_off()
    tagged = draft("Points", condition="'regular' in participant.tags")
    counted = draft("Points", condition="participant.counters.visits > 0")
    rich = draft("Points", condition="participant.balances.PTS.available > 0")

    assert by_name(replayed(world, tagged))["Points"] == ([30, 0], [30, 0])
    assert by_name(replayed(world, counted))["Points"] == ([30, 0], [0, 0])
    # They are gold by now, so that the first event of each earns something.
    assert by_name(replayed(world, rich))["Points"] == ([30, 0], [27, 0])


def test_only_the_newest_events_are_replayed(world: World) -> None:
    report = replayed(world, draft("Points", condition="event.amount == 10"), events=6)

    assert (report["events"], report["participants"]) == (6, 3)
    assert by_name(report)["Points"] == ([6, 0], [3, 0])


def test_a_new_rule_a_suspended_one_and_another_order_are_replayed(world: World) -> None:
    new = replay.Draft(
        {"name": "New", "condition": "event.amount == 1", "actions": [credit(world, "5")]}
    )
    report = replayed(world, new, draft("Points", status="SUSPENDED"))
    assert by_name(report)["New"] == ([0, 0], [3, 0])
    assert by_name(report)["Points"] == ([30, 0], [0, 0])
    assert not Rule.objects.filter(name="New").exists()

    # The counter is counted after it is asked for, so each is one purchase later.
    order = [rule_named(name).pk for name in ("Regulars", "Gold", "Points")]
    report = replayed(world, order=order)
    assert by_name(report)["Regulars"] == ([24, 0], [21, 0])


def test_rules_that_change_meanwhile_are_replayed_from_the_first_event(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "STEP_SECONDS", 0.0)
    job = asked(world, draft("Gold", actions=[credit(world, "3")]))
    for _ in range(4):
        steps.take()

    rulebook.change(rule_named("Points").pk, {"condition": "event.amount > 5"}, by=TESTER)
    monkeypatch.setattr(replay, "STEP_SECONDS", 1.0)
    Worker().drain()

    job.refresh_from_db()
    assert job.report["events"] == 30
    assert by_name(job.report)["Points"] == ([15, 0], [15, 0])


def test_a_program_without_events_has_a_report_too(db: None) -> None:
    world = make_world()
    add_rule(world, credit(world, "1"), name="Points")

    report = replayed(world, draft("Points", condition="false"))

    assert (report["events"], report["different"], report["examples"]) == (0, 0, [])


def test_a_draft_that_the_program_cannot_have_is_refused(world: World) -> None:
    other = Program.objects.create(name="Other")
    with pytest.raises(ValidationFailed, match="condition"):
        asked(world, draft("Points", condition="event.amount >"))
    with pytest.raises(ValidationFailed, match="asset"):
        asked(world, draft("Points", actions=[{**credit(world, "1"), "asset_id": str(uuid7())}]))
    with pytest.raises(RuleNotFound):
        replay.request(
            other,
            [draft("Points", condition="true")],
            title="Replay",
            by=TESTER,
            user=User(),
        )
    assert not Job.objects.exists()
