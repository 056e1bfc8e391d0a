"""Levels that events earn, lend and pin, from the rule to the rows, with whatever happens at the same time."""

import itertools
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from participants.events.ingest import ingest
from participants.events.request import NewEvent
from participants.events.retry import retry
from participants.models import Counter, Event, StateChange, TierStanding
from participants.state.tiers import TierChange, clear_tier, expire_due, set_tier
from programs import rulebook, tracks
from programs.api.tiers import NewTierTrackSerializer, TierTrackChangeSerializer
from programs.kernel import instants
from programs.models import TierTrack
from tests.conftest import TESTER
from tests.participants.events.workers import add_rule, happen, work_off
from tests.participants.ledger_world import World, make_world
from tests.threads import at_once

COUNT = {"type": "COUNTER", "key": "visits", "value": "1"}
LEND = {"type": "SET_TIER", "tier": "status", "level": "gold", "expires_at": "720h"}


def a_level(key: str, rank: int, visits: str) -> dict[str, Any]:
    criterion = {"counter": "visits", "operator": ">=", "threshold": visits}
    return {"key": key, "rank": rank, "qualification": {"mode": "ALL", "criteria": [criterion]}}


LEVELS = [a_level("silver", 1, "2"), a_level("gold", 2, "100")]


def make_track(world: World) -> TierTrack:
    body = {"key": "status", "levels": LEVELS}
    return tracks.create(world.program.pk, NewTierTrackSerializer.read(body), by=TESTER)


def standing() -> tuple[str, bool, str]:
    row = TierStanding.objects.get()
    return row.level, row.expires_at is not None, row.earned_level


def levels() -> list[tuple[Any, ...]]:
    rows = StateChange.objects.filter(state_type="tier").order_by("changed_at", "id")
    return list(rows.values_list("key", "old_value", "new_value"))


@pytest.mark.django_db
def test_a_lent_gold_leaves_the_silver_that_was_earned() -> None:
    world = make_world()
    make_track(world)
    add_rule(world, COUNT)
    add_rule(world, LEND, condition='event.kind == "friend"')
    for kind in ("visit", "visit", "friend", "visit"):
        happen(world, kind=kind)
    work_off()
    assert standing() == ("gold", True, "silver")

    past = timezone.now() - timedelta(hours=1)
    TierStanding.objects.update(acquired_at=past - timedelta(days=1), expires_at=past)
    assert list(expire_due(by=TESTER)) == [1]

    assert standing() == ("silver", False, "silver")
    assert levels() == [
        ("status", None, "silver"),
        ("status", "silver", "gold"),
        ("status", "gold", "silver"),
    ]


@pytest.mark.django_db
def test_what_a_rule_has_set_is_not_undone_when_another_rule_of_its_event_is_retried() -> None:
    world = make_world()
    make_track(world)
    add_rule(world, {**COUNT, "value": "5"})
    add_rule(
        world, {"type": "SET_TIER", "tier": "status", "level": ""}, {"type": "TAG", "tag": "x"}
    )
    failing = add_rule(world, {**COUNT, "key": "spent", "value": "event.amount"})
    event = happen(world)
    work_off()
    assert not TierStanding.objects.exists()

    mended = {"actions": [{**COUNT, "key": "spent", "value": "3"}]}
    rulebook.change(failing.pk, rulebook.clean_change(mended), by=TESTER)
    retry(event.pk, by=TESTER)
    work_off()

    assert Counter.objects.get(key="spent").value == 3
    assert not TierStanding.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(("days_ago", "lends"), [(29, True), (31, False)])
def test_a_late_event_lends_from_its_own_time(days_ago: int, lends: bool) -> None:
    world = make_world()
    make_track(world)
    add_rule(world, LEND)
    when = timezone.now() - timedelta(days=days_ago)

    ingest(NewEvent(world.program.pk, "ana", "late", when, {}), by=TESTER)
    work_off()

    [action] = Event.objects.get().outcome["rule_evaluations"][0]["actions"]
    assert action["expires_at"] == instants.written(when + timedelta(days=30))
    assert action.get("ignored") == (
        None if lends else "It would have ended before the event was processed."
    )
    ends = list(TierStanding.objects.values_list("expires_at", flat=True))
    assert ends == ([when + timedelta(days=30)] if lends else [])


