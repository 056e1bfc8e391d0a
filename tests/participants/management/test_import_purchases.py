"""Real purchases come to exact totals, however they are imported and processed."""

import contextlib
import json
import random
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.db.models import Count, Sum

from participants.events import process
from participants.models import Counter, JournalEntry, Participant, TierStanding
from programs import tracks
from programs.api.tiers import NewTierTrackSerializer
from programs.models import Asset, AssetLink, Program
from tests.conftest import TESTER
from tests.participants.management.importing_events import (
    ended,
    import_events,
    make_rule,
    output,
    running,
)
from tests.participants.management.imports import Ended, written

PEOPLE = settings.BASE_DIR.parent / "shared/data/cdnow_sample_participants.jsonl"
EVENTS = PEOPLE.with_name("cdnow_sample_events.jsonl")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


needs_purchases = pytest.mark.skipif(
    not EVENTS.exists(), reason=f"{EVENTS.name} is not beside this project."
)


# Noon in UTC, when each purchase is timed, is midnight here in winter, and the next day all year long.
ZONE = "Pacific/Auckland"
MONTHLY = 50  # money spent in a month that earns its reward

TOTALS = {
    "points": Decimal(239_444),
    "cash": Decimal("12208.59"),
    "spent": Decimal("244091.94"),
    "purchases": 6919,
    "levels": {"bronze": 539, "silver": 56, "gold": 20},
    "big spenders": 76,
    "cdnow-19339": ("6517", "6552.7", "56", "gold"),
}


@pytest.fixture
def shop(program: Program) -> Program:
    """A program that gives points and cash back, counts, raises, tags who spends much, and rewards days and months."""
    Program.objects.update(time_zone=ZONE)
    points = Asset.objects.create(name="Points", symbol="POINTS", scale=0)
    cash = Asset.objects.create(name="Cash back", symbol="CASH", scale=2)
    stars = Asset.objects.create(name="Once a day", symbol="STARS", scale=0)
    moons = Asset.objects.create(name="Once a month", symbol="MOONS", scale=0)
    for asset in (points, cash, stars, moons):
        AssetLink.objects.create(program=program, asset=asset)
    make_rule(
        program,
        "A point for each whole dollar",
        {"type": "CREDIT", "asset_id": str(points.pk), "amount": "event.amount"},
    )
    back = {"type": "CREDIT", "asset_id": str(cash.pk), "amount": "round(event.amount * 0.05, 2)"}
    make_rule(program, "Cash back", back)
    make_rule(
        program,
        "Count",
        {"type": "COUNTER", "key": "purchases", "value": "1"},
        {"type": "COUNTER", "key": "spent", "value": "event.amount"},
        condition='event.type == "purchase"',
    )
    make_rule(
        program,
        "Big spenders",
        {"type": "TAG", "tag": "big-spender"},
        condition="participant.counters.spent > 500.0",
    )
    make_rule(
        program,
        "Once a day",
        {"type": "CREDIT", "asset_id": str(stars.pk), "amount": "1"},
        {"type": "COUNTER", "key": "today", "value": "1", "reset": "DAY"},
        condition='get(participant.counters, "today", 0) == 0',
    )
    spent = {"type": "COUNTER", "key": "month", "value": "event.amount", "reset": "MONTH"}
    make_rule(program, "Spent in the month", spent)
    make_rule(
        program,
        "Once a month",
        {"type": "CREDIT", "asset_id": str(moons.pk), "amount": "1"},
        {"type": "COUNTER", "key": "rewarded", "value": "1", "reset": "MONTH"},
        condition=f'participant.counters.month >= {MONTHLY} && get(participant.counters, "rewarded", 0) == 0',
    )
    levels = [
        {
            "key": key,
            "rank": rank,
            "display_name": key.capitalize(),
            "qualification": {"mode": "ALL", "criteria": [criterion(threshold)]},
            "benefits": [],
        }
        for rank, (key, threshold) in enumerate(
            [("bronze", "100"), ("silver", "500"), ("gold", "1000")], 1
        )
    ]
    track = {"key": "status", "display_name": "Status", "levels": levels}
    tracks.create(program.pk, NewTierTrackSerializer.read(track), by=TESTER)
    return program


def criterion(threshold: str) -> dict[str, str]:
    return {"counter": "spent", "operator": ">=", "threshold": threshold}


