"""The facts that the examples are evaluated with."""

import copy
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from programs.rules.values import written

FACTS: Final[Mapping[str, Any]] = {
    "event": {
        "type": "purchase",
        "amount": Decimal("99.5"),
        "currency": "EUR",
        "order-id": "A-1001",
        "coupon": None,
        "when": "2026-01-15T09:00:00Z",
        "items": [
            {"sku": "COFFEE-250", "quantity": 2, "price": Decimal("12.50")},
            {"sku": "MUG-1", "quantity": 1, "price": Decimal("74.50")},
        ],
    },
    "participant": {
        "id": "0196f0c0-0000-7000-8000-000000000001",
        "external_id": "customer-1001",
        "status": "ACTIVE",
        "tags": ["new", "vip"],
        "attributes": {"plan": "premium", "age": 34},
        "counters": {"visits": Decimal(9)},
        "tiers": {"status": {"level": "gold", "rank": 2}},
        "balances": {
            "PTS": {"available": Decimal(1200), "held": Decimal(0), "deferred": Decimal(50)}
        },
        "created_at": datetime(2025, 12, 1, tzinfo=UTC),
    },
    "program": {"id": "0196f0c0-0000-7000-8000-000000000002", "name": "Club"},
    "now": datetime(2026, 1, 15, 10, 30, tzinfo=UTC),
}


def changed_facts(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Copy FACTS with other values at some paths ("event.amount")."""
    facts: dict[str, Any] = copy.deepcopy(dict(FACTS))
    for path, value in changes.items():
        *containers, name = path.split(".")
        place = facts
        for container in containers:
            place = place[container]
        place[name] = value
    return facts


def changes_in_words(changes: Mapping[str, Any]) -> tuple[str, ...]:
    """Describe the changes as the page does: "event.amount is 50"."""
    return tuple(f"{_spelled(path)} is {_as_given(value)}" for path, value in changes.items())


def _spelled(path: str) -> str:
    return re.sub(r"\.([^.]*-[^.]*)", r'["\1"]', path)


def _as_given(value: Any) -> str:
    # A Decimal is shown as written: some examples are about 50.0 being the same as 50.
    return f"{value:f}" if isinstance(value, Decimal) else written(value)
