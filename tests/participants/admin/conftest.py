from decimal import Decimal

import pytest

from participants import state
from participants.models import Participant
from programs.models import Asset, AssetLink, Program
from tests.conftest import TESTER
from tests.participants.admin.event_pages import make_rule
from tests.participants.ledger_world import World, make_world


@pytest.fixture
def ana(db: None) -> Participant:
    """A participant with a bit of everything that is easily lost on the way through a form."""
    change = state.Change(
        profile={"email": "ana@example.org", "first_name": "Ana\nMaria"},
        tags=["vip", " padded ", 'quoted "x', '"whole"', "two\nlines"],
        attributes={
            "price": Decimal("12345678901234567890.1234567890"),
            "visits": 3,
            "one": 1,
            "active": True,
            "note": " two\nlines ",
            " odd\nkey": "x",
            "first": "\nbreak",
        },
    )
    result = state.change(change, to="ana", by=TESTER, rights=state.ALL_RIGHTS)
    return Participant.objects.get(pk=result.participant_id)


@pytest.fixture
def points(program: Program) -> Asset:
    """What the program gives: whole points for purchases of more than 50."""
    points = Asset.objects.create(name="Points", symbol="POINTS", scale=0)
    AssetLink.objects.create(program=program, asset=points)
    credit = {"type": "CREDIT", "asset_id": str(points.pk), "amount": "event.amount"}
    make_rule(program, "Purchases", credit, condition="event.amount > 50.0")
    make_rule(program, "Visits", {"type": "TAG", "tag": "visitor"}, condition="event.visits == 1")
    count = {"type": "COUNTER", "key": "events", "value": "1"}
    make_rule(program, "Count", count)
    return points


@pytest.fixture
def world(db: None) -> World:
    """Ana, with nothing yet, in a program with points of two decimals."""
    return make_world()
