from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.participants.api.events import make_rule
from tests.participants.ledger_world import World, make_world

EVENTS = "/v1/events"
NOON = "2026-01-15T12:00:00Z"
Send = Callable[..., Any]


@pytest.fixture
def world(db: None) -> World:
    """Ana takes part in a program whose one rule gives a point for each whole unit of a purchase."""
    world = make_world("ana", scale=0)
    make_rule(world)
    return world


@pytest.fixture
def send(api: APIClient, world: World) -> Send:
    """Send an event of ana's; what is given replaces what stands here, and None leaves it out."""

    def send(key: str = "order-1", *, headers: dict[str, str] | None = None, **given: Any) -> Any:
        body = {
            "program_id": str(world.program.pk),
            "external_id": "ana",
            "idempotency_key": key,
            "event_timestamp": NOON,
            "event_data": {"type": "purchase", "amount": 12.5},
            **given,
        }
        body = {name: value for name, value in body.items() if value is not None}
        return api.post(EVENTS, body, headers=headers or {})

    return send
