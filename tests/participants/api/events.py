"""Calls about events."""

from typing import Any

from participants.events import process
from programs import rulebook
from programs.models import Rule
from tests.conftest import TESTER
from tests.participants.ledger_world import World


def make_rule(world: World, **given: Any) -> Rule:
    body = {
        "program_id": str(world.program.pk),
        "name": "Points",
        "condition": 'event.type == "purchase"',
        "actions": [
            {"type": "CREDIT", "asset_id": str(world.asset.pk), "amount": "event.amount"},
            {"type": "COUNTER", "key": "purchases", "value": "1"},
        ],
        **given,
    }
    return rulebook.create(rulebook.clean_new(body), by=TESTER)


def work_off() -> int:
    return sum(process.drain())
