"""What is imported long after it happened counts, matures and is entered as if it had come in time."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from participants.events import ingest, process
from participants.events.request import NewEvent
from participants.models import Balance, Event, JournalEntry, Maturity, Participant, TierStanding
from programs import rulebook, tracks
from programs.api.tiers import NewTierTrackSerializer
from programs.models import Program
from tests.conftest import TESTER
from tests.participants.ledger_world import World, make_world


@pytest.fixture
def world(db: None) -> World:
    world = make_world("ana")
    Program.objects.update(time_zone="Europe/Berlin")
    return world


def rule(world: World, *actions: dict[str, Any], condition: str = "true") -> None:
    body = {"program_id": str(world.program.pk), "name": "R", "condition": condition}
    rulebook.create(rulebook.clean_new({**body, "actions": list(actions)}), by=TESTER)


def credit(world: World, **more: str) -> dict[str, Any]:
    return {"type": "CREDIT", "asset_id": str(world.asset.pk), "amount": "1", **more}


def visits(**window: str) -> dict[str, Any]:
    return {"type": "COUNTER", "key": "visits", "value": "1", **window}


def imported(world: World, *times: datetime) -> None:
    """Store visits at these times, in this order, and then process them together."""
    events = [
        NewEvent(world.program.pk, "ana", f"visit-{number}", time, {"type": "visit"})
        for number, time in enumerate(times)
    ]
    ingest.ingest_each(events, by=TESTER)
    assert process.process_now(Participant.objects.get().pk) == len(times)
    assert not Event.objects.exclude(status="COMPLETED").exists()


@pytest.mark.parametrize("window", [{"reset_after": "24h"}, {"reset": "DAY"}])
def test_three_daily_visits_that_are_imported_together_earn_three_rewards(
    world: World, window: dict[str, str]
) -> None:
    first_today = 'get(participant.counters, "visits", 0) == 0'
    rule(world, credit(world), visits(**window), condition=first_today)
    days = [datetime(2025, 5, day, 10, tzinfo=UTC) for day in (1, 2, 3)]

    imported(world, *days)

    entries = JournalEntry.objects.order_by("sequence")
    assert [entry.effective_at for entry in entries] == days
    assert Balance.objects.get().available == 3


@pytest.mark.parametrize(
    ("window", "level"), [({"reset": "MONTH"}, ""), ({"reset_after": "30d"}, ""), ({"reset": "YEAR"}, "gold")]
)  # fmt: skip
def test_a_year_of_monthly_visits_is_gold_only_where_a_year_is_counted(
    api: APIClient, world: World, window: dict[str, str], level: str
) -> None:
    criterion = {"counter": "visits", "operator": ">=", "threshold": "12"}
    gold = {"key": "gold", "rank": 1, "qualification": {"mode": "ALL", "criteria": [criterion]}}
    track = NewTierTrackSerializer.read({"key": "status", "levels": [gold]})
    tracks.create(world.program.pk, track, by=TESTER)
    rule(world, visits(**window))

    imported(world, *(datetime(2024, month, 15, 10, tzinfo=UTC) for month in range(1, 13)))

    assert [standing.level for standing in TierStanding.objects.all()] == [level] * bool(level)
    # By the time of reading, all of it is over.
    state = "/v1/participants/external:ana/state"
    assert api.get(f"{state}/counters/visits").json()["value"] == "0"
    tier = api.get(f"{state}/tiers/status", {"program_id": str(world.program.pk)}).json()
    assert tier["level"] == level
    if not level:
        [missing] = tier["progress"]["criteria"]
        assert (missing["value"], missing["missing"]) == ("0", "12")


def test_a_credit_matures_by_the_events_time(world: World) -> None:
    rule(world, credit(world, matures_at="30d"))
    now = Participant.objects.get().updated_at.replace(microsecond=0)
    recent = now - timedelta(days=29)

    imported(world, now - timedelta(days=31), recent)

    assert Maturity.objects.get().matures_at == recent + timedelta(days=30)
    balance = Balance.objects.get()
    assert (balance.available, balance.deferred) == (Decimal(1), Decimal(1))


def test_the_effect_of_a_late_visit_says_so(api: APIClient, world: World) -> None:
    rule(world, visits(reset="DAY"))

    imported(world, datetime(2025, 5, 1, 22, tzinfo=UTC), datetime(2025, 5, 1, 21, tzinfo=UTC))

    event = api.get(f"/v1/events/{Event.objects.latest('sequence').pk}").json()
    assert event["rule_evaluations"][0]["actions"] == [
        {
            "type": "COUNTER",
            "key": "visits",
            "value": "1",
            "before": "1",
            "after": "2",
            "late": True,
            "last_reset_at": "2025-05-01T22:00:00.000000Z",
        }
    ]


def test_another_time_zone_applies_from_now_on(api: APIClient, world: World) -> None:
    rule(world, credit(world), condition='get(participant.counters, "visits", 0) == 0')
    rule(world, visits(reset="DAY"))
    imported(world, datetime(2025, 5, 1, 21, tzinfo=UTC))  # Berlin's day ends at 22:00

    api.patch(f"/v1/programs/{world.program.pk}", {"time_zone": "Pacific/Honolulu"})

    times = [datetime(2025, 5, 1, 21, 59, tzinfo=UTC), datetime(2025, 5, 1, 22, tzinfo=UTC)]
    later = [datetime(2025, 5, 2, 9, 59, tzinfo=UTC), datetime(2025, 5, 2, 10, tzinfo=UTC)]
    for number, time in enumerate([*times, *later]):
        event = NewEvent(world.program.pk, "ana", f"later-{number}", time, {"type": "visit"})
        ingest.ingest_each([event], by=TESTER)
    process.process_now(Participant.objects.get().pk)

    paid = [entry.effective_at for entry in JournalEntry.objects.order_by("sequence")]
    assert paid == [datetime(2025, 5, 1, 21, tzinfo=UTC), times[1], later[1]]