@pytest.mark.django_db
def test_a_level_that_went_leaves_what_was_earned_and_says_so_with_the_next_change() -> None:
    world = make_world()
    track = make_track(world)
    set_tier("ana", "status", world.program.pk, TierChange("silver"), by=TESTER)
    soon = timezone.now() + timedelta(days=1)
    set_tier("ana", "status", world.program.pk, TierChange("gold", soon), by=TESTER)

    kept = TierTrackChangeSerializer.read({"levels": LEVELS[:1]})
    tracks.change(track.pk, kept, by=TESTER)
    add_rule(world, {"type": "TAG", "tag": "x"}, condition='participant.tiers.status.level == "silver"')  # fmt: skip
    happen(world)
    work_off()
    assert Event.objects.get().outcome["rule_evaluations"][0]["outcome"] == "matched"
    clear_tier("ana", "status", world.program.pk, by=TESTER)

    assert levels()[-2:] == [("status", "gold", "silver"), ("status", "silver", None)]
    assert not TierStanding.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("override", [{}, {"pinned": True}, {"expires_at": True}])
def test_the_chore_writes_the_end_of_levels_that_a_track_has_no_more(
    monkeypatch: pytest.MonkeyPatch, override: dict[str, Any]
) -> None:
    monkeypatch.setattr("participants.state.tiers.ENDED_AT_ONCE", 2)
    world = make_world("ana", "bo", "cy", "di")
    track = make_track(world)
    if "expires_at" in override:
        override = {"expires_at": timezone.now() + timedelta(days=1)}
    for who in ("ana", "bo", "cy"):
        set_tier(who, "status", world.program.pk, TierChange("silver"), by=TESTER)
        set_tier(who, "status", world.program.pk, TierChange("gold", **override), by=TESTER)
    set_tier("di", "status", world.program.pk, TierChange("", pinned=True), by=TESTER)
    before = set(StateChange.objects.values_list("pk", flat=True))

    kept = TierTrackChangeSerializer.read({"levels": LEVELS[:1]})
    tracks.change(track.pk, kept, by=TESTER)
    assert list(expire_due(by=TESTER)) == [2, 1]
    assert list(expire_due(by=TESTER)) == []

    rows = StateChange.objects.exclude(pk__in=before).filter(key="status")
    left = "silver" if override else None
    assert (
        list(rows.values_list("old_value", "new_value", "changed_by"))
        == [("gold", left, "tier_track:status v2")] * 3
    )
    assert (
        sorted(TierStanding.objects.values_list("level", flat=True))
        == ["", *["silver"] * 3][: 4 if override else 1]
    )


@pytest.mark.django_db(transaction=True)
def test_events_calls_and_the_chore_at_once_leave_one_chain_of_history() -> None:
    world = make_world()
    make_track(world)
    add_rule(world, COUNT, LEND)
    soon = timezone.now() + timedelta(milliseconds=300)
    set_tier("ana", "status", world.program.pk, TierChange("gold", soon), by=TESTER)
    for _ in range(4):
        happen(world)

    def put(level: str) -> None:
        set_tier("ana", "status", world.program.pk, TierChange(level), by=TESTER)

    at_once(
        [
            work_off,
            work_off,
            lambda: put("silver"),
            lambda: put(""),
            lambda: list(expire_due(by=TESTER)),
            lambda: list(expire_due(by=TESTER)),
        ]
    )
    work_off()

    chain = [(old, new) for key, old, new in levels() if key == "status"]
    assert all(new == old for (_, new), (old, _) in itertools.pairwise(chain))
    assert all(old != new for old, new in chain)
