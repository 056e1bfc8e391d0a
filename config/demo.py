"""What quickstart fills an empty Laurel with, to look around in: a program that gives out points, and people in it."""

from decimal import Decimal
from uuid import UUID

from participants import ledger, state
from participants.ledger import Movement
from participants.models import ActionType, Participant
from participants.state import Change
from participants.state.changes import AttributeValue
from participants.state.counters import CounterChange, set_counter
from participants.state.tiers import TierChange, set_tier
from programs import assets, tracks
from programs.actors import Actor
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
# Number, tags, attributes, points, spent, level.
_PEOPLE: list[tuple[str, list[str], dict[str, AttributeValue], str, str, str]] = [
    (
        "1001",
        ["vip", "newsletter"],
        {"plan": "premium", "orders": 42},
        "1250.50",
        "2480.10",
        "gold",
    ),
    ("1002", ["newsletter"], {"plan": "free", "orders": 3}, "61", "120.40", "bronze"),
    ("1003", ["vip"], {"plan": "premium", "birthday_month": 5}, "340.25", "702", "silver"),
    ("1004", [], {"plan": "free", "orders": 0}, "", "", ""),
    ("1005", ["wholesale"], {"plan": "business", "invoiced": True}, "9800", "19604.99", "gold"),
]


def make(*, by: Actor) -> None:
    """Make all of it; whoever has people or programs of their own gets none of ours."""
    if Program.objects.exists() or Participant.objects.exists():
        return
    program = Program.objects.create(
        id=PROGRAM, name="Demo rewards", description="Made by quickstart, to look around in."
    )
    points = assets.create(
        {"name": "Points", "symbol": "POINTS", "scale": 2}, program_id=program.pk
    )
    tracks.create(program.pk, tracks.clean_new(_TRACK), by=by)
    for number, tags, attributes, earned, spent, level in _PEOPLE:
        external_id = f"customer-{number}"
        profile = {"display_name": f"Customer {number}", "email": f"{external_id}@example.com"}
        change = Change(profile=profile, tags=tags, attributes=attributes, program_id=program.pk)
        state.apply(change, to=external_id, by=by, may_create=True)
        if not level:
            continue
        welcome = Movement(
            ActionType.CREDIT, program.pk, points.pk, "Welcome to the demo.", Decimal(earned)
        )
        ledger.post(welcome, of=external_id, by=by)
        set_counter(external_id, "spent", CounterChange(Decimal(spent)), by=by)
        set_tier(external_id, "status", program.pk, TierChange(level), by=by)
