from datetime import timedelta

import pytest
from django.utils import timezone

from participants.models import ActionType
from programs.models import Asset, AssetLink
from tests.participants.ledger_world import World, make_world


@pytest.fixture
def world(db: None) -> World:
    """Ana with six entries of two assets, 4 of them deferred; bo with two."""
    world = make_world("ana", "bo")
    world.credit("10")
    world.credit("4", matures_at=timezone.now() + timedelta(hours=1))
    world.move(ActionType.HOLD, "3.50")
    world.debit("1")
    miles = Asset.objects.create(name="Miles", symbol="MIL", scale=0)
    AssetLink.objects.create(program=world.program, asset=miles)
    World(world.program, miles).credit("100")
    world.credit("2")
    for amount in ("20", "1"):
        world.credit(amount, of="bo")
    return world
