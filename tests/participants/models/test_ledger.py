from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from participants.models import Balance
from tests.participants.ledger_world import World, make_world


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 0},
        {"amount": -1},
        {"source": "AVAILABLE"},
        {"source": "ISSUANCE", "destination": "REDEMPTION"},
        {"source": "NOWHERE"},
        {"held": -1},
        {"sequence": 0},
    ],
)
def test_the_database_refuses_an_entry_that_cannot_be(world: World, change: dict[str, Any]) -> None:
    world.credit("10")
    assignments = ", ".join(f"{column} = %s" for column in change)

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE participants_journalentry SET {assignments}", list(change.values()))


@pytest.mark.parametrize(
    "change", [{"available": -1}, {"held": -1}, {"deferred": -1, "overdrawn": True}]
)
def test_the_database_refuses_a_balance_below_zero(world: World, change: dict[str, Any]) -> None:
    world.credit("10")

    with pytest.raises(IntegrityError), transaction.atomic():
        Balance.objects.update(**change)
