"""The figures of real purchases are the sums of their journal and events."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings

from participants.events.ingest import ingest_each
from participants.events.request import NewEvent
from participants.models import Measure
from participants.reports import figures
from participants.reports.figures import Period
from participants.reports.fold import fold
from programs import programs
from programs.kernel import instants
from tests.conftest import TESTER
from tests.participants.events.workers import add_rule, credit, work_off
from tests.participants.ledger_world import make_world
from tests.participants.reports.sums import counted, summed

PURCHASES: Path = settings.BASE_DIR.parent / "shared/data/cdnow_sample_events.jsonl"

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.skipif(not PURCHASES.exists(), reason="The data of CDNOW's customers is not here."),
]


def test_figures_are_those_of_a_sum_over_the_journal() -> None:
    world = make_world()
    programs.change(world.program.pk, {"time_zone": "America/New_York"}, by=TESTER)
    world.program.refresh_from_db()
    add_rule(world, credit(world, "event.amount"), name="Points", condition="event.amount > 0.0")
    add_rule(world, credit(world, "event.quantity"), condition="event.quantity > 2", name="Many")
    lines = [json.loads(line, parse_float=Decimal) for line in PURCHASES.open()]
    events = [
        NewEvent(
            world.program.pk,
            line["external_id"],
            line["idempotency_key"],
            instants.read(line["event_timestamp"]),
            line["event_data"],
        )
        for line in lines
    ]
    for first in range(0, len(events), 1000):
        ingest_each(events[first : first + 1000], by=TESTER)
    work_off()

    expected = summed(world.program)
    assert counted(world.program) == expected
    sum(fold(by=TESTER))

    assert counted(world.program) == expected
    whole = Period(date(1997, 1, 1), date(1998, 12, 31), ZoneInfo("America/New_York"))
    found = figures.of_programs({world.program.pk: whole})[world.program.pk]
    assert found.total(Measure.EVENTS) == len(events)
    spent = sum(line["event_data"]["amount"] for line in lines)
    many = sum(
        line["event_data"]["quantity"] for line in lines if line["event_data"]["quantity"] > 2
    )
    assert found.total(Measure.ISSUED, world.asset.pk) == spent + many
    assert figures.outstanding([world.asset.pk]) == {world.asset.pk: spent + many}
