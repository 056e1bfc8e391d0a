"""Demo data that quickstart creates in an empty Laurel: a program with an asset, a tier track, rules and participants."""

import tomllib
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from django.utils import timezone

from participants import state
from participants.events import ingest, process
from participants.events.request import NewEvent
from participants.models import Participant
from participants.state import Change
from programs import assets, programs, rulebook, tracks
from programs.api.tiers import NewTierTrackSerializer
from programs.kernel import decimals
from programs.kernel.actors import Actor
from programs.models import Program

PROGRAM = UUID("019ab000-0000-7000-8000-000000000001")

_DATA = tomllib.loads(Path(__file__).with_name("demo.toml").read_text(encoding="utf-8"))


def make(*, by: Actor) -> None:
    """Create the demo data, unless there are programs or participants already."""
    if Program.objects.exists() or Participant.objects.exists():
        return
    program = programs.create(
        {
            "id": PROGRAM,
            "name": "Demo rewards",
            "description": "Made by quickstart, to look around in.",
            "time_zone": "Europe/Berlin",
        }
    )
    points = assets.create(
        {"name": "Points", "symbol": "POINTS", "scale": 2}, program_ids=[program.pk]
    )
    tracks.create(program.pk, NewTierTrackSerializer.read(_DATA["track"]), by=by)
    for rule in _DATA["rules"]:
        credited = [
            {**action, "asset_id": str(points.pk)} if action["type"] == "CREDIT" else action
            for action in rule["actions"]
        ]
        body = {**rule, "program_id": str(PROGRAM), "actions": credited}
        rulebook.create(rulebook.clean_new(body), by=by)
    for participant in _DATA["participants"]:
        external_id = f"customer-{participant['number']}"
        change = Change(
            profile={
                "display_name": f"Customer {participant['number']}",
                "email": f"{external_id}@example.com",
            },
            tags=participant["tags"],
            attributes=participant["attributes"],
            program_id=PROGRAM,
        )
        made = state.change(change, to=external_id, by=by, rights=state.ALL_RIGHTS)
        ingest.ingest_each(_purchases(external_id, participant["purchases"]), by=by)
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
