"""Demo data that quickstart creates in an empty Laurel: a program with an asset, a tier track, rules and participants."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from participants import state
from participants.events import ingest, process
from participants.events.request import NewEvent
from participants.models import Participant
from participants.state import Change
from participants.state.changes import AttributeValue
from programs import assets, rulebook, tracks
from programs.api.tiers import NewTierTrackSerializer
from programs.kernel import decimals
from programs.kernel.actors import Actor
from programs.models import Program

PROGRAM = UUID("019ab000-0000-7000-8000-000000000001")

_TRACK = {
    "key": "status",
    "display_name": "Status",
    "levels": [
        {
            "key": key,
            "rank": rank,
            "display_name": key.capitalize(),
            "qualification": {
                "mode": "ALL",
                "criteria": [{"counter": "spent", "operator": ">=", "threshold": spent}],
            },
            "benefits": benefits,
        }
        for rank, (key, spent, benefits) in enumerate(
            [
                ("bronze", "100", ["birthday gift"]),
                ("silver", "500", ["birthday gift", "free delivery"]),
                ("gold", "1000", ["birthday gift", "free delivery", "own hotline"]),
            ],
            start=1,
        )
    ],
}
_PURCHASE = 'event.type == "purchase"'
# Name, condition and actions; each CREDIT is of the demo's asset.
_RULES: list[tuple[str, str, list[dict[str, Any]]]] = [
    (
        "A point for each euro",
        _PURCHASE,
        [
            {"type": "CREDIT", "amount": "event.amount", "description": "Purchase"},
            {"type": "COUNTER", "key": "spent", "value": "event.amount"},
            {"type": "COUNTER", "key": "purchases", "value": "1"},
        ],
    ),
    (
        "Half as much again for VIPs",
        f'{_PURCHASE} && "vip" in participant.tags',
        [
            {
                "type": "CREDIT",
                "amount": "round(event.amount * 0.5, 2)",
                "description": "VIP bonus",
            }
        ],
    ),
    (
        "Big spenders",
        'get(participant.counters, "spent", 0) >= 1000 && !("big-spender" in participant.tags)',
        [{"type": "TAG", "tag": "big-spender"}],
    ),
]
# Number, tags, attributes, purchases.
_PEOPLE: list[tuple[str, list[str], dict[str, AttributeValue], list[str]]] = [
    ("1001", ["vip", "newsletter"], {"plan": "premium", "cards": 2}, ["980.10", "1500.00"]),
    ("1002", ["newsletter"], {"plan": "free", "cards": 1}, ["59.90", "60.50"]),
    ("1003", ["vip"], {"plan": "premium", "birthday_month": 5}, ["702.00"]),
    ("1004", [], {"plan": "free", "cards": 0}, []),
    ("1005", ["wholesale"], {"plan": "business", "invoiced": True}, ["9800.00", "9804.99"]),
]


def make(*, by: Actor) -> None:
    """Create the demo data, unless there are programs or participants already."""
    if Program.objects.exists() or Participant.objects.exists():
        return
    program = Program.objects.create(
        id=PROGRAM, name="Demo rewards", description="Made by quickstart, to look around in."
    )
    points = assets.create(
        {"name": "Points", "symbol": "POINTS", "scale": 2}, program_ids=[program.pk]
    )
    tracks.create(program.pk, NewTierTrackSerializer.read(_TRACK), by=by)
    for name, condition, actions in _RULES:
        credited = [
            {**action, "asset_id": str(points.pk)} if action["type"] == "CREDIT" else action
            for action in actions
        ]
        rule = {"program_id": str(PROGRAM), "name": name, "condition": condition}
        rulebook.create(rulebook.clean_new({**rule, "actions": credited}), by=by)
    for number, tags, attributes, purchases in _PEOPLE:
        external_id = f"customer-{number}"
        profile = {"display_name": f"Customer {number}", "email": f"{external_id}@example.com"}
        change = Change(profile=profile, tags=tags, attributes=attributes, program_id=PROGRAM)
        made = state.change(change, to=external_id, by=by, rights=state.ALL_RIGHTS)
        ingest.ingest_each(_purchases(external_id, purchases), by=by)
        process.process_now(made.participant_id)


def _purchases(external_id: str, amounts: list[str]) -> list[NewEvent]:
    return [
        NewEvent(
            PROGRAM,
            external_id,
            f"order-{external_id}-{number}",
            timezone.now() - timedelta(days=30 * (len(amounts) - number)),
            {"type": "purchase", "amount": decimals.read(amount), "order_id": f"A-{number}"},
        )
        for number, amount in enumerate(amounts)
    ]