def reckoned() -> dict[str, Any]:
    """The totals, with those of days and months reckoned from the file in plain Python."""
    days: set[tuple[str, date]] = set()
    months: dict[tuple[str, int, int], Decimal] = {}
    for line in EVENTS.read_text().splitlines():
        event = json.loads(line, parse_float=Decimal)
        moment = datetime.fromisoformat(event["event_timestamp"]).astimezone(ZoneInfo(ZONE))
        days.add((event["external_id"], moment.date()))
        month = (event["external_id"], moment.year, moment.month)
        months[month] = months.get(month, Decimal(0)) + event["event_data"]["amount"]
    rewarded = sum(spent >= MONTHLY for spent in months.values())
    return {**TOTALS, "days": len(days), "months": rewarded}


def totals() -> dict[str, Any]:
    """What the purchases have come to, read from the journal, the counters, the tiers and the people."""
    issued = JournalEntry.objects.order_by().values_list("asset__symbol").annotate(Sum("amount"))
    amounts = dict(issued)
    counters = dict(Counter.objects.order_by().values_list("key").annotate(Sum("value")))
    levels = TierStanding.objects.order_by().values_list("level").annotate(Count("id"))
    return {
        "points": amounts["POINTS"],
        "cash": amounts["CASH"],
        "days": amounts["STARS"],
        "months": amounts["MOONS"],
        "spent": counters["spent"],
        "purchases": counters["purchases"],
        "levels": dict(levels),
        "big spenders": Participant.objects.filter(tags__contains=["big-spender"]).count(),
        "cdnow-19339": holds("cdnow-19339"),
    }


def holds(external_id: str) -> tuple[str, ...]:
    """Points, money spent, purchases and level."""
    person = Participant.objects.get(external_id=external_id)
    counters = dict(person.counters.values_list("key", "value"))
    points = person.balances.get(asset__symbol="POINTS").available
    level = person.tier_standings.get().level
    numbers = (points, counters["spent"], counters["purchases"])
    return (*(f"{number.normalize():f}" for number in numbers), level)


def shuffled(file: Path) -> Path:
    """The purchases in another order across people; each person's own order stays."""
    lines: dict[str, list[bytes]] = {}
    for line in EVENTS.read_bytes().splitlines():
        lines.setdefault(json.loads(line)["external_id"], []).append(line)
    order = [external_id for external_id, own in lines.items() for _ in own]
    random.Random(7).shuffle(order)
    own = {external_id: iter(theirs) for external_id, theirs in lines.items()}
    return written(file, *(next(own[external_id]) for external_id in order))


@needs_purchases
@pytest.mark.slow
def test_real_purchases_come_to_the_exact_totals_and_once(shop: Program) -> None:
    people = ended("import_participants", PEOPLE, "--program", shop.pk)
    first = import_events(EVENTS, "--program", shop.pk, "--wait")
    after_first = totals()

    second = import_events(EVENTS, "--program", shop.pk, "--wait")

    processed = "processed: completed 6919, failed 0\n"
    assert people.stdout == "created 2357, updated 0, failed 0\n"
    assert first == Ended(f"stored 6919, known 0, failed 0\n{processed}", "", 0)
    assert second == Ended(f"stored 0, known 6919, failed 0\n{processed}", "", 0)
    assert after_first == reckoned()
    assert totals() == reckoned()
    assert ended("verify_ledger").code == 0


@needs_purchases
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_four_workers_at_once_come_to_the_same_totals_in_another_order(
    shop: Program, file: Path
) -> None:
    ended("import_participants", PEOPLE, "--program", shop.pk)

    with contextlib.ExitStack() as started:
        workers = [
            started.enter_context(running("process_events", "--batch", 50)) for _ in range(3)
        ]
        importing = started.enter_context(
            running("import_events", shuffled(file), "--program", shop.pk, "--wait")
        )
        told = output(importing)
        for worker in workers:
            worker.terminate()
            output(worker)

    assert told == "stored 6919, known 0, failed 0\nprocessed: completed 6919, failed 0\n"
    assert totals() == reckoned()
    assert ended("verify_ledger").code == 0


@needs_purchases
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_four_workers_work_off_what_waits_already_to_the_same_totals(shop: Program) -> None:
    import_events(EVENTS, "--program", shop.pk)

    with contextlib.ExitStack() as started:
        workers = [
            started.enter_context(running("process_events", "--once", "--batch", 100))
            for _ in range(4)
        ]
        for worker in workers:
            output(worker)
    left = process.process_batch()

    assert left == 0
    assert totals() == reckoned()
    assert ended("verify_ledger").code == 0
